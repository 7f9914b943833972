"""What making a plan would cost, told before anything heavy is loaded: what is not cheap to know is a bound or an estimate, and says so."""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from factcli.artifact import Artifact, Plan
from factcli.artifact.manifest import InputEntry
from factcli.artifact.read import survey
from factcli.context import Context, job_file
from factcli.train.launch import has_gpu

TRAINED_BYTES = 16  # per parameter: weight, gradient and two moments of AdamW, all float32
FOUR_BIT_BYTES = 0.5  # per parameter of a base in 4 bits; embeddings, norms and the scales of blocks come on top
PLUGGED_BYTES = 4  # per parameter of a frozen adapter: float32


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
    memory_bytes: int | None = None  # at the peak, an estimate
    memory: str | None = None  # what it is the sum of
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


@dataclass(frozen=True, slots=True)
class Memory:
    """Parameters that a training run holds, by what is done with them."""

    trained: int
    base: int = 0  # frozen, in the base's number format
    base_bytes: float = 4  # per parameter of the base
    plugged: int = 0  # of frozen adapters

    @property
    def n_bytes(self) -> int:
        return round(self.base * self.base_bytes) + self.plugged * PLUGGED_BYTES + self.trained * TRAINED_BYTES

    def __str__(self) -> str:
        parts = [
            (self.base, f"base parameters x {self.base_bytes:g} bytes"),
            (self.plugged, f"parameters of frozen adapters x {PLUGGED_BYTES} bytes"),
            (self.trained, f"trained parameters x {TRAINED_BYTES} bytes (weight, gradient, two moments)"),
        ]
        return f"estimated: {' + '.join(f'{number} {text}' for number, text in parts if number)}; activations come on top"


def base_bytes(dtype: Literal["auto", "float32", "bfloat16"]) -> int:
    """Bytes per parameter of a frozen base; auto is told without torch, which may find a GPU that has no bfloat16."""
    return 4 if dtype == "float32" or (dtype == "auto" and not has_gpu()) else 2


def of_training(plan: Plan, kind: str, load: Load, memory: Memory, alike: Iterable[Artifact], context: Context) -> Cost:
    """The cost of a training job of this kind. `alike`: finished runs, newest first, that tell how fast this one would be."""
    launch = context.trainer.launch_of(job_file(plan.scratch(context.root), kind))
    seconds, time = _seconds(load, alike)
    return Cost(
        steps_at_most=load.steps,
        trained_rows_at_most=load.rows,
        trained_tokens_at_most=load.tokens,
        base_parameters=memory.base or memory.trained,
        memory_bytes=memory.n_bytes,
        memory=str(memory),
        seconds=seconds,
        time=time,
        argv=tuple(launch.argv),
        stdin=launch.stdin,
    )


def _seconds(load: Load, alike: Iterable[Artifact]) -> tuple[int | None, str]:
    measured = next((run for run in alike if run.manifest.usage.get("tokens") and run.manifest.usage.get("seconds")), None)
    if measured is None:
        return None, "not known: no run of this kind on such a model was measured here yet"
    rate = measured.manifest.usage["tokens"] / measured.manifest.usage["seconds"]
    if load.tokens is None:
        return None, f"not known: rows may have any length; {measured.ref} had {rate:.0f} tokens/s"
    return round(load.tokens / rate), f"estimated: at the {rate:.0f} tokens/s of {measured.ref}, were every row as long as it may be"


def runs_on_the_same_base(plan: Plan, root: Path) -> list[Artifact]:
    """Finished runs of the plan's kind on the plan's base, newest first."""
    runs = (run for run in survey(root)[0] if run.kind == plan.kind and run.manifest.model == dict(plan.model))
    same = ("world", "base")
    return [run for run in runs if all(_digest(run.manifest.inputs.get(role)) == _digest(plan.inputs.get(role)) for role in same)]


def _digest(parent: Artifact | InputEntry | None) -> str | None:
    return parent.digest if parent else None
