"""Rows of what was gained, lost and newly invented, each with the training rows nearest to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from factcli.comparisonrows import ChangedClaim, NearRow
from factcli.judge.changes import Changed, changes_of
from factcli.judge.traininglookup import TrainingLookup
from factcli.judge.trainingrows import Trained, training_rows
from factcli.stages.compare.measured import Measured


def changed_rows(model: Measured, baseline: Measured, own: Trained, k: int) -> list[ChangedClaim]:
    """`own`: the training that the model does not share with the baseline."""
    changes = changes_of(model.results, baseline.results)
    lookup = TrainingLookup(training_rows(own.runs) if changes and k else [])
    return [_row(change, model.ref, baseline.ref, near) for change, near in zip(changes, lookup.near(changes, k), strict=True)]


def _row(change: Changed, model: str, baseline: str, near: Sequence[NearRow]) -> ChangedClaim:
    return ChangedClaim(
        id=change.id,
        change=change.change,
        model=model,
        baseline=baseline,
        question_id=change.question_id,
        question=change.question,
        subject=change.subject,
        group=change.group,
        relation=change.relation,
        claim=change.claim,
        before=change.before,
        after=change.after,
        confidence=change.confidence,
        near_ids=tuple(row.id for row in near),
        near_sources=tuple(row.source for row in near),
        near_texts=tuple(row.text for row in near),
        near_whys=tuple(row.why for row in near),
    )


def counted(rows: Iterable[ChangedClaim]) -> Mapping[str, Mapping[str, int]]:
    """model -> change -> how many."""
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(row.model, Counter())[row.change] += 1
    return {model: {change: counts[change] for change in ("gained", "lost", "invented")} for model, counts in found.items()}
