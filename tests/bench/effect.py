"""The experiment behind docs/results.md: every method on worlds of many seeds; tables.py prints what came out.

Everything is an ordinary artifact in DATA/seed<N>/, so an interrupted run goes on where it was.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from factcli import resolving
from factcli.artifact import Artifact, make
from factcli.basemodel import BaseModelRef, of_world
from factcli.config import Config, resolve
from factcli.context import Context
from factcli.progress import PlainReport
from factcli.stages import prereq, sft, world
from factcli.stages.eval import on_world
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.synth import from_world
from factcli.stages.synth.settings import BioConfig
from factcli.train.launch import Trainer
from tests.bench.protocol import Protocol, Settings

C = TypeVar("C", bound=Config)


@dataclass(frozen=True, slots=True)
class Run:
    """One seed's artifacts, made or found."""

    seed: int
    context: Context
    protocol: Protocol
    threads: int

    def make_all(self) -> None:
        ground, texts, knowledge = self._data()
        base = of_world(ground)
        base_eval = self._evaluate("base", Subject("base", base), ground, None)
        for name, settings in self.protocol.methods.items():
            skill = self._sft(name, settings, texts, knowledge, base)
            plugged = knowledge if settings["method"] == "prereq" else None
            self._evaluate(name, Subject(name, base, skill, plugged, texts), ground, base_eval)

    def _data(self) -> tuple[Artifact, Artifact, Artifact]:
        ground_plan = world.plan(self._settings(world.WorldConfig, "world", self.protocol.world), None)
        ground, _ = make(ground_plan, lambda draft: world.work(ground_plan, draft, self.context), self.context.root)
        text_plan = from_world.plan("bio", self._settings(BioConfig, "synth", {}), ground, None)
        texts, _ = make(text_plan, lambda draft: from_world.work(text_plan, draft, self.context.report), self.context.root)
        base = of_world(ground)
        plan = prereq.plan(self._settings(prereq.PrereqConfig, "prereq", {}), texts, base, None)
        knowledge, _ = make(plan, lambda draft: prereq.work(plan, draft, base, self.context), self.context.root)
        return ground, texts, knowledge

    def _sft(self, name: str, settings: Settings, texts: Artifact, knowledge: Artifact, base: BaseModelRef) -> Artifact:
        config = self._settings(sft.SftConfig, "sft", settings)
        plan = sft.plan(config, texts, knowledge if settings["method"] == "prereq" else None, base, name)
        return make(plan, lambda draft: sft.work(plan, draft, base, self.context), self.context.root)[0]

    def _settings(self, config: type[C], command: str, settings: Settings) -> C:
        """The recipe with the protocol's settings over it, as --set would have them: a null wins too."""
        seeds = {"spec.seed": self.seed, "pretrain.seed": self.seed} if config is world.WorldConfig else {"seed": self.seed}
        flags = seeds | ({"threads": self.threads} if "threads" in config.model_fields else {})
        recipe = f"bio-{self.protocol.recipe}" if command == "synth" else self.protocol.recipe
        given = [f"{name}={'null' if value is None else value}" for name, value in settings.items()]
        return resolve(config, [resolving.recipe_file(command, recipe)], given, flags)

    def _evaluate(self, name: str, subject: Subject, ground: Artifact, base_eval: Artifact | None) -> Artifact:
        config = WorldEvalConfig(seed=self.seed, heldout_forms=False, probe_versions=self.protocol.probe_versions)
        plan = on_world.plan(config, subject, ground, base_eval, f"eval-{name}")
        return make(plan, lambda draft: on_world.work(plan, draft, subject, self.context.report), self.context.root)[0]


def seed_folder(data: Path, seed: int) -> Path:
    return data / f"seed{seed}"


def run_seeds(data: Path, seeds: Sequence[int], protocol: Protocol, jobs: int) -> None:
    """Make what is missing."""
    each_seed(partial(run_seed, data, protocol=protocol), seeds, jobs)


def each_seed(work: Callable[..., int], seeds: Sequence[int], jobs: int) -> None:
    """`work` for every seed, `jobs` at a time, each told its share of the cores as `threads`."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # of the evaluations, which run in the seed's own process
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for seed in pool.map(partial(work, threads=threads), seeds):
            print(f"seed {seed}: done", flush=True)


def run_seed(data: Path, seed: int, protocol: Protocol, threads: int) -> int:
    root = seed_folder(data, seed)
    with Trainer(root / resolving.WORKER_LOG) as trainer:
        Run(seed, Context(root, PlainReport(every_s=60.0), trainer), protocol, threads).make_all()
    return seed
