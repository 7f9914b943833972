"""One version per step of the skill stage, or rows of all: what each teaches, for the same rows and for the same seconds.

    python -m tests.bench version-sampling [--data DIR] [--seeds N,N] [--draws N,N] [--jobs N] [--turns N] [--speed SHARE]

DIR/seedN holds a world, its texts (bio) and its knowledge adapters (knowledge): those of part `effect`, or by `fact world`, `fact synth
bio` and `fact prereq`. On each seed's the skill is learned once per draw (a seed of the skill stage's weights and rows) and kind, by
the protocol's recipe (configs/sft/tiny.yaml), and asked about its dev people. Same rows: both take the recipe's steps. Same seconds:
`all` takes as many steps as the seconds of `one` pay for, by the speed per row that part `version-speed` measures first (or SHARE): wall
times of two runs on a shared machine would say more of its neighbours. Real rows cost both the same. Test people are not looked at.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from factcli import resolving
from factcli.artifact import Artifact, make, open_artifact
from factcli.basemodel import of_world
from factcli.config import resolve
from factcli.context import Context
from factcli.judge.compare import Results, accuracy_difference, equal_claims_difference, read_results
from factcli.progress import PlainReport
from factcli.stages import sft
from factcli.stages.eval import on_world
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stats import Bootstrap
from factcli.train.launch import Trainer
from tests.bench.cells import difference_cells, markdown
from tests.bench.effect import each_seed, seed_folder
from tests.bench.tables import SEEN

Sampling = Literal["one", "all"]
DRAWS = (0, 1, 2)
COMPARED: Mapping[str, str] = {"the same rows": "all", "the same seconds": "all-in-time"}  # minus `one`


@dataclass(frozen=True, slots=True)
class Run:
    """One seed's data, the recipe of the skill stage and a draw of it."""

    context: Context
    recipe: str
    threads: int
    draw: int

    def both(self) -> tuple[Artifact, Artifact]:
        """Of the same rows."""
        return self.model("one", None, "one"), self.model("all", None, "all")

    def model(self, sampling: Sampling, steps: int | None, name: str) -> Artifact:
        """The skill adapter, evaluated; `steps` None: the recipe's."""
        root = self.context.root
        knowledge, texts, ground = (open_artifact(ref, root) for ref in ("knowledge", "bio", "world"))
        base, named = of_world(ground), name_of(name, self.draw)
        given = {"seed": self.draw, "threads": self.threads, "version_sampling": sampling} | ({} if steps is None else {"steps": steps})
        config = resolve(sft.SftConfig, [resolving.recipe_file("sft", self.recipe)], [], given)
        plan = sft.plan(config, texts, knowledge, base, named)
        skill, _ = make(plan, lambda draft: sft.work(plan, draft, base, self.context), root)
        subject = Subject(named, base, skill, knowledge, texts)
        asking = on_world.plan(WorldEvalConfig(split="dev", heldout_forms=False, probe_versions=0), subject, ground, None, f"eval-{named}")
        make(asking, lambda draft: on_world.work(asking, draft, subject, self.context.report), root)
        return skill


def name_of(name: str, draw: int) -> str:
    return f"versions-{name}-{draw}"


def steps_in_time(config: Mapping[str, Any], speed: float) -> int:
    """Of all versions, in the time that `one` takes for its steps; a share of both are real rows, which cost the same."""
    assert config["steps"] is not None, "the recipe gives epochs, not steps"
    real = config["real_fraction"] or 0.0
    return max(1, round(config["steps"] / (real + (1 - real) / speed)))


def run_seed(data: Path, seed: int, recipe: str, draws: Sequence[int], speed: float, threads: int) -> int:
    root = seed_folder(data, seed)
    with Trainer(root / resolving.WORKER_LOG) as trainer:
        for draw in draws:
            run = Run(Context(root, PlainReport(every_s=60.0), trainer), recipe, threads, draw)
            one, _ = run.both()
            run.model("all", steps_in_time(one.manifest.config, speed), "all-in-time")
    return seed


def run_seeds(data: Path, seeds: Sequence[int], recipe: str, draws: Sequence[int], speed: float, jobs: int) -> None:
    """Make what is missing."""
    each_seed(partial(run_seed, data, recipe=recipe, draws=draws, speed=speed), seeds, jobs)


def table(data: Path, seeds: Sequence[int], draws: Sequence[int], speed: float) -> str:
    told = f"Same seconds at {speed:.3f} of the speed per row."
    return "\n\n".join([_cost_table(data, seeds, draws), _difference_table(data, seeds, draws), told])


def _cost_table(data: Path, seeds: Sequence[int], draws: Sequence[int]) -> str:
    rows = []
    for name in ("one", *COMPARED.values()):
        skills = [open_artifact(name_of(name, draw), seed_folder(data, seed)) for seed in seeds for draw in draws]
        steps, tokens = _mean([skill.summary["steps"] for skill in skills]), _mean([skill.manifest.usage["tokens"] for skill in skills])
        found = [right(results_of(data, seed, name, draw)) for seed in seeds for draw in draws]
        rows.append(f"{name} | {steps:g} | {tokens:,.0f} | {100 * _mean(found):.1f} ({100 * min(found):.1f} to {100 * max(found):.1f})")
    title = f"Each, mean of {len(seeds)} worlds x {len(draws)} draws (least to most)"
    return markdown(title, "model | steps | tokens | questions right about dev people, %", rows)


def _difference_table(data: Path, seeds: Sequence[int], draws: Sequence[int]) -> str:
    """`all` minus `one` on the same world and draw; the draws of a world are its replicates, as its seeds are of a world."""
    rows = []
    measures = {"questions right, points": accuracy_difference, "true at equal claims, points": equal_claims_difference}
    for label, name in COMPARED.items():
        for told, measure in measures.items():
            each: dict[int, Bootstrap] = {}
            for place, (seed, draw) in enumerate((seed, draw) for seed in seeds for draw in draws):
                each[place] = measure(results_of(data, seed, name, draw), results_of(data, seed, "one", draw))
            rows.append(f"{label} | {told} | {difference_cells(each, 100)}")
    return markdown("All versions minus one, 95% interval by draw and subject", "for | measure | difference | same sign | per draw", rows)


def results_of(data: Path, seed: int, name: str, draw: int) -> Results:
    return read_results(open_artifact(f"eval-{name_of(name, draw)}", seed_folder(data, seed))).of_groups(SEEN)


def right(results: Results) -> float:
    return sum(answer.grade == "right" for answer in results.questions) / len(results.questions)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
