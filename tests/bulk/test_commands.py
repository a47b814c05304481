"""bcrypt-batch bulk, with the stack on moto."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from bcrypt_batch.tables.aws import Stack
from bcrypt_batch.tables.cli import main
from tests.bulk.complete import ROWS, TABLE
from tests.bulk.engine import BUCKET, Engine
from tests.documents import block, commands
from tests.tables.samples import check


@pytest.fixture
def stack(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """A stack whose outputs name the engine's resources; moto's stacks need further packages."""
    named = {"BulkBucket": BUCKET, "BulkStateMachine": bulk.machine, "BulkFunction": "f"}
    outputs = [{"OutputKey": name, "OutputValue": value} for name, value in named.items()]
    stacks = SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [{"Outputs": outputs}]})
    real = boto3.client

    def client(*service: str, **options: Any) -> Any:
        return stacks if "cloudformation" in service else real(*service, **options)

    monkeypatch.setattr(boto3, "client", client)
    return bulk


def test_a_stack_without_tables_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of the name, or the application's."""

    def describe(**asked: str) -> Any:
        name = asked["StackName"]
        if name == "bcrypt-batch":
            return {"Stacks": [{"Outputs": []}]}
        said = {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}
        raise ClientError({"Error": said}, "DescribeStacks")

    stacks = SimpleNamespace(describe_stacks=describe)
    monkeypatch.setattr(boto3, "client", lambda *_, **__: stacks)
    for words, said in (
        ([], "there is no stack bcrypt-batch-bulk"),
        (["--stack", "bcrypt-batch"], "stack bcrypt-batch computes no tables"),
    ):
        assert main(["bulk", "status", "--run", "r", *words]) == 2
        remedy = "deploy statemachine/template.yaml, or name its stack with --stack"
        assert f"{said}; {remedy}\n" in capsys.readouterr().err


def collect(output: Path, *options: str) -> int:
    return main(["bulk", "collect", "--run", "r", "--output", str(output), *options])


def test_collected(stack: Engine, tmp_path: Path) -> None:
    stack.start()
    output = tmp_path / "hashed.jsonl"
    assert collect(output) == 1  # there are rows in error
    check(output.read_bytes().splitlines(), ROWS)
    assert output.stat().st_mode & 0o777 == 0o600
    assert collect(output) == 2
    assert collect(output, "--force", "--delete") == 1
    check(output.read_bytes().splitlines(), ROWS)
    assert stack.objects("runs/r/") == []


def test_the_documented_commands(
    stack: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bcrypt_batch.tables.commands.bulk.POLL_S", 0.05)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "users.csv").write_bytes(TABLE)
    install, *asked = commands(block("docs/bulk.md", "aws"))
    assert install == ["pip", "install", ".[aws]"]
    done = [main(["4" if word == "12" else word for word in words[1:]]) for words in asked]
    assert done == [0, 0, 1]  # there are rows in error
    check((tmp_path / "hashed.jsonl").read_bytes().splitlines(), ROWS)
    assert stack.objects("in/november") == stack.objects("runs/november/") == []


def test_what_was_cut_is_counted(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.upload(b"password\n%b\nb\n" % (b"a" * 73))
    stack.start(truncate=True, chunk_rows=1)
    output = tmp_path / "hashed.jsonl"
    assert collect(output) == 0
    assert "2 rows, 0 in error, 1 truncated to 72 bytes" in capsys.readouterr().err


def test_a_failed_collect_leaves_what_was_there(stack: Engine, tmp_path: Path) -> None:
    stack.start()
    manifest = json.loads(stack.read("runs/r/manifest.json"))
    manifest["rows"] += 1
    stack.s3.put_object(Bucket=BUCKET, Key="runs/r/manifest.json", Body=json.dumps(manifest))
    output = tmp_path / "hashed.jsonl"
    output.write_text("precious")
    assert collect(output, "--force", "--delete") == 2
    assert output.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [output]
    assert stack.objects("runs/r/")


def start(table: Path, *options: str) -> int:
    return main(["bulk", "start", str(table), "--run", "r", *options])


def test_other_options_than_those_of_the_running_execution(
    stack: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("bcrypt_batch.tables.commands.bulk.POLL_S", 0.05)
    go_on = threading.Event()

    def waiting(_event: dict[str, Any], call: Any) -> Any:
        go_on.wait(60)
        return call()

    stack.fault = waiting
    table = tmp_path / "users.csv"
    table.write_bytes(TABLE)
    try:
        assert start(table, "--cost", "4") == 0
        assert start(table, "--cost", "4") == 0
        assert "already uploaded: s3:" in capsys.readouterr().err
        assert start(table, "--cost", "5") == 2
        said = capsys.readouterr().err
        assert "run r is running with other options; take another --run" in said
    finally:
        go_on.set()
    assert main(["bulk", "status", "--run", "r", "--wait"]) == 0


def test_a_table_that_would_be_refused_is_not_uploaded(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
    from pyarrow import parquet

    table = tmp_path / "users.parquet"
    parquet.write_table(pyarrow.table({"password": ["a"]}), table)
    before = stack.objects()
    assert start(table) == 2
    said = capsys.readouterr().err
    assert "the format on AWS must be one of csv, jsonl, json, lines, not 'parquet'" in said
    assert stack.objects() == before


def test_a_pipe_is_not_uploaded(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = tmp_path / "users.csv"
    os.mkfifo(pipe)
    assert start(pipe) == 2
    assert "the input must be a plain file" in capsys.readouterr().err


def test_a_run_without_an_execution(stack: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """Its parts alone don't show whether anybody computes the missing ones."""
    stack.start(run="other")
    assert main(["bulk", "status", "--run", "r", "--wait"]) == 2
    assert "run 'r' has no execution" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-cost", "12"], "--max-cost goes with --operation verify only"),
        (["--operation", "verify", "--hash-anyway"], "--hash-anyway goes with --operation hash"),
        (["--hash-column", "h"], "--hash-column goes with --operation verify only"),
        (["--operation", "verify", "--cost", "4"], "--cost goes with --operation hash only"),
        (["--operation", "verify", "--wrap", "md5-hex"], "--wrap goes with --operation hash only"),
        (["--operation", "verify", "--for", "php"], "--for goes with --operation hash only"),
        (["--for", "auth0", "--cost", "12"], "--cost 12 doesn't go with --for auth0"),
        (["--wrap", "md5-hex", "--scheme", "django"], "--wrap doesn't go with --scheme"),
        (["--scheme", "md5-hex"], "--scheme with --operation hash must be one of wordpress"),
        (["--operation", "verify", "--scheme", "django"], "must be one of auto, bcrypt, woltlab"),
    ],
)
def test_an_option_of_the_other_operation_is_refused_before_the_upload(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    message: str,
) -> None:  # fmt: skip
    table = tmp_path / "users.csv"
    table.write_bytes(TABLE)
    before = stack.objects()
    assert start(table, *options) == 2
    assert message in capsys.readouterr().err
    assert stack.objects() == before


@pytest.mark.usefixtures("stack")
def test_each_option_of_a_run_is_a_field_of_its_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options not given are not in it: the function has the defaults."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(Stack, "start", lambda _stack, _run, event: events.append(event))
    table = tmp_path / "users.csv"
    table.write_bytes(b"id,password,stored,mail\nu,pw,x,e\n")
    tabs = tmp_path / "users.tsv"
    tabs.write_bytes(b"id\tpassword\n")
    asked = [
        "--operation", "verify", "--max-cost", "5", "--no-truncate", "--allow-empty",
        "--hash-column", "stored", "--id-column", "id", "--keep", "mail",
        "--null", "NULL", "--null", "none", "--dialect", "csv", "--encoding", "Windows-1252",
        "--chunk-rows", "7", "--concurrency", "3", "--scheme", "md5-hex",
    ]  # fmt: skip
    assert start(table, *asked) == 0
    assert start(table, "--run", "plain") == 0
    assert (
        start(tabs, "--run", "tabs", "--dialect", "mysql", "--hash-anyway", "--for", "jenkins") == 0
    )
    given, plain, escaped = events
    source = {"bucket": BUCKET, "format": "csv", "delimiter": ",", "password_column": "password"}
    assert given == {
        "operation": "verify", "max_cost": 5, "truncate": False, "allow_empty": True,
        "scheme": "md5-hex",
        "chunk_rows": 7, "concurrency": 3, "output": {"bucket": BUCKET, "prefix": "runs/r/"},
        "input": {
            **source, "key": "in/r", "hash_column": "stored", "id_column": "id", "keep": ["mail"],
            "dialect": "csv", "nulls": ["NULL", "none"], "encoding": "cp1252",
        },
    }  # fmt: skip
    assert plain == {
        "operation": "hash", "output": {"bucket": BUCKET, "prefix": "runs/plain/"},
        "input": {**source, "key": "in/plain"},
    }  # fmt: skip
    assert escaped["hash_anyway"] is True
    assert (escaped["scheme"], escaped["prefix"], escaped["cost"]) == ("jenkins", "2a", 12)
    assert escaped["input"]["dialect"] == "mysql"
    assert escaped["input"]["delimiter"] == "\t"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cost", "5"], "planned with cost 4, not 5"),
        (["--cost", "4", "--prefix", "2a"], "planned with prefix '2b', not '2a'"),
        (["--cost", "4", "--id-column", "id"], "planned with id_column None, not 'id'"),
        (["--cost", "4"], "planned with size"),
    ],
)
def test_other_options_of_a_finished_run_are_refused_before_the_upload(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    message: str,
) -> None:  # fmt: skip
    """Its input may be deleted by then; the status stays the good execution's."""
    stack.start()
    stack.s3.delete_object(Bucket=BUCKET, Key="in/users.csv")
    before = stack.objects()
    (table := tmp_path / "users.csv").write_bytes(TABLE + b"u,p\n" * ("size" in message))
    assert start(table, *options) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "take another --run" in said
    assert stack.objects() == before
    assert main(["bulk", "status", "--run", "r"]) == 0


@pytest.mark.usefixtures("stack")
def test_collect_says_of_no_run_what_status_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "o"
    assert main(["bulk", "collect", "--run", "nope", "--output", str(output)]) == 2
    collected = capsys.readouterr().err
    assert main(["bulk", "status", "--run", "nope"]) == 2
    assert capsys.readouterr().err == collected
    assert "run 'nope' has no execution" in collected
    assert not output.exists()


def test_what_the_summary_says_of_a_run(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.upload(b"id,password\nu,a\nv,NULL\nw,caf\xe9\nx,None\n")
    assert stack.start(chunk_rows=1)["status"] == "SUCCEEDED"
    assert collect(tmp_path / "hashed.jsonl") == 0
    said = capsys.readouterr().err
    assert "2 passwords are \\N, NULL, null or None, the first in row 1" in said
    assert "1 password is not UTF-8, in row 2" in said


def test_hashes_are_refused_before_the_upload_and_by_the_plan(
    stack: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = b"id,password\nu,a\nv,$2b$04$%b\n" % (b"a" * 53)
    (table := tmp_path / "users.csv").write_bytes(content)
    before = stack.objects()
    assert start(table, "--cost", "4") == 2
    assert "1 in the first 2 rows, the first in row 1" in capsys.readouterr().err
    assert stack.objects() == before
    stack.upload(content)
    about = stack.start()
    assert (about["status"], about["error"]) == ("FAILED", "InvalidTable")
    assert "1 in the first 2 rows, the first in row 1" in about["cause"]
    assert stack.objects("runs/r/parts/") == []
    assert stack.start(hash_anyway=True)["status"] == "SUCCEEDED"
