"""Start a server where no server is: by whichever process needs it first."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading

from .listening import listen

IDLE_S = 60  # such a server ends after so long without a call
SERVES = b"\0"  # what a server writes to standard output when it serves
# The server needs nothing but Python's library and this package, which comes last: beside it there
# may be packages with the names of Python's modules, such as PyPI's argparse.
COMMAND = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from bcrypt_batch.__main__ import main; sys.exit(main())"
)


class Launch:
    """A server that was launched.

    The server's own words decide: its exit status goes to nobody if SIGCHLD is ignored, and to
    others if the program around this one waits for any child.

    Attributes:
        process: Ends when the server, its child, is on its own.
        failure: Why there is no server; empty if it serves; None while it is being started.
    """

    def __init__(self, process: subprocess.Popen[bytes], output: socket.socket) -> None:
        self.process = process
        self.failure: str | None = None
        self._output = output
        try:  # the caller may never ask again
            threading.Thread(target=self._follow, daemon=True).start()
        except RuntimeError:  # the process stays a zombie
            self.failure = "the system refuses a thread"
            output.close()

    def _follow(self) -> None:
        said = b""
        with self._output:
            while SERVES not in said and (data := self._output.recv(4096)):
                said += data
        self.process.wait()
        lines = said.decode(errors="replace").split("\n")
        why = [line for line in lines if line.strip()] or ["it ended without a word"]
        self.failure = "" if SERVES in said else why[-1]


def start(path: str) -> Launch:
    """Start a server at a path, which takes connections when this returns.

    The socket is made here and handed over: clients can connect before the server runs.

    Raises:
        BlockingIOError: Another server is there, or is being started or ended.
        OSError: The path, its lock file or Python can't be used.
        ValueError: The path is too long for a socket.
    """
    with listen(path) as listener:
        given = [listener.socket.fileno(), *filter(None, (listener.lock,))]
        command = [python(), "-P", "-S", *(["-E"] if sys.flags.ignore_environment else [])]
        command += ["-c", COMMAND, os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
        command += ["serve", "--socket", os.path.abspath(path)]
        command += ["--handed-over", ",".join(map(str, given)), "--idle-exit", str(IDLE_S)]
        output, servers = socket.socketpair()
        try:
            with servers:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=servers.fileno(),
                    stderr=servers.fileno(),
                    pass_fds=given,
                    cwd="/",
                    env=environment(),
                    start_new_session=True,
                )
        except BaseException as error:
            output.close()
            listener.remove()
            if isinstance(error, BlockingIOError):  # from listen it means another server
                raise ChildProcessError(errno.EAGAIN, "the system refuses a process") from None
            raise
    return Launch(process, output)


def python() -> str:
    """Return the path of this process's Python, which may be embedded in another program."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if os.path.basename(sys.executable or "").startswith("python"):
        return sys.executable
    return os.path.join(sys.exec_prefix, "bin", name)


def environment() -> dict[str, str]:
    """Return this process's environment, without what is for this process alone."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LISTEN_") and name not in ("NOTIFY_SOCKET", "PYTHONPATH")
    }
