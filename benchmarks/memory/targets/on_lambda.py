"""Functions on AWS, named as benchmarks/template.yaml names them: STACK-ARCHITECTURE-MEMORY.

In a stack's name x86_64 is x8664: CloudFormation takes no underscore.
"""

from __future__ import annotations

import base64
import uuid
from contextlib import ExitStack
from typing import Any

from benchmarks.memory.targets import clients, lambda_log
from benchmarks.memory.targets.interface import Figures, Target
from benchmarks.memory.targets.invocation import Configuration
from emulator import sizes
from emulator.problem import Problem

# A change of this variable makes Lambda start a new environment; it is removed at the end.
COLD_START_VARIABLE = "BENCHMARK_COLD_START"


def function_name(stack: str, configuration: Configuration) -> str:
    """Return a function's name."""
    architecture = configuration.architecture.replace("_", "")
    return f"{stack}-{architecture}-{configuration.memory_mb}"


class LambdaTarget(Target):
    """Functions of the stacks STACK-arm64 and STACK-x8664.

    Args:
        configurations: The functions to invoke.
        stack: STACK.
        region: The region; None for the region of the environment or profile.
        qualifier: The version or alias to invoke; None for the latest code.
    """

    name = "lambda"

    def __init__(
        self,
        configurations: list[Configuration],
        *,
        stack: str,
        region: str | None = None,
        qualifier: str | None = None,
    ) -> None:
        super().__init__(configurations)
        self._stack = stack
        # Left out if not given: permissions for a function don't cover its "$LATEST".
        self._qualified = {"Qualifier": qualifier} if qualifier else {}
        self._client = clients.client(region)
        self._client.meta.events.register("request-created", self._count)
        self._settings: dict[Configuration, dict[str, Any]] = {}
        self._changed: set[Configuration] = set()

    def __exit__(self, *_: object) -> None:
        """Remove the variable that made functions start cold."""
        with ExitStack() as stack:  # restores each function, even if restoring another fails
            for configuration in sorted(self._changed, reverse=True):
                stack.callback(self._update, configuration, self._variables(configuration))

    def make_cold(self, configuration: Configuration) -> None:
        if self._qualified:
            raise Problem(
                "a version can't be changed, so its cold starts can't be forced: "
                "leave out --qualifier, or measure without cold starts"
            )
        variables = self._variables(configuration)
        self._changed.add(configuration)
        self._update(configuration, {**variables, COLD_START_VARIABLE: uuid.uuid4().hex})

    def timeout_s(self, configuration: Configuration) -> int:
        return int(self._setting(configuration)["Timeout"])

    def expected_workers(self, configuration: Configuration) -> int:
        asked = self._variables(configuration).get("WORKER_COUNT")
        return int(asked) if asked else sizes.workers(configuration.memory_mb)

    def _send(self, configuration: Configuration, payload: bytes) -> Any:
        return self._client.invoke(
            FunctionName=function_name(self._stack, configuration),
            LogType="Tail",
            Payload=payload,
            **self._qualified,
        )

    def _figures(
        self, configuration: Configuration, response: Any, answer: dict[str, Any]
    ) -> Figures:
        log = base64.b64decode(response.get("LogResult", "")).decode(errors="replace")
        return lambda_log.parse(log) or Figures()

    def _setting(self, configuration: Configuration) -> dict[str, Any]:
        """Return the function's configuration before any change made here."""
        if configuration not in self._settings:
            with clients.explained():
                self._settings[configuration] = self._client.get_function_configuration(
                    FunctionName=function_name(self._stack, configuration), **self._qualified
                )
        return self._settings[configuration]

    def _variables(self, configuration: Configuration) -> dict[str, str]:
        environment = self._setting(configuration).get("Environment", {})
        if "Error" in environment:  # variables that can't be read can't be kept
            raise Problem(f"environment variables: {environment['Error'].get('Message')}")
        variables = dict(environment.get("Variables", {}))
        variables.pop(COLD_START_VARIABLE, None)  # left by a killed run
        return variables

    def _update(self, configuration: Configuration, variables: dict[str, str]) -> None:
        name = function_name(self._stack, configuration)
        with clients.explained():
            self._client.update_function_configuration(
                FunctionName=name, Environment={"Variables": variables}
            )
            self._client.get_waiter("function_updated_v2").wait(FunctionName=name)
