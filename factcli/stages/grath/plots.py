"""A loop's figures by round, and one round's training by step, as SVG that stands alone. The numbers are rows of tables."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from factcli.preferencerows import Drift, PreferenceStep, Round

SIDE, HIGH, LEFT, TOP, BOTTOM, RIGHT = 190.0, 120.0, 46.0, 34.0, 34.0, 14.0  # of one panel's plot and around it
COLUMNS = 4
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#333}.title{font-weight:600}.grid{stroke:#ddd}.axis{stroke:#333}"
    ".line{fill:none;stroke:#2a6fb0;stroke-width:1.5}.other{fill:none;stroke:#b3541e;stroke-width:1.5;stroke-dasharray:5 3}"
    ".dot{fill:#2a6fb0}.rejected{fill:#fff;stroke:#b3541e;stroke-width:1.5}"
)


class Point(NamedTuple):
    """`is_kept` False: of a rejected round, drawn hollow."""

    x: float
    y: float
    is_kept: bool = True


class Panel(NamedTuple):
    """One small chart: a line, and a dashed one where there is another split."""

    title: str
    points: Sequence[Point]
    others: Sequence[Point] = ()
    has_dots: bool = True


def rounds_plot(start: Drift, rounds: Sequence[Round]) -> str:
    """Each figure of the gate by round; the start stands at -1, a rejected round is hollow."""
    figures: list[tuple[str, float | None, Callable[[Round], float | None]]] = [
        ("dev questions right", start.accuracy, lambda row: row.dev_accuracy),
        ("held-out pairs in order", start.pair_accuracy, lambda row: row.dev_pair_accuracy),
        ("KL from the start, nats per answer", start.kl, lambda row: row.kl),
        ("tokens per answer", start.mean_tokens, lambda row: row.mean_tokens),
        ("share that repeats itself", start.repetition, lambda row: row.repetition),
        ("share that refuses", start.refusals, lambda row: row.refusals),
        ("share that is empty", start.empty, lambda row: row.empty),
    ]
    panels = [Panel(title, _by_round(first, rounds, of)) for title, first, of in figures]
    return _drawn("By round: the start at -1, rejected rounds hollow", panels, "round")


def _by_round(first: float | None, rounds: Sequence[Round], of: Callable[[Round], float | None]) -> list[Point]:
    points = [] if first is None else [Point(-1, first)]
    return points + [Point(row.round, value, row.accepted) for row in rounds if (value := of(row)) is not None]


def round_plot(number: int, steps: Sequence[PreferenceStep]) -> str:
    """One round's training: the pairs trained on as a line, the dev pairs dashed."""
    figures: list[tuple[str, Callable[[PreferenceStep], float]]] = [
        ("loss", lambda step: step.loss),
        ("pairs in order, beside the reference", lambda step: step.accuracy),
        ("margin of rewards", lambda step: step.margin),
        ("KL from the reference, nats per answer", lambda step: step.kl),
    ]
    panels = [Panel(title, _of_split("train", steps, of), _of_split("dev", steps, of), has_dots=False) for title, of in figures]
    return _drawn(f"Round {number} by step: pairs trained on, and dashed the dev pairs", panels, "step")


def _of_split(split: str, steps: Sequence[PreferenceStep], of: Callable[[PreferenceStep], float]) -> list[Point]:
    return [Point(step.step, of(step)) for step in steps if step.split == split]


def _drawn(title: str, panels: Sequence[Panel], x_title: str) -> str:
    filled = [panel for panel in panels if panel.points or panel.others]
    columns = min(COLUMNS, max(1, len(filled)))
    width, height = LEFT + SIDE + RIGHT, TOP + HIGH + BOTTOM
    whole = (columns * width, 20 + math.ceil(len(filled) / columns) * height)
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {whole[0]:g} {whole[1]:g}", "width": f"{whole[0]:g}", "role": "img"}
    told = "; ".join(f"{panel.title} {', '.join(f'{point.y:.3g}' for point in panel.points[-6:])}" for panel in filled)
    root = ET.Element("svg", attributes | {"aria-label": f"{title}. {told}"})
    ET.SubElement(root, "style").text = STYLE
    _text(root, title, 4, 14, "start", "title")
    for place, panel in enumerate(filled):
        at = f"translate({place % columns * width:g} {20 + place // columns * height:g})"
        _panel(ET.SubElement(root, "g", {"transform": at}), panel, x_title)
    return ET.tostring(root, encoding="unicode") + "\n"


def _panel(group: ET.Element, panel: Panel, x_title: str) -> None:
    every = [*panel.points, *panel.others]
    x_of = _scale([point.x for point in every], LEFT, SIDE)
    y_of = _scale([point.y for point in every] + [0.0], TOP + HIGH, -HIGH)
    _text(group, panel.title, 4, TOP - 12, "start", "title")
    for value in sorted({0.0, max(point.y for point in every), min(point.y for point in every)}):
        y = f"{y_of(value):.2f}"
        ET.SubElement(group, "line", {"class": "grid" if value else "axis", "x1": f"{LEFT:g}", "x2": f"{LEFT + SIDE:g}", "y1": y, "y2": y})
        _text(group, f"{value:.3g}", LEFT - 5, y_of(value) + 4, "end")
    for x in sorted({min(point.x for point in every), max(point.x for point in every)}):
        _text(group, f"{x:g}", x_of(x), TOP + HIGH + 15, "middle")
    _text(group, x_title, LEFT + SIDE / 2, TOP + HIGH + 28, "middle")
    for kind, points in (("line", panel.points), ("other", panel.others)):
        ET.SubElement(group, "polyline", {"class": kind, "points": " ".join(f"{x_of(p.x):.2f},{y_of(p.y):.2f}" for p in points)})
    for point in panel.points if panel.has_dots else ():
        kind = "dot" if point.is_kept else "rejected"
        dot = ET.SubElement(group, "circle", {"class": kind, "cx": f"{x_of(point.x):.2f}", "cy": f"{y_of(point.y):.2f}", "r": "4"})
        ET.SubElement(dot, "title").text = f"{x_title} {point.x:g}: {point.y:.4g}{'' if point.is_kept else ' (rejected)'}"


def _scale(values: Sequence[float], start: float, length: float) -> Callable[[float], float]:
    low, high = min(values), max(values)
    return lambda value: start + length * ((value - low) / (high - low) if high > low else 0.5)


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str, kind: str = "") -> None:
    element = ET.SubElement(root, "text", {"x": f"{x:.2f}", "y": f"{y:.2f}", "text-anchor": anchor} | ({"class": kind} if kind else {}))
    element.text = text
