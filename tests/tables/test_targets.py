"""hash --for: what a system verifies is made, and what it would refuse isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

import bcrypt_batch
from bcrypt_batch.limits import MAX_COST, MIN_COST, PREFIX_NAMES
from bcrypt_batch.schemes import SCHEMES
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.targets import TARGETS
from tests.tables.samples import read_results


@pytest.fixture
def users(tmp_path: Path) -> Path:
    file = tmp_path / "users.csv"
    file.write_text("id,password\nu,s3cret\n")
    return file


def hash_for(users: Path, name: str, *options: str) -> int:
    output = users.with_name("hashed.jsonl")
    return main(["hash", str(users), "--for", name, "-o", str(output), "--force", *options])


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_made_is_what_the_system_takes(users: Path, name: str) -> None:
    target = TARGETS[name]
    assert {*target.prefixes} <= {*PREFIX_NAMES}
    assert MIN_COST <= target.costs[0] <= target.costs[1] <= MAX_COST
    cost = target.costs[0]  # the cheapest
    assert hash_for(users, name, "--cost", str(cost)) == 0
    (result,) = read_results(users.with_name("hashed.jsonl"))
    stored = result["hash"].encode()
    if target.scheme is None:
        assert bcrypt_batch.checkpw(b"s3cret", stored)
    checked = bcrypt_batch.verify_many([b"s3cret"], [stored], scheme=(
        "auto" if target.scheme is None or SCHEMES[target.scheme].mark else target.scheme
    ))  # fmt: skip
    assert checked.values == [True]
    assert checked.schemes == [target.scheme or "bcrypt"]
    plain = SCHEMES[target.scheme or "bcrypt"].take(stored).decode()
    assert (plain[1:3], int(plain[4:6])) == (target.prefix, cost)
    assert target.refusal(plain[1:3], cost) is None


def test_what_people_expect_of_the_table() -> None:
    made = {name: (target.scheme, target.prefix, target.cost) for name, target in TARGETS.items()}
    assert made == {
        "auth0": (None, "2b", 10), "django": ("django-sha256", "2b", 12),
        "dovecot": ("dovecot", "2y", 12), "jbcrypt": (None, "2a", 12),
        "jenkins": ("jenkins", "2a", 12), "keycloak": (None, "2a", 12),
        "kratos": (None, "2b", 12), "laravel": (None, "2y", 12), "ldap": ("ldap", "2b", 12),
        "okta": (None, "2b", 12), "php": (None, "2y", 12), "spring": ("spring", "2a", 12),
        "symfony": ("symfony", "2y", 12), "wordpress": ("wordpress", "2y", 12),
    }  # fmt: skip


def test_the_choice_is_said(users: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The cost too, where the default isn't one that the system takes."""
    assert hash_for(users, "auth0") == 0
    assert "bcrypt-batch: for auth0: $2b$, cost 10\n" in capsys.readouterr().err
    assert hash_for(users, "django", "--cost", "4") == 0
    assert "for django: scheme django-sha256, $2b$, cost 4\n" in capsys.readouterr().err
    assert hash_for(users, "laravel", "--cost", "4", "--quiet") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("auth0", ["--cost", "12"], "--cost 12 doesn't go with --for auth0: auth0 takes $2b$ or "
         "$2a$ of cost 10 only"),
        ("okta", ["--cost", "21"], "--cost 21 doesn't go with --for okta: okta takes"),
        ("kratos", ["--cost", "16"], "of cost 4 to 15"),
        ("jenkins", ["--cost", "19"], "of cost 4 to 18"),
        ("jbcrypt", ["--cost", "31"], "of cost 4 to 30"),
        ("laravel", ["--prefix", "2b"], "--prefix 2b doesn't go with --for laravel: laravel takes "
         "$2y$ of cost 4 to 31"),
        ("wordpress", ["--prefix", "2a"], "--prefix 2a doesn't go with --for wordpress"),
        ("django", ["--scheme", "django"], "--scheme django doesn't go with --for django: django "
         "takes django-sha256"),
        ("php", ["--scheme", "wordpress"], "--scheme wordpress doesn't go with --for php: php "
         "takes plain hashes"),
        ("kratos", ["--truncate"], "--truncate doesn't go with --for kratos: kratos refuses "
         "passwords of more than 72 bytes"),
        ("keycloak", ["--truncate"], "--truncate doesn't go with --for keycloak"),
        ("okta", ["--wrap", "md5-hex"], "--wrap doesn't go with --for okta: the login of okta "
         "doesn't make the digest first"),
        ("django", ["--wrap", "md5-hex"], "--wrap doesn't go with --for django"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named(
    users: Path, capsys: pytest.CaptureFixture[str],
    name: str, options: list[str], message: str,
) -> None:  # fmt: skip
    """Before anything is made."""
    assert hash_for(users, name, *options) == 2
    assert message in capsys.readouterr().err
    assert [*users.parent.iterdir()] == [users]


def test_what_agrees_with_the_system_is_taken(users: Path) -> None:
    assert hash_for(users, "auth0", "--prefix", "2a", "--cost", "10", "--truncate") == 0
    (result,) = read_results(users.with_name("hashed.jsonl"))
    assert result["hash"].startswith("$2a$10$")
    assert hash_for(users, "dovecot", "--scheme", "dovecot", "--cost", "4") == 0
    users.write_text(f"id,password\nu,{'0' * 32}\n")
    assert hash_for(users, "php", "--wrap", "md5-hex", "--cost", "4") == 0
    (result,) = read_results(users.with_name("hashed.jsonl"))
    assert result["hash"].startswith("$2y$04$")
