"""The state machine and its functions on moto, with faults between them.

After each: every row exactly once, every hash its password's, and nothing secret anywhere but in
the input and the parts.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

import bcrypt_batch
from bcrypt_batch.tables.compute import compute, measure
from tests.bulk.engine import BUCKET, Context, Engine, Fault, FunctionError, engine, throttled
from tests.deployment.layers import PROJECT
from tests.processes import check_python, run_python
from tests.tables.samples import User, as_csv, check, users

ROWS = users(300)
TABLE = as_csv(ROWS)


@pytest.fixture
def bulk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A machine of a known speed, for it takes a second to measure this one's."""
    monkeypatch.setattr("bulk.plan.measure", lambda _job, **_: (1000.0, 6))
    with engine() as running:
        running.upload(TABLE)
        yield running


def complete(bulk: Engine, rows: list[User] = ROWS) -> None:
    """Assert that each row is there once, by the manifest and by the objects."""
    check(bulk.lines(), rows)
    parts = [line for key in bulk.objects("runs/r/parts/") for line in bulk.read(key).splitlines()]
    assert len(parts) == len(rows)


def scan(bulk: Engine, said: str, rows: list[User] = ROWS) -> None:
    """Look for passwords and hashes wherever they must not be."""
    texts = {"history": bulk.history(), "log": said, "errors": "\n".join(bulk.causes)}
    for key in bulk.objects():
        if key.startswith("in/") or "/parts/" in key:
            continue
        texts[key] = bulk.read(key).decode()
    passwords = [user.password for user in rows if user.password and len(user.password) > 4]
    for name, text in texts.items():
        assert not re.search(r"\$2[abxy]\$\d\d", text), name
        for password in passwords:
            assert password.decode("utf-8", "replace") not in text, name
            assert json.dumps(password.decode("utf-8", "surrogateescape"))[1:-1] not in text, name


def first_time(kind: str, act: Callable[[Callable[[], Any]], Any], chunk: int = 1) -> Fault:
    """Return a fault that meets the first invocation for a chunk, or of a step."""
    met: list[bool] = []

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        mine = event["step"] == kind and (kind != "hash" or event["item"]["chunk"] == chunk)
        if mine and not met:
            met.append(True)
            answer: dict[str, Any] = act(call)
            return answer
        return call()

    return fault


def killed_before(call: Callable[[], Any]) -> Any:
    raise FunctionError("Runtime.ExitError", "RequestId: r Error: Runtime exited: signal: killed")


def killed_after(call: Callable[[], Any]) -> Any:
    call()
    raise FunctionError("Runtime.ExitError", "RequestId: r Error: Runtime exited: signal: killed")


def timed_out(call: Callable[[], Any]) -> Any:
    raise FunctionError(
        "Sandbox.Timedout", "RequestId: r Error: Task timed out after 60.00 seconds"
    )


def too_slow(call: Callable[[], Any]) -> Any:
    raise FunctionError("NoProgress", "not one row of chunk 1 was finished within 48 s")


def throttle(call: Callable[[], Any]) -> Any:
    raise throttled()


FAULTS = {
    "none": None,
    "killed before the write": first_time("hash", killed_before),
    "killed after the write": first_time("hash", killed_after),
    "timed out": first_time("hash", timed_out),
    "throttled": first_time("hash", throttle),
    "too slow once": first_time("hash", too_slow),
    "the plan killed before": first_time("plan", killed_before),
    "the plan killed after": first_time("plan", killed_after),
    "the plan throttled": first_time("plan", throttle),
    "the finish killed after": first_time("finish", killed_after),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_that_are_retried(
    bulk: Engine, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk.fault = FAULTS[name] or bulk.fault
    about = bulk.start(chunk_rows=100)
    assert about["status"] == "SUCCEEDED", about
    assert json.loads(about["output"])["rows"] == len(ROWS)
    complete(bulk)
    scan(bulk, capsys.readouterr().out)


def test_a_deadline_in_the_middle_is_no_special_case(
    bulk: Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each invocation finishes some rows; the child goes round until none are left."""
    from bulk import chunk

    real = compute

    def slow(job: Any, rows: list[Any], deadline: float) -> Any:
        assert 0 < deadline <= 48  # a minute, less a fifth for writing the part
        done = real(job, rows)
        return done._replace(outcomes=done.outcomes[:40], complete=len(done.outcomes) <= 40)

    monkeypatch.setattr(chunk, "compute", slow)
    about = bulk.start(chunk_rows=150)
    assert about["status"] == "SUCCEEDED", about
    assert json.loads(about["output"])["parts"] == 8
    complete(bulk)
    scan(bulk, capsys.readouterr().out)


def test_all_children_fail_and_a_second_run_finishes(
    bulk: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """moto says that the map succeeded; Finish says what is missing."""

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if event["step"] == "hash" and event["item"]["chunk"] != 1:
            raise FunctionError("Runtime.HandlerNotFound", "gone")
        return call()

    bulk.fault = fault
    about = bulk.start(chunk_rows=100)
    assert (about["status"], about["error"]) == ("FAILED", "Incomplete")
    assert "rows 0 to 99, 200 to 299 are missing" in about["cause"]
    (kept,) = bulk.objects("runs/r/parts/")
    before = bulk.read(kept)
    bulk.fault = lambda _event, call: call()
    assert bulk.start(chunk_rows=100)["status"] == "SUCCEEDED"
    assert bulk.read(kept) == before  # another salt would be another hash
    complete(bulk)
    scan(bulk, capsys.readouterr().out)


def test_a_second_run_computes_nothing(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from bulk import chunk

    first = json.loads(bulk.start(chunk_rows=100)["output"])
    before = {key: bulk.read(key) for key in bulk.objects("runs/")}
    monkeypatch.setattr(chunk, "compute", None)
    again = bulk.start(chunk_rows=7)  # the plan that is there counts
    assert json.loads(again["output"]) == first
    assert not bulk.causes  # failed children are tolerated: the parts are there
    assert {key: bulk.read(key) for key in bulk.objects("runs/")} == before


def test_failed_children_do_not_stop_the_others() -> None:
    """Read, because moto goes on whatever the definition says."""
    definition = json.loads((PROJECT / "statemachine/bulk.asl.json").read_text())
    assert definition["States"]["Chunks"]["ToleratedFailurePercentage"] == 100


def test_two_children_race_for_one_chunk(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look, both compute, one writes; the other takes over what it wrote."""
    from bulk import store

    meet = threading.Barrier(2, timeout=20)
    real = store.create
    wrote = []

    def create(bucket: str, key: str, body: bytes, about: dict[str, str] | None = None) -> bool:
        if "/parts/" not in key:
            return real(bucket, key, body, about)
        meet.wait()
        wrote.append(real(bucket, key, body, about))
        return wrote[-1]

    monkeypatch.setattr(store, "create", create)
    answers = []

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if event["step"] != "hash":
            return call()
        other = threading.Thread(target=lambda: answers.append(call()))
        other.start()
        answers.append(call())
        other.join()
        return answers[-1]

    bulk.fault = fault
    assert bulk.start(chunk_rows=1000)["status"] == "SUCCEEDED"
    assert sorted(wrote) == [False, True]
    assert answers[0] == answers[1]
    complete(bulk)


def test_the_part_of_one_who_got_less_far_counts(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it is there first: the other goes on from its end, not from where its own was."""
    from bulk import chunk, store

    real = store.create
    written = threading.Event()
    met: list[threading.Thread] = []

    def short(job: Any, rows: list[Any], deadline: float) -> Any:
        done = compute(job, rows)
        if threading.current_thread() in met:
            return done._replace(outcomes=done.outcomes[:100], complete=False)
        return done

    def create(bucket: str, key: str, body: bytes, about: dict[str, str] | None = None) -> bool:
        assert threading.current_thread() in met or "/parts/" not in key or written.wait(20)
        return real(bucket, key, body, about)

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def call_first() -> None:
            call()
            written.set()

        if event["step"] == "hash" and not met:
            met.append(threading.Thread(target=call_first))
            met[0].start()
        return call()

    monkeypatch.setattr(chunk, "compute", short)
    monkeypatch.setattr(store, "create", create)
    bulk.fault = fault
    about = bulk.start(chunk_rows=1000)
    assert about["status"] == "SUCCEEDED", about
    assert json.loads(about["output"])["parts"] == 2
    complete(bulk)


@pytest.mark.parametrize("rows", ["0", "101"])
def test_a_part_that_fits_no_chunk_is_none(bulk: Engine, rows: str) -> None:
    """Somebody else's, in the place of ours: neither counted nor gone on from."""
    about = {"rows": rows, "errors": "0", "unmatched": "0", "next": "9"}
    key = "runs/r/parts/00000001-000000000100.jsonl"
    bulk.s3.put_object(Bucket=BUCKET, Key=key, Body=b"", Metadata=about)
    said = bulk.start(chunk_rows=100)
    assert (said["status"], said["error"]) == ("FAILED", "Incomplete")
    assert "rows 100 to 199 are missing" in said["cause"]
    assert f"part {key} does not fit chunk 1 of the plan" in "".join(bulk.causes)


@pytest.mark.parametrize("when", ["hash", "second run"])
def test_a_replaced_input_is_noticed(bulk: Engine, when: str) -> None:
    """And not retried: another content gives other rows."""
    replacement = as_csv(users(300, seed=2))

    def replace(call: Callable[[], Any]) -> Any:
        bulk.upload(replacement)
        return call()

    if when == "hash":
        bulk.fault = first_time("hash", replace, chunk=0)
        about = bulk.start(chunk_rows=1000)
        assert (about["status"], about["error"]) == ("FAILED", "Incomplete")
        assert sum(event["step"] == "hash" for event in bulk.events) == 1
        assert any(cause.startswith("InputReplaced") for cause in bulk.causes)
    else:
        bulk.start(chunk_rows=100)
        bulk.upload(replacement)
        assert bulk.start(chunk_rows=100)["error"] == "InputReplaced"


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"cost": 5}, "job"),
        ({"prefix": "2y"}, "job"),
        ({"allow_empty": True}, "job"),
        ({"input": {"keep": ["id"]}}, "keep"),
        ({"input": {"id_column": "id"}}, "columns"),
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
        (b'id,password\nu,"a\nv,b\nw,c\n', "csv", 3),
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


def test_a_bucket_that_denies(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what and where; it is not retried."""
    from bulk import store

    client = store.client()
    real = client.put_object

    def deny(**arguments: Any) -> Any:
        if "/parts/" in arguments["Key"]:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        return real(**arguments)

    monkeypatch.setattr(client, "put_object", deny)
    about = bulk.start()
    assert about["error"] == "Incomplete"
    (cause,) = {cause for cause in bulk.causes if cause.startswith("StoreDenied")}
    assert f"S3 refuses to write s3://{BUCKET}/runs/r/parts/" in cause
    assert sum(event["step"] == "hash" for event in bulk.events) == 1


def test_s3_in_trouble_is_tried_again(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from bulk import store

    client = store.client()
    real = client.put_object
    trouble = iter([True])

    def slow_down(**arguments: Any) -> Any:
        if "/parts/" in arguments["Key"] and next(trouble, False):
            raise ClientError({"Error": {"Code": "SlowDown", "Message": "slow"}}, "PutObject")
        return real(**arguments)

    monkeypatch.setattr(client, "put_object", slow_down)
    assert bulk.start(chunk_rows=100)["status"] == "SUCCEEDED"
    complete(bulk)


def test_a_missing_part_fails_the_run(bulk: Engine) -> None:
    """Deleted between the map and Finish."""

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if event["step"] == "finish":
            bulk.s3.delete_object(Bucket=BUCKET, Key="runs/r/parts/00000001-000000000100.jsonl")
        return call()

    bulk.fault = fault
    about = bulk.start(chunk_rows=100)
    assert about["error"] == "Incomplete"
    assert "rows 100 to 199 are missing" in about["cause"]
    assert "runs/r/manifest.json" not in bulk.objects()


def test_a_fault_of_the_code_tells_nothing(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own message may quote a row."""
    from bulk import chunk

    def broken(job: Any, rows: list[Any], deadline: float) -> Any:
        raise RuntimeError(f"odd row {rows[0]}")

    monkeypatch.setattr(chunk, "compute", broken)
    assert bulk.start()["error"] == "Incomplete"
    assert "StepFailed: RuntimeError in step hash" in bulk.causes
    scan(bulk, capsys.readouterr().out)


def test_verify(bulk: Engine) -> None:
    made = [value or b"" for value in bcrypt_batch.hash_many([b"a", b"b"], cost=4).values]
    content = b"id,password,hash\nu,a,%b\nv,c,%b\nw,,x\n" % (made[0], made[1])
    bulk.upload(content)
    about = bulk.start(operation="verify", max_cost=12)
    assert json.loads(about["output"])["unmatched"] == 1
    assert [json.loads(line) for line in bulk.lines()] == [
        {"row": 0, "id": "u", "match": True},
        {"row": 1, "id": "v", "match": False},
        {"row": 2, "id": "w", "error": "missing_password"},
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"operation": "mend"}, "operation must be one of hash, verify"),
        ({"cost": 3}, "cost must be a whole number from 4 to 31"),
        ({"cost": True}, "cost must be a whole number"),
        ({"cost": 31}, "more than the 60 s that the function has"),
        ({"max_cost": 12}, "max_cost does not go with operation 'hash'"),
        ({"rows": []}, "unknown field 'rows'"),
        ({"key": "elsewhere/users.csv"}, "input.key must begin with in/"),
        ({"key": "in/none.csv"}, "there is no such object"),
        ({"input": {"format": "xml"}}, "input.format must be one of csv, jsonl, lines"),
        ({"input": {"delimiter": ";;"}}, "input.delimiter must be one character"),
        ({"input": {"keep": ["password"]}}, "nor the password and hash columns"),
        ({"input": {"format": "lines", "id_column": "x"}}, "no columns"),
        ({"input": {"password_column": "pw"}}, "no column 'pw'"),
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


def test_messages_of_a_queue(bulk: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    """A message is one chunk; what can't be done comes again, the others are done with."""
    bulk.fault = first_time("finish", killed_before)
    output = {"bucket": BUCKET, "prefix": "runs/r/"}
    event = {"operation": "hash", "cost": 4, "chunk_rows": 100, "output": output,
             "input": {"bucket": BUCKET, "key": "in/users.csv"}}  # fmt: skip
    bulk._handler({"step": "plan", "run": event}, Context(60))
    items = json.loads(bulk.read("runs/r/plan.json"))
    bodies = [json.dumps({"output": output, "item": item}) for item in items]
    records = [{"messageId": str(i), "body": body} for i, body in enumerate(bodies)]
    records.append({"messageId": "bad", "body": "s3cret"})
    failed = [{"itemIdentifier": "bad"}]
    for _ in range(2):  # messages may come twice
        assert bulk._handler({"Records": records}, Context(60)) == {"batchItemFailures": failed}
    assert bulk._handler({"step": "finish", "output": output}, Context(60))["rows"] == 300
    complete(bulk)
    said = capsys.readouterr().out
    assert "s3cret" not in said
    scan(bulk, said)


def test_a_plan_by_this_machine_s_speed(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk.plan.measure", measure)
    assert bulk.start()["status"] == "SUCCEEDED"
    complete(bulk)


def test_the_function_s_worker_count(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the function's that computes, not the plan's, and no other run for that."""
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
