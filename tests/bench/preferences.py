"""What learning from preferences adds to the models of effect.py, over the same worlds: preferences.yaml run on each, and its tables.

The recipe begins where effect.py ended, in the same DATA/seed<N>/; an interrupted run goes on where it was.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from typer.main import get_command

from factcli.artifact import Artifact, open_artifact
from factcli.cli import app
from factcli.commands.running import chosen_recipe, perform_all
from factcli.commands.typed import Command, commands_of
from factcli.flows.recipe import Recipe, read_recipe
from factcli.judge.compare import (
    Results,
    accuracy_difference,
    equal_claims_difference,
    number_correct_difference,
    read_results,
    retention_difference,
    share_correct_difference,
)
from factcli.preferencerows import PreferenceStep
from factcli.stages.report.trained import start_of
from factcli.stats import Bootstrap, equal_signs, seed_subject_bootstrap
from tests.bench.effect import seed_folder
from tests.bench.tables import GROUPS, MEANS, SEEN, interval, markdown

RECIPE = Path(__file__).parent / "preferences.yaml"
START = "samples-sft"  # the first step that effect.py did not do
TRAINING = ("dpo", "grath-iterate")
Difference = Callable[[Results, Results, Results], Bootstrap]  # a method, what it began as, the untouched base
DIFFERENCES: Mapping[str, tuple[Difference, int]] = {
    "questions right, points": (lambda mine, start, _: accuracy_difference(mine, start), 100),
    "kept of the base, points": (retention_difference, 100),
    "claims true, points": (lambda mine, start, _: share_correct_difference(mine, start), 100),
    "true at equal claims, points": (lambda mine, start, _: equal_claims_difference(mine, start), 100),
    "true claims each": (lambda mine, start, _: number_correct_difference(mine, start), 1),
}
BY_GROUP = ("questions right, points", "claims true, points")


def recipe_of(seed: int, threads: int, commands: Mapping[str, Command]) -> Recipe:
    """The recipe with this seed, and each training with its share of the cores."""
    recipe = read_recipe(RECIPE)
    return chosen_recipe(recipe, commands, [f"{step.name}.threads={threads}" for step in recipe.steps if step.command == "dpo"], seed)


def run_seeds(data: Path, seeds: Sequence[int], jobs: int) -> None:
    """Make what is missing, `jobs` seeds at a time."""
    threads = max(1, (os.cpu_count() or 1) // jobs)
    os.environ["OMP_NUM_THREADS"] = str(threads)
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for seed in pool.map(partial(run_seed, data, threads=threads), seeds):
            print(f"seed {seed}: done", flush=True)


def run_seed(data: Path, seed: int, threads: int) -> int:
    commands = commands_of(get_command(app))
    run = perform_all(recipe_of(seed, threads, commands), commands, seed_folder(data, seed), START)
    if run.code:
        raise SystemExit(f"seed {seed} ended with code {run.code}")
    return seed


def preference_tables(data: Path, seeds: Sequence[int]) -> str:
    """Each method beside what it began as, and beside PREREQ-TUNE."""
    names = [step.options["model"] for step in read_recipe(RECIPE).steps if step.command == "eval world"]
    starts = {name: _start(data, seeds[0], name) for name in names}
    parts = [
        _means(data, seeds, ["base", *dict.fromkeys(starts.values()), *names]),
        _differences(data, seeds, starts, SEEN, DIFFERENCES, "what it began as"),
        *(_differences(data, seeds, starts, (group,), {name: DIFFERENCES[name] for name in BY_GROUP}, f"what it began as, {group} people") for group in GROUPS),
        _differences(data, seeds, dict.fromkeys([name for name in names if starts[name] != "prereq"], "prereq"), SEEN, DIFFERENCES, "PREREQ-TUNE"),
        _training(data, seeds, names),
    ]
    return "\n\n".join(parts)


def _start(data: Path, seed: int, name: str) -> str:
    root = seed_folder(data, seed)
    start = start_of(open_artifact(name, root), root)
    assert start is not None
    return start.name


def _results(data: Path, seed: int, name: str, groups: Sequence[str]) -> Results:
    return read_results(open_artifact(f"eval-{name}", seed_folder(data, seed))).of_groups(groups)


def _means(data: Path, seeds: Sequence[int], names: Sequence[str]) -> str:
    bases = {seed: _results(data, seed, "base", SEEN) for seed in seeds}
    rows = []
    for name in names:
        own = {seed: _results(data, seed, name, SEEN) for seed in seeds}
        cells = [interval(seed_subject_bootstrap({seed: mean(mine, bases[seed]) for seed, mine in own.items()}), 100, ".1f") for mean in MEANS.values()]
        rows.append(f"{name} | {' | '.join(cells)}")
    return markdown(f"Means with 95% intervals by seed and subject, {len(seeds)} seeds", f"model | {' | '.join(MEANS)}", rows)


def _differences(
    data: Path, seeds: Sequence[int], others: Mapping[str, str], groups: Sequence[str], measures: Mapping[str, tuple[Difference, int]], minus: str
) -> str:
    rows = []
    bases = {seed: _results(data, seed, "base", groups) for seed in seeds}
    for name, other in others.items():
        pairs = {seed: (_results(data, seed, name, groups), _results(data, seed, other, groups)) for seed in seeds}
        for label, (measure, scale) in measures.items():
            each = {seed: measure(mine, start, bases[seed]) for seed, (mine, start) in pairs.items()}
            values = [one.value for one in each.values() if one.value is not None]
            same, total = equal_signs(values)
            told = " ".join(f"{value * scale:+.2f}" for value in values)
            rows.append(f"{name} | {other} | {label} | {interval(seed_subject_bootstrap(each), scale)} | {same} of {total} | {told}")
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


def _figures(run: Artifact) -> tuple[float, ...]:
    steps = [row for row in run.rows("steps", PreferenceStep) if row.split == "train"]
    pairs = float(run.manifest.counts.get("train", run.manifest.counts.get("trained", 0)))
    return pairs, steps[-1].step, steps[0].loss, steps[-1].accuracy, steps[-1].kl, float(run.manifest.usage.get("seconds", 0))
