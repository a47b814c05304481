"""`bcrypt-batch serve`: compute the calls of all processes of a machine."""

from __future__ import annotations

import argparse
import os
import resource
import signal
import socket
from contextlib import suppress
from typing import Any

from bcrypt_batch import _native
from bcrypt_batch.checker import DEFAULT_MAX_WAITING, MOST_WAITING
from bcrypt_batch.lanes import lane_limit
from bcrypt_batch.limits import DEFAULT_MAX_COST, MAX_COST, MAX_LANES, MIN_COST
from bcrypt_batch.listening import DEFAULT_MODE, Listener, check_system, inherited, listen
from bcrypt_batch.pool import shortage
from bcrypt_batch.run import TICK_NS
from bcrypt_batch.starting import SERVES
from bcrypt_batch.workers import server_worker_count

from ..interrupts import Interrupts
from ..messages import STDERR, STDOUT, discard, say
from .options import add_workers, seconds, whole_number

SPARE_DESCRIPTORS = 32  # for all but connections
FIRST_INHERITED = 3  # of the descriptors that systemd hands over; sd_listen_fds(3)


def add(commands: Any) -> None:
    """Add the command to the parser's."""
    parser = commands.add_parser(
        "serve", help="compute the checks of all processes of a machine (SharedChecker)",
        description="Take the calls of SharedChecker in other processes on a Unix socket, and "
        "compute them together. SIGTERM finishes what is there; a second signal ends at once.",
        examples=(
            "bcrypt-batch serve --socket /run/app/bcrypt.sock",
            "bcrypt-batch serve --socket /run/app/bcrypt.sock --mode 0660 --max-waiting 500",
        ),
    )  # fmt: skip
    parser.add_argument(
        "-s", "--socket", metavar="PATH", help="left out if the socket comes from systemd"
    )
    parser.add_argument(
        "--mode", type=mode, default=DEFAULT_MODE, metavar="M",
        help=f"of the socket's file, octal; default: {DEFAULT_MODE:04o}, its user and root only",
    )  # fmt: skip
    add_workers(parser)
    parser.add_argument(
        "--lanes", type=whole_number(1, MAX_LANES), metavar="N",
        help="calls that a thread computes together; default: by the CPUs",
    )  # fmt: skip
    parser.add_argument(
        "--max-waiting", type=whole_number(0, MOST_WAITING), default=DEFAULT_MAX_WAITING,
        metavar="N", help=f"calls that may wait for a lane; default: {DEFAULT_MAX_WAITING}",
    )  # fmt: skip
    parser.add_argument(
        "--max-cost", type=whole_number(MIN_COST, MAX_COST), default=DEFAULT_MAX_COST,
        metavar="N", help=f"the highest cost to compute; default: {DEFAULT_MAX_COST}",
    )  # fmt: skip
    parser.add_argument(
        "--idle-exit", type=seconds, metavar="S", help="end after S seconds without a call"
    )
    parser.add_argument("--handed-over", help=argparse.SUPPRESS)  # by starting.py
    parser.set_defaults(execute=run)


def mode(text: str) -> int:
    """Check that text is the octal mode of a socket."""
    try:
        value = int(text, 8)
    except ValueError:
        value = -1
    if not 0 <= value <= 0o777 or not value & 0o200:
        raise argparse.ArgumentTypeError(
            f"must be an octal mode that lets the owner write, such as 0660, not {text!r}"
        )
    return value


def run(options: argparse.Namespace, interrupts: Interrupts) -> int:
    """Serve until a signal comes; return the exit status."""
    check_system()
    if options.handed_over:
        detach()
    listener = find_listener(options)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    workers = getattr(options, "workers", None) or server_worker_count()
    kernel = _native.chosen_kernel()
    lanes = min(options.lanes or lane_limit(kernel, workers), _native.max_lanes(kernel))
    queue = _native.Queue(
        kernel=kernel, workers=workers, lanes=lanes, max_waiting=options.max_waiting
    )
    got = queue.start() or 0
    if got < workers:
        say(shortage(workers, got))
    if got == 0:
        listener.remove()
        return 2
    server = _native.Server(
        queue,
        listener.socket.fileno(),
        wakeup=interrupts.descriptor,
        max_cost=options.max_cost,
        connections=raise_descriptors(),
        any_user=listener.is_open_to_others,
    )
    say(f"serving {listener.name}: {got} workers, {lanes} lanes each, kernel {kernel}")
    if options.handed_over:
        tell_launcher()
    status = serve(server, listener, interrupts, options.idle_exit)
    server.close()
    queue.close(lambda: None, drain=False, slice_ns=TICK_NS)
    figures = queue.stats()
    say(
        f"ended: {figures['finished']} hashes, {figures['refused']} calls refused, "
        f"{figures['cancelled']} abandoned, P95 of waits {figures['wait_p95_ns'] / 1e9:.3f} s"
    )
    return status


def serve(
    server: _native.Server, listener: Listener, interrupts: Interrupts, idle_s: float | None
) -> int:
    """Serve, then finish what is there; return the exit status."""
    try:
        notify("READY=1")
        while server.run() and listener.is_there:
            interrupts.clear()
            if idle_s is not None and server.idle_ns >= idle_s * 1e9:
                break
    except KeyboardInterrupt:
        pass
    try:
        interrupts.again()
        notify("STOPPING=1")
        listener.remove()
        server.stop(last=listener.path is not None)
        listener.close()  # from here on another server may begin
        while server.run():
            interrupts.clear()
    except KeyboardInterrupt:
        return interrupts.status
    return 0


def detach() -> None:
    """Go on in a child that is nobody's to wait for, and that every signal reaches."""
    if os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())  # the launching thread's


def tell_launcher() -> None:
    """Say that this server serves, to who has launched it: nothing more goes there."""
    with suppress(OSError):  # it has gone
        os.write(STDOUT, SERVES)
    discard(STDOUT, STDERR)


def find_listener(options: argparse.Namespace) -> Listener:
    """Return the socket that was handed over, or a new one at the path."""
    if options.handed_over:
        descriptor, lock = map(int, options.handed_over.split(","))
        return inherited(descriptor, options.socket, lock)
    count = os.environ.pop("LISTEN_FDS", "")
    if count and os.environ.pop("LISTEN_PID", "") == str(os.getpid()):
        if count != "1":
            raise ValueError(f"systemd must hand over one socket, not {count[:40]}")
        return inherited(FIRST_INHERITED)
    if options.socket is None:
        raise ValueError("name the socket by --socket PATH, or have systemd hand one over")
    return listen(options.socket, options.mode)


def raise_descriptors() -> int:
    """Allow this process as many open files as it may have; return how many for connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _native.MOST_CONNECTIONS + SPARE_DESCRIPTORS
    soft = wanted if most == resource.RLIM_INFINITY else min(most, wanted)
    soft = max(soft, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, most))
    return max(1, soft - SPARE_DESCRIPTORS)


def notify(state: str) -> None:
    """Say how far we are to systemd, if it asks; sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
            try:
                told.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
            except OSError as error:
                say(f"NOTIFY_SOCKET: {error.strerror}")
