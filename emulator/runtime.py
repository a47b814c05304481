"""Run the handler under the real runtime client, awslambdaric, as a process of this machine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emulator.problem import Problem

HANDLER = Path(__file__).parent.parent / "handler"
RAISED = r"\[ERROR\] (\w+: .+?)\s*Traceback"  # how the runtime client logs an exception


class Runtime:
    """The runtime client with the handler, in a session of its own, and its log.

    Args:
        memory_mb: The function's memory size, passed to the handler in its environment.
        timeout_s: The function's timeout.
        environment: Further environment variables of the function.
        task: The folder that is /var/task on Lambda.
        path: PYTHONPATH; on Lambda it has the layers' folders.
        python: The interpreter; it needs awslambdaric.
        prefix: A command that runs the rest of its arguments, as `nice` does.
    """

    def __init__(
        self,
        *,
        memory_mb: int = 3538,
        timeout_s: int = 60,
        environment: dict[str, str] | None = None,
        task: Path = HANDLER,
        path: str = "",
        python: str = sys.executable,
        prefix: Sequence[str] = (),
    ) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": path,
            "AWS_LAMBDA_FUNCTION_NAME": "function",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
            **(environment or {}),
        }
        self._task = task
        self._python = python
        self._prefix = prefix
        self._timeout_s = timeout_s
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)

    def __exit__(self, *_: object) -> None:
        self._end()
        self._log.close()

    def _start(self, *above: str | Path) -> None:
        """Start the runtime client with the handler; `above` is a command that runs it."""
        self._log.seek(0)
        self._log.truncate()
        self._process = subprocess.Popen(
            [*self._prefix, *above, self._python, "-m", "awslambdaric", "app.handler"],
            cwd=self._task,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _end(self) -> None:
        with suppress(ProcessLookupError):  # it ended by itself
            os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait()

    def _no_answer(self, why: str) -> Problem:
        """Return the error of a function that could not start, or ran out of time."""
        raised = re.findall(RAISED, self.log)
        if raised:
            why += f"; the function raised {raised[-1]}"
        return Problem(f"the log:\n{self.log.strip()}\nno answer: {why}")

    @property
    def process_id(self) -> int:
        """The process at the top; the function's process is this one or its child."""
        return self._process.pid

    @property
    def log(self) -> str:
        """The output so far of the function and of the programs that run it."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(
            errors="replace"
        )
