"""The layer that build_layer.sh makes of this machine's wheel, and refused wheels."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import bcrypt
import pytest

import bcrypt_batch
from emulator.function import ARCHITECTURE, Emulator
from tests.deployment.layers import (
    MACHINES,
    NEIGHBOURS,
    PROJECT,
    PYTHONS,
    UNCHECKED_HASH,
    Layer,
    flags,
    read,
    run,
    succeed,
)

pytestmark = pytest.mark.deployed  # building layers takes seconds

BUILD = PROJECT / "build_layer.sh"
METADATA = f"bcrypt_batch-{bcrypt_batch.__version__}.dist-info/METADATA"


def names(layer: Layer) -> list[str]:
    with zipfile.ZipFile(layer.file) as archive:
        return archive.namelist()


def test_it_holds_what_runs_and_nothing_else(layer: Layer, tmp_path: Path) -> None:
    assert {Path(name).parts[0] for name in names(layer)} == {"python"}
    modules = {path.name for path in (PROJECT / "ext/bcrypt_batch").rglob("*.py")}
    packed = {Path(name).name for name in names(layer) if name.endswith(".py")}
    assert packed == modules
    for unwanted in ("tests", "tables/__pycache__", "RECORD", "WHEEL", "auditwheel"):
        assert not [name for name in names(layer) if unwanted in name]
    for text in ("LICENSE", "ext/libgomp/COPYING3", "ext/libgomp/COPYING.RUNTIME"):
        assert [name for name in names(layer) if name.endswith(f"licenses/{text}")]
    assert "# bcrypt_batch" not in (layer.extract(tmp_path) / METADATA).read_text()
    assert [name for name in names(layer) if "bcrypt_batch.libs/libgomp-" in name]


def bytecode(layer: Layer) -> dict[str, bytes]:
    with zipfile.ZipFile(layer.file) as archive:
        return {name: archive.read(name) for name in names(layer) if name.endswith(".pyc")}


def test_it_has_bytecode_for_each_python_that_it_says(layer: Layer) -> None:
    """For each module that a cold start imports, valid whatever date its source has on Lambda."""
    tags = [runtime.replace("python3.", "cpython-3") for runtime in layer.about["bytecode"]]
    modules = {path.stem for path in (PROJECT / "ext/bcrypt_batch").glob("*.py")}
    expected = {
        f"python/bcrypt_batch/__pycache__/{module}.{tag}.pyc" for module in modules for tag in tags
    }
    assert bytecode(layer).keys() == expected
    for name, content in bytecode(layer).items():
        assert flags(content) == UNCHECKED_HASH
        source = Path(name).name.partition(".")[0]
        assert f"/opt/python/bcrypt_batch/{source}.py".encode() in content
        assert b"/tmp" not in content  # no path of the folder that it was made in
        assert b"opt/opt" not in content


def test_python_takes_its_bytecode(layer: Layer, tmp_path: Path) -> None:
    """An import compiles no module of the package; without the bytecode it would compile each."""
    folder = layer.extract(tmp_path)
    where = "import bcrypt_batch, sys; print(sys.implementation.cache_tag)"
    environment = {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if not layer.about["bytecode"]:
        pytest.skip("no Python of Lambda's is here")
    for runtime in layer.about["bytecode"]:
        done = run(runtime, "-vc", where, environment=environment)
        assert done.returncode == 0, done.stderr
        for module in ("__init__", "batch", "workers"):
            assert f"code object from '{folder}/bcrypt_batch/{module}.py'" not in done.stderr
            cached = f"{folder}/bcrypt_batch/__pycache__/{module}.{done.stdout.strip()}.pyc"
            assert f"# {cached} matches" in done.stderr


def test_its_bill_of_materials_names_what_is_in_it(layer: Layer) -> None:
    with zipfile.ZipFile(layer.file) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".cdx.json")]
        bill = json.loads(archive.read(name))
        (library,) = [name for name in archive.namelist() if ".libs/" in name]
        digest = hashlib.sha256(archive.read(library)).hexdigest()
    package = bill["metadata"]["component"]
    assert package["purl"] == f"pkg:pypi/bcrypt-batch@{bcrypt_batch.__version__}"
    assert package["licenses"] == [{"expression": "MIT"}]
    cython, libgomp = bill["components"]
    assert cython["name"] == "cython"
    assert libgomp["name"].startswith("libgomp")
    assert libgomp["licenses"] == [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}]
    assert libgomp["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert libgomp["bom-ref"] == library
    references = [cython["bom-ref"], library]
    assert bill["dependencies"] == [
        {"ref": package["bom-ref"], "dependsOn": references},
        *({"ref": reference} for reference in references),
    ]
    # These would differ from one build to the next.
    assert not {"timestamp", "serialNumber"} & {*bill, *bill["metadata"]}


def test_it_is_small_and_described(layer: Layer) -> None:
    content = layer.file.read_bytes()
    assert layer.about["sha256"] == hashlib.sha256(content).hexdigest()
    # With the bytecode of four Pythons, each 0.13 MB or less of it.
    assert layer.about["size"] == len(content) < 1_000_000
    assert layer.about["unpacked_size"] < 5_000_000
    assert layer.about["architecture"] == ARCHITECTURE
    assert layer.about["runtimes"] == [f"python{version}" for version in PYTHONS]
    assert layer.about["license"] == "MIT"
    assert tuple(map(int, layer.about["glibc"].split("."))) <= (2, 34)


def test_a_second_build_gives_the_same_bytes(
    layer: Layer, source: tuple[str | Path, ...], tmp_path: Path
) -> None:
    """Its bytecode too."""
    printed = succeed(BUILD, *source, "--output", tmp_path)
    again = read(tmp_path, ARCHITECTURE)
    assert again.file.read_bytes() == layer.file.read_bytes()
    assert layer.about["sha256"] in printed


def test_it_can_be_for_fewer_pythons(layer: Layer, tmp_path: Path) -> None:
    done = rebuild(layer, tmp_path, ARCHITECTURE, "--python", "3.12 3.99")
    assert done.returncode == 0, done.stderr
    again = read(tmp_path, ARCHITECTURE)
    assert again.about["runtimes"] == ["python3.12", "python3.99"]
    wanted = {name for name in bytecode(layer) if "cpython-312" in name}
    assert bytecode(again).keys() == wanted
    assert again.about["bytecode"] == ["python3.12"] * bool(wanted)
    assert "no bytecode for Python 3.99: no python3.99 runs here (a shim of pyenv" in done.stderr


def test_a_function_is_built_with_its_bytecode(tmp_path: Path) -> None:
    """The same bytecode in two builds, for this interpreter, and beside it only the code.

    The first Python is the runtime's; the others may be missing.
    """
    built = [tmp_path / name for name in ("one", "two")]
    for folder in built:
        folder.mkdir()
        variables = (f"ARTIFACTS_DIR={folder}", f"PYTHONS={sys.executable} python3.99")
        make = ("make", "--silent", "-C", PROJECT / "handler", "build-Functionarm64")
        assert "No bytecode" not in succeed(*make, *variables)
    one, two = (
        {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*.*")}
        for folder in built
    )
    assert one == two
    sources = {file.relative_to(PROJECT / "handler") for file in PROJECT.glob("handler/**/*.py")}
    tag = f"{sys.implementation.cache_tag}.pyc"
    made = {file.parent / "__pycache__" / f"{file.stem}.{tag}" for file in sources}
    assert one.keys() == sources | made
    for file in made:
        assert flags(one[file]) == UNCHECKED_HASH
        assert b"/var/task/" in one[file]


def test_a_function_without_bytecode_for_its_runtime_is_named(tmp_path: Path) -> None:
    variables = (f"ARTIFACTS_DIR={tmp_path}", f"PYTHONS=python3.99 {sys.executable}")
    said = succeed("make", "--silent", "-C", PROJECT / "handler", "build-Function", *variables)
    assert "No bytecode for the function: no python3.99 runs here" in said


def test_only_what_is_shipped_has_bytecode_that_outlives_its_source(layer: Layer) -> None:
    """An edited source is never shadowed: not in this tree, nor where the package is installed."""
    folders = [PROJECT / "ext", PROJECT / "handler", Path(bcrypt_batch.__file__).parent]
    found = [file for folder in folders for file in folder.rglob("*.pyc")]
    assert [file for file in found if flags(file.read_bytes()) == UNCHECKED_HASH] == []


def test_the_handler_runs_on_it(layer: Layer, tmp_path: Path) -> None:
    path = layer.extract(tmp_path)
    environment = {"PYTHONDONTWRITEBYTECODE": "1", "WORKER_COUNT": "2"}
    with Emulator(path=str(path), environment=environment) as emulator:
        made = emulator.invoke({"mode": "parallel", "count": 20, "cost": 8})
        pairs = [
            {"password": f"password_{i:06}", "hash": hashed}
            for i, hashed in enumerate(made["hashes"])
        ]
        checked = emulator.invoke({"mode": "sequential", "verify": pairs})
        mapped = {
            line.split()[-1]
            for maps in Path("/proc").glob("[0-9]*/maps")
            for line in _read(maps).splitlines()
        }
    assert made["threads_used"] == 2
    assert bcrypt.checkpw(b"password_000019", made["hashes"][19].encode())
    assert checked["matches"] == [True] * 20
    for library in ("bcrypt_batch/_native", "bcrypt_batch.libs/libgomp-"):
        assert [file for file in mapped if file.startswith(str(path / library))]


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # the process has ended, or is not ours
        return ""


def test_a_thousand_passwords_fit_in_40_mb(layer: Layer, tmp_path: Path) -> None:
    with Emulator(path=str(layer.extract(tmp_path))) as emulator:
        answer = emulator.invoke({"count": 1000, "cost": 4})
    assert answer["processed"] == 1000
    assert answer["memory_used_kb"] < 40_000


@pytest.mark.parametrize("order", ["first", "second"])
def test_it_gets_along_with_another_openmp(layer: Layer, tmp_path: Path, order: str) -> None:
    """scikit-learn's wheel brings a libgomp too; both run, whichever was loaded first."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed (group containers)")
    path = layer.extract(tmp_path)
    subprocess.run(
        [sys.executable, "-c", NEIGHBOURS, order],
        env={**os.environ, "PYTHONPATH": str(path)},
        check=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--arch", "sparc"], "--arch must be arm64, x86_64 or all, not 'sparc'"),
        (["--arch"], "--arch needs a value"),
        (["--fast"], "unknown option --fast"),
        (["--python", "3.9"], "--python takes versions from 3.11 on"),
        (["--python", " "], "--python takes versions from 3.11 on"),
        (["--python", "3.12\n3.9"], "--python takes versions from 3.11 on, such as"),
        (["--python", "3.12 3.13\n\nx"], "not 'x'"),
        (["--wheel", ""], "--wheel needs a value"),
        (["--wheel", "no.whl"], "--wheel: there is no file no.whl"),
        (["--wheel", "setup.py"], "--wheel: setup.py is not a wheel for"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], message: str) -> None:
    done = run(BUILD, *arguments)
    assert done.returncode == 1
    assert message in done.stderr


def rebuild(
    layer: Layer, folder: Path, architecture: str, *options: str, without: str = "\0"
) -> subprocess.CompletedProcess[str]:
    """Make a wheel of a layer, without some files, and run build_layer.sh on it."""
    wheel = folder / f"w-{bcrypt_batch.__version__}-cp311-abi3-linux_{MACHINES[architecture]}.whl"
    with zipfile.ZipFile(layer.file) as old, zipfile.ZipFile(wheel, "w") as new:
        for name in old.namelist():
            if without not in name:
                new.writestr(name.removeprefix("python/"), old.read(name))
    where = ("--arch", architecture, "--output", folder)
    return run(BUILD, "--native", "--wheel", wheel, *where, *options)


def test_a_wheel_without_libgomp_is_refused(layer: Layer, tmp_path: Path) -> None:
    done = rebuild(layer, tmp_path, ARCHITECTURE, without="libgomp")
    assert done.returncode == 1
    assert "the wheel does not bundle libgomp" in done.stderr
    assert not list(tmp_path.glob("*.zip"))


def test_a_wheel_without_a_bill_of_materials_is_refused(layer: Layer, tmp_path: Path) -> None:
    done = rebuild(layer, tmp_path, ARCHITECTURE, without=".cdx.json")
    assert done.returncode == 1
    assert "the wheel has no bill of materials" in done.stderr
    assert not list(tmp_path.glob("*.zip"))


def test_a_wheel_with_another_machines_code_is_refused(layer: Layer, tmp_path: Path) -> None:
    (other,) = set(MACHINES) - {ARCHITECTURE}
    done = rebuild(layer, tmp_path, other)
    assert done.returncode == 1
    assert "_native.abi3.so is not for" in done.stderr
    assert not list(tmp_path.glob("*.zip"))


def test_python_3_11_is_on_an_older_glibc(layer: Layer, tmp_path: Path) -> None:
    done = rebuild(layer, tmp_path, ARCHITECTURE, "--python", "3.11")
    too_new = tuple(map(int, layer.about["glibc"].split("."))) > (2, 26)
    assert done.returncode == too_new
    assert ("Python 3.11 on Lambda has 2.26" in done.stderr) == too_new
