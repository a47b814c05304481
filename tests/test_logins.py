"""The recipes of docs/logins.md as they stand there, and Django's hashers, in real frameworks."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
from tests.processes import check_program

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


@pytest.fixture(scope="module")
def django_settings() -> str:
    pytest.importorskip("django")
    found = recipe("django")
    wanted = {n: found[n] for n in ("PASSWORD_HASHERS", "BCRYPT_BATCH_CHECKER")}
    return json.dumps(wanted)


def test_django_reads_and_writes_what_its_own_hashers_do(django_settings: str) -> None:
    check_program("logins/read_and_write", django_settings)


def test_django_updates_and_hardens(django_settings: str) -> None:
    check_program("logins/update_and_harden", django_settings)


def test_django_requests_share_lanes(django_settings: str) -> None:
    check_program("logins/share_lanes", django_settings)


def test_django_in_a_child_of_a_fork_in_the_middle_of_the_first_login(django_settings: str) -> None:
    check_program("logins/fork_in_the_first_login", django_settings, PYTHONWARNINGS="ignore")
