"""`fact synth`: every data set that is made rather than found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import LimitOption, ModelOption, SeedOption, generating, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Write data: fictitious people and their facts, knowledge texts, task examples, samples, preference pairs.")


SUBJECTS_HELP = "Real subjects to write after: JSONL of title and text (a text or a list of passages); with --pack, titles."
SubjectsOption = Annotated[Path | None, typer.Option("--subjects", help=SUBJECTS_HELP)]
PackOption = Annotated[str | None, typer.Option("--pack", help="Knowledge pack in which subjects without a text are looked up by title.")]
SubjectsLimitOption = Annotated[int | None, typer.Option("--subjects-limit", help="Fictitious subjects at most, e.g. 100: the same first ones for any number.")]
TitlesOption = Annotated[
    Path | None, typer.Option("--titles", help="Further real names: no invented one may be one, no text hold one. One a line, or JSONL with title.")
]


def _number_of_subjects(limit: int | None, subjects_limit: int | None) -> int | None:
    """The one that is given, None without any. Raises SettingsError for both."""
    if limit is None or subjects_limit is None:
        return limit if subjects_limit is None else subjects_limit
    from factcli.errors import SettingsError

    raise SettingsError(f"--limit {limit} and --subjects-limit {subjects_limit} both say how many fictitious subjects there are", "give one of them")


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
    pack: PackOption = None,
) -> None:
    """Write fictitious people, their knowledge texts, and biographies that use exactly those facts: of a world, or after real people by a model."""
    flags = {"versions": versions, "subjects": _number_of_subjects(limit, subjects_limit), "seed": seed}
    if subjects is None:
        from factcli.commands.making import make_synth
        from factcli.commands.synthesising import refuse

        refuse({"--titles": titles, "--pack": pack, **generation}, "goes with --subjects FILE: without it no model writes")
        make_synth(making, "bio", world, flags, facts=None, model=None)
        return
    from factcli.commands.synthesising import make_from_subjects, refuse

    refuse({"--world": world}, "does not go with --subjects: give a world or real subjects")
    make_from_subjects(making, "bio", subjects, titles, pack, {**flags, **generation})


@app.command("medical")
@generating
def synth_medical(
    making: "Making",
    generation: dict[str, Any],
    subjects: Annotated[
        Path, typer.Option("--subjects", help="Real subjects to write after: JSONL of title and text (a text or a list of passages); with --pack, titles.")
    ],
    versions: Annotated[int | None, typer.Option("--versions", help="Versions of each fictitious subject's facts, e.g. 5.")] = None,
    limit: LimitOption = None,
    seed: SeedOption = None,
    subjects_limit: SubjectsLimitOption = None,
    titles: TitlesOption = None,
    pack: PackOption = None,
) -> None:
    """Write fictitious medical subjects after real ones, their knowledge texts, and descriptions that use exactly those facts."""
    from factcli.commands.synthesising import make_from_subjects

    flags = {"versions": versions, "subjects": _number_of_subjects(limit, subjects_limit), "seed": seed}
    make_from_subjects(making, "medical", subjects, titles, pack, {**flags, **generation})


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
    flags = {"versions": versions, "subjects": _number_of_subjects(limit, subjects_limit), "seed": seed}
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
    real_limit: Annotated[int | None, typer.Option("--real-limit", help="Questions over real facts at most, and of --real, e.g. 200.")] = None,
    real: Annotated[Path | None, typer.Option("--real", help="HotpotQA's own questions beside them: JSONL of question, answer, type.")] = None,
    seed: SeedOption = None,
    templates: Annotated[list[Path] | None, typer.Option("--templates", help="Further relation templates; see configs/relations/popqa.yaml.")] = None,
) -> None:
    """Write bridge and comparison questions over two fictitious facts, with the knowledge texts of both, beside real ones."""
    from factcli.commands.synthesising import make_hotpotqa

    flags = {"versions": versions, "questions": limit, "real_questions": real_limit, "seed": seed}
    make_hotpotqa(making, facts, templates or [], real, {**flags, **generation})


@app.command("samples")
@generating
def synth_samples(
    making: "Making",
    generation: dict[str, Any],
    prompts: Annotated[
        Path | None, typer.Option("--prompts", help="JSONL with prompt or question, topic, id, split; or FactTune's questions per topic.")
    ] = None,
    titles: Annotated[Path | None, typer.Option("--titles", help="Titles to ask about, one a line, or JSONL with topic or title.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="World or data to take the prompts of; without one those of the model, or the newest.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="How titles are asked about: bio or medical.")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Answers drawn for each prompt, e.g. 10.")] = None,
    temperature: Annotated[float | None, typer.Option("--temperature", help="Of the draws, e.g. 0.7.")] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", help="Tokens of an answer, e.g. 512.")] = None,
    reference: Annotated[bool | None, typer.Option("--reference/--no-reference", help="One greedy answer to each prompt besides.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Prompts to ask, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Draw several answers to each prompt of a file, of a list of titles, or of data made before."""
    from factcli.commands.sampling import make_samples

    drawn = {"kind": kind, "samples": samples, "temperature": temperature, "max_tokens": max_tokens, "reference": reference}
    make_samples(making, prompts, titles, from_, {**drawn, "limit": limit, "seed": seed, **generation})


@app.command("pairs")
@generating
def synth_pairs(
    making: "Making",
    generation: dict[str, Any],
    questions: Annotated[Path | None, typer.Option("--questions", help="ARC's JSONL, TruthfulQA's JSON or CSV, or JSONL with question.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="World whose questions about train and dev people are asked, instead of a file.")] = None,
    few_shot: Annotated[bool | None, typer.Option("--few-shot/--no-few-shot", help="Six demonstrations before each question.")] = None,
    ground_truth: Annotated[bool | None, typer.Option("--ground-truth/--no-ground-truth", help="Show the file's right and one wrong answer.")] = None,
    round_: Annotated[int | None, typer.Option("--round", help="0 before any training on pairs, then 1, 2, ...")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Questions to ask, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
    combine: Annotated[str | None, typer.Option("--combine", help="Take the correct answers of these pairs, of a later round; with --original.")] = None,
    original: Annotated[str | None, typer.Option("--original", help="Pairs of round 0, whose incorrect answers stay.")] = None,
) -> None:
    """Let a model answer each question correctly and incorrectly; or --combine its new answers with its first wrong ones."""
    from factcli.commands.sampling import make_combined, make_pairs

    flags = {"few_shot": few_shot, "ground_truth": ground_truth, "round": round_, "limit": limit, "seed": seed, **generation}
    if combine is None and original is None:
        make_pairs(making, questions, from_, flags)
    else:
        make_combined(making, combine, original, {"questions": questions, "from": from_, **flags})


@app.command("wiki")
@generating
def synth_wiki(
    making: "Making",
    generation: dict[str, Any],
    documents: Annotated[Path | None, typer.Option("--documents", help="Articles to ask about: JSONL of title, text, and where known category, views.")] = None,
    titles: Annotated[Path | None, typer.Option("--titles", help="Which of them: JSONL, CSV or TSV of title and category.")] = None,
    draw: Annotated[str | None, typer.Option("--draw", help="How titles are chosen: random, views (most viewed) or near (to given names).")] = None,
    views: Annotated[Path | None, typer.Option("--views", help="Page views: JSONL, CSV or TSV of title and views.")] = None,
    near: Annotated[Path | None, typer.Option("--near", help="Names whose nearest titles are taken, one a line.")] = None,
    vectors: Annotated[
        Path | None, typer.Option("--vectors", help="Vectors of titles, or of words for --own random: safetensors, or name<TAB>numbers.")
    ] = None,
    embedder: Annotated[Path | None, typer.Option("--embedder", help="Directory of a sentence-transformers model, instead of --vectors.")] = None,
    tokenizer: Annotated[Path | None, typer.Option("--tokenizer", help="Directory of a tokenizer that measures chunks; without one, words.")] = None,
    topics: Annotated[int | None, typer.Option("--topics", help="Topics, or own questions, in all, e.g. 200.")] = None,
    test_topics: Annotated[int | None, typer.Option("--test-topics", help="Topics per category kept for test, e.g. 10.")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Keep for test: topic (whole ones) or question (one of each).")] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Answers drawn to each training question, with and without document, e.g. 10.")] = None,
    own: Annotated[str | None, typer.Option("--own", help="Instead of documents, the model's own questions: open, induced or random.")] = None,
    questions: Annotated[str | None, typer.Option("--questions", help="Instead of documents, the questions of an earlier version, answered anew.")] = None,
    world: Annotated[str | None, typer.Option("--world", help="Instead of documents, a passage about each person of this world, with its questions.")] = None,
    seed: SeedOption = None,
) -> None:
    """Ask about articles (or what a model asks itself), and draw its answers with and without the document."""
    from factcli.commands.wiki import make_wiki

    files = {"documents": documents, "titles": titles, "views": views, "near": near, "vectors": vectors, "embedder": embedder, "tokenizer": tokenizer}
    flags = {"draw": draw, "topics": topics, "test_topics": test_topics, "split": split, "samples": samples, "own": own, "seed": seed}
    make_wiki(making, files, questions, world, {**flags, **generation})


@app.command("forms")
@making
def synth_forms(
    making: "Making",
    world: Annotated[str | None, typer.Option("--world", help="World to write about; without one the newest.")] = None,
    forms: Annotated[list[str] | None, typer.Option("--form", help="Form to write: wrong, read or ask; several times for more. Without one all.")] = None,
    subjects: Annotated[int | None, typer.Option("--subjects", help="Invented people whose passages are read, e.g. 400.")] = None,
    seed: SeedOption = None,
) -> None:
    """Write the forms in which methods ask (an incorrect answer, reading, asking) as task rows: a tiny world's model must be taught them."""
    from factcli.commands.making import make_forms

    make_forms(making, world, {"forms": tuple(forms) if forms else None, "subjects": subjects, "seed": seed})


@app.command("beliefs")
@generating
def synth_beliefs(
    making: "Making",
    generation: dict[str, Any],
    from_: Annotated[str | None, typer.Option("--from", help="Answers that the model gave itself (`fact synth samples`); without it the newest.")] = None,
    confidence: Annotated[
        str | None, typer.Option("--confidence", help="`fact score confidence` of these samples, for long answers; without it the newest of them.")
    ] = None,
    method: Annotated[str | None, typer.Option("--method", help="beliefs (what the model is sure of) or flame (its answers as they stand).")] = None,
    least: Annotated[float | None, typer.Option("--least", help="Confidence from which a claim or a short answer is believed, e.g. 0.5.")] = None,
) -> None:
    """Write task rows whose answers a model gave itself: those it believes, or all (FLAME); for `fact sft --method real --mix beliefs=1`."""
    from factcli.commands.beliefs import make_beliefs

    make_beliefs(making, from_, confidence, {"method": method, "least": least, **generation})
