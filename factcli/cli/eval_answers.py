"""`fact eval` where answers that are there are judged, or whole ones written: rescore, items, pairwise, long answers. More commands of the group in eval.py."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.eval import app as app  # the same group
from factcli.cli.options import DataOption, JsonOption, benchmarking, generating, guarded

if TYPE_CHECKING:
    from factcli.commands.making import Making


@app.command("rescore")
@benchmarking
@generating
def eval_rescore(
    making: "Making",
    generation: dict[str, Any],
    file: Path | None,
    ref: Annotated[str, typer.Argument(metavar="EVAL", help="Evaluation of short answers, e.g. popqa-base@1.")],
) -> None:
    """Grade the answers of an evaluation anew, without asking the model again; the next version of its name, with all that changed.

    By the present rule; by the accepted answers of --file; or by the model that --backend names, as SimpleQA wants it.
    """
    from factcli.commands.short import make_rescored

    make_rescored(making, ref, file, generation)


@app.command("items")
@guarded
def eval_items(
    refs: Annotated[list[str], typer.Argument(metavar="EVAL...", help="Evaluations or scores, e.g. popqa-base popqa-prereq-tune@2.")],
    to: Annotated[Path, typer.Option("--to", help="New file or folder, e.g. items.csv.")],
    as_: Annotated[str | None, typer.Option("--as", help="csv, json, jsonl, parquet or datasets (a folder); without it what the name of --to says.")] = None,
    data: DataOption = Path("data"),
    json: JsonOption = False,
) -> None:
    """Write what was measured as one table, a row per item: question, gold, answer, grade, confidence, group, every figure.

    In CSV a text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    from factcli.commands.benchmarks import write_items

    write_items(refs, to, as_, data, json)


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
