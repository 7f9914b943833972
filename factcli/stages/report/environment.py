"""With which code, on which machine and with which settings everything was made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from factcli.artifact import Artifact
from factcli.stages.report.collect import Collected
from factcli.stages.report.text import NONE, clipped
from factcli.stages.report.view import Block, Cell, Section, Table, plain

LONGEST = 80  # characters of a setting's value


def environment_section(collected: Collected) -> Section:
    """A row per thing and value: more than one value means that runs were made by different code."""
    values: dict[str, dict[str, list[str]]] = {}
    for artifact in collected.lineage:
        for name, value in _environment(artifact).items():
            values.setdefault(name, {}).setdefault(value, []).append(artifact.ref)
    rows = tuple((Cell(name), *plain(value, _those(refs, collected.lineage))) for name, found in values.items() for value, refs in found.items())
    table = Table("What it was made with, as each version's manifest records it.", ("What", "is", "of"), rows)
    return Section("environment", "Code and machine", blocks=(table,))


def _those(refs: Sequence[str], lineage: Sequence[Artifact]) -> str:
    return "all" if len(refs) == len(lineage) else ", ".join(refs)


def _environment(artifact: Artifact) -> dict[str, str]:
    code = artifact.manifest.code
    revision = f" ({str(code['revision'])[:10]}{', changed since' if code.get('dirty') else ''})" if code.get("revision") else ""
    machine: dict[str, str] = {name: str(code[name]) for name in ("python", "machine") if name in code}
    return {"factcli": f"{code.get('version', 'unknown')}{revision}", **machine, **dict(sorted(artifact.manifest.libraries.items()))}


def settings_section(collected: Collected) -> Section:
    """The complete settings of every version: in a table what differs between those of one command, in a line what they share."""
    of_command: dict[str, list[Artifact]] = {}
    for artifact in collected.lineage:
        of_command.setdefault(artifact.manifest.stage, []).append(artifact)
    flats = {stage: {a.ref: dict(_flat(a.manifest.config)) for a in members} for stage, members in of_command.items()}
    tables: tuple[Block, ...] = tuple(table for stage, flat in flats.items() if (table := _differing(stage, flat)))
    text = ("Complete, defaults included, as each version's manifest records them.",)
    return Section("settings", "Settings", text, tables, tuple(_shared(stage, flat) for stage, flat in flats.items()))


def _names(flats: Iterable[Mapping[str, str]], are_shared: bool) -> list[str]:
    """Names of the settings that all have alike, or of the others."""
    listed = list(flats)
    names = dict.fromkeys(name for flat in listed for name in flat)
    return [name for name in names if (len({flat.get(name) for flat in listed}) == 1) == are_shared]


def _differing(stage: str, flats: Mapping[str, Mapping[str, str]]) -> Table | None:
    names = _names(flats.values(), are_shared=False)
    if not names:
        return None
    rows = tuple((Cell(ref), *plain(*(clipped(flat.get(name, NONE), LONGEST) for name in names))) for ref, flat in flats.items())
    return Table(f"What differs between the settings of fact {stage}.", ("Version", *names), rows)


def _shared(stage: str, flats: Mapping[str, Mapping[str, str]]) -> str:
    first = next(iter(flats.values()))
    told = ", ".join(f"{name} {clipped(first[name], LONGEST)}" for name in _names(flats.values(), are_shared=True))
    return f"fact {stage} ({', '.join(flats)}): {told or 'nothing alike'}."


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "not set" if value is None else str(value)
