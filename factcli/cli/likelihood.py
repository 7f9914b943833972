"""Commands of `fact eval` that are answered by likelihood: answers to choose from, and the lm-evaluation-harness."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import SeedOption, benchmarking, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

ModelOption = Annotated[str | None, typer.Option("--model", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]
FirstOption = Annotated[int | None, typer.Option("--limit", help="Questions, the first ones, e.g. 50.")]


@benchmarking
@making
def truthfulqa(
    making: "Making",
    file: Path | None,
    form: Annotated[str | None, typer.Option("--form", help="mc: MC1 and MC2; binary: the best right answer against the best wrong one.")] = None,
    primer: Annotated[str | None, typer.Option("--primer", help="Text before each question: published (the default), none, or a file.")] = None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: FirstOption = None,
) -> None:
    """Score TruthfulQA's answers by likelihood, beside what is had without the question, by length and by chance."""
    from factcli.commands.choices import make_eval_choices

    make_eval_choices(making, "truthfulqa", model, newest, file, {"form": form, "primer": primer, "limit": limit})


@benchmarking
@making
def mc(
    making: "Making",
    file: Path | None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: FirstOption = None,
) -> None:
    """Score any file of multiple choice (ARC, MMLU, your own) by likelihood, with the same baselines beside it."""
    from factcli.commands.choices import make_eval_choices

    make_eval_choices(making, "mc", model, newest, file, {"limit": limit})


@making
def harness(
    making: "Making",
    tasks: Annotated[
        str | None, typer.Option("--tasks", help="NAME[:SHOTS], several with commas, e.g. arc_challenge:25,hellaswag:10; a FILE.yaml defines a task.")
    ] = None,
    include: Annotated[
        Path | None, typer.Option("--include", help="Folder with task files of your own. Such a file is code: take none from strangers.")
    ] = None,
    model: ModelOption = None,
    newest: NewestOption = False,
    limit: Annotated[int | None, typer.Option("--limit", help="Documents of each task, e.g. 50, for a look.")] = None,
    seed: SeedOption = None,
) -> None:
    """Run tasks of the lm-evaluation-harness on the model with its adapter; every document's score is kept.

    -c configs/eval/drift.yaml asks for the usual four: ARC, HellaSwag, MMLU and TruthfulQA.
    """
    from factcli.commands.harness import make_eval_harness

    asked = tuple(name.strip() for name in tasks.split(",") if name.strip()) if tasks is not None else None
    make_eval_harness(making, model, newest, include, {"tasks": asked, "limit": limit, "seed": seed})
