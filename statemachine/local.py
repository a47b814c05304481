"""The state machine on this machine: `make bulk`, or `python -m statemachine.local`.

The SAM CLI builds and deploys the application, and deploys this folder's template for its layer, to
ministack: an emulator of AWS that runs the functions with their layer, and Step Functions with
child executions. The user's commands send a made-up table through the state machine, and the
results are checked.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

import bcrypt_batch
from emulator import ports
from emulator.function import ARCHITECTURE

PROJECT = Path(__file__).parent.parent
APPLICATION, STACK = "bcrypt-batch", "bcrypt-batch-bulk"
START_TIMEOUT_S = 60
BIN = Path(sys.executable).parent
# ministack has an environment of its own: it pins older versions than other tools need.
MINISTACK = Path(os.environ.get("MINISTACK", f"{sys.prefix}-ministack/bin/ministack"))
LOOP_NAME = ARCHITECTURE.replace("_", "")  # in template.yaml's loops


class Local:
    """A running ministack.

    Attributes:
        environment: Environment variables that direct programs to it.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "SAM_CLI_TELEMETRY": "0",
        }

    def client(self, service: str) -> Any:
        """Return an AWS client for one of its services."""
        return boto3.client(
            service, endpoint_url=self.endpoint, region_name="us-east-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def command(self, *words: str | Path, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
        """Run a program against ministack; return the completed process."""
        return subprocess.run(
            [str(word) for word in words], env=self.environment, cwd=cwd, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def succeed(self, *words: str | Path, cwd: Path = PROJECT) -> str:
        """Run a program that must succeed; return its output."""
        done = self.command(*words, cwd=cwd)
        if done.returncode:
            raise RuntimeError(
                f"{words[0]} {words[1]} ended with {done.returncode}:\n{done.stdout}"
            )
        return done.stdout

    def bulk(self, *words: str | Path) -> tuple[int, str]:
        """Run `bcrypt-batch bulk`; return its exit status and output."""
        done = self.command(sys.executable, "-m", "bcrypt_batch", "bulk", *words)
        return done.returncode, done.stdout

    def deploy(self) -> None:
        """Build this working tree and deploy it."""
        with tempfile.TemporaryDirectory() as folder:
            # sam copies the layer's whole folder: leave out environments and builds.
            copy = Path(folder) / "copy"
            ignored = shutil.ignore_patterns(
                ".venv*", ".git", ".aws-sam", "build", "dist", ".*_cache"
            )
            shutil.copytree(PROJECT, copy, ignore=ignored)
            built = ("--parameter-overrides", f"Architectures={LOOP_NAME}")
            self.succeed("sam", "build", *built, cwd=copy)
            self.succeed("sam", "deploy", "--no-confirm-changeset", *built, cwd=copy)
            layer = self.output(f"Layer{LOOP_NAME}Arn", APPLICATION)
            self.succeed(
                "sam", "deploy", "--no-confirm-changeset", "-t", "statemachine/template.yaml",
                "--parameter-overrides", f"Architecture={ARCHITECTURE}", f"Layer={layer}",
                "Timeout=60", cwd=copy,
            )  # fmt: skip

    def output(self, name: str, stack_name: str = STACK) -> str:
        """Return one of a stack's outputs."""
        (stack,) = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}
        return str(outputs[name])


@contextmanager
def ministack(log: Path) -> Iterator[Local]:
    """Run ministack on a free port of the loopback interface."""
    (port,) = ports.free(1)
    settings = {"BIND_HOST": ports.LOOPBACK, "GATEWAY_PORT": str(port), "HOME": str(log.parent)}
    with log.open("wb") as file:
        server = subprocess.Popen(
            [MINISTACK], env={**os.environ, **settings}, stdout=file, stderr=file
        )
    try:
        give_up = time.monotonic() + START_TIMEOUT_S
        while not ports.listens(server.pid, [port]):
            if server.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"ministack did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield Local(f"http://{ports.LOOPBACK}:{port}")
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    """Send a made-up table through the state machine and report each step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--cost", type=int, default=6)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ministack(Path(folder) / "log") as local:
        _say("building and deploying the application; deploying statemachine/template.yaml")
        local.deploy()
        file, output = Path(folder) / "users.csv", Path(folder) / "hashed.jsonl"
        passwords = [b"password_%06d" % i for i in range(options.rows)]
        lines = (b"u%d,%b\n" % (i, password) for i, password in enumerate(passwords))
        file.write_bytes(b"id,password\n" + b"".join(lines))
        chunk_rows = max(1, options.rows // 8)
        started = time.monotonic()
        for words in (
            ("start", file, "--run", "demo", "--cost", options.cost, "--chunk-rows", chunk_rows),
            ("status", "--run", "demo", "--wait"),
            ("collect", "--run", "demo", "--output", output),
        ):
            _say(" ".join(["bcrypt-batch bulk", *map(str, words)]).replace(folder, "..."))
            status, said = local.bulk(*map(str, words))
            print(said, end="", flush=True)
            if status:
                return status
        seconds = time.monotonic() - started
        _check(output, passwords)
        _say(f"{options.rows:,} rows in {seconds:.0f} s; each occurs once, each hash verifies")
        bucket = local.output("BulkBucket")
        listed = local.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
        _say("the bucket now holds")
        for entry in listed:
            print(f"  {entry['Size']:>9,} {entry['Key']}")
        said = local.bulk("collect", "--run", "demo", "--output", output, "--force", "--delete")[1]
        print(said, end="")
    return 0


def _check(output: Path, passwords: list[bytes]) -> None:
    results = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert [result["row"] for result in results] == list(range(len(passwords)))
    assert [result["id"] for result in results] == [f"u{i}" for i in range(len(passwords))]
    hashes = [result["hash"].encode() for result in results]
    assert all(bcrypt_batch.verify_many(passwords, hashes).values)


def _say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
