"""Whether one text follows from another: what entailment models say, and who says it. No torch here."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Entailment(NamedTuple):
    """Probabilities that sum to 1. `neutral` is 0 for models with two classes."""

    entails: float
    neutral: float
    contradicts: float


class Entailer(Protocol):
    """An entailment model. `identity` (digests and class names) belongs in the key of what it judges."""

    @property
    def identity(self) -> dict[str, str]: ...

    def judge(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Entailment]:
        """One result per (premise, hypothesis), in the order given; batches are made by length inside."""
        ...
