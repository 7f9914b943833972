"""Settings that were chosen on dev people: the table of a sweep, where a model on the page is its choice or it is asked for."""

from collections.abc import Sequence

from factcli.artifact import Artifact
from factcli.evalrows import range_of
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import Unit
from factcli.stages.report.view import Cell, Section, Table, TableRow, difference, figure, table_row
from factcli.sweeprows import SweepCell, ranked

EXPLAINED = (
    "Chosen on dev people, whom no figure of the page is about: the best of many flatters on those that chose it. Differences from the best are paired by "
    "question, intervals 95% over people, p adjusted (Holm) over all cells."
)


def sweep_sections(sweeps: Sequence[Artifact]) -> list[Section]:
    return [_section(sweep, place) for place, sweep in enumerate(sweeps)]


def _section(sweep: Artifact, place: int) -> Section:
    rows = list(sweep.rows("cells", SweepCell))
    columns = ("Cell", rows[0].metric, "from the best", "p (Holm)", "")
    table = Table(f"Every cell of the grid, by {rows[0].metric}.", columns, tuple(_row(row) for row in ranked(rows)))
    notes = tuple(str(note) for note in sweep.manifest.summary.get("notes", ()))
    return Section(f"sweep{f'-{place}' if place else ''}", f"Settings chosen: {sweep.ref}", (sweep.manifest.headline, EXPLAINED), (table,), notes)


def _row(row: SweepCell) -> TableRow:
    units: tuple[Unit, Unit] = ("count", "count") if range_of(row.metric) else ("share", "points")
    value = figure(Metric(row.metric, "all", row.value, row.low, row.high, row.n_items, row.n_subjects), units[0])
    beside = difference(Metric(row.metric, "all", row.difference, row.difference_low, row.difference_high, row.n_items, row.n_subjects), units[1])
    state = ", ".join(word for word, holds in (("chosen", row.is_chosen), ("best", row.is_best), ("told apart", row.is_behind)) if holds)
    p_value = "" if row.p_holm is None else "<0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"
    return table_row(Cell(row.id), [value, beside, Cell(p_value), Cell(row.failed or state)])
