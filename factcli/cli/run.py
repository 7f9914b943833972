"""`fact run` and `fact demo`: whole recipes."""

from pathlib import Path
from typing import Annotated, Any

import typer

from factcli.cli.options import DataOption, JsonOption, Launcher, SeedOption, SlurmOption, guarded

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Print every step as typed, with its time; make nothing.")]


@guarded
def run(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="FILE.yaml, or a name of configs/recipes or configs/experiments, e.g. facttune-mc.")],
    data: DataOption = Path("data"),
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="STEP.NAME=VALUE: one option or setting of the step that makes STEP, e.g. world.size=micro.")
    ] = None,
    seed: SeedOption = None,
    seeds: Annotated[
        str | None,
        typer.Option("--seeds", help="Several, e.g. 200-209 or 1,2,5: each a run of its own in DATA/seedN, then every comparison over all of them in DATA."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First step to take, by the name of what it makes; what earlier ones made is taken as it is.")
    ] = None,
    launcher: Annotated[Launcher, typer.Option("--launcher", help="local: one seed after the other; slurm: an array of jobs, one for each seed.")] = "local",
    slurm: SlurmOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Run a recipe: commands one after the other, each as typed; run again, it goes on where it was."""
    from factcli.commands.running import Asked, describe_run, make_runs, seeds_of

    asked = Asked(recipe, tuple(set_ or ()), from_, json)
    chosen = seeds_of(seed, seeds)
    if dry_run:
        describe_run(_program(), asked, chosen[0])
    elif launcher == "slurm":
        from factcli.commands.arrays import submit_seeds

        submit_seeds(asked, data, chosen if seeds else [None], tuple(slurm or ()))
    elif code := make_runs(_program(), asked, data, chosen, in_folders=seeds is not None):
        raise typer.Exit(code)


@guarded
def demo(
    data: DataOption = Path("data"),
    versions: Annotated[int, typer.Option("--versions", help="Versions of the fictitious facts.")] = 3,
    size: Annotated[str, typer.Option("--size", help="Recipe of the world: tiny, or micro to see the plumbing in a minute.")] = "tiny",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the world and all that follows.")] = 0,
    full: Annotated[bool, typer.Option("--full", help="With FactTune, GRATH and Self-Learning too: configs/recipes/demo-full.yaml.")] = False,
    dry_run: DryRunOption = False,
    json: JsonOption = False,
) -> None:
    """Show the main job on an invented world, offline: world, synth, prereq, sft, eval, report."""
    from factcli.commands.demo import Chosen, describe_demo, make_demo

    chosen = Chosen(size, versions, seed, full)
    if dry_run:
        describe_demo(_program(), chosen, json)
    elif code := make_demo(_program(), data, chosen, json):
        raise typer.Exit(code)


def _program() -> Any:
    """The program that a person types at, whose commands are a recipe's steps."""
    from typer.main import get_command

    from factcli.cli import app

    return get_command(app)
