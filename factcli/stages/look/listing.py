"""`fact ls`: everything below the data directory, newest first, damaged and unfinished work included."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from rich.table import Table

from factcli.artifact.partial import Partial, all_partials
from factcli.artifact.read import Artifact, Unreadable, survey
from factcli.stages.look.text import cell, in_words

State = Literal["committed", "running", "interrupted", "left over", "damaged"]
STYLES: dict[State, str] = {"committed": "", "running": "cyan", "interrupted": "yellow", "left over": "dim", "damaged": "red"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One version, or one piece of unfinished work. `rows` and `created` are None where they cannot be known."""

    ref: str
    state: State
    kind: str
    rows: int | None
    headline: str  # what came of it, or what is wrong with it
    created: str | None  # UTC, ISO 8601
    parents: tuple[str, ...]
    path: str


def listing(root: Path) -> list[Listed]:
    """Everything below `root`, newest first; what has no time comes first, for it needs somebody's eye."""
    artifacts, unreadable = survey(root)
    found = [_committed(a) for a in artifacts] + [_damaged(u) for u in unreadable] + [_partial(p) for p in all_partials(root)]
    return sorted(found, key=lambda entry: (entry.created is None, entry.created or "", entry.ref), reverse=True)


def _committed(artifact: Artifact) -> Listed:
    manifest = artifact.manifest
    parents = tuple(dict.fromkeys(entry.ref for entry in manifest.inputs.values()))
    return Listed(artifact.ref, "committed", artifact.kind, sum(manifest.tables.values()), manifest.headline, manifest.created, parents, str(artifact.path))


def _damaged(unreadable: Unreadable) -> Listed:
    return Listed(unreadable.ref, "damaged", "", None, unreadable.error.message, None, (), str(unreadable.path))


def _partial(partial: Partial) -> Listed:
    owner = partial.owner
    state: State = "left over" if partial.state == "committed" else partial.state
    advice = {
        "running": f"process {owner.pid} on {owner.host} works on it" if owner else "",
        "interrupted": f"run `fact {owner.stage}` again with the same settings, it goes on where it was" if owner else "run its command again",
        "left over": "was committed; this rest can be deleted",
    }[state]
    headline = f"{partial.n_units} units finished; {advice}"
    return Listed(partial.name, state, owner.kind if owner else "", None, headline, owner.since if owner else None, (), str(partial.path))


def render_listing(entries: list[Listed], now: datetime) -> Table:
    """The table of `fact ls`. `now` is in UTC."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("what", "kind", "rows", "age", "made from", "in one line"):
        table.add_column(column, justify="right" if column in ("rows", "age") else "left", overflow="fold")
    for entry in entries:
        style = STYLES[entry.state]
        line = entry.headline if entry.state == "committed" else f"{entry.state}: {entry.headline}"
        rows = "" if entry.rows is None else f"{entry.rows:,}"
        cells = (entry.ref, entry.kind, rows, _age(entry.created, now), ", ".join(entry.parents), line)
        table.add_row(*(cell(value, style) for value in cells))
    return table


def _age(created: str | None, now: datetime) -> str:
    if created is None:
        return ""
    try:
        then = datetime.fromisoformat(created)
    except ValueError:
        return "?"
    return in_words((now - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds())
