"""The papers' experiments and a reviewer's controls over many worlds: configs/experiments/*.yaml run on each seed, and their tables.

Everything is an ordinary artifact in DATA/seed<N>/, where a recipe finds what another one made; DATA/seed<N>/<recipe>.json says which
versions are a recipe's. An interrupted run goes on where it was. Tables are of the seeds that are made, and say which.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from typer.main import get_command

from factcli.artifact import Artifact, open_artifact
from factcli.cli import app
from factcli.commands.running import chosen_recipe, perform_all, recipe_path
from factcli.commands.typed import commands_of
from factcli.flows.recipe import read_recipe
from factcli.judge.compare import Results, read_results
from factcli.judge.metrics import Metric
from factcli.judge.typed_answers import SOURCES, TypeShare
from factcli.rows import KnowledgeAdapter
from tests.bench.cells import MEMORISED, SWAPPED, difference_cells, markdown, mean_cells, memorised_rows, spread, swap_rows
from tests.bench.effect import each_seed, seed_folder
from tests.bench.preferences import DIFFERENCES, thread_settings
from tests.bench.tables import MEANS, SEEN

BASE = "eval-base"
Figures = Mapping[str, tuple[str, str]]  # title -> (metric, group)
CLAIMS: Figures = {f"surest {k}": (f"bio.share_correct_of_{k}", "seen") for k in range(1, 7)}
MYTHS: Figures = {
    "right": ("qa.accuracy", "myth"),
    "the myth": ("qa.myth_repeated", "myth"),
    "something else": ("qa.myth_other_wrong", "myth"),
    "biographies: true": ("bio.myth_truth", "myth"),
    "biographies: the myth": ("bio.myth_repeated", "myth"),
}
CHOICES: Figures = {"MC1": ("truthfulqa.mc1", "all"), "MC2": ("truthfulqa.mc2", "all")}


@dataclass(frozen=True, slots=True)
class Runs:
    """What a recipe made for each seed, by the names of its steps."""

    made: Mapping[int, Mapping[str, Artifact]]

    @property
    def steps(self) -> list[str]:
        return list(next(iter(self.made.values())))

    def named(self, prefix: str) -> list[str]:
        return [step for step in self.steps if step.startswith(prefix)]

    def of(self, step: str) -> list[Artifact]:
        return [made[step] for made in self.made.values()]

    def results(self, step: str) -> dict[int, Results]:
        """Of people that pre-training mentions."""
        return {seed: read_results(made[step]).of_groups(SEEN) for seed, made in self.made.items()}


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is told of a recipe beside each evaluation's means. `pairs`: an evaluation, and what is taken from it."""

    pairs: Sequence[tuple[str, str]] = ()
    more: Sequence[Callable[[Runs], str]] = ()
    base_of: Callable[[str], str] = lambda _: BASE


def minus_each(mine: str, others: str) -> list[tuple[str, str]]:
    return [(f"eval-{mine}", f"eval-{other}") for other in others.split()]


def run_seeds(names: Sequence[str], data: Path, seeds: Sequence[int], jobs: int) -> None:
    """Make what is missing, `jobs` seeds at a time."""
    for name in names:
        print(f"{name}:", flush=True)
        each_seed(partial(run_seed, name, data), seeds, jobs)


def run_seed(name: str, data: Path, seed: int, threads: int) -> int:
    commands = commands_of(get_command(app))
    recipe = read_recipe(recipe_path(name))
    recipe = replace(recipe, steps=tuple(step for step in recipe.steps if step.command not in ("compare", "report")))  # the tables here compare over worlds
    recipe = chosen_recipe(recipe, commands, thread_settings(recipe, recipe.steps[0].name, threads), seed)
    run = perform_all(recipe, commands, seed_folder(data, seed))
    if run.code:
        raise SystemExit(f"{name}, seed {seed}: ended with code {run.code}")
    record(name, data, seed).write_text(json.dumps(run.versions(), indent=1) + "\n", encoding="utf-8")
    return seed


def record(name: str, data: Path, seed: int) -> Path:
    return seed_folder(data, seed) / f"{name}.json"


def read_runs(name: str, data: Path, seeds: Sequence[int]) -> Runs:
    made = [seed for seed in seeds if record(name, data, seed).exists()]
    versions = {seed: json.loads(record(name, data, seed).read_text(encoding="utf-8")) for seed in made}
    return Runs({seed: {step: open_artifact(ref, seed_folder(data, seed)) for step, ref in refs.items()} for seed, refs in versions.items()})


def tables(name: str, data: Path, seeds: Sequence[int]) -> str:
    """The recipe's tables as Markdown, of those of the seeds that it was run on."""
    runs = read_runs(name, data, seeds)
    if not runs.made:
        return f"### {name}\n\nNo seed is made."
    experiment = EXPERIMENTS[name]
    title = f"### {name}: {len(runs.made)} worlds (seeds {', '.join(map(str, runs.made))})"
    parts = [_means(runs, experiment), _differences(runs, experiment), *(more(runs) for more in experiment.more)]
    return "\n\n".join([title, *(part for part in parts if part)])


def _means(runs: Runs, experiment: Experiment) -> str:
    asked = [step for step in runs.named("eval-") if _tells(runs, step, "qa.accuracy") and _tells(runs, step, "bio.share_correct")]
    rows = []
    for step in asked:
        own, bases = runs.results(step), runs.results(experiment.base_of(step))
        cells = mean_cells(own, bases, MEANS)
        claims = [_value(evaluation, "bio.claims_per_answer", "seen") or 0.0 for evaluation in runs.of(step)]
        rows.append(f"{step.removeprefix('eval-')} | {' | '.join(cells)} | {sum(claims) / len(claims):.2f}")
    return markdown("Means, 95% intervals by seed and subject", f"model | {' | '.join(MEANS)} | claims each", rows) if rows else ""


def _differences(runs: Runs, experiment: Experiment) -> str:
    rows = []
    for name, other in experiment.pairs:
        mine, others, bases = runs.results(name), runs.results(other), runs.results(experiment.base_of(name))
        for label, (measure, scale) in DIFFERENCES.items():
            each = {seed: measure(mine[seed], others[seed], bases[seed]) for seed in mine}
            rows.append(f"{name.removeprefix('eval-')} | {other.removeprefix('eval-')} | {label} | {difference_cells(each, scale)}")
    title = "Paired differences, 95% intervals by seed and subject"
    return markdown(title, "model | minus | measure | difference | same sign | per seed", rows) if rows else ""


def _value(evaluation: Artifact, metric: str, group: str) -> float | None:
    rows = evaluation.rows("metrics", Metric)
    return next((row.value for row in rows if (row.metric, row.group) == (metric, group)), None)


def _tells(runs: Runs, step: str, metric: str) -> bool:
    return all(any(row.metric == metric for row in evaluation.rows("metrics", Metric)) for evaluation in runs.of(step))


def figures(title: str, columns: Figures, prefix: str) -> Callable[[Runs], str]:
    """A table of the metrics of every step that begins so: mean (least to most) of the seeds."""

    def table(runs: Runs) -> str:
        rows = []
        for step in runs.named(prefix):
            found = [[value for one in runs.of(step) if (value := _value(one, *figure)) is not None] for figure in columns.values()]
            rows += [f"{step} | {' | '.join(spread(values) for values in found)}"] if any(found) else []
        return markdown(f"{title}, %, mean (least to most) of worlds", f"evaluation | {' | '.join(columns)}", rows)

    return table


def types(runs: Runs) -> str:
    """Words and thresholds side by side: how often each type is given, how often certain is right, and whether it follows what the base knows."""
    rows = []
    for step in runs.named("types"):
        for source in SOURCES:
            metrics = [f"responses.{source}.{what}" for what in ("certain", "unsure", "unknown", "tells_unknown", "risk_coverage_area")]
            found = [[value for one in runs.of(step) if (value := _value(one, metric, "all")) is not None] for metric in metrics]
            sure = [row.accuracy for one in runs.of(step) for row in one.rows("types", TypeShare) if _is_certain(row, source) and row.accuracy is not None]
            rows.append(f"{step} | {source} | {' | '.join(spread(values) for values in [*found, sure])}")
    columns = "evaluation | by | certain | unsure | unknown | unknown where the base is wrong minus where it is right | risk-coverage area | right, of certain"
    return markdown("What the models say of how sure they are, %, mean (least to most) of worlds", columns, rows)


def _is_certain(row: TypeShare, source: str) -> bool:
    return (row.source, row.group, row.base_knows, row.type) == (source, "all", "all", "certain")


def swaps(runs: Runs) -> str:
    """Both tables of PREREQ-TUNE on what is knowledge and what is skill, of every model that has them."""
    swapped = [f"{step} | {cells}" for step in runs.named("eval-") for cells in swap_rows(runs.of(step))]
    memorised = [f"{step} | {cells}" for step in runs.named("eval-") for cells in memorised_rows(runs.of(step))]
    kept = "Fictitious answers with no knowledge plugged in, %, means of worlds and versions"
    return "\n\n".join(
        [
            markdown("Knowledge swap: facts that come out, %, mean (least to most) of worlds and versions", f"evaluation | {SWAPPED}", swapped),
            markdown(kept, f"evaluation | {MEMORISED}", memorised),
        ]
    )


def recited(runs: Runs) -> str:
    """What the knowledge adapters of each step came to: they stop where they were asked to, or at their last epoch."""
    rows = []
    for step in runs.named("knowledge"):
        adapters = [row for one in runs.of(step) for row in one.rows("adapters", KnowledgeAdapter) if row.source != "probe"]
        steps = [row.steps for row in adapters]
        rows.append(f"{step} | {spread([row.recited for row in adapters])} | {sum(steps) / len(steps):.0f} ({min(steps)} to {max(steps)})")
    return markdown("Knowledge adapters, mean (least to most) of worlds", "knowledge | recited, % | steps", rows)


RECITED = [f"{share:g}" for share in (0, 0.25, 0.5, 0.75)]
EXPERIMENTS: Mapping[str, Experiment] = {
    "rivals": Experiment(minus_each("prereq-tune", "sft-common sft-real popular-head sft-oracle distill-0.5 distill-2 sft-flame sft-beliefs base")),
    "rival-rates": Experiment(),
    "controls": Experiment(
        [
            *minus_each("fictitious-present", "fictitious-absent fictitious-wrong-version fictitious-shuffled fictitious-random real-present"),
            *minus_each("real-present", "real-absent"),
        ],
        [recited],
    ),
    "claims": Experiment(more=[figures("Claims true of the surest k of each biography", CLAIMS, "eval-")]),
    "swap": Experiment(more=[swaps]),
    "forms": Experiment(minus_each("both", "statement passage")),
    "decomposition": Experiment(minus_each("model", "sentence"), [recited]),
    "scaling": Experiment(
        [(f"eval-with-{n}", f"eval-without-{n}") for n in (15, 30, 60, 120)] + minus_each("with-120", "with-15") + minus_each("without-120", "without-15")
    ),
    "recitation": Experiment(
        [(f"eval-{share}-0.98", f"eval-{share}-0.2") for share in RECITED] + [("eval-0-0.98", f"eval-{share}-0.98") for share in RECITED[1:]],
        [recited],
    ),
    "task-form": Experiment(
        [(f"eval-prereq-{share}", f"eval-{other}-{share}") for share in ("0", "0.03", "0.3") for other in ("real", "popular-head")],
        base_of=lambda step: f"{BASE}-{step.rpartition('-')[2]}",
    ),
    "response-types": Experiment(more=[types]),
    "myths": Experiment(
        minus_each("prereq-tune", "sft-real") + minus_each("grath", "sft-pairs"),
        [figures("Questions about facts with a myth", MYTHS, "eval-"), figures("Multiple choice, truth against myths", CHOICES, "truthfulqa-")],
    ),
}
