"""What a stage works with besides its settings and inputs: where artifacts are, who is told, who trains."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Draft
from factcli.progress import Report
from factcli.rows import CurvePoint
from factcli.train.job import Job, save
from factcli.train.launch import Trainer

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

    def train(self, job: Job, draft: Draft, title: str) -> Trained:
        """Run a job in the draft's scratch folder; one that finished before costs nothing."""
        self.report.begin(title)
        self.trainer.run(save(job, job_file(draft.scratch(), job.kind)), self._tell)
        self.report.end()
        folder = Path(job.out)
        values = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        return Trained(folder, values, _curve(folder / "log.jsonl"))

    def _tell(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "step":
            self.report.update(event["step"], event.get("total"), f"loss {event['loss']:.3f}")
        elif event["event"] == "note":
            self.report.say(f"  {event['text']}")
        elif event["event"] == "gate":
            self.report.say(f"  step {event['step']}: {100 * event['accuracy']:.0f}% of questions about well-known people answered")
        elif event["event"] == "question":
            self.report.say(f"  asked: {event['question']}  base model: {event['answer']!r}  truth: {event['truth']!r}")


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
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        name = row.get("adapter", "skill")
        by_adapter.setdefault(name, []).append(CurvePoint(name, row["step"], row["loss"], row["lr"], row["grad_norm"]))
    return [point for points in by_adapter.values() for point in _thinned(points)]


def _thinned(points: list[CurvePoint]) -> list[CurvePoint]:
    stride = -(-len(points) // CURVE_POINTS)
    return [point for place, point in enumerate(points) if place % stride == 0 or place == len(points) - 1]
