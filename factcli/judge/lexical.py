"""A stand-in for an entailment model, by the words alone: for tests, for the tiny world, and for a first look without a download.

It compares sentences with their nearest sentence of the other text and calls a difference of words within one frame a contradiction:
"was born in Lima" against "was born in Hobart". It knows no synonyms, no negation, no numbers in words and no reasoning, so on
texts that people write it is no measure of consistency: give an entailment model (`--entailer nli:DIR`) there.
"""

import re
from collections.abc import Iterator, Sequence

from factcli.judge.answers import is_abstention, normalise
from factcli.judge.entailment import Entailment
from factcli.knowledge.sentences import sentences

ENTAILS, NEUTRAL, CONTRADICTS = Entailment(1.0, 0.0, 0.0), Entailment(0.0, 1.0, 0.0), Entailment(0.0, 0.0, 1.0)
SHORT = 5  # words: an answer that is a value and no sentence
SAME_FRAME = 0.5  # Jaccard overlap of two sentences' words from which on they say the same of different values
REVISION = 1  # raised when a verdict can change: it is part of the key of what is judged
BLANKS = re.compile(r"\s+")


class LexicalEntailer:
    """Judges by rules; every probability is 0 or 1."""

    @property
    def identity(self) -> dict[str, str]:
        return {"entailer": "lexical", "revision": str(REVISION)}

    def judge(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Entailment]:
        """One result per (premise, hypothesis), in the order given."""
        return (lexically(premise, hypothesis) for premise, hypothesis in pairs)

    def fits(self, hypothesis: str) -> bool:  # noqa: ARG002  # of the protocol: nothing is too long for rules
        return True


def lexically(premise: str, hypothesis: str) -> Entailment:
    """Contradicts where any sentence of the hypothesis does, entails where all do. A text that declines to answer is neutral."""
    if is_abstention(premise) or is_abstention(hypothesis):
        return ENTAILS if normalise(premise) == normalise(hypothesis) else NEUTRAL
    said, claimed = ([_words(sentence) for sentence in sentences(text)] for text in (premise, hypothesis))
    shared = set(said) & set(claimed)  # a question that stands before both, for one
    others, rest = ([words for words in text if words not in shared] for text in (said, claimed))
    found = {_of_sentence(words, said, others) for words in rest} or {ENTAILS}
    if CONTRADICTS in found:
        return CONTRADICTS
    return ENTAILS if found == {ENTAILS} else NEUTRAL


def _of_sentence(words: tuple[str, ...], said: Sequence[tuple[str, ...]], others: Sequence[tuple[str, ...]]) -> Entailment:
    """Of one sentence against all of the other text, of which `others` are the sentences that the two do not share: the nearest decides."""
    claimed = set(words)
    if not claimed or any(claimed <= set(other) for other in said):
        return ENTAILS
    nearest = max((_overlap(claimed, set(other)) for other in others), default=0.0)
    are_values = len(words) <= SHORT and len(others) == 1 and len(others[0]) <= SHORT
    return CONTRADICTS if nearest >= SAME_FRAME or are_values else NEUTRAL


def _overlap(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one | other else 0.0


def _words(sentence: str) -> tuple[str, ...]:
    return tuple(BLANKS.split(normalised)) if (normalised := normalise(sentence)) else ()
