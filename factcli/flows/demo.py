"""`fact demo`: the main job on an invented world, from nothing to a report; interrupted, it goes on where it was."""

import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.basemodel import BaseModelRef, of_world
from factcli.context import Context
from factcli.flows.steps import ASKS, METHODS, DemoSettings, expected_s
from factcli.flows.telling import closing_words, opening_words
from factcli.progress import report_for
from factcli.stages import prereq, report, sft, world
from factcli.stages.eval import on_popqa, on_world
from factcli.stages.eval.subject import Subject
from factcli.stages.synth import from_world
from factcli.train.launch import Trainer


@dataclass(slots=True)
class Clock:
    """Time left, from what the steps are expected to take and how fast this machine has been so far."""

    left: list[str]
    versions: int
    expected_s: float = 0.0
    taken_s: float = 0.0

    def finish(self, step: str, seconds: float, is_reused: bool) -> None:
        self.left.remove(step)
        if not is_reused:
            self.expected_s += expected_s(step, self.versions)
            self.taken_s += seconds

    def minutes_left(self) -> float:
        pace = self.taken_s / self.expected_s if self.expected_s else 1.0
        return sum(expected_s(step, self.versions) for step in self.left) * pace / 60


class Demo:
    """The steps of one demo; each makes one artifact or finds it made before."""

    def __init__(self, root: Path, settings: DemoSettings, context: Context) -> None:
        self.root, self.context, self.settings = root, context, settings
        steps = [step.kind for step in settings.steps()]
        self.clock = Clock(steps, settings.versions)
        self.n_steps = len(steps)

    def step(self, kind: str, plan: Plan, work: Callable[[Draft], Outcome]) -> Artifact:
        number = self.n_steps - len(self.clock.left) + 1
        self.context.report.say(f"\n[{number}/{self.n_steps}] {plan.name}: about {self.clock.minutes_left():.0f} min to go")
        started = time.monotonic()
        artifact, is_reused = make(plan, work, self.root)
        self.clock.finish(kind, time.monotonic() - started, is_reused)
        self.context.report.say(f"{artifact.ref}: {artifact.manifest.headline}{' (made before)' if is_reused else ''}")
        return artifact

    def run(self) -> Artifact:
        ground = self.world()
        base = of_world(ground)
        texts = self.synth(ground)
        knowledge = self.prereq(texts, base)
        skills = {method: self.sft(method, texts, knowledge, base) for method in METHODS}
        evals = self.evaluate(ground, base, texts, knowledge, skills)
        plan = report.plan(report.ReportConfig(), evals, self.root, None)
        return self.step("report", plan, lambda draft: report.work(plan, draft, self.root, self.context.report))

    def world(self) -> Artifact:
        plan = world.plan(self.settings.world(), None)
        return self.step("world", plan, lambda draft: world.work(plan, draft, self.context))

    def synth(self, ground: Artifact) -> Artifact:
        plan = from_world.plan("bio", self.settings.synth(), ground, None)
        return self.step("synth", plan, lambda draft: from_world.work(plan, draft, self.context.report))

    def prereq(self, texts: Artifact, base: BaseModelRef) -> Artifact:
        plan = prereq.plan(self.settings.prereq(), texts, base, None)
        return self.step("prereq", plan, lambda draft: prereq.work(plan, draft, base, self.context))

    def sft(self, method: str, texts: Artifact, knowledge: Artifact, base: BaseModelRef) -> Artifact:
        plan = sft.plan(self.settings.sft(method), texts, knowledge if method == "prereq" else None, base, None)
        return self.step("sft", plan, lambda draft: sft.work(plan, draft, base, self.context))

    def evaluate(self, ground: Artifact, base: BaseModelRef, texts: Artifact, knowledge: Artifact, skills: Mapping[str, Artifact]) -> list[Artifact]:
        untouched = Subject("base", base)
        evals = [self.eval_world(untouched, ground, None, ask) for ask in ASKS]
        tuned = [Subject(skill.name, base, skill, knowledge if method == "prereq" else None, texts) for method, skill in skills.items()]
        evals += [self.eval_world(subject, ground, evals[0], "task") for subject in tuned]
        return evals + [self.eval_popqa(subject, ground) for subject in (untouched, *tuned)]

    def eval_world(self, subject: Subject, ground: Artifact, base_eval: Artifact | None, ask: str) -> Artifact:
        plan = on_world.plan(self.settings.eval_world(ask), subject, ground, base_eval, None)
        return self.step("eval", plan, lambda draft: on_world.work(plan, draft, subject, self.context.report))

    def eval_popqa(self, subject: Subject, ground: Artifact) -> Artifact:
        source = on_popqa.Source(artifact=ground)
        plan = on_popqa.plan(self.settings.eval_popqa(), subject, source, None)
        return self.step("eval", plan, lambda draft: on_popqa.work(plan, draft, subject, source, self.context.report))


def run_demo(root: Path, settings: DemoSettings) -> dict[str, Any]:
    """Run every step and say in plain words what came out; gives what a script would want of it."""
    started = time.monotonic()
    with Trainer(root / resolving.WORKER_LOG) as trainer, closing(report_for(sys.stderr.isatty())) as told:
        told.say(opening_words(settings.versions))
        trainer.start()  # its imports overlap the drawing of the world
        page = Demo(root, settings, Context(root, told, trainer)).run()
    told.say(closing_words(page, root, time.monotonic() - started))
    return {"report": str(page.path / "report.html"), "seconds": round(time.monotonic() - started, 1)}
