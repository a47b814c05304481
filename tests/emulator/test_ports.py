"""The emulator beside other processes that listen."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from emulator import function, ports
from emulator.function import Emulator
from emulator.problem import Problem


def is_left_alone(listener: socket.socket) -> bool:
    """Return whether nobody has connected."""
    listener.setblocking(False)
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


@pytest.mark.parametrize("place", [0, 1], ids=["invocations", "runtime"])
def test_a_port_that_another_process_takes_meanwhile_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, place: int
) -> None:
    with socket.create_server((ports.LOOPBACK, 0)) as foreign:
        chosen = ports.free(2)
        chosen[place] = foreign.getsockname()[1]
        choices = iter([chosen, ports.free(2)])
        monkeypatch.setattr(ports, "free", lambda count: next(choices))
        with Emulator(timeout_s=5) as running:
            assert running.invoke({"count": 1, "cost": 4})["processed"] == 1
        assert is_left_alone(foreign)


def test_the_port_of_an_emulator_that_has_ended_may_be_another_process_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Emulator(timeout_s=1) as running:
        monkeypatch.setattr(function, "START_TIMEOUT_S", 1)  # or the test waits long
        os.killpg(running.process_id, signal.SIGKILL)
        os.waitid(os.P_PID, running.process_id, os.WEXITED | os.WNOWAIT)
        with socket.create_server((ports.LOOPBACK, running._ports[0])) as foreign:
            with pytest.raises(Problem, match="the emulator has ended"):
                running.invoke({"count": 1})
            assert is_left_alone(foreign)


def test_a_listener_is_known_by_its_process() -> None:
    with (
        socket.create_server((ports.LOOPBACK, 0)) as listener,
        subprocess.Popen(["cat"], stdin=subprocess.PIPE) as other,  # until its input ends
    ):
        port = listener.getsockname()[1]
        assert ports.listens(os.getpid(), [port])
        assert not ports.listens(os.getpid(), [port, *ports.free(1)])
        assert not ports.listens(other.pid, [port])


def test_a_listener_may_be_a_child() -> None:
    """For example of a shell that did not exec it."""
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1])"
    command = f'{sys.executable} -uc "{program}; input()"; exit 0'
    with subprocess.Popen(
        ["sh", "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as shell:
        assert shell.stdin
        assert shell.stdout
        assert ports.listens(shell.pid, [int(shell.stdout.readline())])
        shell.stdin.write("\n")
