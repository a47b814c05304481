"""Start a server where no server is: by whichever process needs it first."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading

from .listening import listen

IDLE_S = 60  # such a server ends after so long without a call


def start(path: str) -> subprocess.Popen[bytes]:
    """Start a server at a path, which takes connections when this returns.

    The socket is made here and handed over: clients can connect before the server runs. Returned is
    a process that ends when the server, its child, serves: with status 0, or the start has failed.

    Raises:
        BlockingIOError: Another server is there, or is being started or ended.
        OSError: The path, its lock file or Python can't be used.
        ValueError: The path is too long for a socket.
    """
    with listen(path) as listener:
        given = [listener.socket.fileno(), *filter(None, (listener.lock,))]
        command = [python(), "-P", "-m", "bcrypt_batch", "serve", "--socket", os.path.abspath(path)]
        command += ["--handed-over", ",".join(map(str, given)), "--idle-exit", str(IDLE_S)]
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=given,
                cwd="/",
                env=environment(),
                start_new_session=True,
            )
        except BaseException as error:
            listener.remove()
            if isinstance(error, BlockingIOError):  # from listen it means another server
                raise ChildProcessError(errno.EAGAIN, "the system refuses a process") from None
            raise
    # The caller may never wait for it. If no thread can, the process stays a zombie.
    with contextlib.suppress(RuntimeError):
        threading.Thread(target=process.wait, daemon=True).start()
    return process


def python() -> str:
    """Return the path of this process's Python, which may be embedded in another program."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if os.path.basename(sys.executable or "").startswith("python"):
        return sys.executable
    return os.path.join(sys.exec_prefix, "bin", name)


def environment() -> dict[str, str]:
    """Return this process's environment, in which Python finds this package."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("LISTEN_") and name != "NOTIFY_SOCKET"
    }
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (folder, kept.get("PYTHONPATH"))))
    return kept
