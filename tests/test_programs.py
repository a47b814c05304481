"""Programs that tests run are files, which ruff, mypy and clang-format see."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import INLINE_STATEMENTS, PROGRAMS, PROJECT

FILES = sorted(file for file in (PROJECT / "tests").rglob("*.py") if PROGRAMS not in file.parents)


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each literal, with a name for each value in an f-string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield node.lineno, "".join(map(str, parts))


def is_program(text: str) -> bool:
    """Whether a text is C, or Python that imports something, of more statements than may be."""
    if "#include" in text:
        return text.count("\n") > INLINE_STATEMENTS
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return False
    imports = any(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body)
    return imports and len(body) > INLINE_STATEMENTS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("run('''import os\nimport sys\nos.a()\nos.b()\nprint(sys)''')", True),
        (
            'run(f"""import os\nfor i in {n}:\n    os.{call}()\ni = 3\nj = 4\nprint(i)""")',
            True,
        ),
        ("run('''#include <a.h>\nint main(void)\n{\n  f();\n  return 0;\n}''')", True),
        ("run('import os; print(os.getpid())')", False),
        ("'''One\nimport\na\nb'''", False),
    ],
)
def test_what_is_a_program(source: str, found: bool) -> None:
    assert any(is_program(text) for _, text in strings(ast.parse(source))) == found


def test_no_string_of_the_tests_is_a_program() -> None:
    own = Path(__file__)
    wrong = [
        f"{file.relative_to(PROJECT)}:{line}"
        for file in FILES
        if file != own
        for line, text in strings(ast.parse(file.read_text()))
        if is_program(text)
    ]
    assert len(FILES) > 100
    assert wrong == []
