"""Two kinds of chart: values with intervals in rows, and lines. Numbers in, SVG out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from factcli.stages.report.measured import Metric
from factcli.stages.report.svg import colour, dash, drawing, mark
from factcli.stages.report.text import Unit, clipped, in_full, number
from factcli.stages.report.view import Key
from factcli.svg import add, finished

LABEL, ROW, PLOT, RIGHT, TOP, BOTTOM = 172.0, 23.0, 156.0, 20.0, 26.0, 24.0  # of a panel with rows, in units of its view box
WIDTH, HEIGHT, LEFT = 660.0, 320.0, 46.0  # of a chart with lines


@dataclass(frozen=True, slots=True)
class Axis:
    low: float
    high: float
    unit: Unit
    title: str = ""

    def place(self, value: float, start: float, length: float) -> float:
        """Where a value lies on a stretch of the picture; values outside lie on its ends."""
        share = (value - self.low) / (self.high - self.low)
        return start + length * min(max(share, 0), 1)

    def ticks(self, n_most: int = 5) -> list[float]:
        step = _step((self.high - self.low) / n_most)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]


SHARES = Axis(0, 1, "share")


def _step(least: float) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(least))
    return next(power * n for n in (1, 2, 2.5, 5, 10) if power * n >= least * (1 - 1e-9))


def axis_around(metrics: Sequence[Metric], unit: Unit, title: str = "", zero: bool = True) -> Axis:
    """An axis that holds all intervals, and 0."""
    ends = [end for m in metrics for end in (m.value, m.low, m.high) if end is not None] + ([0.0] if zero else [])
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    room = (high - low or 0.1) * 0.06
    return Axis(low - room if low < 0 or not zero else 0, high + room, unit, title)


def tick_label(value: float, unit: Unit) -> str:
    if unit in ("share", "points"):
        return f"{100 * value:g}{'%' if unit == 'share' else ''}".replace("-", "\N{MINUS SIGN}")
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def rows_panel(title: str, rows: Sequence[tuple[Key, Metric | None]], axis: Axis, reference: float | None = None) -> str:
    """One row per method: its mark at the value, a whisker over its interval. `reference` is a dashed line."""
    height = TOP + ROW * len(rows) + BOTTOM
    told = "; ".join(f"{key.label} {in_full(metric, axis.unit)}" for key, metric in rows if metric)
    root = drawing(LABEL + PLOT + RIGHT, height, f"{title}. {told}")
    add(root, "text", {"x": 0, "y": 13, "class": "panel-title"}, title)
    for tick in axis.ticks(4):
        x = axis.place(tick, LABEL, PLOT)
        add(root, "line", {"x1": x, "x2": x, "y1": TOP, "y2": height - BOTTOM, "class": "axis" if tick == 0 else "grid"})
        add(root, "text", {"x": x, "y": height - 8, "class": "tick", "text-anchor": "middle"}, tick_label(tick, axis.unit))
    if reference is not None:
        x = axis.place(reference, LABEL, PLOT)
        add(root, "line", {"x1": x, "x2": x, "y1": TOP - 2, "y2": height - BOTTOM, "class": "reference"})
    for place, (key, metric) in enumerate(rows):
        _row(root, key, metric, axis, TOP + ROW * (place + 0.5))
    return finished(root)


def _row(root: ET.Element, key: Key, metric: Metric | None, axis: Axis, y: float) -> None:
    group = add(root, "g", {})
    full = f"{key.label}: {in_full(metric, axis.unit)}" if metric else f"{key.label}: not measured"
    add(group, "title", {}, full)
    add(group, "text", {"x": LABEL - 10, "y": y + 4, "class": "row-label main" if key.is_main else "row-label", "text-anchor": "end"}, clipped(key.label, 22))
    if metric is None or metric.value is None:
        add(group, "text", {"x": LABEL + 4, "y": y + 4, "class": "tick"}, "nothing to count" if metric else "not measured")
        return
    if metric.low is not None and metric.high is not None:
        low, high = axis.place(metric.low, LABEL, PLOT), axis.place(metric.high, LABEL, PLOT)
        add(group, "line", {"x1": low, "x2": high, "y1": y, "y2": y, "class": f"whisker {colour(key.series)}"})
        for end in (low, high):
            add(group, "line", {"x1": end, "x2": end, "y1": y - 4, "y2": y + 4, "class": f"whisker {colour(key.series)}"})
    mark(group, key.series, axis.place(metric.value, LABEL, PLOT), y)


@dataclass(frozen=True, slots=True)
class Line:
    """A series of points: x, y and the ends of y's interval (None without one)."""

    key: Key
    points: tuple[tuple[float, float, float | None, float | None], ...]
    has_marks: bool = True  # else the mark stands at the end alone


def lines_chart(title: str, lines: Sequence[Line], x_axis: Axis, y_axis: Axis) -> str:
    told = "; ".join(f"{line.key.label} from {number(line.points[0][1], y_axis.unit)} to {number(line.points[-1][1], y_axis.unit)}" for line in lines)
    root = drawing(WIDTH, HEIGHT, f"{title}. {told}")
    add(root, "text", {"x": 0, "y": 13, "class": "panel-title"}, title)
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - 40
    _frame(root, x_axis, y_axis, width, height)
    for place, line in enumerate(lines):
        shift = (place - (len(lines) - 1) / 2) * 5 if line.has_marks else 0  # so that whiskers stand side by side
        xs = [x_axis.place(x, LEFT, width) + shift for x, _, _, _ in line.points]
        ys = [y_axis.place(y, TOP + height, -height) for _, y, _, _ in line.points]
        _line(root, line, xs, ys)
        _whiskers(root, line, xs, y_axis, height)
    return finished(root)


def _frame(root: ET.Element, x_axis: Axis, y_axis: Axis, width: float, height: float) -> None:
    for tick in y_axis.ticks(5):
        y = y_axis.place(tick, TOP + height, -height)
        add(root, "line", {"x1": LEFT, "x2": LEFT + width, "y1": y, "y2": y, "class": "grid"})
        add(root, "text", {"x": LEFT - 7, "y": y + 4, "class": "tick", "text-anchor": "end"}, tick_label(tick, y_axis.unit))
    for tick in x_axis.ticks(8):
        x = x_axis.place(tick, LEFT, width)
        add(
            root,
            "text",
            {"x": x, "y": TOP + height + 17, "class": "tick", "text-anchor": "middle"},
            tick_label(tick, x_axis.unit) if x_axis.unit == "share" else f"{tick:,g}",
        )
    add(root, "line", {"x1": LEFT, "x2": LEFT + width, "y1": TOP + height, "y2": TOP + height, "class": "axis"})
    add(root, "text", {"x": LEFT + width / 2, "y": HEIGHT - 4, "class": "axis-title", "text-anchor": "middle"}, x_axis.title)


def _line(root: ET.Element, line: Line, xs: Sequence[float], ys: Sequence[float]) -> None:
    group = add(root, "g", {})
    add(group, "title", {}, line.key.label)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
    add(group, "polyline", {"points": path, "class": f"line {colour(line.key.series)}", "stroke-dasharray": dash(line.key.series)})
    marked = list(zip(xs, ys, strict=True)) if line.has_marks else [(xs[-1], ys[-1])]
    for x, y in marked:
        mark(group, line.key.series, x, y, 0.8)


def _whiskers(root: ET.Element, line: Line, xs: Sequence[float], y_axis: Axis, height: float) -> None:
    for x, (_, _, low, high) in zip(xs, line.points, strict=True):
        if low is not None and high is not None:
            y1, y2 = (y_axis.place(end, TOP + height, -height) for end in (low, high))
            add(root, "line", {"x1": x, "x2": x, "y1": y1, "y2": y2, "class": f"whisker thin {colour(line.key.series)}"})
