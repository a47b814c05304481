"""What the project's files import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.processes import PROJECT


def imports(file: Path) -> Iterator[str]:
    """Yield the full name of what a file imports, but for what is beside it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder: str) -> list[Path]:
    found = sorted((PROJECT / folder).rglob("*.py"))
    assert found
    return found
