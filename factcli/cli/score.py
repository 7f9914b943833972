"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, generating

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Score answers: claim by claim against evidence, by confidence, by consistency; make preference pairs of scores.")

AnswersOption = Annotated[
    Path | None, typer.Option("--answers", help="File of answers: JSONL with output (or text, responses), and prompt, topic where known.")
]


@app.command("confidence")
@generating
def score_confidence(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[
        str | None, typer.Argument(metavar="[REF]", help="Samples, an evaluation, claims or scores; without one the newest samples or evaluation.")
    ] = None,
    answers: AnswersOption = None,
    from_: Annotated[str | None, typer.Option("--from", help="Scores or claims made before, whose claims are taken.")] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="Who is sampled: local:BASE, http:MODEL@URL or scripted:FILE; without one the base model of the answers.")
    ] = None,
    units: Annotated[str | None, typer.Option("--units", help="claims (asked about) or entities (continued).")] = None,
    questions: Annotated[str | None, typer.Option("--questions", help="Who asks about a claim: model (--backend) or world (its own question forms).")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Demonstrations: bio, medical or general; without one by each answer's task.")] = None,
    expected: Annotated[bool | None, typer.Option("--expected/--no-expected", help="Have the model say what each claim answers: for samp_conf.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Answers drawn to each question, e.g. 20.")] = None,
    equivalence: Annotated[str | None, typer.Option("--equivalence", help="How answers are the same: rules, entailment, embeddings or model.")] = None,
    entailer: Annotated[str | None, typer.Option("--entailer", help="nli:DIR, an entailment model, for --equivalence entailment.")] = None,
    embedder: Annotated[str | None, typer.Option("--embedder", help="Directory of a sentence-transformers model, for --equivalence embeddings.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Prompts whose answers are scored, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Score how sure a model is of its answers: each claim becomes a question that is answered again and again (FactTune)."""
    from factcli.commands.scoring.confidence import make_confidence

    flags = {"sampler.backend": sampler, "units": units, "questions": questions, "kind": kind, "expected": expected, "samples": samples}
    flags |= {"equivalence": equivalence, "limit": limit, "seed": seed, **generation}
    make_confidence(making, ref, answers, from_, {"entailer": entailer, "embedder": embedder}, flags)
