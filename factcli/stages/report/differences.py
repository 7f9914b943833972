"""Paired differences of the main model and every other: the same questions, the same redrawn people."""

from collections.abc import Mapping
from dataclasses import dataclass

from factcli.stages.report.charts import axis_around, rows_panel
from factcli.stages.report.collect import Benchmark, Evaluation, Figures
from factcli.stages.report.measured import difference_metrics, on_common_questions
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import Unit
from factcli.stages.report.view import SIGNS_EXPLAINED, Block, Plot, Section, Table, difference, table_row

COMPARED: dict[str, tuple[str, Unit]] = {
    "qa.accuracy_difference": ("questions right", "points"),
    "qa.retention_difference": ("kept of what the base has right", "points"),
    "bio.share_correct_at_equal_claims_difference": ("share true at equal claims", "points"),
    "bio.share_correct_difference": ("share true, each at its own number of claims", "points"),
    "bio.number_correct_difference": ("true claims per biography", "count"),
}


@dataclass(frozen=True, slots=True)
class Differences:
    """label of the other model -> the main model minus it."""

    main: Evaluation
    by_other: Mapping[str, Figures]


def paired(benchmark: Benchmark) -> Differences | None:
    """None without a main model, a base, or another model."""
    main, base = benchmark.main, benchmark.base
    if main is None or base is None or not main.results.is_some:
        return None
    found: dict[str, Figures] = {}
    for other in benchmark.others:
        rows = difference_metrics(*on_common_questions(main.results, other.results, base.results))
        found[other.label] = {(row.metric, row.group): row for row in rows}
    return Differences(main, found) if found else None


def differences_section(benchmark: Benchmark, differences: Differences | None, id_: str = "differences") -> Section:
    title = "Paired differences"
    if differences is None:
        return Section(
            id_, title, missing="They need a model trained by PREREQ-TUNE (or named with --set main=NAME), the untouched base, and the same questions."
        )
    label = differences.main.label
    text = (f"{label} minus each other model, on the same questions and people. {SIGNS_EXPLAINED}",)
    found = {metric for rows in differences.by_other.values() for metric, _ in rows}
    metrics = {name: heading for name, heading in COMPARED.items() if name in found}
    panels = tuple(_panel(benchmark, differences, metric, *heading) for metric, heading in metrics.items())
    blocks: list[Block] = [Plot(f"{label} minus the other model, {benchmark.whom[1]}, in points (true claims: in claims). Right of the line: more.", panels)]
    blocks += [_table(benchmark, differences, metric, *heading) for metric, heading in metrics.items()]
    return Section(id_, title, text, tuple(blocks))


def _panel(benchmark: Benchmark, differences: Differences, metric: str, heading: str, unit: Unit) -> str:
    rows = [(key_of(e, benchmark.main), differences.by_other[e.label].get((metric, benchmark.whom[0]))) for e in benchmark.others]
    return rows_panel(heading, rows, axis_around([row for _, row in rows if row], unit))


def _table(benchmark: Benchmark, differences: Differences, metric: str, heading: str, unit: Unit) -> Table:
    groups = list(dict.fromkeys(group for rows in differences.by_other.values() for name, group in rows if name == metric))
    own = [(e, differences.by_other[e.label]) for e in benchmark.others]
    rows = tuple(table_row(key_of(e, benchmark.main), (difference(found.get((metric, g)), unit) for g in groups)) for e, found in own)
    in_what = "points" if unit == "points" else "claims"
    return Table(f"{heading.capitalize()}: {differences.main.label} minus the model of the row, in {in_what}.", ("Model", *groups), rows)
