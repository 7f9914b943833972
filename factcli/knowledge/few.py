"""BM25 over a few texts in memory: the passages of one page, the demonstrations of a prompt. Lucene's variant, as in knowledge/pack/bm25.py."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Postings = Mapping[str, tuple[tuple[int, float], ...]]  # word -> (place of a text that has it, what the word adds to its score)


@dataclass(frozen=True, slots=True)
class Weights:
    """k1 (how soon repeats stop to count) and b (how much long passages are held down)."""

    k1: float
    b: float


def postings(counts: Sequence[Counter[str]], weights: Weights) -> Postings:
    """Of texts as counts of their words, by the statistics of these texts alone."""
    lengths = [count.total() for count in counts]
    mean = max(sum(lengths) / max(1, len(lengths)), 1e-9)
    having: dict[str, list[tuple[int, int]]] = {}
    for place, count in enumerate(counts):
        for word, times in count.items():
            having.setdefault(word, []).append((place, times))
    held_down = [weights.k1 * (1 - weights.b + weights.b * length / mean) for length in lengths]
    found = {}
    for word, places in having.items():
        idf = math.log1p((len(counts) - len(places) + 0.5) / (len(places) + 0.5))
        found[word] = tuple((place, idf * times / (times + held_down[place])) for place, times in places)
    return found


def scores(found: Postings, query: Iterable[str], n_texts: int) -> list[float]:
    """The score of each text, summed in the order of the query: another order may differ in the last digit, and so rank otherwise."""
    sums = [0.0] * n_texts
    for word in query:
        for place, score in found.get(word, ()):
            sums[place] += score
    return sums


def ranked(scores: Sequence[float], k: int) -> list[int]:
    """Places of the k highest, equal ones in order."""
    return sorted(range(len(scores)), key=lambda place: -scores[place])[: max(0, k)]
