"""BM25 within one page: a small index of its passages, made when the page is first asked about and kept while there is room.

Statistics are the page's own, as in FActScore (spec 5.3). The name that a query begins with stands in every passage of the page, so it
weighs next to nothing there; over the whole pack it would be the rarest word and decide alone. And a page's ranking does not change
when other pages are added to the pack.
"""

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from factcli.knowledge.evidence import Passage
from factcli.knowledge.pack.bm25 import Weights
from factcli.knowledge.pack.words import words

KEPT_CHARACTERS = 100_000_000  # of passages whose indexes are kept; an index takes about twice that


@dataclass(frozen=True, slots=True)
class PageIndex:
    """The passages of a page, and for each word the score that it adds to each passage that has it."""

    passages: tuple[Passage, ...]
    postings: dict[str, tuple[tuple[int, float], ...]]
    n_characters: int

    def best(self, query: Sequence[str], k: int) -> list[Passage]:
        """The k best, equal ones in the order of the page; passages without any of the words come last, with score 0."""
        scores = [0.0] * len(self.passages)
        for word in query:
            for place, score in self.postings.get(word, ()):
                scores[place] += score
        order = sorted(range(len(scores)), key=lambda place: -scores[place])[: max(0, k)]
        return [Passage(p.id, p.title, p.text, scores[place]) for place in order for p in (self.passages[place],)]


def page_index(passages: Sequence[Passage], weights: Weights) -> PageIndex:
    """Lucene's variant of BM25 over these passages alone; titles are left out, as all have the same."""
    counts = [Counter(words(passage.text)) for passage in passages]
    lengths = [count.total() for count in counts]
    mean = max(sum(lengths) / max(1, len(lengths)), 1e-9)
    having: dict[str, list[tuple[int, int]]] = {}
    for place, count in enumerate(counts):
        for word, times in count.items():
            having.setdefault(word, []).append((place, times))
    held_down = [weights.k1 * (1 - weights.b + weights.b * length / mean) for length in lengths]
    postings = {}
    for word, places in having.items():
        idf = math.log1p((len(passages) - len(places) + 0.5) / (len(places) + 0.5))
        postings[word] = tuple((place, idf * times / (times + held_down[place])) for place, times in places)
    return PageIndex(tuple(passages), postings, sum(len(passage.text) for passage in passages))


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
