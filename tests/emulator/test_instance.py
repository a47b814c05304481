"""The handler as on Managed Instances: the real runtime client, with several processes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest

from emulator import __main__ as command
from emulator import instance as module
from emulator.instance import Instance
from emulator.problem import Problem
from tests.processes import PROGRAMS, PROJECT

ENDING = PROGRAMS / "emulator" / "ending"
MATCHING = {"password": "s3cret", "hash": bcrypt.hashpw(b"s3cret", bcrypt.gensalt(4)).decode()}


@pytest.fixture(scope="module")
def instance() -> Iterator[Instance]:
    with Instance(3) as running:
        yield running


def test_it_answers_as_on_lambda(instance: Instance) -> None:
    answer = instance.invoke({"verify": [MATCHING, {**MATCHING, "password": "guess"}]})
    assert answer["matches"] == [True, False]
    refused = instance.invoke({"mode": "fast", "count": 1})
    assert refused["errorType"] == "InvalidEvent"
    assert "mode must be one of" in refused["errorMessage"]


def test_clients_send_at_once(instance: Instance) -> None:
    good = instance.load({"verify": [MATCHING]}, clients=4, each=3)
    assert good.failed == 0
    assert good.invocations_per_second > 0 < good.p95_ms
    assert instance.load({"verify": []}, clients=2, each=2).failed == 4


def test_processes_that_end_are_errors_of_their_invocations() -> None:
    with Instance(2, task=ENDING) as ending:
        first = ending.invoke("stay")
        assert ending.invoke("end")["errorType"] == "Runtime.ExitError"
        assert ending.invoke("stay") > 0 < first
        assert ending.invoke("end")["errorType"] == "Runtime.ExitError"
        with pytest.raises(Problem, match="no answer: the function's processes have ended"):
            ending.invoke("stay")


def test_an_interrupted_load_waits_for_no_answers() -> None:
    """Its invocations have an hour left."""
    main = threading.get_ident()

    def interrupt(waiting: Instance) -> None:
        while len(waiting.running) < 2:
            time.sleep(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    with Instance(2, timeout_s=3600, task=ENDING) as waiting:
        threading.Thread(target=interrupt, args=(waiting,)).start()
        with pytest.raises(KeyboardInterrupt):
            waiting.load("wait", clients=2, each=1)


def test_no_answer_in_time_is_a_problem() -> None:
    with (
        Instance(1, timeout_s=0, task=ENDING) as late,
        pytest.raises(Problem, match="no answer: the function's time is over"),
    ):
        late.invoke("wait")


def test_a_function_that_can_not_start_says_why() -> None:
    with (
        pytest.raises(Problem, match="the function raised ValueError: WORKER_COUNT must be a "),
        Instance(2, environment={"WORKER_COUNT": "0"}),
    ):
        pass


def test_an_older_runtime_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(Problem, match="awslambdaric 4 or newer is needed: pip install"):
        Instance(2)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "login.json"
    event.write_text(json.dumps({"verify": [MATCHING]}))
    options = ["--concurrency", "2", "--clients", "3", "--invocations", "4", "--event", str(event)]
    monkeypatch.setattr(sys, "argv", ["emulator", "invoke", *options])
    assert command.main() == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["invocations"], printed["failed"]) == (12, 0)
    assert printed["answer"]["matches"] == [True]
    event.write_text("{}")
    assert command.main() == 1
    assert json.loads(capsys.readouterr().out)["failed"] == 12


def test_what_make_invoke_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    made = subprocess.run(
        ["make", "--dry-run", "invoke", "CONCURRENCY=1601"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    (given,) = re.findall(r"python -m emulator (.+)", made.stdout.replace("\\\n", " "))
    monkeypatch.setattr(sys, "argv", ["emulator", *given.split()])
    assert command.main() == "invoke: --concurrency must be from 1 to 1600, not 1601"
