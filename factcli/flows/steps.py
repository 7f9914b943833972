"""What the demo is made of: every step in order, its settings, and how long it takes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from factcli import resolving
from factcli.config import Config, resolve
from factcli.stages import prereq, report, sft, world
from factcli.stages.eval import on_popqa, on_world
from factcli.stages.eval.settings import PopqaEvalConfig, WorldEvalConfig
from factcli.stages.synth.settings import BioConfig

METHODS = ("prereq", "real", "popular-head", "fictitious")
ASKS = ("task", "few_shot", "fill")
MEASURED_SIZE = "tiny"
MEASURED_VERSIONS = 3
# Seconds of each step of that size with so many versions, on 2 cores (docs/results.md).
EXPECTED_S = {"world": 101, "synth": 1, "prereq": 187, "sft": 14, "eval": 6, "report": 5}


def expected_s(kind: str, versions: int) -> float:
    """Seconds of a step; the knowledge stage has adapters for each version."""
    return EXPECTED_S[kind] * (versions / MEASURED_VERSIONS if kind == "prereq" else 1)


@dataclass(frozen=True, slots=True)
class Step:
    """One artifact of the demo. `kind` is the name of its time in EXPECTED_S."""

    kind: str
    command: str
    name: str
    config: Config


@dataclass(frozen=True, slots=True)
class DemoSettings:
    """The settings of every stage of a demo."""

    size: str
    versions: int
    seed: int

    def world(self) -> world.WorldConfig:
        flags = {"spec.seed": self.seed, "pretrain.seed": self.seed, "recipe": self.size}
        return resolve(world.WorldConfig, [resolving.recipe_file("world", self.size)], (), flags)

    def synth(self) -> BioConfig:
        return resolve(BioConfig, [resolving.recipe_file("synth", f"bio-{self.size}")], (), {"versions": self.versions, "seed": self.seed})

    def prereq(self) -> prereq.PrereqConfig:
        return resolve(prereq.PrereqConfig, [resolving.recipe_file("prereq", self.size)], (), {"seed": self.seed})

    def sft(self, method: str) -> sft.SftConfig:
        return resolve(sft.SftConfig, resolving.sft_recipe(self.size, method), (), {"method": method, "seed": self.seed})

    def eval_world(self, ask: str) -> WorldEvalConfig:
        return resolve(WorldEvalConfig, [], (), {"ask": ask, "seed": self.seed})

    def eval_popqa(self) -> PopqaEvalConfig:
        return PopqaEvalConfig(seed=self.seed)

    def steps(self) -> Iterator[Step]:
        """In the order in which they are made."""
        yield Step("world", "world", "world", self.world())
        yield Step("synth", "synth bio", "bio", self.synth())
        yield Step("prereq", "prereq", "knowledge", self.prereq())
        skills = [self.sft(method) for method in METHODS]
        names = [sft.default_name(skill) for skill in skills]
        yield from (Step("sft", "sft", name, skill) for name, skill in zip(names, skills, strict=True))
        asked = [("base", self.eval_world(ask)) for ask in ASKS] + [(name, self.eval_world("task")) for name in names]
        yield from (Step("eval", "eval world", on_world.default_name(config, name), config) for name, config in asked)
        popqa = self.eval_popqa()
        yield from (Step("eval", "eval popqa", on_popqa.default_name(popqa, name), popqa) for name in ("base", *names))
        yield Step("report", "report", "report", report.ReportConfig())


def describe_steps(settings: DemoSettings) -> dict[str, Any]:
    """Each step by the name of what it makes, and the minutes in all; None for a size that was not measured. Ready for JSON."""
    steps = {step.name: _described(step, settings) for step in settings.steps()}
    seconds = [expected_s(step.kind, settings.versions) for step in settings.steps()]
    return {"steps": steps, "expected minutes": _minutes(sum(seconds), settings.size)}


def _described(step: Step, settings: DemoSettings) -> Mapping[str, Any]:
    """What is not a setting's default is what matters."""
    chosen = step.config.model_dump(mode="json", exclude_defaults=True)
    return {"command": f"fact {step.command}", "settings": chosen, "expected minutes": _minutes(expected_s(step.kind, settings.versions), settings.size)}


def _minutes(seconds: float, size: str) -> float | None:
    return round(seconds / 60, 1) if size == MEASURED_SIZE else None
