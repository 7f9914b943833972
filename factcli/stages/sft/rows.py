"""Which rows each method of `fact sft` learns from."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from factcli.errors import InputError
from factcli.judge.knownfacts import KnownFacts
from factcli.knowledge.mixing import Mixed, Source, TaskRow, mixed
from factcli.knowledge.taskrows import choice_of, chosen_rows
from factcli.rows import Chat
from factcli.stages.sft.settings import SftConfig

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
    return chosen_rows(rows, choice_of(config.model_dump()))
