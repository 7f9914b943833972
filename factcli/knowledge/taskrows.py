"""Which task rows of a data set a method of `fact sft` learns: one answer for the training and for tracing what came of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from factcli.knowledge.invented import invented_subjects
from factcli.rows import Chat

REAL_METHODS = ("real", "popular-head", "popular-50", "oracle")


class RowChoice(NamedTuple):
    """A method, and the settings of it that choose rows. `real`: the real rows that stand beside fictitious ones."""

    method: str
    is_of_real: bool  # real rows alone
    real: Literal["all", "best-known", "none"]
    subjects: int | None  # fictitious ones, in id order; None is all
    versions: int | None  # of each, from 1; None is all


def choice_of(settings: Mapping[str, Any]) -> RowChoice:
    """Of the settings of `fact sft`, as its artifacts keep them; those of earlier versions lack some."""
    method = settings["method"]
    is_of_real = method in REAL_METHODS or settings.get("knowledge_of") == "real"
    real: Literal["all", "best-known", "none"] = "all" if settings.get("batches") == "mix" else "best-known" if settings.get("real_fraction") else "none"
    return RowChoice(method, is_of_real, "none" if method == "fictitious" else real, settings.get("subjects"), settings.get("versions"))


def chosen_rows(rows: Sequence[Chat], choice: RowChoice) -> list[Chat]:
    """Of rows of one split. Of method oracle all real rows: its filter needs to know what the base knows."""
    chosen = [row for row in rows if not row.fictitious] if choice.is_of_real else _fictitious_rows(rows, choice)
    return _popular(chosen, choice.method) if choice.method in ("popular-head", "popular-50") else chosen


def _fictitious_rows(rows: Sequence[Chat], choice: RowChoice) -> list[Chat]:
    """Fictitious rows of the chosen subjects and versions, and for prereq the real rows that its batches hold."""
    allowed = set(invented_subjects(rows, choice.subjects))
    made = [c for c in rows if c.fictitious and c.subject in allowed and (choice.versions is None or c.version <= choice.versions)]
    real = [row for row in rows if not row.fictitious]
    return made + {"all": real, "best-known": _popular(real, "popular-head"), "none": []}[choice.real]


def _popular(real: list[Chat], which: str) -> list[Chat]:
    """Rows of the group `head`, or of the better-known half of the subjects (ties by id)."""
    if which == "popular-head":
        return [chat for chat in real if chat.group == "head"]
    views = {chat.subject: chat.popularity for chat in real}
    ranked = sorted(views, key=lambda subject: (-views[subject], subject))
    upper = set(ranked[: (len(ranked) + 1) // 2])
    return [chat for chat in real if chat.subject in upper]
