"""Whole tables on ministack: the real template, deployed, and functions that are really killed.

ministack runs the function with its layer by itself, or hands its invocations to a URL. Behind that
URL each invocation is a process here, which can be killed or held up.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from statemachine.local import BIN, MINISTACK, Local, ministack
from tests.processes import PROJECT, program
from tests.tables.samples import as_csv, check, check_nothing_secret, users

pytestmark = pytest.mark.deployed

ROWS = users(1200)
PROXY = "MINISTACK_LAMBDA_PROXY_URL"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    for tool in (MINISTACK, BIN / "sam"):
        if not tool.exists():
            pytest.skip(f"{tool.name} is not installed; make containers installs it")
    folder = tmp_path_factory.mktemp("ministack")
    with ministack(folder / "log") as running:
        running.deploy()
        yield running


class Proxy:
    """Runs invocations in processes, some with a fault.

    Attributes:
        fault: Called with the event and the process that handles it.
        said: All output of the functions.
    """

    def __init__(self, local: Local) -> None:
        self.local = local
        self.fault: Callable[[dict[str, Any], subprocess.Popen[bytes]], None] = lambda *_: None
        self.said = ""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = proxy.invoke(body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, body: bytes) -> tuple[int, bytes]:
        process = subprocess.Popen(
            program("deployment/call_bulk"), cwd=PROJECT, env=self.local.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        fault = threading.Thread(target=self.fault, args=(json.loads(body), process))
        fault.start()
        out, _ = process.communicate(body)
        fault.join()
        *log, answer = out.splitlines() or [b""]
        self.said += b"\n".join(log).decode()
        if process.returncode:
            self.said += answer.decode()
            return 502, f"ended with {process.returncode}: ".encode() + answer
        return 200, answer


@pytest.fixture
def proxy(local: Local) -> Iterator[Proxy]:
    functions = local.client("lambda")
    name = local.output("BulkFunction")
    running = Proxy(local)
    url = f"http://127.0.0.1:{running.server.server_port}/"
    functions.update_function_configuration(
        FunctionName=name, Environment={"Variables": {PROXY: url}}
    )
    yield running
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {}})
    running.server.shutdown()
    running.server.server_close()


def start(local: Local, folder: Path, run: str, *options: str) -> None:
    file = folder / "users.csv"
    if not file.exists():
        file.write_bytes(as_csv(ROWS))
    status, said = local.bulk("start", file, "--run", run, "--cost", "4", *options)
    assert status == 0, said


def wait(local: Local, run: str) -> tuple[int, str]:
    return local.bulk("status", "--run", run, "--wait")


def collect(local: Local, folder: Path, run: str, *options: str) -> None:
    output = folder / "hashed.jsonl"
    status, said = local.bulk("collect", "--run", run, "--output", output, "--force", *options)
    assert status == 1, said  # there are rows in error
    assert output.stat().st_mode & 0o777 == 0o600
    check(output.read_bytes().splitlines(), ROWS)


def scan(local: Local, more: str = "") -> None:
    """Search histories, logs, and all objects except input and parts for passwords and hashes."""
    texts = [more]
    steps = local.client("stepfunctions")
    machine = local.output("BulkStateMachine")
    for execution in steps.list_executions(stateMachineArn=machine)["executions"]:
        arns = [execution["executionArn"]]
        for run in steps.list_map_runs(executionArn=arns[0])["mapRuns"]:
            children = steps.list_executions(mapRunArn=run["mapRunArn"])["executions"]
            arns += [child["executionArn"] for child in children]
        for arn in arns:
            texts.append(json.dumps(steps.describe_execution(executionArn=arn), default=str))
            if arn == arns[0]:
                history = steps.get_execution_history(executionArn=arn)["events"]
                texts.append(json.dumps(history, default=str))
    logs = local.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        texts += [event["message"] for page in pages for event in page["events"]]
    s3, bucket = local.client("s3"), local.output("BulkBucket")
    for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        if not entry["Key"].startswith("in/") and "/parts/" not in entry["Key"]:
            texts.append(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode())
    text = "\n".join(texts)
    assert "chunk" in text  # something was looked at
    check_nothing_secret(text, ROWS)


def test_a_table_goes_through_what_was_deployed(local: Local, tmp_path: Path) -> None:
    """In ministack's own processes, with the layer; then everything is deleted."""
    start(local, tmp_path, "plain", "--chunk-rows", "200")
    status, said = wait(local, "plain")
    assert (status, "6 of 6 chunks done" in said) == (0, True), said
    collect(local, tmp_path, "plain")
    scan(local)
    collect(local, tmp_path, "plain", "--delete")
    bucket = local.output("BulkBucket")
    left = local.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    assert [entry["Key"] for entry in left if not entry["Key"].startswith("mapruns/")] == []


def test_killed_functions_and_a_second_start(local: Local, proxy: Proxy, tmp_path: Path) -> None:
    """Some are killed at once, one after writing its part; the second start completes the run."""
    killed = set()

    def kill(event: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        chunk = event["item"]["chunk"] if event["step"] == "chunk" else None
        if chunk not in (0, 2, 4) or chunk in killed:
            return
        killed.add(chunk)
        if chunk == 4:
            part = f"runs/killed/parts/{chunk:08}-"
            bucket, s3 = local.output("BulkBucket"), local.client("s3")
            while not s3.list_objects_v2(Bucket=bucket, Prefix=part).get("Contents"):
                if process.poll() is not None:
                    return
                time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)

    proxy.fault = kill
    start(local, tmp_path, "killed", "--chunk-rows", "200")
    status, said = wait(local, "killed")
    assert status == 1, said
    assert "Incomplete" in said
    assert "rows 0 to 199, 400 to 599 are missing" in said.replace("\\", "")
    time.sleep(1)  # the next execution's name has the time in seconds
    start(local, tmp_path, "killed", "--chunk-rows", "200")
    status, said = wait(local, "killed")
    assert status == 0, said
    collect(local, tmp_path, "killed")
    scan(local, proxy.said)
    assert killed == {0, 2, 4}


def test_a_function_that_times_out_is_tried_again(
    local: Local, proxy: Proxy, tmp_path: Path
) -> None:
    """Stopped for longer than the function's time; ministack then says Sandbox.Timedout."""
    local.client("lambda").update_function_configuration(
        FunctionName=local.output("BulkFunction"), Timeout=20
    )
    held: list[bool] = []

    def hold(event: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        if event["step"] == "chunk" and event["item"]["chunk"] == 1 and not held:
            held.append(True)
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(22)
            os.kill(process.pid, signal.SIGCONT)  # it then comes too late, and finds the part

    proxy.fault = hold
    start(local, tmp_path, "late", "--chunk-rows", "400")
    status, said = wait(local, "late")
    assert status == 0, said
    assert held
    collect(local, tmp_path, "late")
    scan(local, proxy.said)


def test_another_file_under_a_name_in_use_is_refused(local: Local, tmp_path: Path) -> None:
    start(local, tmp_path, "used")
    other = tmp_path / "other.csv"
    other.write_bytes(as_csv(users(10)))
    status, said = local.bulk("start", other, "--run", "used", "--cost", "4")
    assert status == 2
    # The first run's plan may not have been written yet.
    planned = r"run used was planned with size \d+, not \d+; take another --run"
    assert re.search(rf"{planned}|/in/used was made from another file; take another --run", said)
    wait(local, "used")
