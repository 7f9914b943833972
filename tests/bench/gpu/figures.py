"""What a part gives: rows of figures, and what it left out and why."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tests.bench.gpu.place import Place, UnfinishedError

Row = dict[str, str | float]
GB = 1e9


@dataclass(slots=True)
class Figures:
    rows: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its heading, what is compared with what and the goal, if there is one, and how it is made."""

    title: str
    what: str
    make: Callable[[Place], Figures]


T = TypeVar("T")
Usage = Mapping[str, Any]


def in_turns(place: Place, turn: Callable[[], T]) -> list[T]:
    """What each turn gives; of fewer turns where the time is over, but of one at least. Raises UnfinishedError."""
    found: list[T] = []
    for _ in range(place.turns):
        try:
            found.append(turn())
        except UnfinishedError:
            if not found:
                raise
            break
    return found


def run_seconds(usage: Usage) -> float:
    """Of the whole run, loading and trials too, over all its interruptions."""
    return float(usage["seconds"])


def step_seconds(usage: Usage) -> float:
    """Of the steps alone, where the device's peak is known; else of the run. Only of one that was not interrupted."""
    return usage["flops"] / usage["flops_per_s"] if usage.get("flops_per_s") else float(usage["seconds"])


def usage_row(what: str, usages: Sequence[Usage], seconds: Callable[[Usage], float] = run_seconds) -> Row:
    """The run in the middle by seconds, of runs that did the same, and how far apart their seconds are."""
    usage = sorted(usages, key=seconds)[len(usages) // 2]
    row: Row = {"what": what, **spread([seconds(one) for one in usages]), "tokens/s": usage["tokens"] / seconds(usage)}
    row |= {"share of peak, %": 100 * usage["share_of_peak"]} if "share_of_peak" in usage else {}
    row |= {"GB at most": usage["peak_memory_bytes"] / GB} if "peak_memory_bytes" in usage else {}
    return row | ({"GB estimated": usage["estimated_memory_bytes"] / GB} if "estimated_memory_bytes" in usage else {})


def spread(seconds: Sequence[float]) -> Row:
    median = {"seconds": statistics.median(seconds)}
    return median | ({"least": min(seconds), "most": max(seconds), "turns": float(len(seconds))} if len(seconds) > 1 else {})


def times(theirs: Sequence[float], ours: Sequence[float]) -> Row:
    """How many times as long they take, turn by turn."""
    ratios = [other / own for other, own in zip(theirs, ours, strict=True)]
    median = {"times ours": statistics.median(ratios)}
    return median | ({"times, least": min(ratios), "times, most": max(ratios)} if len(ratios) > 1 else {})
