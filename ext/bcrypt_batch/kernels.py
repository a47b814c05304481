"""The variants of the kernel, and the choice for this CPU."""

from __future__ import annotations

from . import _native


class Kernels:
    """The variants of the kernel that are compiled in, supported by this CPU, and chosen.

    Attributes:
        compiled: Names of the variants compiled in, best first.
        supported: Names of the variants that this CPU can run.
        chosen: Name of the variant that batches use.
    """

    __slots__ = ("chosen", "compiled", "supported")

    def __init__(self, compiled: list[str], supported: list[str], chosen: str) -> None:
        self.compiled = compiled
        self.supported = supported
        self.chosen = chosen

    def __repr__(self) -> str:
        return f"Kernels(compiled={self.compiled}, chosen={self.chosen!r})"


def kernels() -> Kernels:
    """Return the variants of the kernel, and which variant is chosen for this CPU."""
    compiled, supported = _native.kernel_names()
    return Kernels(compiled, supported, _native.chosen_kernel())
