"""What surrounds bcrypt: every scheme beside other implementations, and what is none."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bcrypt_batch
from bcrypt_batch import hash_many, verify_many
from bcrypt_batch.schemes import AUTO, DIGITS, SCHEMES, TO_HASH, TO_VERIFY, work
from tests import makers
from tests.examples import examples
from tests.makers import COST, PEPPER, Stored
from tests.processes import check_program, require

VECTORS = json.loads((Path(__file__).parent / "vectors" / "schemes.json").read_text())
KNOWN = [
    Stored(one["scheme"], bytes.fromhex(one["password_hex"]), one["stored"].encode(), one["by"])
    for one in VECTORS
]
SALT = b"\x10" * 16
HASH = bcrypt_batch.hashpw(b"s3cret", b"$2b$04$" + b"." * 22)


def told(scheme: str) -> str:
    """Return the argument that verifies a stored text of a scheme."""
    return scheme if scheme in TO_VERIFY else AUTO


def another(password: bytes) -> bytes:
    """Return a password that differs in its first byte, which no scheme trims then."""
    return bytes([password[0] ^ 0x80]) + password[1:] if password else b"\x80"


def verified(made: list[Stored]) -> list[Stored]:
    """Return those whose password matches."""
    matched = []
    for argument in {told(one.scheme) for one in made}:
        some = [one for one in made if told(one.scheme) == argument]
        pepper = PEPPER if argument == "pepper" else None
        result = verify_many(
            [one.password for one in some],
            [one.text for one in some],
            scheme=argument,
            pepper=pepper,
        )
        assert result.schemes == [one.scheme for one in some]
        assert result.errors == {}
        matched += [one for one, match in zip(some, result.values, strict=True) if match]
    return matched


def check(made: list[Stored]) -> None:
    """Each matches by its own password and by no other."""
    assert made
    assert Counter(verified(made)) == Counter(made)
    cheap = [one for one in made if b"$1" not in one.text[:9] and b",r=12" not in one.text]
    assert verified([one._replace(password=another(one.password)) for one in cheap]) == []


def test_known_answers() -> None:
    check(KNOWN)
    assert {one.scheme for one in KNOWN} == {*SCHEMES}
    assert len({one.by for one in KNOWN}) == 14


@pytest.mark.parametrize("by", ["Django", "libpass"])
def test_what_python_libraries_store(by: str) -> None:
    pytest.importorskip("django" if by == "Django" else "passlib")
    schemes = makers.WITH_DJANGO if by == "Django" else makers.WITH_LIBPASS
    check(makers.with_python(by, schemes, makers.passwords(examples(30), seed=23)))


def test_what_php_stores() -> None:
    require("php")
    check(makers.with_php(makers.passwords(examples(25), seed=24)))


def test_what_htpasswd_stores() -> None:
    require("htpasswd")
    check(makers.with_htpasswd(makers.passwords(examples(20), seed=25)))


def made_here(scheme: str, given: list[bytes]) -> list[Stored]:
    result = hash_many(given, cost=COST, scheme=scheme, truncate=True)
    assert result.errors == {}
    return [
        Stored(scheme, password, text, "us")
        for password, text in zip(given, result.values, strict=True)
        if text is not None
    ]


@pytest.mark.parametrize("scheme", TO_HASH)
def test_what_is_made_is_verified_here(scheme: str) -> None:
    made = made_here(scheme, makers.passwords(20, seed=26))
    check(made)
    prefix = SCHEMES[scheme].prefix
    assert prefix
    for one in made:
        text = one.text.decode()
        assert text.startswith(SCHEMES[scheme].mark.decode())
        assert f"${prefix.decode()}$04$" in text or f"t={prefix.decode()},r=4$" in text


@pytest.mark.parametrize("scheme", makers.WITH_DJANGO)
def test_django_verifies_what_is_made(scheme: str) -> None:
    pytest.importorskip("django")
    hasher = makers.django_hasher(scheme)
    given = [one for one in makers.passwords(20, seed=27) if makers.can("Django", scheme, one)]
    for one in made_here(scheme, given):
        assert hasher.verify(one.password.decode(), one.text.decode())
        assert not hasher.verify("\x01" + one.password.decode()[1:50], one.text.decode())
        assert not hasher.must_update(one.text.decode())


@pytest.mark.parametrize("scheme", ["passlib-v2", "ldap", "django", "django-sha256"])
def test_libpass_verifies_what_is_made(scheme: str) -> None:
    pytest.importorskip("passlib")
    hasher = makers.libpass_hasher(scheme)
    given = [one for one in makers.passwords(20, seed=28) if makers.can("libpass", scheme, one)]
    for one in made_here(scheme, given):
        assert hasher.verify(one.password, one.text)
        assert not hasher.verify(another(one.password), one.text)


@pytest.mark.parametrize("prefix", [b"2a", b"2y"])
def test_libpass_verifies_what_is_made_with_another_prefix(prefix: bytes) -> None:
    """It takes only 2b, which is the same algorithm."""
    made = hash_many([b"s3cret"], cost=COST, prefix=prefix, scheme="passlib-v2").values[0]
    assert made
    assert made.startswith(b"$bcrypt-sha256$v=2,t=2b,r=4$")
    pytest.importorskip("passlib")
    assert makers.libpass_hasher("passlib-v2").verify(b"s3cret", made)


def test_php_verifies_what_is_made() -> None:
    require("php")
    schemes = [name for name in TO_HASH if name in makers.WITH_PHP]
    given = [one for one in makers.passwords(20, seed=29) if one and b"\0" not in one]
    made = [one for scheme in schemes for one in made_here(scheme, given)]
    asked: list[dict[str, Any]] = [
        {"scheme": one.scheme, "password": one.password, "stored": one.text.decode()}
        for one in made
    ]
    assert {*makers.php(asked)} == {True}
    asked = [{**one, "password": another(one["password"])} for one in asked]
    assert {*makers.php(asked)} == {False}


def test_a_mixed_table() -> None:
    """Each item has its own scheme; what can't be verified keeps its place."""
    known = [one for one in KNOWN if one.scheme not in TO_VERIFY or one.scheme == "bcrypt"]
    known = [one for one in known if b"$12$" not in one.text and b"r=12" not in one.text]
    passwords: list[Any] = [one.password for one in known]
    hashes: list[Any] = [one.text for one in known]
    odd: list[tuple[Any, Any, str, str | None]] = [
        (None, HASH, "missing_password", "bcrypt"), (b"x", None, "missing_hash", None),
        (b"x", b"$P$Bxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "unsupported_scheme", "phpass"),
        (b"x", b"bcrypt$$2b$04$", "invalid_hash", None),
        (b"x", b"$wp$2y$17" + HASH[6:], "cost_too_high", "wordpress"),
        (b"x" * 4097, b"$wp" + HASH, "password_too_long", "wordpress"),
        (b"x", b"{crypt}$6$salt$hash", "unsupported_scheme", "sha512-crypt"),
        (float("nan"), b"$wp" + HASH, "missing_password", "wordpress"),
        (b"x", b"$bcrypt-sha256$v=2,t=2b,r=04$" + HASH[7:29] + b"$" + HASH[29:], "invalid_hash",
         None),
    ]  # fmt: skip
    result = verify_many(
        [*passwords, *(one[0] for one in odd)], [*hashes, *(one[1] for one in odd)], scheme=AUTO
    )
    assert result.values == [True] * len(known) + [None] * len(odd)
    assert result.schemes == [one.scheme for one in known] + [one[3] for one in odd]
    codes = {i: one[2] for i, one in enumerate(odd, len(known))}
    assert {i: error.code for i, error in result.errors.items()} == codes


FOREIGN = {
    "$P$B12345678abcdefghijklmnopqrstuv": "phpass", "$H$9xxx": "phpass",
    "$S$D1234": "phpass-sha512", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA": "argon2id",
    "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdA$aGFzaA": "argon2id",
    "$argon2i$v=19$m=16,t=2,p=1$c2FsdA$aGFzaA": "argon2i", "$argon2d$v=19$x": "argon2",
    "{argon2}$argon2id$v=19$x": "argon2id", "$1$salt$hash": "md5-crypt",
    "$apr1$salt$hash": "md5-crypt", "$md5$salt$$hash": "sun-md5-crypt",
    "$5$salt$hash": "sha256-crypt", "$6$salt$hash": "sha512-crypt",
    "{CRYPT}$6$salt$hash": "sha512-crypt", "$y$j9T$salt$hash": "yescrypt", "$7$C6..": "scrypt",
    "scrypt:32768:8:1$salt$hash": "scrypt", "scrypt$16384$salt$8$1$hash": "scrypt",
    "pbkdf2_sha256$870000$salt$hash": "pbkdf2", "pbkdf2:sha256:600000$salt$hash": "pbkdf2",
    "$pbkdf2-sha512$25000$salt$hash": "pbkdf2", "{PBKDF2-SHA256}10000$salt$hash": "pbkdf2",
    "{SSHA}c2FsdA==": "ssha", "{ssha512}c2FsdA==": "ssha", "{SHA}c2FsdA==": "sha",
    "sha1$salt$hash": "sha", "{MD5}c2FsdA==": "md5", "md5$salt$hash": "md5",
    "{PLAIN}s3cret": "plain", "{noop}s3cret": "plain", "SCRAM-SHA-256$4096:x": "scram",
    "{NT}x": "nt", "5f4dcc3b5aa765d61d8327deb882cf99": "md5-hex",
    "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8": "sha1-hex",
}  # fmt: skip


@pytest.mark.parametrize("scheme", [None, AUTO, "md5-hex", "woltlab"])
def test_what_is_no_bcrypt_is_named(scheme: str | None) -> None:
    texts = [text.encode() for text in FOREIGN]
    result = verify_many([b"s3cret"] * len(texts), texts, scheme=scheme)
    assert result.values == [None] * len(texts)
    for i, (text, name) in enumerate(FOREIGN.items()):
        error = result.errors[i]
        assert error.code == "unsupported_scheme"
        said = "ldap" if scheme is None and text.startswith("{CRYPT}") else name
        assert f"scheme {said}" in error.message
        assert "salt" not in error.message
    assert result.schemes == ([] if scheme is None else [*FOREIGN.values()])


def test_nothing_is_recognised_unless_it_is_asked_for() -> None:
    marked = [one for one in KNOWN if SCHEMES[one.scheme].mark and not one.text.startswith(b"$2")]
    result = verify_many([one.password for one in marked], [one.text for one in marked])
    assert result.values == [None] * len(marked)
    assert result.schemes == []
    for i, one in enumerate(marked):
        assert result.errors[i].code == "unsupported_scheme"
        assert f"scheme {one.scheme}; scheme='auto'" in result.errors[i].message


@settings(max_examples=examples(60), deadline=None)
@given(
    password=st.binary(max_size=90),
    of=st.sampled_from([*SCHEMES]),
    marked=st.sampled_from([name for name, scheme in SCHEMES.items() if scheme.mark]),
    argument=st.sampled_from([name for name in TO_VERIFY if name != "pepper"]),
)
def test_another_mark_or_argument_matches_only_with_the_same_input(
    password: bytes, of: str, marked: str, argument: str
) -> None:
    """A hash matches if and only if bcrypt got the same bytes, whatever it is taken for."""
    source, read_as = SCHEMES[of], SCHEMES[marked]
    key = source.key(password, HASH[7:29], PEPPER)
    hashed = bcrypt_batch.hashpw(key[:72], HASH[:29])
    if source.times == 2:
        hashed = bcrypt_batch.hashpw(hashed, HASH[:29])
    text = base64.b64encode(hashed) if marked == "base64" else read_as.mark + hashed
    if marked.startswith("passlib"):
        text = SCHEMES["passlib-v2"].put(hashed)
    for stored in (text, hashed):
        result = verify_many([password], [stored], scheme=argument)
        taken = SCHEMES[str(result.schemes[0])]
        same = taken.times == source.times and (
            bcrypt_batch.hashpw(taken.key(password, HASH[7:29], b"")[:72], HASH[:29])
            == bcrypt_batch.hashpw(key[:72], HASH[:29])
        )
        assert result.values == [same]


@settings(max_examples=examples(100), deadline=None)
@given(text=st.binary(max_size=90), start=st.sampled_from([s.mark for s in SCHEMES.values()]))
def test_any_text_is_an_error_or_a_hash(text: bytes, start: bytes) -> None:
    result = verify_many([b"x"], [start + text], scheme=AUTO, max_cost=4)
    assert result.values[0] is None or SCHEMES[str(result.schemes[0])].take(start + text)
    assert result.complete


def test_labels_in_any_case() -> None:
    labels = (b"{blf-crypt}", b"{BCRYPT}", b"{Crypt}")
    result = verify_many([b"s3cret"] * 3, [label + HASH for label in labels], scheme=AUTO)
    assert result.values == [True] * 3
    refused = verify_many([b"s3cret"], [b"BCRYPT$" + HASH], scheme=AUTO)
    assert refused.errors[0].code == "invalid_hash"


def test_a_scheme_of_unmarked_hashes_leaves_marked_ones() -> None:
    marked = hash_many([b"s3cret"], cost=4, scheme="wordpress").values[0]
    assert marked
    digest = bcrypt_batch.hashpw(b"33e1b232a4e6fa0028a6670753749a17", HASH[:29])  # of s3cret
    result = verify_many([b"s3cret"] * 3, [marked, digest, HASH], scheme="md5-hex")
    assert result.values == [True, True, False]
    assert result.schemes == ["wordpress", "md5-hex", "md5-hex"]


@pytest.mark.parametrize("workers", [1, 2])
def test_two_rounds(workers: int) -> None:
    """Beside items of one round; what is done adds up, and what was cut is listed."""
    inner = bcrypt_batch.hashpw(b"x" * 72, HASH[:29])
    twice = b"DoubleBcrypt:" + bcrypt_batch.hashpw(inner, HASH[:29])
    seen: list[tuple[int, int]] = []
    result = verify_many(
        [b"x" * 80, b"s3cret", b"y", None, b"x" * 72] * 4,
        [twice, HASH, twice, twice, twice.replace(b"$04$", b"$17$")] * 4,
        scheme=AUTO, workers=workers, progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert result.values == [True, True, False, None, None] * 4
    assert [error.code for _, error in sorted(result.errors.items())] == [
        "missing_password", "cost_too_high",
    ] * 4  # fmt: skip
    assert result.truncated == [0, 5, 10, 15]
    assert seen == sorted(seen)
    assert seen[-1] == (20, 20)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", ["deadline", "stop", "raise"])
def test_what_a_stop_in_the_first_round_leaves_is_unprocessed(how: str, workers: int) -> None:
    """No password is compared that went through one round only."""
    slow = b"DoubleBcrypt:$2b$14$" + HASH[7:]
    hashes = [slow, b"$6$x", HASH, slow] * 3
    calls: list[int] = []

    def progress(done: int, total: int) -> bool:
        if how == "raise":
            raise InterruptedError
        calls.append(done)
        return len(calls) > 1  # stops once

    options: dict[str, Any] = {"deadline": 0.0} if how == "deadline" else {"progress": progress}
    options |= {"scheme": AUTO, "workers": workers}
    if how == "raise":
        with pytest.raises(InterruptedError) as raised:
            verify_many([b"s3cret"] * 12, hashes, **options)
        result = raised.value.batch_result  # type: ignore[attr-defined]
        assert result.values == [None] * 12
        return
    result = verify_many([b"s3cret"] * 12, hashes, **options)
    assert result.values == [None] * 12
    assert [*result.errors] == [1, 5, 9]
    assert result.unprocessed == [i for i in range(12) if i % 4 != 1]


def test_long_passwords() -> None:
    """A pre-hash takes them whole; without one bcrypt's limit holds for its whole input."""
    pre_hashed = ("wordpress", "django-sha256", "passlib-v2", "symfony")
    for scheme in TO_HASH:
        result = hash_many([b"x" * 73, b"x" * 4097], cost=4, scheme=scheme)
        codes = [*(error.code for error in result.errors.values())]
        if scheme == "django-sha256":
            assert codes == []
        else:
            assert codes == ["password_too_long"] * (1 if scheme in pre_hashed else 2)
    peppered = bcrypt_batch.hashpw((b"x" * 70 + PEPPER)[:72], HASH[:29])
    for truncate in (True, False):
        result_ = verify_many(
            [b"x" * 70], [peppered], scheme="pepper", pepper=PEPPER, truncate=truncate
        )
        assert result_.values == [True if truncate else None]
        assert result_.truncated == ([0] if truncate else [])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scheme": "wordpress"}, "; 'auto' recognises this scheme"),
        ({"scheme": "nonsense"}, "scheme must be one of 'auto', 'bcrypt', 'woltlab'"),
        ({"scheme": 5}, "scheme must be a str or None, not int"),
        ({"scheme": "pepper"}, "scheme 'pepper' needs a pepper"),
        ({"pepper": PEPPER}, "scheme 'pepper' needs a pepper, and no other scheme takes one"),
        ({"scheme": AUTO, "pepper": PEPPER}, "no other scheme takes one"),
        ({"scheme": "pepper", "pepper": b""}, "pepper must not be empty"),
        ({"scheme": "pepper", "pepper": "text"}, "pepper must be bytes, not str"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        verify_many([b"x"], [HASH], **arguments)


def test_a_scheme_to_hash_with() -> None:
    with pytest.raises(ValueError, match="scheme must be one of 'wordpress'"):
        hash_many([b"x"], scheme="md5-hex")
    made = hash_many([b"x"], cost=4, salts=[SALT], scheme="jenkins", prefix=b"2y").values[0]
    assert made
    assert made.startswith(b"#jbcrypt:$2y$04$")
    result = hash_many([None, b"x"], cost=4, scheme="django", deadline=0)
    assert result.values == [None, None]


def test_the_work_of_a_stored_text() -> None:
    """So that neither an event nor a chunk of a table hides work behind a mark."""
    expected = {None: 0, AUTO: 16, "bcrypt": 16, "woltlab": 16, "md5-hex": 16}
    for name, iterations in expected.items():
        assert work(b"$wp" + HASH, name, 16) == iterations
    assert work(HASH, "woltlab", 16) == 32
    assert work(b"DoubleBcrypt:" + HASH, AUTO, 16) == 32
    assert work(b"$wp" + HASH.replace(b"$04$", b"$17$"), AUTO, 16) == 0
    assert [work(text, AUTO, 16) for text in (None, b"", b"$6$x", b"JDJ")] == [0, 0, 0, 0]


def test_md5_where_openssl_allows_it_for_other_uses_only() -> None:
    assert check_program("schemes/fips") == ""


def test_the_digests_are_those_of_hashlib() -> None:
    assert {**DIGITS} == {"md5-hex": 32, "sha1-hex": 40, "sha256-hex": 64, "sha512-hex": 128}
