"""The state machine on moto, in this process: fast, and with faults injected into invocations.

moto's own invocation of a function needs containers; ours calls the handler. Unlike AWS, moto adds
no jitter to waits, and lets a map succeed whose children all failed.
"""

from __future__ import annotations

import functools
import io
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.deployment.layers import PROJECT
from tests.processes import PATIENCE_S

BUCKET = "tables"
REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/r"
WORKER = "moto.stepfunctions.parser.backend.execution_worker.ExecutionWorker"

Fault = Callable[[dict[str, Any], Callable[[], dict[str, Any]]], dict[str, Any]]


class FunctionError(Exception):
    """The platform's error of a function that died: a name and a message."""


class Context:
    """The parts of the runtime's context object that the handler uses."""

    aws_request_id = "test"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)


@functools.cache
def client(service: str) -> Any:
    """Return a client, one for each service: making one reads megabytes of description."""
    return boto3.client(service, region_name=REGION)


class Engine:
    """A bucket, a state machine, a function.

    Attributes:
        s3: A client.
        handler: The function itself, without the faults.
        fault: Called for each invocation, with the event and the call that invokes the function.
        seconds: The time that an invocation has.
        events: Every event that the function got.
        causes: The errors that the state machine got.
    """

    def __init__(self) -> None:
        from bulk import app

        self.handler = app.handler
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self._steps = client("stepfunctions")
        text = (PROJECT / "statemachine/bulk.asl.json").read_text()
        function = f"arn:aws:lambda:{REGION}:123456789012:function:f"
        text = text.replace("${BulkFunctionArn}", function).replace("${BulkBucket}", BUCKET)
        self.machine = self._steps.create_state_machine(name="bulk", definition=text, roleArn=ROLE)[
            "stateMachineArn"
        ]
        self.fault: Fault = lambda _event, call: call()
        self.seconds = 60.0
        self.events: list[dict[str, Any]] = []
        self.causes: list[str] = []
        self.executions: list[str] = []

    def invoke(self, parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Answer as the Lambda service does."""
        event = json.loads(parameters["Payload"])
        self.events.append(event)
        call = lambda: self.handler(event, Context(self.seconds))  # noqa: E731
        try:
            answer = json.loads(json.dumps(self.fault(event, call)))
        except ClientError:
            raise
        except Exception as error:
            name, text = type(error).__name__, str(error)
            if isinstance(error, FunctionError):
                name, text = error.args
            self.causes.append(f"{name}: {text}")
            answer = {"errorType": name, "errorMessage": text}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": answer}
        return {"StatusCode": 200, "Payload": answer}

    def upload(self, content: bytes, key: str = "in/users.csv") -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)

    def start(self, run: str = "r", key: str = "in/users.csv", **fields: Any) -> dict[str, Any]:
        """Run an execution to its end; return the answer of DescribeExecution."""
        source = {"bucket": BUCKET, "key": key, **fields.pop("input", {})}
        asked = {
            "operation": "hash", "input": source, "cost": 4,
            "output": {"bucket": BUCKET, "prefix": f"runs/{run}/"}, **fields,
        }  # fmt: skip
        if asked["operation"] == "verify":
            del asked["cost"]
        started = self._steps.start_execution(
            stateMachineArn=self.machine,
            name=f"{run}-{len(self.executions)}",
            input=json.dumps(asked),
        )
        arn = started["executionArn"]
        self.executions.append(arn)
        for _ in range(15_000):
            about = self._steps.describe_execution(executionArn=arn)
            if about["status"] != "RUNNING":
                return dict(about)
            time.sleep(0.02)
        raise TimeoutError("the execution doesn't end")

    def objects(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def lines(self, run: str = "r") -> list[bytes]:
        """Return the lines of the parts that the manifest names."""
        manifest = json.loads(self.read(f"runs/{run}/manifest.json"))
        return [line for key in manifest["keys"] for line in io.BytesIO(self.read(key))]

    def history(self) -> str:
        """Return everything that a reader of executions can see."""
        texts = []
        for arn in self.executions:
            texts.append(json.dumps(self._steps.describe_execution(executionArn=arn), default=str))
            pages = self._steps.get_paginator("get_execution_history").paginate(executionArn=arn)
            texts += [json.dumps(page["events"], default=str) for page in pages]
        return "\n".join(texts)


@contextmanager
def engine() -> Iterator[Engine]:
    """Run moto in this process."""
    moto = pytest.importorskip("moto", reason="moto is not installed (group tables)")
    settings = {
        "AWS_ACCESS_KEY_ID": "t",
        "AWS_SECRET_ACCESS_KEY": "t",
        "AWS_DEFAULT_REGION": REGION,
    }
    config: Any = {
        "stepfunctions": {"execute_state_machine": True},
        "lambda": {"use_docker": False},
    }
    parse = "moto.stepfunctions.parser.asl.parse.asl_parser.AmazonStateLanguageParser.parse"
    with (
        patch.dict(os.environ, settings),
        moto.mock_aws(config=config),
        patch(parse, parse_once()),
        patch(f"{WORKER}.start", start_and_wait()),
    ):
        running = Engine()
        asl = "moto.stepfunctions.parser.asl.component"
        invoke = f"{asl}.state.exec.state_task.lambda_eval_utils._invoke_lambda_function"
        clock = f"{asl}.common.retry.retrier_decl.time"  # retries don't wait here
        with patch(invoke, running.invoke), patch(clock, SimpleNamespace(sleep=lambda _: None)):
            yield running


@functools.cache
def start_and_wait() -> Any:
    """Return moto's start of an execution, which then has what ListMapRuns reads."""
    start = import_module(WORKER.rpartition(".")[0]).ExecutionWorker.start

    def patched(worker: Any) -> None:
        start(worker)
        give_up = time.monotonic() + PATIENCE_S
        while worker.env is None and time.monotonic() < give_up:
            time.sleep(0.001)

    return patched


@functools.cache
def parse_once() -> Any:
    """Return moto's parser of definitions, with a cache: moto parses before and in executions."""
    from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

    return functools.cache(AmazonStateLanguageParser.parse)


def throttled() -> ClientError:
    """The Lambda service's answer if no instance is free for an invocation."""
    error = {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    return ClientError(
        {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 429, "RequestId": "r"}},
        "Invoke",
    )
