"""What making a plan would cost, told before anything heavy is loaded: what is not cheap to know is a bound or an estimate, and says so."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from factcli.artifact import Artifact, Plan
from factcli.context import Context, job_file
from factcli.earlier import rate_of, runs_on_the_same_base
from factcli.machine import Memory as Room
from factcli.train.estimate import FOUR_BIT_BYTES, base_bytes, room_of
from factcli.train.launching import HERE, LaunchConfig, spread_of
from factcli.train.memory import Estimate, Memory, in_each_of, in_gb

__all__ = ["FOUR_BIT_BYTES", "Cost", "Load", "Memory", "base_bytes", "of_training", "runs_on_the_same_base", "told"]


@dataclass(frozen=True, slots=True)
class Cost:
    """A field that is None does not apply, or cannot be known before."""

    requests: int = 0  # to a model server; 0 for what works on this machine alone
    money: float = 0
    generation: Mapping[str, Any] | None = None  # requests, tokens, money and time in words
    rows: Mapping[str, int] | None = None  # to be written, by table; tables that are not cheap to count are left out
    prompts: int | None = None  # that the model is to answer
    pairs: int | None = None  # of texts that an entailment model is to compare
    steps_at_most: int | None = None  # of the optimizer
    trained_rows_at_most: int | None = None
    trained_tokens_at_most: int | None = None
    base_parameters: int | None = None
    memory_bytes: int | None = None  # of parameters and optimizer
    memory: str | None = None  # what it is the sum of
    peak_memory_bytes: int | None = None  # with the activations of the largest pass, an estimate
    peak_memory: str | None = None  # what it is the sum of, and what the device has
    seconds: int | None = None  # an estimate from above: as if every row were as long as it may be
    time: str | None = None  # how that is known, or why not
    argv: tuple[str, ...] | None = None  # of the process that trains
    stdin: str | None = None  # what that process is told


def told(cost: Cost) -> dict[str, Any]:
    """What applies, by name, ready for JSON; the command as it is typed in a shell."""
    said = {name: value for name, value in asdict(cost).items() if value is not None}
    return said | ({"argv": shlex.join(cost.argv)} if cost.argv else {})


@dataclass(frozen=True, slots=True)
class Load:
    """What a training run passes through its model, at most. `tokens` None: its rows have no longest length."""

    steps: int
    rows: int
    tokens: int | None


def of_training(plan: Plan, kind: str, load: Load, needed: Estimate | Memory, alike: Iterable[Artifact], context: Context, launch: LaunchConfig = HERE) -> Cost:
    """The cost of a training job of this kind. `alike`: finished runs, newest first, that tell how fast this one would be."""
    memory, estimate = (needed.memory, needed) if isinstance(needed, Estimate) else (needed, None)
    spread = spread_of(launch)
    start = context.trainer.launch_of(job_file(plan.scratch(context.root), kind), launch)
    seconds, time = _seconds(load, alike, spread.processes)
    return Cost(
        steps_at_most=load.steps,
        trained_rows_at_most=load.rows,
        trained_tokens_at_most=load.tokens,
        base_parameters=memory.base or memory.trained,
        memory_bytes=memory.n_bytes,
        memory=str(memory),
        peak_memory_bytes=None if estimate is None else estimate.peak(),
        peak_memory=None if estimate is None else _peak(estimate, room_of(launch=launch), spread.processes),
        seconds=seconds,
        time=time,
        argv=tuple(start.argv),
        stdin=start.stdin,
    )


def _peak(estimate: Estimate, room: Room | None, processes: int) -> str:
    """In words; rows are as long as they may be, so it is a bound as far as the estimate goes."""
    most = f"at most about {in_gb(estimate.peak())}{in_each_of(processes)}: {estimate}"
    if room is None:
        return f"{most}; what the device has is not known"
    fits = "fits" if estimate.peak() <= room.free else f"of such rows {estimate.most_rows(room.free)} fit in a pass; shorter ones need less"
    return f"{most}; {room}: {fits}"


def _seconds(load: Load, alike: Iterable[Artifact], processes: int) -> tuple[int | None, str]:
    measured = rate_of(alike, processes=processes)
    if measured is None:
        return None, "not known: no run of this kind on such a model was measured here yet"
    run, rate = measured
    if load.tokens is None:
        return None, f"not known: rows may have any length; {run.ref} had {rate:.0f} tokens/s"
    return round(load.tokens / rate), f"estimated: at the {rate:.0f} tokens/s of {run.ref}, were every row as long as it may be"
