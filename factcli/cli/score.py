"""`fact score`: how true a text is, by evidence, by the model's own confidence, by agreement; and pairs from scores."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from factcli.cli.options import SeedOption, generating, making

if TYPE_CHECKING:
    from factcli.commands.making import Making

app = typer.Typer(no_args_is_help=True, help="Score answers: claim by claim against evidence, by confidence, by consistency; make preference pairs of scores.")


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
    limit: Annotated[int | None, typer.Option("--limit", help="Questions to score, in their order, e.g. 50.")] = None,
    seed: SeedOption = None,
) -> None:
    """Compare the answers drawn for each question: SelfCheck, BSDetector, semantic entropy; sort questions into known and unknown."""
    from factcli.commands.scoring.consistency import make_consistency

    chosen = {"entailer": entailer, "methods": methods, "form": form, "beta": beta, "tau_l": tau_l, "tau_k": tau_k, "choose_on": choose_on}
    make_consistency(making, ref, answers, labels, {**chosen, "limit": limit, "seed": seed}, generation)


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
