"""The handler's answers to valid events, and its log."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import app
import response
from environment import asked_workers
from fields import InvalidEvent
from request import ITERATION_S, Request
from tests.invoked import call, check_hashes, event
from tests.processes import PROGRAMS

HANDLER = Path(app.__file__).parent


def test_synthetic_passwords() -> None:
    started = time.perf_counter()
    answer = call({"mode": "parallel", "count": 7, "cost": 4})
    assert 0.1 < answer["duration_ms"] < (time.perf_counter() - started) * 1000
    check_hashes([b"password_%06d" % i for i in range(7)], answer)
    assert answer["processed"] == 7
    assert answer["mode"] == "parallel"
    assert answer["workers"] == app.WORKERS
    assert answer["cost"] == 4
    assert answer["avg_ms_per_item"] == pytest.approx(answer["duration_ms"] / 7, abs=0.01)
    assert answer["threads_used"] == len(answer["thread_ids"]) >= 1
    assert answer["detected_cpus"] >= 1
    (resident_kb,) = re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert answer["memory_used_kb"] == pytest.approx(int(resident_kb), rel=0.1)
    assert "errors" not in answer
    assert "unprocessed" not in answer


def test_figures_of_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request({"count": 7, "cost": 4}, 1)
    body = response.answer(request, app.run(request, 60.0), 123_456_789_123, False)
    assert (body["duration_ms"], body["avg_ms_per_item"]) == (123456.789, 17636.684)
    status = Path("/proc/self/status").read_text()
    (resident_kb,) = (int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)
    assert response.resident_kb() == pytest.approx(resident_kb, rel=0.2)
    monkeypatch.setattr(os, "sysconf", lambda name: 1000 << 10 if name == "SC_PAGE_SIZE" else None)
    assert response.resident_kb() % 1000 == 0


def test_default_cost() -> None:
    assert call({"count": 1})["hashes"][0].startswith("$2b$10$")


def test_given_passwords() -> None:
    answer = call(event("passwords"))
    check_hashes([p.encode() for p in event("passwords")["passwords"]], answer)


def test_raw_bytes_in_base64() -> None:
    answer = call(event("base64"))
    check_hashes([b"\xff\0\xff", b"\0"], answer)
    assert all(hashed.startswith("$2y$04$") for hashed in answer["hashes"])


def test_verify() -> None:
    answer = call(event("verify"))
    assert answer["matches"] == [True, False, True, None]
    (error,) = answer["errors"]
    assert (error["index"], error["code"]) == (3, "unsupported_scheme")
    assert "md5-crypt" in error["message"]
    assert "schemes" not in answer
    assert answer["processed"] == 3
    assert answer["cost"] is None
    assert "hashes" not in answer


def test_sequential_mode_is_one_thread_and_one_lane() -> None:
    answer = call({"mode": "sequential", "count": 3, "cost": 4})
    assert (answer["workers"], answer["threads_used"], answer["lanes"]) == (1, 1, 1)


@pytest.fixture
def _two_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same worker count on every machine."""
    monkeypatch.setattr(app, "WORKERS", 2)


@pytest.mark.usefixtures("_two_workers")
def test_parallel_mode_uses_several_threads() -> None:
    answer = call({"mode": "parallel", "count": 24, "cost": 8, "workers": 2, "lanes": 2})
    assert answer["threads_used"] == 2
    assert answer["lanes"] == 2


@pytest.mark.usefixtures("_two_workers")
@pytest.mark.parametrize(
    ("workers", "count", "mode"), [(1, 1, "sequential"), (1, 2, "parallel"), (2, 1, "parallel")]
)
def test_auto_mode_says_what_it_picked(workers: int, count: int, mode: str) -> None:
    assert call({"count": count, "cost": 4, "workers": workers})["mode"] == mode


def test_long_passwords() -> None:
    """Long passwords are an error when hashing, and cut when verifying, as in the library."""
    long = "x" * 73
    hashed = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    pairs = [{"password": long, "hash": hashed}]
    refused = call({"passwords": [long], "cost": 4})
    assert refused["errors"][0]["code"] == "password_too_long"
    assert call({"passwords": [long], "cost": 4, "truncate": False})["errors"] == refused["errors"]
    check_hashes([b"x" * 72], call({"passwords": [long], "cost": 4, "truncate": True}))
    assert call({"passwords": ["", long], "cost": 4, "truncate": True})["truncated"] == [1]
    for asked in ({}, {"truncate": True}):
        answer = call({"verify": pairs, **asked})
        assert (answer["matches"], answer["truncated"]) == ([True], [0])
    assert "truncated" not in call({"verify": [{"password": "x" * 72, "hash": hashed}]})
    refused = call({"verify": pairs, "truncate": False})
    assert refused["errors"][0]["code"] == "password_too_long"


def test_the_highest_cost_to_verify() -> None:
    hashes = [bcrypt.hashpw(b"pw", bcrypt.gensalt(cost)).decode() for cost in (4, 5)]
    event = {"verify": [{"password": "pw", "hash": hashed} for hashed in hashes]}
    answer = call({**event, "max_cost": 4})
    assert answer["matches"] == [True, None]
    assert [(error["index"], error["code"]) for error in answer["errors"]] == [(1, "cost_too_high")]
    assert call({**event, "max_cost": 5})["matches"] == [True, True]
    event["verify"][1]["hash"] = hashes[1].replace("$05$", "$17$")
    assert call(event)["errors"][0]["code"] == "cost_too_high"
    answer = call({**event, "max_cost": 17, "deadline_ms": 0, "partial": True})
    assert "errors" not in answer
    assert answer["unprocessed"] == [0, 1]


HASH_16 = "$2b$16$" + "." * 53


@pytest.mark.parametrize(
    "event",
    [
        {"verify": [{"password": "pw", "hash": HASH_16}] * 1000},
        {"count": 1000, "cost": 16},
        {"passwords": ["pw"] * 1000, "cost": 16},
        {"passwords": ["x" * 73] * 1000, "cost": 16, "truncate": True},
    ],
)
def test_what_is_hopeless_is_refused_before_it_begins(
    event: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand items of cost 16 take an hour; the function has half a minute."""
    event = {**event, "workers": 1}
    started = []
    monkeypatch.setattr(app, "run", lambda *arguments: started.append(arguments))
    with pytest.raises(InvalidEvent) as caught:
        call(event)
    seconds = 30 - app.MARGIN_S
    most = int(seconds / ITERATION_S)
    for said in (
        "asks for 65536000 iterations",
        f"{seconds:.1f} s",
        "1 workers",
        f"more than {most};",
    ):
        assert said in str(caught.value)
    assert not started
    monkeypatch.undo()
    answer = call({**event, "partial": True, "deadline_ms": 30})
    assert len(answer["unprocessed"]) == 1000
    assert not answer["complete"]


@pytest.mark.parametrize(
    "event",
    [
        {"passwords": [None] * 1000, "cost": 31},
        {"passwords": ["x" * 73] * 1000, "cost": 31},
        {"passwords": ["?"] * 1000, "cost": 31, "encoding": "base64"},
        {"verify": [{"password": None, "hash": HASH_16}] * 1000},
        {"verify": [{"password": "x" * 73, "hash": HASH_16}] * 1000, "truncate": False},
    ],
)
def test_items_that_are_errors_anyway_need_no_time(event: dict[str, Any]) -> None:
    answer = call(event)
    assert len(answer["errors"]) == 1000
    assert answer["complete"]


def test_hashes_that_are_errors_anyway_need_no_time() -> None:
    """Nor do costs that bcrypt does not have."""
    for hopeless in (HASH_16, "$2b$99$" + "." * 53, "$2b$-1$" + "." * 53, "abcd15", "", None):
        pairs = [{"password": "pw", "hash": hopeless}] * 1000
        assert len(call({"verify": pairs, "max_cost": 15})["errors"]) == 1000


def test_schemes() -> None:
    made = [
        call({"passwords": ["s3cret", "x" * 73], "cost": 4, "scheme": scheme})["hashes"]
        for scheme in ("wordpress", "passlib-v2")
    ]
    stored = [*made[0], *made[1], "$P$Bsomething", "$2b$04$" + "." * 53]
    pairs = [
        {"password": password, "hash": text}
        for password, text in zip(["s3cret", "x" * 73] * 3, stored, strict=True)
    ]
    answer = call({"verify": pairs, "scheme": "md5-hex"})
    assert answer["matches"] == [True, True, True, True, None, False]
    assert answer["schemes"] == [*["wordpress"] * 2, *["passlib-v2"] * 2, "phpass", "md5-hex"]
    assert codes(answer) == {4: "unsupported_scheme"}
    for scheme, source in (("pepper", "verify"), ("auto", "passwords"), ("django", "verify")):
        with pytest.raises(InvalidEvent, match="scheme must be one of"):
            call({source: pairs if source == "verify" else ["a"], "scheme": scheme})


@pytest.mark.parametrize(
    ("scheme", "mark", "times"), [("auto", "$wp", 1), ("woltlab", "", 2), ("bcrypt", "{crypt}", 1)]
)
def test_a_mark_hides_no_work(scheme: str, mark: str, times: int) -> None:
    pairs = [{"password": "x" * 73, "hash": mark + HASH_16}] * 1000
    with pytest.raises(InvalidEvent, match=f"asks for {times * 65536000} iterations"):
        call({"verify": pairs, "scheme": scheme, "truncate": False, "workers": 1})


def test_what_is_unreadable_is_no_work_that_is_left() -> None:
    event = {"passwords": ["!", "cHc="], "encoding": "base64", "cost": 4}
    answer = call({**event, "deadline_ms": 0, "partial": True})
    assert [error["index"] for error in answer["errors"]] == [0]
    assert (answer["unprocessed"], answer["processed"]) == ([1], 0)


def test_a_deadline() -> None:
    answer = call({"count": 1000, "cost": 10, "deadline_ms": 150, "partial": True})
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert answer["unprocessed"]
    assert answer["complete"] is False
    answer = call({"count": 3, "cost": 4, "deadline_ms": 0, "partial": True})
    assert answer["unprocessed"] == [0, 1, 2]
    answer = call({"count": 3, "cost": 4, "deadline_ms": 900_000})
    assert (answer["processed"], answer["complete"]) == (3, True)


def codes(answer: dict[str, Any]) -> dict[int, str]:
    return {error["index"]: error["code"] for error in answer["errors"]}


def test_a_missing_or_unreadable_password_spoils_nothing() -> None:
    answer = call({"passwords": ["pw", None, "\ud800", ""], "cost": 4})
    assert codes(answer) == {1: "missing_password", 2: "invalid_password"}
    assert [hashed is None for hashed in answer["hashes"]] == [False, True, True, False]
    assert answer["processed"] == 2
    message = answer["errors"][1]["message"]
    assert message == "the password is not valid utf-8, the event's encoding of passwords"


def test_a_password_that_is_no_base64_spoils_nothing() -> None:
    """Strictly: a text with other characters or wrong padding would give another password."""
    passwords = ["cHc=", "é", "cHc", "cHc=cHc=", "c\nHc=", "\ud800", "", None]
    answer = call({"passwords": passwords, "encoding": "base64", "cost": 4})
    invalid = dict.fromkeys(range(1, 6), "invalid_password")
    assert codes(answer) == {**invalid, 7: "missing_password"}
    message = answer["errors"][0]["message"]
    assert message == "the password is not valid base64, the event's encoding of passwords"
    assert bcrypt.checkpw(b"pw", answer["hashes"][0].encode())
    assert bcrypt.checkpw(b"", answer["hashes"][6].encode())


def test_a_missing_or_unreadable_part_of_a_pair_spoils_nothing() -> None:
    hashed = bcrypt.hashpw(b"pw", bcrypt.gensalt(4)).decode()
    pairs = [
        {"password": "pw", "hash": hashed},
        {"password": None, "hash": hashed},
        {"password": "pw", "hash": None},
        {"password": "pw", "hash": hashed[:-1] + "\ud800"},
        {"password": "pw", "hash": hashed + "\ud800"},
        {"password": "\ud800", "hash": hashed},
        {"password": "pw", "hash": ""},
    ]
    answer = call({"verify": pairs})
    assert answer["matches"] == [True, None, None, None, None, None, None]
    assert codes(answer) == {
        1: "missing_password",
        2: "missing_hash",
        3: "invalid_hash",
        4: "invalid_hash",
        5: "invalid_password",
        6: "invalid_hash",
    }


def test_where_affinity_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: int) -> set[int]:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_getaffinity", refused)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert call({"count": 1, "cost": 4})["detected_cpus"] == 5


SECRET = "hunter2-very-secret"


def test_one_line_of_log_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    hashed = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()
    pairs = [(SECRET, hashed), (SECRET, SECRET), (SECRET * 4, hashed)]
    call({"verify": [{"password": one, "hash": other} for one, other in pairs]})
    answer = call({"passwords": [SECRET, "x" * 73], "cost": 4})
    out = capsys.readouterr().out
    verified, made = map(json.loads, out.splitlines())
    assert verified["request_id"] == "request-1"
    figures = {
        "request_id", "mode", "processed", "duration_ms", "cost", "workers", "lanes", "kernel",
        "threads_used", "memory_used_kb", "cold_start", "complete", "errors",
    }  # fmt: skip
    assert {*made} == figures  # and so not what came of the items
    assert {*verified} == {*figures, "truncated"}
    assert verified["errors"] == made["errors"] == verified["truncated"] == 1
    assert made["processed"] == 1
    assert made["duration_ms"] == answer["duration_ms"]
    for secret in (SECRET, hashed, hashed[7:], answer["hashes"][0]):
        assert secret not in out


def test_what_the_remaining_time_does_not_allow_is_listed() -> None:
    event = {"count": 1000, "cost": 10, "partial": True}
    answer = call(event, int(app.MARGIN_S * 1000) + 150)
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert answer["unprocessed"]
    assert answer["hashes"].count(None) == len(answer["unprocessed"])
    answer = call({"count": 2, "cost": 10, "partial": True}, remaining_ms=10)
    assert answer["unprocessed"] == [0, 1]
    assert answer["avg_ms_per_item"] is None


def test_cold_start_is_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "_cold", True)
    assert [call({"count": 1, "cost": 4})["cold_start"] for _ in range(3)] == [True, False, False]


def test_the_pool_exists_before_the_first_request_and_imports_stay_light() -> None:
    code = (PROGRAMS / "handler/pool_before_the_first_request.py").read_text()
    done = cold_start(code, WORKER_COUNT="3")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["cold_start"] is True


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.5", "two", "auto", " ", " 2", "1025", "²", "9" * 5000]
)
def test_a_bad_worker_count_is_named(value: str) -> None:
    message = "^WORKER_COUNT must be a whole number from 1 to 1024, not .*; leave it empty"
    with pytest.raises(ValueError, match=message) as caught:
        asked_workers({"WORKER_COUNT": value})
    assert f"not {value[:40]!r}; leave" in str(caught.value)  # and no other field


def test_worker_count() -> None:
    assert asked_workers({}) is asked_workers({"WORKER_COUNT": ""}) is None
    assert asked_workers({"BCRYPT_BATCH_WORKERS": "2"}) is None
    assert [asked_workers({"WORKER_COUNT": text}) for text in ("1", "024", "1024")] == [1, 24, 1024]


def cold_start(code: str = "import app", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code as on Lambda: the path has the folder of the handler and nothing else."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=HANDLER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_bad_worker_count_fails_the_cold_start() -> None:
    done = cold_start(WORKER_COUNT="many")
    assert done.returncode == 1
    assert (
        "ValueError: WORKER_COUNT must be a whole number from 1 to 1024, not 'many'" in done.stderr
    )


def test_the_worker_count_is_that_of_every_batch() -> None:
    """The library doesn't read the variable: each batch gets the number."""
    code = (PROGRAMS / "handler/worker_counts.py").read_text()
    for environment, expected in (
        ({"WORKER_COUNT": "3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, "3 3 1"),
        ({"WORKER_COUNT": "3", "BCRYPT_BATCH_WORKERS": "2"}, "3 3 2"),
        ({"WORKER_COUNT": "", "BCRYPT_BATCH_WORKERS": "2"}, "2 2 2"),
        ({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"}, "1 1 1"),
    ):
        done = cold_start(code, **environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == expected
