"""BM25 within one page: a small index of its passages, made when the page is first asked about and kept while there is room.

Statistics are the page's own, as in FActScore (spec 5.3). The name that a query begins with stands in every passage of the page, so it
weighs next to nothing there; over the whole pack it would be the rarest word and decide alone. And a page's ranking does not change
when other pages are added to the pack.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factcli.knowledge import few
from factcli.knowledge.evidence import Passage
from factcli.knowledge.pack.words import words

KEPT_CHARACTERS = 100_000_000  # of passages whose indexes are kept; an index takes about twice that


@dataclass(frozen=True, slots=True)
class PageIndex:
    """The passages of a page, and for each word the score that it adds to each passage that has it."""

    passages: tuple[Passage, ...]
    postings: few.Postings
    n_characters: int

    def best(self, query: Sequence[str], k: int) -> list[Passage]:
        """The k best, equal ones in the order of the page; passages without any of the words come last, with score 0."""
        scores = few.scores(self.postings, query, len(self.passages))
        return [Passage(p.id, p.title, p.text, scores[place]) for place in few.ranked(scores, k) for p in (self.passages[place],)]


def page_index(passages: Sequence[Passage], weights: few.Weights) -> PageIndex:
    """Lucene's variant of BM25 over these passages alone; titles are left out, as all have the same."""
    counts = [Counter(words(passage.text)) for passage in passages]
    return PageIndex(tuple(passages), few.postings(counts, weights), sum(len(passage.text) for passage in passages))


class PageCache:
    """Indexes of the pages asked about last, within KEPT_CHARACTERS. Safe from several threads."""

    def __init__(self, make: Callable[[str], PageIndex | None]) -> None:
        self._make = make
        self._kept: OrderedDict[str, PageIndex] = OrderedDict()
        self._lock = threading.Lock()
        self._n_characters = 0

    def get(self, title: str) -> PageIndex | None:
        """None where there is no such page. Two threads may make the same index; one of the two is kept."""
        with self._lock:
            if title in self._kept:
                self._kept.move_to_end(title)
                return self._kept[title]
        made = self._make(title)
        if made is not None:
            self._keep(title, made)
        return made

    def _keep(self, title: str, made: PageIndex) -> None:
        with self._lock:
            if title not in self._kept:
                self._kept[title] = made
                self._n_characters += made.n_characters
            while self._n_characters > KEPT_CHARACTERS and len(self._kept) > 1:
                self._n_characters -= self._kept.popitem(last=False)[1].n_characters
