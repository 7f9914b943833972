"""Which texts are compared: (premise, hypothesis) for the entailment model, each under the name of what it is for."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from factcli.knowledge.sentences import sentences
from factcli.scorerows import ScoredAnswer
from factcli.stages.score.consistency.settings import ConsistencyConfig, Form
from factcli.stages.score.consistency.sources import Question


class Wanted(NamedTuple):
    """One comparison. `sentence` is -1 where whole texts are compared; `is_back`: the second direction of two."""

    of: str  # ScoredAnswer.id
    against: str
    sentence: int
    premise: str
    hypothesis: str
    is_back: bool = False

    @property
    def id(self) -> str:
        return f"{self.of}.{self.against}.{self.sentence}{'.back' if self.is_back else ''}"


def wanted(question: Question, config: ConsistencyConfig, form: Form) -> Iterator[Wanted]:
    """Every comparison that the scores of a question need. Texts that are empty are in none."""
    samples = with_text(question.samples)
    needs_agreement = "selfcheck" in config.methods or "bsdetector" in config.methods
    if needs_agreement and form == "all":
        for one, other in combinations(samples, 2):
            yield from by_sentence(one, other, config)
    if needs_agreement and question.reference is not None and question.reference.text.strip():
        against = [*with_text(question.with_document), *(samples if form == "reference" else ())]
        for sample in against:
            yield from by_sentence(question.reference, sample, config)
    if "semantic-entropy" in config.methods:
        for one, other in combinations(samples, 2):
            yield from both_ways(question, one, other)


def by_sentence(answer: ScoredAnswer, sample: ScoredAnswer, config: ConsistencyConfig) -> Iterator[Wanted]:
    """Each sentence of the answer, and the whole sample."""
    for number, sentence in enumerate(_sentences(answer.text)):
        premise, hypothesis = (sample.text, sentence) if config.premise == "sample" else (sentence, sample.text)
        yield Wanted(answer.id, sample.id, number, premise, hypothesis)


def both_ways(question: Question, one: ScoredAnswer, other: ScoredAnswer) -> Iterator[Wanted]:
    """Whether one answer to the question says what the other does, and back. Equal texts need no model: see scoring.py."""
    if one.text != other.text:
        first, second = (f"{question.prompt}\n{answer.text}".strip() for answer in (one, other))
        yield Wanted(one.id, other.id, -1, first, second)
        yield Wanted(one.id, other.id, -1, second, first, is_back=True)


def with_text(answers: Sequence[ScoredAnswer]) -> list[ScoredAnswer]:
    return [answer for answer in answers if answer.text.strip()]


@lru_cache(maxsize=4096)  # an answer is compared with each of its samples
def _sentences(text: str) -> tuple[str, ...]:
    return tuple(sentences(text))
