"""`python -m bcrypt_batch`: the command line."""

import sys

from bcrypt_batch.tables.cli import main

if __name__ == "__main__":
    sys.exit(main())
