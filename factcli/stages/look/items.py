"""`fact eval items`: what was measured, item by item, as one table for other tools.

A row is an item of one evaluation: what was asked, accepted, said, how it was graded, and a column for each figure with what the item adds
to it (numerator over denominator; nothing where it was not counted). Evaluations of the same items stand below each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from factcli.artifact import Artifact
from factcli.evalrows import ItemScore
from factcli.judge.chosen import ChosenItem, chosen_items
from factcli.judge.itemscores import items_of
from factcli.rows import Answer

TEXTS = ("evaluation", "model", "benchmark", "id", "subject", "group", "question")
NUMBERS = ("confidence",)
TRUTHS = ("is_strict_match", "is_abstention")
COLUMNS = (*TEXTS, "gold", "answer", "grade", "is_strict_match", "confidence", "is_abstention")


@dataclass(frozen=True, slots=True)
class ItemTable:
    """`figures`: the columns after COLUMNS, one per figure. `gold` is a list of texts, the other columns hold one value or None."""

    figures: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (*COLUMNS, *self.figures)


def item_table(evaluations: Sequence[Artifact]) -> ItemTable:
    """All items of all evaluations, in the order in which they were asked. Raises InputError for one without measured items."""
    found = [(evaluation, items_of(evaluation)) for evaluation in evaluations]
    figures = tuple(dict.fromkeys(item.metric for _, items in found for item in items))
    rows = [row for evaluation, items in found for row in _rows(evaluation, items, figures)]
    return ItemTable(figures, tuple(rows))


def _rows(evaluation: Artifact, items: Sequence[ItemScore], figures: Sequence[str]) -> Iterator[dict[str, Any]]:
    answers: dict[str, Answer | ChosenItem] = {**_answers(evaluation), **chosen_items(evaluation)}
    by_id: dict[str, list[ItemScore]] = {}
    for item in items:
        by_id.setdefault(item.id, []).append(item)
    for id_, own in by_id.items():
        values = {item.metric: item.numerator / item.denominator if item.denominator else None for item in own}
        yield {**_described(evaluation, own[0]), **_said(answers.get(id_)), **{name: values.get(name) for name in figures}}


def _answers(evaluation: Artifact) -> dict[str, Answer]:
    """By question; scores have answers of another kind, a harness none."""
    has_answers = evaluation.kind == "eval" and bool(evaluation.manifest.tables.get("answers"))
    return {answer.question_id: answer for answer in evaluation.rows("answers", Answer)} if has_answers else {}


def _described(evaluation: Artifact, item: ItemScore) -> dict[str, Any]:
    summary = evaluation.summary
    named = {"evaluation": evaluation.ref, "model": summary.get("model"), "benchmark": summary.get("benchmark") or evaluation.manifest.stage}
    own = {"id": item.id, "subject": item.subject, "group": item.group}
    return {**named, **own, "confidence": item.confidence, "is_abstention": item.is_abstention}


def _said(answer: Answer | ChosenItem | None) -> dict[str, Any]:
    ungraded = {"grade": None, "is_strict_match": None}
    if answer is None:
        return {"question": None, "gold": [], "answer": None, **ungraded}
    if isinstance(answer, ChosenItem):
        return {"question": answer.question or None, "gold": list(answer.gold), "answer": answer.chosen, **ungraded}
    grade = {"grade": answer.grade, "is_strict_match": answer.is_strict_match}
    return {"question": answer.question, "gold": list(answer.answers), "answer": answer.text, **grade}
