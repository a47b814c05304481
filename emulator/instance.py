"""Run the handler as on Lambda Managed Instances: several invocations of one environment at once.

The runtime client starts AWS_LAMBDA_MAX_CONCURRENCY processes by fork, and each imports the handler
and asks the Runtime API for invocations. The Runtime Interface Emulator takes one invocation at a
time, so RuntimeApi replaces it. Source: AWS Lambda Developer Guide, "Using the Lambda runtime API".
"""

from __future__ import annotations

import json
import os
import queue
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any, NamedTuple

from emulator import ports
from emulator.problem import Problem
from emulator.runtime import Runtime

START_TIMEOUT_S = 60
END_TIMEOUT_S = 5
POLL_S = 0.2
INVOCATIONS = "/2018-06-01/runtime/invocation/"
# The answer to an invocation whose process ended, as Lambda gives it.
EXITED = b'{"errorType": "Runtime.ExitError", "errorMessage": "a process of the function ended"}'


class Invocation:
    """An event in flight, and its answer: JSON, also for an error."""

    def __init__(self, event: Any, timeout_s: float) -> None:
        self.event = json.dumps(event).encode()
        self.deadline_ms = int((time.time() + timeout_s) * 1000)
        self.answer: queue.SimpleQueue[bytes] = queue.SimpleQueue()


class RuntimeApi(ThreadingHTTPServer):
    """The part of the Runtime API that the client needs; a thread for each of its connections."""

    daemon_threads = True
    request_queue_size = 2048  # connections at once: more than the most processes, 1600

    def __init__(self) -> None:
        super().__init__((ports.LOOPBACK, 0), _Request)
        self.asked = Semaphore(0)  # released by each request for an invocation
        self.events: queue.SimpleQueue[Invocation] = queue.SimpleQueue()
        self.running: dict[str, Invocation] = {}

    def handle_error(self, *_: object) -> None:
        """Print nothing about a client that has ended."""


class _Request(BaseHTTPRequestHandler):
    server: RuntimeApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer a connection's requests.

        If the process at the other end ends before it has answered its invocation, the invocation's
        answer is EXITED.
        """
        self.name = ""
        try:
            super().handle()
        finally:
            if self.name in self.server.running:
                self.server.running.pop(self.name).answer.put(EXITED)

    def do_GET(self) -> None:
        if self.path != INVOCATIONS + "next":
            self.send_error(404)
            return
        self.server.asked.release()
        invocation = self.server.events.get()
        self.name = f"{id(invocation):032x}"
        self.server.running[self.name] = invocation
        self._send(
            200,
            invocation.event,
            ("Lambda-Runtime-Aws-Request-Id", self.name),
            ("Lambda-Runtime-Deadline-Ms", str(invocation.deadline_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:::function:function"),
            ("Content-Type", "application/json"),  # without this header the client crashes
        )

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name, _, kind = self.path.removeprefix(INVOCATIONS).partition("/")
        if kind in ("response", "error") and name in self.server.running:
            self.server.running.pop(name).answer.put(body)
        self._send(202, b"")  # an error of the initialisation is in the log

    def _send(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.send_response_only(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Load(NamedTuple):
    """Figures of many invocations, as their clients measured them."""

    invocations_per_second: float
    p95_ms: float
    invocations: int
    failed: int


class Instance(Runtime):
    """The handler in an environment of a Managed Instance, as a context manager.

    Raises a Problem, with the log, if the function doesn't start or answer.

    Args:
        concurrency: How many processes the environment has, 1 to 1600.
        options: As for Runtime.
    """

    def __init__(self, concurrency: int, **options: Any) -> None:
        if not find_spec("awslambdaric.lambda_multi_concurrent_utils"):
            raise Problem("awslambdaric 4 or newer is needed: pip install --group emulator")
        super().__init__(**options)
        self._concurrency = concurrency
        self._folder = tempfile.TemporaryDirectory(prefix="instance-")
        self._environment |= {
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",  # as the template's functions have it
            "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
            "AWS_LAMBDA_MAX_CONCURRENCY": str(concurrency),
            "TMPDIR": self._folder.name,  # on Lambda each environment has a /tmp of its own
        }

    def __enter__(self) -> Instance:
        self._api = RuntimeApi()
        Thread(target=self._api.serve_forever, daemon=True).start()
        self._environment["AWS_LAMBDA_RUNTIME_API"] = f"{ports.LOOPBACK}:{self._api.server_port}"
        self._start()
        give_up = time.monotonic() + START_TIMEOUT_S
        try:
            for _ in range(self._concurrency):
                while not self._api.asked.acquire(timeout=POLL_S):
                    self._check("the function did not start", give_up)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._api.shutdown()
        self._api.server_close()
        self._folder.cleanup()

    def _end(self) -> None:
        """End all processes of the environment, those in sessions of their own as well."""
        super()._end()
        mark = f"TMPDIR={self._folder.name}\0".encode()
        give_up = time.monotonic() + END_TIMEOUT_S
        while there := [process for process in _processes() if mark in _environment(process)]:
            late = time.monotonic() > give_up
            for process in there:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL if late else signal.SIGTERM)
            time.sleep(0.01)

    def invoke(self, event: Any) -> Any:
        """Send an event and return the function's answer; an error is JSON too."""
        invocation = Invocation(event, self._timeout_s)
        give_up = time.monotonic() + self._timeout_s
        self._api.events.put(invocation)
        while True:
            try:
                return json.loads(invocation.answer.get(timeout=POLL_S))
            except queue.Empty:
                self._check("the function's time is over", give_up)

    def load(self, event: Any, clients: int, each: int) -> Load:
        """Let each of `clients` send an event `each` times, waiting for each answer."""
        times_s: list[float] = []

        def client(_: int) -> int:
            failed = 0
            for _ in range(each):
                began = time.perf_counter()
                failed += "errorType" in self.invoke(event)
                times_s.append(time.perf_counter() - began)
            return failed

        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as executor:
            try:
                failed = sum(executor.map(client, range(clients)))
            except BaseException:
                self._end()  # so that no client waits for an answer
                raise
        per_second = len(times_s) / (time.perf_counter() - began)
        p95_s = sorted(times_s)[len(times_s) * 95 // 100]
        return Load(round(per_second, 1), round(p95_s * 1000, 1), len(times_s), failed)

    @property
    def folder(self) -> str:
        """The folder that is /tmp on Lambda."""
        return self._folder.name

    @property
    def running(self) -> dict[str, Invocation]:
        """The invocations that the function has taken and not answered, by request id."""
        return self._api.running

    def _check(self, late: str, give_up: float) -> None:
        """Raise a Problem if the processes have ended, or the time is over."""
        if self._process.poll() is not None:
            raise self._no_answer("the function's processes have ended")
        if time.monotonic() > give_up:
            raise self._no_answer(late)


def _processes() -> Iterator[int]:
    return (int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit())


def _environment(process: int) -> bytes:
    """Return the variables that a process was started with; empty if the process has ended."""
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return b""
