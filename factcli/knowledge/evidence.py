"""What claims are held against: pages found by title, passages found by words. A knowledge pack is one such source."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

# exact: as it is spelled; redirect: by another name of the page; normalised: but for case, accents, underscores and
# punctuation; fuzzy: the nearest spelling, near enough; absent: there is no such page; open: no page was asked for.
Match = Literal["exact", "redirect", "normalised", "fuzzy", "absent", "open"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with its rank score (higher is better; 0 where passages are in the order of their page)."""

    id: str
    title: str
    text: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class PageMatch:
    """How a topic was found. `title` is the page's own, "" where there is none."""

    match: Match
    title: str


class Evidence(Protocol):
    """A source of evidence. Both calls are safe from several threads."""

    def find_page(self, topic: str) -> PageMatch:
        """The page about a topic; `absent` where there is none: that is counted, not an error."""
        ...

    def search(self, query: str, k: int, title: str | None) -> Sequence[Passage]:
        """The k best passages of the page `title`, of all pages where it is None; fewer where there are fewer."""
        ...
