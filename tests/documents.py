"""The blocks of code and commands in the documents, for the tests that run them.

A block is named behind its language: "```python fastapi".
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parent.parent
DOCUMENTS = ("README.md", "SECURITY.md", "benchmarks/README.md", "docs/*.md")
NOT_CODE = ("", "mermaid")


class Block(NamedTuple):
    """A block of a document.

    Attributes:
        document: The document's path in the project.
        language: The first word behind the fence.
        name: The others.
        text: What is between the fences.
    """

    document: str
    language: str
    name: str
    text: str


def blocks() -> list[Block]:
    """Return the blocks of code and commands of all documents."""
    found = []
    for file in sorted(file for pattern in DOCUMENTS for file in PROJECT.glob(pattern)):
        fenced = r"^ *```(\w*) *(.*)\n((?:.*\n)*?) *```$"
        for language, name, text in re.findall(fenced, file.read_text(), re.MULTILINE):
            if language not in NOT_CODE:
                found.append(Block(str(file.relative_to(PROJECT)), language, name, text))
    return found


def block(document: str, name: str) -> str:
    """Return the text of a block. A test that calls this with two literals runs the block."""
    (found,) = (one.text for one in blocks() if (one.document, one.name) == (document, name))
    return found


def commands(text: str) -> list[list[str]]:
    """Return the commands of a block of shell as lists of words, without their comments."""
    lines = text.replace("\\\n", " ").splitlines()
    return [words for line in lines if (words := shlex.split(line, comments=True))]
