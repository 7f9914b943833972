"""`fact synth`: every data set that is made rather than found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from factcli.cli.options import LimitOption, ModelOption, SeedOption, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Write data: fictitious people and their facts, knowledge texts, task examples, samples, preference pairs.")


@app.command("bio")
@making
def synth_bio(
    making: "Making",
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious person's facts, e.g. 5.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
) -> None:
    """Write fictitious people, their knowledge texts, and biographies and questions that use exactly those facts."""
    from factcli.commands.making import make_synth

    make_synth(making, "bio", world, {"versions": versions, "subjects": limit, "seed": seed}, facts=None, model=None)


@app.command("qa")
@making
def synth_qa(
    making: "Making",
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious subject's facts, e.g. 1.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
    facts: Annotated[
        Path | None, typer.Option("--facts", help="Real triples instead of a world: PopQA's TSV, or JSONL of subject, relation, object, aliases.")
    ] = None,
    templates: Annotated[list[Path] | None, typer.Option("--templates", help="Further relation templates; see configs/relations/popqa.yaml.")] = None,
    model: ModelOption = None,
) -> None:
    """Write fictitious subjects, their knowledge texts, and questions that use exactly those facts."""
    from factcli.commands.making import make_synth

    make_synth(making, "qa", world, {"versions": versions, "subjects": limit, "seed": seed}, facts=facts, model=model, templates=templates or [])
