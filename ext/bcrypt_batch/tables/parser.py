"""The parser of the command line: the form of help and errors for all commands."""

from __future__ import annotations

import argparse
import difflib
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

WIDTH = 78
_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line with a suggestion, without the usage.

    Attributes:
        examples: Command lines to show at the end of the help.
    """

    def __init__(self, *, examples: Sequence[str] = (), **named: Any) -> None:
        named["description"] = textwrap.fill(named.get("description") or "", WIDTH)
        if examples:
            shown = "\n".join(f"  {line}" for line in examples)
            named["epilog"] = "\n\n".join(
                filter(None, (f"examples:\n{shown}", named.get("epilog")))
            )
        named |= {
            "allow_abbrev": False,
            "formatter_class": argparse.RawDescriptionHelpFormatter,
        }
        super().__init__(**named)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse unknown words here: the top-level parser doesn't know a command's options."""
        namespace, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = self._option_string_actions
            meant = [_meant(word.partition("=")[0], known) for word in unknown]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{''.join(meant)}")
        return namespace, unknown

    def error(self, message: str) -> NoReturn:
        """Exit with status 2 and a line on standard error."""
        if found := _CHOICE.search(message):
            message += _meant(found[1], re.findall(r"[\w.-]+", found[2]))
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help shows the usage\n")


def _meant(word: str, known: Iterable[str]) -> str:
    likely = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {likely[0]}?" if likely else ""
