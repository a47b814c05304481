"""What build_layer.sh does in Python: `python ext/layer.py COMMAND ARGUMENTS...`.

Commands: pythons, image MACHINE, bill FOLDER, pack FOLDER ZIP and describe (see their functions).
FOLDER has what /opt will have on Lambda. Nothing written has a date: one wheel gives one layer.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from importlib.resources import files
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
BILL = "bcrypt-batch.cdx.json"  # setup.py writes it
LIBGOMP_LICENSE = "GPL-3.0-or-later WITH GCC-exception-3.1"


def pythons() -> list[str]:
    """Return Lambda's Python versions, such as "3.13", the template's first."""
    found: list[str] = tomllib.loads(PYPROJECT.read_text())["tool"]["bcrypt-batch"]["pythons"]
    return found


def image(machine: str) -> str:
    """Return the manylinux image that cibuildwheel takes for a machine, as uname names it.

    Raises:
        SystemExit: cibuildwheel is not installed.
    """
    pinned = ConfigParser(inline_comment_prefixes="#")
    try:
        pins = files("cibuildwheel") / "resources/pinned_docker_images.cfg"
    except ModuleNotFoundError:
        sys.exit(
            "build_layer: cibuildwheel is missing; pip install --group layer (pip 25.1 or newer)"
        )
    pinned.read_string(pins.read_text())
    name = os.environ.get(f"CIBW_MANYLINUX_{machine.upper()}_IMAGE", "manylinux_2_28")
    return pinned[machine].get(name, name)


def write_bill(root: Path) -> None:
    """Add the bundled libraries to the package's bill of materials, in place of auditwheel's bill.

    The origin of a library is taken from auditwheel's bill, if that bill lists the library.

    Raises:
        SystemExit: the wheel has no bill of the package.
    """
    (info,) = root.glob("python/*.dist-info")
    own = info / "sboms" / BILL
    if not own.exists():
        sys.exit(f"build_layer: the wheel has no bill of materials, {BILL}; build it again")
    about = json.loads(own.read_text())
    known = {}
    for bill in {*info.glob("sboms/*.json")} - {own}:
        for component in json.loads(bill.read_text())["components"]:
            known[component["name"]] = component
        bill.unlink()
    libraries = [_library(root, path, known) for path in sorted(root.glob("python/*.libs/*.so*"))]
    components = {each["bom-ref"]: each for each in [*about["components"], *libraries]}
    about["components"] = [*components.values()]
    about["dependencies"] = [
        {"ref": about["metadata"]["component"]["bom-ref"], "dependsOn": [*components]},
        *({"ref": reference} for reference in components),
    ]
    _write_json(own, about)


def _library(root: Path, path: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Return a bundled library's component of the bill."""
    stem = path.name.split("-")[0]  # libgomp of libgomp-1a2b3c4d.so.1.0.0; Debian's is libgomp1
    names = [name for name in known if name.rstrip("0123456789") == stem]
    origin = known[names[0]] if names else {}
    path_in_layer = path.relative_to(root).as_posix()
    found = {
        "type": "library",
        "bom-ref": path_in_layer,
        "name": stem,
        **{key: origin[key] for key in ("name", "version", "purl") if key in origin},
    }
    if stem == "libgomp":
        found["licenses"] = [{"expression": LIBGOMP_LICENSE}]
    found["hashes"] = [{"alg": "SHA-256", "content": _sha256(path)}]
    found["evidence"] = {"occurrences": [{"location": path_in_layer}]}
    return found


def pack(root: Path, target: Path) -> None:
    """Zip a folder's files: names in order, no dates, no owners."""
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), (1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix: the mode counts
            entry.external_attr = (0o100755 if ".so" in file.name else 0o100644) << 16
            archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)


def describe(
    arch: str, root: Path, layer: str, glibc: str, tried: str, bytecode: str, runtimes: str
) -> None:
    """Write LAYER.json about LAYER.zip, which publish_layer.sh reads; print the same.

    Args:
        arch: The architecture's name on Lambda.
        root: The folder that was packed.
        layer: The path of both files without their suffixes.
        glibc: The newest version of glibc that a library needs.
        tried: Where the layer was tried.
        bytecode: The Python versions that there is bytecode for, with blanks between.
        runtimes: The Python versions that the layer is for, with blanks between.
    """
    file = Path(f"{layer}.zip")
    headers = _metadata(root)
    about: dict[str, Any] = {
        "file": file.name,
        "architecture": arch,
        "version": headers["Version"],
        "license": headers["License-Expression"],
        "runtimes": [f"python{version}" for version in runtimes.split()],
        "bytecode": [f"python{version}" for version in bytecode.split()],
        "glibc": glibc,
        "size": file.stat().st_size,
        "unpacked_size": sum(path.stat().st_size for path in root.rglob("*") if path.is_file()),
        "sha256": _sha256(file),
    }
    _write_json(Path(f"{layer}.json"), about)
    print(file)
    print(f"  for {', '.join(about['runtimes'])}; needs glibc {glibc}; tried on {tried}")
    print(f"  with bytecode for {', '.join(about['bytecode']) or 'none of them'}")
    print(f"  {about['size']:,} bytes, {about['unpacked_size']:,} unpacked")
    print(f"  SHA-256 {about['sha256']}")


def _metadata(root: Path) -> dict[str, str]:
    """Return the headers of the package's metadata; of a repeated header, the last value."""
    (file,) = root.glob("python/*.dist-info/METADATA")
    lines = file.read_text().split("\n\n")[0].splitlines()
    return dict(line.split(": ", 1) for line in lines)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n")


def main(command: str, *arguments: str) -> None:
    match command, arguments:
        case "pythons", ():
            print(*pythons())
        case "image", (machine,):
            print(image(machine))
        case "bill", (root,):
            write_bill(Path(root))
        case "pack", (root, target):
            pack(Path(root), Path(target))
        case "describe", (arch, root, *others):
            describe(arch, Path(root), *others)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
