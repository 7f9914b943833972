"""The training rows nearest to a claim, and why each is near: where a model may have got it from.

Each source of rows (task rows, documents of knowledge adapters, preference pairs, a world's pre-training) is searched by itself, so that
a large one hides no other. Within one come first rows that tell the same relation of the same subject, then rows that state the same value
of that relation of somebody else, then others about the subject, then rows that share words; equally near ones by BM25 (Lucene's variant,
as in knowledge/pack/bm25.py, over rows in memory). Near is not the cause: a row shows what the training data say that is like the claim,
not that the model learned it there.

Letters: N rows, V words, Q claims.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from factcli.comparisonrows import NearRow
from factcli.judge.answers import normalise
from factcli.judge.changes import Changed
from factcli.judge.trainingrows import TrainingRow
from factcli.knowledge.pack.words import words

K1, B = 1.2, 0.75  # Lucene's
_BLOCK = 256  # claims whose scores are held at once
LONGEST = 300  # characters of a row that are kept beside a change
NOWHERE: np.ndarray = np.array([], dtype=np.int64)


class _Found(NamedTuple):
    """A row near a claim. `rank`: 0 same subject and relation, 1 same value, 2 same subject, 3 words in common."""

    rank: int
    place: int
    why: str


class _Source:
    """The rows of one source, first to last of all rows: by subject, and by what they state."""

    def __init__(self, rows: Sequence[TrainingRow], first: int) -> None:
        self.is_base = rows[0].is_base
        self.places = slice(first, first + len(rows))
        subjects = ((row.subject, place) for place, row in enumerate(rows, first) if row.subject)
        self._by_subject = _places(subjects)
        told = [(row, relation, value, place) for place, row in enumerate(rows, first) for relation, value in row.states]
        self._by_relation = _places(((row.subject, relation), place) for row, relation, _, place in told if row.subject)
        self._by_state = _places(((relation, value), place) for _, relation, value, place in told)

    def near(self, change: Changed, scores_N: np.ndarray, k: int) -> list[_Found]:
        """Up to k rows, the nearest first. Half of the places at most go to rows that say the same in other words: each way of being near is seen."""
        relation, subject = change.relation, change.subject
        of_relation = self._by_relation.get((subject, relation), NOWHERE) if relation else NOWHERE
        of_state = self._by_state.get((relation, normalise(change.claim)), NOWHERE) if relation else NOWHERE
        ways = (
            (_best(of_relation, scores_N, (k + 1) // 2), "same subject and relation"),
            (_best(of_state, scores_N, k), "same relation and value"),
            (_best(self._by_subject.get(subject, NOWHERE), scores_N, k), "same subject"),
        )
        found: dict[int, _Found] = {}
        for rank, (places, why) in enumerate(ways):
            for place in places:
                found.setdefault(place, _Found(rank, place, why))
        own_N = scores_N[self.places]
        for place in _best(np.flatnonzero(own_N) + self.places.start, scores_N, k):
            found.setdefault(place, _Found(len(ways), place, f"words in common (BM25 {scores_N[place]:.1f})"))
        return list(found.values())[:k]


def _places(keyed: Iterable[tuple[Hashable, int]]) -> dict[Hashable, np.ndarray]:
    found: dict[Hashable, list[int]] = defaultdict(list)
    for key, place in keyed:
        found[key].append(place)
    return {key: np.unique(places) for key, places in found.items()}


def _best(places: np.ndarray, scores_N: np.ndarray, k: int) -> list[int]:
    """The k of highest score; equal ones in the order of the rows."""
    if len(places) > k:
        least = np.partition(scores_N[places], len(places) - k)[len(places) - k]
        places = places[scores_N[places] >= least]
    return [int(place) for place in places[np.argsort(-scores_N[places], kind="stable")][:k]]


class TrainingLookup:
    """Rows by source, subject, what they state, and their words."""

    def __init__(self, rows: Sequence[TrainingRow]) -> None:
        by_source: dict[str, list[TrainingRow]] = defaultdict(list)
        for row in rows:
            by_source[row.source].append(row)
        self._rows = [row for own in by_source.values() for row in own]
        starts = np.cumsum([0, *(len(own) for own in by_source.values())])
        self._sources = [_Source(own, int(start)) for own, start in zip(by_source.values(), starts, strict=False)]
        self._bm25 = _Bm25([row.text for row in self._rows])

    def near(self, changes: Sequence[Changed], k: int) -> Iterator[list[NearRow]]:
        """Up to k rows for each change, in order: those of fine-tuning first, then those of pre-training."""
        if not self._rows or k == 0:
            yield from ([] for _ in changes)
            return
        queries = [f"{change.question} {change.before if change.change == 'lost' else change.after}" for change in changes]
        for change, scores_N in zip(changes, self._bm25.scores(queries), strict=True):
            yield [self._shown(found) for found in self._of_change(change, scores_N, k)]

    def _of_change(self, change: Changed, scores_N: np.ndarray, k: int) -> list[_Found]:
        """The sources take turns, the one whose best row is nearest first and pre-training last."""
        of_each = [(source.is_base, found) for source in self._sources if (found := source.near(change, scores_N, k))]
        ordered = sorted(of_each, key=lambda one: (one[0], one[1][0].rank))
        turns = [(is_base, found[turn]) for turn in range(k) for is_base, found in ordered if turn < len(found)]
        return [found for _, found in sorted(turns[:k], key=lambda one: (one[0], one[1].rank))]

    def _shown(self, found: _Found) -> NearRow:
        row = self._rows[found.place]
        text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 3] + "..."
        return NearRow(row.id, row.source, text, found.why)


class _Bm25:
    """Scores of rows by the words that they share with a query."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(words(text)) for text in texts]
        self._columns = {word: column for column, word in enumerate(sorted({word for count in counts for word in count}))}
        starts = np.cumsum([0, *(len(count) for count in counts)])
        columns = np.array([self._columns[word] for count in counts for word in count], dtype=np.int64)
        times = np.array([n for count in counts for n in count.values()], dtype=float)
        lengths = np.array([count.total() for count in counts], dtype=float)
        held_down = K1 * (1 - B + B * lengths / max(float(lengths.mean()) if len(lengths) else 1.0, 1e-9))
        frequency = np.bincount(columns, minlength=len(self._columns))
        idf = np.log1p((len(texts) - frequency + 0.5) / (frequency + 0.5))
        scores = idf[columns] * times / (times + np.repeat(held_down, np.diff(starts)))
        shape = (len(texts), len(self._columns))
        self._scores_VN = csr_matrix((scores, columns, starts), shape=shape).T.tocsr()

    def scores(self, queries: Sequence[str]) -> Iterator[np.ndarray]:
        """(N,) of each query: 0 for a row that shares no word with it."""
        for start in range(0, len(queries), _BLOCK):
            found_QN = (self._counts(queries[start : start + _BLOCK]) @ self._scores_VN).tocsr()
            for row in range(found_QN.shape[0]):
                part = slice(found_QN.indptr[row], found_QN.indptr[row + 1])
                scores_N = np.zeros(found_QN.shape[1])
                scores_N[found_QN.indices[part]] = found_QN.data[part]
                yield scores_N

    def _counts(self, queries: Sequence[str]) -> csr_matrix:
        """(Q, V): how often each query has each word."""
        known = [Counter(self._columns[word] for word in words(query) if word in self._columns) for query in queries]
        starts = np.cumsum([0, *(len(count) for count in known)])
        columns = np.array([column for count in known for column in count], dtype=np.int64)
        return csr_matrix((np.array([n for count in known for n in count.values()], dtype=float), columns, starts), shape=(len(queries), len(self._columns)))
