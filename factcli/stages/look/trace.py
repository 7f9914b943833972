"""`fact trace ID`: the life of one id, forwards and backwards, through every version that knows it.

An id is its ancestry (`w0.p0042.birthplace.d3` <- `w0.p0042.birthplace` <- `w0.p0042`), so prefixes lead back
and longer ids lead on; `fact_ids`, `evidence` and the like lead across.
"""

import json
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from factcli.artifact.lineage import open_input
from factcli.artifact.read import Artifact, Unreadable, survey
from factcli.errors import InputError, nearest
from factcli.stages.look.text import cell, printable

# self: the row itself; ancestor: what its id grew from; rests on: what it names as its facts or evidence;
# descendant: what grew from it; mention: another row that names it
Relation = Literal["self", "ancestor", "rests on", "descendant", "mention"]
NAMING = ("fact_ids", "evidence", "question_id", "answer_id", "subject", "chosen_id", "rejected_id", "against")  # columns that hold ids of other rows
MANY_IDS = 20_000  # names that are compared for the hint of an unknown id; more would take seconds


@dataclass(frozen=True, slots=True)
class Traced:
    """One row of the life. `text` is the row in words, made printable."""

    table: str
    id: str
    relation: Relation
    text: str
    row: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trace:
    """The life of `id`: per version, parents before children, its rows in the order of the tables."""

    id: str
    groups: tuple[tuple[str, tuple[Traced, ...]], ...]
    skipped: tuple[str, ...]  # damaged versions, which were not read


def trace(id: str, root: Path) -> Trace:
    """Raises InputError for an id that no readable version knows."""
    artifacts, unreadable = survey(root)
    ordered = _parents_first(artifacts, root)
    named = _ids_it_names(id, ordered)
    groups = tuple((a.ref, rows) for a in ordered if (rows := tuple(_rows_of(a, id, named))))
    if not any(row.relation in ("self", "descendant", "mention") for _, rows in groups for row in rows):
        raise _unknown(id, ordered, root, unreadable)
    return Trace(id, groups, tuple(u.ref for u in unreadable))


def _parents_first(artifacts: list[Artifact], root: Path) -> list[Artifact]:
    """Versions by their distance from a root of the lineage, then by age."""
    depths: dict[Path, int] = {}

    def depth(artifact: Artifact) -> int:
        if artifact.path not in depths:
            depths[artifact.path] = 1 + max((depth(parent) for parent in _present_inputs(artifact, root)), default=-1)
        return depths[artifact.path]

    return sorted(artifacts, key=lambda a: (depth(a), a.manifest.created, a.ref))


def _present_inputs(artifact: Artifact, root: Path) -> Iterator[Artifact]:
    for entry in artifact.manifest.inputs.values():
        try:
            yield open_input(entry, root)
        except InputError:
            continue  # gone or damaged: `fact verify` says so, its children can still be read


def _ids_it_names(id: str, artifacts: Iterable[Artifact]) -> frozenset[str]:
    """The ids that the row itself names as facts, evidence, question and so on."""
    own = (row for a in artifacts for _, row in _lines_with([_quoted(id)], a) if row.get("id") == id)
    return frozenset(name for row in own for name in _named_by(row)) - {id}


def _rows_of(artifact: Artifact, id: str, named: frozenset[str]) -> Iterator[Traced]:
    needles = [_quoted(id), _quoted(id + ".")[:-1], *map(_quoted, {*_ancestors_of(id), *named})]
    for table, row in _lines_with(needles, artifact):
        relation = _relation(row, id, named)
        if relation:
            yield Traced(table, str(row.get("id", "")), relation, row_text(row), row)


def _relation(row: dict[str, Any], id: str, named: frozenset[str]) -> Relation | None:
    own = str(row.get("id", ""))
    if own == id:
        return "self"
    if own in _ancestors_of(id):
        return "ancestor"
    if own.startswith(id + "."):
        return "descendant"
    if own in named:
        return "rests on"
    return "mention" if any(name == id or name.startswith(id + ".") for name in _named_by(row)) else None


def _ancestors_of(id: str) -> tuple[str, ...]:
    """`w0.p1.born.d3` -> `w0`, `w0.p1`, `w0.p1.born`."""
    parts = id.split(".")
    return tuple(".".join(parts[:n]) for n in range(1, len(parts)))


def _named_by(row: dict[str, Any]) -> Iterator[str]:
    for column in NAMING:
        value = row.get(column)
        yield from (str(v) for v in value) if isinstance(value, list) else ([value] if isinstance(value, str) and value else [])


def _quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def _lines_with(needles: Iterable[bytes], artifact: Artifact) -> Iterator[tuple[str, dict[str, Any]]]:
    """Table and row of each line that holds one of the needles, in order: found in the bytes before any is parsed."""
    for table, n_rows in artifact.manifest.tables.items():
        path = artifact.path / f"{table}.jsonl"
        if n_rows and path.is_file() and path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                for start in sorted({start for needle in needles for start in _line_starts(content, needle)}):
                    row = _parsed(content[start : _line_end(content, start)], path)
                    yield table, row


def _line_starts(content: mmap.mmap, needle: bytes) -> Iterator[int]:
    at = content.find(needle)
    while at >= 0:
        yield content.rfind(b"\n", 0, at) + 1
        at = content.find(needle, _line_end(content, at))


def _line_end(content: mmap.mmap, start: int) -> int:
    end = content.find(b"\n", start)
    return len(content) if end < 0 else end


def _parsed(line: bytes, path: Path) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}", f"`fact verify {path.parent}` says what else is") from error
    if not isinstance(row, dict):
        raise InputError(f"{path} is damaged: it holds something that is not a row", f"`fact verify {path.parent}` says what else is")
    return row


def row_text(row: dict[str, Any]) -> str:
    """A row in words, whatever table it is from."""
    said = row.get("text") or row.get("answer") or ", ".join(row.get("answers") or ())
    if "question" in row:
        words = f"{row['question']} -> {said}" if said else row["question"]
    elif "value" in row and ("relation" in row or "of" in row) and not said:
        words = f"{row.get('relation') or row['name']} = {row['value']}"
    else:
        words = said or row.get("name") or ", ".join(f"{k} {v}" for k, v in row.items() if k != "id")
    notes = [row.get(column) for column in ("verdict", "grade", "group", "split")]
    return printable(f"{words}  [{', '.join(str(n) for n in notes if n)}]" if any(notes) else words)


def _unknown(id: str, artifacts: list[Artifact], root: Path, unreadable: list[Unreadable]) -> InputError:
    hint = "ids look like w0.p0042, w0.p0042.birthplace or w0.p0042.bio.a0.c2"
    if unreadable:
        hint += f"; not read, for they are damaged: {', '.join(u.ref for u in unreadable)}"
    return InputError(f"no version in {root} has the id {printable(id)!r}{nearest(id, _similar_ids(id, artifacts))}", hint)


def _similar_ids(id: str, artifacts: list[Artifact]) -> list[str]:
    """Ids below the longest ancestor of `id` that exists; without any, the shortest ids there are."""
    found: dict[str, None] = {}
    for ancestor in (*reversed(_ancestors_of(id)), ""):
        needle = _quoted(ancestor + ".")[:-1] if ancestor else b'"id": '
        for artifact in artifacts:
            for _, row in _lines_with([needle], artifact):
                found[str(row.get("id", ""))] = None
                if len(found) >= MANY_IDS:
                    return list(found)
        if found:
            return list(found)
    return []


STYLES: dict[Relation, str] = {"self": "bold", "ancestor": "", "rests on": "", "descendant": "", "mention": "dim"}


def render_trace(traced: Trace, n_rows: int = 30) -> Group:
    """The life in words, at most `n_rows` rows of a version: a person has hundreds."""
    parts: list[Table | Text] = []
    for ref, rows in traced.groups:
        table = Table(box=None, pad_edge=False, show_header=False, title=cell(ref), title_justify="left", title_style="bold")
        for row in rows[:n_rows]:
            table.add_row(cell(row.relation, "dim"), cell(row.id, "cyan"), cell(row.text, STYLES[row.relation]))
        parts += [table] + [Text(f"and {len(rows) - n_rows:,} more; --json lists all", style="dim")] * (len(rows) > n_rows)
    parts += [cell(f"not read, for they are damaged: {', '.join(traced.skipped)}", "red")] * bool(traced.skipped)
    return Group(*parts)
