"""`fact trace ID`: the life of one id, forwards and backwards, through every version that knows it.

An id is its ancestry (`w0.p0042.birthplace.d3` <- `w0.p0042.birthplace` <- `w0.p0042`), so prefixes lead back
and longer ids lead on; `fact_ids`, `evidence` and the like lead across. Where several versions have the id without one being
made from the other, it names different things, and each has a life of its own.
"""

import json
import mmap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rich.console import Group
from rich.table import Table
from rich.text import Text

from factcli.artifact.read import Artifact, Unreadable, open_artifact, survey
from factcli.errors import InputError, nearest
from factcli.stages.look.related import Lineage, lineage_of
from factcli.stages.look.text import cell, printable

# self: the row itself; ancestor: what its id grew from; rests on: what it names as its facts or evidence;
# descendant: what grew from it; mention: another row that names it
Relation = Literal["self", "ancestor", "rests on", "descendant", "mention"]
OWN: tuple[Relation, ...] = ("self", "descendant", "mention")  # a version with one of these has the id; others lead to it
NAMING = (  # columns that hold ids of other rows
    *("fact_ids", "evidence", "question_id", "answer_id", "subject", "chosen_id", "rejected_id"),
    *("claim_id", "unit_id", "same_as", "of", "prompt_id", "passage", "topic_id", "chunk_id", "pair_id", "other_id", "against", "sample_id"),
)
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
class Life:
    """What one lineage tells of an id. `first` is the version that has it and was made from no other that has it.

    `groups`: per version, parents before children, its rows in the order of the tables.
    """

    first: str
    groups: tuple[tuple[str, tuple[Traced, ...]], ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The lives of `id`: mostly one; several where unrelated versions have the same id."""

    id: str
    lives: tuple[Life, ...]
    skipped: tuple[str, ...]  # damaged versions, which were not read


def trace(id: str, root: Path, within: str | None = None) -> Trace:
    """Raises InputError for an id that no readable version knows. `within`: only lives that this version is part of."""
    artifacts, unreadable = survey(root)
    lineage = lineage_of(artifacts, root)
    holders = [a for a in lineage.ordered if any(row.relation in OWN for row in _rows_of(a, id, frozenset()))]
    if not holders:
        raise _unknown(id, lineage.ordered, root, unreadable)
    firsts = _within(id, within, lineage, lineage.firsts(holders), root)
    lives = tuple(Life(first.ref, _groups(id, lineage.family(first))) for first in firsts)
    return Trace(id, lives, tuple(u.ref for u in unreadable))


def _within(id: str, ref: str | None, lineage: Lineage, firsts: list[Artifact], root: Path) -> list[Artifact]:
    """Those of `firsts` that the version `ref` is related to; without one all."""
    if ref is None:
        return firsts
    artifact = open_artifact(ref, root)
    found = [first for first in firsts if artifact.path.resolve() in lineage.made_from and lineage.are_related(first, artifact)]
    if not found:
        have = ", ".join(first.ref for first in firsts)
        raise InputError(f"{artifact.ref} has nothing to do with {printable(id)!r}", f"the versions that have it: {have}")
    return found


def _groups(id: str, family: list[Artifact]) -> tuple[tuple[str, tuple[Traced, ...]], ...]:
    named = _ids_it_names(id, family)
    return tuple((a.ref, rows) for a in family if (rows := tuple(_rows_of(a, id, named))))


def _ids_it_names(id: str, artifacts: Sequence[Artifact]) -> frozenset[str]:
    """The ids that the row itself names as facts, evidence, question and so on; what its verdicts stand on; of a score all that it sums up."""
    own = [row for a in artifacts for _, row in _lines_with([_quoted(id)], a) if row.get("id") == id]
    named = {name for row in own for name in _named_by(row)}
    for scored in {str(row["of"]) for row in own if row.get("of")}:
        below = [row for row in _below(scored, artifacts) if "of" not in row]
        named |= {name for row in below for name in (str(row.get("id", "")), *_listed(row.get("evidence")))}
    named |= {name for row in _below(id, artifacts) for name in _listed(row.get("evidence"))}
    return frozenset(named) - {id, ""}


def _below(id: str, artifacts: Iterable[Artifact]) -> Iterator[dict[str, Any]]:
    """The rows whose ids grew from `id`."""
    found = (row for a in artifacts for _, row in _lines_with([_quoted(id + ".")[:-1]], a))
    return (row for row in found if str(row.get("id", "")).startswith(id + "."))


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
        yield from _listed(row.get(column))


def _listed(value: Any) -> list[str]:
    """The ids in a column: several, one, or none."""
    return [str(v) for v in value] if isinstance(value, list) else ([value] if isinstance(value, str) and value else [])


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
    notes = [row.get(column) for column in ("verdict", "grade", "group", "split")]
    words = _words(row)
    return printable(f"{words}  [{', '.join(str(n) for n in notes if n)}]" if any(notes) else words)


def _words(row: dict[str, Any]) -> str:
    said = row.get("text") or row.get("answer") or ", ".join(row.get("answers") or ())
    asked = row.get("question") or row.get("prompt")
    if "n_chosen" in row:
        return f"the reference gives chosen {row['chosen']:.2f} nats ({row['n_chosen']} tokens), rejected {row['rejected']:.2f} ({row['n_rejected']})"
    if "chosen" in row:
        return f"{asked} -> {row['chosen']} rather than {row.get('rejected')}"
    if "name" in row and "value" in row:
        return f"{row['name']} = {row['value']}" + (f": {row['reason']}" if row.get("reason") else "")
    if "relation" in row and "value" in row and not said:
        return f"{row['relation']} = {row['value']}"
    if "judge" in row:
        return f"by {row['judge']} on {', '.join(row.get('evidence') or ()) or 'no evidence'}"
    if asked and "prompt_sha256" not in row:
        return f"{asked} -> {said}" if said else str(asked)
    return str(said or row.get("name") or ", ".join(f"{k} {v}" for k, v in row.items() if k != "id"))


def _unknown(id: str, artifacts: Sequence[Artifact], root: Path, unreadable: list[Unreadable]) -> InputError:
    hint = "ids look like w0.p0042, w0.p0042.birthplace or w0.p0042.bio.a0.c2"
    if unreadable:
        hint += f"; not read, for they are damaged: {', '.join(u.ref for u in unreadable)}"
    return InputError(f"no version in {root} has the id {printable(id)!r}{nearest(id, _similar_ids(id, artifacts))}", hint)


def _similar_ids(id: str, artifacts: Sequence[Artifact]) -> list[str]:
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
    """The lives in words, at most `n_rows` rows of a version: a person has hundreds."""
    parts: list[Table | Text] = []
    n_lives = len(traced.lives)
    if n_lives > 1:
        told = f"{n_lives} versions have {traced.id} and none was made from another: it may name something else in each; --in REF shows one"
        parts.append(cell(told, "yellow"))
    for number, life in enumerate(traced.lives, 1):
        parts += [cell(f"{number} of {n_lives}: {traced.id} of {life.first}", "bold yellow")] * (n_lives > 1)
        parts += [part for ref, rows in life.groups for part in _rendered(ref, rows, n_rows)]
    parts += [cell(f"not read, for they are damaged: {', '.join(traced.skipped)}", "red")] * bool(traced.skipped)
    return Group(*parts)


def _rendered(ref: str, rows: Sequence[Traced], n_rows: int) -> list[Table | Text]:
    table = Table(box=None, pad_edge=False, show_header=False, title=cell(ref), title_justify="left", title_style="bold")
    for row in rows[:n_rows]:
        table.add_row(cell(row.relation, "dim"), cell(row.id, "cyan"), cell(row.text, STYLES[row.relation]))
    return [table] + [Text(f"and {len(rows) - n_rows:,} more; --json lists all", style="dim")] * (len(rows) > n_rows)
