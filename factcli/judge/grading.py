"""A model as grader of short answers, where no spelling can be foreseen: SimpleQA's three grades by a prompt of our own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from factcli.backends.asking import Asker
from factcli.backends.chains import Chain, answered, unusable
from factcli.backends.filling import Rows
from factcli.judge.answers import is_abstention
from factcli.judge.verdicts.quoting import cut, line
from factcli.prompts import quoted
from factcli.rows import Answer

GRADE = "eval/grade"
GRADE_TOKENS = 8  # the longest word has four in most vocabularies
SHOWN_TOKENS = 400  # of an answer; SimpleQA's are a sentence
GRADES: Mapping[str, str] = {"correct": "right", "incorrect": "wrong", "not_attempted": "abstained", "not attempted": "abstained"}
WORD = re.compile(r"not[_ ]attempted|[a-z]+")


def grade_in(text: str) -> str | None:
    """The grade that a reply begins with; None for any other reply, and for one that goes on to name another grade."""
    words = WORD.findall(text.lower().replace("*", "").replace("`", ""))
    named = {GRADES[word] for word in words if word in GRADES}
    return GRADES[words[0]] if words and words[0] in GRADES and len(named) == 1 else None


@dataclass(frozen=True, slots=True)
class Grading:
    """One answer to be graded. What says nothing, or declines in so many words, needs no model."""

    asker: Asker
    answer: Answer

    def __call__(self) -> Chain[Rows]:
        answer = self.answer
        if is_abstention(answer.text):
            yield []
            return {"answers": [graded_as(answer, "abstained")]}
        values = {
            "question": quoted(line(answer.question)),
            "accepted": quoted("\n".join(line(spelling) for spelling in answer.answers)),
            "answer": quoted(cut(answer.text, SHOWN_TOKENS)),
        }
        said = (yield [self.asker.ask(GRADE, answer.id, values, GRADE_TOKENS)])[0]
        if said.outcome != "truncated":
            answered(said)
        grade = grade_in(said.text)
        if grade is None:
            raise unusable(said, "no grade")
        return {"answers": [graded_as(answer, grade)], "origins": [self.asker.origin(answer.id, "answers", GRADE, said)]}


def graded_as(answer: Answer, grade: str) -> Answer:
    return replace(answer, grade=grade, is_abstention=grade == "abstained")  # type: ignore[arg-type]  # one of GRADES' values
