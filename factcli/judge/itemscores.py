"""What each item adds to each figure, whatever was measured: read from an evaluation's table `items`, or derived where there is none.

An evaluation of a time before that table, or before some of its figures, has graded answers and judged claims, from which the same rows
follow; scores (`fact score`) have a value for each answer.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import fields

from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.answers import is_contained
from factcli.judge.metrics import is_judged
from factcli.knowledge.benchmarks.registry import BENCHMARKS
from factcli.rows import Answer, Claim
from factcli.scorerows import Score, ScoredAnswer

KINDS = ("eval", "scores")
ITEMS = "items"
CONTAINS = "contains"  # the rule of worlds, and of most benchmarks
OF_ANSWERS = {"qa": "qa.accuracy", "bio": "bio.share_correct"}  # figures that every evaluation of such answers has written
THREE_GRADES = {"right": 1.0, "abstained": 0.0, "wrong": -1.0}


def items_of(evaluation: Artifact) -> list[ItemScore]:
    """Every item of every figure, in the order in which it was asked. Raises InputError where nothing was measured on items."""
    tables = evaluation.manifest.tables
    if tables.get(ITEMS):
        stored = list(evaluation.rows(ITEMS, ItemScore))
        return [*stored, *_not_yet_stored(evaluation, {item.metric for item in stored})]
    if evaluation.kind == "scores" and "scores" in tables:
        return list(_of_scores(evaluation.rows("answers", ScoredAnswer), evaluation.rows("scores", Score)))
    if "answers" not in tables or evaluation.kind != "eval":
        raise InputError(f"{evaluation.ref} has no measured items", f"it is of kind {evaluation.kind}; evaluations (`fact eval`) and scores (`fact score`) do")
    return list(_of_evaluation(evaluation))


def _not_yet_stored(evaluation: Artifact, stored: AbstractSet[str]) -> list[ItemScore]:
    """Figures of its answers that evaluations did not write when it was made: of the tasks alone that it has figures of answers of."""
    tasks = {task for task, metric in OF_ANSWERS.items() if metric in stored}
    if evaluation.kind != "eval" or not tasks or not _holds_graded_answers(evaluation):
        return []
    return [item for item in _of_evaluation(evaluation) if item.metric not in stored and item.metric.partition(".")[0] in tasks]


def _holds_graded_answers(evaluation: Artifact) -> bool:
    """Tables of this name have other columns elsewhere, e.g. those of response types."""
    if not evaluation.manifest.tables.get("answers"):
        return False
    with evaluation.file("answers.jsonl").open("rb") as file:
        return set(json.loads(next(file))) == {field.name for field in fields(Answer)}


def _of_evaluation(evaluation: Artifact) -> Iterator[ItemScore]:
    claims = evaluation.rows("claims", Claim) if "claims" in evaluation.manifest.tables else ()
    benchmark = BENCHMARKS.get(evaluation.summary.get("benchmark") or evaluation.manifest.stage.removeprefix("eval "))
    return items_of_answers(evaluation.rows("answers", Answer), claims, benchmark.rule if benchmark and benchmark.rule else CONTAINS)


def items_of_answers(answers: Iterable[Answer], claims: Iterable[Claim], rule: str = CONTAINS) -> Iterator[ItemScore]:
    """Graded answers as `qa` figures, others by their judged claims as `bio` figures. `rule`: of `is_contained`."""
    judged: dict[str, list[bool]] = defaultdict(list)
    for claim in claims:
        if is_judged(claim):
            judged[claim.answer_id].append(claim.verdict == "supported")
    for answer in answers:
        yield from _of_biography(answer, judged[answer.id]) if answer.grade is None else _of_question(answer, rule)


def _of_question(answer: Answer, rule: str) -> Iterator[ItemScore]:
    """An abstention counts in all but `accuracy_of_given`. Without accepted spellings, as rows once were, nothing is known of containment."""
    assert answer.grade is not None
    yield _item(answer, "qa.accuracy", answer.grade == "right", 1)
    yield _item(answer, "qa.strict_accuracy", bool(answer.is_strict_match), 1)
    yield _item(answer, "qa.three_grades", THREE_GRADES[answer.grade], 1)
    if answer.answers:
        yield _item(answer, "qa.containment", is_contained(answer.text, answer.answers, rule), 1)
    yield _item(answer, "qa.wrong", answer.grade == "wrong", 1)
    yield _item(answer, "qa.abstention", answer.is_abstention, 1)
    yield _item(answer, "qa.accuracy_of_given", answer.grade == "right" and not answer.is_abstention, not answer.is_abstention)


def _of_biography(answer: Answer, are_true: Sequence[bool]) -> Iterator[ItemScore]:
    """A silent answer adds nothing to the share, and no claim to the numbers."""
    yield _item(answer, "bio.share_correct", sum(are_true), len(are_true))
    yield _item(answer, "bio.number_correct", sum(are_true), 1)
    yield _item(answer, "bio.claims_per_answer", len(are_true), 1)


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
