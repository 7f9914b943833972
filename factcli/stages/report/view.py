"""What a page consists of, free of HTML: sections of tables, plots and samples. The template draws each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.stages.report.measured import Metric
from factcli.stages.report.text import NONE, Unit, interval, number, size

Tone = Literal["", "up", "down", "level", "bad", "good", "heat", "muted"]


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table. `interval`, `size` (n) and `note` are smaller beside and below it. `heat` 0..10 shades a matrix."""

    text: str
    interval: str = ""
    size: str = ""
    note: str = ""
    tone: Tone = ""
    heat: int | None = None
    is_number: bool = False
    item: str = ""  # id of the item that it leads to


@dataclass(frozen=True, slots=True)
class Key:
    """A method as the head of a row or an entry of a legend: its mark beside its name."""

    label: str
    series: int
    note: str = ""
    is_main: bool = False
    is_line: bool = False  # the mark stands on a line


TableRow = tuple[Key | Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    caption: str
    columns: tuple[str, ...]  # the first heads the rows
    rows: tuple[TableRow, ...]
    is_matrix: bool = False

    @property
    def sizes(self) -> tuple[str, ...]:
        """The n that all cells of a column share, to be said once in its head; "" where they differ or have none."""
        return tuple(self._shared_size(place) for place in range(len(self.columns)))

    def _shared_size(self, place: int) -> str:
        found = {cell.size for row in self.rows if isinstance(cell := row[place], Cell)} - {""}
        return found.pop() if len(found) == 1 else ""


@dataclass(frozen=True, slots=True)
class Plot:
    """Panels of inline SVG side by side, as many as fit, under one caption; `legend` where panels do not name their rows."""

    caption: str
    panels: tuple[str, ...]
    legend: tuple[Key, ...] = ()
    is_wide: bool = False  # one panel that takes the whole width


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of an answer; `verdict` "" is text that no claim covers. `ledger` is the true value where it differs."""

    text: str
    verdict: Literal["", "true", "false", "unread", "repeated"] = ""
    ledger: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """One model's answer to a sampled question, its claims marked."""

    key: Key
    spans: tuple[Span, ...]
    tally: str
    id: str  # for `fact trace`


@dataclass(frozen=True, slots=True)
class Sample:
    """What every model said to one question."""

    question: str
    about: str
    truth: str
    answers: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Samples:
    people: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Browser:
    """Every item, to be searched by the reader. `packed` is what the page's script unpacks; the rest is what may be chosen."""

    packed: str
    n_items: int
    models: tuple[Key, ...]
    benchmarks: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def chosen(self) -> int:
        """The model that the filters are about at first: the main one, else the last."""
        return next((place for place, key in enumerate(self.models) if key.is_main), len(self.models) - 1)


Block = Table | Plot | Samples | Browser


@dataclass(frozen=True, slots=True)
class Section:
    """`missing` says why a section has nothing to show; it then has no blocks."""

    id: str
    title: str
    text: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Sections that answer one kind of question, under one title of the table of contents."""

    title: str
    sections: tuple[Section, ...]


def figure(metric: Metric | None, unit: Unit) -> Cell:
    """Value, interval, n."""
    if metric is None or metric.value is None:
        return Cell(NONE, "", size(metric) if metric else "", tone="muted", is_number=True)
    return Cell(number(metric.value, unit), interval(metric, unit), size(metric), is_number=True)


def difference(metric: Metric | None, unit: Unit = "points") -> Cell:
    """A difference, with a sign of what its interval shows: more, less, or neither."""
    if metric is None or metric.value is None:
        return figure(metric, unit)
    sign, tone = SIGNS[direction(metric)]
    text = number(metric.value, unit)
    if unit == "count" and metric.value > 0:
        text = f"+{text}"
    return Cell(f"{sign} {text}", interval(metric, unit), size(metric), tone=tone, is_number=True)


SIGNS: dict[int, tuple[str, Tone]] = {1: ("▲", "up"), -1: ("▼", "down"), 0: ("○", "level")}
SIGNS_EXPLAINED = "▲ more, ▼ less, ○ no difference shown: the interval holds 0."


def direction(metric: Metric) -> int:
    """1 where the whole interval is above 0, -1 below, 0 where it holds 0 or there is none."""
    if metric.low is None or metric.high is None:
        return 0
    return (metric.low > 0) - (metric.high < 0)


def table_row(head: Key | Cell, cells: Iterable[Cell]) -> TableRow:
    """A row of a table."""
    return (head, *cells)


def plain(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)


def numbers(texts: Sequence[str]) -> tuple[Cell, ...]:
    return tuple(Cell(text, is_number=True) for text in texts)
