"""The commands that a document tells its readers to type.

A block between ``` lines is typed in order in a folder of its own, or in the one that `<!-- folder: NAME -->` above it names: blocks of
one document with the same name share a folder.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"(?:<!-- folder: (?P<folder>[\w-]+) -->\n+)?^```(?P<kind>\w*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Typed:
    """One command line of a document, as words after `fact`."""

    document: str
    line: int
    folder: str
    words: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"{self.document}:{self.line} fact {' '.join(self.words)}"


def documents() -> list[Path]:
    """What a person reads; the reference is written from the code and has no commands to type."""
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/tutorials").glob("*.md"))]


def commands(document: Path) -> Iterator[Typed]:
    text = document.read_text(encoding="utf-8")
    for number, block in enumerate(FENCE.finditer(text)):
        folder = block["folder"] or f"block-{number}"
        first = text.count("\n", 0, block.start("body")) + 1
        for offset, line in enumerate(block["body"].splitlines()):
            if line.startswith("fact "):
                yield Typed(document.name, first + offset, folder, tuple(shlex.split(line, comments=True)[1:]))
