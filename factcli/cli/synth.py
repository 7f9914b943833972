"""`fact synth`: every data set that is made rather than found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import LimitOption, ModelOption, SeedOption, generating

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Write data: fictitious people and their facts, knowledge texts, task examples, samples, preference pairs.")


SubjectsOption = Annotated[
    Path | None, typer.Option("--subjects", help="Real subjects to write after: JSONL of title and text (a text or a list of passages).")
]
SubjectsLimitOption = Annotated[int | None, typer.Option("--subjects-limit", help="Fictitious subjects at most, e.g. 100: the same first ones for any number.")]
TitlesOption = Annotated[Path | None, typer.Option("--titles", help="Further names that are taken: one a line, or JSONL with title.")]


@app.command("bio")
@generating
def synth_bio(
    making: "Making",
    generation: dict[str, Any],
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious person's facts, e.g. 5.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
    subjects: SubjectsOption = None,
    subjects_limit: SubjectsLimitOption = None,
    titles: TitlesOption = None,
) -> None:
    """Write fictitious people, their knowledge texts, and biographies that use exactly those facts: of a world, or after real people by a model."""
    flags = {"versions": versions, "subjects": limit if subjects_limit is None else subjects_limit, "seed": seed}
    if subjects is None:
        from factcli.commands.making import make_synth
        from factcli.commands.synthesising import refuse

        refuse({"--titles": titles, **generation}, "goes with --subjects FILE: without it no model writes")
        make_synth(making, "bio", world, flags, facts=None, model=None)
        return
    from factcli.commands.synthesising import make_from_subjects, refuse

    refuse({"--world": world}, "does not go with --subjects: give a world or real subjects")
    make_from_subjects(making, "bio", subjects, titles, {**flags, **generation})


@app.command("medical")
@generating
def synth_medical(
    making: "Making",
    generation: dict[str, Any],
    subjects: Annotated[Path, typer.Option("--subjects", help="Real subjects to write after: JSONL of title and text (a text or a list of passages).")],
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious subject's facts, e.g. 5.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    subjects_limit: SubjectsLimitOption = None,
    titles: TitlesOption = None,
) -> None:
    """Write fictitious medical subjects after real ones, their knowledge texts, and descriptions that use exactly those facts."""
    from factcli.commands.synthesising import make_from_subjects

    flags = {"versions": versions, "subjects": limit if subjects_limit is None else subjects_limit, "seed": seed}
    make_from_subjects(making, "medical", subjects, titles, {**flags, **generation})


@app.command("qa")
@generating
def synth_qa(
    making: "Making",
    generation: dict[str, Any],
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious subject's facts, e.g. 1.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest, or the tiny world is built.")] = None,
    facts: Annotated[
        Path | None, typer.Option("--facts", help="Real triples instead of a world: PopQA's TSV, or JSONL of subject, relation, object, aliases.")
    ] = None,
    templates: Annotated[list[Path] | None, typer.Option("--templates", help="Further relation templates; see configs/relations/popqa.yaml.")] = None,
    model: ModelOption = None,
    subjects_limit: SubjectsLimitOption = None,
) -> None:
    """Write fictitious subjects, their knowledge texts, and questions that use exactly those facts."""
    flags = {"versions": versions, "subjects": limit if subjects_limit is None else subjects_limit, "seed": seed}
    if generation["generation.backend"] is None:
        from factcli.commands.making import make_synth
        from factcli.commands.synthesising import refuse

        refuse(generation, "goes with --backend: without it no model writes")
        make_synth(making, "qa", world, flags, facts=facts, model=model, templates=templates or [])
        return
    from factcli.commands.synthesising import make_qa_from_facts, refuse, required

    refuse({"--world": world, "--model": model}, "does not go with --backend: a model writes about --facts FILE")
    make_qa_from_facts(making, required(facts, "--facts"), templates or [], {**flags, **generation})


@app.command("hotpotqa")
@generating
def synth_hotpotqa(
    making: "Making",
    generation: dict[str, Any],
    facts: Annotated[Path, typer.Option("--facts", help="Real triples: PopQA's TSV, or JSONL of subject, relation, object, aliases.")],
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious question's facts, e.g. 1.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Fictitious questions, each over two facts of its own, e.g. 500.")] = None,
    real_limit: Annotated[int | None, typer.Option("--real-limit", help="Questions over real facts at most, e.g. 200.")] = None,
    seed: SeedOption = None,
    templates: Annotated[list[Path] | None, typer.Option("--templates", help="Further relation templates; see configs/relations/popqa.yaml.")] = None,
) -> None:
    """Write bridge and comparison questions over two fictitious facts, with the knowledge texts of both, beside real ones."""
    from factcli.commands.synthesising import make_hotpotqa

    flags = {"versions": versions, "questions": limit, "real_questions": real_limit, "seed": seed}
    make_hotpotqa(making, facts, templates or [], {**flags, **generation})
