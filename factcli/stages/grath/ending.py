"""The end of a loop: the last accepted adapter as a skill of its own, with a table and plots of all rounds."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.basemodel import BaseModelRef
from factcli.config import Config
from factcli.errors import TrainingError
from factcli.preferencerows import Drift, PreferenceStep, Round
from factcli.stages.grath.gate import drift_in
from factcli.stages.grath.plots import round_plot, rounds_plot
from factcli.stages.grath.table import rounds_table

REVISION = 1
TABLES: dict[str, type] = {"rounds": Round, "drift": Drift}
PLOTS = "plots"


@dataclass(frozen=True, slots=True)
class Turn:
    """One round as it was committed: what it made, in its order, as far as it came, and why it was rejected ("": it was not)."""

    number: int
    start: Artifact | None  # None is the base itself
    pairs: Artifact | None  # None: the model gave none
    combined: Artifact | None  # None in round 0
    model: Artifact | None
    gate: Artifact | None
    reason: str

    @property
    def trained_on(self) -> Artifact | None:
        return self.combined or self.pairs

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        """By role, for lineage."""
        parts = {"pairs": self.pairs, "combined": self.combined, "model": self.model, "gate": self.gate}
        return {f"{role}_{self.number}": part for role, part in parts.items() if part is not None}


@dataclass(frozen=True, slots=True)
class Loop:
    """A finished loop. `reference`: what every round was held to, in words, where it was one and the same; "" where it was each round's start."""

    method: str
    base: BaseModelRef
    start: Artifact | None
    measured_start: Artifact  # the gate's measures of the loop's start
    turns: Sequence[Turn]
    reference: str

    @property
    def accepted(self) -> Sequence[Turn]:
        return [turn for turn in self.turns if not turn.reason]

    @property
    def last(self) -> Artifact | None:
        """The skill adapter that the loop ends in; None where it ends in its untouched base."""
        return self.accepted[-1].model if self.accepted else self.start


def plan(config: Config, loop: Loop, name: str) -> Plan:
    """Raises TrainingError where no round was accepted and there is no adapter to fall back on."""
    if loop.last is None:
        reason = loop.turns[-1].reason if loop.turns else "there was none"
        raise TrainingError(
            f"no round was accepted, so the model is the untouched {loop.base.given}: {reason}",
            "train more gently (--set dpo.lr=..., --set dpo.steps=...) or allow more (--set limits.kl=...): what was made is kept",
        )
    inputs: dict[str, Artifact] = {**loop.base.inputs} | ({"model": loop.start} if loop.start else {}) | {"gate_start": loop.measured_start}
    for turn in loop.turns:
        inputs |= turn.inputs
    return Plan("grath-iterate", REVISION, "skill", name, config, inputs, TABLES, model=loop.base.identity)


def work(draft: Draft, loop: Loop) -> Outcome:
    """Copies and draws; nothing is trained or measured here."""
    assert loop.last is not None
    shutil.copytree(loop.last.file("adapter"), draft.folder("") / "adapter", dirs_exist_ok=True)
    rounds = [_row(turn, loop) for turn in loop.turns]
    drifts = [drift_in(loop.measured_start), *(drift_in(turn.gate) for turn in loop.turns if turn.gate)]
    if not draft.done("rounds"):
        draft.write("rounds", 0, {"rounds": rounds, "drift": drifts})
    _draw(draft, loop, rounds, drifts[0])
    return _outcome(loop, rounds, drifts)


def _row(turn: Turn, loop: Loop) -> Round:
    found = drift_in(turn.gate) if turn.gate else None
    trained_on = turn.trained_on
    kept = int(trained_on.summary["pairs"]) if trained_on else 0
    start = turn.start.ref if turn.start else loop.base.given
    return Round(
        round=turn.number,
        start=start,
        reference=loop.reference or start,
        pairs=kept,
        new_correct=int(turn.combined.manifest.counts["refreshed"]) if turn.combined else kept,
        model=turn.model.ref if turn.model else "",
        accepted=not turn.reason,
        reason=turn.reason,
        dev_pair_accuracy=found.pair_accuracy if found else None,
        dev_accuracy=found.accuracy if found else None,
        kl=found.kl if found else None,
        mean_tokens=found.mean_tokens if found else None,
        repetition=found.repetition if found else None,
        refusals=found.refusals if found else None,
        empty=found.empty if found else None,
    )


def _draw(draft: Draft, loop: Loop, rounds: Sequence[Round], start: Drift) -> None:
    folder = draft.folder(PLOTS)
    (folder / "rounds.svg").write_text(rounds_plot(start, rounds), encoding="utf-8")
    for turn in loop.turns:
        if turn.model is not None:
            steps = list(turn.model.rows("steps", PreferenceStep))
            (folder / f"round{turn.number}.svg").write_text(round_plot(turn.number, steps), encoding="utf-8")


def _outcome(loop: Loop, rounds: Sequence[Round], drifts: Sequence[Drift]) -> Outcome:
    assert loop.last is not None
    start, kept = drifts[0], [row for row in rounds if row.accepted]
    parts = [f"{loop.method}: {len(kept)} of {len(rounds)} rounds kept"]
    if kept:
        parts.append(f"dev questions right {_share(start.accuracy)} -> {_share(kept[-1].dev_accuracy)}")
        parts.append(f"held-out pairs in order {_share(start.pair_accuracy)} -> {_share(kept[-1].dev_pair_accuracy)}")
    headline = "; ".join([*parts, *(f"round {row.round} rejected: {row.reason}" for row in rounds if not row.accepted)])
    summary = {
        "recipe": loop.base.inputs["world"].summary.get("recipe") if "world" in loop.base.inputs else None,
        "base": loop.base.given,
        "method": loop.method,
        "rounds": len(rounds),
        "accepted": len(kept),
        "model": loop.last.ref,
        "stopped": next((row.reason for row in rounds if not row.accepted), ""),
    }
    return Outcome(headline, summary, card=rounds_table(start, rounds))


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
