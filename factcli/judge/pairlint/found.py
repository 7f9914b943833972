"""What the checks of the linter work with and give back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from factcli.answerrows import FindingKind, Pair
from factcli.knowledge.duplicates import normalised


class Member(NamedTuple):
    """What is known of an answer beside its text."""

    is_truncated: bool
    is_abstention: bool


class EvalItem(NamedTuple):
    """Something that a model is evaluated on: what is asked, and the answers that are right or wrong there."""

    id: str
    prompt: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the pairs: of their answers, what is evaluated, and other scores (name -> answer id -> value)."""

    members: Mapping[str, Member] = field(default_factory=dict)
    against: Sequence[EvalItem] = ()
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Found(NamedTuple):
    """A finding about one pair."""

    kind: FindingKind
    pair_id: str
    text: str
    value: float | None = None
    other_id: str = ""


@lru_cache(maxsize=4096)  # an answer is in many pairs of its prompt, which come together
def words_of(text: str) -> tuple[str, ...]:
    """What a text is compared by: its words without case and punctuation; one without words by its characters."""
    return tuple(normalised(text)) or tuple(text.split())


def prompt_key(pair: Pair) -> tuple[str, ...]:
    """Prompts that differ in case and punctuation alone are one prompt, whatever their ids."""
    return words_of(pair.prompt)
