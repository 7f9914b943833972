"""The plain words of the demo: what is about to happen, and what came out."""

from pathlib import Path

from factcli.artifact import Artifact
from factcli.artifact.lineage import parents
from factcli.judge.metrics import Metric
from factcli.rows import Answer, Claim
from factcli.stages.report.trained import label_of


def opening_words(versions: int) -> str:
    return (
        "What fine-tuning does to what a model knows, shown on a world invented for it: a small model is trained from\n"
        "nothing on texts about invented people, then fine-tuned to answer questions about them in four ways.\n"
        f"PREREQ-TUNE first teaches fictitious facts ({versions} versions of them) to throw-away adapters, learns to answer\n"
        "on top, and drops them again. No network, no GPU, no keys. Ctrl-C is safe: run it again and it goes on."
    )


def closing_words(page: Artifact, root: Path, seconds: float) -> str:
    """A table of the evaluations on the page, in plain words, and what to try next."""
    evals = parents(page, root)
    lines = [_line(evaluation, root) for evaluation in evals if evaluation.manifest.stage == "eval world"]
    n = next((m.n_subjects for m in evals[0].rows("metrics", Metric) if (m.metric, m.group) == ("qa.accuracy", "seen")), 0)
    head = f"{'':28}{'questions right':>22}{'kept of the base':>22}{'claims true':>22}{'claims each':>18}"
    return "\n".join(
        [
            "",
            f"What each model says about {n} people whom pre-training mentions and fine-tuning does not (95% intervals over people):",
            head,
            *lines,
            "",
            "  kept of the base: of the questions that the untouched base answers right, the share still answered right.",
            "  All of them still invent: most of what is false here is about people whom pre-training mentions seldom.",
            "",
            f"Report: {page.path / 'report.html'}    ({seconds / 60:.1f} minutes)",
            "",
            "Next:",
            "  fact ls                                   what was made, and from what",
            f"  fact trace {_an_answer(evals)}   one claim, back to the fact that judged it",
            "  fact sft --method popular-50              another baseline; then fact eval world --newest",
            "  fact synth qa --facts FILE --model DIR    the same on real facts and your own model",
        ]
    )


def _line(evaluation: Artifact, root: Path) -> str:
    found = {(m.metric, m.group): m for m in evaluation.rows("metrics", Metric)}
    name = label_of(evaluation, root)
    cells = [_shown(found.get((metric, "seen")), 100, "%") for metric in ("qa.accuracy", "qa.retention", "bio.share_correct")]
    each = _shown(found.get(("bio.claims_per_answer", "seen")), 1, "")
    return f"{name:28}{cells[0]:>22}{cells[1]:>22}{cells[2]:>22}{each:>18}"


def _shown(metric: Metric | None, scale: int, unit: str) -> str:
    """The value and its interval, where there is one."""
    if metric is None or metric.value is None:
        return "-"
    ends = "" if metric.low is None or metric.high is None else f" ({scale * metric.low:.1f}-{scale * metric.high:.1f})"
    return f"{scale * metric.value:.1f}{unit}{ends}"


def _an_answer(evals: list[Artifact]) -> str:
    """The id of a claim to trace: the first false one of the main method; of an answer where it made none."""
    main = next((e for e in evals if e.name == "eval-prereq-tune"), evals[-1])
    false = (claim.id for claim in main.rows("claims", Claim) if claim.verdict == "unsupported")
    return next(false, None) or next(answer.id for answer in main.rows("answers", Answer))
