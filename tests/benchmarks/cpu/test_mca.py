"""What LLVM's scheduling models say of the kernels, beside the targets that were set.

A model and no clock: the same compiler and the same LLVM always give the same figures.
"""

from __future__ import annotations

import pytest

from benchmarks.cpu.mca import TARGETS, compile_variant, hot_loop, simulate
from tests.examples import thorough
from tests.processes import require

MCA = "llvm-mca-22"


FIGURES = [
    ("x86_64_bextr", "znver4", 7, 11.0, 2.6),
    ("x86_64_bextr", "znver3", 7, 11.0, 2.6),
    ("x86_64_bmi2", "skylake-avx512", 4, 13.0, 3.3),
    ("x86_64_avx", "znver4", 11, 12.5, 2.2),
    ("aarch64", "neoverse-n1", 4, 14.0, 4.8),
]


@thorough
@pytest.mark.parametrize(("variant", "cpu", "lanes", "instructions", "cycles"), FIGURES)
def test_targets(variant: str, cpu: str, lanes: int, instructions: float, cycles: float) -> None:
    target = next(target for target in TARGETS if variant in target.variants)
    require(MCA, target.compiler)
    loop = hot_loop(compile_variant(target, variant), f"advance_{lanes}")
    rounds = 16 * lanes
    assert len(loop) / rounds <= instructions
    assert simulate(loop, target, cpu, MCA) / rounds <= cycles
