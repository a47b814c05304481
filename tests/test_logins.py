"""The recipes of docs/logins.md as they stand there, and Django's hashers, in real frameworks."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
from tests.processes import check_python

DOCUMENT = (Path(__file__).parent.parent / "docs" / "logins.md").read_text()
HASHED = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(5))
FORM = {"name": "ada", "password": "s3cret"}


def recipe(name: str, **names: Any) -> dict[str, Any]:
    """Run a recipe as a module of its own; return its names."""
    (code,) = re.findall(rf"```python {name}\n(.*?)```", DOCUMENT, re.DOTALL)
    found = {"__name__": name, **names}
    exec(compile(code, f"docs/logins.md, {name}", "exec"), found)
    return found


def test_fastapi(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    import asyncio

    import httpx

    module = recipe("fastapi")
    module["users"]["ada"] = HASHED
    module["COST"] = 5
    app = module["app"]

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):
            forms = [FORM, {**FORM, "password": "guess"}, {**FORM, "name": "nobody"}] * 8
            answers = await asyncio.gather(*(client.post("/login", data=form) for form in forms))
            assert [answer.status_code for answer in answers] == [200, 401, 401] * 8
            assert answers[0].json() == {"welcome": "ada"}
            stats = app.state.checker.stats()
            assert stats.finished == 24
            assert stats.mean_group_size >= 1  # how much more the clock decides
            app.state.checker.close()
            app.state.checker = bcrypt_batch.Checker(workers=1, lanes=1, max_waiting=0)
            monkeypatch.setattr(app.state.checker, "check_async", refuse)
            assert (await client.post("/login", data=FORM)).status_code == 503

    asyncio.run(main())


async def refuse(*_: object, **__: object) -> bool:
    raise bcrypt_batch.CheckerFull


def test_flask() -> None:
    pytest.importorskip("flask")
    module = recipe("flask")
    module["users"]["ada"] = HASHED
    module["COST"] = 5

    def post(form: dict[str, str]) -> int:
        return int(module["app"].test_client().post("/login", data=form).status_code)

    with module["checker"] as checker, ThreadPoolExecutor(8) as executor:
        forms = [FORM, {**FORM, "password": "guess"}, {**FORM, "name": "nobody"}] * 8
        assert list(executor.map(post, forms)) == [200, 401, 401] * 8
        assert checker.stats().finished == 24


def test_opentelemetry() -> None:
    pytest.importorskip("opentelemetry")
    with bcrypt_batch.Checker() as checker:
        module = recipe("opentelemetry", checker=checker)
        checker.check(b"s3cret", HASHED)
        assert module["observe"]("finished")(None)[0].value == 1


def test_prometheus() -> None:
    pytest.importorskip("prometheus_client")
    with bcrypt_batch.Checker() as checker:
        module = recipe("prometheus", checker=checker)
        checker.check(b"s3cret", HASHED)
        assert module["REGISTRY"].get_sample_value("bcrypt_finished_total") == 1


def test_the_first_example() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    exec(code, {})


DJANGO = """
import django
from concurrent.futures import ThreadPoolExecutor
from django.conf import settings
OWN = ["django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
       "django.contrib.auth.hashers.BCryptPasswordHasher"]
settings.configure(**SETTINGS)
django.setup()
from django.contrib.auth import hashers
from django.test.utils import override_settings
from bcrypt_batch.contrib import django as ours
for kind in (ours.BCryptSHA256PasswordHasher, ours.BCryptPasswordHasher):
    kind.rounds = 5
for kind in (hashers.BCryptSHA256PasswordHasher, hashers.BCryptPasswordHasher):
    kind.rounds = 5
"""


@pytest.fixture(scope="module")
def django_code() -> str:
    pytest.importorskip("django")
    found = recipe("django")
    wanted = {n: found[n] for n in ("PASSWORD_HASHERS", "BCRYPT_BATCH_CHECKER")}
    return f"SETTINGS = {wanted!r}\n{DJANGO}"


def test_django_reads_and_writes_what_its_own_hashers_do(django_code: str) -> None:
    check_python(
        django_code
        + """
for algorithm in ("bcrypt_sha256", "bcrypt"):
    for password in ("s3cret", "", "\\u00e4\\u20ac", "x" * (200 if algorithm != "bcrypt" else 72)):
        made = hashers.make_password(password, hasher=algorithm)
        assert made.startswith(algorithm + "$$2b$05$")
        assert type(hashers.get_hasher(algorithm)).__module__ == "bcrypt_batch.contrib.django"
        assert hashers.check_password(password, made)
        assert not hashers.check_password("guess", made)
        with override_settings(PASSWORD_HASHERS=OWN):
            assert type(hashers.get_hasher(algorithm)).__module__ != ours.__name__
            assert hashers.check_password(password, made)
            theirs = hashers.make_password(password, hasher=algorithm)
        assert hashers.check_password(password, theirs)
        assert not hashers.check_password("guess", theirs)
    assert hashers.get_hasher(algorithm).safe_summary(made)
assert ours.checker().stats().finished == 40, ours.checker().stats()
assert hashers.get_hasher("default").algorithm == "bcrypt_sha256"
ours.checker().close()
"""
    )


def test_django_updates_and_hardens(django_code: str) -> None:
    check_python(
        django_code
        + """
hasher = ours.BCryptSHA256PasswordHasher()
made = hasher.encode("s3cret", hasher.salt())
assert not hasher.must_update(made)
hasher.rounds = 7
assert hasher.must_update(made)
before = ours.checker().stats().finished
hasher.harden_runtime("guess", made)  # 2^7 - 2^5 = 3 * 2^5: three more of cost 5
assert ours.checker().stats().finished == before + 3
ours.BCryptSHA256PasswordHasher.rounds = 6
hashers.get_hasher.cache_clear() if hasattr(hashers.get_hasher, "cache_clear") else None
hashers.reset_hashers(setting="PASSWORD_HASHERS")
kept = []
assert hashers.check_password("s3cret", made, setter=lambda p: kept.append(p))
assert kept == ["s3cret"]
ours.checker().close()
"""
    )


def test_django_requests_share_lanes(django_code: str) -> None:
    check_python(
        django_code
        + """
made = hashers.make_password("s3cret")
def check(i):
    return hashers.check_password("s3cret" if i % 2 else "guess", made)
with ThreadPoolExecutor(8) as executor:
    assert list(executor.map(check, range(64))) == [False, True] * 32
stats = ours.checker().stats()
assert stats.finished == 65 and stats.mean_group_size > 1, stats
assert ours.checker() is ours.checker()
ours.checker().close()
"""
    )


def test_django_in_a_child_of_a_fork_in_the_middle_of_the_first_login(django_code: str) -> None:
    check_python(
        django_code
        + """
import os, signal, threading, bcrypt_batch
real = ours.Checker
forked = []
def made_slowly(**options):
    if not forked:
        forked.append(None)
        if not (pid := os.fork()):  # as another thread's fork would find it
            threading.Thread(target=login).start()  # the child's own threads log in
            os._exit(0 if ended.wait(30) else 1)
        assert os.waitpid(pid, 0)[1] == 0
    return real(**options)
def login():
    assert hashers.check_password("x", hashers.make_password("x"))
    ended.set()
ended = threading.Event()
ours.Checker = made_slowly
login()
ours.checker().close()
""",
        PYTHONWARNINGS="ignore",
    )
