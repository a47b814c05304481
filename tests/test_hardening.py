"""The built extension is hardened, so that a fault gives an attacker little."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bcrypt_batch import _native
from tests.processes import require

PROJECT = Path(__file__).parent.parent
LIBRARY = Path(_native.__file__)
HASH_CHARS = 60


def readelf(*options: str, file: Path = LIBRARY) -> str:
    require("readelf")
    command = ["readelf", "--wide", *options, str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout


def test_its_table_of_functions_is_read_only_once_it_is_loaded() -> None:
    """Full RELRO: every symbol bound at load, and the table read-only from then on."""
    assert "GNU_RELRO" in readelf("--program-headers")
    assert re.search(r"FLAGS_1\).*\bNOW\b", readelf("--dynamic"))


def test_its_stack_is_not_executable() -> None:
    (stack,) = re.findall(r"GNU_STACK .*", readelf("--program-headers"))
    assert re.search(r" RW +0x", stack), stack


def test_the_wipes_are_in_its_machine_code() -> None:
    """Memory with secrets is wiped before its end: no compiler has removed the wipes."""
    require("objdump")
    command = ["objdump", "--disassemble", "--no-show-raw-insn", str(LIBRARY)]
    code = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    bodies: dict[str, str] = {}
    for name, body in re.findall(r"^[0-9a-f]+ <([^>]+)>:\n((?:.+\n)*)", code, re.MULTILINE):
        plain = name.split(".")[0].split("@")[0]  # of GCC's parts and copies of a function
        bodies[plain] = bodies.get(plain, "") + body
    if "bb_wipe" not in bodies:
        pytest.skip("the library's symbols are stripped")
    assert re.search(r"<memset(@\w+)?>|rep stos|\bdc\s+zva", bodies["bb_wipe"])
    wiping = {name for name, body in bodies.items() if "<bb_wipe>" in body or "<bb_wipe@" in body}
    assert {"bb_group_advance", "bb_group_drop", "bb_format_hash"} <= wiping
    assert {"bb_call_answer", "bb_call_end", "bb_call_give_up"} <= wiping
    assert {"bb_queue_free", "bb_queue_work"} <= wiping
    assert {"bb_batch_free", "bb_batch_matches"} <= wiping


def test_comparing_takes_as_many_instructions_wherever_the_difference_is(tmp_path: Path) -> None:
    require("cc", "valgrind")
    kernel = PROJECT / "ext" / "kernel"
    program = tmp_path / "driver"
    sources = [Path(__file__).parent / "equal_driver.c", kernel / "wipe.c"]
    subprocess.run(["cc", "-std=c11", "-O2", f"-I{kernel}", *sources, "-o", program], check=True)
    options = ["--tool=callgrind", "--toggle-collect=bb_equal", "--dump-after=bb_equal"]
    out = f"--callgrind-out-file={tmp_path / 'count'}"
    command = ["valgrind", "--quiet", *options, out, str(program)]
    subprocess.run(command, check=True, cwd=tmp_path)
    counts = [
        int(re.findall(r"^totals: (\d+)$", path.read_text(), re.MULTILINE)[0])
        for path in tmp_path.glob("count.*")
    ]
    assert len(counts) == 6
    assert min(counts) == max(counts) > HASH_CHARS


def test_its_functions_with_buffers_check_for_overflows() -> None:
    assert "__stack_chk_fail" in readelf("--dyn-syms")


def test_calls_that_could_overflow_a_buffer_are_fortified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The library has none: the compiler sees that each copy fits. This one it can't see."""
    setuptools = pytest.importorskip("setuptools", reason="setuptools is not installed")
    build = pytest.importorskip("Cython.Build", reason="Cython is not installed (group build)")
    found: list[Any] = []
    monkeypatch.setattr(build, "cythonize", lambda extensions, **_: found.extend(extensions))
    monkeypatch.setattr(setuptools, "setup", lambda **_: None)
    monkeypatch.chdir(PROJECT)
    runpy.run_path("setup.py")
    (extension,) = found
    source = tmp_path / "probe.c"
    source.write_text(
        "#include <string.h>\nvoid use(char *);\n"
        "void probe(const char *from, size_t n) { char to[8]; memcpy(to, from, n); use(to); }\n"
    )
    program = tmp_path / "probe.o"
    require("cc")
    command = ["cc", *extension.extra_compile_args, "-fPIC", "-c", source, "-o", program]
    subprocess.run(command, check=True)
    assert "__memcpy_chk" in readelf("--symbols", file=program)
