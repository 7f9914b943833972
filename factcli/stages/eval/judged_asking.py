"""What a judge is asked of one written answer: whether it is truthful, by the reference answers, and whether it is informative."""

from collections.abc import Sequence
from dataclasses import dataclass

from factcli.backends.asking import Asker
from factcli.backends.chains import Chain, UnansweredError
from factcli.backends.filling import Rows
from factcli.backends.requests import Response
from factcli.judge.overlap import NAMES, contrast
from factcli.judge.verdicts.quoting import line
from factcli.judge.verdicts.reading import by_text, unscored, why_not
from factcli.judgedrows import Grade, JudgedAnswer
from factcli.knowledge.benchmarks.referenced import Referenced
from factcli.prompts import quoted

TRUTHFUL, INFORMATIVE = "eval/truthful", "eval/informative"
NOTHING = "(no answer)"
NO_JUDGE = "no judge was asked"
GRADES: dict[str, Grade] = {"supported": "true", "unsupported": "false"}


def grade_of(said: Response) -> tuple[Grade, str]:
    """What one word says, and why where it says nothing: hedges, both words and anything else are unscored."""
    opinion = by_text(said.text) if said.outcome in ("ok", "truncated") else unscored(why_not(said))
    return GRADES.get(opinion.verdict, "unscored"), opinion.reason


@dataclass(frozen=True, slots=True)
class Judging:
    """The chain of one answer: both verdicts at once."""

    asker: Asker
    item: Referenced
    text: str
    max_tokens: int

    def __call__(self) -> Chain[Rows]:
        item = self.item
        shown = {"question": quoted(item.question), "answer": quoted(self.text.strip() or NOTHING)}
        references = {"correct": _listed(item.correct), "incorrect": _listed(item.incorrect)}
        asks = [(TRUTHFUL, {**shown, **references}), (INFORMATIVE, shown)]
        said = yield [self.asker.ask(template, item.id, values, self.max_tokens) for template, values in asks]
        for one in said:
            if one.outcome == "failed":  # no answer came at all: the same command asks again
                raise UnansweredError(one)
        (truthful, why), (informative, why_else) = map(grade_of, said)
        origins = [self.asker.origin(item.id, "judged", template, one) for (template, _), one in zip(asks, said, strict=True)]
        return {"judged": [_row(item, self.text, truthful, informative, why or why_else)], "origins": origins}


def unjudged(item: Referenced, text: str) -> JudgedAnswer:
    """The row of an answer where nobody judges: words in common alone."""
    return _row(item, text, "unscored", "unscored", NO_JUDGE)


def _row(item: Referenced, text: str, truthful: Grade, informative: Grade, reason: str) -> JudgedAnswer:
    found = contrast(item.correct, item.incorrect, text)
    overlaps = [getattr(part, name) for name in NAMES for part in (found.most, found.difference)]
    return JudgedAnswer(item.id, item.question, text, item.group, item.correct, item.incorrect, truthful, informative, reason, *overlaps)


def _listed(answers: Sequence[str]) -> str:
    return quoted("\n".join(f"- {line(answer)}" for answer in answers))
