"""Which answers to one question mean the same, by more than their words: by an entailment model, by embeddings, or by a language model.

Each stands on the rules (clusters.py): what they join stays joined, and only the first of each group is compared. Answers with other
numbers are never compared: models of both kinds take 1947 for 1948.

Sameness of this kind need not be transitive, so the order of the answers can have an effect; it is that of the samples, as in FactTune.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from factcli.artifact.manifest import sha256_of
from factcli.judge.clusters import Cluster, Same, clusters_of, has_other_numbers, is_same, merged, words_of
from factcli.judge.consistency import same_meaning
from factcli.judge.entailment import Entailer
from factcli.knowledge.embedders import load, model_digest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

# Cosine of two short answers, by all-MiniLM-L6-v2: of the pairs in tests/judge/test_equivalence.py it joins 14 of 20 that mean the
# same and 3 of 24 that do not (york and new york, his father and his mother, guilty and not guilty).
COSINE = 0.8


class Answered(NamedTuple):
    """What is compared: a question (or what stands before an entity), the answers drawn to it, and what the text itself says; "" if unknown."""

    question: str
    answers: tuple[str, ...]
    own: str


class Comparing(Protocol):
    """Says for each unit which of its answers mean the same. `identity` belongs in the key of what it decides."""

    @property
    def identity(self) -> Mapping[str, str]: ...

    def sames(self, units: Sequence[Answered]) -> list[Same]:
        """One function per unit, that knows all pairs of its distinct answers."""
        ...


class ByRules:
    """The rules and nothing else."""

    identity: Mapping[str, str] = MappingProxyType({"equivalence": "rules"})

    def sames(self, units: Sequence[Answered]) -> list[Same]:
        return [is_same] * len(units)


class ByEntailment:
    """Two answers mean the same where each follows from the other, the question before both (Kuhn et al., arXiv 2302.09664)."""

    def __init__(self, identity: Mapping[str, str], load: Callable[[], Entailer]) -> None:
        """`load` is called when the first pair is judged."""
        self.identity: Mapping[str, str] = {"equivalence": "entailment", **identity}
        self._load = load

    def sames(self, units: Sequence[Answered]) -> list[Same]:
        pairs = [pairs_of(unit) for unit in units]
        asked = [texts for unit, own in zip(units, pairs, strict=True) for one, other in own for texts in _both_ways(unit.question, one, other)]
        said = list(self._entailer.judge(asked)) if asked else []
        decided = iter(zip(said[::2], said[1::2], strict=True))
        return [_decided({pair: same_meaning(*next(decided), "entails") for pair in own}) for own in pairs]

    @cached_property
    def _entailer(self) -> Entailer:
        return self._load()


class ByEmbeddings:
    """Two answers mean the same where the cosine of their embeddings is `cosine` or more. The question is left out: it would make all alike."""

    def __init__(self, directory: Path, cosine: float = COSINE) -> None:
        """`directory`: of a sentence-transformers model, loaded when the first pair is compared. Raises InputError where there is none,
        or where a part of it is pickled.
        """
        self._directory = directory
        self._cosine = cosine
        self.identity: Mapping[str, str] = {"equivalence": "embeddings", "embedder": sha256_of(model_digest(directory)), "cosine": f"{cosine:g}"}

    def sames(self, units: Sequence[Answered]) -> list[Same]:
        pairs = [pairs_of(unit) for unit in units]
        texts = list(dict.fromkeys(text for own in pairs for pair in own for text in pair))
        if not texts:
            return [is_same] * len(units)
        vectors_ND = self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        cosine_NN = vectors_ND @ vectors_ND.T
        place = {text: number for number, text in enumerate(texts)}
        return [_decided({(one, other): bool(cosine_NN[place[one], place[other]] >= self._cosine) for one, other in own}) for own in pairs]

    @cached_property
    def _model(self) -> "SentenceTransformer":
        return load(self._directory, "comparing by embeddings", ", or --equivalence rules")


def pairs_of(unit: Answered) -> list[tuple[str, str]]:
    """What must be compared: the first of each group with one another, and with what the text says, but for other numbers and silence."""
    firsts = [cluster.first for cluster in clusters_of(unit.answers) if words_of(cluster.first)]
    known = [*combinations(firsts, 2), *((unit.own, first) for first in firsts if words_of(unit.own))]
    return [(one, other) for one, other in dict.fromkeys(known) if not has_other_numbers(one, other) and not is_same(one, other)]


def grouped(unit: Answered, same: Same) -> list[Cluster]:
    """By the rules, then by `same`."""
    return merged(clusters_of(unit.answers), same)


def _both_ways(question: str, one: str, other: str) -> list[tuple[str, str]]:
    first, second = (f"{question} {text.strip()}".strip() for text in (one, other))
    return [(first, second), (second, first)]


def _decided(known: Mapping[tuple[str, str], bool]) -> Same:
    """Either way round; what was not compared is the same by the rules or not at all."""
    return lambda one, other: known.get((one, other), known.get((other, one), False)) or is_same(one, other)
