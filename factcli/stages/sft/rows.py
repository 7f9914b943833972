"""Which rows each method of `fact sft` learns from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.errors import InputError
from factcli.judge.knownfacts import KnownFacts
from factcli.knowledge.invented import invented_subjects
from factcli.knowledge.mixing import Mixed, Source, TaskRow, mixed
from factcli.rows import Chat
from factcli.stages.sft.settings import REAL_METHODS, SftConfig

Row = Chat | TaskRow
NOTHING = Mixed((), {}, ())


def rows_of(chats: Iterable[Chat], sources: tuple[Source, ...], config: SftConfig) -> tuple[list[Row], Mixed]:
    """The training rows: the method's of its data, then those mixed in; for a plain method the mix is all there is."""
    if not sources:
        return [*choose_rows(chats, config)], NOTHING
    if config.method == "prereq":
        found = mixed(sources, config.seed, lambda rows: [row for row in rows if not row.fictitious])
        return [*choose_rows(chats, config), *found.rows], found
    found = mixed(sources, config.seed, lambda rows: _chosen(rows, config))
    return [*found.rows], found


@dataclass(frozen=True, slots=True)
class Filtered:
    """Rows whose facts the base knows, and how many of each task were left out for which reason."""

    rows: list[Chat]
    left_out: Mapping[str, int]


def of_known(rows: Sequence[Chat], facts: KnownFacts, least_share: float) -> Filtered:
    """The oracle's rows: those of whose facts the base answered at least this share right."""
    kept: list[Chat] = []
    left_out: Counter[str] = Counter()
    for row in rows:
        share = facts.share(row.fact_ids)
        if share is not None and share >= least_share:
            kept.append(row)
        else:
            left_out[f"{row.task}, {'not asked' if share is None else 'not known'}"] += 1
    return Filtered(kept, dict(sorted(left_out.items())))


def choose_rows(chats: Iterable[Chat], config: SftConfig) -> list[Chat]:
    """The training rows of the method, the oracle's before its filter. Raises InputError where there are none."""
    chosen = _chosen([chat for chat in chats if chat.split == "train"], config)
    if not chosen:
        raise InputError(f"the data has no training rows for method {config.method}", "make them with `fact synth`")
    return chosen


def _chosen(rows: list[Chat], config: SftConfig) -> list[Chat]:
    is_real = config.method in REAL_METHODS or config.knowledge_of == "real"
    chosen = [row for row in rows if not row.fictitious] if is_real else _fictitious_rows(rows, config)
    return _popular(chosen, config.method) if config.method in ("popular-head", "popular-50") else chosen


def _fictitious_rows(train: list[Chat], config: SftConfig) -> list[Chat]:
    """Fictitious rows of the chosen subjects and versions, and for prereq the real rows that its batches hold."""
    allowed = set(invented_subjects(train, config.subjects))
    rows = [c for c in train if c.fictitious and c.subject in allowed and (config.versions is None or c.version <= config.versions)]
    if config.method == "fictitious":
        return rows
    real = [chat for chat in train if not chat.fictitious]
    if config.batches == "mix":
        return rows + real
    return rows + (_popular(real, "popular-head") if config.real_fraction else [])


def _popular(real: list[Chat], which: Literal["popular-head", "popular-50"]) -> list[Chat]:
    """Rows of the group `head`, or of the better-known half of the subjects (ties by id)."""
    if which == "popular-head":
        return [chat for chat in real if chat.group == "head"]
    views = {chat.subject: chat.popularity for chat in real}
    ranked = sorted(views, key=lambda subject: (-views[subject], subject))
    upper = set(ranked[: (len(ranked) + 1) // 2])
    return [chat for chat in real if chat.subject in upper]
