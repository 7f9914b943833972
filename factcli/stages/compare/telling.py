"""What a comparison says in words: one line, the numbers of its summary, and the table that is printed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from factcli.comparisonrows import ComparedFigure, PlannedFigure, ShipVerdict
from factcli.stages.compare.settings import CompareConfig
from factcli.stages.compare.verdict import LEVEL, told, worded

BESIDE = "beside"  # outside the family of tests


def renamed(row: ComparedFigure, model: str, baseline: str) -> ComparedFigure:
    """A drift figure under the name of the model that it is about, not of the evaluation that measured it."""
    return replace(row, id=f"{model}.drift.{row.metric}.{row.group}", model=model, baseline=baseline)


def headline(rows: Sequence[ComparedFigure], verdicts: Sequence[ShipVerdict]) -> str:
    """The deciding figure of each model, and whether it may be shipped."""
    said = []
    for verdict in verdicts:
        gain = next(row for row in rows if row.model == verdict.model and row.metric == verdict.gain and row.role == "gain" and row.group == "all")
        worlds = f" over {gain.n_worlds} worlds" if gain.n_worlds > 1 else ""
        said.append(f"{verdict.model} against {gain.baseline}{worlds}: {told(gain)}, {worded(verdict)}")
    return "; ".join(said)


def summary(rows: Sequence[ComparedFigure], verdicts: Sequence[ShipVerdict], changes: Mapping[str, Mapping[str, int]], config: CompareConfig) -> dict[str, Any]:
    family = [row for row in rows if row.p_holm is not None]
    return {
        "models": [verdict.model for verdict in verdicts],
        "baseline": rows[0].baseline,
        "verdicts": {v.model: {"is_shippable": v.is_shippable, "is_asked": v.is_asked, "gain": v.gain, "reasons": list(v.reasons)} for v in verdicts},
        "differences": {row.id: [row.difference, row.low, row.high, row.p_holm] for row in rows if row.group == "all"},
        "tests_in_family": len(family),
        "significant": [row.id for row in family if (row.p_holm or 0) <= 0.05],
        "margin_points": config.margin,
        "changed": {model: dict(counts) for model, counts in changes.items()},
    }


def rendered(rows: Sequence[ComparedFigure], verdicts: Sequence[ShipVerdict], notes: Sequence[str] = ()) -> RenderableType:
    """The table, what it means, and the verdicts."""
    shown = [row for row in rows if row.group == "all"]
    parts: list[RenderableType] = [_table(shown), Text(_explained(shown), style="dim")]
    parts += [Text(note, style="yellow") for note in notes]
    parts += [_of_verdict(verdict) for verdict in verdicts]
    return Group(*parts)


def _table(rows: Sequence[ComparedFigure]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    is_planned = any(row.planned is not None for row in rows)
    planned = ["planned"] if is_planned else []
    for column in ("model", "figure", "baseline", "model's", "difference", "95% interval", "p", "p (Holm)", "could show", *planned, "items", "subjects"):
        table.add_column(column, justify="left" if column in ("model", "figure") else "right", overflow="fold")
    for row in rows:
        name = f"{row.metric}{' (drift)' if row.role == 'drift' else ''}{' (less is better)' if row.is_lower_better else ''}"
        ends = f"[{_number(row, row.low, True)}, {_number(row, row.high, True)}]" if row.low is not None else "none"
        values = (_number(row, row.baseline_value), _number(row, row.value), _number(row, row.difference, True), ends)
        is_beside = row.p_holm is None and row.p_value is not None
        tests = (_p(row.p_value), BESIDE if is_beside else _p(row.p_holm), _smallest(row, row.smallest))
        foreseen = [_smallest(row, row.planned)] if is_planned else []
        table.add_row(*(Text(cell) for cell in (row.model, name, *values, *tests, *foreseen, f"{row.n_items:,}", f"{row.n_subjects:,}")))
    return table


def _number(row: ComparedFigure, value: float | None, is_signed: bool = False) -> str:
    if value is None:
        return "-"
    sign = "+" if is_signed else ""
    return f"{100 * value:{sign}.1f}" if row.is_share else f"{value:{sign}.3g}"


def _smallest(row: ComparedFigure, value: float | None) -> str:
    return "more than can be" if row.is_share and value is not None and value > 1 else _number(row, value)


def _p(value: float | None) -> str:
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _explained(rows: Sequence[ComparedFigure]) -> str:
    unit = "worlds" if rows[0].n_worlds > 1 else "subjects"
    said = [
        f"Model minus {rows[0].baseline} on the same items; shares in percent, differences in points. Intervals: 95%, {_listed(row.interval for row in rows)}.",
        f"Tests: {_tests(rows)}, the models' names swapped on whole {unit}." if any(row.test for row in rows) else "",
        f"{unit.capitalize()} are the unit of both.",
        _of_family([row for row in rows if row.p_holm is not None]),
        _of_few_worlds(rows[0].n_worlds),
        f"Could show: the difference that this many {unit} find in 4 of 5 runs, at the spread that was met.",
        "Planned: the same, at the spread of the dev evaluations." if any(row.planned is not None for row in rows) else "",
    ]
    return " ".join(part for part in said if part)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(name for name in names if name))


def _tests(rows: Sequence[ComparedFigure]) -> str:
    counted = {row.test for row in rows if row.test.startswith("all")}
    return _listed("all swaps where few differ" if row.test in counted and len(counted) > 1 else row.test for row in rows)


def _of_family(family: Sequence[ComparedFigure]) -> str:
    if not family:
        return ""
    tests = f"{len(family)} tests" if len(family) > 1 else "1 test"
    return f"Holm: adjusted over {tests}, of every model {_listed(row.metric for row in family)}; other figures stand beside, with p as it is."


def _of_few_worlds(n_worlds: int) -> str:
    """Of two signs for each world, two ways in 2 ** n are as large as the largest difference."""
    least = 2 / 2**n_worlds
    return (
        f"No difference over {n_worlds} worlds can have a p below {least:.3g}: more worlds are needed for one of {LEVEL:g}."
        if n_worlds > 1 and least > LEVEL
        else ""
    )


def _of_verdict(verdict: ShipVerdict) -> Text:
    style = "bold green" if verdict.is_shippable else "bold red" if verdict.is_asked else "bold"
    return Text.assemble((f"{verdict.model}: {worded(verdict)}", style), *(f"\n  {reason}" for reason in verdict.reasons))


def rendered_plan(rows: Sequence[PlannedFigure], splits: Mapping[str, str], notes: Sequence[str]) -> RenderableType:
    """n against the smallest difference, by figure; and whose answers it is from. `splits`: by evaluation, "" where it does not say."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("figure", "subjects", "items of each", "smallest difference", "icc"):
        table.add_column(column, justify="left" if column == "figure" else "right", overflow="fold")
    for row in rows:
        icc = "not known" if row.icc is None else f"{row.icc:.2f}"
        table.add_row(Text(row.metric), f"{row.n_subjects:,}", str(row.n_items), f"{row.smallest:.4f}", icc)
    whose = ", ".join(f"{ref} ({split} people)" if split else ref for ref, split in splits.items())
    explained = f"The smallest true difference that is found in 4 of 5 runs (two-sided 5%), by the spread on {whose}."
    return Group(table, Text(explained, style="dim"), *(Text(note, style="yellow") for note in notes))
