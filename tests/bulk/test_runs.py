"""The state machine and its functions on moto: what they do and refuse."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.compute import compute, measure
from bcrypt_batch.tables.reading import read_layout, read_rows
from bcrypt_batch.tables.results import Counts
from bcrypt_batch.tables.rows import Reading
from tests.bulk.complete import complete
from tests.bulk.engine import BUCKET, Engine
from tests.deployment.layers import PROJECT
from tests.processes import check_python, run_python


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"cost": 5}, "job"),
        ({"prefix": "2y"}, "job"),
        ({"allow_empty": True}, "job"),
        ({"input": {"keep": ["id"]}}, "keep"),
        ({"input": {"id_column": "id"}}, "id_column"),
    ],
)
def test_a_prefix_in_use_with_other_options_is_refused(
    bulk: Engine, change: dict[str, Any], names: str
) -> None:
    bulk.start()
    before = {key: bulk.read(key) for key in bulk.objects("runs/")}
    about = bulk.start(**change)
    assert about["status"] == "FAILED"
    assert about["error"] in ("RunMismatch", "InvalidEvent")
    assert names in about["cause"]
    assert {key: bulk.read(key) for key in bulk.objects("runs/")} == before


@pytest.mark.parametrize(
    ("content", "form", "outcome"),
    [
        (b"", "csv", "InvalidTable"),
        (b"id,password\n", "csv", 0),
        (b"x", "csv", "InvalidTable"),
        (b"", "lines", 0),
        (b"x", "lines", 1),
        (b"\n", "lines", 1),
        (b"", "jsonl", 0),
        (b"id,password\nu,a\nv,b", "csv", 2),
        (b'id,password\nu,"a\nv,b\nw,c\n', "csv", 1),
        (b"id,password\nu," + b"x" * 200_000 + b"\nv,b\n", "csv", 2),
        (b"\x1f\x8b\x08" + bytes(50), "csv", "InvalidTable"),
        ("id,password\n".encode("utf-16"), "csv", "InvalidTable"),
    ],
)
def test_odd_files(bulk: Engine, content: bytes, form: str, outcome: int | str) -> None:
    bulk.upload(content, "in/odd")
    about = bulk.start(key="in/odd", input={"format": form}, chunk_rows=1)
    if isinstance(outcome, str):
        assert (about["status"], about["error"]) == ("FAILED", outcome)
        return
    assert about["status"] == "SUCCEEDED", about
    rows = [json.loads(line) for line in bulk.lines()]
    assert [row["row"] for row in rows] == list(range(outcome))


@pytest.mark.parametrize("at_once", [0, 32 << 20])
def test_quotes_that_stay_open_are_read_as_the_command_line_does(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr("bulk.store.READ_AT_ONCE_BYTES", at_once)
    monkeypatch.setattr("bulk.plan.MAX_CHUNK_BYTES", 2 << 20)
    quoted = b'v,"%b"\n' % (b"admin,%b\n" % (b"word" * 30) * 10_000)
    unclosed = b'w,"open\n' + b"w,%b\n" % (b"x" * 1000) * 3000
    content = b"id,password\n" + quoted + b"x,a\n" + unclosed + b'y,"b"\n' + quoted + b"z,c\n"
    bulk.upload(content)
    about = bulk.start()
    assert about["status"] == "SUCCEEDED", about
    lines, _, layout = read_layout(io.BytesIO(content), Reading())
    rows = list(read_rows(lines, Reading(), layout))
    found = [json.loads(line) for line in bulk.lines()]
    assert [row.get("id") for row in found] == [row.id for row in rows]
    assert [row.get("lines") for row in found] == [10_001, None, 3002, 10_001, None]
    assert [row.lines for row in rows] == [10_001, 1, 3002, 10_001, 1]
    assert not any(row.id == "admin" for row in rows)


@pytest.mark.parametrize("crlf", [False, True])
def test_rows_of_a_database(bulk: Engine, crlf: bool) -> None:
    """Each chunk knows how rows end, and what is NULL."""
    content = b'id\tpassword\nu\ta\\\nb\nv\t\\N\nw\tnone\nx\t"\n'
    if crlf:
        content = content.replace(b"\n", b"\r\n").replace(b"\\\r\n", b"\n")
    bulk.upload(content, "in/users.tsv")
    table = {"dialect": "mysql", "nulls": ["none"]}
    about = bulk.start(key="in/users.tsv", input=table, chunk_rows=1)
    assert about["status"] == "SUCCEEDED", about
    rows = [json.loads(line) for line in bulk.lines()]
    errors = [None, "missing_password", "missing_password", None]
    assert [row.get("error") for row in rows] == errors
    assert bcrypt_batch.checkpw(b"a\nb", rows[0]["hash"].encode())
    assert bcrypt_batch.checkpw(b'"', rows[3]["hash"].encode())


def test_rows_in_another_encoding(bulk: Engine) -> None:
    bulk.upload("id,password\nu,\u00fc\nv,\u20ac\n".encode("cp1252") + b"w,\x81\n")
    about = bulk.start(input={"encoding": "Windows-1252"}, chunk_rows=1)
    assert about["status"] == "SUCCEEDED", about
    umlaut, euro, wrong = [json.loads(line) for line in bulk.lines()]
    assert bcrypt_batch.checkpw("\u00fc".encode(), umlaut["hash"].encode())
    assert bcrypt_batch.checkpw("\u20ac".encode(), euro["hash"].encode())
    assert wrong["error"] == "wrong_encoding"


def test_wrap(bulk: Engine) -> None:
    bulk.upload(b"id,password\nu,%b\nv,a\n" % (b"A" * 32))
    assert bulk.start(wrap="md5-hex")["status"] == "SUCCEEDED"
    assert json.loads(bulk.read("runs/r/notes.json")) == {}
    made, refused = [json.loads(line) for line in bulk.lines()]
    assert bcrypt_batch.checkpw(b"a" * 32, made["hash"].encode())
    assert refused == {"row": 1, "id": "v", "error": "not_a_digest"}


def test_a_json_array(bulk: Engine) -> None:
    """Chunks begin and end between objects, wherever the lines do."""
    made = [{"id": f"u{i}", "password": f"p\u00fc{i}", "mail": "x" * i} for i in range(40)]
    bulk.upload(json.dumps(made, ensure_ascii=False).encode() + b"\n", "in/users.json")
    about = bulk.start(key="in/users.json", input={"keep": ["mail"]}, chunk_rows=7)
    assert about["status"] == "SUCCEEDED", about
    found = [json.loads(line) for line in bulk.lines()]
    assert [(row["id"], row["mail"]) for row in found] == [(u["id"], u["mail"]) for u in made]
    pairs = [(u["password"].encode(), r["hash"].encode()) for u, r in zip(made, found, strict=True)]
    assert all(bcrypt_batch.verify_many(*zip(*pairs, strict=True)).values)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("users.jsonl", b'{"id": 1, "passwort": "x"}\n' * 2000, "no row has the key"),
        ("users.json", b'[{"password": "x"}] 1', "more follows the JSON array"),
        ("users.json", b'{"users": [{"password": "x"}]}', "one JSON document"),
    ],
)
def test_json_that_is_refused_leaves_nothing(
    bulk: Engine, name: str, content: bytes, said: str
) -> None:
    bulk.upload(content, f"in/{name}")
    about = bulk.start(key=f"in/{name}")
    assert (about["status"], about["error"]) == ("FAILED", "InvalidTable")
    assert said in about["cause"]
    assert "passw" not in about["cause"].replace("password_column", "")
    assert bulk.objects("runs/r/") == []


def test_verify(bulk: Engine) -> None:
    made = [value or b"" for value in bcrypt_batch.hash_many([b"a", b"b"], cost=4).values]
    content = b"id,password,hash\nu,a,{CRYPT}%b\nv,%b,%b\nw,,x\nx,a,$P$x\n"
    content %= (made[0], b"b" * 73, made[1])
    bulk.upload(content)
    about = bulk.start(operation="verify", max_cost=12)
    counts = {name: json.loads(about["output"])[name] for name in Counts._fields}
    assert counts == {"rows": 4, "errors": 2, "unmatched": 1, "truncated": 1}
    assert [json.loads(line) for line in bulk.lines()] == [
        {"row": 0, "id": "u", "scheme": "ldap", "match": True},
        {"row": 1, "id": "v", "scheme": "bcrypt", "match": False, "truncated": True},
        {"row": 2, "id": "w", "error": "missing_password"},
        {"row": 3, "id": "x", "scheme": "phpass", "error": "unsupported_scheme"},
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "mend"}, "operation must be one of 'hash', 'verify', not another string"),
        ({"cost": 3}, "cost must be a whole number from 4 to 31"),
        ({"cost": True}, "cost must be a whole number from 4 to 31, not a boolean"),
        ({"cost": 31}, "more than the 60 s that the function has"),
        ({"max_cost": 12}, "max_cost does not go with operation 'hash'"),
        ({"wrap": "md5"}, "wrap must be one of 'md5-hex', 'sha1-hex'"),
        ({"wrap": "md5-hex", "scheme": "ldap"}, "scheme does not go with wrap"),
        ({"scheme": "pepper"}, "scheme must be one of 'wordpress', 'django'"),
        ({"rows": []}, "the event has 1 unknown field; the fields are 'operation'"),
        ({"key": "elsewhere/users.csv"}, "input.key must begin with in/"),
        ({"key": "in/none.csv"}, "there is no such object"),
        ({"input": {"format": "xml"}}, "format must be one of 'csv', 'jsonl', 'json', 'lines'"),
        ({"input": {"delimiter": ";;"}}, "input.delimiter must be one character"),
        ({"input": {"keep": ["password"]}}, "nor the password or the hash column"),
        ({"input": {"id_column": "password"}}, "can't be the password or the hash column"),
        (
            {"operation": "verify", "input": {"id_column": "hash"}},
            "the password or the hash column",
        ),
        ({"input": {"format": "lines", "id_column": "x"}}, "input.id_column doesn't go with"),
        ({"input": {"password_column": "pw"}}, "no column of the name in input.password_column"),
        ({"output": {"bucket": BUCKET, "prefix": "elsewhere/"}}, "output.prefix must be runs/"),
        ({"output": {"bucket": BUCKET, "prefix": "runs/r"}}, "output.prefix must be runs/"),
        ({"truncate": "yes"}, "truncate must be true or false"),
        ({"concurrency": 0}, "concurrency must be a whole number from 1 to 10000"),
    ],
)
def test_what_is_refused_is_named(bulk: Engine, change: dict[str, Any], message: str) -> None:
    about = bulk.start(**change)
    assert about["status"] == "FAILED"
    assert about["error"] in ("InvalidEvent", "InvalidTable")
    assert message in about["cause"]
    assert len(bulk.events) == 1  # it is not retried


def test_a_column_that_is_named_twice_is_kept_once(bulk: Engine) -> None:
    bulk.upload(b"id,password,mail\nu,,e\n")
    assert bulk.start(input={"keep": ["mail", "mail"]})["status"] == "SUCCEEDED"
    assert bulk.lines() == [
        b'{"row": 0, "id": "u", "mail": "e", "error": "missing_password"}\n',
    ]


def test_a_password_column_called_id_is_no_id(bulk: Engine) -> None:
    bulk.upload(b"id\ns3cret\n")
    assert bulk.start(input={"password_column": "id"})["status"] == "SUCCEEDED"
    assert [*json.loads(bulk.lines()[0])] == ["row", "hash"]


def test_a_plan_by_this_machine_s_speed(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk.plan.measure", measure)
    assert bulk.start()["status"] == "SUCCEEDED"
    complete(bulk)


def test_the_function_s_worker_count(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The computing function's count, not the plan's; another count makes no other run."""
    from bulk import chunk, plan

    asked = []

    def computed(job: Any, rows: list[Any], deadline: float) -> Any:
        asked.append(job.workers)
        return compute(job, rows, deadline)

    monkeypatch.setattr(chunk, "compute", computed)
    for workers in (3, 1):
        monkeypatch.setattr(plan, "WORKERS", workers)
        monkeypatch.setattr(chunk, "WORKERS", workers)
        assert bulk.start(chunk_rows=100)["status"] == "SUCCEEDED"
        for key in bulk.objects("runs/r/parts/"):
            bulk.s3.delete_object(Bucket=BUCKET, Key=key)
    assert asked == [3] * 3 + [1] * 3


@pytest.mark.parametrize(("value", "said"), [("3", "3\n"), ("", "None\n")])
def test_worker_count_is_read_at_the_start(value: str, said: str) -> None:
    code = f"import sys; sys.path.insert(0, {str(PROJECT / 'handler')!r}); " + (
        "from bulk import chunk; print(chunk.WORKERS)"
    )
    assert check_python(code, WORKER_COUNT=value) == said
    assert "must be a whole number from 1 to" in run_python(code, WORKER_COUNT="many").stderr
