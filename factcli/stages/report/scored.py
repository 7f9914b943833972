"""Figures of long answers that a judge scored claim by claim."""

from collections.abc import Sequence

from factcli.stages.report.collect import Scores
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import Unit
from factcli.stages.report.view import Cell, Section, Table, figure, table_row

# metric -> heading, unit; always together: a model can look truthful by saying little.
FIGURES: dict[str, tuple[str, Unit]] = {
    "precision": ("claims supported", "share"),
    "facts_per_response": ("claims per answer", "count"),
    "factscore": ("FActScore", "share"),
    "f1_at_k": ("F1@K", "share"),
    "respond_ratio": ("answered", "share"),
    "unscored_share": ("claims not scored", "share"),
}


def scores_section(scores: Sequence[Scores]) -> Section:
    """A row for each scored artifact."""
    rows = tuple(table_row(Cell(f"{one.writer} ({one.artifact.ref})"), _cells(one)) for one in scores)
    table = Table(
        "Over all answers; each claim is judged by evidence, which stands under it in every item.", ("Model", *(h for h, _ in FIGURES.values())), rows
    )
    return Section("scored", "Long answers, judged claim by claim", tuple(one.artifact.manifest.headline for one in scores), (table,))


def _cells(scores: Scores) -> list[Cell]:
    found = {row.metric: row for row in scores.artifact.rows("metrics", Metric) if row.group == "all"}
    return [figure(found.get(name), unit) for name, (_, unit) in FIGURES.items()]
