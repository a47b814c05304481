"""The state machine and its functions on moto, with faults between them.

After each fault: every row exactly once, every hash its password's, and secrets only in the input
and the parts.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from bcrypt_batch.tables.compute import compute
from tests.bulk.complete import ROWS, complete, scan
from tests.bulk.engine import BUCKET, Engine, Fault, FunctionError, throttled
from tests.deployment.layers import PROJECT
from tests.examples import THOROUGH, thorough
from tests.tables.samples import as_csv, users
from tests.test_frames import found_in, frames_of

if TYPE_CHECKING:
    from bulk.record import Stored


def first_time(kind: str, act: Callable[[Callable[[], Any]], Any], chunk: int = 1) -> Fault:
    """Return a fault in the first invocation for a chunk, or of a step."""
    met: list[bool] = []

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        mine = event["step"] == kind and (kind != "chunk" or event["item"]["chunk"] == chunk)
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
    "killed before the write": first_time("chunk", killed_before),
    "killed after the write": first_time("chunk", killed_after),
    "timed out": first_time("chunk", timed_out),
    "throttled": first_time("chunk", throttle),
    "too slow once": first_time("chunk", too_slow),
    "the plan killed before": first_time("plan", killed_before),
    "the plan killed after": first_time("plan", killed_after),
    "the plan throttled": first_time("plan", throttle),
    "the finish killed after": first_time("finish", killed_after),
}


@pytest.mark.parametrize("name", FAULTS if THOROUGH else [*FAULTS][::3])
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


@thorough
def test_all_children_fail_and_a_second_run_finishes(
    bulk: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    """moto lets the map succeed; Finish reports the missing chunks."""

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if event["step"] == "chunk" and event["item"]["chunk"] != 1:
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
    """Read from the definition, because moto goes on whatever it says."""
    definition = json.loads((PROJECT / "statemachine/bulk.asl.json").read_text())
    assert definition["States"]["Chunks"]["ToleratedFailurePercentage"] == 100


def test_throttled_and_failed_children_wait_at_random() -> None:
    """Read from the definition, because moto has no jitter: without jitter all retry at once."""
    definition = json.loads((PROJECT / "statemachine/bulk.asl.json").read_text())["States"]
    of_children = definition["Chunks"]["ItemProcessor"]["States"]["Chunk"]["Retry"]
    throttles = [definition[name]["Retry"][0] for name in ("Plan", "Finish")]
    assert all("Lambda.TooManyRequestsException" in one["ErrorEquals"] for one in throttles)
    assert {one.get("JitterStrategy") for one in (*of_children, *throttles)} == {"FULL"}


@pytest.mark.parametrize("planned", [-1, 1])
def test_a_chunk_with_other_rows_than_planned_is_no_part(bulk: Engine, planned: int) -> None:
    """A plan that somebody changed: no row is left out or confused with another."""
    bulk.start(chunk_rows=100)
    plan = json.loads(bulk.read("runs/r/plan.json"))
    plan[1]["rows"] += planned
    bulk.s3.put_object(Bucket=BUCKET, Key="runs/r/plan.json", Body=json.dumps(plan))
    part = "runs/r/parts/00000001-000000000100.jsonl"
    bulk.s3.delete_object(Bucket=BUCKET, Key=part)
    bulk.start(chunk_rows=100)
    said = f"StepFailed: chunk 1 has 100 rows, not {100 + planned} as planned"
    assert said in bulk.causes
    assert part not in bulk.objects()


def test_every_read_of_the_input_is_of_what_was_planned(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 compares the tag in If-Match: otherwise the bytes could be another object's."""
    from bulk import store

    client = store.client()
    real = client.get_object
    tag = bulk.s3.head_object(Bucket=BUCKET, Key="in/users.csv")["ETag"]
    asked = []

    def get(**arguments: Any) -> Any:
        if arguments["Key"].startswith("in/"):
            asked.append(arguments.get("IfMatch"))
        return real(**arguments)

    monkeypatch.setattr(client, "get_object", get)
    monkeypatch.setattr(store, "READ_AT_ONCE_BYTES", 0)
    bulk.start(chunk_rows=100)
    assert len(asked) >= 4
    assert {*asked} == {tag}


@thorough
def test_two_children_race_for_one_chunk(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look, both compute, one writes; the other takes over that part."""
    from bulk import store

    meet = threading.Barrier(2, timeout=20)
    real = store.create
    wrote = []

    def create(stored: Stored, body: bytes, about: dict[str, str] | None = None) -> bool:
        if "/parts/" not in stored.key:
            return real(stored, body, about)
        meet.wait()
        wrote.append(real(stored, body, about))
        return wrote[-1]

    monkeypatch.setattr(store, "create", create)
    answers = []

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        if event["step"] != "chunk":
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


@thorough
def test_the_part_of_one_who_got_less_far_counts(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If written first: the other child goes on from that part's end, not from its own."""
    from bulk import chunk, store

    real = store.create
    written = threading.Event()
    met: list[threading.Thread] = []

    def short(job: Any, rows: list[Any], deadline: float) -> Any:
        done = compute(job, rows)
        if threading.current_thread() in met:
            return done._replace(outcomes=done.outcomes[:100], complete=False)
        return done

    def create(stored: Stored, body: bytes, about: dict[str, str] | None = None) -> bool:
        assert threading.current_thread() in met or "/parts/" not in stored.key or written.wait(20)
        return real(stored, body, about)

    def fault(event: dict[str, Any], call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def call_first() -> None:
            call()
            written.set()

        if event["step"] == "chunk" and not met:
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
    """A foreign part instead of ours is neither counted nor continued."""
    about = {"rows": rows, "errors": "0", "unmatched": "0", "truncated": "0", "next": "9"}
    key = "runs/r/parts/00000001-000000000100.jsonl"
    bulk.s3.put_object(Bucket=BUCKET, Key=key, Body=b"", Metadata=about)
    said = bulk.start(chunk_rows=100)
    assert (said["status"], said["error"]) == ("FAILED", "Incomplete")
    assert "rows 100 to 199 are missing" in said["cause"]
    assert f"{key.removeprefix('runs/r/')} does not fit chunk 1 of the plan" in "".join(bulk.causes)


@pytest.mark.parametrize("when", ["chunk", "second run"])
def test_a_replaced_input_is_noticed(bulk: Engine, when: str) -> None:
    """And not retried: a different content has different rows."""
    replacement = as_csv(users(300, seed=2))

    def replace(call: Callable[[], Any]) -> Any:
        bulk.upload(replacement)
        return call()

    if when == "chunk":
        bulk.fault = first_time("chunk", replace, chunk=0)
        about = bulk.start(chunk_rows=1000)
        assert (about["status"], about["error"]) == ("FAILED", "Incomplete")
        assert sum(event["step"] == "chunk" for event in bulk.events) == 1
        assert any(cause.startswith("InputReplaced") for cause in bulk.causes)
    else:
        bulk.start(chunk_rows=100)
        bulk.upload(replacement)
        assert bulk.start(chunk_rows=100)["error"] == "InputReplaced"


def test_a_bucket_that_denies(bulk: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the action and the object; the call is not retried."""
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
    assert "S3 refuses to write the output's parts/0" in cause
    assert sum(event["step"] == "chunk" for event in bulk.events) == 1


@thorough
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


@thorough
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


def call_for_frames(call: Callable[[], Any], frames: list[FrameType]) -> Any:
    try:
        return call()
    except Exception as error:
        frames += frames_of(error)
        raise


def test_a_fault_of_the_code_tells_nothing(
    bulk: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own message may quote a row, and its frames have them."""
    from bulk import chunk

    def broken(job: Any, rows: list[Any], deadline: float) -> Any:
        raise RuntimeError(f"odd row {rows[0]}")

    monkeypatch.setattr(chunk, "compute", broken)
    frames: list[FrameType] = []
    bulk.fault = first_time("chunk", lambda call: call_for_frames(call, frames), chunk=0)
    assert bulk.start()["error"] == "Incomplete"
    assert "StepFailed: RuntimeError in step chunk" in bulk.causes
    assert {frame.f_code.co_name for frame in frames} >= {"handler", "_compute", "advance"}
    secrets = {user.id: user.password for user in ROWS if user.password and len(user.password) > 4}
    assert [name for frame in frames for name in found_in(frame, {}, secrets)] == []
    scan(bulk, capsys.readouterr().out)
