"""moto's server or ministack instead of AWS, and the real AWS CLI to call them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator import ports
from tests.deployment.layers import succeed
from tests.processes import PATIENCE_S

SERVER = Path(sys.prefix) / "bin" / "moto_server"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
}


class Aws:
    """The AWS CLI; a call with a command's words returns the parsed JSON answer."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environment = {**ENVIRONMENT, "AWS_ENDPOINT_URL": endpoint}

    def __call__(self, *words: str, region: str = "us-east-1") -> Any:
        return json.loads(succeed("aws", *words, "--region", region, environment=self.environment))

    def role(self, name: str) -> str:
        """Create a role for a function; return its ARN."""
        policy = json.dumps({"Version": "2012-10-17", "Statement": []})
        create = ("iam", "create-role", "--role-name", name)
        return str(self(*create, "--assume-role-policy-document", policy)["Role"]["Arn"])


@contextmanager
def moto(log: Path, environment: dict[str, str] | None = None) -> Iterator[Aws]:
    """Run moto's server with these settings."""
    for program in (SERVER, SERVER.with_name("aws")):
        if not program.exists():
            pytest.skip(f"{program.name} is not installed (group containers)")
    (port,) = ports.free(1)
    with _running([SERVER, "-p", str(port)], port, log, environment or {}) as running:
        yield running


@contextmanager
def ministack(log: Path) -> Iterator[Aws]:
    """Run ministack from its own environment, beside this one."""
    program = Path(f"{sys.prefix}-ministack") / "bin" / "ministack"
    if not program.exists():
        pytest.skip(f"{program} is not installed; make containers installs it")
    (port,) = ports.free(1)
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port)}
    with _running([program], port, log, settings) as running:
        yield running


@contextmanager
def _running(
    command: list[str | Path], port: int, log: Path, settings: dict[str, str]
) -> Iterator[Aws]:
    """Run a server for the duration of a test."""
    with log.open("wb") as file:
        server = subprocess.Popen(
            command,
            env={**os.environ, **ENVIRONMENT, **settings},
            cwd=log.parent,
            stdout=file,
            stderr=file,
        )
    try:
        give_up = time.monotonic() + PATIENCE_S
        while not ports.listens(server.pid, [port]):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < give_up, log.read_text()
            time.sleep(0.1)
        yield Aws(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait()
