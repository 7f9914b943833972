"""Figures of short-answer benchmarks that question_metrics has not: the published containment, three grades, SimpleQA's own."""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from factcli.evalrows import RANGES
from factcli.judge.answers import is_contained
from factcli.judge.itemscores import THREE_GRADES
from factcli.judge.metrics import Metric, groups_of, question_metrics, row
from factcli.rows import Answer
from factcli.stats import Item, ratio, share
from factcli.stats.bounds import UNIT, Bounds


def short_metrics(answers: Sequence[Answer], rule: str, heldout_form_ids: AbstractSet[str] = frozenset(), n_unanswered: int = 0) -> list[Metric]:
    """All figures of the answers. `n_unanswered`: questions to which no usable answer came; they widen the bounds."""
    rows = question_metrics(answers, heldout_form_ids)
    for group, members in groups_of(answers).items():
        rows += _own_rows([answer for answer in answers if answer.group in members], group, rule)
    return [*rows, *_bounds(answers, n_unanswered)]


def _own_rows(answers: Sequence[Answer], group: str, rule: str) -> list[Metric]:
    """qa.containment: right by the published rule to the letter, of all. qa.three_grades: right 1, abstained 0, wrong -1, the mean.
    qa.wrong: of all. qa.f_score: the harmonic mean of right of all and right of those attempted, which is
    2 right / (asked + attempted) (SimpleQA, arXiv 2411.04368)."""
    return [
        row("qa.containment", group, share(Item(a.subject, is_contained(a.text, a.answers, rule)) for a in answers)),
        row("qa.three_grades", group, ratio((Item(a.subject, THREE_GRADES[a.grade or "wrong"]) for a in answers), bounds=Bounds(*RANGES["three_grades"]))),
        row("qa.wrong", group, share(Item(a.subject, a.grade == "wrong") for a in answers)),
        row("qa.f_score", group, ratio(f_score_items(answers), bounds=UNIT)),
    ]


def f_score_items(answers: Iterable[Answer]) -> list[Item]:
    return [Item(a.subject, 2 * (a.grade == "right"), 1 + (a.grade != "abstained")) for a in answers]


def _bounds(answers: Sequence[Answer], n_unanswered: int) -> list[Metric]:
    """The accuracy if every question without a usable answer or grade were wrong, and if it were right."""
    graded = [answer for answer in answers if answer.grade is not None]
    n_open = n_unanswered + len(answers) - len(graded)
    if not n_open:
        return []
    n_right = sum(answer.grade == "right" for answer in graded)
    n_asked = len(graded) + n_open
    value = n_right / len(graded) if graded else None
    return [Metric("qa.accuracy_bounds", "all", value, n_right / n_asked, (n_right + n_open) / n_asked, n_asked, len({a.subject for a in answers}))]
