"""What `inspect` counts, and that it shows no value and changes nothing."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables.audit import Audit
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.commands import inspect
from bcrypt_batch.tables.identities import Identities
from bcrypt_batch.tables.interrupts import Interrupts
from bcrypt_batch.tables.tally import Tally
from bcrypt_batch.tables.targets import TARGETS
from tests.documents import block, commands
from tests.tables.programs import run, start

TAIL = "abcdefghijklmnopqrstuOpu6OqHTH0VBYYxYLmVlAJBq8QSZSoXu2"[:53]
# id, password, hash
ROWS = [
    ("ada", "secret pass", f"$2b$04${TAIL}"),
    ("Ada ", "NULL", "$P$Babcdefghijklmnopqrstuvwxyz0123"),
    ("ben", "", "\\N"),
    ("ben", "5f4dcc3b5aa765d61d8327deb882cf99", "!"),
    ("cyd", "caf\u00e9", f"$wp$2y$10${TAIL}"),
    ("", "x" * 90, f"$2a$17${TAIL}"),
    ("dot", f"$2y$04${TAIL}", ""),
    ("eve", "n\0l", f"DoubleBcrypt:$2a$04${TAIL}"),
    ("fay", "caf\udce9", f"$2b$05${TAIL}"),
]
PASSWORDS = {
    "present": (8, 0), "empty": (1, 2), "nulls": (1, 1), "digests": (1, 3), "not_ascii": (2, 4),
    "over_72_bytes": (1, 5), "hashes": (1, 6), "with_nul": (1, 7), "no_utf8": (1, 8),
}  # fmt: skip
HASHES = {"present": (8, 0), "nulls": (1, 2), "invalid": (1, 3), "empty": (1, 6)}
SCHEMES = {"bcrypt": (3, 0), "wordpress": (1, 4), "woltlab": (1, 7)}
RATE = 1000.0


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement would take seconds."""
    monkeypatch.setattr(inspect, "measure", lambda *_: (RATE, 1))


def as_csv(columns: str = "012") -> bytes:
    rows = [("id", "password", "hash"), *ROWS]
    # In quotes, since an empty line is no row.
    lines = [",".join(f'"{row[int(at)]}"' for at in columns) + "\n" for row in rows]
    return "".join(lines).encode("utf-8", "surrogateescape")


def as_jsonl(columns: str = "012") -> bytes:
    names = ("id", "password", "hash")
    lines = [
        json.dumps({names[int(at)]: row[int(at)] for at in columns}) + "\n" for row in ROWS[:-1]
    ]
    return "".join(lines).encode()


def inspected(capsys: pytest.CaptureFixture[str], *arguments: object, status: int = 0) -> Any:
    assert main(["inspect", *map(str, arguments), "--json", "--cost", "4"]) == status
    return json.loads(capsys.readouterr().out)


def counts(found: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """Return each count with the number of its first row; leave out the other entries."""
    return {
        name: (count["rows"], count["first"])
        for name, count in found.items()
        if isinstance(count, dict) and {*count} == {"rows", "first"}
    }


def test_all_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "users.csv"
    file.write_bytes(as_csv() + b"gil,x\nid,password,hash\n")
    before = file.read_bytes(), file.stat()
    found = inspected(capsys, file, status=1)
    assert (file.read_bytes(), [*tmp_path.iterdir()]) == (before[0], [file])
    assert file.stat().st_mtime_ns == before[1].st_mtime_ns
    assert (found["complete"], found["rows"]) == (True, 11)
    assert counts(found["errors"]) == {
        "wrong_number_of_fields": (1, 9), "repeated_header": (1, 10)
    }  # fmt: skip
    assert counts(found["ids"]) == {"missing": (1, 5), "repeated": (1, 3), "alike": (1, 1)}
    assert found["ids"]["compared"] == 8
    assert counts(found["passwords"]) == PASSWORDS
    assert found["passwords"]["longest"] == {"bytes": 90, "first": 5}
    hashes = found["hashes"]
    assert counts(hashes) == HASHES
    assert counts(hashes["schemes"]) == SCHEMES
    assert counts(hashes["not_bcrypt"]) == {"phpass": (1, 1)}
    assert counts(hashes["prefixes"]) == {"2b": (2, 0), "2a": (2, 5), "2y": (1, 4)}
    assert counts(hashes["costs"]) == {
        "4": (2, 0), "10": (1, 4), "17": (1, 5), "5": (1, 8)
    }  # fmt: skip
    # Cost 17 is too high for verify without options; woltlab computes twice.
    iterations = 2**4 + 2 * 2**4 + 2**10 + 2**5
    seconds = {"cost": 4, "hash": 6 / RATE, "verify": iterations / (RATE * 2**4)}
    assert found["seconds"] == pytest.approx(seconds)


def test_what_does_not_fit_other_systems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "users.csv").write_bytes(as_csv())
    found = {name: counts(unfit) for name, unfit in inspected(capsys, file)["targets"].items()}
    assert {*found} == {*TARGETS}
    others = {"other_scheme": (2, 4)}  # wordpress and woltlab
    long = {"over_72_bytes": (1, 5)}
    assert found["laravel"] == {**others, "prefix_or_cost": (3, 0)}
    assert found["jbcrypt"] == {**others, "prefix_or_cost": (2, 0)}
    assert found["kratos"] == {**others, **long, "prefix_or_cost": (1, 5)}
    assert found["keycloak"] == {**others, **long}
    assert found["okta"] == found["symfony"] == others
    assert found["wordpress"] == {"other_scheme": (4, 0)}
    assert found["spring"] == {"other_scheme": (5, 0)}
    assert main(["inspect", str(file)]) == 0
    shown = capsys.readouterr().out.splitlines()
    for line in (
        "             1  kratos takes $2b$ or $2a$ or $2y$ of cost 4 to 15 (row 5)",
        "             1  kratos refuses passwords over 72 bytes (row 5)",
        "             2  okta stores another scheme (the first in row 4)",
    ):
        assert line in shown
    file.write_text(f"hash\n$2a$10${TAIL}\n")
    assert main(["inspect", str(file)]) == 0
    assert "           all  fit auth0, jbcrypt, keycloak, kratos, okta" in capsys.readouterr().out
    file.write_text("password\np\n")
    assert main(["inspect", str(file)]) == 0
    assert "systems that verify" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("columns", "options"),
    [("01", ()), ("02", ()), ("20", ("--hash-column", "password")), ("1", ()), ("2", ())],
)
@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_table_without_one_of_the_columns(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    columns: str,
    options: tuple[str, ...],
    form: str,
) -> None:
    content = as_jsonl(columns) if form != "csv" else as_csv(columns).replace(b"caf\xe9", b"cafe")
    if options:  # as Laravel, Django and others name it
        content = content.replace(b"hash", b"password", 1 if form == "csv" else -1)
    (file := tmp_path / f"users.{form}").write_bytes(content)
    if form == "parquet":
        arrow = pytest.importorskip(
            "pyarrow.json", reason="pyarrow is not installed (group tables)"
        )
        parquet = pytest.importorskip("pyarrow.parquet")
        file.with_suffix(".jsonl").write_bytes(content)
        parquet.write_table(arrow.read_json(file.with_suffix(".jsonl")), file)
    found = inspected(capsys, file, *options)
    has_passwords = "1" in columns
    assert ("present" in found["passwords"]) is has_passwords
    assert found["ids"]["compared"] == (0 if "0" not in columns else found["rows"] - 1)
    hashes = found["hashes"]
    assert hashes["in_password_column"] is has_passwords
    if has_passwords:
        assert counts(found["passwords"])["hashes"] == PASSWORDS["hashes"]
        assert counts(hashes["schemes"]) == {"bcrypt": PASSWORDS["hashes"]}
    else:
        assert counts(hashes["not_bcrypt"]) == {"phpass": (1, 1)}
        assert counts(hashes["schemes"])["woltlab"] == SCHEMES["woltlab"]
        assert found["seconds"]["hash"] == 0
    assert main(["inspect", str(file), *options]) == 0
    shown = capsys.readouterr().out
    assert ("bytes in row" in shown) is has_passwords


@pytest.mark.parametrize("columns", ["01", "02"])
def test_the_first_line_shows_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    """Also if it has only hashes."""
    (file := tmp_path / "users.dat").write_bytes(as_csv(columns))
    assert main(["inspect", str(file)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{file}: 9 rows\n")
    assert "users.dat looks like csv with the delimiter ','" in err


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"id,hash\n", ("--password-column", "pw"), "no column 'pw'"),
        (b"id,password\n", ("--hash-column", "stored"), "no column 'stored'"),
        (b"id,stored\n", (), "no column 'password'"),
        (b'{"id": "u", "hash": "x"}\n', ("--password-column", "pw"), "no row has the key 'pw'"),
        (b'{"id": "u", "password": "x"}\n', ("--hash-column", "h"), "no row has the key 'h'"),
        (b'{"id": "u", "stored": "x"}\n', (), "no row has the key 'password'"),
        (b'{"hash": "x"}\n', ("--id-column", "mail"), "no row has the key 'mail'"),
    ],
)
def test_a_column_that_is_named_must_be_there(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    options: tuple[str, ...],
    said: str,
) -> None:
    file = tmp_path / ("users.jsonl" if content.startswith(b"{") else "users.csv")
    file.write_bytes(content)
    assert main(["inspect", str(file), *options]) == 2
    assert said in capsys.readouterr().err


def test_the_options_of_reading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "users.dat").write_bytes(b"mail|pw\nu|caf\xe9\nv|nil\nw|\\N\n")
    options = ["--dialect", "postgres", "-d", "|", "--encoding", "cp1252", "--null", "nil"]
    found = inspected(capsys, file, *options, "--password-column", "pw", "--id-column", "mail")
    assert counts(found["passwords"]) == {
        "present": (1, 0), "missing": (2, 1), "not_ascii": (1, 0)
    }  # fmt: skip
    assert found["passwords"]["longest"] == {"bytes": 5, "first": 0}
    (file := tmp_path / "words.txt").write_bytes(b"a\nb\n")
    assert counts(inspected(capsys, file, "--format", "lines")["passwords"]) == {"present": (2, 0)}


def test_no_value_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "users.csv").write_bytes(as_csv())
    for form in ([], ["--json"]):
        assert main(["inspect", str(file), *form]) == 0
        shown = "".join(capsys.readouterr())
        assert "phpass" in shown
        for value in (value for row in ROWS for value in row if value not in ("", "!", "NULL")):
            assert value == "\\N" or value.strip() not in shown, value


def test_the_text_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file := tmp_path / "users.csv").write_bytes(as_csv() + b"gil,x\n")
    assert main(["inspect", str(file)]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{file}: 10 rows"
    for line in (
        "             1  wrong_number_of_fields (row 9)",
        "             1  alike: an earlier id differs only in case or in blanks around it (row 1)",
        "passwords: 8, the longest of 90 bytes in row 5",
        "             2  not ASCII (the first in row 4)",
        "             3  bcrypt, scheme bcrypt (the first in row 0)",
        "             1  not bcrypt: phpass, unsupported_scheme (row 1)",
        "             2  prefix $2a$ (the first in row 5)",
        "             1  cost 17 (row 5)",
        "                a cost over 16 is an error without --max-cost",
        "           1 s  to hash the passwords at cost 12",
    ):
        assert line in shown


def test_ids_are_compared_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [7, "7", 8, "\u00df", "SS", "\u00df", None, True, "8 "]
    lines = [json.dumps({"id": name, "password": "p"}) for name in ids]
    (file := tmp_path / "users.jsonl").write_text("\n".join(lines))
    found = inspected(capsys, file, status=1)
    assert counts(found["ids"]) == {"repeated": (2, 1), "alike": (2, 4), "missing": (1, 6)}


def test_the_first_row_is_the_smallest() -> None:
    """Rows come by the hashes of their ids."""
    found = Tally()
    for number in (5, 3, 4):
        found.note("repeated", number)
    assert found == {"repeated": [3, 3]}
    assert found.by(lambda _: "all") == {"all": [3, 3]}


def test_only_so_many_ids_are_compared() -> None:
    ids, found = Identities(most=3), Tally()
    for number, name in enumerate(["a", "b", "a", "b"]):
        ids.add(number, name)
    ids.compare(found)
    assert (ids.compared, found) == (3, {"repeated": [1, 2]})
    assert sum(len(bucket) * bucket.itemsize for bucket in ids._buckets) == 3 * 24


def test_ctrl_c_shows_what_was_counted() -> None:
    """From a pipe that stays open: nothing but the signal ends the command."""
    with start("inspect", "-", "-f", "csv", "--json") as process:
        assert process.stdin
        # The second part is read when the rows of the first are done.
        for part in (b"password\n" + b"NULL\n" * 2500, b"NULL\n"):
            process.stdin.write(part)
            process.stdin.flush()
            wait_until_read(process.stdin.fileno())
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stdout
        assert process.stderr
        found = json.loads(process.stdout.read())
        assert b"incomplete: stopped by SIGINT" in process.stderr.read()
    assert found["complete"] is False
    assert found["rows"] in (2500, 2501)
    assert counts(found["passwords"])["nulls"] == (found["rows"], 0)
    assert found["seconds"]["hash"] is None


@pytest.mark.parametrize("encoding", ["ascii", "utf-8:strict"])
def test_any_name_of_a_file_is_shown(encoding: str, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.csv")
    file.write_bytes(b"password\np\n")
    done = run("inspect", file, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    assert done.stdout.splitlines()[0].endswith(b"caf\\udce9.csv: 1 row")


def test_a_deadline_shows_what_was_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Interrupts, "remaining", lambda _: 0.0)
    (file := tmp_path / "users.csv").write_bytes(b"password\n" + b"p\n" * 2500)
    found = inspected(capsys, file, "--deadline", "1000", status=3)
    assert (found["complete"], found["rows"]) == (False, 1000)
    assert counts(found["passwords"]) == {"present": (1000, 0)}


def wait_until_read(pipe: int) -> None:
    """Wait until a process has read all that is in a pipe."""
    for _ in range(6000):
        (left,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
        if not left:
            return
        time.sleep(0.01)
    raise TimeoutError


@pytest.mark.parametrize("at", ["count", "measure"])
def test_a_signal_in_the_middle(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    at: str,
) -> None:
    """Rows are counted by whole groups; a second signal changes nothing."""

    def interrupted(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return original(*arguments)

        return call

    (file := tmp_path / "users.csv").write_bytes(b"password\n" + b"p\n" * 2500)
    if at == "count":
        monkeypatch.setattr(Audit, "add", interrupted(Audit.add))
    else:
        monkeypatch.setattr(inspect, "measure", interrupted(lambda *_: (RATE, 1)))
    monkeypatch.setattr(Audit, "compare", interrupted(Audit.compare))
    found = inspected(capsys, file, status=143)
    rows = 1000 if at == "count" else 2500
    assert (found["complete"], found["rows"]) == (at == "measure", rows)
    assert counts(found["passwords"]) == {"present": (rows, 0)}
    assert main(["inspect", str(file)]) == 143
    out, err = capsys.readouterr()
    assert ("stopped: the counts are of these rows only" in out) is (at == "count")
    assert ("not measured" if at == "measure" else "incomplete") + ": stopped by SIGTERM" in err


def test_a_damaged_table_shows_what_was_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file := tmp_path / "users.json").write_text("[" + '{"password": "p"},' * 1500 + "{")
    assert main(["inspect", str(file)]) == 2
    out, err = capsys.readouterr()
    assert out.startswith(f"{file}: 1,500 rows, and then it was stopped")
    assert "the JSON array is malformed" in err


def test_the_documented_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, dump, piped = commands(block("docs/bulk.md", "inspect"))
    (tmp_path / "users.csv").write_bytes(as_csv("01"))
    (tmp_path / "dump.tsv").write_text(f"id\tencrypted_password\nu\t$2y$05${TAIL}\n")
    (tmp_path / "users.jsonl").write_text('{"email": "u@example.com", "password": "p"}\n')
    (program, *words), unzip = piped[piped.index("|") + 1 :], piped[: piped.index("|")]
    assert (program, unzip) == ("bcrypt-batch", ["gzip", "-dc", "users.jsonl.gz"])
    words[words.index("-")] = "users.jsonl"
    for arguments in (plain[1:], dump[1:], words):
        arguments[1] = str(tmp_path / arguments[1])
        assert main(arguments) == 0
    shown = capsys.readouterr().out
    assert "passwords: 8, the longest of 90 bytes" in shown
    assert "cost 5 (row 0)" in shown
    assert '"compared": 1' in shown
