"""What `fact compare` found: verdicts, differences with their tests, curves, and what was gained, lost and invented."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.artifact import Artifact
from factcli.comparisonrows import ChangedClaim, ComparedCurvePoint, ComparedFigure, ShipVerdict
from factcli.stages.report.charts import Axis, Line, axis_around, lines_chart, rows_panel
from factcli.stages.report.collect import Collected
from factcli.stages.report.measured import Metric
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import NONE, Unit, clipped, number
from factcli.stages.report.view import SIGNS_EXPLAINED, Block, Cell, Key, Plot, Section, Table, TableRow, difference, numbers, table_row

SHOWN_CHANGES = 20  # of each kind on the page; all are in the artifact, and all items stand under "Every item"
LONGEST = 160
MOST_MARKS = 12  # of one line: more run into each other
CHANGES = ("gained", "lost", "invented")
COUNTED = {  # column -> its count in the summary, and how that is written
    **{kind: (kind, ",") for kind in CHANGES},
    "for something right": ("invented_for_right", ","),
    "for silence": ("invented_for_silence", ","),
    "for another falsehood": ("invented_for_falsehood", ","),
    "falsehoods dropped": ("falsehoods_dropped", ","),
    "net falsehoods": ("falsehoods_net", "+,"),
}
CHANGES_EXPLAINED = (
    "Gained: true, and the baseline did not say it. Lost: the baseline had it right. Invented: false, and the baseline did not say it, mostly one falsehood "
    "for another: the net is what is invented less the baseline's falsehoods that the model dropped. Beside each the row "
    "nearest to it of the model's training; what the baseline was trained on too explains no difference and is left out."
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The mark and name of every evaluation that the page knows; one that it does not know is called by its reference."""

    of_ref: dict[str, Key]

    def of(self, ref: str) -> Key:
        return self.of_ref.setdefault(ref, Key(ref, len(self.of_ref) + 2))


def comparison_sections(collected: Collected) -> list[Section]:
    keys = Keys({e.artifact.ref: key_of(e, b.main) for b in (*collected.others.values(), collected.first) for e in b.evaluations})
    return [section for n, comparison in enumerate(collected.comparisons) for section in _sections(comparison, n, keys)]


def _sections(comparison: Artifact, place: int, keys: Keys) -> Iterable[Section]:
    rows = list(comparison.rows("differences", ComparedFigure))
    if not rows:
        return
    suffix = f"-{place}" if place else ""
    of_all = [row for row in rows if row.group == "all"]
    blocks = [_verdicts(comparison, keys), *_figures(of_all, "gain", keys), *_figures(of_all, "drift", keys), *_groups(rows, keys)]
    notes = tuple(comparison.summary.get("notes", ()))  # doubts that the terminal told too
    yield Section(f"comparison{suffix}", f"Compared: {comparison.ref}", (comparison.manifest.headline, _explained(of_all)), tuple(blocks), notes)
    curves = _curves(list(comparison.rows("curves", ComparedCurvePoint)), keys)
    if curves:
        yield Section(f"comparison-curves{suffix}", f"Curves of {comparison.ref}", blocks=tuple(curves))
    changed = list(comparison.rows("changed", ChangedClaim))
    if changed:
        yield Section(
            f"changed{suffix}",
            "Gained, lost, invented",
            (CHANGES_EXPLAINED, *_not_traced(comparison, keys)),
            tuple(_changed(changed, comparison.summary.get("changed", {}), keys)),
        )


def _explained(rows: Sequence[ComparedFigure]) -> str:
    unit = "worlds" if rows[0].n_worlds > 1 else "subjects"
    n_family = sum(row.p_holm is not None for row in rows)
    return (
        f"Model minus baseline on the same items. Intervals: 95%, {rows[0].interval}; {unit} are the unit of intervals and tests. p is two-sided; "
        f"Holm adjusts it over {n_family} tests, those of the figures that decide; the others stand beside. Could show: the difference that this many "
        f"{unit} find in 4 of 5 runs. {SIGNS_EXPLAINED} Teal is better, red is worse."
    )


def _verdicts(comparison: Artifact, keys: Keys) -> Table:
    rows = tuple(_verdict_row(verdict, keys) for verdict in comparison.rows("verdicts", ShipVerdict))
    return Table("May it take the baseline's place? It gains, and what that costs elsewhere stays within the margin.", ("Model", "verdict", "why"), rows)


def _verdict_row(verdict: ShipVerdict, keys: Keys) -> TableRow:
    judged = Cell("✓ shippable", tone="good") if verdict.is_shippable else Cell("✗ not shippable", tone="bad")
    return keys.of(verdict.model), judged if verdict.is_asked else Cell("not asked for: no drift was measured"), Cell("; ".join(verdict.reasons))


def _figures(rows: Sequence[ComparedFigure], role: str, keys: Keys) -> list[Block]:
    own = [row for row in rows if row.role == role]
    if not own:
        return []
    what = "What was to gain" if role == "gain" else "Drift: what it cost elsewhere"
    is_planned = any(row.planned is not None for row in own)
    columns = ("Model", "figure", "baseline", "the model", "difference", "p", "p, Holm", "could show", *(["planned"] if is_planned else []))
    table = Table(f"{what}. Shares in percent, their differences in points.", columns, tuple(_row(row, keys, is_planned) for row in own))
    metrics = list(dict.fromkeys(row.metric for row in own if row.is_share and row.difference is not None))
    panels = tuple(_panel(metric, [row for row in own if row.metric == metric], keys) for metric in metrics)
    return [*([Plot(f"{what}: differences in points with 95% intervals. Right of the line: more.", panels)] if panels else []), table]


def _panel(metric: str, rows: Sequence[ComparedFigure], keys: Keys) -> str:
    drawn = [(keys.of(row.model), _difference(row)) for row in rows]
    return rows_panel(f"{metric}{' (less is better)' if rows[0].is_lower_better else ''}", drawn, axis_around([m for _, m in drawn], "points"))


def _difference(row: ComparedFigure) -> Metric:
    return Metric(row.metric, row.group, row.difference, row.low, row.high, row.n_items, row.n_subjects)


def _row(row: ComparedFigure, keys: Keys, is_planned: bool) -> TableRow:
    plain: Unit = "share" if row.is_share else "count"
    values = numbers([number(row.baseline_value, plain), number(row.value, plain)])
    name = Cell(row.metric, note="less is better" if row.is_lower_better else "")
    shown = [row.smallest, row.planned] if is_planned else [row.smallest]
    smallest = [number(value, "points" if row.is_share else "count").lstrip("+") for value in shown]
    return (keys.of(row.model), name, *values, difference_cell(row), *numbers([_p(row.p_value), _p(row.p_holm), *smallest]))


def difference_cell(row: ComparedFigure) -> Cell:
    """More is better and less worse, or the other way where less is better."""
    cell = difference(_difference(row), "points" if row.is_share else "count")
    turned = {"up": "down", "down": "up"}
    worlds = f"{row.n_same_sign} of {row.n_worlds} worlds agree" if row.n_worlds > 1 and row.n_same_sign is not None else ""
    return replace(cell, tone=turned.get(cell.tone, cell.tone) if row.is_lower_better else cell.tone, note=worlds)  # type: ignore[arg-type]  # of Tone


def _p(value: float | None) -> str:
    return NONE if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _groups(rows: Sequence[ComparedFigure], keys: Keys) -> list[Block]:
    """The first figure by group of items: a look at where a difference comes from, outside the family of tests."""
    first = next((row.metric for row in rows if row.role == "gain"), "")
    own = [row for row in rows if row.metric == first and row.role == "gain"]
    groups = list(dict.fromkeys(row.group for row in own))
    if len(groups) < 3:  # all, and one that is the same
        return []
    found = {(row.model, row.group): difference_cell(row) for row in own}
    models = dict.fromkeys(row.model for row in own)
    told = tuple(table_row(keys.of(model), (found.get((model, group), Cell(NONE)) for group in groups)) for model in models)
    return [Table(f"{first} by group: a look at where a difference comes from, with intervals that no test is adjusted for.", ("Model", *groups), told)]


def _curves(points: Sequence[ComparedCurvePoint], keys: Keys) -> list[Block]:
    return [_curve([p for p in points if (p.curve, p.metric) == one], *one, keys) for one in dict.fromkeys((p.curve, p.metric) for p in points)]


def _curve(points: Sequence[ComparedCurvePoint], curve: str, metric: str, keys: Keys) -> Plot:
    lines = [
        Line(replace(keys.of(model), is_line=True), own := tuple((p.x, p.y, None, None) for p in points if p.model == model), has_marks=len(own) <= MOST_MARKS)
        for model in dict.fromkeys(p.model for p in points)
    ]
    furthest, highest = max(p.x for p in points), max(p.y for p in points)
    if curve == "risk":
        title, across = f"{metric}: share wrong of the surest", Axis(0, 1, "share", "share of what was asked, the surest first")
    else:
        title, across = f"{metric}: share true", Axis(0, furthest + 0.5, "count", "claims kept of each answer, the surest first")
    return Plot(f"{title}.", (lines_chart(title, lines, across, Axis(0, highest * 1.05 or 1, "share")),), tuple(line.key for line in lines), is_wide=True)


def _not_traced(comparison: Artifact, keys: Keys) -> list[str]:
    missing = comparison.summary.get("not_traced", {})
    return [f"Not searched for rows near what {keys.of(model).label} says: {'; '.join(what)}." for model, what in missing.items()]


def _counts(counts: Mapping[str, Mapping[str, int]], keys: Keys) -> Table:
    """What comparisons of earlier versions did not count is left open."""
    told = {keys.of(model): [f"{found[name]:{form}}" if name in found else NONE for name, form in COUNTED.values()] for model, found in counts.items()}
    return Table("How many.", ("Model", *COUNTED), tuple(table_row(key, numbers(cells)) for key, cells in told.items()))


def _changed(changed: Sequence[ChangedClaim], counts: Mapping[str, Mapping[str, int]], keys: Keys) -> Iterable[Block]:
    models = list(dict.fromkeys(row.model for row in changed))
    yield _counts(counts, keys)
    for model in models:
        for kind in CHANGES:
            own = [row for row in changed if (row.model, row.change) == (model, kind)]
            if own:
                yield _changes(own, kind, keys.of(model).label)


def _changes(rows: Sequence[ChangedClaim], kind: str, label: str) -> Table:
    shown = rows[:SHOWN_CHANGES]
    left = f": the first {len(shown)} of {len(rows):,}, all are in its table of changes" if len(shown) < len(rows) else ""
    columns = ("Asked", kind, "the baseline", "the model", "nearest in training")
    return Table(f"{kind.capitalize()} by {label}{left}.", columns, tuple(_change_row(row) for row in shown))


def _change_row(row: ChangedClaim) -> TableRow:
    near = Cell(clipped(row.near_texts[0], LONGEST), note=f"{row.near_whys[0]}: {row.near_ids[0]} of {row.near_sources[0]}") if row.near_ids else Cell(NONE)
    tone = "good" if row.change == "gained" else "bad"
    said = (Cell(clipped(row.claim, LONGEST), tone=tone), Cell(clipped(row.before, LONGEST) or NONE), Cell(clipped(row.after, LONGEST) or NONE))  # type: ignore[arg-type]  # of Tone
    return (Cell(clipped(row.question, LONGEST), item=row.question_id), *said, near)
