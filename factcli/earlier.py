"""What earlier runs of the same kind on the same base tell of how fast the next one will be."""

from collections.abc import Iterable
from pathlib import Path

from factcli.artifact import Artifact, Plan
from factcli.artifact.manifest import InputEntry
from factcli.artifact.read import survey


def runs_on_the_same_base(plan: Plan, root: Path) -> list[Artifact]:
    """Finished runs of the plan's stage that made what it makes, on its base or, where the base is what they make, with one of its shape; newest first."""
    wanted = plan.stage, plan.kind, dict(plan.model), plan.config.model_dump(mode="json").get("model")
    runs = (run for run in survey(root)[0] if (run.manifest.stage, run.kind, run.manifest.model, run.manifest.config.get("model")) == wanted)
    same = ("world", "base")
    return [run for run in runs if all(_digest(run.manifest.inputs.get(role)) == _digest(plan.inputs.get(role)) for role in same)]


def _digest(parent: Artifact | InputEntry | None) -> str | None:
    return parent.digest if parent else None


def rate_of(runs: Iterable[Artifact], device: str | None = None, processes: int = 1) -> tuple[Artifact, float] | None:
    """The newest run in so many processes that was measured, and its tokens per second; `device`: only on one of this name, or that recorded none."""
    for run in runs:
        usage = run.manifest.usage
        if usage.get("processes", 1) != processes:
            continue
        if usage.get("tokens") and usage.get("seconds") and (device is None or usage.get("device", device) == device):
            return run, usage["tokens"] / usage["seconds"]
    return None
