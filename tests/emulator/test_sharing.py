"""The handler on Managed Instances: one server computes for all processes of an environment."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
import sharing
from bcrypt_batch import CheckerFull, SharedChecker
from emulator.instance import Instance
from sharing import SOCKET, Sharing
from tests.invoked import call, check_hashes

MADE = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
OLD = bcrypt_batch.hashpw(b"\xe9", b"$2x$04$" + b"." * 22).decode()
COSTLY = MADE.replace("$04$", "$17$")
PAIRS = [
    ("s3cret", MADE), ("guess", MADE), ("x" * 80, LONG), (None, MADE), ("s3cret", None),
    ("s3cret", "$1$no"), ("s3cret", COSTLY), ("s3cret", MADE.replace("$2b$", "$2y$")),
]  # fmt: skip
VERIFY = [{"password": password, "hash": hashed} for password, hashed in PAIRS]
PASSWORDS = ["s3cret", None, "", "x" * 73, "\u20ac"]

EVENTS: dict[str, dict[str, Any]] = {
    "verify": {"verify": VERIFY},
    "verify without cutting": {"verify": VERIFY, "truncate": False},
    "verify bytes": {"verify": [{"password": "6Q==", "hash": OLD}], "encoding": "base64"},
    "verify up to a cost": {"verify": VERIFY, "max_cost": 4},
    "nothing to compute": {"verify": VERIFY[3:6]},
    "hash": {"passwords": PASSWORDS, "cost": 4},
    "hash what is cut": {"passwords": PASSWORDS, "cost": 5, "truncate": True, "prefix": "2y"},
    "count": {"count": 50, "cost": 4},
}
SAME = ("mode", "processed", "cost", "kernel", "matches", "errors", "truncated", "complete")


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with Instance(3, environment={"WORKER_COUNT": "3"}) as running:
        yield running


def server(instance: Instance) -> SharedChecker:
    return SharedChecker(os.path.join(instance.folder, SOCKET), when_away="raise")


@pytest.mark.parametrize("name", EVENTS)
def test_the_server_answers_as_a_process_does(instance: Instance, name: str) -> None:
    event = EVENTS[name]
    before = server(instance).stats().finished
    shared, alone = instance.invoke(event), call({**event, "mode": "parallel"})
    assert [shared.get(key) for key in SAME] == [alone.get(key) for key in SAME]
    assert server(instance).stats().finished - before == shared["processed"]
    assert (shared["threads_used"], shared["thread_ids"], shared["workers"]) == (0, [], 3)
    assert (shared["lanes"] > 0) == (shared["processed"] > 0)
    if name == "count":
        check_hashes([b"password_%06d" % i for i in range(50)], shared)
    elif "passwords" in event:
        keys = [(password or "").encode()[:72] for password in PASSWORDS]
        made = [hashed for hashed in shared["hashes"] if hashed]
        done = [key for key, hashed in zip(keys, shared["hashes"], strict=True) if hashed]
        check_hashes(done, {"hashes": made})
        assert {hashed[:7] for hashed in made} == {alone["hashes"][0][:7]}
        assert len({hashed[7:29] for hashed in made}) == len(made)


@pytest.mark.parametrize(
    "options",
    [{"mode": "sequential"}, {"workers": 1}, {"lanes": 2}, {"max_cost": 17}, {"scheme": "auto"}],
    ids=str,
)
def test_an_event_with_wishes_of_its_own_is_computed_by_its_process(
    instance: Instance, options: dict[str, Any]
) -> None:
    before = server(instance).stats().finished
    answer = instance.invoke({"verify": VERIFY[:2], **options})
    assert answer["matches"] == [True, False]
    assert answer["threads_used"] >= 1
    assert server(instance).stats().finished == before


def test_what_is_not_done_in_time_is_unprocessed(instance: Instance) -> None:
    event = {"count": 1000, "cost": 12, "deadline_ms": 200, "partial": True}
    answer = instance.invoke(event)
    assert not answer["complete"]
    assert answer["processed"] + len(answer["unprocessed"]) == 1000
    assert [i for i, hashed in enumerate(answer["hashes"]) if not hashed] == answer["unprocessed"]


def test_a_server_that_was_killed_is_replaced(instance: Instance) -> None:
    (victim,) = servers(instance)
    os.kill(victim, signal.SIGKILL)
    load = instance.load({"verify": VERIFY[:2]}, clients=3, each=2)
    assert load.failed == 0
    assert instance.invoke({"verify": VERIFY[:2]})["threads_used"] == 0
    assert servers(instance) != [victim]


def servers(instance: Instance) -> list[int]:
    """Return the processes that serve an environment's socket."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:  # it has ended
            continue
        if f"serve\0--socket\0{instance.folder}/".encode() in words:
            found.append(int(folder.name))
    return found


def test_nothing_stays_of_an_environment() -> None:
    with Instance(2) as instance:
        assert len(servers(instance)) == 1
    assert servers(instance) == []
    assert not Path(instance.folder).exists()


@pytest.mark.parametrize("server_is", ["full", "away"])
def test_a_process_computes_where_the_server_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_is: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise CheckerFull("the checker is full")

    if server_is == "full":
        monkeypatch.setattr(SharedChecker, "_compute", refuse)
        monkeypatch.setattr(SharedChecker, "hash_all_under", refuse)
    monkeypatch.setattr(sharing, "worker_count", lambda: 1)
    own = Sharing({"TMPDIR": str(tmp_path / "missing")})  # where none can start
    options: dict[str, Any] = {"cost": 4, "prefix": b"2b", "max_cost": 4, "truncate": True}
    hashes = [MADE.encode()] * 2
    result = own.hash_or_verify([b"s3cret", b"guess"], hashes, deadline=30, **options)
    assert result.values == [True, False]
    assert result.stats.workers == result.stats.threads_used == 1


def test_a_bad_worker_count_is_named_here_too() -> None:
    with pytest.raises(ValueError, match="WORKER_COUNT must be a whole number"):
        Sharing({"WORKER_COUNT": "many"})
