"""The figures of all parts as a section of docs/results.md."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.cells import markdown
from tests.bench.gpu.figures import Row
from tests.bench.gpu.parts import PARTS

HEADING = "## On one GPU"
COMMAND = "python -m tests.bench.gpu"


def file_of(out: Path, part: str) -> Path:
    return out / f"gpu-{part}.json"


def section(out: Path) -> str:
    """Markdown of every part that has been made, in their order; those that were not are named. Raises SystemExit where there is none."""
    found = {name: json.loads(file_of(out, name).read_text(encoding="utf-8")) for name in PARTS if file_of(out, name).exists()}
    if not found:
        raise SystemExit(f"{out} holds no gpu-PART.json; make one: {COMMAND} {next(iter(PARTS))} --out {out}")
    gone = [name for name in PARTS if name not in found]
    parts = [part for name, made in found.items() for part in (f"### {PARTS[name].title}", PARTS[name].what, *_tables(made))]
    return "\n\n".join([HEADING, *_where(list(found.values())), *parts, *([f"Not made: {', '.join(gone)}."] if gone else [])]) + "\n"


def _where(made: Sequence[Mapping[str, Any]]) -> list[str]:
    """Commands, dates and machines; more than one where parts were made apart."""
    machines = dict.fromkeys("; ".join(f"{name} {value}" for name, value in one["machine"].items()) for one in made)
    dates, sizes = sorted({one["date"] for one in made}), sorted({one["size"] for one in made})
    return [f"`{COMMAND}`, {' and '.join(dates)}, world of size {', '.join(sizes)}, turns: {made[0]['turns']}. {'. '.join(machines)}."]


def _tables(made: Mapping[str, Any]) -> list[str]:
    rows: list[Row] = made["rows"]
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [" | ".join(_shown(row.get(name, "")) for name in columns) for row in rows]
    table = [markdown("", " | ".join(columns), cells).removeprefix("****\n\n")] if rows else []
    return [*table, *(["Left out: " + "; ".join(made["left_out"]) + "."] if made["left_out"] else [])]


def _shown(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def put(text: str, page: Path) -> None:
    """Instead of the section that the page has."""
    whole = page.read_text(encoding="utf-8")
    found = re.search(rf"^{HEADING}$.*?(?=^## |\Z)", whole, re.MULTILINE | re.DOTALL)
    if found is None:
        raise SystemExit(f"{page} has no section {HEADING!r}")
    page.write_text(f"{whole[: found.start()]}{text}\n{whole[found.end() :]}".rstrip() + "\n", encoding="utf-8")
