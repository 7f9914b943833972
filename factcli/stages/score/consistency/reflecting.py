"""BSDetector's second part: the model is asked whether its answer is (A) correct, (B) incorrect, or it is (C) unsure.

Self-Learning's parser takes any reply that holds an "a" for A, and what it cannot read for unsure (spec §7.49). Here a reply is one
of the three letters, alone or with its own words; anything else has no value, and is counted.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from factcli.backends.asking import Asker, load_templates, rejected
from factcli.backends.chains import Chain, answered
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.consistencyrows import Choice, Reflection
from factcli.prompts import quoted
from factcli.scorerows import ScoredAnswer
from factcli.stages.score.consistency.pairs import with_text
from factcli.stages.score.consistency.settings import ConsistencyConfig
from factcli.stages.score.consistency.sources import Question

REFLECT = "consistency/reflect"
VALUES: dict[Choice, float] = {"A": 1.0, "B": 0.0, "C": 0.5}
WORDS: dict[str, Choice] = {"correct": "A", "right": "A", "incorrect": "B", "wrong": "B", "not": "B", "unsure": "C", "uncertain": "C"}
# A letter alone, or with a mark after it and whatever follows; in brackets or bold, too.
REPLY = re.compile(
    r"[\s\"'(\[*`]*([ABC])(?:[\s\"')\].:*`-]*|[\"')\].:*`-]+\s*(?P<rest>\w.*)|\s+(?P<word>correct|incorrect|unsure)\W*)", re.DOTALL | re.IGNORECASE
)
LETTER = re.compile(r"(?<![\w'])[ABC](?![\w'])")


def choice_of(text: str) -> Choice:
    """The option that was chosen; "" for a reply that is none, names two, or whose words say another than its letter."""
    found = REPLY.fullmatch(text)
    if found is None or len(set(LETTER.findall(text))) != 1:
        return ""
    letter = found[1]
    said = (found["rest"] or found["word"] or "").split()
    first = re.sub(r"\W", "", said[0]).lower() if said else ""
    if letter not in ("A", "B", "C") or WORDS.get(first, letter) != letter:
        return ""
    return letter  # type: ignore[return-value]  # one of the three, as just seen


def asker_of(config: ConsistencyConfig, who: Answering) -> Asker:
    return Asker(load_templates([REFLECT]), who.endpoint.model, config.seed, config.generation.chat, who.adapters)


def reflected_on(question: Question) -> list[ScoredAnswer]:
    """The answers that the model is asked about: the reference and the samples without the document."""
    reference = [question.reference] if question.reference is not None else []
    return with_text([*reference, *question.samples])


def units(questions: Sequence[Question], config: ConsistencyConfig, asker: Asker) -> Iterator[Unit]:
    """One for each answer: a failed one costs no other."""
    order = 0
    for question in questions:
        for answer in reflected_on(question):
            yield Unit(f"{answer.id}.reflection", order, _Ask(asker, question, answer, config.reflection_tokens))
            order += 1


@dataclass(frozen=True, slots=True)
class _Ask:
    asker: Asker
    question: Question
    answer: ScoredAnswer
    max_tokens: int

    def __call__(self) -> Chain[Rows]:
        id = f"{self.answer.id}.reflection"
        values = {"question": quoted(self.question.prompt), "answer": quoted(self.answer.text)}
        said = (yield [self.asker.ask(REFLECT, id, values, self.max_tokens)])[0]
        if said.outcome != "truncated":  # a letter may come first and its reasons be cut
            answered(said)
        choice = choice_of(said.text)
        row = Reflection(id, self.answer.id, self.question.id, choice, VALUES.get(choice), said.text, said.key)
        rows: dict[str, Sequence[object]] = {"reflections": [row], "origins": [self.asker.origin(id, "reflections", REFLECT, said)]}
        return rows if choice else rows | {"rejected": [rejected(id, REFLECT, "none of A, B, C", said.text, said)]}
