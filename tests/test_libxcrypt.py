"""Random passwords, compared with the system's libxcrypt."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

import bcrypt_batch
from tests import libxcrypt
from tests.examples import examples

eight_bit = st.binary(max_size=80).map(lambda password: password.replace(b"\0", b"\1"))
# libxcrypt's 2a flips a bit of the key's schedule for some passwords with 0xff bytes, a measure
# against collisions with 2x; OpenBSD, pyca/bcrypt and this package don't.
seven_bit = eight_bit.map(lambda password: bytes(byte % 127 + 1 for byte in password))


@libxcrypt.required
@settings(max_examples=examples(40))
@given(
    pair=st.one_of(
        st.tuples(st.just(b"2a"), seven_bit),
        st.tuples(st.sampled_from([b"2b", b"2x", b"2y"]), eight_bit),
    ),
    raw_salt=st.binary(min_size=16, max_size=16),
)
def test_verifies_what_libxcrypt_makes(pair: tuple[bytes, bytes], raw_salt: bytes) -> None:
    prefix, password = pair
    (made,) = bcrypt_batch.hash_many([b""], cost=4, salts=[raw_salt]).values
    assert made is not None
    setting = b"$" + prefix + made[3:29]
    hashed = libxcrypt.crypt(password, setting)
    assert hashed[:29] == setting
    result = bcrypt_batch.verify_many([password, password + b"!"], [hashed, hashed])
    # At 72 bytes and more, another byte at the end changes nothing.
    assert result.values == [True, len(password) >= 72]


@libxcrypt.required
def test_every_byte_value_in_every_prefix() -> None:
    passwords, hashes = [], []
    for byte in range(1, 256):
        for prefix in (b"2b", b"2x", b"2y", *([b"2a"] if byte < 128 else [])):
            passwords.append(bytes([byte, 97, byte]))
            hashes.append(libxcrypt.crypt(passwords[-1], b"$" + prefix + b"$04$" + b"." * 22))
    assert set(bcrypt_batch.verify_many(passwords, hashes).values) == {True}
