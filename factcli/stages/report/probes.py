"""What else was asked of the models: how sure their words are against a threshold on probability, and what was forgotten."""

from collections.abc import Iterable

from factcli.artifact import Artifact
from factcli.judge.typed_answers import FittedThreshold, RiskAtCoverage, TypeShare
from factcli.stages.report.charts import Axis, Line, lines_chart
from factcli.stages.report.collect import Collected
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import NONE, Unit, number
from factcli.stages.report.view import Block, Cell, Key, Plot, Section, Table, TableRow, difference, figure, table_row

RESPONSES, FORGETTING = "eval response-types", "eval forgetting"
TYPES = ("certain", "unsure", "unknown")
TEXT = (
    "Each answer is certain, unsure or unknown: by what the model says, and by a threshold on the probability of its answer, fitted on other people. If a type "
    "tells what is known, unknown is frequent where the base is wrong and rare where it is right.",
)


def probe_sections(collected: Collected) -> list[Section]:
    of_stage = {stage: [a for a in collected.probes if a.manifest.stage == stage] for stage in (RESPONSES, FORGETTING)}
    found = [_responses(probe, n) for n, probe in enumerate(of_stage[RESPONSES])]
    return [*found, *([_forgetting(of_stage[FORGETTING])] if of_stage[FORGETTING] else [])]


def _responses(probe: Artifact, place: int) -> Section:
    model, beside = (str(probe.summary.get(name, NONE)) for name in ("model", "threshold_model"))
    names = {"words": f"words of {model}", "threshold": f"probability of {beside}"}
    shares = list(probe.rows("types", TypeShare))
    blocks: list[Block] = [*_risk(list(probe.rows("risk_coverage", RiskAtCoverage)), names)]
    blocks += [_types(shares, source, name) for source, name in names.items()]
    blocks.append(_thresholds(probe.rows("thresholds", FittedThreshold), beside))
    title = "Certain, unsure, unknown" if place == 0 else f"Certain, unsure, unknown: {probe.ref}"
    return Section(f"responses{f'-{place}' if place else ''}", title, (probe.manifest.headline, *TEXT), tuple(blocks))


def _risk(rows: list[RiskAtCoverage], names: dict[str, str]) -> list[Block]:
    if not rows:
        return []
    keys = {source: Key(name, place, is_line=True) for place, (source, name) in enumerate(names.items(), 1)}
    lines = [Line(key, tuple(_point(row, source) for row in rows if getattr(row, source) is not None)) for source, key in keys.items()]
    drawn = [line for line in lines if line.points]
    if not drawn:
        return []
    highest = max(end or 0 for line in drawn for _, y, _, high in line.points for end in (y, high))
    across, up = Axis(0, 1, "share", "share of the questions that is answered, the surest first"), Axis(0, highest * 1.05 or 1, "share")
    plot = Plot(
        "Share wrong by how many are answered. Lower is better. Whiskers are 95% intervals.",
        (lines_chart("Risk by coverage", drawn, across, up),),
        tuple(line.key for line in drawn),
        is_wide=True,
    )
    return [plot, _risk_table(rows, names)]


def _point(row: RiskAtCoverage, source: str) -> tuple[float, float, float | None, float | None]:
    return row.coverage, getattr(row, source), getattr(row, f"{source}_low"), getattr(row, f"{source}_high")


def _risk_table(rows: list[RiskAtCoverage], names: dict[str, str]) -> Table:
    told = tuple(
        (
            Cell(f"{row.coverage:.0%} answered"),
            *(figure(Metric("", "", *_point(row, source)[1:], row.n_items, row.n_subjects), "share") for source in names),
            difference(Metric("", "", row.difference, row.difference_low, row.difference_high, row.n_items, row.n_subjects)),
        )
        for row in rows
    )
    return Table(
        "The curves as numbers; the difference is paired: above 0 the threshold is better.", ("Of the questions", *names.values(), "difference, points"), told
    )


def _types(shares: list[TypeShare], source: str, name: str) -> Table:
    own = [row for row in shares if row.source == source and row.group == "all"]
    columns = ("The base", *(heading for kind in TYPES for heading in (kind, f"right when {kind}") if heading != "right when unknown"))
    words = {"known": "has it right", "unknown": "has it wrong", "all": "all questions"}
    rows = tuple(table_row(Cell(words[knows]), _type_cells([row for row in own if row.base_knows == knows])) for knows in words)
    return Table(f"Types by {name}.", columns, rows)


def _type_cells(rows: list[TypeShare]) -> Iterable[Cell]:
    of_type: dict[str, TypeShare] = {row.type: row for row in rows}
    for kind in TYPES:
        row = of_type.get(kind)
        yield figure(Metric("", "", row.share, row.low, row.high, row.n_items, row.n_subjects) if row else None, "share")
        if kind != "unknown":
            yield figure(Metric("", "", row.accuracy, row.accuracy_low, row.accuracy_high, row.n_of_type, row.n_subjects) if row else None, "share")


def _thresholds(rows: Iterable[FittedThreshold], model: str) -> Table:
    columns = ("At or above it, an answer is", "probability", "fitted for", "dev: right", "dev: kept", "test: right", "test: kept")
    return Table(f"Thresholds on the probability of {model}, fitted on dev people.", columns, tuple(map(_threshold_row, rows)))


def _threshold_row(row: FittedThreshold) -> TableRow:
    shares = [number(value, "share") for value in (row.dev_precision, row.dev_coverage, row.test_precision, row.test_coverage)]
    name = "certain" if row.id == "certain" else "not unknown"
    return (
        Cell(name),
        Cell(number(row.value, "score"), is_number=True),
        Cell(f"{row.rule} {row.target:.0%}"),
        *(Cell(share, is_number=True) for share in shares),
    )


def _forgetting(probes: list[Artifact]) -> Section:
    """A row for each pair of models; the figures as they are named."""
    figures = {probe.ref: {row.metric: row for row in probe.rows("metrics", Metric) if row.group == "all"} for probe in probes}
    names = list(dict.fromkeys(name for found in figures.values() for name in found))
    rows = tuple(table_row(Cell(_pair(probe)), (figure(figures[probe.ref].get(name), _unit(name)) for name in names)) for probe in probes)
    headings = (name.removeprefix("forgetting.").replace("_", " ") for name in names)
    text = ("Questions that the model before answered right, asked of the model after.", *(probe.manifest.headline for probe in probes))
    return Section("forgetting", "What was forgotten", text, (Table("Over all questions.", ("Models", *headings), rows),))


def _unit(name: str) -> Unit:
    return "points" if name.endswith("difference") else "share"


def _pair(probe: Artifact) -> str:
    return f"{probe.summary.get('model', probe.name)} after {probe.summary.get('before', 'the base')}"
