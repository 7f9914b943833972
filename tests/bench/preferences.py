"""What learning from preferences adds to the models of effect.py, over the same worlds: a recipe run on each, and its tables.

preferences.yaml    FactTune on plain fine-tuning and on PREREQ-TUNE, GRATH in both reference modes
self_learning.yaml  Self-Learning, two rounds
A recipe begins where effect.py ended, in the same DATA/seed<N>/; an interrupted run goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from typer.main import get_command

from factcli.artifact import Artifact, open_artifact
from factcli.cli import app
from factcli.commands.running import chosen_recipe, perform_all
from factcli.commands.typed import Command, commands_of
from factcli.flows.recipe import Recipe, Step, read_recipe
from factcli.judge.compare import (
    Results,
    accuracy_difference,
    equal_claims_difference,
    number_correct_difference,
    read_results,
    retention_difference,
    share_correct_difference,
)
from factcli.preferencerows import PreferenceStep, Round
from factcli.stages.report.trained import method_of, start_of
from factcli.stats import Bootstrap, seed_subject_bootstrap
from tests.bench.cells import Mean, difference_cells, interval, markdown, mean_cells, spread
from tests.bench.effect import each_seed, seed_folder
from tests.bench.protocol import Protocol
from tests.bench.tables import GROUPS, MEANS, SEEN

HERE = Path(__file__).parent
T = TypeVar("T")
Difference = Callable[[Results, Results, Results], Bootstrap]  # a method, what it began as, the untouched base
DIFFERENCES: Mapping[str, tuple[Difference, int]] = {
    "questions right, points": (lambda mine, start, _: accuracy_difference(mine, start), 100),
    "kept of the base, points": (retention_difference, 100),
    "claims true, points": (lambda mine, start, _: share_correct_difference(mine, start), 100),
    "true at equal claims, points": (lambda mine, start, _: equal_claims_difference(mine, start), 100),
    "true claims each": (lambda mine, start, _: number_correct_difference(mine, start), 1),
}
BY_GROUP = ("questions right, points", "claims true, points")
OF_QUESTIONS = ("questions right", "kept of the base")


@dataclass(frozen=True, slots=True)
class Experiment:
    """A recipe, and what its tables have beside the differences."""

    recipe: Path
    start: str  # the first step that effect.py did not do
    loops: tuple[str, ...] = ()  # that have rounds, each to be evaluated
    known: tuple[str, ...] = ()  # scores of a later model's questions beside those of the first
    has_claims: bool = True  # else its models were never taught to write a biography, and only questions are told of

    def told(self, measures: Mapping[str, T]) -> dict[str, T]:
        return {name: measure for name, measure in measures.items() if self.has_claims or name.startswith(OF_QUESTIONS)}


PREFERENCES = Experiment(HERE / "preferences.yaml", "samples-sft", loops=("grath", "grath-fixed", "grath-prereq", "grath-fixed-prereq"))
SELF_LEARNING = Experiment(HERE / "self_learning.yaml", "reading", known=("known-1", "known-2", "known-prereq-1", "known-prereq-2"), has_claims=False)


def recipe_of(experiment: Experiment, seed: int, threads: int, commands: Mapping[str, Command]) -> Recipe:
    """The recipe with this seed, and each training with its share of the cores."""
    recipe = read_recipe(experiment.recipe)
    return chosen_recipe(recipe, commands, thread_settings(recipe, experiment.start, threads), seed)


def thread_settings(recipe: Recipe, start: str, threads: int) -> list[str]:
    """For each training from `start` on, how many threads it has, as --set says it."""
    own = {"world": "threads", "prereq": "threads", "sft": "threads", "dpo": "threads", "grath-iterate": "dpo.threads"}
    started = [step.name for step in recipe.steps].index(start)
    return [f"{step.name}.{own[step.command]}={threads}" for step in recipe.steps[started:] if step.command in own]


def run_seeds(experiment: Experiment, data: Path, seeds: Sequence[int], jobs: int) -> None:
    """Make what is missing, `jobs` seeds at a time."""
    each_seed(partial(run_seed, experiment, data), seeds, jobs)


def run_seed(experiment: Experiment, data: Path, seed: int, threads: int) -> int:
    commands = commands_of(get_command(app))
    run = perform_all(recipe_of(experiment, seed, threads, commands), commands, seed_folder(data, seed), experiment.start)
    if not run.code:
        run = perform_all(rounds_of(experiment, data, seed), commands, seed_folder(data, seed))
    if run.code:
        raise SystemExit(f"seed {seed} ended with code {run.code}")
    return seed


def rounds_of(experiment: Experiment, data: Path, seed: int) -> Recipe:
    """An evaluation of every round of a loop, whether its gate kept it or not: how many there are is known only now."""
    root = seed_folder(data, seed)
    settings = next(step.settings for step in read_recipe(experiment.recipe).steps if step.command == "eval world")
    steps = [
        Step("eval world", f"eval-{name}-round{row.round}", {"model": row.model, "seed": seed}, settings)
        for name in experiment.loops
        for row in open_artifact(name, root).rows("rounds", Round)
        if row.model
    ]
    return Recipe("rounds", HERE, tuple(steps))


def preference_tables(experiment: Experiment, data: Path, seeds: Sequence[int]) -> str:
    """Each method beside what it began as, and beside PREREQ-TUNE."""
    starts = {name: start for name in _asked(experiment) if (start := _start(data, seeds[0], name))}
    names = list(starts)
    told = experiment.told(DIFFERENCES)
    by_group = {name: told[name] for name in BY_GROUP if name in told}
    parts = [
        _means(data, seeds, list(dict.fromkeys(["base", *starts.values(), *names])), experiment.told(MEANS)),
        _differences(data, seeds, starts, SEEN, told, "what it began as"),
        *(_differences(data, seeds, starts, (group,), by_group, f"what it began as, {group} people") for group in GROUPS),
        _differences(data, seeds, dict.fromkeys([name for name in names if starts[name] != "prereq"], "prereq"), SEEN, told, "PREREQ-TUNE"),
        _training(data, seeds, names),
        *(_rounds(data, seeds, name) for name in experiment.loops),
        *([_forgotten(experiment.known, data, seeds)] if experiment.known else []),
    ]
    return "\n\n".join(parts)


def _start(data: Path, seed: int, name: str) -> str:
    """What a method began as: of several rounds of it, the first; "" for what was fine-tuned alone."""
    root = seed_folder(data, seed)
    found = open_artifact(name, root)
    start = start_of(found, root)
    if start is None:
        return ""
    return _start(data, seed, start.name) if method_of(start) == method_of(found) else start.name


def _results(data: Path, seed: int, name: str, groups: Sequence[str]) -> Results:
    return read_results(open_artifact(f"eval-{name}", seed_folder(data, seed))).of_groups(groups)


def main_table(data: Path, seeds: Sequence[int], protocol: Protocol) -> str:
    """Every method of effect and of both recipes here in one table, with questions alone of those that were never taught biographies."""
    names = dict.fromkeys(["base", *protocol.methods, *_asked(PREFERENCES)])
    only_questions = dict.fromkeys(_asked(SELF_LEARNING))
    parts = [_means(data, seeds, list(names), MEANS), _means(data, seeds, list(only_questions), SELF_LEARNING.told(MEANS))]
    return "\n\n".join(parts)


def _asked(experiment: Experiment) -> list[str]:
    """The models that the recipe evaluates."""
    return [step.options["model"] for step in read_recipe(experiment.recipe).steps if step.command == "eval world"]


def _means(data: Path, seeds: Sequence[int], names: Sequence[str], means: Mapping[str, Mean]) -> str:
    bases = {seed: _results(data, seed, "base", SEEN) for seed in seeds}
    rows = []
    for name in names:
        own = {seed: _results(data, seed, name, SEEN) for seed in seeds}
        rows.append(f"{name} | {' | '.join(mean_cells(own, bases, means))}")
    return markdown(f"Means with 95% intervals by seed and subject, {len(seeds)} seeds", f"model | {' | '.join(means)}", rows)


def _differences(
    data: Path, seeds: Sequence[int], others: Mapping[str, str], groups: Sequence[str], measures: Mapping[str, tuple[Difference, int]], minus: str
) -> str:
    rows = []
    bases = {seed: _results(data, seed, "base", groups) for seed in seeds}
    for name, other in others.items():
        pairs = {seed: (_results(data, seed, name, groups), _results(data, seed, other, groups)) for seed in seeds}
        for label, (measure, scale) in measures.items():
            each = {seed: measure(mine, start, bases[seed]) for seed, (mine, start) in pairs.items()}
            rows.append(f"{name} | {other} | {label} | {difference_cells(each, scale)}")
    title = f"Each method minus {minus}, {len(seeds)} seeds, paired by subject, 95% interval by seed and subject"
    return markdown(title, "method | minus | measure | difference | same sign | per seed", rows)


def _training(data: Path, seeds: Sequence[int], names: Sequence[str]) -> str:
    """Means over seeds of what each run of DPO was and came to."""
    rows = []
    for name in names:
        runs = [open_artifact(name, seed_folder(data, seed)) for seed in seeds]
        figures = [_figures(run) for run in runs if "steps" in run.manifest.tables]
        if figures:
            means = [sum(column) / len(figures) for column in zip(*figures, strict=True)]
            pairs, steps, first, last, kl, seconds = means
            rows.append(f"{name} | {pairs:.0f} | {steps:.0f} | {first:.4f} | {100 * last:.1f} | {kl:.2f} | {seconds:.0f}")
    columns = "run | pairs of train prompts | steps | first loss | pairs told right at the end, % | KL at the end | seconds"
    return markdown(f"Training on preferences, means of {len(seeds)} seeds", columns, rows)


def _rounds(data: Path, seeds: Sequence[int], name: str) -> str:
    """By round: how many seeds kept it, and test questions and claims of those that came so far, against the loop's start."""
    kept: dict[int, list[Round]] = {}
    made: dict[int, list[int]] = {}
    for seed in seeds:
        for row in open_artifact(name, seed_folder(data, seed)).rows("rounds", Round):
            kept.setdefault(row.round, []).append(row)
            made.setdefault(row.round, []).extend([seed] if row.model else [])
    rows = []
    for number, found in sorted(kept.items()):
        start = _start(data, seeds[0], name)
        pairs = {seed: (_results(data, seed, f"{name}-round{number}", SEEN), _results(data, seed, start, SEEN)) for seed in made[number]}
        shown = [seed_subject_bootstrap({seed: measure(*both) for seed, both in pairs.items()}) for measure in (accuracy_difference, share_correct_difference)]
        refused = Counter(row.reason.partition(":")[0] for row in found if row.reason)
        reasons = ", ".join(f"{n} x {reason}" for reason, n in refused.most_common()) or "-"
        n_kept = sum(row.accepted for row in found)
        rows.append(f"{number} | {n_kept} of {len(found)} | {' | '.join(interval(one, 100) for one in shown)} | {reasons}")
    title = f"{name} by round, against the model that the loop began as, people that pre-training mentions"
    return markdown(title, "round | kept by the gate | questions right, points | claims true, points | why not kept", rows)


def _forgotten(known: Sequence[str], data: Path, seeds: Sequence[int]) -> str:
    """Means over seeds of the share of train people's questions that were known and are not, and the other way round."""
    rows = []
    for name in known:
        changes = [open_artifact(name, seed_folder(data, seed)).summary["changes"] for seed in seeds]
        cells = [spread([one[what]["share"] for one in changes if one[what]["share"] is not None]) for what in ("known_forgotten", "unknown_learned")]
        rows.append(f"{name} | {' | '.join(cells)} | {' '.join(str(one['known_forgotten']['n']) for one in changes)}")
    return markdown(
        f"Self-Learning after each round, {len(seeds)} seeds: mean (least to most), %",
        "scores | known before, forgotten | unknown before, learned | known before, per seed",
        rows,
    )


def _figures(run: Artifact) -> tuple[float, ...]:
    steps = [row for row in run.rows("steps", PreferenceStep) if row.split == "train"]
    return float(run.summary["pairs"]), steps[-1].step, steps[0].loss, steps[-1].accuracy, steps[-1].kl, float(run.manifest.usage.get("seconds", 0))
