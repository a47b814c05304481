"""bcrypt-batch hash and verify: results, exit status, refusals."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

import bcrypt_batch
from bcrypt_batch.tables.cli import main
from tests.tables.programs import hash_of, run, start, succeed
from tests.tables.samples import AWKWARD, User, as_csv, check, read_results, users


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of 3 valid rows."""
    file = tmp_path / "users.csv"
    file.write_bytes(b"id,password,email\nu0,a,x@y\nu1,b,\nu2,c,z@y\n")
    return file


def test_awkward_passwords_and_errors(tmp_path: Path) -> None:
    rows = users(600)
    file, output = tmp_path / "users.csv", tmp_path / "out.jsonl"
    file.write_bytes(as_csv(rows, b"\r\n"))
    said = succeed("hash", file, "--output", output, "--cost", "4", status=1)
    errors = check(output.read_bytes().splitlines(), rows)
    assert errors > 10
    assert f"600 rows: {600 - errors} hashed, {errors} in error" in said
    assert "password_too_long" in said
    for path in (output, Path(f"{output}.state")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_verify_finds_what_hash_made(tmp_path: Path) -> None:
    made = bcrypt_batch.hash_many(AWKWARD, cost=4).values
    file, output = tmp_path / "pairs.jsonl", tmp_path / "out.jsonl"
    pairs = [
        {"password": password.decode("utf-8", "surrogateescape"), "hash": hashed.decode()}
        for password, hashed in zip(AWKWARD, made, strict=True)
        if hashed
    ]
    pairs[3]["password"] = "another"
    more: list[dict[str, str | None]] = [
        {"password": "a", "hash": "x"},
        {"password": "", "hash": pairs[0]["hash"]},
        {"password": "a", "hash": None},
        {"password": "a", "hash": ""},
        {"password": "a", "hash": pairs[0]["hash"].replace("$04$", "$20$")},
        {"password": "y" * 73, "hash": pairs[0]["hash"]},
    ]
    file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs + more))
    assert main(["verify", str(file), "--output", str(output), "--quiet"]) == 1
    found = read_results(output)
    assert [result.get("match") for result in found[: len(pairs)]] == [
        i != 3 for i in range(len(pairs))
    ]
    codes = ["invalid_hash", "missing_password", "missing_hash", "missing_hash", "cost_too_high"]
    assert [result.get("error") for result in found[len(pairs) :]] == [*codes, None]
    assert main(["verify", str(file), "--output", str(output), "--quiet", "--force",
                 "--no-truncate"]) == 1  # fmt: skip
    assert read_results(output)[-1]["error"] == "password_too_long"


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_what_was_cut_is_marked(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A match, a mismatch and a hash, in the line and in the summary, also of a resumed run."""
    users, pairs = tmp_path / "users.csv", tmp_path / "pairs.csv"
    passwords = ["x" * 72, "x" * 73, "y" * 73, ""]
    users.write_text("\n".join(["id,password", *(f"u,{p}" for p in passwords)]) + "\n")
    hashed = bcrypt_batch.hashpw(b"x" * 72, bcrypt_batch.gensalt(4)).decode()
    pairs.write_text("\n".join(["password,hash", *(f"{p},{hashed}" for p in passwords)]) + "\n")
    made, checked = tmp_path / f"made.{form}", tmp_path / f"checked.{form}"

    def marks(output: Path) -> list[Any]:
        if form == "jsonl":
            return [result.get("truncated") for result in read_results(output)]
        with output.open(newline="") as text:
            return [{"": None, "true": True}[row["truncated"]] for row in csv.DictReader(text)]

    for resume in ([], ["--resume"]):
        assert hash_of(users, made, "--truncate", *resume) == 1
        assert main(["verify", str(pairs), "--output", str(checked), *resume]) == 1
        said = capsys.readouterr().err
        assert "4 rows: 3 checked, 1 of them not matching, 2 of them truncated to 72 byt" in said
        assert marks(made) == marks(checked) == [None, True, True, None]
    assert main(["verify", str(pairs), "--output", str(checked), "--force", "--no-truncate"]) == 1
    assert "truncated" not in capsys.readouterr().err
    assert marks(checked) == [None] * 4


def test_verify_of_nothing_but_matches_is_0(tmp_path: Path, table: Path) -> None:
    made = tmp_path / "made.jsonl"
    assert hash_of(table, made) == 0
    pairs = tmp_path / "pairs.csv"
    lines = [f"{result['hash']},{p}" for result, p in zip(read_results(made), "abc", strict=True)]
    pairs.write_text("\n".join(["stored,pw", *lines]))
    options = ["--hash-column", "stored", "--password-column", "pw", "--output", "-", "--quiet"]
    done = run("verify", pairs, *options)
    assert done.returncode == 0
    assert done.stdout == b"".join(
        b'{"row": %d, "scheme": "bcrypt", "match": true}\n' % i for i in range(3)
    )


def test_an_empty_password_is_a_missing_one_unless_asked_for(tmp_path: Path) -> None:
    file, output = tmp_path / "p.csv", tmp_path / "o.jsonl"
    file.write_bytes(b"id,password\nu,\nv,a\n")
    assert hash_of(file, output) == 1
    assert read_results(output)[0] == {"row": 0, "id": "u", "error": "missing_password"}
    assert hash_of(file, output, "--force", "--allow-empty") == 0
    assert bcrypt_batch.checkpw(b"", read_results(output)[0]["hash"].encode())


def test_kept_columns_go_along(tmp_path: Path, table: Path) -> None:
    output = tmp_path / "o.jsonl"
    assert hash_of(table, output, "--keep", "email", "--prefix", "2y") == 0
    first = read_results(output)[0]
    assert [*first] == ["row", "id", "email", "hash"]
    assert first["email"] == "x@y"
    assert first["hash"].startswith("$2y$04$")
    assert hash_of(table, output, "--keep", "email", "--keep", "email", "--force") == 0
    assert output.read_bytes().splitlines()[0].count(b"email") == 1


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        ("hash", ["--keep", "password"], "--keep can't be one of row, id, hash, scheme, mat"),
        ("hash", ["--keep", "hash"], "--keep can't be one of"),
        ("hash", ["--keep", "row"], "--keep can't be one of"),
        ("hash", ["--keep", "truncated"], "--keep can't be one of"),
        (
            "hash",
            ["--id-column", "password"],
            "--id-column can't be the password or the hash column",
        ),
        ("verify", ["--hash-column", "email", "--id-column", "email"], "--id-column can't be the"),
        (
            "verify",
            ["--hash-column", "email", "--keep", "email"],
            "nor the password or the hash column",
        ),
    ],
)
def test_what_is_secret_cannot_go_along(
    operation: str, options: list[str], message: str, table: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    output = tmp_path / "no"
    assert main([operation, str(table), "--output", str(output), *options]) == 2
    assert message in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("secret", ["password", "hash"])
def test_a_secret_column_called_id_is_no_id(tmp_path: Path, form: str, secret: str) -> None:
    file, output = tmp_path / f"users.{form}", tmp_path / "o.jsonl"
    hashed = bcrypt_batch.hashpw(b"s3cret", bcrypt_batch.gensalt(4)).decode()
    row = {"id": "s3cret"} if secret == "password" else {"password": "s3cret", "id": hashed}
    if form == "parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed (group tables)")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table({name: [value] for name, value in row.items()}), file)
    elif form == "csv":
        file.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    else:
        file.write_text(json.dumps(row) + "\n")
    if secret == "password":
        assert hash_of(file, output, "--password-column", "id") == 0
        assert [*read_results(output)[0]] == ["row", "hash"]
    else:
        assert main(["verify", str(file), "--output", str(output), "--hash-column", "id"]) == 0
        assert read_results(output) == [{"row": 0, "scheme": "bcrypt", "match": True}]


def test_csv_output_has_ids_that_are_formulas_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An escape would change the ids; a message warns of spreadsheets."""
    ids = ["=cmd|' /C calc'!A1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "'=1"]
    file, output = tmp_path / "users.csv", tmp_path / "o.csv"
    file.write_bytes(as_csv([User(f'"{name}"', b"p") for name in ids]))
    assert hash_of(file, output) == 0
    with output.open(newline="") as text:
        assert [record["id"] for record in csv.DictReader(text)] == ids
    with pytest.raises(SystemExit):
        main(["hash", "--help"])
    assert "= + - @ TAB or CR for formulas" in " ".join(capsys.readouterr().out.split())


def test_csv_output(tmp_path: Path) -> None:
    file, output = tmp_path / "users.csv", tmp_path / "o.csv"
    file.write_bytes(b'id,password\n"two\nlines",a\n"quo""te",' + b"y" * 73 + b"\n\xff,c\n")
    assert hash_of(file, output) == 1
    text = output.read_bytes().decode("utf-8", "surrogateescape")
    records = list(csv.reader(io.StringIO(text, newline="")))
    assert records[0] == ["row", "id", "hash", "truncated", "error"]
    assert [record[:2] for record in records[1:]] == [
        ["0", "two\nlines"], ["1", 'quo"te'], ["2", "\udcff"],
    ]  # fmt: skip
    assert records[2][2:] == ["", "", "password_too_long"]
    assert bcrypt_batch.checkpw(b"c", records[3][2].encode())


@pytest.mark.parametrize("name", ["o.csv", "o.jsonl"])
def test_half_a_surrogate_pair_is_written(tmp_path: Path, name: str) -> None:
    """In an id or a kept value; other bytes that aren't UTF-8 are written unchanged."""
    file, output = tmp_path / "users.jsonl", tmp_path / name
    file.write_bytes(
        b'{"id": "\\ud800", "password": "a", "bio": "b"}\n'
        b'{"id": "\xff", "password": "a", "bio": ["\\udfff"]}\n'
        b'{"id": "u", "password": "a", "bio": "\\udfff"}\n'
    )
    assert hash_of(file, output, "--keep", "bio") == 0
    if name == "o.csv":
        cells = [line.split(b",$2b$")[0] for line in output.read_bytes().splitlines()[1:]]
        assert cells == [
            b"0,\xed\xa0\x80,b", b'1,\xff,"[""\\udfff""]"', b"2,u,\xed\xbf\xbf",
        ]  # fmt: skip
    else:
        assert [row["bio"] for row in read_results(output)] == ["b", ["\udfff"], "\udfff"]
    assert hash_of(file, output, "--keep", "bio", "--resume") == 0


def test_halves_of_surrogate_pairs_are_no_other_id_in_csv(tmp_path: Path) -> None:
    """As bytes, the two halves in the first row would be the letter in the second."""
    file, output = tmp_path / "users.jsonl", tmp_path / "o.csv"
    file.write_bytes(
        b'{"id": "\\udcc3\\udca9", "password": "a"}\n{"id": "\xc3\xa9", "password": "a"}\n'
    )
    assert hash_of(file, output) == 0
    cells = [line.split(b",$2b$")[0] for line in output.read_bytes().splitlines()[1:]]
    assert cells == [b"0,\xed\xb3\x83\xed\xb2\xa9", b"1,\xc3\xa9"]


def test_rows_that_cannot_be_read_keep_nothing(tmp_path: Path) -> None:
    """A value that is neither text nor missing is written as JSON, in a CSV too."""
    good, other = (value or b"" for value in bcrypt_batch.hash_many([b"a", b"b"], cost=4).values)
    file = tmp_path / "users.jsonl"
    file.write_bytes(
        b'{"id": 7, "password": "a", "hash": "%b", "active": true}\n[1]\n'
        b'{"password": "a", "hash": "%b", "active": "yes"}\n' % (good, other)
    )
    options = ("--quiet", "--keep", "active", "--output")
    for form in ("csv", "jsonl"):
        assert main(["verify", str(file), *options, str(tmp_path / f"o.{form}")]) == 1
    assert (tmp_path / "o.csv").read_text() == (
        "row,id,active,scheme,match,truncated,error\n"
        "0,7,true,bcrypt,true,,\n1,,,,,,wrong_type\n2,,yes,bcrypt,false,,\n"
    )
    assert read_results(tmp_path / "o.jsonl") == [
        {"row": 0, "id": 7, "active": True, "scheme": "bcrypt", "match": True},
        {"row": 1, "error": "wrong_type"},
        {"row": 2, "active": "yes", "scheme": "bcrypt", "match": False},
    ]


def test_pipes(tmp_path: Path) -> None:
    arguments = ("hash", "-", "--format", "lines", "--output", "-", "--cost", "4")
    done = run(*arguments, stdin=b"a\nb\n")
    assert done.returncode == 0
    hashes = [json.loads(line)["hash"].encode() for line in done.stdout.splitlines()]
    assert bcrypt_batch.verify_many([b"a", b"b"], hashes).values == [True, True]
    assert b"a file's name" not in done.stderr
    refused = run("hash", "-", "--output", "-", "--cost", "4", stdin=b"a\nb\n")
    assert refused.returncode == 2
    assert b"give --format" in refused.stderr


@pytest.mark.parametrize("name", ["/dev/stdin", "pipe"])
def test_a_pipe_with_a_name(tmp_path: Path, name: str) -> None:
    fifo, output = tmp_path / "pipe", tmp_path / "o.jsonl"
    os.mkfifo(fifo)
    file = fifo if name == "pipe" else name
    command = ("hash", file, "--format", "csv", "--output", output, "--cost", "4")
    content = b"id,password\nu,PAR1\n"
    with start(*command) as process:
        if name == "pipe":
            fifo.write_bytes(content)
        said = process.communicate(content if name == "/dev/stdin" else None, timeout=60)
    assert process.returncode == 0, said
    assert [row["id"] for row in read_results(output)] == ["u"]
    for file in ("-", fifo):
        assert main(["hash", str(file), "--format", "parquet", "--output", "-"]) == 2


def test_a_reader_who_has_enough_ends_it_quietly(tmp_path: Path) -> None:
    arguments = ("hash", "-", "--format", "lines", "--output", "-", "--cost", "4", "--quiet")
    with start(*arguments) as process:
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(b"a\n" * 100)
    assert process.returncode == 141
    assert err == b""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hash", "{table}", "--output", "{made}"], "use --resume to continue it, or --force to"),
        (["hash", "{table}", "--output", "{table}", "--force"], "is the input itself"),
        (["hash", "o2.state", "--output", "o2", "--format", "lines"], "output's state file"),
        (["export", "firebase", "{made}", "--output", "{made}", "--force"], "is the input itself"),
        (["hash", "none.csv", "--output", "o"], "none.csv: No such file or directory"),
        (["hash", "{table}", "--output", "no/o"], "no/o: No such file or directory"),
        (["export", "firebase", "{made}", "--output", "no/o"], "no/o: No such file or directory"),
        (["hash", "{gzip}", "--output", "o"], "the file is gzip; unpack it first"),
        (["hash", "{table}", "--output", "o", "--cost", "3"], "from 4 to 31, not '3'"),
        (["hash", "{table}", "--output", "o", "--cost", "x"], "from 4 to 31, not 'x'"),
        (["hash", "{table}", "--output", "o", "--workers", "0"], "from 1 to 1024, not '0'"),
        (["hash", "{table}", "--output", "o", "--prefix", "2x"], "invalid choice: '2x'"),
        (["hash", "{table}", "--output", "o", "--delimiter", ";;"], "one character"),
        (["hash", "{table}", "--output", "o", "--password-column", "pw"], "no column 'pw'"),
        (["hash", "{table}", "--output", "o", "--id-column", "nr"], "no column 'nr'"),
        (["hash", "{table}", "--output", "o", "--format", "xml"], "invalid choice: 'xml'"),
        (["hash", "{table}", "--output", "-", "--resume"], "are files, not -"),
        (["hash", "{table}", "--output", "o", "--resume", "--force"], "not allowed with"),
        (["hash", "{table}", "--output", "o", "--deadline", "-1"], "a number of seconds"),
        (["hash", "{table}", "--output", "o", "--deadline", "1e9"], "a number of seconds"),
        (["hash", "{table}", "--output", "o", "--format", "lines", "--keep", "x"], "no columns"),
        (["hash", "{table}", "--output", "o", "--format", "parquet"], "not Parquet"),
        (["verify", "{table}", "--output", "o", "--format", "lines"], "and no hashes"),
        (["verify", "{table}", "--output", "o"], "no column 'hash'"),
        (["mend"], "invalid choice: 'mend'"),
    ],
)
def test_what_is_refused_is_named(
    arguments: list[str], message: str, table: Path, tmp_path: Path
) -> None:
    made, packed = tmp_path / "made.jsonl", tmp_path / "users.csv.gz"
    made.touch()
    (tmp_path / "o2.state").write_bytes(b"a\n")
    packed.write_bytes(gzip.compress(table.read_bytes()))
    packed = packed.rename(tmp_path / "packed.csv")
    filled = [text.format(table=table, made=made, gzip=packed) for text in arguments]
    said = succeed(*filled, status=2, cwd=tmp_path)
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "o").exists()


def test_standard_output_that_is_the_input_is_refused(table: Path) -> None:
    content = table.read_bytes()
    with table.open("rb") as file, table.open("ab") as same:
        arguments = ("hash", "-", "--format", "csv", "--output", "-", "--cost", "4")
        with start(*arguments, stdin=file, stdout=same) as process:
            assert b"is the input itself" in process.communicate(timeout=60)[1]
    assert table.read_bytes() == content


def test_a_bad_number_of_workers_in_the_environment(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "o"
    environment = {**os.environ, "WORKER_COUNT": "many", "BCRYPT_BATCH_WORKERS": "many"}
    said = succeed("hash", table, "--output", output, status=2, env=environment)
    assert "'many'" in said
    assert not output.exists()


def test_what_a_deadline_leaves_a_later_run_does(tmp_path: Path) -> None:
    rows = [User(f"u{i}", b"%d" % i) for i in range(200)]
    file, output = tmp_path / "users.csv", tmp_path / "out.jsonl"
    file.write_bytes(as_csv(rows))
    options = ("hash", file, "--output", output, "--cost", "8", "--workers", "1", "--resume")
    said = succeed(*options, "--deadline", "0.2", status=3)
    assert "incomplete: --resume goes on" in said
    partly = output.read_bytes().count(b"\n")
    assert partly < 200
    succeed(*options)
    check(output.read_bytes().splitlines(), rows)


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--cost", "4", "--rows", "1000", "--workers", "2"]) == 0
    said = capsys.readouterr().out
    assert bcrypt_batch.kernels().chosen in said
    assert "workers  2" in said
    assert "1,000 rows take" in said
