"""Run the handler under AWS's Runtime Interface Emulator with the real runtime client.

The emulator comes from the SAM CLI's wheel on PyPI; the client is awslambdaric. Unlike Lambda, the
emulator limits neither memory nor CPU time, and takes one invocation at a time.
"""

from __future__ import annotations

import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from emulator import ports
from emulator.problem import Problem

PROJECT = Path(__file__).parent.parent
HANDLER = PROJECT / "handler"
BINARY = Path(sys.prefix) / "bin" / "aws-lambda-rie"
START_TIMEOUT_S = 30
PORT_TAKEN = "bind: address already in use"  # the emulator's last words
RAISED = r"\[ERROR\] (\w+: .+?)\s*Traceback"  # by the runtime client, of an exception
INVOCATIONS = "/2015-03-31/functions/function/invocations"

# What Lambda calls this machine's architecture.
ARCHITECTURE = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]


def fetch() -> Path:
    """Put the emulator beside this environment's Python, unless it is there; return its path.

    Raises:
        Problem: It can't be downloaded.
    """
    if not BINARY.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            group = ["--group", f"{PROJECT / 'pyproject.toml'}:sam"]
            if subprocess.run([*command, *group, "--dest", folder], check=False).returncode:
                raise Problem(
                    "the emulator could not be downloaded; pip says why above. It is in the wheel "
                    "of aws-sam-cli, which needs PyPI, or a mirror that pip is configured for, "
                    f"once: {BINARY} stays. pip must be 25.1 or newer: {sys.executable} -m pip "
                    "install --upgrade pip"
                )
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(f"samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}")
        BINARY.write_bytes(content)
        BINARY.chmod(0o755)
    return BINARY


class Emulator:
    """The handler behind an HTTP port on this machine, as a context manager.

    Raises a Problem, with the log, if the emulator or the function doesn't start or answer.

    Args:
        memory_mb: The function's memory size, passed to the handler in its environment.
        timeout_s: The function's timeout, which the emulator enforces.
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

    def __enter__(self) -> Emulator:
        give_up = time.monotonic() + START_TIMEOUT_S
        self._start()
        while not ports.listens(self._process.pid, self._ports):
            has_ended = self._process.poll() is not None
            if has_ended and PORT_TAKEN in self.log and time.monotonic() < give_up:
                self._end()
                self._start()
            elif has_ended or time.monotonic() > give_up:
                log = self.log
                self.__exit__()
                raise Problem(f"the emulator did not start:\n{log}")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        self._log.close()

    def _start(self) -> None:
        self._ports = ports.free(2)
        invocations, runtime = (f"{ports.LOOPBACK}:{port}" for port in self._ports)
        self._log.seek(0)
        self._log.truncate()
        self._process = subprocess.Popen(
            [
                *self._prefix,
                fetch(),
                *("--log-level", "info"),
                *("--runtime-interface-emulator-address", invocations),
                *("--runtime-api-address", runtime),
                *(self._python, "-m", "awslambdaric", "app.handler"),
            ],
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

    def invoke(self, event: Any) -> Any:
        """Send an event and return the function's answer; an error is JSON too."""
        if self._process.poll() is not None:  # another process may have its port by now
            raise Problem(f"the emulator has ended; the log:\n{self.log}")
        patience_s = self._timeout_s + START_TIMEOUT_S
        # Not urllib.request, which takes 16 ms a request to load certificates since Python 3.13.
        connection = HTTPConnection(ports.LOOPBACK, self._ports[0], timeout=patience_s)
        try:
            connection.request("POST", INVOCATIONS, json.dumps(event).encode())
            response = connection.getresponse()
            body = response.read()
            if response.status >= 400:
                raise ValueError(f"HTTP status {response.status}")
            return json.loads(body)
        except (HTTPException, ValueError) as error:
            # The function could not start, or ran out of time: its log says which.
            raised = re.findall(RAISED, self.log)
            why = f"{error}; the function raised {raised[-1]}" if raised else str(error)
            raise Problem(f"the log:\n{self.log.strip()}\nno answer: {why}") from None
        finally:
            connection.close()

    @property
    def process_id(self) -> int:
        """The emulator's process; the function's process is its child."""
        return self._process.pid

    @property
    def endpoint_url(self) -> str:
        """The URL for an AWS client, which calls the function by the name "function"."""
        return f"http://{ports.LOOPBACK}:{self._ports[0]}"

    @property
    def init_ms(self) -> float:
        """Milliseconds of the latest cold start; the REPORT line's Init Duration is wrong here.

        Raises:
            Problem: No cold start yet: the first invocation starts the function.
        """
        found = re.findall(r"INIT REPORT\(durationMs: ([0-9.]+)\)", self.log)
        if not found:
            raise Problem(f"no cold start yet; the log:\n{self.log}")
        return float(found[-1])

    @property
    def log(self) -> str:
        """The output of the function and the emulator so far."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(
            errors="replace"
        )
