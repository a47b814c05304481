"""`bcrypt-batch`, and `python -m bcrypt_batch`: the command line."""

import signal
import sys


def main() -> int:
    """Run it; return the exit status."""
    # What is half written is taken away again, as after Ctrl-C; tables have handlers of their own.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        from bcrypt_batch.tables.cli import main as run
    except KeyboardInterrupt:  # it takes a moment, and nothing has begun
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
