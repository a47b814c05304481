"""The one extension; all metadata is in pyproject.toml."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNEL = Path("ext/kernel")
LIMITED_API = "0x030b0000"  # one binary for Python 3.11 and every later version

extension = Extension(
    "bcrypt_batch._native",
    sources=[
        "ext/bcrypt_batch/_native.pyx",
        "ext/bcrypt_batch/crew.c",
        "ext/bcrypt_batch/inspect_stand_in.c",
        *sorted(map(str, KERNEL.glob("*.c"))),
    ],
    include_dirs=[str(KERNEL), "ext/bcrypt_batch"],
    depends=["ext/bcrypt_batch/crew.h", *sorted(map(str, KERNEL.glob("*.h")))],
    define_macros=[("Py_LIMITED_API", LIMITED_API)],
    py_limited_api=True,
    # -O2, not -O3: gcc 12 makes the interleaved rounds 5 to 10 % slower with the latter. -g0 undoes
    # the -g that most Pythons were built with.
    extra_compile_args=["-std=c11", "-O2", "-g0", "-fvisibility=hidden", "-fopenmp"],
    extra_link_args=["-fopenmp", "-Wl,--wrap=PyImport_ImportModule"],
)

setup(
    ext_modules=cythonize([extension], build_dir="build"),
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
