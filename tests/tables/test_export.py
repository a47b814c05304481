"""bcrypt-batch export: files that other systems import."""

from __future__ import annotations

import base64
import json
import os
import signal
from pathlib import Path
from typing import Any

import bcrypt
import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.commands.export import FORMATS
from bcrypt_batch.tables.interrupts import Interrupts
from bcrypt_batch.tables.newfiles import OutputRefused, new_files
from tests.tables.programs import run, start, succeed

COST_10 = "$2b$10$" + "a" * 53
COST_12 = "$2a$12$" + "b" * 53
OLD = "$2x$10$" + "c" * 53


def results(tmp_path: Path, *lines: dict[str, Any]) -> Path:
    file = tmp_path / "hashed.jsonl"
    numbered = ({"row": row, **line} for row, line in enumerate(lines))
    file.write_text("".join(json.dumps(line) + "\n" for line in numbered))
    return file


def export(form: str, file: Path, output: Path, *options: str) -> int:
    return main(["export", form, str(file), "--output", str(output), *options])


def test_firebase(tmp_path: Path) -> None:
    file = results(
        tmp_path,
        {"id": "u1", "email": "a@b", "hash": COST_10},
        {"id": "u2", "error": "missing_password"},
        {"id": 3, "hash": COST_12, "truncated": True},
    )
    output = tmp_path / "users.json"
    assert export("firebase", file, output) == 1  # a row was left out
    first, second = json.loads(output.read_text())["users"]
    assert first == {
        "localId": "u1", "email": "a@b", "passwordHash": base64.b64encode(COST_10.encode()).decode()
    }  # fmt: skip
    assert {*second} == {"localId", "passwordHash"}
    assert output.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", ["firebase", "htpasswd"])
def test_results_written_as_csv(form: str, tmp_path: Path) -> None:
    """The same users come of both, also with ids that CSV quotes."""
    ids = ["u0", 'a"b', "c,d", "=1", "007", "caf\u00e9", ""]
    table = tmp_path / "users.jsonl"
    users = [{"id": name, "password": name, "email": f"{i}@x"} for i, name in enumerate(ids)]
    table.write_text("".join(json.dumps(user) + "\n" for user in users))
    made = tmp_path / "hashed.csv"
    assert main(["hash", str(table), "-c", "4", "-k", "email", "-o", str(made)]) == 1
    assert export(form, made, tmp_path / "out") == 1  # a row in error was left out
    text = (tmp_path / "out").read_text()
    found = (
        [(user["localId"], user["email"]) for user in json.loads(text)["users"]]
        if form == "firebase"
        else [(line.split(":")[0], f"{i}@x") for i, line in enumerate(text.splitlines())]
    )
    assert found == [(name, f"{i}@x") for i, name in enumerate(ids[:-1])]


def test_a_csv_that_is_no_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (
        "row,id,hash,error\n0,u\n",
        'row,id,hash,error\n"x',
        "row,id,hash,error\nx,u,h,\n",
    ):
        (file := tmp_path / "hashed.csv").write_text(text)
        assert export("htpasswd", file, tmp_path / "out", "--force") == 2
        said = capsys.readouterr().err
        assert "record 1 is no result" in said or "row 0 has no hash" in said


def test_auth0_in_files_of_500_kb(tmp_path: Path) -> None:
    lines = [{"id": f"u{i}", "email": f"u{i}@x", "hash": COST_10} for i in range(6000)]
    assert export("auth0", results(tmp_path, *lines), tmp_path / "users.json") == 0
    files = sorted(tmp_path.glob("users-*.json"))
    assert len(files) == 2
    found = [user for file in files for user in json.loads(file.read_text())]
    assert found == [
        {"user_id": f"u{i}", "email": f"u{i}@x", "password_hash": COST_10} for i in range(6000)
    ]


@pytest.mark.parametrize("users", [1, 2, 3])
def test_auth0_files_have_500_000_bytes_and_not_one_more(tmp_path: Path, users: int) -> None:
    def sizes(padding: int) -> list[int]:
        lines = [{"id": f"u{i}", "email": f"{i}@x", "hash": COST_10} for i in range(users)]
        lines[-1]["email"] = "e" * padding
        status = export("auth0", results(tmp_path, *lines), tmp_path / "o.json", "--force")
        made = sorted(tmp_path.glob("o-*.json"))
        found = [user["user_id"] for file in made for user in json.loads(file.read_text())]
        assert status == 2 or found == [line["id"] for line in lines]
        return [status, *(file.stat().st_size for file in made)]

    _, size = sizes(10)
    most = 500_000 - size + 10
    assert sizes(most) == [0, 500_000]
    status, *more = sizes(most + 1)
    if users == 1:
        assert status == 2  # alone too much
    else:
        assert (status, len(more)) == (0, 2)
        assert max(more) <= 500_000


def test_auth0_leaves_nothing_of_a_longer_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_10})
    other = tmp_path / "users-0005.json"
    for number in (1, 2, 3, 5):
        (tmp_path / f"users-000{number}.json").write_text("[]")
    assert export("auth0", file, tmp_path / "users.json", "--force") == 0
    assert sorted(tmp_path.glob("users-*")) == [tmp_path / "users-0001.json", other]
    file.rename(other)
    assert export("auth0", other, tmp_path / "users.json", "--force") == 2
    assert "is the input itself" in capsys.readouterr().err


def test_auth0_of_another_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_12})
    assert export("auth0", file, tmp_path / "o.json") == 2
    said = capsys.readouterr().err
    assert "row 0: auth0 takes $2b$ or $2a$ of cost 10 only, and this is $2a$ of cost 12" in said
    assert "bbbb" not in said
    assert export("auth0", file, tmp_path / "o.json", "--custom") == 0
    (user,) = json.loads((tmp_path / "o-0001.json").read_text())
    assert user["custom_password_hash"]["hash"]["value"] == COST_12


HASH_13 = "$2b$13$" + "s" * 22 + "d" * 31
USER = {"id": "ada.l", "email": "ada@x", "hash": HASH_13}
REQUESTS: dict[str, dict[str, Any]] = {
    "clerk": {
        "external_id": "ada.l", "email_address": ["ada@x"], "password_digest": HASH_13,
        "password_hasher": "bcrypt",
    },
    "fusionauth": {"users": [{
        "active": True, "username": "ada.l", "email": "ada@x", "encryptionScheme": "bcrypt",
        "factor": 13, "salt": "s" * 22, "password": "d" * 31,
    }]},
    "keycloak": {"ifResourceExists": "FAIL", "users": [{
        "username": "ada.l", "email": "ada@x", "enabled": True,
        "credentials": [{
            "type": "password",
            "credentialData": '{"hashIterations": 13, "algorithm": "bcrypt"}',
            "secretData": json.dumps({"value": "$2a$" + HASH_13[4:], "salt": ""}),
        }],
    }]},
    "kratos": {"identities": [{"create": {
        "schema_id": "preset://email", "external_id": "ada.l", "traits": {"email": "ada@x"},
        "credentials": {"password": {"config": {"hashed_password": HASH_13}}},
    }}]},
    "okta": {
        "profile": {"login": "ada.l", "email": "ada@x"},
        "credentials": {"password": {"hash": {
            "algorithm": "BCRYPT", "workFactor": 13, "salt": "s" * 22, "value": "d" * 31,
        }}},
    },
}  # fmt: skip


@pytest.mark.parametrize("form", REQUESTS)
def test_the_request_of_each_system(form: str, tmp_path: Path) -> None:
    """Fields and hash as the documentation has them."""
    assert export(form, results(tmp_path, USER), tmp_path / "o.json") == 0
    (output,) = tmp_path.glob("o*")
    assert output.name == ("o.json" if form in ("clerk", "okta") else "o-0001.json")
    assert json.loads(output.read_text()) == REQUESTS[form]


def test_what_a_hash_is_split_into_is_the_whole_hash(tmp_path: Path) -> None:
    made = bcrypt_batch.hashpw(b"s3cret", bcrypt_batch.gensalt(4)).decode()
    file = results(tmp_path, {**USER, "hash": made})
    assert export("okta", file, tmp_path / "okta") == 0
    okta = json.loads((tmp_path / "okta").read_text())["credentials"]["password"]["hash"]
    assert made == f"$2b${okta['workFactor']:02}${okta['salt']}{okta['value']}"
    assert export("fusionauth", file, tmp_path / "o.json") == 0
    (user,) = json.loads((tmp_path / "o-0001.json").read_text())["users"]
    assert made == f"$2b${user['factor']:02}${user['salt']}{user['password']}"
    assert export("keycloak", file, tmp_path / "k.json") == 0
    (user,) = json.loads((tmp_path / "k-0001.json").read_text())["users"]
    stored = json.loads(user["credentials"][0]["secretData"])["value"]
    assert bcrypt.checkpw(b"s3cret", stored.encode())


@pytest.mark.parametrize(
    ("form", "most", "key"),
    [("fusionauth", 10_000, "users"), ("keycloak", 1000, "users"), ("kratos", 1000, "identities")],
)
def test_a_request_takes_so_many_users(form: str, most: int, key: str, tmp_path: Path) -> None:
    lines = [{**USER, "id": f"u{i}", "email": f"{i}@x"} for i in range(most + 1)]
    assert export(form, results(tmp_path, *lines), tmp_path / "o.json") == 0
    files = sorted(tmp_path.glob("o-*.json"))
    assert [len(json.loads(file.read_text())[key]) for file in files] == [most, 1]


def test_options_and_columns_of_one_system(tmp_path: Path) -> None:
    """The names that Okta needs, and the schema of Kratos; an address is no need of Keycloak's."""
    file = results(tmp_path, {**USER, "firstName": "Ada", "lastName": "L", "other": "x"})
    assert export("okta", file, tmp_path / "okta") == 0
    profile = json.loads((tmp_path / "okta").read_text())["profile"]
    assert profile == {"login": "ada.l", "email": "ada@x", "firstName": "Ada", "lastName": "L"}
    assert export("kratos", file, tmp_path / "o.json", "--schema", "default") == 0
    (made,) = json.loads((tmp_path / "o-0001.json").read_text())["identities"]
    assert made["create"]["schema_id"] == "default"
    file = results(tmp_path, {"id": "ada.l", "hash": HASH_13})
    for form in ("fusionauth", "keycloak"):
        assert export(form, file, tmp_path / "o.json", "--force") == 0
        (user,) = json.loads((tmp_path / "o-0001.json").read_text())["users"]
        assert "email" not in user


@pytest.mark.parametrize("form", ["fusionauth", "keycloak", "okta"])
def test_nobody_signs_in_by_the_name_of_another(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = [
        ("alice@x", "alice@x"), ("ALICE@x", "other@x"), ("bob-1", "bob@x"), ("Bob@x", "b@xyz"),
        ("carol", "BOB-1"), ("m\u00fcller", "m1@xy"), ("mu\u0308ller", "m2@xy"), ("dave1", "d@xyz"),
    ]  # fmt: skip
    lines = [{"id": name, "email": email, "hash": HASH_13} for name, email in people]
    assert export(form, results(tmp_path, *lines), tmp_path / "o") == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said[:-1]] == [f" row {row}" for row in (1, 3, 4, 6)]
    assert all("signs in by this id or address, whatever its case" in line for line in said[:-1])


def test_htpasswd(tmp_path: Path) -> None:
    hashed = bcrypt_batch.hashpw(b"s3cret", bcrypt_batch.gensalt(4)).decode()
    output = tmp_path / "htpasswd"
    assert export("htpasswd", results(tmp_path, {"id": "ada", "hash": hashed}), output) == 0
    name, _, stored = output.read_text().rstrip("\n").partition(":")
    assert (name, stored[:7]) == ("ada", "$2y$04$")
    assert bcrypt.checkpw(b"s3cret", stored.encode())


@pytest.mark.parametrize(
    ("form", "lines", "message"),
    [
        ("firebase", [{"id": "u", "hash": COST_10}] * 2, "row 1: an earlier row has the same id"),
        ("firebase", [{"id": 1, "hash": COST_10}, {"id": "1", "hash": COST_10}], "the same id"),
        ("firebase", [{"id": "u" * 129, "hash": COST_10}], "more than 128 characters"),
        ("firebase", [{"id": "\U0001f600" * 65, "hash": COST_10}], "more than 128 characters"),
        ("firebase", [{"hash": COST_10}], "row 0: there is no id"),
        ("firebase", [{"id": True, "hash": COST_10}], "row 0: the id is neither text nor a number"),
        ("htpasswd", [{"id": 3.0, "hash": COST_10}], "row 0: the id is a decimal number"),
        ("firebase", [{"id": "u", "match": True}], "row 0 has no hash"),
        ("firebase", [{"id": "u", "hash": "$2b$10$short"}], "row 0 has no hash"),
        ("htpasswd", [{"id": "u", "hash": "bcrypt$$2b$10$" + "." * 53}], "no hash of plain bcrypt"),
        ("firebase", [{"id": "u", "hash": OLD}], "$2x$ is another algorithm"),
        ("auth0", [{"id": "u", "hash": COST_10}], "row 0: there is no 'email'"),
        ("auth0", [{"id": "u", "email": 5, "hash": COST_10}], "'email' is not text"),
        ("auth0", [{"id": "u", "email": "e" * 500_000, "hash": COST_10}], "row 0: the user alone"),
        ("auth0", [{"id": "auth0|u", "email": "e@x", "hash": COST_10}], "Auth0 puts auth0| before"),
        ("htpasswd", [{"id": "a", "hash": OLD}], "$2x$ is another algorithm"),
        ("clerk", [{"id": "u", "hash": COST_10}], "no 'email', which clerk needs"),
        ("kratos", [{"id": "u", "hash": COST_10}], "no 'email', which kratos needs"),
        ("okta", [{"id": "u", "hash": COST_10}], "no 'email', which okta needs"),
        (
            "okta",
            [{**USER, "hash": COST_10.replace("10", "21")}],
            "okta takes $2b$ or $2a$ or $2y$",
        ),
        ("kratos", [{**USER, "hash": COST_10.replace("10", "16")}], "of cost 4 to 15, and this is"),
        ("keycloak", [{**USER, "hash": COST_10.replace("10", "31")}], "of cost 4 to 30"),
        ("kratos", [{**USER, "truncated": True}], "kratos refuses passwords of more than 72"),
        ("keycloak", [{**USER, "truncated": True}], "and this one was cut"),
        ("keycloak", [{**USER, "id": "u" * 256}], "row 0: the id has 256 characters, not 1 to 255"),
        ("okta", [{**USER, "id": "u" * 101}], "row 0: the id has 101 characters, not 5 to 100"),
        ("okta", [{**USER, "id": "uuuu"}], "row 0: the id has 4 characters, not 5 to 100"),
        ("okta", [{**USER, "email": "e" * 101}], "the e-mail address has 101 characters"),
        ("okta", [{**USER, "firstName": 5}], "'firstName' is not text"),
    ],
)
def test_what_is_refused_is_named(
    form: str,
    lines: list[dict[str, Any]],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert export(form, results(tmp_path, *lines), tmp_path / "o") == 2
    said = capsys.readouterr().err
    assert message in said
    assert "aaaa" not in said


BLANKS = (" u", "u ", "\tu", "u\u00a0", "\u2028u", "\ufeffu", " ")


@pytest.mark.parametrize("form", FORMATS)
def test_every_row_whose_id_would_change_is_named(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = [*BLANKS, "u\nv", "\0u", "u\x7f", "u\x85v"]
    if form == "htpasswd":
        # The last one is written as the bytes of another user's letter.
        bad += ["#u", "u:v", "u" * 256, "\u00e9" * 128, "\ud800", "\udcc3\udca9"]
    else:
        bad += ["\ud800", "\udce9", "\udcc3\udca9"]
    lines = [{"id": name, "email": f"{row}@x", "hash": COST_10} for row, name in enumerate(bad)]
    file = results(tmp_path, *lines, {"id": "user.1", "email": "u@xyz", "hash": COST_10})
    assert export(form, file, tmp_path / "o") == 2
    *said, last = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said] == [f" row {row}" for row in range(len(bad))]
    assert f"{len(bad)} rows are refused" in last
    assert [*tmp_path.iterdir()] == [file]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "htpasswd"])
def test_addresses_that_become_one_are_refused(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = ["mallory@x", "Mallory@X", "m\u00fcl@x", "mu\u0308l@x", "\uff4dallory@x"]
    bad = [name + "@x" for name in ("\udce9", "m\n")] + [f"{blank}@x " for blank in BLANKS]
    lines = [
        {"id": f"user{i}", "email": email, "hash": COST_10} for i, email in enumerate(same + bad)
    ]
    assert export(form, results(tmp_path, *lines), tmp_path / "o") == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in said[:-1]] == [
        f" row {row}" for row in (1, 3, 4, *range(5, len(lines)))
    ]
    assert all("same e-mail address, whatever its case" in line for line in said[:3])
    assert "allory" not in "".join(said)


def test_twenty_of_many_refused_rows_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = results(tmp_path, *[{"id": " u", "hash": COST_10}] * 21)
    assert export("firebase", file, tmp_path / "o") == 2
    *said, last = capsys.readouterr().err.splitlines()
    assert len(said) == 20
    assert "21 rows are refused, of which 20 are named" in last


def test_other_files_and_existing_outputs_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other"
    file.write_text("s3cret,password\n")
    assert export("firebase", file, tmp_path / "o") == 2
    said = capsys.readouterr().err
    assert "line 1 is no result of bcrypt-batch hash" in said
    assert "s3cret" not in said
    for line in ("[" * 100_000, '{"row": 1e999}'):
        file.write_text(line)
        assert export("firebase", file, tmp_path / "o") == 2
        assert "line 1 is no result of bcrypt-batch hash" in capsys.readouterr().err
    good = results(tmp_path, {"id": "u", "hash": COST_10})
    output = tmp_path / "there"
    output.write_text("precious " * 1000)
    output.chmod(0o644)
    assert export("htpasswd", good, output) == 2
    assert output.read_text() == "precious " * 1000
    assert export("htpasswd", good, output, "--force") == 0
    assert "precious" not in output.read_text()
    assert output.stat().st_mode & 0o777 == 0o600


def test_a_refused_export_leaves_what_was_there(tmp_path: Path) -> None:
    output = tmp_path / "there"
    output.write_text("precious")
    bad = results(tmp_path, {"id": "u", "hash": COST_10}, {"id": "u", "hash": COST_10})
    for form in ("firebase", "htpasswd"):
        assert export(form, bad, output, "--force") == 2
        assert output.read_text() == "precious"
    assert sorted(tmp_path.iterdir()) == [bad, output]


def test_standard_input_and_output(tmp_path: Path) -> None:
    lines = results(tmp_path, {"id": "u", "email": "e@x", "hash": COST_10}).read_bytes()
    done = run("export", "firebase", "-", "--output", "-", stdin=lines, cwd=tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["users"][0]["localId"] == "u"
    said = succeed("export", "auth0", "-", "--output", "-", status=2, stdin=lines, cwd=tmp_path)
    assert "auth0 is several files: give --output FILE" in said
    assert [path.name for path in tmp_path.iterdir()] == ["hashed.jsonl"]


@pytest.mark.parametrize("links", [True, False])
def test_what_has_come_meanwhile_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """No temporary file is left; the same without hard links, as on a USB stick's file system."""

    def refused(*_: object) -> None:
        raise PermissionError

    if not links:
        monkeypatch.setattr(os, "link", refused)
    output = tmp_path / ("o" * 250)  # nearly the longest name that a file may have
    with new_files(Interrupts(), replace=False) as made, made.file(str(output)) as file:
        file.write(b"whole")
    assert output.read_bytes() == b"whole"
    output.unlink()

    def write_too_late() -> None:
        with new_files(Interrupts(), replace=False) as made, made.file(str(output)) as file:
            file.write(b"late")
            output.write_bytes(b"precious")

    with pytest.raises(OutputRefused, match="exists"):
        write_too_late()
    assert output.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [output]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    line = json.dumps({"row": 0, "id": "u", "hash": COST_10}).encode() + b"\n"
    with start("export", "firebase", "-", "--output", tmp_path / "o.json") as process:
        assert process.stdin is not None
        process.stdin.write(line)
        process.stdin.flush()
        while not [*tmp_path.iterdir()]:
            assert process.poll() is None
        process.send_signal(number)
        assert process.wait(timeout=60) == 128 + number
    assert not [*tmp_path.iterdir()]


def test_auth0_of_nobody_takes_nothing_away(tmp_path: Path) -> None:
    file = results(tmp_path, {"id": "u", "email": "a@b", "hash": COST_10})
    assert export("auth0", file, tmp_path / "users.json") == 0
    before = (tmp_path / "users-0001.json").read_bytes()
    file.write_text("")
    assert export("auth0", file, tmp_path / "users.json", "--force") == 0
    assert (tmp_path / "users-0001.json").read_bytes() == before
