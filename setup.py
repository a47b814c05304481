"""The one extension, and a bill of materials; all metadata is in pyproject.toml."""

import json
import os
import platform
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel

KERNEL = Path("ext/kernel")
ENGINE = Path("ext/engine")
PACKAGE = Path("ext/bcrypt_batch")
C_FILES = [PACKAGE / "start_up.c", *sorted([*ENGINE.glob("*.c"), *KERNEL.glob("*.c")])]
LIMITED_API = "0x030b0000"  # one binary for Python 3.11 and every later version
# Free-threaded Pythons before 3.15 have no Limited API: each version gets its own binary.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")


def problem() -> str | None:
    """Return why the extension can't be compiled here and what to do; None if it can."""
    supported = "bcrypt_batch needs CPython on 64-bit, little-endian Linux or macOS."
    if sys.platform == "win32":
        return f"Windows isn't supported. {supported} Install it in WSL, or in a Linux container."
    if sys.platform not in ("linux", "darwin"):
        return f"{sys.platform} isn't supported. {supported} Install it in a Linux container."
    if sys.implementation.name != "cpython":
        return f"{sys.implementation.name} isn't supported. {supported} Use CPython."
    if sys.byteorder != "little" or sys.maxsize < 2**32:
        kind = f"{64 if sys.maxsize > 2**32 else 32} bits, {sys.byteorder}-endian"
        return (
            f"{platform.machine()} ({kind}) isn't supported. {supported} "
            "Use x86_64 or arm64, with a 64-bit Python."
        )
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if not shutil.which(compiler):
        return (
            f"the C compiler {compiler} is not on PATH. Install one "
            "(Debian: apt-get install gcc; Amazon Linux: dnf install gcc), or name one in CC."
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return (
            "Python.h is missing. Install Python's headers "
            "(Debian: apt-get install python3-dev; Amazon Linux: dnf install python3-devel)."
        )
    return None


compiles = not {"egg_info", "sdist"} & {*sys.argv}
if compiles and (reason := problem()):
    sys.exit(f"bcrypt_batch can't be built: {reason}")

MACOS = sys.platform == "darwin"
# Without OpenMP pool.c makes all threads itself. macOS brings no OpenMP, and a process with two
# copies of LLVM's OpenMP ends. ThreadSanitizer does not see how libgomp waits.
OPENMP = [] if MACOS or "-fsanitize=thread" in os.environ.get("CFLAGS", "") else ["-fopenmp"]
# The server needs epoll, start_up.c a linker that wraps functions.
LEFT_OUT = {"server.c", "connections.c", "start_up.c"} if MACOS else set()

extension = Extension(
    "bcrypt_batch._native",
    sources=[
        str(PACKAGE / "_native.pyx"),
        *(str(file) for file in C_FILES if file.name not in LEFT_OUT),
    ],
    include_dirs=[str(KERNEL), str(ENGINE)],
    depends=["setup.py", *sorted(map(str, [*ENGINE.glob("*.h"), *KERNEL.glob("*.h")]))],
    define_macros=[("Py_LIMITED_API", LIMITED_API)] if LIMITED else [],
    py_limited_api=LIMITED,
    # -O2, because -O3 of gcc 12 makes the interleaved rounds 5 to 10 % slower. -g0 undoes the -g
    # that most Pythons were built with.
    extra_compile_args=[
        *("-std=c11", "-O2", "-g0", "-fvisibility=hidden", *OPENMP),
        *("-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"),
        *["-DBB_NO_SERVER"] * MACOS,
    ],
    extra_link_args=[
        *OPENMP,
        *["-Wl,--wrap=PyImport_ImportModule", "-Wl,-z,relro,-z,now,-z,noexecstack"] * (not MACOS),
    ],
)


def component(name: str, version: str, expression: str) -> dict[str, object]:
    """Return a component of a bill of materials in CycloneDX."""
    purl = f"pkg:pypi/{name}@{version}"
    about = {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
    return {**about, "licenses": [{"expression": expression}]}


class WheelWithBill(bdist_wheel):
    """Adds a bill of materials (PEP 770): the package, and Cython, whose C is compiled in.

    auditwheel adds another bill, of the libraries that it bundles.
    """

    def egg2dist(self, egginfo_path: str, distinfo_path: str) -> None:
        super().egg2dist(egginfo_path, distinfo_path)
        about = self.distribution.metadata
        package = component(about.get_name(), about.get_version(), about.license_expression)
        cython = component("cython", Cython.__version__, "Apache-2.0")
        bill = {
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "version": 1,
            "metadata": {"component": package},
            "components": [cython],
            "dependencies": [
                {"ref": package["bom-ref"], "dependsOn": [cython["bom-ref"]]},
                {"ref": cython["bom-ref"]},
            ],
        }
        file = Path(distinfo_path, "sboms", "bcrypt-batch.cdx.json")
        file.parent.mkdir()
        file.write_text(json.dumps(bill, indent=1) + "\n")


setup(
    ext_modules=cythonize([extension], build_dir="build"),
    cmdclass={"bdist_wheel": WheelWithBill},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
