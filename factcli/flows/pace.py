"""Time left of a run, from what its steps are expected to take and how fast this machine has been so far."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Clock:
    """`left`: seconds of each step to come by its name; None for one that was never measured."""

    left: dict[str, float | None]
    expected_s: float = 0.0
    taken_s: float = 0.0

    @classmethod
    def of(cls, seconds: Mapping[str, float | None]) -> "Clock":
        return cls(dict(seconds))

    def finish(self, step: str, seconds: float, is_reused: bool) -> None:
        expected = self.left.pop(step)
        if not is_reused and expected:
            self.expected_s += expected
            self.taken_s += seconds

    def minutes_left(self) -> float | None:
        """None where a step to come was never measured."""
        known = [seconds for seconds in self.left.values() if seconds is not None]
        if len(known) < len(self.left):
            return None
        return sum(known) * (self.taken_s / self.expected_s if self.expected_s else 1.0) / 60

    def told(self) -> str:
        minutes = self.minutes_left()
        return "" if minutes is None else f": about {minutes:.0f} min to go"
