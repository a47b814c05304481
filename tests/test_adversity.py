"""What a machine or its operator may do to a process that computes; nothing is lost by it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.processes import PATIENCE_S, check_python, preloading, require, run_python

COMPUTE = """
import signal, sys
import bcrypt_batch
def said(done, total):
    print("computing", flush=True)
PREPARE
try:
    bcrypt_batch.hash_many([b"pw"] * 40, cost=17, workers=WORKERS, progress=said)
except SystemExit as leaving:
    result = leaving.batch_result
    done = [value for value in result.values if value]
    assert len(result.values) == len(done) + len(result.unprocessed) == 40
    print("left")
    raise
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("handled", [False, True], ids=["not handled", "handled"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_a_signal_that_ends_a_process(workers: int, handled: bool, sent: signal.Signals) -> None:
    """The batch would take minutes. Where Python handles the signal, the result is handed over."""
    if handled and sent == signal.SIGKILL:
        pytest.skip("no process can handle it")
    prepare = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))"
    prepare += "\nsignal.signal(signal.SIGHUP, lambda *_: sys.exit(7))"
    code = COMPUTE.replace("PREPARE", prepare * handled).replace("WORKERS", str(workers))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout
        assert child.stdout.readline() == b"computing\n"
        child.send_signal(sent)
        rest = child.stdout.read()
        assert child.wait(PATIENCE_S) == (7 if handled else -sent)
    assert (b"left" in rest) == handled


# From enough for all of it down to nothing, in steps finer than what a batch allocates: each of its
# allocations is the one that fails at some point. The limit is on what may be mapped: the C library
# asks the system for each large block by itself.
SHORT_OF_MEMORY = """
import gc, resource, sys
import bcrypt_batch
ITEMS = 20_000
bcrypt_batch.start_workers(2)
passwords = [b"pw"] * ITEMS
hashes = bcrypt_batch.hash_many([b"pw"], cost=4).values * ITEMS
def used():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
def verify():
    return bcrypt_batch.verify_many(passwords, hashes, workers=2, deadline=0.001)
def hash():
    return bcrypt_batch.hash_many(passwords, cost=4, workers=2, deadline=0.001)
def within(room, call):
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used() + room, hard))
    try:
        return call()
    except MemoryError:
        return None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, hard))
if within(1 << 20, lambda: bytearray(64 << 20)):
    sys.exit(print("no limit"))
for call in (hash, verify):
    call()
    for room in range(8 << 20, -1, -(32 << 10)):
        gc.collect()
        result = within(room, call)
        assert result is None or len(result.values) == ITEMS
        print(call.__name__, "MemoryError" if result is None else "result")
        del result
    assert bcrypt_batch.verify_many(passwords[:9], hashes[:9]).values == [True] * 9
"""


def test_too_little_memory_is_a_memory_error() -> None:
    # No memory is kept for the next call, and no arena, each of which reserves 64 MB.
    glibc = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "16384", "MALLOC_TOP_PAD_": "0"}
    seen = Counter(check_python(SHORT_OF_MEMORY, **glibc).splitlines())
    print(dict(seen))
    if "no limit" in seen:
        pytest.skip("no limit on address space is enforced here, as under qemu's emulation")
    assert {*seen} == {f"{call} {came}" for call in ("hash", "verify")
                       for came in ("result", "MemoryError")}  # fmt: skip


FEWER_CPUS = """
import os, threading
import bcrypt_batch
all = sorted(os.sched_getaffinity(0))
def right(**options):
    passwords = [b"%d" % i for i in range(40)]
    made = bcrypt_batch.hash_many(passwords, cost=4, **options)
    assert bcrypt_batch.verify_many(passwords, made.values).values == [True] * 40
    return made.stats
assert bcrypt_batch.start_workers(len(all)) == len(all)
right()
# Between calls, for this thread and the pool; and back.
for cpus in ({all[0]}, set(all), {all[-1]}):
    for task in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(task), cpus)
    assert right().workers == bcrypt_batch.worker_count() == len(all)  # read once, as documented
    assert right(workers=4).workers == 4
# And during one, again and again.
def shrink(done, total):
    cpus = {all[done % len(all)]} if done % 3 else set(all)
    for task in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(task), cpus)
bcrypt_batch.run.TICK_NS = 300_000
for _ in range(20):
    right(workers=2, progress=shrink)
print("right")
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="CPUs can't be taken here")
def test_fewer_cpus_between_calls_and_during_one() -> None:
    assert check_python(FEWER_CPUS) == "right\n"


# A wall clock that is set forth and back by a year at each look.
JUMPING_CLOCK = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static _Atomic int looks;
int clock_gettime(clockid_t id, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, id, now);
    if (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) {
        now->tv_sec += looks++ % 2 ? 31536000 : -31536000;
    }
    return failed;
}
int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *place)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return place ? (*place = now.tv_sec) : now.tv_sec;
}
"""

DEADLINES = """
import time
import bcrypt_batch
first, second = time.time(), time.time()
assert abs(first - second) > 1e7, "the clock doesn't jump"
for workers in (1, 2):
    late = bcrypt_batch.hash_many([b"pw"] * 20, cost=20, workers=workers, deadline=0.2)
    assert len(late.unprocessed) == 20
    assert bcrypt_batch.hash_many([b"pw"] * 20, cost=4, workers=workers, deadline=600).complete
with bcrypt_batch.Checker(workers=2) as checker:
    hashed = checker.hash(b"pw", cost=4, timeout=600)
    assert checker.check(b"pw", hashed, timeout=600)
    try:
        checker.hash(b"pw", cost=16, timeout=0.1)
    except TimeoutError:
        print("in time")
"""


def test_jumps_of_the_clock_move_no_deadline(tmp_path: Path) -> None:
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(JUMPING_CLOCK)
    require("cc")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", source, "-o", library], check=True)
    started = time.monotonic()
    done = run_python(DEADLINES, LD_PRELOAD=preloading(library))
    assert (done.returncode, done.stdout) == (0, "in time\n"), done.stderr
    print(f"{time.monotonic() - started:.1f} s")
