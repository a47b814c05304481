"""The lists of mutants are current, and `make mutants` reports an invalid entry."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.examples import thorough
from tests.mutants.__main__ import main
from tests.mutants.lists import InvalidList, read
from tests.processes import PROGRAMS, require

PROJECT = Path(__file__).parent.parent
LISTS = PROJECT / "tests/mutants"

# A project whose "extension" is a text file; the word "error" in it makes the build fail.
TOY = {
    "setup.py": "import sys; sys.exit('an error' * ('error' in open('ext/toy.c').read()))",
    "ext/toy.c": "return 1;",
    "toy.py": "ANSWER = 42\nQUESTION = 6 * 9\nTURNS = 1\n",
    "test_toy.py": (PROGRAMS / "toy_tests.py").read_text(),
}


def mutant(name: str, file: str, old: str, new: str, *tests: str) -> str:
    listed = [f"test_toy.py::{test}" for test in tests]
    return f"[[mutant]]\n{name=}\n{file=}\n{old=}\n{new=}\ntests={listed}\n"


# Each mutant, and the expected report.
MUTANTS = {
    mutant("wrong answer", "toy.py", "42", "43", "test_turns", "test_answer"): (
        "wrong answer: killed: test_toy.py::test_answer ("
    ),
    mutant("wrong source", "ext/toy.c", "1", "2", "test_source"): (
        "wrong source: killed: test_toy.py::test_source[toy.c] ("
    ),
    mutant("no guard", "toy.py", "42", "43", "test_turns"): "no guard: SURVIVED (",
    mutant("stale", "toy.py", "=", ":=", "test_turns"): (
        "stale: stale: `old` occurs 3 times in toy.py, not once ("
    ),
    mutant("typo", "ext/toy.c", "return", "error", "test_source"): (
        "typo: does not build: an error ("
    ),
    mutant(
        "no syntax", "toy.py", "42", "(", "test_answer"
    ): "no syntax: no test ran: SyntaxError: ",
    mutant("skipped", "toy.py", "42", "43", "test_skipped"): (
        "skipped: its tests do not pass without it: no test ran: "
    ),
    mutant("no test", "toy.py", "42", "43", "test_question"): (
        "no test: its tests do not pass without it: killed: test_toy.py::test_question ("
    ),
}


def toy(folder: Path, *mutants: str) -> Path:
    """Make the toy project with these mutants; return its folder."""
    require("git")
    for name, text in {**TOY, "tests/mutants/toy.toml": "".join(mutants)}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("/build/\n")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    return folder


def test_each_mutant_of_the_lists_can_be_applied() -> None:
    """It is still a program, and its tests exist; `make mutants` checks that they fail."""
    listed = read(LISTS)
    assert listed
    for each in listed:
        mutated = each.apply(PROJECT)
        if each.file.endswith(".py"):
            compile(mutated, str(each), "exec")
        for test in each.tests:
            path, *names = test.partition("[")[0].split("::")
            text = (PROJECT / path).read_text()
            assert all(f"def {name}(" in text or f"class {name}" in text for name in names), each


@pytest.fixture
def _no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """So the pytest of each trial starts three times as fast."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@thorough
@pytest.mark.usefixtures("_no_plugins")
def test_what_came_of_each_mutant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = toy(tmp_path, *MUTANTS)
    assert main([], project) == 1
    *said, last = capsys.readouterr().out.splitlines()
    for line, expected in zip(said, MUTANTS.values(), strict=True):
        assert line.startswith(f"toy.toml: {expected}"), said
    assert last == "2 of 8 killed"
    assert {name: (project / name).read_text() for name in TOY} == TOY  # only a copy was changed


@pytest.mark.usefixtures("_no_plugins")
def test_what_hangs_is_killed_by_its_timeout(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.mutants.trial.PATIENCE_S", 0.1)
    project = toy(tmp_path, mutant("for ever", "toy.py", "TURNS = 1", "TURNS = 2", "test_turns"))
    assert main(["ever"], project) == 0
    assert "toy.toml: for ever: killed: timeout (" in capsys.readouterr().out


def test_a_sample_begins_elsewhere_and_ends_in_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["first", "second", "third"]
    project = toy(tmp_path, *(mutant(name, "toy.py", "no", "yes", "test_turns") for name in names))
    assert main(["--sample", "600", "--seed", "4"], project) == 1
    said = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in said[:-1]] == ["second", "third", "first"]

    project = toy(tmp_path, mutant("slow", "toy.py", "42", "43", "test_answer"))
    assert main(["--sample", "0"], project) == 1
    assert capsys.readouterr().out == "0 of 0 killed, of 1 listed\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[mutant]", "toy.toml: "),
        ("[mutation]", "toy.toml: expected [[mutant]] and nothing else"),
        ("[[mutant]]\nname='a'", 'mutant "a": missing or unknown: file, new, old, tests'),
        (mutant("a", "b", "c", "d"), 'mutant "a": every value must be text, and tests a list'),
        (mutant("a", "b", "c", "c", "d"), 'mutant "a": `old` and `new` are the same'),
        (mutant("a", "b", "c", "d", "e") * 2, 'mutant "a": another mutant has the same name'),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "toy.toml").write_text(text)
    with pytest.raises(InvalidList) as raised:
        read(tmp_path)
    assert message in str(raised.value)


def test_what_was_compiled_before_is_taken_unless_its_source_changed(tmp_path: Path) -> None:
    require("cc")
    source, object_ = tmp_path / "source.c", tmp_path / "source.o"
    kept = tmp_path / "kept"
    kept.mkdir()

    def compiled(text: str) -> int:
        source.write_text(text)
        command: list[str | Path] = [LISTS / "cc.sh", "cc", "-c", source, "-o", object_]
        return subprocess.run(command, env={**os.environ, "OBJECTS": str(kept)}).returncode

    assert compiled("int answer = 42;") == 0
    (first,) = kept.iterdir()
    assert object_.read_bytes() == first.read_bytes()
    assert compiled("int answer = 43;") == 0
    (second,) = set(kept.iterdir()) - {first}
    assert object_.read_bytes() == second.read_bytes() != first.read_bytes()
    first.write_bytes(b"as kept")
    assert compiled("int answer = 42;") == 0
    assert object_.read_bytes() == b"as kept"
    for wrong in ("#error no", "int answer = ;"):
        assert compiled(wrong) != 0
    assert len(list(kept.iterdir())) == 2
