"""A client of the stack that computes tables on AWS; needs boto3."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

READ_BYTES = 1 << 20


class StackError(Exception):
    """AWS or the stack can't do what was requested."""


class Status(NamedTuple):
    """The progress of a run.

    Attributes:
        state: The execution's state in Step Functions, such as `RUNNING` or `SUCCEEDED`.
        chunks: How many chunks there are; 0 while they are being planned.
        done: How many chunks are done.
        failed: How many chunks failed in this execution.
        cause: Why the execution failed.
    """

    state: str
    chunks: int
    done: int
    failed: int
    cause: str


class Stack:
    """A deployed stack.

    Attributes:
        bucket: The bucket for tables.
    """

    def __init__(self, name: str) -> None:
        try:
            import boto3
            from botocore.exceptions import ClientError
        except ImportError:
            raise StackError("bulk needs boto3: pip install 'bcrypt-batch[aws]'") from None
        self._client_error = ClientError
        remedy = "deploy statemachine/template.yaml, or name its stack with --stack"
        try:
            stacks = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            raise StackError(f"there is no stack {name}; {remedy}") from None
        outputs = {
            entry["OutputKey"]: entry["OutputValue"] for entry in stacks[0].get("Outputs", [])
        }
        if "BulkBucket" not in outputs:
            raise StackError(f"stack {name} computes no tables; {remedy}")
        self.bucket: str = outputs["BulkBucket"]
        self._machine: str = outputs["BulkStateMachine"]
        self._function: str = outputs["BulkFunction"]
        self._s3: Any = boto3.client("s3")
        self._steps: Any = boto3.client("stepfunctions")
        self._session = boto3

    def upload(self, path: str, key: str, about: dict[str, str]) -> bool:
        """Upload a file unless the bucket has it; return whether it was uploaded.

        Raises:
            StackError: The bucket has another file under this key.
        """
        found = self._found(self._s3.head_object, key)
        if found is not None:
            if {name: found["Metadata"].get(name) for name in about} != about:
                raise StackError(
                    f"s3://{self.bucket}/{key} was made from another file; take another --run"
                )
            return False
        self._s3.upload_file(path, self.bucket, key, ExtraArgs={"Metadata": about})
        return True

    def _found(self, look: Callable[..., Any], key: str) -> Any:
        """Return S3's answer about an object, or None if it doesn't exist."""
        try:
            return look(Bucket=self.bucket, Key=key)
        except self._client_error as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return None
            raise

    def _executions(self, run: str, **filters: str) -> Iterator[dict[str, Any]]:
        pages = self._steps.get_paginator("list_executions").paginate(
            stateMachineArn=self._machine, **filters
        )
        for page in pages:
            for execution in page["executions"]:
                # An execution's name is the run's name and a time.
                if execution["name"].rpartition("-")[0] == run:
                    yield execution

    def start(self, run: str, event: dict[str, Any]) -> str:
        """Start an execution, or find a running one; return the execution's name.

        Raises:
            StackError: The running execution was started with other options.
        """
        for execution in self._executions(run, statusFilter="RUNNING"):
            about = self._steps.describe_execution(executionArn=execution["executionArn"])
            if json.loads(about["input"]) != event:
                raise StackError(f"run {run} is running with other options; take another --run")
            return str(execution["name"])
        name = f"{run}-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        self._steps.start_execution(
            stateMachineArn=self._machine, name=name, input=json.dumps(event)
        )
        return name

    def invoke(self, event: dict[str, Any]) -> Any:
        """Run one step of a run; return the function's answer."""
        from botocore.config import Config

        functions: Any = self._session.client(
            "lambda", config=Config(read_timeout=930, retries={"total_max_attempts": 1})
        )
        answer = functions.invoke(FunctionName=self._function, Payload=json.dumps(event).encode())
        content = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise StackError(f"{content.get('errorType')}: {content.get('errorMessage')}")
        return content

    def status(self, run: str) -> Status:
        """Return the progress of a run's newest execution.

        Raises:
            StackError: The run has no execution.
        """
        newest = max(self._executions(run), key=lambda entry: entry["startDate"], default=None)
        if newest is None:
            raise StackError(
                f"run {run!r} has no execution: bulk start begins one; a run of over 90 days ago "
                "can only be collected"
            )
        about = self._steps.describe_execution(executionArn=newest["executionArn"])
        counts = {"total": 0, "succeeded": 0, "failed": 0}
        for entry in self._steps.list_map_runs(executionArn=newest["executionArn"])["mapRuns"]:
            described = self._steps.describe_map_run(mapRunArn=entry["mapRunArn"])["itemCounts"]
            counts = {name: counts[name] + described[name] for name in counts}
        return Status(
            about["status"], counts["total"], counts["succeeded"], counts["failed"],
            f"{about.get('error', '')} {about.get('cause', '')}".strip(),
        )  # fmt: skip

    def read_json(self, key: str) -> Any:
        """Return the content of a JSON object, or None if it doesn't exist."""
        answer = self._found(self._s3.get_object, key)
        return None if answer is None else json.loads(answer["Body"].read())

    def fetch(self, key: str, file: BinaryIO) -> int:
        """Write an object to a file; return how many lines it has."""
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"]
        lines = 0
        while piece := body.read(READ_BYTES):
            lines += piece.count(b"\n")
            file.write(piece)
        return lines

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys of objects."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            for entry in page.get("Contents", []):
                yield entry["Key"]

    def delete(self, keys: list[str]) -> None:
        """Delete objects."""
        for first in range(0, len(keys), 1000):
            entries = [{"Key": key} for key in keys[first : first + 1000]]
            answer = self._s3.delete_objects(Bucket=self.bucket, Delete={"Objects": entries})
            if answer.get("Errors"):
                raise StackError(f"{len(answer['Errors'])} objects could not be deleted")
