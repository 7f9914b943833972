"""A reliability diagram as SVG that stands alone: mean score of each bin against the share that was right, the diagonal where both agree.

The area of a dot says how many answers are in its bin. The numbers are rows of the table `reliability`; a report may draw them its own way.
"""

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from factcli.consistencyrows import ReliabilityBin
from factcli.svg import add, finished, picture

SIDE, LEFT, TOP, BOTTOM, RIGHT = 280.0, 52.0, 40.0, 44.0, 16.0  # of the plot and around it, in units of the view box
LARGEST = 11.0  # radius of the dot of the fullest bin
SMALLEST = 2.0
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600}.grid{stroke:#ddd}.axis{stroke:#333}"
    ".ideal{stroke:#777;stroke-dasharray:5 4}.gap{stroke:#b3541e;stroke-width:1.5}.dot{fill:#2a6fb0;fill-opacity:.85}"
)
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def reliability_diagram(title: str, bins: Sequence[ReliabilityBin]) -> str:
    """`bins`: of one score and one scale. Empty ones are not drawn."""
    full = [(bin.mean_score, bin.share_right, bin.n) for bin in bins if bin.mean_score is not None and bin.share_right is not None]
    width, height = LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM
    told = "; ".join(f"score {score:.2f}: {right:.0%} right of {n}" for score, right, n in full)
    root = picture({"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}"}, f"{title}. {told}")
    add(root, "style", {}, STYLE)
    _text(root, title, LEFT, 18, "start", "title")
    _frame(root)
    most = max((n for _, _, n in full), default=1)
    for score, right, n in full:
        _line(root, "gap", score, score, score, right)
        radius = max(LARGEST * math.sqrt(n / most), SMALLEST)
        dot = add(root, "circle", {"class": "dot", "cx": f"{_x(score):.2f}", "cy": f"{_y(right):.2f}", "r": f"{radius:.2f}"})
        add(dot, "title", {}, f"mean score {score:.3f}, {right:.1%} right, n = {n}")
    return finished(root) + "\n"


def _frame(root: ET.Element) -> None:
    for tick in TICKS:
        _line(root, "axis" if tick == 0 else "grid", tick, 0, tick, 1)
        _line(root, "axis" if tick == 0 else "grid", 0, tick, 1, tick)
        _text(root, f"{tick:g}", _x(tick), _y(0) + 16, "middle")
        _text(root, f"{tick:.0%}", LEFT - 6, _y(tick) + 4, "end")
    _line(root, "ideal", 0, 0, 1, 1)
    _text(root, "mean score of the bin", _x(0.5), _y(0) + 36, "middle")
    _text(root, "share right", LEFT - 44, TOP - 8, "start")


def _line(root: ET.Element, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": _x(x1), "y1": _y(y1), "x2": _x(x2), "y2": _y(y2)}
    add(root, "line", {"class": kind, **{name: f"{value:.2f}" for name, value in ends.items()}})


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str, kind: str = "") -> None:
    add(root, "text", {"x": f"{x:.2f}", "y": f"{y:.2f}", "text-anchor": anchor} | ({"class": kind} if kind else {}), text)


def _x(share: float) -> float:
    return LEFT + SIDE * share


def _y(share: float) -> float:
    return TOP + SIDE * (1 - share)
