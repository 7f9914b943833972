"""`fact compare`: models on the same items, with intervals, tests and a verdict."""

from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import SeedOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making


@making
def compare(
    making: "Making",
    refs: Annotated[list[str] | None, typer.Argument(help="Evaluations or scores, the baseline first; with --runs lists with commas, world by world.")] = None,
    baseline: Annotated[str | None, typer.Option("--baseline", help="The evaluation that all are held against; without one the first.")] = None,
    runs: Annotated[bool, typer.Option("--runs", help="Each argument is one model in several worlds or seeds: A1,A2,A3 B1,B2,B3.")] = False,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Figure, or the beginning of its name, e.g. qa or bio.share_correct; again for more.")
    ] = None,
    gain: Annotated[str | None, typer.Option("--gain", help="Figure that has to gain, e.g. qa.accuracy; without one the first that is compared.")] = None,
    drift: Annotated[
        list[str] | None, typer.Option("--drift", help="What was measured elsewhere: once for each model, in their order; lists with commas for several.")
    ] = None,
    margin: Annotated[float | None, typer.Option("--margin", help="Points that a drift figure may lose, with its whole interval, e.g. 1.")] = None,
    coverage: Annotated[str | None, typer.Option("--coverage", help="Shares of what was asked at which accuracy is compared, e.g. 0.5,0.8.")] = None,
    interval: Annotated[str | None, typer.Option("--interval", help="Kind of 95% interval: bca, t or percentile.")] = None,
    require: Annotated[str | None, typer.Option("--require", help="shippable: end with code 6 where a model is not.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Before a run: the smallest difference that it can show, by one or two dev evaluations.")] = False,
    planned: Annotated[str | None, typer.Option("--planned", help="A plan made before: what it foresaw stands beside what was met.")] = None,
    subjects: Annotated[str | None, typer.Option("--subjects", help="With --plan: numbers of subjects, e.g. 50,100,200.")] = None,
    items: Annotated[str | None, typer.Option("--items", help="With --plan: items of each subject, e.g. 1,5; without it as on the dev evaluations.")] = None,
    seed: SeedOption = None,
) -> None:
    """Compare models on the same items: paired differences by subject, intervals, tests, curves, what changed; say whether the gain may be shipped.

    Training rows nearest to each gained, lost or newly invented claim stand beside it, in the table `changed`.
    """
    from factcli.commands.comparing import make_comparison, make_power_plan, numbers

    tasks = tuple(task) if task else None
    if plan:
        sizes = {"subjects": numbers(subjects, "--subjects", int), "items": numbers(items, "--items", int)}
        make_power_plan(making, refs or [], {"tasks": tasks, **sizes})
        return
    shares = numbers(coverage, "--coverage", float)
    flags = {"tasks": tasks, "gain": gain, "margin": margin, "interval": interval, "coverage": shares, "seed": seed}
    make_comparison(making, refs or [], baseline, runs, drift or [], planned, require, flags)
