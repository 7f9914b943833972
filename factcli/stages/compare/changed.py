"""Rows of what was gained, lost and newly invented, each with the training rows nearest to it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from factcli.artifact import Artifact
from factcli.artifact.lineage import ancestors
from factcli.comparisonrows import ChangedClaim, NearRow
from factcli.errors import InputError
from factcli.judge.changes import Changed, changes_of
from factcli.judge.traininglookup import TrainingLookup, training_rows
from factcli.stages.compare.measured import Measured

TEACHING = ("chats", "documents", "pairs", "mixture")  # tables that models are trained on
TRAINED = ("synth", "pairs", "world", "forms", "beliefs", "kept")  # kinds of artifact that hold them


def data_of(evaluation: Artifact, root: Path) -> list[Artifact]:
    """What the evaluated model was trained on, by its lineage; nothing where that is gone, which costs the traces and nothing else."""
    try:
        found = ancestors(evaluation, root)
    except InputError:
        return []
    under = {parent.digest: parent for parent in found if parent.kind == "world" or any(parent.manifest.tables.get(table) for table in TEACHING)}
    return [parent for parent in under.values() if parent.kind in TRAINED]


def methods_of(evaluation: Artifact, root: Path) -> list[str]:
    """How it was fine-tuned, of the models in its lineage that say so."""
    try:
        found = ancestors(evaluation, root)
    except InputError:
        return []
    return [str(parent.manifest.config["method"]) for parent in found if parent.manifest.stage == "sft" and parent.manifest.config.get("method")]


def changed_rows(model: Measured, baseline: Measured, data: Iterable[Artifact], methods: Iterable[str], k: int) -> list[ChangedClaim]:
    changes = changes_of(model.results, baseline.results)
    lookup = TrainingLookup(training_rows(data, methods)) if changes and k else TrainingLookup([])
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
