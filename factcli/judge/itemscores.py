"""What each item adds to each figure, whatever was measured: read from an evaluation's table `items`, or derived where there is none.

An evaluation of a time before that table has graded answers and judged claims, from which the same rows follow; scores (`fact score`)
have a value for each answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import is_judged
from factcli.rows import Answer, Claim
from factcli.scorerows import Score, ScoredAnswer

KINDS = ("eval", "scores")
ITEMS = "items"
THREE_GRADES = {"right": 1.0, "abstained": 0.0, "wrong": -1.0}


def items_of(evaluation: Artifact) -> list[ItemScore]:
    """Every item of every figure, in the order in which it was asked. Raises InputError where nothing was measured on items."""
    tables = evaluation.manifest.tables
    if tables.get(ITEMS):
        return list(evaluation.rows(ITEMS, ItemScore))
    if evaluation.kind == "scores" and "scores" in tables:
        return list(_of_scores(evaluation.rows("answers", ScoredAnswer), evaluation.rows("scores", Score)))
    if "answers" not in tables or evaluation.kind != "eval":
        raise InputError(f"{evaluation.ref} has no measured items", f"it is of kind {evaluation.kind}; evaluations (`fact eval`) and scores (`fact score`) do")
    claims = evaluation.rows("claims", Claim) if "claims" in tables else ()
    return list(items_of_answers(evaluation.rows("answers", Answer), claims))


def items_of_answers(answers: Iterable[Answer], claims: Iterable[Claim]) -> Iterator[ItemScore]:
    """Graded answers as `qa` figures, others by their judged claims as `bio` figures."""
    judged: dict[str, list[bool]] = defaultdict(list)
    for claim in claims:
        if is_judged(claim):
            judged[claim.answer_id].append(claim.verdict == "supported")
    for answer in answers:
        yield from _of_biography(answer, judged[answer.id]) if answer.grade is None else _of_question(answer)


def _of_question(answer: Answer) -> Iterator[ItemScore]:
    assert answer.grade is not None
    yield _item(answer, "qa.accuracy", answer.grade == "right", 1)
    yield _item(answer, "qa.strict_accuracy", bool(answer.is_strict_match), 1)
    yield _item(answer, "qa.three_grades", THREE_GRADES[answer.grade], 1)


def _of_biography(answer: Answer, are_true: Sequence[bool]) -> Iterator[ItemScore]:
    """A silent answer adds nothing to the share, and nothing true to the number."""
    yield _item(answer, "bio.share_correct", sum(are_true), len(are_true))
    yield _item(answer, "bio.number_correct", sum(are_true), 1)


def _item(answer: Answer, metric: str, numerator: float, denominator: float) -> ItemScore:
    return ItemScore(answer.question_id, metric, answer.subject, answer.group, float(numerator), float(denominator), answer.confidence, answer.is_abstention)


def _of_scores(answers: Iterable[ScoredAnswer], scores: Iterable[Score]) -> Iterator[ItemScore]:
    """One item per prompt and score: the sum over its answers that have a value; references count where a prompt has nothing else."""
    by_prompt: dict[str, list[ScoredAnswer]] = defaultdict(list)
    for answer in answers:
        by_prompt[answer.prompt_id].append(answer)
    values: dict[tuple[str, str], float | None] = {(score.of, score.name): score.value for score in scores}
    names = dict.fromkeys(name for _, name in values)
    for prompt_id, own in by_prompt.items():
        drawn = [answer for answer in own if not answer.is_reference] or own
        for name in names:
            of_prompt = [value] if (value := values.get((prompt_id, name))) is not None else []
            known = [value for answer in drawn if (value := values.get((answer.id, name))) is not None]
            yield _scored_item(drawn, name, known or of_prompt)


def _scored_item(answers: Sequence[ScoredAnswer], name: str, values: Sequence[float]) -> ItemScore:
    first = answers[0]
    cluster = first.topic or first.subject or first.prompt_id  # as `fact score factscore` redraws
    metric = f"{first.task or 'text'}.{name}"
    is_abstention = all(answer.abstention for answer in answers)
    return ItemScore(first.prompt_id, metric, cluster, first.group, float(sum(values)), float(len(values)), None, is_abstention)
