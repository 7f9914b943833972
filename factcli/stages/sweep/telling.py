"""What a sweep says in words: one line, the table for people, and what the choice is worth."""

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from factcli.evalrows import is_lower_better, range_of
from factcli.sweeprows import SweepCell, ranked

HEADS = ("cell", "value", "95% interval", "against the best", "95% interval", "p (Holm)", "seconds", "")
MOST_NAMED = 3


def headline(rows: Sequence[SweepCell]) -> str:
    chosen = chosen_of(rows)
    failed = sum(bool(row.failed) for row in rows)
    parts = [f"{chosen.id} of {len(rows)} cells: {chosen.metric} {_number(chosen.value, chosen)} on dev ({_ends(chosen.low, chosen.high, chosen)})"]
    parts += [words for words in (_alike_words(rows), f"{failed} failed" if failed else "") if words]
    return "; ".join(parts)


def chosen_of(rows: Iterable[SweepCell]) -> SweepCell:
    return next(row for row in rows if row.is_chosen)


def alike(rows: Iterable[SweepCell]) -> list[SweepCell]:
    """Other cells that these answers do not tell from the best one."""
    return [row for row in rows if not (row.failed or row.is_best or row.is_behind)]


def _alike_words(rows: Sequence[SweepCell]) -> str:
    found = alike(rows)
    if not found:
        return ""
    best = next(row for row in rows if row.is_best)
    named = ", ".join(row.id for row in found[:MOST_NAMED]) + (", ..." if len(found) > MOST_NAMED else "")
    return f"{len(found)} cannot be told from {'it' if best.is_chosen else f'the best ({best.id})'}: {named}"


def notes(rows: Sequence[SweepCell], rule: str) -> list[str]:
    """What a reader must know before the choice is believed."""
    chosen, told = chosen_of(rows), [row for row in rows if not row.failed]
    found = [f"{row.id} failed: {row.failed}" for row in rows if row.failed]
    if len(told) == 1:
        return [*found, f"{chosen.id} is the only cell that was measured: nothing was chosen"]
    if alike(rows):
        how = "The first in the grid" if rule != "best" else "The largest" if not is_lower_better(chosen.metric) else "The smallest"
        found.append(f"{_alike_words(rows)}. {how} was taken; another draw of dev people may take another. More people, or --seeds, tell more apart")
    best = next(row for row in rows if row.is_best)
    found.append(f"the figure of {best.id} is the best of {len(told)} on the people that chose it, so it flatters; what it is worth is told by test people")
    return found


def rendered(rows: Sequence[SweepCell], rule: str) -> RenderableType:
    """The table, best first, and its notes."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, head in enumerate(HEADS):
        table.add_column(head, justify="left" if place in (0, len(HEADS) - 1) else "right", overflow="fold")
    for row in ranked(rows):
        table.add_row(*(Text(cell) for cell in cells_of(row)), style="bold" if row.is_chosen else None)
    first = chosen_of(rows)
    about = f"{first.metric} of {first.n_subjects:,} dev people; differences on the same items, p by swapping cells on whole people."
    return Group(table, Text(about, style="dim"), *(Text(note, style="yellow") for note in notes(rows, rule)))


def card(rows: Sequence[SweepCell], rule: str) -> str:
    """The same in Markdown."""
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    lines += [f"| {' | '.join(cells_of(row))} |" for row in ranked(rows)]
    return "\n".join([*lines, *(line for note in notes(rows, rule) for line in ("", note.replace("|", "\\|")))])


def cells_of(row: SweepCell) -> tuple[str, ...]:
    if row.failed:
        return (row.id, "-", "-", "-", "-", "-", _seconds(row), "failed")
    p_value = "-" if row.p_holm is None else "<0.001" if row.p_holm < 0.001 else f"{row.p_holm:.3f}"
    state = ", ".join(word for word, holds in (("chosen", row.is_chosen), ("best", row.is_best), ("behind", row.is_behind)) if holds)
    beside = (_number(row.difference, row, "+"), _ends(row.difference_low, row.difference_high, row, "+"))
    return (row.id, _number(row.value, row), _ends(row.low, row.high, row), *beside, p_value, _seconds(row), state)


def _seconds(row: SweepCell) -> str:
    return "-" if row.seconds is None else f"{row.seconds:,.0f}"


def _ends(low: float | None, high: float | None, row: SweepCell, sign: str = "") -> str:
    return "-" if low is None or high is None else f"{_number(low, row, sign)} to {_number(high, row, sign)}"


def _number(value: float | None, row: SweepCell, sign: str = "") -> str:
    """A share in percent, a difference of shares in points."""
    if value is None:
        return "-"
    return f"{value:{sign}.3g}" if range_of(row.metric) else f"{100 * value:{sign}.1f}"
