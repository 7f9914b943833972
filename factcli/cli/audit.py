"""`fact audit`: what a model knows of a fine-tuning set before it is trained on it."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, generating

if TYPE_CHECKING:
    from factcli.commands.making import Making


@generating
def audit(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[str, typer.Argument(metavar="DATA", help="Data of `fact synth`, or JSONL of question and answer (or messages).")],
    model: Annotated[
        str | None, typer.Option("--model", help="Who would be trained: an artifact, a directory, or a hub name; without one the data's base.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", help="Write the data without the rest, for `fact sft --mix`: highly, known or any (also what a draw alone gives).")
    ] = None,
    prompts: Annotated[int | None, typer.Option("--prompts", help="Sets of examples before which each row is asked, e.g. 10.")] = None,
    shots: Annotated[int | None, typer.Option("--shots", help="Examples in a set, e.g. 4; 0 asks in the task's own form.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Answers drawn after each set, beside a greedy one, e.g. 16.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Short rows to ask, drawn with the seed, e.g. 200; not with --keep.")] = None,
    seed: SeedOption = None,
) -> None:
    """Ask a model each row of a fine-tuning set before any training: what it knows, what training on the rest would do, which rows to leave out."""
    from factcli.commands.auditing import make_audit

    flags = {"prompts": prompts, "shots": shots, "samples": samples, "limit": limit, "seed": seed, **generation}
    make_audit(making, ref, model, keep, flags)
