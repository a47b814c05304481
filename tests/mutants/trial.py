"""Try mutants in a copy of the project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from tests.mutants.lists import InvalidList, Mutant

CC = Path(__file__).with_name("cc.sh")
COMPILED = {".c", ".h", ".pyx", ".pxd", ".pxi"}
BASELINE_TIMEOUT_S = 600
PATIENCE_S = 30  # a mutant's tests get three times what they take without it, and this
END_TIMEOUT_S = 10

# In pytest's summary, a test that failed or whose fixture did. Without "::" it is a file that could
# not be collected.
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+::.*?)(?: - .*)?$", re.M)
PASSED = re.compile(r"\b\d+ passed")  # else all were skipped


class Outcome(Enum):
    """What came of a mutant; only the first two are good."""

    KILLED = "killed"
    TIMEOUT = "killed: timeout"
    SURVIVED = "SURVIVED"
    STALE = "stale"
    NOT_BUILT = "does not build"
    NOT_RUN = "no test ran"
    NO_BASELINE = "its tests do not pass without it"


class Verdict(NamedTuple):
    """An outcome, and the test or the message behind it."""

    outcome: Outcome
    detail: str = ""

    @property
    def killed(self) -> bool:
        """Return whether the tests noticed the mutant."""
        return self.outcome in (Outcome.KILLED, Outcome.TIMEOUT)

    def __str__(self) -> str:
        return f"{self.outcome.value}{self.detail and ': '}{self.detail}"


class OutOfTime(Exception):
    """The time for all trials has passed in the middle of one."""


class Trials:
    """A copy of the project, in which one mutant at a time is applied, tested and undone.

    A change to a file of ext/ is tested with that ext/ on PYTHONPATH, its extension built in place.
    A program that a test starts with a PYTHONPATH of its own runs the installed package instead:
    such tests can miss a mutant, never kill one wrongly.

    Args:
        project: What is copied: the files that git tracks or would add.
        folder: Where the copy and compiled objects are kept; the copy is made anew.
        seconds: How long all trials together may take.

    Raises:
        subprocess.CalledProcessError: git can't list the project's files.
    """

    def __init__(self, project: Path, folder: Path, seconds: float = float("inf")) -> None:
        self._tree = folder / "tree"
        self._objects = folder / "objects"
        self._give_up = time.monotonic() + seconds
        self._is_built = False
        self._baselines: dict[tuple[bool, tuple[str, ...]], tuple[float, str]] = {}
        shutil.rmtree(self._tree, ignore_errors=True)
        self._objects.mkdir(parents=True, exist_ok=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=project,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in listed.stdout.split("\0")[:-1]:
            if (project / name).is_file():  # not one that was removed since
                (self._tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(project / name, self._tree / name)

    def judge(self, mutant: Mutant) -> Verdict:
        """Run a mutant's tests without it, then with it.

        Raises:
            OutOfTime: Before there was an answer.
        """
        try:
            changed = mutant.apply(self._tree)
        except InvalidList as error:
            return Verdict(Outcome.STALE, str(error).removeprefix(f"{mutant}: "))
        in_ext = mutant.file.startswith("ext/")
        seconds, problem = self._baseline(in_ext, mutant.tests)
        if problem:
            return Verdict(Outcome.NO_BASELINE, problem)
        path = self._tree / mutant.file
        original = path.read_text()
        self._write(path, changed)
        try:
            if in_ext and (problem := self._build()):
                return Verdict(Outcome.NOT_BUILT, problem)
            return self._test(in_ext, mutant.tests, PATIENCE_S + 3 * seconds)
        finally:
            self._write(path, original)

    def _baseline(self, in_ext: bool, tests: tuple[str, ...]) -> tuple[float, str]:
        """Return how long tests take on the unchanged copy, and what fails there already."""
        key = in_ext, tests
        if key not in self._baselines:
            if in_ext and (problem := self._build()):
                return 0, problem
            start = time.monotonic()
            verdict = self._test(in_ext, tests, BASELINE_TIMEOUT_S)
            passed = verdict.outcome is Outcome.SURVIVED
            self._baselines[key] = time.monotonic() - start, "" if passed else str(verdict)
        return self._baselines[key]

    def _write(self, path: Path, text: str) -> None:
        path.write_text(text)
        if path.suffix in COMPILED:
            self._is_built = False
        for bytecode in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            bytecode.unlink()  # it is valid by size and second

    def _build(self) -> str:
        """Build the extension if needed; return the compiler's message if that fails."""
        if not self._is_built:
            command = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
            compiler = f"{CC} {os.environ.get('CC', 'cc')}"
            status, output = self._run(
                command, BASELINE_TIMEOUT_S, CC=compiler, OBJECTS=str(self._objects.resolve())
            )
            if status != 0:
                return _reason(output)
            self._is_built = True
        return ""

    def _test(self, in_ext: bool, tests: tuple[str, ...], timeout_s: float) -> Verdict:
        command = [sys.executable, "-m", "pytest", "--exitfirst", "-p", "no:cacheprovider", *tests]
        path = {"PYTHONPATH": str((self._tree / "ext").resolve())} if in_ext else {}
        status, output = self._run(command, timeout_s, COLUMNS="200", **path)
        if status is None:
            return Verdict(Outcome.TIMEOUT)
        if status == 0 and PASSED.search(output):
            return Verdict(Outcome.SURVIVED)
        if found := FAILED.search(output):
            return Verdict(Outcome.KILLED, found[1])
        return Verdict(Outcome.NOT_RUN, _reason(output))

    def _run(
        self, command: list[str], timeout_s: float, **environment: str
    ) -> tuple[int | None, str]:
        """Run a command in the copy; return its status, or None for a timeout, and its output."""
        left_s = self._give_up - time.monotonic()
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                command,
                cwd=self._tree,
                env={"EXAMPLES": "1", **os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status: int | None = process.wait(max(0, min(timeout_s, left_s)))
            except subprocess.TimeoutExpired:
                if left_s < timeout_s:
                    raise OutOfTime from None
                status = None
            finally:
                _end(process)
            log.seek(0)
            return status, log.read().decode(errors="replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process if it runs still: first as Ctrl-C does, which lets pytest end what it began."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _reason(output: str) -> str:
    """Return the first line of a compiler's or of pytest's output that says what is wrong."""
    lines = output.splitlines() or ["no output"]
    found = next((line for line in lines if re.search("error:|Error", line)), lines[-1])
    return found.removeprefix("E ").strip()
