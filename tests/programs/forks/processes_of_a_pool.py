"""Hash in a pool of multiprocessing, by the method that is the argument."""

from __future__ import annotations

import multiprocessing
import sys

import bcrypt_batch
from tests.programs.forks.hashing import SALTS


def work(salts: list[bytes]) -> list[bytes | None]:
    return bcrypt_batch.hash_many([b"pw"] * len(salts), cost=4, salts=salts, workers=2).values


if __name__ == "__main__":
    expected = work(SALTS)
    with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
        assert pool.map(work, [SALTS] * 6) == [expected] * 6
    assert work(SALTS) == expected
