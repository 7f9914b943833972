"""`fact eval list` and `fact eval items`: the benchmarks, one line each; what was measured, item by item."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import open_artifact
from factcli.commands.ending import tell
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.registry import BENCHMARKS


@dataclass(frozen=True, slots=True)
class Listed:
    """What a person is told of a benchmark."""

    name: str
    version: int
    kind: str
    about: str
    sources: str  # where its items come from, in the order in which they are taken
    file_format: str
    definition: str


def show_benchmarks(as_json: bool) -> None:
    rows = [_listed(benchmark) for benchmark in BENCHMARKS.values()]
    print(json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) if as_json else "\n".join(_lines(rows)))


def _listed(benchmark: Benchmark[Any]) -> Listed:
    sources = [
        *(["--file"] if benchmark.item else []),
        *(["own questions"] if benchmark.own or not benchmark.item else []),
        *([f"hub: {benchmark.hub.name}"] if benchmark.hub else []),
    ]
    return Listed(benchmark.name, benchmark.version, benchmark.kind, benchmark.about, ", ".join(sources), benchmark.file_format, benchmark.definition)


def _lines(rows: list[Listed]) -> Iterator[str]:
    width = max(len(row.name) for row in rows)
    for row in rows:
        yield f"{row.name:{width}}  v{row.version}  {row.about}  From: {row.sources}.  File: {row.file_format}."


def write_items(refs: Sequence[str], to: Path, kind: str | None, root: Path, as_json: bool) -> None:
    """The items of evaluations as one table, in a file for other tools."""
    from factcli.stages.look.items import item_table
    from factcli.stages.look.tables import format_of, write_table

    chosen = format_of(to, kind)
    table = item_table([open_artifact(ref, root, ("eval", "scores")) for ref in refs])
    write_table(table, to, chosen)
    tell(f"{len(table.rows)} items, {len(table.figures)} figures of each: {', '.join(table.figures)}")
    print(json.dumps({"path": str(to), "format": chosen, "items": len(table.rows), "figures": list(table.figures)}) if as_json else to)
