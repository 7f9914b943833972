"""Risk against coverage: what share is wrong when only the surest are kept, drawn as a curve for each model."""

from collections.abc import Sequence

from factcli.stages.report.charts import Axis, Line, lines_chart
from factcli.stages.report.collect import Benchmark, Evaluation
from factcli.stages.report.measured import RankedClaim, ranked_answers, ranked_claims
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import number
from factcli.stages.report.view import Block, Cell, Key, Plot, Table, table_row

STEPS = 20  # of coverage, each a twentieth of what was answered
SHOWN = (5, 10, 15, 20)  # of those steps, as numbers
Points = list[tuple[float, float]]


def risk_blocks(benchmark: Benchmark, task: str, name: str) -> list[Block]:
    """The curves and a few of their numbers; nothing where no answer carries a confidence."""
    curves = {e.label: points for e in benchmark.evaluations if (points := risk_curve(_ranked(e, task)))}
    if not curves:
        return []
    of_label = {e.label: key_of(e, benchmark.main) for e in benchmark.evaluations}
    lines = [Line(of_label[label], tuple((x, y, None, None) for x, y in points), has_marks=False) for label, points in curves.items()]
    highest = max(y for points in curves.values() for _, y in points)
    across, up = Axis(0, 1, "share", "share of what was answered that is kept, the surest first"), Axis(0, highest * 1.05 or 1, "share")
    legend = tuple(Key(key.label, key.series, is_main=key.is_main, is_line=True) for label, key in of_label.items() if label in curves)
    plot = Plot(
        f"{name}: share wrong of the surest, by how many are kept. Lower is better; a flat line is a confidence that tells nothing.",
        (lines_chart(f"{name}: risk by coverage", lines, across, up),),
        legend,
        is_wide=True,
    )
    rows = tuple(table_row(of_label[label], [Cell(number(points[n - 1][1], "share"), is_number=True) for n in SHOWN]) for label, points in curves.items())
    return [plot, Table(f"{name}: share wrong of the surest, as numbers.", ("Model", *(f"{n / STEPS:.0%} kept" for n in SHOWN)), rows)]


def _ranked(evaluation: Evaluation, task: str) -> list[RankedClaim]:
    if task == "qa":
        return ranked_answers(evaluation.results.questions)
    return ranked_claims(evaluation.results.claims)


def risk_curve(ranked: Sequence[RankedClaim]) -> Points:
    """(coverage, risk) at every step; ties by subject, the wrong ones first: a tie never flatters. Empty below one item a step."""
    if len(ranked) < STEPS:
        return []
    surest = sorted(ranked, key=lambda one: (-one.confidence, one.subject, one.is_correct))
    points, n_wrong, n_kept = [], 0, 0
    for step in range(1, STEPS + 1):
        n_wanted = round(step * len(surest) / STEPS)
        n_wrong += sum(not one.is_correct for one in surest[n_kept:n_wanted])
        n_kept = n_wanted
        points.append((step / STEPS, n_wrong / n_kept))
    return points
