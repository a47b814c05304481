from __future__ import annotations

from tests.programs.logins.settings import hashers, ours

hasher = ours.BCryptSHA256PasswordHasher()
made = hasher.encode("s3cret", hasher.salt())
assert not hasher.must_update(made)
hasher.rounds = 7
assert hasher.must_update(made)
before = ours.checker().stats().finished
hasher.harden_runtime("guess", made)  # 2^7 - 2^5 = 3 * 2^5: three more of cost 5
assert ours.checker().stats().finished == before + 3
ours.BCryptSHA256PasswordHasher.rounds = 6
if hasattr(hashers.get_hasher, "cache_clear"):
    hashers.get_hasher.cache_clear()
hashers.reset_hashers(setting="PASSWORD_HASHERS")
kept: list[str] = []
assert hashers.check_password("s3cret", made, setter=kept.append)
assert kept == ["s3cret"]
ours.checker().close()
