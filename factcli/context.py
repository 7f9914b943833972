"""What a stage works with besides its settings and inputs: where artifacts are, who is told, who trains."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Plan
from factcli.earlier import rate_of, runs_on_the_same_base
from factcli.progress import Report
from factcli.rows import CurvePoint
from factcli.train.estimate import refuse_held, room_of
from factcli.train.job import Job, PretrainJob, save
from factcli.train.launch import Trainer
from factcli.train.launching import HERE, LaunchConfig, spread_of
from factcli.train.memory import in_gb
from factcli.train.rowlog import rows_of
from factcli.train.size import check_adapters

CURVE_POINTS = 200  # kept of each adapter's learning curve, evenly spread


@dataclass(frozen=True, slots=True)
class Trained:
    """What a job left: its folder, what its result.json says, and its thinned-out learning curves."""

    folder: Path
    values: Mapping[str, Any]
    curve: list[CurvePoint]


@dataclass(frozen=True, slots=True)
class Context:
    """Passed from a command or flow down to its stages."""

    root: Path  # directory of all artifacts
    report: Report
    trainer: Trainer

    def train(self, job: Job, draft: Draft, title: str, launch: LaunchConfig = HERE) -> Trained:
        """Run a job in the draft's scratch folder; one that finished before costs nothing.

        Raises SettingsError, before a process is started, where its adapters cannot attach or its weights cannot fit.
        """
        note = ""
        if not isinstance(job, PretrainJob):
            note = check_adapters(job)
            refuse_held(job, room_of(job.machine.device, launch), spread_of(launch))
        self.report.begin(title)
        if note:
            self.report.say(f"  {note}")
        self.trainer.run(save(job, job_file(draft.scratch(), job.kind)), lambda event: self._tell(event, draft.plan), launch)
        self.report.end()
        folder = Path(job.out)
        values = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        if used := used_in_words(values.get("usage", {})):
            self.report.say(f"  {used}")
        return Trained(folder, values, _curve(folder / "log.jsonl"))

    def _tell(self, event: Mapping[str, Any], plan: Plan) -> None:
        if event["event"] == "plan":
            earlier = rate_of(runs_on_the_same_base(plan, self.root), event["device"], event["processes"])
            self.report.say(f"  {_foreseen(event, earlier)}")
        elif event["event"] == "step":
            self.report.update(event["step"], event.get("total"), f"loss {event['loss']:.3f}")
        elif event["event"] == "note":
            self.report.say(f"  {event['text']}")
        elif event["event"] == "gate":
            self.report.say(f"  step {event['step']}: {100 * event['accuracy']:.0f}% of questions about well-known people answered")
        elif event["event"] == "question":
            self.report.say(f"  asked: {event['question']}  base model: {event['answer']!r}  truth: {event['truth']!r}")


def _foreseen(event: Mapping[str, Any], measured: tuple[Artifact, float] | None) -> str:
    """What the training process knows before its first step, and how long that would take at the speed of an earlier run."""
    time = "" if measured is None else f"; about {event['tokens'] / measured[1]:.0f} s at the {measured[1]:.0f} tokens/s of {measured[0].ref}"
    return f"{event['steps']:,} steps, {event['tokens']:,} tokens; memory: about {event['memory']} ({event['room']}){time}"


def used_in_words(usage: Mapping[str, Any]) -> str:
    """Speed, share of the device's peak and memory of a training run, as far as they were measured."""
    of_first = f" in the first of {usage['processes']} processes" if usage.get("processes", 1) > 1 else ""
    parts = []
    if "tokens_per_s" in usage:
        parts.append(f"{usage['tokens_per_s']:,} tokens/s")
    if "share_of_peak" in usage:
        parts.append(f"{100 * usage['share_of_peak']:.1f}% of the peak of {usage['device']}")
    if "peak_memory_bytes" in usage:
        parts.append(f"{in_gb(usage['peak_memory_bytes'])} of memory at most{of_first}")
    return ", ".join(parts)


def job_file(scratch: Path, kind: str) -> Path:
    """Where a stage leaves what the training process is to do."""
    return scratch / f"{kind}.json"


def keep(source: Path, target: Path) -> None:
    """Move what a job made into the version to be; done before the kill that this run follows, it is not done again."""
    if source.exists():
        shutil.rmtree(target, ignore_errors=True)
        source.rename(target)
    elif not target.exists():
        raise FileNotFoundError(source)


def _curve(path: Path) -> list[CurvePoint]:
    by_adapter: dict[str, list[CurvePoint]] = {}
    for row in rows_of(path):
        name = row.get("adapter", "skill")
        by_adapter.setdefault(name, []).append(CurvePoint(name, row["step"], row["loss"], row["lr"], row["grad_norm"]))
    return [point for points in by_adapter.values() for point in _thinned(points)]


def _thinned(points: list[CurvePoint]) -> list[CurvePoint]:
    stride = -(-len(points) // CURVE_POINTS)
    return [point for place, point in enumerate(points) if place % stride == 0 or place == len(points) - 1]
