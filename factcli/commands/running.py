"""`fact run` and `fact demo`: the commands of a recipe, one after the other, each as typed."""

import json
import re
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.artifact.lineage import ancestors
from factcli.basemodel import whole
from factcli.commands.ending import tell
from factcli.commands.making import lines_of, sharing_trainer
from factcli.commands.typed import Command, commands_of, faults_of, perform
from factcli.errors import InputError, SettingsError, nearest
from factcli.flows.pace import Clock
from factcli.flows.recipe import Recipe, Step, read_recipe, refuse

FOLDER = "recipes"  # of configs/
FOLDERS = (FOLDER, "experiments")


@dataclass(slots=True)
class Run:
    """What the steps so far made or found. `code`: how the last one ended; not 0 ends the run."""

    root: Path
    made: dict[str, Artifact] = field(default_factory=dict)
    reused: set[str] = field(default_factory=set)
    code: int = 0

    def versions(self) -> dict[str, str]:
        return {name: artifact.ref for name, artifact in self.made.items()}


def recipe_path(given: str) -> Path:
    """A file as typed; without a suffix, one of configs/recipes/ or configs/experiments/ by its name. Raises SettingsError with the nearest name."""
    if Path(given).suffix:
        return Path(given)
    have = {file.stem: file for folder in FOLDERS for file in sorted((resolving.configs_directory() / folder).glob("*.yaml"))}
    if given not in have:
        raise SettingsError(f"there is no recipe {given!r}{nearest(given, have)}", f"recipes: {', '.join(have)}; or give a file: {given}.yaml")
    return have[given]


@dataclass(frozen=True, slots=True)
class Asked:
    """What `fact run` was asked for, but for seeds: the recipe, what is laid over it, where it begins."""

    recipe: str
    assignments: tuple[str, ...]
    start: str | None
    as_json: bool

    def chosen(self, commands: Mapping[str, Command], seed: int | None) -> Recipe:
        return chosen_recipe(read_recipe(recipe_path(self.recipe)), commands, self.assignments, seed)


def seeds_of(seed: int | None, seeds: str | None) -> list[int | None]:
    """One seed or none, or those of a list like 1,2,5 or 200-209. Raises SettingsError."""
    if seeds is None:
        return [seed]
    if seed is not None:
        raise SettingsError("--seed and --seeds are both given", "give one of them")
    return list(numbers_of("seeds", seeds))


def numbers_of(what: str, text: str) -> list[int]:
    """Those of a list like 1,2,5 or 200-209, each once. `what`: the option that it was given to. Raises SettingsError."""
    parts = [re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip()) for part in text.split(",")]
    ranges = [range(int(part[1]), int(part[2] or part[1]) + 1) if part else range(0) for part in parts]
    if not all(ranges):
        raise SettingsError(f"--{what} {text} is no list of {what}", f"for example: --{what} 200-209, or --{what} 1,2,5")
    return list(dict.fromkeys(number for one in ranges for number in one))


def make_runs(program: Any, asked: Asked, root: Path, seeds: Sequence[int | None], in_folders: bool) -> int:
    """The exit code of the step that failed, or 0. With `in_folders` each seed has its artifacts in root/seedN, and several are compared in root."""
    commands = commands_of(program)
    runs: list[Run] = []
    for number, seed in enumerate(seeds, 1):
        if in_folders:
            tell(f"\nseed {seed}, {number} of {len(seeds)}")
        runs.append(_make_run(asked, commands, root / f"seed{seed}" if in_folders else root, seed))
        if runs[-1].code:
            return runs[-1].code
    if len(runs) == 1:
        return 0
    recipe = asked.chosen(commands, seeds[0])
    return next(
        (code for step in recipe.steps if step.command == "compare" if (code := _compare_over(runs, step, recipe.folder, commands["compare"], root, asked))), 0
    )


def _make_run(asked: Asked, commands: Mapping[str, Command], root: Path, seed: int | None) -> Run:
    started = time.monotonic()
    run = perform_all(asked.chosen(commands, seed), commands, root, asked.start)
    if not run.code:
        tell(f"\nmade in {(time.monotonic() - started) / 60:.1f} minutes:")
        for name, artifact in run.made.items():
            tell(f"  {artifact.ref}: {artifact.manifest.headline}{' (made before)' if name in run.reused else ''}")
        last = list(run.made.values())[-1]
        print(json.dumps({"made": run.versions(), "path": str(last.path)}) if asked.as_json else last.path)
    return run


def _compare_over(runs: Sequence[Run], step: Step, folder: Path, command: Command, root: Path, asked: Asked) -> int:
    """A comparison of the recipe once more over all seeds, as fact compare --runs: the seed is the unit that results hold for. Its exit code."""
    tell(f"\nover {len(runs)} seeds: fact compare --runs, {step.name}")
    together = {name: ",".join(str(run.made[name].path) for run in runs) for name in runs[0].made}
    code, said = perform(command, [*command.typed(step.with_option("runs", True), folder, together), "--name", step.name, "--data", str(root)])
    if not code:
        print(json.dumps(said) if asked.as_json else said["path"])
    return code


def describe_run(program: Any, asked: Asked, seed: int | None) -> None:
    """Every step from `start` on as it would be typed. Keys and costs of a step are known when those before it are made."""
    commands = commands_of(program)
    recipe = asked.chosen(commands, seed)
    if asked.start is not None:
        recipe = replace(recipe, steps=recipe.steps[recipe.steps.index(recipe.step(asked.start)) :])
    show_steps(recipe, commands, asked.as_json)


def show_steps(recipe: Recipe, commands: Mapping[str, Command], as_json: bool) -> None:
    tell("every step as typed; what was made before with the same settings and inputs is not made again")
    steps = {step.name: {"command": line_of(step, commands[step.command], recipe.folder), **_expected([step])} for step in recipe.steps}
    described = {"steps": steps, **_expected(recipe.steps)}
    print(json.dumps(described, indent=1) if as_json else "\n".join(lines_of(described)))


def line_of(step: Step, command: Command, folder: Path, root: Path = Path("data")) -> str:
    """A step as it is typed whole: without a name where it has none, with --data where `root` is not where artifacts go by themselves."""
    named = ["--name", step.name] if step.name else []
    return shlex.join(["fact", *step.command.split(), *command.typed(step, folder, {}), *named, *([] if root == Path("data") else ["--data", str(root)])])


def _expected(steps: Sequence[Step]) -> dict[str, float]:
    """What they take, where a recipe says it of each."""
    seconds = [step.seconds for step in steps if step.seconds is not None]
    return {"expected minutes": round(sum(seconds) / 60, 1)} if len(seconds) == len(steps) else {}


def chosen_recipe(recipe: Recipe, commands: Mapping[str, Command], assignments: Sequence[str], seed: int | None) -> Recipe:
    """The recipe with what is laid over it. Raises SettingsError that lists all that is wrong with it."""
    refuse(recipe.title, faults_of(recipe, commands))
    if seed is not None:
        recipe = seeded(recipe, commands, seed)
    for assignment in assignments:
        recipe = recipe.replaced(_assigned(recipe, assignment, commands))
    refuse(recipe.title, faults_of(recipe, commands))
    return recipe


def seeded(recipe: Recipe, commands: Mapping[str, Command], seed: int) -> Recipe:
    """Every step that draws, with this seed."""
    return recipe.replaced(*(step.with_option("seed", seed) for step in recipe.steps if "seed" in commands[step.command].parameters))


def _assigned(recipe: Recipe, assignment: str, commands: Mapping[str, Command]) -> Step:
    """STEP.OPTION=VALUE; what is no option of the step's command is one of its settings. A step's name may have dots: the longest that fits is meant."""
    path, equals, value = assignment.partition("=")
    fitting = [step.name for step in recipe.steps if path.startswith(f"{step.name}.")]
    name = max(fitting, key=len, default=path.partition(".")[0])
    rest = path[len(name) + 1 :]
    if not equals or not rest:
        raise SettingsError(f"--set {assignment!r} is not STEP.NAME=VALUE", f"for example: --set {recipe.steps[0].name}.seed=7")
    step = recipe.step(name)
    is_option = rest.replace("_", "-") in commands[step.command].parameters
    return step.with_option(rest.replace("_", "-"), value) if is_option else step.with_setting(rest, value)


def perform_all(recipe: Recipe, commands: Mapping[str, Command], root: Path, start: str | None = None) -> Run:
    """Every step from `start` on; those before it are taken as they are there. One training process for all of them."""
    run = Run(root)
    if start is not None:
        recipe = _from(recipe, start, run)
    clock = Clock.of({step.name: step.seconds for step in recipe.steps})
    with sharing_trainer(root):
        for number, step in enumerate(recipe.steps, 1):
            tell(f"\n[{number}/{len(recipe.steps)}] fact {step.command}, {step.name}{clock.told()}")
            started = time.monotonic()
            perform_step(step, commands[step.command], recipe.folder, run)
            if run.code:
                tell(f"stopped at step {number} of {len(recipe.steps)}, {step.name}; the same command goes on there")
                break
            clock.finish(step.name, time.monotonic() - started, step.name in run.reused)
    return run


def _from(recipe: Recipe, start: str, run: Run) -> Recipe:
    """The steps from `start` on; the newest version of what each step before it makes is what it made."""
    place = recipe.steps.index(recipe.step(start))
    for step in recipe.steps[:place]:
        try:
            run.made[step.name] = whole(open_artifact(step.name, run.root))
        except InputError as error:
            raise InputError(
                f"--from {start} needs what step {step.name} makes: {error.message}", "leave --from out: what was made is not made again"
            ) from error
        run.reused.add(step.name)
        tell(f"{run.made[step.name].ref}: {run.made[step.name].manifest.headline} (as it is there)")
    return replace(recipe, steps=recipe.steps[place:])


def perform_step(step: Step, command: Command, folder: Path, run: Run) -> None:
    """Makes or finds what the step makes; how it ended is the run's code."""
    typed = command.typed(step, folder, run.versions())
    sys.stdout.flush()
    run.code, said = perform(command, [*typed, "--name", step.name, "--data", str(run.root)])
    if run.code:
        return
    artifact = open_artifact(said["path"], run.root)
    _refuse_stranger(artifact, step, typed, run)
    run.made[step.name] = artifact
    if said["reused"]:
        run.reused.add(step.name)


def _refuse_stranger(artifact: Artifact, step: Step, typed: Sequence[str], run: Run) -> None:
    """Raises InputError where an input that the step does not name is the newest of a kind that this run made another of.

    What a step makes on its way is named after it, as the rounds of a loop are.
    """
    own = {found.digest for made in run.made.values() for found in [made, *ancestors(made, run.root)]}
    kinds = {made.kind: name for name, made in run.made.items()}
    for role, entry in artifact.manifest.inputs.items():
        is_named = any(text.removeprefix("local:").partition("@")[0].partition("=")[0] == entry.name for text in typed)
        is_own = entry.digest in own or entry.name.startswith(f"{step.name}-")
        if not is_own and entry.kind in kinds and not is_named and role != "base_eval":
            raise InputError(
                f"step {step.name} took {entry.ref} as its {role}, which is there and was not made by this run",
                f"say in the recipe which one it takes; this run made {kinds[entry.kind]}",
            )
