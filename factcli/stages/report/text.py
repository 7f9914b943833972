"""Numbers and other people's text as the page shows them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

from factcli.stages.report.measured import Metric

Unit = Literal["share", "points", "count", "score"]
NONE = "–"
MINUS = "\N{MINUS SIGN}"


def number(value: float | None, unit: Unit) -> str:
    """A share as `81.2%`, a difference of shares as `+5.2`, a count as `4.95`, a score as `0.812`."""
    if value is None:
        return NONE
    spelled = {"share": f"{100 * value:.1f}%", "points": f"{100 * value:+.1f}", "count": f"{value:.2f}", "score": f"{value:.3f}"}[unit]
    bare = spelled.lstrip("+-").rstrip("%").strip("0.")
    return (spelled if bare else spelled.lstrip("+-")).replace("-", MINUS)


def interval(metric: Metric, unit: Unit) -> str:
    """`[78.1, 84.0]`, or nothing where there is none."""
    if metric.low is None or metric.high is None:
        return "no interval"
    return f"[{number(metric.low, unit).rstrip('%')}, {number(metric.high, unit).rstrip('%')}]"


def counted(n: int, one: str) -> str:
    return f"{n:,} {one}" if n == 1 else f"{n:,} {one}s"


def size(metric: Metric) -> str:
    return f"n = {metric.n_items:,} ({metric.n_subjects:,})"


def in_full(metric: Metric, unit: Unit) -> str:
    """`81.2% [78.1, 84.0], n = 2,400 (400)`: the number as text beside a mark."""
    return f"{number(metric.value, unit)} {interval(metric, unit)}, {size(metric)}"


def seconds_in_words(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60):02d} s"


def clipped(text: str, n_most: int = 20) -> str:
    return text if len(text) <= n_most else text[: n_most - 1] + "…"


def short(digest: str) -> str:
    return digest[:8]


def joined(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def stretches(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """The whole text cut at every end of a span, each part with the places of the spans that cover it.

    Spans are (start, end) in characters, end exclusive; one outside the text, such as (-1, -1), covers nothing.
    """
    inside = [(max(start, 0), min(end, len(text))) for start, end in spans]
    edges = {0, len(text)}.union(*(span for span in inside if span[0] < span[1]))
    for start, end in pairwise(sorted(edges)):
        yield text[start:end], tuple(place for place, span in enumerate(inside) if span[0] <= start and end <= span[1])
