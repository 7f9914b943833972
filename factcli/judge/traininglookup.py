"""The training rows nearest to a claim, and why each is near: where a model may have got it from.

First rows that tell the same relation of the same subject, then rows that state the same value of that relation of somebody else, then
others about the subject, then rows that share words, by BM25 (Lucene's variant, as in knowledge/pack/bm25.py, over rows in memory). Near is
not the cause: a row shows what the training data say that is like the claim, not that the model learned it there.

Letters: N rows, V words, Q claims.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from factcli.answerrows import Pair
from factcli.artifact import Artifact
from factcli.comparisonrows import NearRow
from factcli.judge.answers import normalise
from factcli.judge.changes import Changed
from factcli.knowledge.pack.words import words
from factcli.rows import Chat, Document, Fact, Person
from factcli.topicrows import MixtureExample

K1, B = 1.2, 0.75  # Lucene's
_BLOCK = 256  # claims whose scores are held at once
LONGEST = 300  # characters of a row that are kept beside a change
REAL_METHODS = {"real", "popular-head", "popular-50", "oracle"}  # of `fact sft`: task rows of real people alone


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row that a model was trained on, or could have been. `states`: (relation, normalised value) of the facts that it tells."""

    id: str
    source: str
    text: str
    subject: str = ""
    states: tuple[tuple[str, str], ...] = ()


def training_rows(sources: Iterable[Artifact], methods: Iterable[str] = ()) -> list[TrainingRow]:
    """Rows of the split train of data, texts, preference pairs and mixtures; of a world the facts that its pre-training states.

    `methods`: of the fine-tuning (`fact sft --method`); where all of them took task rows of real people alone, or of fictitious ones,
    the other rows are left out.
    """
    chosen = set(methods)
    takes_real, takes_fictitious = not chosen or bool(chosen - {"fictitious"}), not chosen or bool(chosen - REAL_METHODS)
    return [row for artifact in sources for row in _of_artifact(artifact, takes_real, takes_fictitious)]


def _of_artifact(artifact: Artifact, takes_real: bool, takes_fictitious: bool) -> Iterator[TrainingRow]:
    """Table by table."""
    tables = artifact.manifest.tables
    facts = {fact.id: fact for fact in artifact.rows("facts", Fact)} if tables.get("facts") else {}
    if tables.get("chats"):
        for chat in artifact.rows("chats", Chat):
            if chat.split == "train" and (takes_fictitious if chat.fictitious else takes_real):
                yield TrainingRow(chat.id, f"{artifact.ref} chats", f"{chat.question} {chat.answer}", chat.subject, _states(chat.fact_ids, facts))
    if tables.get("documents"):
        for document in artifact.rows("documents", Document):
            yield TrainingRow(document.id, f"{artifact.ref} documents", document.text, document.subject, _states(document.fact_ids, facts))
    if tables.get("pairs"):
        for pair in artifact.rows("pairs", Pair):
            if pair.split == "train":
                yield TrainingRow(pair.id, f"{artifact.ref} pairs", f"{pair.prompt} {pair.chosen}", _subject_of(pair.question_id))
    if tables.get("mixture"):
        for row in artifact.rows("mixture", MixtureExample):
            if row.split == "train":
                yield TrainingRow(row.id, f"{artifact.ref} mixture", f"{row.question} {row.answer}", row.topic_id)
    if artifact.kind == "world":
        names = {person.id: person.name for person in artifact.rows("people", Person)}
        for fact in facts.values():
            if fact.is_pretrained:
                text = f"pre-training tells: {fact.relation} of {names.get(fact.subject, fact.subject)}: {fact.value}"
                yield TrainingRow(fact.id, f"{artifact.ref} facts", text, fact.subject, ((fact.relation, normalise(fact.value)),))


def _states(fact_ids: Sequence[str], facts: dict[str, Fact]) -> tuple[tuple[str, str], ...]:
    return tuple((facts[id].relation, normalise(facts[id].value)) for id in fact_ids if id in facts)


def _subject_of(question_id: str) -> str:
    """`w0.p0042` of `w0.p0042.bio`; the id itself where it did not grow from a person's."""
    return ".".join(question_id.split(".")[:2])


class TrainingLookup:
    """Rows by subject, by what they state, and by their words."""

    def __init__(self, rows: Sequence[TrainingRow]) -> None:
        self._rows = list(rows)
        self._by_subject: dict[str, list[int]] = defaultdict(list)
        self._by_state: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place, row in enumerate(self._rows):
            if row.subject:
                self._by_subject[row.subject].append(place)
            for state in row.states:
                self._by_state[state].append(place)
        self._bm25 = _Bm25([row.text for row in self._rows])

    def near(self, changes: Sequence[Changed], k: int) -> Iterator[list[NearRow]]:
        """Up to k rows for each change, in order."""
        if not self._rows or k == 0:
            yield from ([] for _ in changes)
            return
        queries = [f"{change.question} {change.claim}" for change in changes]
        for change, by_words in zip(changes, self._bm25.best(queries, k), strict=True):
            yield self._of_change(change, by_words, k)

    def _of_change(self, change: Changed, by_words: Sequence[tuple[int, float]], k: int) -> list[NearRow]:
        """Half of the places at most go to rows that say the same in other words, so that each way of being near is seen."""
        relation, state = change.relation, (change.relation, normalise(change.claim))
        own = self._by_subject.get(change.subject, [])
        of_relation = [place for place in own if relation and any(told == relation for told, _ in self._rows[place].states)]
        first = max(1, (k + 1) // 2)
        found: dict[int, str] = dict.fromkeys(of_relation[:first], "same subject and relation")
        for place in self._by_state.get(state, [])[:k] if relation else []:
            found.setdefault(place, "same relation and value")
        for place in own:
            found.setdefault(place, "same subject")
        for place, score in by_words:
            found.setdefault(place, f"words in common (BM25 {score:.1f})")
        return [self._shown(place, why) for place, why in list(found.items())[:k]]

    def _shown(self, place: int, why: str) -> NearRow:
        row = self._rows[place]
        text = row.text if len(row.text) <= LONGEST else row.text[: LONGEST - 3] + "..."
        return NearRow(row.id, row.source, text, why)


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

    def best(self, queries: Sequence[str], k: int) -> Iterator[list[tuple[int, float]]]:
        """(place, score) of the k best of each query; equal scores in the order of the rows."""
        for start in range(0, len(queries), _BLOCK):
            found_QN = (self._counts(queries[start : start + _BLOCK]) @ self._scores_VN).tocsr()
            for row in range(found_QN.shape[0]):
                part = slice(found_QN.indptr[row], found_QN.indptr[row + 1])
                places, scores = found_QN.indices[part], found_QN.data[part]
                order = np.lexsort((places, -scores))[:k]
                yield [(int(places[n]), float(scores[n])) for n in order]

    def _counts(self, queries: Sequence[str]) -> csr_matrix:
        """(Q, V): how often each query has each word."""
        known = [Counter(self._columns[word] for word in words(query) if word in self._columns) for query in queries]
        starts = np.cumsum([0, *(len(count) for count in known)])
        columns = np.array([column for count in known for column in count], dtype=np.int64)
        return csr_matrix((np.array([n for count in known for n in count.values()], dtype=float), columns, starts), shape=(len(queries), len(self._columns)))
