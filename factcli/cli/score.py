"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, generating, making

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
        list[str] | None,
        typer.Option("--judge", help="Who judges: http:MODEL@URL, local:REF, scripted:FILE, nli:DIR, world, or labels (of the file); repeat for several."),
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


@app.command("confidence")
@generating
def score_confidence(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[
        str | None, typer.Argument(metavar="[REF]", help="Samples, an evaluation, claims or scores; without one the newest samples or evaluation.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option("--answers", help="File of answers: JSONL with output (or text, responses), and prompt, topic where known.")
    ] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Scores or claims made before, whose claims are taken.")] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="Who is sampled: local:BASE, http:MODEL@URL or scripted:FILE; without one the base model of the answers.")
    ] = None,
    units: Annotated[str | None, typer.Option("--units", help="claims (asked about) or entities (continued).")] = None,
    claims: Annotated[
        str | None, typer.Option("--claims", help="Take answers apart anew: model, rules, given (of the file) or world; without it claims that are there stay.")
    ] = None,
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

    flags = {
        "sampler.backend": sampler,
        "claims.source": claims,
        "units": units,
        "questions": questions,
        "kind": kind,
        "expected": expected,
        "samples": samples,
    }
    flags |= {"equivalence": equivalence, "limit": limit, "seed": seed, **generation}
    make_confidence(making, ref, answers, from_, {"entailer": entailer, "embedder": embedder}, flags)


@app.command("consistency")
@generating
def score_consistency(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[str | None, typer.Argument(help="Samples, or questions of `fact synth wiki`; without one the newest.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Instead: JSONL with prompt and responses, a list of answers to it.")] = None,
    entailer: Annotated[str | None, typer.Option("--entailer", help="Who compares: nli:DIRECTORY_OR_HUB_NAME, or lexical (words alone).")] = None,
    methods: Annotated[str | None, typer.Option("--methods", help="Scores, with commas: selfcheck, bsdetector, semantic-entropy.")] = None,
    form: Annotated[str | None, typer.Option("--form", help="reference (its sentences against each sample), or all (samples against one another).")] = None,
    beta: Annotated[
        float | None, typer.Option("--beta", help="BSDetector's weight of agreement, e.g. 0.7; below 1, --backend is asked for its opinion.")
    ] = None,
    tau_l: Annotated[float | None, typer.Option("--tau-l", help="Keep questions with S_L (samples with the document) at or below this, e.g. 0.5.")] = None,
    tau_k: Annotated[float | None, typer.Option("--tau-k", help="A question is unknown if S_K (samples without it) is above this, e.g. 0.8.")] = None,
    choose_on: Annotated[str | None, typer.Option("--choose-on", help="Split with known truth to choose both thresholds on: dev or train.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="Truths: JSONL of id (answer or prompt) and truth; an invented world needs none.")] = None,
    before: Annotated[
        str | None, typer.Option("--before", help="Scores of the same questions for the model before: tells what was forgotten and learned.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Questions to score, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Compare the answers drawn for each question: SelfCheck, BSDetector, semantic entropy; sort questions into known and unknown."""
    from factcli.commands.scoring.consistency import make_consistency

    chosen = {"compared_by": entailer, "methods": methods, "form": form, "beta": beta, "tau_l": tau_l, "tau_k": tau_k, "choose_on": choose_on}
    make_consistency(making, ref, answers, labels, before, {**chosen, "limit": limit, "seed": seed}, generation)


@app.command("reliability")
@making
def score_reliability(
    making: "Making",
    ref: Annotated[str | None, typer.Argument(help="Scores; without one the newest.")] = None,
    labels: Annotated[Path | None, typer.Option("--labels", help="Truths: JSONL of id (answer or prompt) and truth; an invented world needs none.")] = None,
    scores: Annotated[str | None, typer.Option("--scores", help="Names of scores, with commas; without it all.")] = None,
    bins: Annotated[int | None, typer.Option("--bins", help="Bins of the reliability diagrams, e.g. 10.")] = None,
    seed: SeedOption = None,
) -> None:
    """Hold scores against known truth: AUROC, risk and coverage, calibration error, reliability diagrams."""
    from factcli.commands.scoring.reliability import make_reliability

    make_reliability(making, ref, labels, {"scores": scores, "bins": bins, "seed": seed})


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


@app.command("claims")
@generating
def score_claims(
    making: "Making",
    generation: dict[str, Any],
    ref: Annotated[str | None, typer.Argument(help="Samples or an evaluation; without one the newest.")] = None,
    answers: Annotated[Path | None, typer.Option("--answers", help="Instead: JSONL with output (or text, responses), and topic where known.")] = None,
    claims: Annotated[str | None, typer.Option("--claims", help="Who takes answers apart: model, rules, given (of the file) or world (its grammar).")] = None,
    abstention: Annotated[str | None, typer.Option("--abstention", help="Who tells abstentions: none, generic, perplexity_ai or own.")] = None,
    parser: Annotated[str | None, typer.Option("--parser", help="spaCy package that finds sentences, e.g. en_core_web_sm; without it, by rule.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Answers to take apart, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Take answers apart into claims, without judging them; read answers, write them with their claims."""
    from factcli.commands.scoring.claims import make_claims

    chosen = {"claims.source": claims, "claims.abstention": abstention, "claims.parser": parser, "claims.seed": seed, "limit": limit}
    make_claims(making, ref, answers, chosen, generation)


@app.command("calibrate")
@generating
def score_calibrate(
    making: "Making",
    generation: dict[str, Any],
    labels: Annotated[Path, typer.Option("--labels", help="Labelled responses in FActScore's format: human-atomic-facts with labels S, NS, IR.")],
    judge: Annotated[list[str] | None, typer.Option("--judge", help="Who judges: http:MODEL@URL, local:REF, scripted:FILE or nli:DIR.")] = None,
    claims: Annotated[
        str | None, typer.Option("--claims", help="Whose claims: human (of the file), model (of the file; asked for with --backend) or rules.")
    ] = None,
    pack: Annotated[str | None, typer.Option("--pack", help="Knowledge pack to judge by; without one the newest.")] = None,
    irrelevant: Annotated[str | None, typer.Option("--irrelevant", help="What label IR is: counted (as not supported) or left_out.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Labelled responses to take, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Run a judge, or a source of claims, on human labels; write its card, which corrects later scores of that judge."""
    from factcli.commands.scoring.calibrate import make_calibrate

    make_calibrate(making, labels, claims, judge or [], pack, {"irrelevant": irrelevant, "limit": limit, "seed": seed}, generation)
