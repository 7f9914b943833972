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

    chosen = {"compared_by": entailer, "methods": methods, "form": form, "beta": beta, "tau_l": tau_l, "tau_k": tau_k, "choose_on": choose_on}
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
