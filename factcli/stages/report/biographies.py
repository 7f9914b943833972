"""Biographies: how much is said and how much of it is true, never one without the other."""

from dataclasses import dataclass

from factcli.stages.report.charts import Axis, Line, axis_around, lines_chart, rows_panel
from factcli.stages.report.collect import Benchmark, Evaluation
from factcli.stages.report.measured import Metric, Results, ranked_claims
from factcli.stages.report.methods import key_of
from factcli.stages.report.questions import group_table, metric_table, share_panel
from factcli.stages.report.text import Unit
from factcli.stages.report.view import SIGNS_EXPLAINED, Block, Cell, Key, Plot, Section, Table, TableRow, difference, figure, table_row
from factcli.stats import Estimate, share_at_equal_claims

TITLE = "Biographies"
TOGETHER: tuple[tuple[str, str, Unit], ...] = (
    ("bio.claims_per_answer", "claims per biography", "count"),
    ("bio.share_correct", "share of claims true", "share"),
    ("bio.number_correct", "true claims per biography", "count"),
)
JUDGED: tuple[tuple[str, str, Unit], ...] = (
    ("bio.abstention", "declined to write", "share"),
    ("bio.unread_share", "text not read", "share"),
    ("bio.unscored_share", "claims not judged", "share"),
    ("bio.share_correct_bounds", "share true if all unjudged were false .. true", "share"),
    ("bio.repeated_per_answer", "repeated claims per biography", "count"),
)


@dataclass(frozen=True, slots=True)
class EqualClaims:
    """The main model against another, each cut to its surest claims, the same number of both."""

    n_claims: int
    main: Metric
    other: Metric
    difference: Metric


def equal_claims(main: Results, other: Results) -> EqualClaims:
    asked = {answer.subject for results in (main, other) for answer in results.biographies}
    cut = share_at_equal_claims({"main": ranked_claims(main.claims), "other": ranked_claims(other.claims)}, asked)
    mine, others = (_metric(cut.by_method[name].estimate()) for name in ("main", "other"))
    return EqualClaims(cut.n_claims, mine, others, _metric(cut.difference("main", "other")))


def _metric(estimate: Estimate) -> Metric:
    return Metric("at equal claims", "all", estimate.value, estimate.low, estimate.high, estimate.n_items, estimate.n_clusters)


def biographies_section(benchmark: Benchmark) -> Section:
    written = tuple(e for e in benchmark.evaluations if e.results.biographies)
    if not written:
        return Section("biographies", TITLE, missing="These evaluations have no biographies.")
    group, people = benchmark.whom
    own = Benchmark(written, benchmark.base, benchmark.main)
    text = (
        "A model can look truthful by saying little. So the number of claims, the share of them that is true and the number that is true stand side by side, "
        "and models are compared at an equal number of claims: each keeps its surest ones.",
    )
    blocks: list[Block] = [
        Plot(f"{people.capitalize()}, with 95% intervals.", _together_panels(own)),
        metric_table(own, f"{people.capitalize()}.", TOGETHER, group),
    ]
    blocks += _equal_blocks(own) + _curve_blocks(own)
    blocks += [group_table(own, metric, f"{heading.capitalize()}, by popularity.", own.groups(metric), unit) for metric, heading, unit in TOGETHER]
    blocks.append(
        metric_table(own, "What could not be judged, and what the share true would be if all of it were false, or true (the interval of that column).", JUDGED)
    )
    return Section("biographies", TITLE, text, tuple(blocks))


def _together_panels(benchmark: Benchmark) -> tuple[str, ...]:
    panels = []
    group, _ = benchmark.whom
    for metric, heading, unit in TOGETHER:
        found = [f for e in benchmark.evaluations if (f := e.figures.get((metric, group)))]
        axis = Axis(0, 1, unit) if unit == "share" else axis_around(found, unit)
        panels.append(share_panel(benchmark, metric, group, heading, axis))
    return tuple(panels)


def _equal_blocks(benchmark: Benchmark) -> list[Block]:
    main = benchmark.main
    if main is None or main not in benchmark.evaluations or len(benchmark.evaluations) < 2:
        return []
    group, people = benchmark.whom
    members = _members(benchmark, group)
    pairs = [(key_of(e, main), equal_claims(main.results.of_groups(members), e.results.of_groups(members))) for e in benchmark.others]
    axis = axis_around([pair.difference for _, pair in pairs], "points")
    panel = rows_panel(f"{main.label} minus the other, in points", [(key, pair.difference) for key, pair in pairs], axis)
    rows = tuple(_equal_row(key, pair) for key, pair in pairs)
    columns = ("Model", "claims kept of each", "its share true", f"{main.label}'s share true", f"{main.label} minus it, points")
    caption = f"The same as numbers; the difference is paired: the same people are redrawn for both. {SIGNS_EXPLAINED}"
    return [Plot(f"Share of claims true at an equal number of claims, {people}.", (panel,)), Table(caption, columns, rows)]


def _members(benchmark: Benchmark, group: str) -> set[str]:
    """The popularity groups that a group of figures takes together."""
    present = {answer.group for e in benchmark.evaluations for answer in e.results.biographies}
    return present - {"unseen"} if group == "seen" else present


def _equal_row(key: Key, pair: EqualClaims) -> TableRow:
    return key, Cell(f"{pair.n_claims:,}", is_number=True), figure(pair.other, "share"), figure(pair.main, "share"), difference(pair.difference)


def _curve_blocks(benchmark: Benchmark) -> list[Block]:
    """For all people, and for those that the base has read about."""
    blocks: list[Block] = []
    for group, whom in (("all", "all people"), ("seen", "people that pre-training mentions")):
        curves = {e.label: curve for e in benchmark.evaluations if (curve := _curve(e, group))}
        if curves:
            blocks += _one_curve(benchmark, curves, whom)
    return blocks


def _curve(evaluation: Evaluation, group: str) -> list[tuple[int, Metric]]:
    prefix = "bio.share_correct_of_"
    found = [(int(name.removeprefix(prefix)), m) for (name, own), m in evaluation.figures.items() if name.startswith(prefix) and own == group]
    return sorted(((k, m) for k, m in found if m.value is not None), key=lambda point: point[0])


def _one_curve(benchmark: Benchmark, curves: dict[str, list[tuple[int, Metric]]], whom: str) -> list[Block]:
    of_label = {e.label: key_of(e, benchmark.main) for e in benchmark.evaluations}
    lines = [Line(of_label[label], tuple((float(k), m.value or 0, m.low, m.high) for k, m in curve)) for label, curve in curves.items()]
    ks = sorted({k for curve in curves.values() for k, _ in curve})
    x_axis = Axis(ks[0] - 0.4, ks[-1] + 0.4, "count", "claims kept of each biography, the surest first")
    y_axis = axis_around([m for curve in curves.values() for _, m in curve], "share")
    panel = lines_chart(f"Share of kept claims that are true, {whom}", lines, x_axis, y_axis)
    legend = tuple(Key(key.label, key.series, is_main=key.is_main, is_line=True) for label, key in of_label.items() if label in curves)
    rows = tuple(table_row(of_label[label], (figure(dict(curve).get(k), "share") for k in ks)) for label, curve in curves.items())
    table = Table(f"The curve as numbers, {whom}.", ("Model", *(f"{k} kept" for k in ks)), rows)
    return [Plot(f"Claims kept against share true, {whom}. Marks of one number of claims stand side by side.", (panel,), legend, is_wide=True), table]
