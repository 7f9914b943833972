"""`fact show REF`: what one version is, was made from, and says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from factcli.artifact import Artifact, open_artifact
from factcli.artifact.manifest import CARD, FileEntry, InputEntry
from factcli.stages.look.text import cell, in_bytes, in_words


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting by its dotted name, as `--set` takes it. Only those of the identity change the result."""

    name: str
    value: Any
    is_identity: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """One version, for people and for `--json`."""

    ref: str
    path: str
    kind: str
    stage: str
    created: str
    seconds: float
    headline: str
    digest: str
    key: str
    settings: tuple[Setting, ...]
    inputs: dict[str, InputEntry]
    files: dict[str, FileEntry]
    tables: dict[str, int]
    summary: dict[str, Any]
    counts: dict[str, Any]
    usage: dict[str, Any]
    code: dict[str, Any]
    libraries: dict[str, str]
    model: dict[str, Any]
    card: str = ""  # of a calibration card, a sweep or a loop of rounds: its tables, as README.md has them


def show(ref: str | Path, root: Path) -> Shown:
    """Everything that the manifest of `ref` says. Raises InputError as `open_artifact` does."""
    artifact = open_artifact(ref, root)
    m = artifact.manifest
    return Shown(
        ref=artifact.ref,
        path=str(artifact.path),
        kind=m.kind,
        stage=m.stage,
        created=m.created,
        seconds=m.seconds,
        headline=m.headline,
        digest=m.digest,
        key=m.key,
        settings=tuple(Setting(name, value, name in dict(_dotted(m.identity))) for name, value in _dotted(m.config)),
        inputs=m.inputs,
        files=m.files,
        tables=m.tables,
        summary=m.summary,
        counts=m.counts,
        usage=m.usage,
        code=m.code,
        libraries=m.libraries,
        model=m.model,
        card=_card(artifact),
    )


def _card(artifact: Artifact) -> str:
    """What README.md says between the title and the list of tables, where its tables are made for people."""
    path = artifact.path / CARD
    is_for_people = artifact.kind in ("card", "sweep") or artifact.manifest.stage == "grath-iterate"
    if not is_for_people or not path.is_file():
        return ""
    _, _, text = path.read_text(encoding="utf-8", errors="replace").partition("\n# ")
    return "\n".join(line for line in text.partition("\n\n| table | rows |")[0].splitlines()[2:-2])


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested names and values as `train.lr`, 0.001."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def render_shown(shown: Shown) -> Group:
    facts = {
        "kind": shown.kind,
        "made by": f"fact {shown.stage}, {shown.created}, in {in_words(shown.seconds)}",
        "path": shown.path,
        "digest": shown.digest,
        "key": shown.key,
        "code": _flat(shown.code),
        "libraries": _flat(shown.libraries),
        "model": _flat(shown.model),
    }
    settings = {s.name: f"{s.value}{'' if s.is_identity else '   (does not change the result)'}" for s in shown.settings}
    inputs = {role: f"{entry.ref}, {entry.kind}, {entry.digest[:16]}" for role, entry in shown.inputs.items()}
    parts = {"": facts, "settings": settings, "made from": inputs, "files": _file_lines(shown), "numbers": dict(_dotted(shown.summary))}
    parts |= {"dropped, failed, unscored": dict(_dotted(shown.counts)), "used": dict(_dotted(shown.usage))}
    lines = [Text.assemble((shown.ref, "bold"), "  ", cell(shown.headline))]
    lines += [Text(""), *(cell(line) for line in shown.card.splitlines()), Text("")] * bool(shown.card)
    return Group(*lines, *(_section(title, values) for title, values in parts.items() if values))


def _flat(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in _dotted(values))


def _file_lines(shown: Shown) -> dict[str, str]:
    filled = {name: _file_line(entry) for name, entry in shown.files.items()}
    return filled | {f"{table}.jsonl": "0 rows" for table, rows in shown.tables.items() if not rows}


def _file_line(entry: FileEntry) -> str:
    rows = "" if entry.rows is None else f", {entry.rows:,} rows"
    return f"{in_bytes(entry.bytes)}{rows}, {entry.sha256[:16]}"


def _section(title: str, values: Mapping[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, title=title or None, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in values.items():
        if value not in ("", None):
            table.add_row(cell(name), cell(value))
    return table
