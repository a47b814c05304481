"""Outputs belong to their owner alone: refused paths, creating and writing."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import json
import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch.tables import newfiles
from bcrypt_batch.tables.cli import main
from bcrypt_batch.tables.newfiles import OutputRefused, open_ours
from tests.tables.samples import User, as_csv, check, users

Said = pytest.CaptureFixture[str]
HASH = "$2b$10$" + "a" * 53
NOBODY = 65534

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to another user")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    file = tmp_path / "hashed.jsonl"
    file.write_text(json.dumps({"row": 0, "id": "u", "email": "u@x", "hash": HASH}) + "\n")
    return file


def hash_to(table: Path, output: Path, *options: str) -> int:
    return main(["hash", str(table), "--output", str(output), "--cost", "4", "--quiet", *options])


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


KINDS: dict[str, Callable[[Path], Any]] = {
    "a named pipe": os.mkfifo,
    "a socket": make_socket,
    "a folder": Path.mkdir,
    "a symbolic link": lambda path: path.symlink_to("/dev/null"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", [None, "--resume", "--force"])
def test_an_output_of_another_kind_is_refused(
    table: Path, tmp_path: Path, capsys: Said, kind: str, option: str | None
) -> None:
    output = tmp_path / "o"
    KINDS[kind](output)
    before = os.lstat(output)
    assert hash_to(table, output, *([option] if option else [])) == 2
    assert f"{output} is {kind}, and outputs are plain files: give" in capsys.readouterr().err
    assert os.path.samestat(os.lstat(output), before)
    assert sorted(tmp_path.iterdir()) == [output, table]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("form", "name"), [("htpasswd", "o"), ("auth0", "o-0001.json")])
@pytest.mark.parametrize("options", [(), ("--force",)])
def test_an_export_to_another_kind_is_refused(
    results: Path, tmp_path: Path, capsys: Said, kind: str, form: str, name: str,
    options: tuple[str, ...],
) -> None:  # fmt: skip
    KINDS[kind](tmp_path / name)
    before = os.lstat(tmp_path / name)
    assert main(["export", form, str(results), "--output", str(tmp_path / "o"), *options]) == 2
    assert f"{tmp_path / name} is {kind}" in capsys.readouterr().err
    assert os.path.samestat(os.lstat(tmp_path / name), before)
    assert sorted(tmp_path.iterdir()) == [results, tmp_path / name]


def test_a_device_is_refused(table: Path, capsys: Said) -> None:
    for option in ("--force", "--resume"):
        assert hash_to(table, Path("/dev/null"), option) == 2
        assert "/dev/null is a device" in capsys.readouterr().err
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("option", ["--resume", "--force"])
def test_a_pipe_that_comes_between_look_and_open_gets_nothing(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, option: str
) -> None:
    output = tmp_path / "o"
    os.mkfifo(output)
    reader = os.open(output, os.O_RDONLY | os.O_NONBLOCK)
    real, looks = os.lstat, [os.lstat(table)]
    monkeypatch.setattr(os, "lstat", lambda path: looks.pop() if looks else real(path))
    assert hash_to(table, output, option) == 2
    assert "is a named pipe" in capsys.readouterr().err
    assert os.read(reader, 1) == b""
    assert stat.S_ISFIFO(real(output).st_mode)
    os.close(reader)


def test_an_open_file_is_looked_at_again(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's later check doesn't matter: before, the path led to a plain file."""
    os.mkfifo(pipe := tmp_path / "pipe")
    before = os.lstat(table)
    monkeypatch.setattr(os, "lstat", lambda _: before)
    with pytest.raises(OutputRefused, match="is a named pipe"):
        open_ours(str(pipe), os.O_RDWR)


def test_a_link_that_comes_between_look_and_open_is_not_followed(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, target = tmp_path / "o", tmp_path / "target"
    assert hash_to(table, target) == 1
    os.link(f"{target}.state", f"{output}.state")
    content = target.read_bytes()
    target.write_bytes(content[:-5])
    output.symlink_to(target)
    monkeypatch.setattr(os, "lstat", os.stat)
    assert hash_to(table, output, "--resume") == 2
    assert target.read_bytes() == content[:-5]


@as_root
@pytest.mark.parametrize("option", ["--resume", "--force"])
@pytest.mark.parametrize("suffix", ["", ".state"])
def test_another_user_s_file_is_refused(
    table: Path, tmp_path: Path, capsys: Said, option: str, suffix: str
) -> None:
    output = tmp_path / "o"
    assert hash_to(table, output) == 1
    theirs = Path(f"{output}{suffix}")
    os.chown(theirs, NOBODY, NOBODY)
    before = output.read_bytes()
    assert hash_to(table, output, option) == 2
    said = capsys.readouterr().err
    assert f"{theirs} belongs to another user (uid {NOBODY})" in said
    assert output.read_bytes() == before
    assert theirs.stat().st_uid == NOBODY


@as_root
def test_another_user_s_file_is_not_replaced_by_an_export(
    results: Path, tmp_path: Path, capsys: Said
) -> None:
    output = tmp_path / "o"
    output.write_bytes(b"theirs")
    os.chown(output, NOBODY, NOBODY)
    assert main(["export", "htpasswd", str(results), "--output", str(output), "--force"]) == 2
    assert f"{output} belongs to another user (uid {NOBODY})" in capsys.readouterr().err
    assert output.read_bytes() == b"theirs"


@as_root
def test_another_user_s_file_of_a_longer_export_is_not_removed(
    results: Path, tmp_path: Path, capsys: Said
) -> None:
    first, theirs = tmp_path / "o-0001.json", tmp_path / "o-0002.json"
    first.write_bytes(b"ours")
    theirs.write_bytes(b"theirs")
    os.chown(theirs, NOBODY, NOBODY)
    output = str(tmp_path / "o.json")
    assert main(["export", "auth0", str(results), "--output", output, "--force"]) == 2
    assert f"{theirs} belongs to another user (uid {NOBODY})" in capsys.readouterr().err
    assert (first.read_bytes(), theirs.read_bytes()) == (b"ours", b"theirs")


def test_files_of_a_file_system_that_gives_them_to_another_user_are_ours(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like NFS, which gives root's files to nobody."""
    output = tmp_path / "o"
    assert hash_to(table, output) == 1
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY - 1)
    assert hash_to(table, output, "--resume") == 1


@pytest.mark.parametrize("name", ["o", "o.state"])
def test_force_makes_new_files(table: Path, tmp_path: Path, name: str) -> None:
    """A process with an old file open, or another link to it, can't read the new results."""
    output, other = tmp_path / "o", tmp_path / "other"
    assert hash_to(table, output) == 1
    os.link(tmp_path / name, other)
    with other.open("rb") as before:
        content = before.read()
        assert hash_to(table, output, "--force", "--prefix", "2a") == 1
        before.seek(0)
        assert before.read() == content
    assert other.read_bytes() == content != (tmp_path / name).read_bytes()


def test_an_export_by_force_makes_a_new_file(results: Path, tmp_path: Path) -> None:
    output = tmp_path / "o"
    output.write_bytes(b"old")
    with output.open("rb") as before:
        assert main(["export", "htpasswd", str(results), "--output", str(output), "--force"]) == 0
        assert before.read() == b"old"
    assert output.stat().st_mode & 0o777 == 0o600


def test_an_output_with_other_names_is_not_taken_up(
    table: Path, tmp_path: Path, capsys: Said
) -> None:
    output = tmp_path / "o"
    assert hash_to(table, output) == 1
    os.link(output, tmp_path / "backup")
    assert hash_to(table, output, "--resume") == 2
    assert f"{output} has other names too (hard links)" in capsys.readouterr().err


def test_an_output_that_others_could_read_is_said(
    table: Path, tmp_path: Path, capsys: Said
) -> None:
    output = tmp_path / "o"
    assert hash_to(table, output) == 1
    output.chmod(0o644)
    assert hash_to(table, output, "--resume") == 1
    assert f"{output} had the mode 644: a process that opened it" in capsys.readouterr().err
    assert output.stat().st_mode & 0o777 == 0o600


def test_what_force_of_another_process_replaced_is_not_written(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, before = tmp_path / "o", tmp_path / "before"
    assert hash_to(table, output) == 1
    content = output.read_bytes()
    output.write_bytes(content[:-5])
    replaced: list[str] = []

    def lock(descriptor: int, path: str, **named: Any) -> None:
        if not replaced:
            replaced.append(path)
            output.rename(before)
            output.write_bytes(content[:-9])
        newfiles.lock(descriptor, path, **named)

    monkeypatch.setattr("bcrypt_batch.tables.output.lock", lock)
    assert hash_to(table, output, "--resume") == 1
    assert before.read_bytes() == content[:-5]
    check(output.read_bytes().splitlines(), users(300), matches=False)


def test_a_new_output_that_another_process_replaced_is_not_written(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    output = tmp_path / "o"

    def lock(*_: Any, **__: Any) -> None:
        output.unlink()
        output.write_bytes(b"theirs")

    monkeypatch.setattr("bcrypt_batch.tables.output.lock", lock)
    assert hash_to(table, output) == 2
    assert f"another process is writing {output}" in capsys.readouterr().err
    assert output.read_bytes() == b"theirs"
    assert not Path(f"{output}.state").exists()


def test_files_are_on_disk_before_their_names_and_their_folder_after(
    results: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[tuple[str, int]] = []

    def noted(name: str, inode: Callable[..., int]) -> None:
        real = getattr(os, name)

        def call(*arguments: Any, **named: Any) -> Any:
            happened.append((name, inode(arguments[0])))
            return real(*arguments, **named)

        monkeypatch.setattr(os, name, call)

    noted("fsync", lambda descriptor: os.fstat(descriptor).st_ino)
    noted("link", lambda path: os.stat(path).st_ino)
    noted("replace", lambda path: os.stat(path).st_ino)
    folder = tmp_path / "folder"
    folder.mkdir()
    exported, hashed = folder / "exported", folder / "hashed"
    for option, step in ((), "link"), (("--force",), "replace"):
        happened.clear()
        assert main(["export", "htpasswd", str(results), "--output", str(exported), *option]) == 0
        file = exported.stat().st_ino
        assert happened == [("fsync", file), (step, file), ("fsync", folder.stat().st_ino)]
    happened.clear()
    assert hash_to(table, hashed) == 1
    state = Path(f"{hashed}.state").stat().st_ino
    assert happened == [
        ("fsync", state), ("replace", state), ("fsync", folder.stat().st_ino),
        ("fsync", hashed.stat().st_ino),
    ]  # fmt: skip


@pytest.mark.parametrize("before", [False, True])
def test_a_state_that_can_t_be_written_leaves_all_as_it_was(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, before: bool
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    output = tmp_path / "o"
    if before:
        assert hash_to(table, output) == 1
    there = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "fsync", full)
    assert hash_to(table, output, "--force", "--prefix", "2a") == 2
    assert f"{output}.state: No space left on device" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == there


@pytest.mark.parametrize(
    ("module", "call", "code", "words"),
    [
        (fcntl, "flock", errno.ENOLCK, "has no locks (No locks available)"),
        (fcntl, "flock", errno.EOPNOTSUPP, "has no locks (Operation not supported)"),
        (fcntl, "flock", errno.ENOSYS, "has no locks (Function not implemented)"),
        (os, "fsync", errno.EINVAL, "has no fsync (Invalid argument)"),
        (os, "fchmod", errno.EPERM, "keeps it at mode 644"),
    ],
)
def test_what_a_file_system_can_t_is_said_once(
    table: Path, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said,
    module: Any, call: str, code: int, words: str,
) -> None:  # fmt: skip
    """NFS, SMB and FUSE lack some operations; the command goes on."""

    def refused(*_: Any) -> None:
        raise OSError(code, os.strerror(code))

    output, exported = tmp_path / "o", tmp_path / "exported"
    monkeypatch.setattr(module, call, refused)
    for options in ([], ["--force"], ["--resume"]):
        if call == "fchmod" and output.exists():
            output.chmod(0o644)
        assert hash_to(table, output, *options) == 1
        said = capsys.readouterr().err
        expected = 0 if call == "fchmod" and options != ["--resume"] else 1
        assert said.count(words) == expected
        assert said.count(str(output)) >= expected
        check(output.read_bytes().splitlines(), users(300), matches=False)
    assert main(["export", "htpasswd", str(results), "--output", str(exported)]) == 0
    assert capsys.readouterr().err.count(words) == (1 if call == "fsync" else 0)


def whole_rows(output: Path) -> int:
    if output.suffix == ".csv":
        text = output.read_bytes()
        whole = text[: text.rfind(b"\n") + 1].decode()
        rows = [*csv.reader(io.StringIO(whole, newline=""))]
        return len([row for row in rows[1:] if len(row) == len(rows[0])])
    return output.read_bytes().count(b"\n")


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv"])
@pytest.mark.parametrize(
    ("code", "room"),
    [
        *((errno.ENOSPC, room) for room in (0, 10, 9000, 13_001)),
        *((code, 9000) for code in (errno.EIO, errno.EFBIG, errno.EDQUOT)),
    ],
)
def test_the_rows_that_a_write_left_whole_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, name: str, code: int, room: int
) -> None:
    real, left = os.write, room

    def limited(descriptor: int, data: Any) -> int:
        nonlocal left
        if not left:
            raise OSError(code, os.strerror(code))
        size = real(descriptor, data[:left])
        left -= size
        return size

    table, output = tmp_path / "users.csv", tmp_path / name
    rows = [User(f'"a\nb{i}"', b"p%d" % i) for i in range(300)]
    table.write_bytes(as_csv(rows))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", limited)
        assert hash_to(table, output) == 3
    said = capsys.readouterr().err
    assert f"{output}: {os.strerror(code)}; {whole_rows(output)} rows are written whole" in said
    assert output.stat().st_size == room
    assert hash_to(table, output, "--resume") == 0
    assert whole_rows(output) == 300


@pytest.mark.parametrize("call", ["fsync", "close"])
def test_the_rows_that_a_failing_end_left_are_counted(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said, call: str
) -> None:
    """A network file system reports a full disk only at the end."""
    output = tmp_path / "o"
    real = getattr(os, call)

    def lose(descriptor: int) -> None:
        ours = stat.S_ISREG((about := os.fstat(descriptor)).st_mode) and about.st_size > 10_000
        if ours and os.path.samestat(about, output.stat()):
            os.truncate(output, 10_000)
            if call == "close":
                real(descriptor)
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, call, lose)
        assert hash_to(table, output) == 3
    said = capsys.readouterr().err
    found = re.search(r"Disk quota exceeded; (\d+) rows are written whole, and --resume", said)
    assert found is not None, said
    assert int(found[1]) == whole_rows(output) > 0
    assert hash_to(table, output, "--resume") == 1
    check(output.read_bytes().splitlines(), users(300), matches=False)


def test_an_error_of_the_input_names_it(tmp_path: Path, capsys: Said) -> None:
    source = "/proc/self/mem"  # read(2) of its first page is EIO
    assert main(["export", "htpasswd", source, "--output", str(tmp_path / "o")]) == 2
    assert f"{source}: Input/output error" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]
