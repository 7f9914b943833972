"""The drawing of where the figures come from: every artifact a box, an arrow from each parent to its child.

Boxes stand left to right by distance from the origin. An arrow that passes a column gets a gap there to go through
(`Way`), shared by all arrows of one parent, so that none runs behind a box.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from factcli.artifact import Artifact
from factcli.stages.report.svg import drawing
from factcli.stages.report.text import clipped, short
from factcli.svg import add, finished

BOX, TALL, THIN, GAP_X, GAP_Y, EDGE = 172.0, 50.0, 6.0, 44.0, 14.0, 4.0
Parents = Mapping[str, tuple[Artifact, ...]]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Stop:
    """A place in a column: an artifact's box, or the gap through which the arrows of `ref` pass."""

    ref: str
    column: int
    is_box: bool

    @property
    def height(self) -> float:
        return TALL if self.is_box else THIN


@dataclass(frozen=True, slots=True)
class Arrow:
    """From a parent, through its gaps, to a child."""

    stops: tuple[Stop, ...]


def lineage_drawing(artifacts: Sequence[Artifact], parents: Parents) -> str:
    """An arrow that a longer way already implies is left out."""
    arrows = _arrows(parents)
    columns = _ordered(_columns(artifacts, arrows, parents), arrows)
    height = max(_height(column) for column in columns)
    places = {stop: point for column in columns for stop, point in _stack(column, height)}
    told = "; ".join(f"{a.ref} ({a.kind}) from {', '.join(p.ref for p in parents[a.ref]) or 'nothing'}" for a in artifacts)
    root = drawing(len(columns) * (BOX + GAP_X) - GAP_X + 2 * EDGE, height + 2 * EDGE, f"Lineage. {told}")
    _arrow_head(root)
    _draw_arrows(root, arrows, places)
    of_ref = {artifact.ref: artifact for artifact in artifacts}
    for stop, point in places.items():
        if stop.is_box:
            _box(root, of_ref[stop.ref], point)
    return finished(root)


def _arrows(parents: Parents) -> list[Arrow]:
    depths: dict[str, int] = {}
    for ref in parents:
        _depth(ref, parents, depths)
    return [_arrow(parent, child, depths) for child, parent in reduced(parents)]


def _depth(ref: str, parents: Parents, depths: dict[str, int]) -> int:
    if ref not in depths:
        depths[ref] = 1 + max((_depth(parent.ref, parents, depths) for parent in parents[ref]), default=-1)
    return depths[ref]


def _arrow(parent: str, child: str, depths: Mapping[str, int]) -> Arrow:
    first, last = depths[parent], depths[child]
    return Arrow((Stop(parent, first, True), *(Stop(parent, n, False) for n in range(first + 1, last)), Stop(child, last, True)))


def reduced(parents: Parents) -> list[tuple[str, str]]:
    """(child, parent) of every arrow that no longer way implies: `world -> synth -> sft` implies `world -> sft`."""
    above: dict[str, set[str]] = {}

    def all_above(ref: str) -> set[str]:
        if ref not in above:
            above[ref] = {p.ref for p in parents[ref]}.union(*(all_above(p.ref) for p in parents[ref]))
        return above[ref]

    return [(child, p.ref) for child, found in parents.items() for p in found if not any(p.ref in all_above(other.ref) for other in found)]


def _columns(artifacts: Sequence[Artifact], arrows: Sequence[Arrow], parents: Parents) -> list[list[Stop]]:
    depths: dict[str, int] = {}
    stops = [Stop(a.ref, _depth(a.ref, parents, depths), True) for a in artifacts]
    stops += [stop for arrow in arrows for stop in arrow.stops if not stop.is_box]
    columns: list[list[Stop]] = [[] for _ in range(max(depths.values()) + 1)]
    for stop in dict.fromkeys(stops):
        columns[stop.column].append(stop)
    return columns


def _ordered(columns: list[list[Stop]], arrows: Sequence[Arrow]) -> list[list[Stop]]:
    """Each column by the mean place of what leads to it, which keeps arrows from crossing much."""
    before: dict[Stop, list[Stop]] = {}
    for arrow in arrows:
        for left, right in zip(arrow.stops, arrow.stops[1:], strict=False):
            before.setdefault(right, []).append(left)
    place: dict[Stop, float] = {}
    ordered = []
    for column in columns:
        means = {stop: _mean([place[left] for left in before.get(stop, ())]) for stop in column}
        ordered.append(sorted(column, key=lambda stop: (means[stop], stop.is_box, stop.ref)))  # used at once
        place |= {stop: (n + 0.5) / len(column) for n, stop in enumerate(ordered[-1])}
    return ordered


def _mean(places: Sequence[float]) -> float:
    return sum(places) / len(places) if places else 0.0


def _height(column: Sequence[Stop]) -> float:
    return sum(stop.height + GAP_Y for stop in column) - GAP_Y


def _stack(column: Sequence[Stop], height: float) -> list[tuple[Stop, Point]]:
    """The middle of each stop's left side."""
    y = EDGE + (height - _height(column)) / 2
    placed = []
    for stop in column:
        placed.append((stop, (EDGE + stop.column * (BOX + GAP_X), y + stop.height / 2)))
        y += stop.height + GAP_Y
    return placed


def _arrow_head(root: ET.Element) -> None:
    head = add(root, "marker", {"id": "arrow", "viewBox": "0 0 8 8", "refX": 7, "refY": 4, "markerWidth": 7, "markerHeight": 7, "orient": "auto"})
    add(head, "path", {"d": "M0 0.5L8 4L0 7.5Z", "class": "arrow-head"})


def _draw_arrows(root: ET.Element, arrows: Sequence[Arrow], places: Mapping[Stop, Point]) -> None:
    """What leads to a gap, and through it, is drawn once for all arrows that share it."""
    drawn: set[Stop] = set()
    for arrow in arrows:
        for left, right in zip(arrow.stops, arrow.stops[1:], strict=False):
            if right in drawn:
                continue
            path = _bend((places[left][0] + BOX, places[left][1]), places[right])
            if right.is_box:
                add(root, "path", {"d": path, "class": "arrow", "marker-end": "url(#arrow)"})
            else:
                drawn.add(right)
                add(root, "path", {"d": f"{path}h{BOX:.1f}", "class": "way"})


def _bend(start: Point, end: Point) -> str:
    half = (end[0] - start[0]) / 2
    return f"M{start[0]:.1f} {start[1]:.1f}C{start[0] + half:.1f} {start[1]:.1f} {end[0] - half:.1f} {end[1]:.1f} {end[0]:.1f} {end[1]:.1f}"


def _box(root: ET.Element, artifact: Artifact, middle: Point) -> None:
    x, y = middle[0], middle[1] - TALL / 2
    group = add(root, "g", {"class": f"node {artifact.kind}"})
    add(group, "title", {}, f"{artifact.ref} ({artifact.kind}): {artifact.manifest.headline} | digest {artifact.digest}")
    add(group, "rect", {"x": x, "y": y, "width": BOX, "height": TALL, "rx": 5})
    add(group, "text", {"x": x + 9, "y": y + 17, "class": "node-kind"}, artifact.kind)
    add(group, "text", {"x": x + BOX - 9, "y": y + 17, "class": "node-digest", "text-anchor": "end"}, short(artifact.digest))
    add(group, "text", {"x": x + 9, "y": y + 37, "class": "node-name"}, clipped(artifact.ref, 22))
