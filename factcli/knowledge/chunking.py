"""Chunks of an article that keep to its sections, each with the article's first sentence before it (spec §4.3).

A line of ten words or fewer is a heading and begins a section. A chunk ends with its section where it is at least three
quarters full; a section that is shorter is carried into the next. What is over at the end becomes a chunk on the same
condition. The published code leaves open what becomes of long sentences and of the rest; here both are counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from factcli.knowledge.sentences import sentences

CountTokens = Callable[[str], int]
HEADING_WORDS = 10  # a line of so many or fewer begins a section
LAST_SECTION_WORDS = 20  # a last section of so many or fewer is left out
FILLED = 0.75  # share of the limit above which a chunk may end before it is full


@dataclass(frozen=True, slots=True)
class Chunked:
    """The chunks in order, one sentence a line; sentences that no chunk can hold; and how many sentences are in neither."""

    chunks: tuple[str, ...]
    too_long: tuple[str, ...]
    n_unused: int


def count_words(text: str) -> int:
    """Tokens where no tokenizer is given: words between white space."""
    return len(text.split())


def sections(text: str) -> list[list[str]]:
    """The sentences of each section, its heading first. A last section that says next to nothing is left out."""
    found: list[list[str]] = [[]]
    for line in (line for line in text.split("\n") if line.strip()):
        if count_words(line) <= HEADING_WORDS:
            found.append([line.strip()])
        else:
            found[-1] += sentences(line)
    if len(found) > 1 and sum(count_words(sentence) for sentence in found[-1]) <= LAST_SECTION_WORDS:
        found.pop()
    return [section for section in found if section]


def chunked(text: str, limit: int, most: int, count: CountTokens = count_words) -> Chunked:
    """At most `most` chunks of at most `limit` tokens. A first sentence that leaves less than half of it is not put before them."""
    parts = sections(text)
    first = parts[0][0] if parts else ""
    packing = _Packing(first if 2 * count(first) <= limit else "", limit, count)
    if packing.header:
        parts[0] = parts[0][1:]
    for section in parts:
        for sentence in section:
            packing.add(sentence, is_heading=sentence is section[0] and section is not parts[0])
        packing.end_section()
    return packing.chunked(most)


@dataclass(slots=True)
class _Packing:
    """Chunks so far, and the one that is being filled."""

    header: str
    limit: int
    count: CountTokens
    open: list[str] = field(default_factory=list)
    closed: list[tuple[str, ...]] = field(default_factory=list)
    too_long: list[str] = field(default_factory=list)
    ends_in_heading: bool = False  # what is open

    def add(self, sentence: str, is_heading: bool) -> None:
        if not self._fits([sentence]):
            self.too_long.append(sentence)
            return
        if not self._fits([*self.open, sentence]):
            heading = self.open[-1:] if self.ends_in_heading and self._fits([self.open[-1], sentence]) else []
            self.open = self.open[: len(self.open) - len(heading)]  # a heading stands before what it heads, not at an end
            self._close()
            self.open = heading
        self.open.append(sentence)
        self.ends_in_heading = is_heading

    def end_section(self) -> None:
        if self.open and self.count(self._text(self.open)) > FILLED * self.limit:
            self._close()

    def chunked(self, most: int) -> Chunked:
        unused = sum(map(len, self.closed[most:])) + len(self.open)
        return Chunked(tuple(self._text(chunk) for chunk in self.closed[:most]), tuple(self.too_long), unused)

    def _close(self) -> None:
        if self.open:
            self.closed.append(tuple(self.open))
        self.open, self.ends_in_heading = [], False

    def _fits(self, part: Sequence[str]) -> bool:
        return self.count(self._text(part)) <= self.limit

    def _text(self, part: Sequence[str]) -> str:
        return "\n".join([self.header, *part] if self.header else part)
