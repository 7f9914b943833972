"""The order of a loop: a state machine whose state is nothing but committed artifacts.

round t:  pairs by the current model -> (t > 0) its new right answers beside round 0's wrong ones -> DPO -> measured on dev questions

Decisions depend on committed rows only, so a run that was killed anywhere decides as an uninterrupted one. A round that is rejected is
rolled back: its model is kept, to be looked at, but is not the loop's. It is also the last one: from the same start the same pairs
come (greedily, or with the seeds of their questions), and the same training on them; another try would be the same round again.
"""

from collections.abc import Sequence
from typing import Protocol

from factcli.artifact import Artifact
from factcli.errors import DivergedError
from factcli.flows.grath.settings import GrathConfig
from factcli.judge.drift import faults
from factcli.preferencerows import Drift
from factcli.stages.grath.ending import Turn
from factcli.stages.grath.gate import drift_in


class Steps(Protocol):
    """Each makes one artifact, or finds it made before. A model None is the base itself."""

    def pairs(self, number: int, model: Artifact | None) -> Artifact | None:
        """None where the model gave not a single pair, which round 0 does not forgive."""
        ...

    def combined(self, number: int, new: Artifact, first: Artifact) -> Artifact: ...
    def trained(self, number: int, pairs: Artifact, start: Artifact | None) -> Artifact: ...
    def measured(self, number: int | None, model: Artifact | None, first: Artifact) -> Artifact:
        """`number` None: of the loop's start."""
        ...


def iterate(steps: Steps, config: GrathConfig, start: Artifact | None) -> tuple[Artifact, list[Turn]]:
    """The measures of the start, and every round in its order; the last one may be rejected."""
    first = steps.pairs(0, start)
    assert first is not None, "round 0 raises where there are no pairs"
    begun = steps.measured(None, start, first)
    turns: list[Turn] = []
    current, kept = start, [drift_in(begun)]
    for number in range(config.rounds):
        turns.append(_turn(steps, config, number, first, current, kept))
        if turns[-1].reason:
            break
        assert turns[-1].gate is not None, "an accepted round was measured"
        current = turns[-1].model
        kept.append(drift_in(turns[-1].gate))
    return begun, turns


def _turn(steps: Steps, config: GrathConfig, number: int, first: Artifact, start: Artifact | None, kept: Sequence[Drift]) -> Turn:
    new = first if number == 0 else steps.pairs(number, start)
    reason = too_few(new, config.min_pairs)
    if new is None or reason:
        return Turn(number, start, new, None, None, None, reason)
    combined = steps.combined(number, new, first) if number else None
    try:
        model = steps.trained(number, combined or new, start)
    except DivergedError as error:
        return Turn(number, start, new, combined, None, None, error.message)
    gate = steps.measured(number, model, first)
    return Turn(number, start, new, combined, model, gate, "; ".join(faults(drift_in(gate), kept, config.limits)))


def too_few(pairs: Artifact | None, least: float) -> str:
    """Why so many pairs are not enough, in words; "" where they are."""
    if pairs is None:
        return "the model it starts from gives not a single pair any more"
    asked, kept = int(pairs.manifest.counts["asked"]), int(pairs.manifest.counts["kept"])
    if kept >= least * asked:
        return ""
    return f"the model it starts from gives a pair to {kept} of {asked} questions only, need {least:.0%}"
