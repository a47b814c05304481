"""The same functions on this machine: the real emulator, each memory size under its CPU quota.

The emulator's reports differ from Lambda's: a cold start's REPORT has INIT in its duration and a
wrong Init Duration, and Max Memory Used is always the memory size. INIT is taken from the
emulator's own log, and memory from the handler's answer. The emulator itself, a Go program, runs
inside the quota too.
"""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.memory.targets import lambda_log
from benchmarks.memory.targets.interface import Figures, Target
from benchmarks.memory.targets.invocation import Configuration
from emulator import quota, sizes
from emulator.function import Emulator
from emulator.runtime import HANDLER

# Each engine's task folder, and the other folders on its path.
ENGINES = {
    "bcrypt_batch": (HANDLER, ""),
    "pyca": (Path(__file__).parent / "pyca_engine", str(HANDLER)),
}
REPORT_TIMEOUT_S = 5.0


class EmulatorTarget(Target):
    """One emulator for each configuration, started with its first invocation.

    Args:
        configurations: The functions, all of this machine's architecture.
        timeout_s: The functions' timeout.
    """

    name = "emulator"

    def __init__(self, configurations: list[Configuration], *, timeout_s: int) -> None:
        super().__init__(configurations)
        self._timeout_s = timeout_s
        self._running: dict[Configuration, Running] = {}

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:  # ends each emulator, even if ending another fails
            for running in self._running.values():
                stack.callback(running.close)
        self._running.clear()

    def make_cold(self, configuration: Configuration) -> None:
        if running := self._running.pop(configuration, None):
            running.close()

    def timeout_s(self, configuration: Configuration) -> int:
        return self._timeout_s

    def expected_workers(self, configuration: Configuration) -> int:
        return min(sizes.workers(configuration.memory_mb), quota.cpus())

    def claimed(self, configuration: Configuration) -> bool:
        return quota.suffices(configuration.memory_mb)

    def _send(self, configuration: Configuration, payload: bytes) -> Any:
        if configuration not in self._running:
            self._running[configuration] = Running(configuration, self._timeout_s)
        emulator = self._running[configuration].emulator
        before = len(emulator.log)
        self._count()
        answer = emulator.post(payload)
        return {"Payload": io.BytesIO(answer), "Log": _reported(emulator, before)}

    def _figures(
        self, configuration: Configuration, response: Any, answer: dict[str, Any]
    ) -> Figures:
        log: str = response["Log"]
        memory_kb = answer.get("memory_used_kb")
        memory_mb = None if memory_kb is None else round(memory_kb / 1024, 1)
        found = (lambda_log.parse(log) or Figures())._replace(
            init_ms=None, memory_used_mb=memory_mb
        )
        if found.duration_ms is None or "INIT REPORT(" not in log:
            return found
        init_ms = round(self._running[configuration].emulator.init_ms, 3)
        return found._replace(
            duration_ms=round(max(0.0, found.duration_ms - init_ms), 3), init_ms=init_ms
        )


class Running:
    """An emulator under its quota."""

    def __init__(self, configuration: Configuration, timeout_s: int) -> None:
        task, path = ENGINES[configuration.engine]
        with ExitStack() as stack:
            allowed = stack.enter_context(quota.Quota(configuration.memory_mb))
            self.emulator = stack.enter_context(
                Emulator(
                    memory_mb=configuration.memory_mb,
                    timeout_s=timeout_s,
                    task=task,
                    path=path,
                    prefix=allowed.prefix,
                )
            )
            self.close = stack.pop_all().close


def _reported(emulator: Emulator, start: int) -> str:
    """Return the log from `start` on, with the report that comes after the answer."""
    give_up = time.monotonic() + REPORT_TIMEOUT_S
    while True:
        log = emulator.log[start:]
        if lambda_log.parse(log) or time.monotonic() > give_up:
            return log
        time.sleep(0.002)
