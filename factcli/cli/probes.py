"""Commands of `fact eval` that look at one model closely: how sure it says it is, what it forgot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import DrawnOption, SeedOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

ModelArgument = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="A skill adapter, or a base model; without one the only skill adapter there is.")]
NewestOption = Annotated[bool, typer.Option("--newest", help="Take the newest skill adapter where there are several.")]
FileOption = Annotated[Path | None, typer.Option("--file", help="Questions in PopQA's format (TSV); without it those of the model's world.")]


@making
def response_types(
    making: "Making",
    model: ModelArgument = None,
    newest: NewestOption = False,
    beside: Annotated[
        str | None, typer.Option("--beside", help="Model whose answers' probabilities are cut at thresholds, e.g. prereq-tune; without it MODEL itself.")
    ] = None,
    file: FileOption = None,
    rule: Annotated[str | None, typer.Option("--rule", help="What thresholds are fitted for on dev questions: precision or coverage.")] = None,
    certain: Annotated[float | None, typer.Option("--certain", help="Target of certain answers, e.g. 0.8.")] = None,
    given: Annotated[float | None, typer.Option("--given", help="Target of all answers but the unknown ones, e.g. 0.5.")] = None,
    limit: DrawnOption = None,
    seed: SeedOption = None,
) -> None:
    """Sort answers into certain, unsure and unknown: by MODEL's words, and by thresholds on probability fitted on dev questions.

    Writes both by popularity and by what the untouched base knows, with accuracy within each type and both risk-coverage curves, paired.
    `fact chat --threshold` takes the result.
    """
    from factcli.commands.probing import make_response_types

    flags = {"rule": rule, "certain": certain, "given": given, "limit": limit, "seed": seed}
    make_response_types(making, model, newest, beside, file, flags)


@making
def forgetting(
    making: "Making",
    model: ModelArgument = None,
    newest: NewestOption = False,
    before: Annotated[str | None, typer.Option("--before", help="The model before; without it the untouched base of MODEL.")] = None,
    known: Annotated[
        str | None, typer.Option("--known", help="Scores of `fact score consistency`: ask the questions that they call known, instead of the world's.")
    ] = None,
    file: FileOption = None,
    split: Annotated[str | None, typer.Option("--split", help="Whose questions of the world: test, dev or train.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Answers drawn of the model before, to tell how well it knew each question, e.g. 8.")] = None,
    limit: DrawnOption = None,
    seed: SeedOption = None,
) -> None:
    """Ask MODEL what the model before answered right: kept, lost and gained, by group and by how well it was known."""
    from factcli.commands.probing import make_forgetting

    make_forgetting(making, model, newest, before, known, file, {"split": split, "samples": samples, "limit": limit, "seed": seed})
