"""Run the handler under AWS's Runtime Interface Emulator with the real runtime client.

The emulator comes from the SAM CLI's wheel on PyPI. Unlike Lambda, it limits neither memory nor CPU
time, and takes one invocation at a time.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from emulator import ports
from emulator.problem import Problem
from emulator.runtime import Runtime

PROJECT = Path(__file__).parent.parent
BINARY = Path(sys.prefix) / "bin" / "aws-lambda-rie"
START_TIMEOUT_S = 30
PORT_TAKEN = "bind: address already in use"  # in the emulator's last message
NO_ANSWER = (HTTPException, ConnectionError, TimeoutError)
INVOCATIONS = "/2015-03-31/functions/function/invocations"

# The name of this machine's architecture on Lambda.
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
                    "of aws-sam-cli, on PyPI or on a mirror that pip is configured for. It is "
                    f"downloaded once, to {BINARY}. pip must be 25.1 or newer: {sys.executable} "
                    "-m pip install --upgrade pip"
                )
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                content = archive.read(f"samcli/local/rapid/aws-lambda-rie-{ARCHITECTURE}")
        BINARY.write_bytes(content)
        BINARY.chmod(0o755)
    return BINARY


class Emulator(Runtime):
    """The handler behind an HTTP port on this machine, as a context manager.

    The emulator enforces the timeout. Raises a Problem, with the log, if the emulator or the
    function doesn't start or answer.
    """

    def __enter__(self) -> Emulator:
        give_up = time.monotonic() + START_TIMEOUT_S
        self._start_on_free_ports()
        while not ports.listens(self._process.pid, self._ports):
            has_ended = self._process.poll() is not None
            if has_ended and PORT_TAKEN in self.log and time.monotonic() < give_up:
                self._end()
                self._start_on_free_ports()
            elif has_ended or time.monotonic() > give_up:
                log = self.log
                self.__exit__()
                raise Problem(f"the emulator did not start:\n{log}")
            time.sleep(0.01)
        return self

    def _start_on_free_ports(self) -> None:
        self._ports = ports.free(2)
        invocations, runtime = (f"{ports.LOOPBACK}:{port}" for port in self._ports)
        self._start(
            fetch(),
            *("--log-level", "info"),
            *("--runtime-interface-emulator-address", invocations),
            *("--runtime-api-address", runtime),
        )

    def invoke(self, event: Any) -> Any:
        """Send an event and return the function's answer; an error is JSON too."""
        try:
            return json.loads(self.post(json.dumps(event).encode()))
        except (*NO_ANSWER, ValueError) as error:
            raise self._no_answer(str(error)) from None

    def post(self, event: bytes) -> bytes:
        """Send an event and return the answer's bytes: JSON, or a text about a timeout.

        Raises one of NO_ANSWER if no answer came.
        """
        if self._process.poll() is not None:  # another process may have the port by now
            raise Problem(f"the emulator has ended; the log:\n{self.log}")
        patience_s = self._timeout_s + START_TIMEOUT_S
        # Not urllib.request, which takes 16 ms a request to load certificates since Python 3.13.
        connection = HTTPConnection(ports.LOOPBACK, self._ports[0], timeout=patience_s)
        try:
            connection.request("POST", INVOCATIONS, event)
            response = connection.getresponse()
            if response.status >= 400:
                raise HTTPException(f"HTTP status {response.status}")
            return response.read()
        finally:
            connection.close()

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
