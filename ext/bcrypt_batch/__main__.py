"""`bcrypt-batch`, and `python -m bcrypt_batch`: the command line."""

import sys


def main() -> int:
    """Run the command line; return the exit status."""
    try:
        from bcrypt_batch.tables.cli import main as run

        return run()
    except KeyboardInterrupt:  # Ctrl-C during the import, before the command line handles signals
        return 130


if __name__ == "__main__":
    sys.exit(main())
