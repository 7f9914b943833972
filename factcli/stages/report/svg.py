"""Pictures of the report: the marks and dashes of the series, so that each can be told without colour.

Colours are classes (`s0`..`s7`, `axis`, `grid`): the page's style sheet gives them one set for light and one for dark.
"""

from xml.etree import ElementTree as ET

from factcli.svg import add, finished, picture, spelled

N_COLOURS = 8
DASHES = ("", "7 3", "2 3", "9 3 2 3")
# Each mark is drawn around 0, 0 and differs from the others without colour.
MARKS = (
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",  # ring: hollow, see style sheet
    "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0Z",  # disc
    "M-4.4 -4.4H4.4V4.4H-4.4Z",  # square
    "M0 -5.6L5.2 4H-5.2Z",  # triangle up
    "M0 5.6L5.2 -4H-5.2Z",  # triangle down
    "M0 -6L5 0L0 6L-5 0Z",  # diamond
    "M-5 -3.2L-3.2 -5L0 -1.8L3.2 -5L5 -3.2L1.8 0L5 3.2L3.2 5L0 1.8L-3.2 5L-5 3.2L-1.8 0Z",  # cross
    "M-1.4 -5.5H1.4V-1.4H5.5V1.4H1.4V5.5H-1.4V1.4H-5.5V-1.4H-1.4Z",  # plus
    "M0 -6L1.7 -1.9L6 -1.9L2.6 1L3.8 5.4L0 2.8L-3.8 5.4L-2.6 1L-6 -1.9L-1.7 -1.9Z",  # star
    "M-5 -4.6L0 -0.8L5 -4.6V4.6L0 0.8L-5 4.6Z",  # bow tie
    "M-4.6 -5H4.6L0.8 0L4.6 5H-4.6L-0.8 0Z",  # hourglass
    "M-5.6 0L-2.8 -4.9H2.8L5.6 0L2.8 4.9H-2.8Z",  # hexagon
    "M-5.5 -1.6H5.5V1.6H-5.5Z",  # bar lying
    "M-1.6 -5.5H1.6V5.5H-1.6Z",  # bar standing
)


def drawing(width: float, height: float, label: str) -> ET.Element:
    """An empty picture; `label` is what a screen reader says instead."""
    root = picture({"viewBox": f"0 0 {spelled(width)} {spelled(height)}"}, label)
    root.set("preserveAspectRatio", "xMinYMin meet")
    return root


def mark(parent: ET.Element, series: int, x: float, y: float, scale: float = 1) -> ET.Element:
    at = f"translate({spelled(x)} {spelled(y)})" + (f" scale({spelled(scale)})" if scale != 1 else "")
    return add(
        parent, "path", {"d": MARKS[series % len(MARKS)], "class": f"mark {colour(series)}{' hollow' if series % len(MARKS) == 0 else ''}", "transform": at}
    )


def colour(series: int) -> str:
    """Those of the base (0) and the main model (1) are theirs alone."""
    return f"s{series if series < N_COLOURS else 2 + (series - N_COLOURS) % (N_COLOURS - 2)}"


def dash(series: int) -> str:
    return DASHES[series % len(DASHES)]


def symbol(series: int, is_line: bool) -> str:
    """A series' mark alone, for a legend or the head of a row; on its line where it has one."""
    width = 30 if is_line else 14
    root = ET.Element("svg", {"viewBox": f"0 0 {width} 14", "class": "symbol", "width": str(width), "height": "14", "aria-hidden": "true"})
    if is_line:
        add(root, "line", {"x1": 0, "x2": width, "y1": 7, "y2": 7, "class": f"line {colour(series)}", "stroke-dasharray": dash(series)})
    mark(root, series, width / 2, 7)
    return finished(root)
