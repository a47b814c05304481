"""Exceptions at any moment: from Ctrl-C, signal handlers and progress, and several in a row."""

from __future__ import annotations

import os
import signal

import pytest

from tests.processes import check_python, run_python

# How many moments are tried; the interrupts are cheap, but `make test` has a minute.
INTERRUPTS = int(os.environ.get("INTERRUPTS", "150"))

INTERRUPT = """
import os, signal, threading, time
import bcrypt_batch
sent = None
def interrupt():
    global sent
    sent = time.monotonic()
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.3, interrupt).start()
try:
    bcrypt_batch.hash_many([b"pw"] * 20, cost=18, workers=WORKERS)
except KeyboardInterrupt as interruption:
    took_ms = (time.monotonic() - sent) * 1000
    print(took_ms, len(interruption.batch_result.unprocessed))
assert bcrypt_batch.hash_many([b"pw"] * 4, cost=4, workers=WORKERS).complete
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c(workers: int) -> None:
    """The batch would take minutes; that it ends at all is what decides."""
    took_ms, unprocessed = check_python(f"WORKERS = {workers}\n{INTERRUPT}").split()
    assert unprocessed == "20"
    print(f"Ctrl-C took {took_ms} ms with {workers} workers")


def test_ctrl_c_in_hashpw() -> None:
    code = """
import os, signal, threading
import bcrypt_batch
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(20))
"""
    assert run_python(code).returncode == -signal.SIGINT


# A timer's signal arrives at a random moment of a call: in Python code before and after it, in
# preparation, while threads are made, compute, end, in progress. Its handler may raise, hash
# itself, or set the timer anew, so that a second exception comes while the first is handled.
STORM = """
import collections, os, random, signal, sys, threading, time
import bcrypt_batch
from bcrypt_batch import hash_many, run, verify_many

class Interruption(Exception):
    pass

class Stubborn(BaseException):
    __slots__ = ()
    def __setattr__(self, name, value):
        raise AttributeError(name)

source = random.Random(SEED)
seen = collections.Counter()
passwords = [b"%d" % i for i in range(48)]
hashes = hash_many(passwords, cost=4, workers=2).values
again = 0
armed = False  # set and unset by plain assignments, which no signal can part

def handle(*_):
    global again
    if not armed:
        return
    seen["signals"] += 1
    kind = source.random()
    if kind < 0.15:
        assert all(hash_many([b"in a handler"] * 3, cost=4, workers=2).values)
        seen["handlers that hash"] += 1
    elif kind < 0.2:
        raise Stubborn
    else:
        if again:
            again -= 1
            signal.setitimer(signal.ITIMER_REAL, source.random() * 0.0003 + 1e-6)
        raise Interruption

signal.signal(signal.SIGALRM, handle)

def progress(done, total):
    if source.random() < 0.02:
        raise Interruption

def call(workers):
    # Batches of a few milliseconds: with shorter slices they are interrupted in the middle, too.
    run.TICK_NS = source.choice([50_000_000, 300_000])
    options = dict(workers=workers, progress=progress if source.random() < 0.3 else None)
    if source.random() < 0.5:
        return hash_many(passwords, cost=4, **options)
    return verify_many(passwords, hashes, **options)

def check(result):
    done = [i for i, value in enumerate(result.values) if value is not None]
    assert len(result.values) == len(passwords) and not result.errors
    assert sorted(done + result.unprocessed) == list(range(len(passwords)))
    assert False not in result.values
    for i in source.sample(done, min(2, len(done))):
        if isinstance(result.values[i], bytes):
            assert bcrypt_batch.checkpw(passwords[i], result.values[i])
    return len(done)

def came_from_inside(error):
    # Whether the call had begun: not in its checks of arguments, nor in this program's lines.
    trace, names = error.__traceback__, set()
    while trace and trace.tb_frame.f_code is not handle.__code__:
        names.add(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    return bool(names & {"compute", "_result", "hand_over", "cuts", "tick"})

threading.Thread(target=len, args=("",)).start()  # the first brings a sanitizer's own thread along
time.sleep(0.05)
before = len(os.listdir("/proc/self/task"))
tasks = lambda: len(os.listdir("/proc/self/task")) - before
while seen["interrupts"] < INTERRUPTS:
    if seen["calls"] % 400 == 200:
        bcrypt_batch.start_workers(2)
    elif seen["calls"] % 400 == 0:
        bcrypt_batch.stop_workers()
    seen["calls"] += 1
    again = source.choice([0, 0, 1, 3])
    workers = source.choice([1, 2, 2, 3])
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, source.random() * 0.010 + 1e-6)
        result = call(workers)
        armed = False
        assert check(result) == len(passwords)
    except (Interruption, Stubborn) as error:
        armed = False
        seen["interrupts"] += 1
        result = getattr(error, "batch_result", None)
        if result is not None and len(result.values) == 3:
            seen["outside"] += 1  # the batch of a handler that came where no other had begun
            assert not came_from_inside(error), error.__traceback__
        elif result is not None:
            seen["with a result"] += 1
            seen["items finished"] += check(result)
            seen["second exceptions"] += isinstance(error.__context__, (Interruption, Stubborn))
        elif isinstance(error, Stubborn):
            seen["that refuse attributes"] += 1
        else:
            seen["outside"] += 1
            assert not came_from_inside(error), error.__traceback__
    if tasks() > 2:
        raise SystemExit(f"{tasks()} threads after {dict(seen)}")
signal.setitimer(signal.ITIMER_REAL, 0)  # or it might come when Python handles none any more
bcrypt_batch.stop_workers()
assert tasks() == 0, tasks()
print(dict(seen))
"""


@pytest.mark.parametrize("seed", [1, 2])
def test_interrupts_at_random_moments(seed: int) -> None:
    """No batch goes on, no thread stays, no result is lost or half written."""
    output = check_python(f"SEED = {seed}\nINTERRUPTS = {INTERRUPTS}\n{STORM}")
    print(output)
    for kind in ("with a result", "items finished", "handlers that hash", "second exceptions"):
        assert f"'{kind}'" in output


# Half a million items take a tenth of a second to prepare, and the last is none: whoever comes to
# it raises.
PREPARING = """
import signal, time
import bcrypt_batch
from bcrypt_batch import batch
passwords = [b"pw"] * 500_000 + [7]
"""


def test_an_interrupt_while_a_large_batch_is_prepared() -> None:
    """By a timer that is set when the checks of arguments are over."""
    check_python(
        PREPARING
        + """
class Late(Exception):
    pass
def handle(*_):
    raise Late
def join(salts):
    joined = b"".join(salts)
    signal.setitimer(signal.ITIMER_REAL, 0.005)
    return joined
signal.signal(signal.SIGALRM, handle)
batch._join = join
try:
    bcrypt_batch.hash_many(passwords, cost=4, salts=[bytes(16)] * len(passwords), workers=2)
except Late as late:
    assert late.batch_result.unprocessed == list(range(len(passwords)))
    assert late.batch_result.values == [None] * len(passwords)
else:
    raise SystemExit("not interrupted")
"""
    )


def test_a_deadline_while_a_large_batch_is_prepared() -> None:
    check_python(
        PREPARING
        + """
hashes = [bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(4))] * len(passwords)
for result in (
    bcrypt_batch.verify_many(passwords, hashes, workers=2, deadline=0.01),
    bcrypt_batch.hash_many(passwords, cost=4, workers=2, deadline=0.01),
):
    assert result.unprocessed == list(range(len(passwords)))
    assert result.stats.threads_used == 0
"""
    )


def test_exceptions_that_follow_each_other_for_ever_do_not_hang() -> None:
    check_python(
        """
from bcrypt_batch import _native
calls = []
def make():
    calls.append(1)
    raise KeyError(len(calls))
try:
    _native.hand_over(ValueError("first"), make)
except KeyError as error:
    assert len(calls) == error.args[0] > 10
try:
    _native.hand_over(ValueError("first"), lambda: [].nothing if calls.append(1) else memory())
except (ValueError, NameError, AttributeError):
    pass
def memory():
    raise MemoryError
try:
    _native.hand_over(ValueError("first"), memory)
except ValueError as error:
    assert not hasattr(error, "batch_result")
"""
    )


@pytest.mark.parametrize("workers", [1, 2])
def test_an_asynchronous_exception_ends_a_batch(workers: int) -> None:
    """As frameworks that limit the time of a request raise into its thread."""
    check_python(
        f"""
import ctypes, threading, time
import bcrypt_batch
class TooLate(Exception):
    pass
def call():
    try:
        bcrypt_batch.hash_many([b"pw"] * 20, cost=18, workers={workers})
    except TooLate as late:
        seen.append(late.batch_result)
seen = []
thread = threading.Thread(target=call)
thread.start()
time.sleep(0.2)
ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(TooLate))
thread.join(30)
assert not thread.is_alive() and len(seen[0].unprocessed) == 20
"""
    )


@pytest.mark.parametrize("kept", [1, 2])
def test_no_worker_is_in_a_batch_that_an_exception_has_left(kept: int) -> None:
    """Or it would write to what is read meanwhile, and then freed: of the shared pool too."""
    check_python(
        f"""
import time
import bcrypt_batch
from bcrypt_batch import run
bcrypt_batch.start_workers({kept})
run.TICK_NS = 1_000_000
def progress(done, total):
    raise KeyError
for _ in range(60):
    try:
        bcrypt_batch.hash_many([b"pw"] * 400, cost=4, workers=2, lanes=1, progress=progress)
    except KeyError as error:
        trace = error.__traceback__
        while "run" not in trace.tb_frame.f_locals or trace.tb_frame.f_code.co_name != "hash_many":
            trace = trace.tb_next
        batch = trace.tb_frame.f_locals["run"].batch
        at_once = batch.items_done
        time.sleep(0.002)
        assert batch.items_done == at_once
        done = [value for value in error.batch_result.values if value]
        assert len(done) == at_once
"""
    )
