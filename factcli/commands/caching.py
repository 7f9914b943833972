"""`fact cache ls|prune|merge`: the answers of model servers that are kept on this machine."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from factcli.backends import cacheview
from factcli.backends.cachefile import cache_directory
from factcli.commands.ending import tell
from factcli.stages.look.text import cell

COLUMNS = ("model", "answers", "size", "not ok", "newest")
MB = 1_000_000


def show_cache(as_json: bool) -> None:
    view = cacheview.view(cache_directory())
    if as_json:
        print(json.dumps(asdict(view), ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "model" else "right", overflow="fold")
    for entry in view.models:
        table.add_row(*map(cell, _cells(entry)))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{view.path}: {view.bytes / MB:.1f} MB", markup=False)


def _cells(entry: cacheview.ModelEntries) -> tuple[str, ...]:
    not_ok = ", ".join(f"{n} {outcome}" for outcome, n in entry.by_outcome.items() if outcome != "ok")
    day = datetime.fromtimestamp(entry.newest, UTC).strftime("%Y-%m-%d %H:%M")
    return entry.model, f"{entry.n:,}", f"{entry.bytes / MB:.1f} MB", not_ok, day


def prune_cache(older_than: str | None, model: str | None, outcome: str | None) -> None:
    n = cacheview.prune(cache_directory(), older_than, model, outcome)
    tell(f"{n:,} answers deleted from {cache_directory()}")


def merge_cache(file: Path) -> None:
    n = cacheview.merge(cache_directory(), file)
    tell(f"{n:,} answers taken over into {cache_directory()}")
