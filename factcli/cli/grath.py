"""`fact grath-iterate`: GRATH's loop."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import SeedOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making


@making
def grath_iterate(
    making: "Making",
    questions: Annotated[
        Path | None,
        typer.Option("--questions", help="ARC's JSONL, TruthfulQA's JSON or CSV, or JSONL with question; without one those of the model's world."),
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="World whose questions about train and dev people are asked, instead of a file.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", help="Where the loop starts: a skill adapter, or a base model; without one the only fine-tuned model there is.")
    ] = None,
    newest: Annotated[bool, typer.Option("--newest", help="Take the newest fine-tuned model where there are several.")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", help="Rounds at most, e.g. 2.")] = None,
    reference: Annotated[
        str | None, typer.Option("--reference", help="What each round is held to: current (where it starts) or fixed (where the loop did).")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Questions to ask, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Let a model write right and wrong answers, train it to prefer the right ones, and again: GRATH, with a gate after each round.

    A round whose model drifts (KL, length, repetition, refusals, lost answers) is rolled back, with the reason, and is the last.
    """
    from factcli.commands.grath import make_grath

    flags = {"rounds": rounds, "reference": reference, "pairs.limit": limit, "pairs.seed": seed, "dpo.seed": seed}
    make_grath(making, questions, from_, model, newest, flags)
