"""Answers that a judge compared in both orders: wins, ties and losses with intervals, and how far the order decided."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from factcli.judgedrows import SAME_WORDS, Duel, Preferred
from factcli.stages.report.charts import SHARES, rows_panel
from factcli.stages.report.collect import Collected, Pairwise
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import interval
from factcli.stages.report.view import Block, Cell, Key, Plot, Section, Table, figure, numbers, table_row

EXPLAINED = (
    "A judge saw both answers to a question twice, each of them first once. An answer wins where it is preferred in both orders; a verdict that turns with the "
    "order is a tie. In the win rate a tie is half a win. Intervals: 95%, over subjects."
)
SHARES_OF = {"win": "wins", "tie": "ties", "lose": "loses"}
PREFERRED: tuple[Preferred, ...] = ("a", "tie", "b", "unread")


def pairwise_sections(collected: Collected) -> list[Section]:
    return [_section(pairwise, place) for place, pairwise in enumerate(collected.pairwise)]


def _section(pairwise: Pairwise, place: int) -> Section:
    metrics = {(row.group, row.metric.removeprefix("pairwise.")): row for row in pairwise.artifact.rows("metrics", Metric)}
    groups = list(dict.fromkeys(group for group, _ in metrics))
    duels = list(pairwise.artifact.rows("duels", Duel))
    blocks: tuple[Block, ...] = (_plot(pairwise, metrics, groups), _figures(pairwise, metrics, groups), _orders(pairwise, duels), _turned(metrics, groups))
    text = (f"{pairwise.a} against {pairwise.b}, by {pairwise.artifact.summary.get('judge', 'a judge')}. {EXPLAINED}",)
    return Section(f"pairwise{f'-{place}' if place else ''}", f"Judged in pairs: {pairwise.a} against {pairwise.b}", text, blocks, tuple(_notes(pairwise)))


Found = Mapping[tuple[str, str], Metric]  # (group, figure)


def _plot(pairwise: Pairwise, metrics: Found, groups: Sequence[str]) -> Plot:
    shares = [
        (Key(f"{pairwise.a} {word}" if name != "tie" else word, place), metrics.get(("all", name))) for place, (name, word) in enumerate(SHARES_OF.items())
    ]
    rates = [(Key(group, 1 if group == "all" else 2), metrics.get((group, "win_rate"))) for group in groups]
    panels = (rows_panel("Of the questions", shares, SHARES), rows_panel(f"Win rate of {pairwise.a}", rates, SHARES, 0.5))
    return Plot("The dashed line is where neither is better.", panels)


def _figures(pairwise: Pairwise, metrics: Found, groups: Sequence[str]) -> Table:
    columns = ("Questions", *(f"{pairwise.a} {word}" if name != "tie" else word for name, word in SHARES_OF.items()), "win rate", "not read")
    rows = tuple(table_row(Cell(group), _cells(metrics, group)) for group in groups)
    return Table("Wins, ties and losses.", columns, rows)


def _cells(metrics: Found, group: str) -> Iterator[Cell]:
    for name in (*SHARES_OF, "win_rate"):
        cell, bounds = figure(metrics.get((group, name)), "share"), metrics.get((group, "win_rate.bounds"))
        is_open = name == "win_rate" and bounds is not None and bounds.low != bounds.high
        yield replace(cell, note=f"were all that is not read lost, or won: {interval(bounds, 'share')}") if is_open and bounds else cell
    yield figure(metrics.get((group, "unscored_share")), "share")


def _orders(pairwise: Pairwise, duels: Sequence[Duel]) -> Table:
    """Counts, of the questions that were asked in both orders."""
    asked = [duel for duel in duels if duel.reason != SAME_WORDS]
    told = {pairwise.a: Counter(duel.a_first for duel in asked), pairwise.b: Counter(duel.b_first for duel in asked)}
    columns = ("Shown first", f"prefers {pairwise.a}", "tie", f"prefers {pairwise.b}", "not read")
    rows = tuple(table_row(Cell(first), numbers([f"{counts[one]:,}" for one in PREFERRED])) for first, counts in told.items())
    return Table("What the judge prefers in each order. A judge whom the order does not sway has two equal rows.", columns, rows)


def _turned(metrics: Found, groups: Sequence[str]) -> Table:
    names = {"position_bias": "verdict turns with the order", "first_share": "the first shown is preferred"}
    rows = tuple(table_row(Cell(group), [figure(metrics.get((group, name)), "share") for name in names]) for group in groups)
    return Table("Of the questions in which an answer was preferred in both orders. Without bias: 0% and 50%.", ("Questions", *names.values()), rows)


def _notes(pairwise: Pairwise) -> Iterator[str]:
    tested = pairwise.artifact.summary.get("sign_test")
    if isinstance(tested, Mapping) and tested.get("p_value") is not None:
        against = f"{tested['plus']} subjects for {pairwise.a}, {tested['minus']} for {pairwise.b}, {tested['even']} for neither"
        yield f"Sign test over subjects: {against}; p = {tested['p_value']:.3g}."
    same = pairwise.artifact.manifest.counts.get(SAME_WORDS)
    if same:
        yield f"{same:,} questions have two answers in the same words: ties, and the judge was not asked."
    left_out = pairwise.artifact.manifest.counts.get("left_out")
    if isinstance(left_out, Mapping) and left_out:
        yield "Left out: " + ", ".join(f"{n:,} {why}" for why, n in left_out.items()) + "."
