"""The one extension; all metadata is in pyproject.toml."""

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNEL = Path("ext/kernel")
ENGINE = Path("ext/engine")
PACKAGE = Path("ext/bcrypt_batch")
LIMITED_API = "0x030b0000"  # one binary for Python 3.11 and every later version

if sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(
        "bcrypt_batch can't be built for free-threaded Python: its extension uses the Limited API, "
        "which such builds do not have before Python 3.15. Use the ordinary build of Python."
    )

if not {"egg_info", "sdist"} & {*sys.argv}:  # those compile nothing
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")[0]
    if not shutil.which(compiler):
        sys.exit(
            f"bcrypt_batch can't be built: the C compiler {compiler} is not on PATH. Install one "
            "(Debian: apt-get install gcc; Amazon Linux: dnf install gcc), or name one in CC."
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        sys.exit(
            "bcrypt_batch can't be built: Python.h is missing. Install Python's headers "
            "(Debian: apt-get install python3-dev; Amazon Linux: dnf install python3-devel)."
        )

# ThreadSanitizer does not see how libgomp waits: pool.c has a stand-in for it.
OPENMP = [] if "-fsanitize=thread" in os.environ.get("CFLAGS", "") else ["-fopenmp"]

extension = Extension(
    "bcrypt_batch._native",
    sources=[
        str(PACKAGE / "_native.pyx"),
        str(PACKAGE / "start_up.c"),
        *sorted(map(str, [*ENGINE.glob("*.c"), *KERNEL.glob("*.c")])),
    ],
    include_dirs=[str(KERNEL), str(ENGINE)],
    depends=["setup.py", *sorted(map(str, [*ENGINE.glob("*.h"), *KERNEL.glob("*.h")]))],
    define_macros=[("Py_LIMITED_API", LIMITED_API)],
    py_limited_api=True,
    # -O2, not -O3: gcc 12 makes the interleaved rounds 5 to 10 % slower with the latter. -g0 undoes
    # the -g that most Pythons were built with.
    extra_compile_args=[
        *("-std=c11", "-O2", "-g0", "-fvisibility=hidden", *OPENMP),
        *("-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"),
    ],
    extra_link_args=[
        *OPENMP,
        *("-Wl,--wrap=PyImport_ImportModule", "-Wl,-z,relro,-z,now,-z,noexecstack"),
    ],
)

setup(
    ext_modules=cythonize([extension], build_dir="build"),
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
