"""`fact eval` where whole answers are written or judged: pairwise, long answers. More commands of the group in eval.py."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.eval import app as app  # the same group
from factcli.cli.options import generating

if TYPE_CHECKING:
    from factcli.commands.making import Making


@app.command("pairwise")
@generating
def eval_pairwise(
    making: "Making",
    generation: dict[str, Any],
    a: Annotated[str, typer.Argument(metavar="A", help="Evaluation, samples, or JSONL of answers (question or id, and output): whose wins are counted.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The same of the model that it is compared with.")],
    judge: Annotated[str | None, typer.Option("--judge", help="Who compares: http:MODEL@URL, local:REF or scripted:FILE.")] = None,
    documents: Annotated[
        str | None, typer.Option("--documents", help="Shown to the judge: JSONL of id or question and document, or questions of `fact synth wiki`.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Questions to compare answers to, in their order, e.g. 50.")] = None,
) -> None:
    """Compare two models' answers to the same questions: a judge sees each pair in both orders; a verdict that turns with the order is a tie."""
    from factcli.commands.pairwise import make_pairwise

    make_pairwise(making, a, b, judge, documents, {"limit": limit, **generation})
