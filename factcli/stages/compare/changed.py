"""Rows of what was gained, lost and newly invented, each with the training rows nearest to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from factcli.comparisonrows import ChangedClaim, NearRow, Was
from factcli.judge.changes import Changed, changes_of
from factcli.judge.measured import Measured
from factcli.judge.traininglookup import TrainingLookup
from factcli.judge.trainingrows import Trained, training_rows

STANDS_FOR: Mapping[Was, str] = {"right": "invented_for_right", "silent": "invented_for_silence", "wrong": "invented_for_falsehood"}


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
        was=change.was,
    )


def counted(rows: Iterable[ChangedClaim], dropped: Mapping[str, int]) -> Mapping[str, Mapping[str, int]]:
    """model -> how many of each change; of what is invented what it stands for, and how many falsehoods more than the baseline the model says.

    `dropped`: of each model, falsehoods of the baseline that it no longer says.
    """
    changes: Counter[tuple[str, str]] = Counter()
    stands_for: Counter[tuple[str, str]] = Counter()
    for row in rows:
        changes[row.model, row.change] += 1
        stands_for[row.model, row.was] += row.change == "invented"
    return {
        model: {
            **{change: changes[model, change] for change in ("gained", "lost", "invented")},
            **{name: stands_for[model, was] for was, name in STANDS_FOR.items()},
            "falsehoods_dropped": n_dropped,
            "falsehoods_net": changes[model, "invented"] - n_dropped,
        }
        for model, n_dropped in dropped.items()
    }
