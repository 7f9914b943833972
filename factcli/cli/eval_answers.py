"""`fact eval` where answers that are there are judged, or whole ones written: rescore, items, pairwise, long answers. More commands of the group in eval.py."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.eval import DecodeOption, DocumentsOption, EvalModelOption, NewestOption
from factcli.cli.eval import app as app  # the same group
from factcli.cli.options import DataOption, JsonOption, benchmarking, generating, guarded, making

if TYPE_CHECKING:
    from factcli.commands.making import Making


@app.command("rescore")
@benchmarking
@generating
def eval_rescore(
    making: "Making",
    generation: dict[str, Any],
    file: Path | None,
    ref: Annotated[str, typer.Argument(metavar="EVAL", help="Evaluation of short answers or of a world, e.g. popqa-base@1.")],
) -> None:
    """Grade the answers of an evaluation anew, without asking the model again; the next version of its name, with all that changed.

    By the present rule; by the accepted answers of --file; or by the model that --backend names, as SimpleQA wants it. A world's
    biographies are read and judged by its ledger anew; what its probes found stays.
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


@app.command("overlap")
@making
def eval_overlap(
    making: "Making",
    answers: Annotated[str, typer.Argument(help="Evaluation, samples, or JSONL of answers (question or id, and output).")],
    references: Annotated[
        str | None, typer.Option("--references", help="JSONL of id or question and reference, or questions of `fact synth wiki`; else the answers' own file.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Answers to compare, in their order, e.g. 50.")] = None,
) -> None:
    """Count the words that answers share with reference answers: BLEU and ROUGE. They say little of truth; judge that beside."""
    from factcli.commands.overlapping import make_overlap

    make_overlap(making, answers, references, {"limit": limit})


JudgeOption = Annotated[
    list[str] | None, typer.Option("--judge", help="Score the answers right after, as `fact score factscore` does: world, http:MODEL@URL, nli:DIR, ...")
]
ClaimsOption = Annotated[str | None, typer.Option("--claims", help="Who takes answers apart for the judge: rules, world, or model (--reader).")]
ReaderOption = Annotated[str | None, typer.Option("--reader", help="Model that takes answers apart: http:MODEL@URL, local:REF or scripted:FILE.")]
PackOption = Annotated[str | None, typer.Option("--pack", help="Knowledge pack: what claims are held against, and what rag shows; else the newest.")]
TokensOption = Annotated[int | None, typer.Option("--max-tokens", help="Tokens of an answer, e.g. 1024.")]
PromptsOption = Annotated[int | None, typer.Option("--limit", help="Prompts to ask, drawn, e.g. 50.")]
KOption = Annotated[int | None, typer.Option("--k", help="Supported claims of a full answer, for F1@K, e.g. 64.")]


def _long(name: str, about: str) -> None:
    """The command of a benchmark of long answers."""

    @app.command(name, help=about)
    @benchmarking
    @generating
    def command(
        making: "Making",
        generation: dict[str, Any],
        file: Path | None,
        model: EvalModelOption = None,
        newest: NewestOption = False,
        decode: DecodeOption = None,
        judge: JudgeOption = None,
        claims: ClaimsOption = None,
        reader: ReaderOption = None,
        pack: PackOption = None,
        documents: DocumentsOption = None,
        max_tokens: TokensOption = None,
        limit: PromptsOption = None,
        k: KOption = None,
    ) -> None:
        from factcli.commands.longform import Scoring, make_eval_long

        scoring = Scoring(tuple(judge or ()), claims, reader, pack, k)
        make_eval_long(making, name, model, newest, file, documents, scoring, {"decode.how": decode, "max_tokens": max_tokens, "limit": limit, **generation})


_long("bio", "Have biographies written; with --judge, score them claim by claim: precision, F1@K, claims per answer, respond ratio.")
_long("medical", "Have it told what is known about medical titles; with --judge, score the answers claim by claim.")
_long("longfact", "Have LongFact's prompts answered; with --judge, score the answers claim by claim, with F1@K.")
