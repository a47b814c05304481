"""The recipes of docs/logins.md as printed, and Django's hashers, in real frameworks."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
from tests.documents import PROJECT, block
from tests.processes import PATIENCE_S, check_program
from tests.serving import serving

HASHED = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(5))
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(5))
COSTLY = HASHED.replace(b"$05$", b"$17$")
LAMBDA = (PROJECT / "docs/lambda.md").read_text()
FORM = {"name": "ada", "password": "s3cret"}

USERS: dict[str, Any] = {
    "ada": HASHED, "text": HASHED.decode(), "view": memoryview(HASHED), "long": LONG,
    "locked": b"!", "text locked": "!", "escape": "\udcff", "none": None, "empty": b"",
    "django": b"bcrypt$" + HASHED, "costly": COSTLY,
    "nothing": bcrypt.hashpw(b"", bcrypt.gensalt(5)),
}  # fmt: skip
SIGNED_IN = [("ada", "s3cret"), ("text", "s3cret"), ("view", "s3cret"), ("long", "x" * 73)]
NOT_SIGNED_IN = [
    *((name, "guess") for name in USERS), ("nobody", "s3cret"), ("long", "x" * 71),
    *((name, "s3cret") for name in ("locked", "text locked", "escape", "none", "empty")),
    ("django", "s3cret"), ("costly", "s3cret"), ("ada", "\0"), ("ada", "\u20ac" * 500),
]  # fmt: skip
NO_FORMS: list[dict[str, str]] = [
    {}, {"name": "ada"}, {"password": "s3cret"}, {"name": "", "password": "s3cret"},
    {"name": "nothing", "password": ""},
]  # fmt: skip


def recipe(name: str, text: str, **names: Any) -> dict[str, Any]:
    """Run a recipe as a module of its own; return its names."""
    found = {"__name__": name, **names}
    exec(compile(text, f"docs/logins.md, {name}", "exec"), found)
    return found


def fastapi() -> dict[str, Any]:
    module = recipe("fastapi", block("docs/logins.md", "fastapi"))
    module["users"].update(USERS)
    module["COST"] = 5
    return module


def flask() -> dict[str, Any]:
    module = recipe("flask", block("docs/logins.md", "flask"))
    module["users"].update(USERS)
    module["COST"] = 5
    return module


def test_fastapi(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    import httpx

    module = fastapi()
    app = module["app"]

    async def main() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://test") as client,
        ):

            async def post(name: str, password: str) -> Any:
                return await client.post("/login", data={"name": name, "password": password})

            forms = [*SIGNED_IN, *NOT_SIGNED_IN]
            answers = await asyncio.gather(*(post(*form) for form in forms))
            wanted = [200] * len(SIGNED_IN) + [401] * len(NOT_SIGNED_IN)
            assert [answer.status_code for answer in answers] == wanted
            assert answers[0].json() == {"welcome": "ada"}
            stats = app.state.checker.stats()
            assert stats.finished == len(forms)
            assert stats.mean_group_size >= 1  # how much more the clock decides
            for form in NO_FORMS:
                answer = await client.post("/login", data=form)
                assert answer.status_code == 422
                assert "s3cret" not in answer.text
            file = {"password": ("s3cret", b"s3cret")}
            answer = await client.post("/login", data={"name": "ada"}, files=file)
            assert answer.status_code == 422
            assert "s3cret" not in answer.text
            app.state.checker.close()
            app.state.checker = bcrypt_batch.Checker(workers=1, lanes=1, max_waiting=0)
            monkeypatch.setattr(app.state.checker, "check_async", refuse)
            assert (await client.post("/login", data=FORM)).status_code == 503

    asyncio.run(main())
    check_log(caplog)


def test_fastapi_as_main_py_of_a_web_function(tmp_path: Path) -> None:
    """Lambda loads main:app in some server processes, and sends up to 64 requests at once."""
    pytest.importorskip("uvicorn")
    httpx = pytest.importorskip("httpx")
    shared = 'SharedChecker("/tmp/bcrypt-batch.sock", start=True)'
    assert f"`{shared}` instead of `Checker(max_waiting=500)`" in LAMBDA
    text = block("docs/logins.md", "fastapi").replace("Checker(max_waiting=500)", shared)
    text = text.replace("import Checker,", "import SharedChecker,").replace("/tmp/", f"{tmp_path}/")
    own = f"\nCOST = 5\nusers['ada'] = {HASHED!r}\n"
    (tmp_path / "main.py").write_text(text + own)
    forms = [FORM, {**FORM, "password": "guess"}, {**FORM, "name": "nobody"}, {"name": "ada"}]

    async def clients() -> list[int]:
        transport = httpx.AsyncHTTPTransport(uds=str(tmp_path / "socket"))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            sent = (client.post("/login", data=forms[i % 4], timeout=PATIENCE_S) for i in range(64))
            return [answer.status_code for answer in await asyncio.gather(*sent)]

    command = [sys.executable, "-m", "uvicorn", "main:app", "--uds", "socket", "--workers", "2"]
    with subprocess.Popen(
        [*command, "--log-level", "warning"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            while server.poll() is None and not listens(tmp_path / "socket"):
                time.sleep(0.05)
            assert asyncio.run(clients()) == [200, 401, 401, 422] * 16
            with bcrypt_batch.SharedChecker(tmp_path / "bcrypt-batch.sock") as checker:
                assert checker.stats().finished == 48
        finally:
            (tmp_path / "bcrypt-batch.sock").unlink(missing_ok=True)  # so that its server ends
            server.terminate()
            said = server.communicate(timeout=PATIENCE_S)[0]
    assert said == ""


def listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def check_log(caplog: pytest.LogCaptureFixture) -> None:
    """See that stored values which can't be checked are in the log, and nothing secret."""
    said = [record.getMessage() for record in caplog.records if "stored" in record.getMessage()]
    assert len(said) == 10  # two attempts at each of five users
    for secret in ("s3cret", "guess", COSTLY.decode()[7:]):
        assert secret not in caplog.text


async def refuse(*_: object, **__: object) -> bool:
    raise bcrypt_batch.CheckerFull


def test_flask(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("flask")
    module = flask()

    def post(form: dict[str, str]) -> int:
        return int(module["app"].test_client().post("/login", data=form).status_code)

    with module["checker"] as checker, ThreadPoolExecutor(8) as executor:
        pairs = [*SIGNED_IN, *NOT_SIGNED_IN]
        forms = [{"name": name, "password": password} for name, password in pairs]
        wanted = [200] * len(SIGNED_IN) + [401] * len(NOT_SIGNED_IN)
        assert list(executor.map(post, forms)) == wanted
        assert checker.stats().finished == len(forms)
        assert [post(form) for form in NO_FORMS] == [422] * len(NO_FORMS)
    check_log(caplog)


def test_opentelemetry() -> None:
    pytest.importorskip("opentelemetry")
    with bcrypt_batch.Checker() as checker:
        module = recipe("opentelemetry", block("docs/logins.md", "opentelemetry"), checker=checker)
        checker.check(b"s3cret", HASHED)
        assert module["observe"]("finished")(None)[0].value == 1


def test_prometheus() -> None:
    pytest.importorskip("prometheus_client")
    with bcrypt_batch.Checker() as checker:
        module = recipe("prometheus", block("docs/logins.md", "prometheus"), checker=checker)
        checker.check(b"s3cret", HASHED)
        assert module["REGISTRY"].get_sample_value("bcrypt_finished_total") == 1


def test_the_first_example() -> None:
    exec(block("docs/logins.md", "checker").replace("cost=12", "cost=4"), {})


@pytest.fixture(scope="module")
def django_settings() -> str:
    pytest.importorskip("django")
    found = recipe("django", block("docs/logins.md", "django"))
    wanted = {n: found[n] for n in ("PASSWORD_HASHERS", "BCRYPT_BATCH_CHECKER")}
    return json.dumps(wanted)


def test_django_reads_and_writes_what_its_own_hashers_do(django_settings: str) -> None:
    check_program("logins/read_and_write", django_settings)


def test_django_on_awkward_values(django_settings: str) -> None:
    """A stored value that is no hash of ours is nobody's password, as with Django's own."""
    check_program("logins/awkward_values", django_settings)


def test_django_updates_and_hardens(django_settings: str) -> None:
    check_program("logins/update_and_harden", django_settings)


def test_django_requests_share_lanes(django_settings: str) -> None:
    check_program("logins/share_lanes", django_settings)


def test_django_in_a_child_of_a_fork_in_the_middle_of_the_first_login(django_settings: str) -> None:
    check_program("logins/fork_in_the_first_login", django_settings, PYTHONWARNINGS="ignore")


def test_django_processes_share_a_server(django_settings: str, tmp_path: Path) -> None:
    """By the setting of the recipe, with another path."""
    found = recipe("django-shared", block("docs/logins.md", "django-shared"))
    options = found["BCRYPT_BATCH_CHECKER"]
    assert {*options} == {"socket", "start"}
    with serving(tmp_path) as server:
        options = {"socket": server.path, "when_away": "raise"}
        settings = json.loads(django_settings) | {"BCRYPT_BATCH_CHECKER": options}
        check_program("logins/share_lanes", json.dumps(settings))
        assert server.checker().stats().finished == 65
