"""hashpw, checkpw and gensalt: the results and exceptions of pyca/bcrypt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bcrypt_batch
from tests.examples import examples

SALT = b"." * 22
SETTING = b"$2b$04$" + SALT
HASHED = bcrypt.hashpw(b"pw", SETTING)


class Sub(bytes):
    """A subclass, which pyca/bcrypt takes."""


def outcome(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call's result, or its exception's type and a ValueError's message."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        return type(error), str(error) if type(error) is ValueError else None


@pytest.mark.parametrize(
    "salt",
    [
        SETTING,
        HASHED,
        b"2b$04$" + SALT,
        b"$$2b$$4$$" + SALT,
        b"$2b$4$" + SALT,
        b"$2b$004$" + SALT,
        b"$2b$+4$" + SALT,
        b"$2b$++4$" + SALT,
        b"$2b$+$" + SALT,
        b"$2b$ 4$" + SALT,
        b"$2b$-4$" + SALT,
        b"$2b$0$" + SALT,
        b"$2b$03$" + SALT,
        b"$2b$32$" + SALT,
        b"$2b$104$" + SALT,
        b"$2b$99999999999999999999$" + SALT,
        b"$2b$\xff$" + SALT,
        b"$2b$\xc2\xb2$" + SALT,
        b"$2$04$" + SALT,
        b"$2c$04$" + SALT,
        b"$2bb$04$" + SALT,
        b"$2a$04$" + SALT,
        b"$2y$04$" + SALT,
        b"$2b$04$" + SALT[:-1],
        b"$2b$04$" + SALT + b".",
        b"$2b$04$" + SALT[:-1] + b"/",
        b"$2b$04$" + SALT + b"!\xff\0",
        b"$2b$04$" + SALT + b"$",
        b"$2b$04$" + SALT + b"$x",
        b"$2b$04$" + SALT[:-2] + b"\xff.",
        b"",
        b"$$$",
        b"no hash at all",
        Sub(SETTING),
        SETTING.decode(),
        bytearray(SETTING),
        memoryview(SETTING),
        None,
        7,
    ],
)
def test_salts(salt: Any) -> None:
    for name in ("hashpw", "checkpw"):
        ours = outcome(getattr(bcrypt_batch, name), b"pw", salt)
        assert ours == outcome(getattr(bcrypt, name), b"pw", salt)


@pytest.mark.parametrize(
    "password",
    [
        b"",
        b"\0",
        b"a\0b",
        b"x" * 71,
        b"x" * 72,
        b"x" * 73,
        b"\xff" * 72,
        Sub(b"pw"),
        "pw",
        bytearray(b"pw"),
        memoryview(b"pw"),
        None,
        1,
    ],
)
@pytest.mark.parametrize("salt", [SETTING, b"bad"])
def test_passwords(password: Any, salt: bytes) -> None:
    for name in ("hashpw", "checkpw"):
        ours = outcome(getattr(bcrypt_batch, name), password, salt)
        assert ours == outcome(getattr(bcrypt, name), password, salt)


@pytest.mark.parametrize(
    "hashed",
    [HASHED, HASHED[:-1], HASHED + b"x", SETTING, HASHED.replace(b"04", b"4"), HASHED[:-1] + b"z"],
)
def test_checkpw_compares_the_whole_string(hashed: bytes) -> None:
    for password in (b"pw", b"pW"):
        ours = bcrypt_batch.checkpw(password, hashed)
        assert ours is bcrypt.checkpw(password, hashed)
    assert bcrypt_batch.checkpw(b"pw", hashed) is (hashed == HASHED)


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        ((3,), {}),
        ((32,), {}),
        ((-1,), {}),
        ((0,), {}),
        ((65535,), {}),
        ((65536,), {}),
        ((70000,), {}),
        ((1 << 80,), {}),
        ((4.0,), {}),
        (("4",), {}),
        ((None,), {}),
        ((True,), {}),
        ((4, b"2y"), {}),
        ((4, b"2x"), {}),
        ((3, b"2z"), {}),
        ((4, "2a"), {}),
        ((4, bytearray(b"2a")), {}),
        ((), {"log_rounds": 4}),
    ],
)
def test_gensalt_refuses(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    ours = outcome(bcrypt_batch.gensalt, *args, **kwargs)
    assert ours == outcome(bcrypt.gensalt, *args, **kwargs)
    assert isinstance(ours, tuple)


def test_gensalt() -> None:
    salts = {bcrypt_batch.gensalt(4) for _ in range(100)}
    assert len(salts) == 100
    for salt in salts:
        assert salt.startswith(b"$2b$04$")
        assert bcrypt.hashpw(b"pw", salt) == bcrypt_batch.hashpw(b"pw", salt)
    assert bcrypt_batch.gensalt().startswith(b"$2b$%02d$" % bcrypt_batch.DEFAULT_COST)
    assert bcrypt.checkpw(b"pw", bcrypt_batch.hashpw(b"pw", bcrypt_batch.gensalt(10)))
    assert bcrypt_batch.gensalt(rounds=31, prefix=b"2a").startswith(b"$2a$31$")
    for gensalt in (bcrypt.gensalt, bcrypt_batch.gensalt):
        assert gensalt(4, None).startswith(b"$2b$04$")  # type: ignore[arg-type]


def test_keyword_arguments() -> None:
    assert bcrypt_batch.hashpw(password=b"pw", salt=SETTING) == HASHED
    assert bcrypt_batch.checkpw(password=b"pw", hashed_password=HASHED)


@settings(max_examples=examples(60))
@given(
    password=st.binary(max_size=72),
    raw_salt=st.binary(min_size=16, max_size=16),
    prefix=st.sampled_from([b"2a", b"2b", b"2y"]),
)
def test_any_password_and_salt(password: bytes, raw_salt: bytes, prefix: bytes) -> None:
    (hashed,) = bcrypt_batch.hash_many([password], cost=4, prefix=prefix, salts=[raw_salt]).values
    assert hashed is not None
    assert bcrypt.hashpw(password, hashed[:29]) == hashed == bcrypt_batch.hashpw(password, hashed)
    assert bcrypt.checkpw(password, hashed)


def test_2x_is_no_mere_label() -> None:
    """The one deliberate difference: a genuine $2x$ hash of an 8-bit password matches here."""
    genuine = b"$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"
    assert bcrypt_batch.checkpw(b"\xa3", genuine)
    assert not bcrypt.checkpw(b"\xa3", genuine)
