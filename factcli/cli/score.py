"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import SeedOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Score answers: claim by claim against evidence, by confidence, by consistency; make preference pairs of scores.")


@app.command("pairs")
@making
def score_pairs(
    making: "Making",
    scores: Annotated[str | None, typer.Argument(help="Scores to make pairs of; without them the newest.")] = None,
    by: Annotated[str | None, typer.Option("--by", help="Name of the score, e.g. factscore.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="all (above the margin), best-worst, self-learning or multi.")] = None,
    margin: Annotated[float | None, typer.Option("--margin", help="Difference of scores that a pair must exceed, e.g. 0.1.")] = None,
    most: Annotated[int | None, typer.Option("--most", help="Pairs of one prompt at most, e.g. 10.")] = None,
    balance: Annotated[bool | None, typer.Option("--balance/--no-balance", help="Leave out pairs until the chosen answer is longer in half of them.")] = None,
    against: Annotated[str | None, typer.Option("--against", help="Evaluation, data or file of questions that pairs must not hold.")] = None,
    check: Annotated[str | None, typer.Option("--check", help="Make none: lint these pairs, a JSONL file or an artifact.")] = None,
    seed: SeedOption = None,
) -> None:
    """Make preference pairs of a score, linted; or --check pairs that are there."""
    from factcli.commands.scoring.pairs import make_check, make_score_pairs

    flags = {"by": by, "rule": rule, "margin": margin, "most_per_prompt": most, "lint.balance": balance, "seed": seed}
    if check is None:
        make_score_pairs(making, scores, against, flags)
    else:
        make_check(making, check, against, {"SCORES": scores, **flags})
