"""Whether a model repeats what hearsay says: of the facts with a myth, the share answered right, with the myth, and with something else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from factcli.evalrows import ItemScore
from factcli.judge.answers import grade_answer, normalise
from factcli.judge.metrics import Metric, is_judged, row
from factcli.rows import Answer, Claim, Myth, Question
from factcli.stats import Item, share

Kind = Literal["right", "myth", "other", "abstained"]
GROUP = "myth"
REPEATED, OTHER, TOLD = "qa.myth_repeated", "qa.myth_other_wrong", "bio.myth_repeated"
Myths = Mapping[tuple[str, str], Myth]  # by subject and relation


def by_fact(myths: Iterable[Myth]) -> Myths:
    return {(myth.subject, myth.relation): myth for myth in myths}


def kind_of(answer: Answer, myth: Myth) -> Kind:
    """How a graded answer stands to the myth. One that names both truth and myth is right, by the rule of containment."""
    if answer.grade != "wrong":
        return "right" if answer.grade == "right" else "abstained"
    return "myth" if grade_answer(answer.text, (myth.value,)).grade == "right" else "other"


def kinds_of(answers: Iterable[Answer], questions: Iterable[Question], myths: Myths) -> dict[str, Kind]:
    """By the id of a question about a fact with a myth."""
    asked = {question.id: myths.get((question.subject, question.relation)) for question in questions}
    return {answer.question_id: kind_of(answer, myth) for answer in answers if (myth := asked.get(answer.question_id)) is not None}


def myth_metrics(answers: Sequence[Answer], claims: Iterable[Claim], kinds: Mapping[str, Kind], myths: Myths) -> list[Metric]:
    """Of the questions about facts with a myth, the shares answered with it and with something else that is false (right: qa.accuracy of
    the group); of the judged claims about such facts in biographies, the shares that repeat it and that are true."""
    asked = [answer for answer in answers if answer.question_id in kinds]
    if not asked:
        return []
    told = [(claim, _repeats(claim, myths)) for claim in claims if is_judged(claim) and (claim.subject, claim.relation) in myths]
    return [
        row(REPEATED, GROUP, share(Item(a.subject, kinds[a.question_id] == "myth") for a in asked)),
        row(OTHER, GROUP, share(Item(a.subject, kinds[a.question_id] == "other") for a in asked)),
        row(TOLD, GROUP, share(Item(claim.subject, repeats) for claim, repeats in told)),
        row("bio.myth_truth", GROUP, share(Item(claim.subject, claim.verdict == "supported") for claim, _ in told)),
    ]


def myth_items(answers: Iterable[Answer], kinds: Mapping[str, Kind]) -> list[ItemScore]:
    """Per question about a fact with a myth, whether the answer repeats it."""
    asked = (answer for answer in answers if answer.question_id in kinds)
    return [ItemScore(a.question_id, REPEATED, a.subject, a.group, float(kinds[a.question_id] == "myth"), 1.0, a.confidence, a.is_abstention) for a in asked]


def _repeats(claim: Claim, myths: Myths) -> bool:
    return claim.verdict == "unsupported" and normalise(claim.value) == normalise(myths[claim.subject, claim.relation].value)
