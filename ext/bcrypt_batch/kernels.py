"""Which variants of the computation there are."""

from __future__ import annotations

from . import _native


class Kernels:
    """The variants of the computation.

    Attributes:
        compiled: Names of the variants compiled in, best first.
        supported: Those of them that this CPU can run.
        chosen: The one that batches use.
    """

    __slots__ = ("chosen", "compiled", "supported")

    def __init__(self, compiled: list[str], supported: list[str], chosen: str) -> None:
        self.compiled = compiled
        self.supported = supported
        self.chosen = chosen

    def __repr__(self) -> str:
        return f"Kernels(compiled={self.compiled}, chosen={self.chosen!r})"


def kernels() -> Kernels:
    """Return the variants compiled in, and which one this CPU gets."""
    compiled, supported = _native.kernel_names()
    return Kernels(compiled, supported, _native.chosen_kernel())
