"""`bcrypt-batch`, and `python -m bcrypt_batch`: the command line."""

import sys


def main() -> int:
    """Run it; return the exit status."""
    try:
        from bcrypt_batch.tables.cli import main as run
    except KeyboardInterrupt:  # it takes a moment, and nothing has begun
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
