"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import generating

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Score answers: claim by claim against evidence, by confidence, by consistency; make preference pairs of scores.")


@app.command("factscore")
@generating
def score_factscore(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[
        str | None, typer.Argument(help="Samples, an evaluation or claims; without one the newest samples, else an evaluation, else answers are drawn.")
    ] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Answers instead: JSONL of topic and output, with claims or annotations if any.")] = None,
    claims: Annotated[
        str | None, typer.Option("--claims", help="Who takes answers apart: model (--backend), rules, world, given or human (claims of the file).")
    ] = None,
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="Who judges: http:MODEL@URL, local:REF, nli:DIR, world, or labels (of the file); repeat for several.")
    ] = None,
    pack: Annotated[str | None, typer.Option("--pack", help="Knowledge pack that claims are held against; without one the newest, if any.")] = None,
    world: Annotated[str | None, typer.Option("--world", help="World whose ledger judges; without one that of the answers' lineage.")] = None,
    at_once: Annotated[str | None, typer.Option("--at-once", help="What one request to a judge is about: claim, or answer (all its claims).")] = None,
    gamma: Annotated[float | None, typer.Option("--gamma", help="Claims up to which short answers are penalised, e.g. 10; 0 never.")] = None,
    k: Annotated[int | None, typer.Option("--k", help="Supported claims of a full answer, for F1@K, e.g. 20.")] = None,
    k_passages: Annotated[int | None, typer.Option("--k-passages", help="Passages shown to a judge about a claim, e.g. 5.")] = None,
    abstention: Annotated[str | None, typer.Option("--abstention", help="Detector of abstentions: none, generic, perplexity_ai or own.")] = None,
    max_unscored: Annotated[float | None, typer.Option("--max-unscored", help="Share of claims that may be unscored, e.g. 0.2; more end with code 6.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Answers to score, in their order, e.g. 50.")] = None,
) -> None:
    """Take answers apart into claims, judge each, and aggregate as FActScore does; with F1@K and a score that tricks cannot raise."""
    from factcli.commands.scoring.factscore import make_factscore

    flags = {"gamma": gamma, "k": k, "limit": limit, "claims.abstention": abstention, "judge.judges": tuple(judge) if judge else None}
    flags |= {"judge.k": k_passages, "judge.at_once": at_once, "judge.max_unscored": max_unscored}
    make_factscore(making, ref, answers, claims, pack, world, {**flags, **generation})
