from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.programs.logins.settings import hashers, ours

made = hashers.make_password("s3cret")


def check(i: int) -> bool:
    return bool(hashers.check_password("s3cret" if i % 2 else "guess", made))


with ThreadPoolExecutor(8) as executor:
    assert list(executor.map(check, range(64))) == [False, True] * 32
stats = ours.checker().stats()
assert stats.finished == 65, stats
assert stats.mean_group_size > 1, stats
assert ours.checker() is ours.checker()
ours.checker().close()
