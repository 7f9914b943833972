"""What each score is worth where truth is known: answers drawn from a model of an invented world, each scored in every way that
needs no other model, and held against the world's ledger.

    python -m tests.bench worldscores [--data DIR]

DIR gets a demo (minutes) unless there is one. Commands that have run are not run again, so a second call only prints.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from factcli.answerrows import Sample
from factcli.artifact import open_artifact
from factcli.commands.scoring.truth import truth_for
from factcli.consistencyrows import Calibration
from factcli.judge.calibration import Judged, calibration_of
from factcli.knowledge.answer_files import answers_of_artifact
from factcli.stats.ranking import auroc
from tests.bench.worth import ranked, truths

SKILL = "prereq-tune"
ASKED = (("qa", "dev", 10), ("bio", "test", 4))  # the skill trained on nobody of either; samples of each prompt
DRAWS = 500
UNIT_MEASURES = ("max_conf", "exp_conf", "neg_ent", "samp_conf")


class Worth(NamedTuple):
    """One line of the table. `n`: answers, prompts or claims that have both the score and a truth."""

    what: str
    score: str
    level: str
    n: int
    correlation: float | None
    auroc: float | None
    low: float | None
    high: float | None


def table(data: Path) -> str:
    """AUROC with its interval (by subject) and Spearman's correlation of every score with the truth, as Markdown."""
    root = data / "worldscores"
    if not (root / SKILL).is_dir():
        _fact(root, "demo")
    asked = [_asked(root, task, split, samples) for task, split, samples in ASKED]
    rows = [row for task in asked for row in _worth(root, task)]
    head = "| answers | score | by | n | correlation | AUROC | 95% interval |\n|---|---|---|---|---|---|---|"
    return "\n".join([head, *map(_line, rows)])


def _asked(root: Path, task: str, split: str, samples: int) -> str:
    """Samples of the skill model to the world's prompts of one task, scored by confidence and by consistency."""
    drawn = ("--from", "world", "--set", "table=questions", "--set", f"tasks=[{task}]", "--set", f"splits=[{split}]")
    _fact(root, "synth", "samples", *drawn, "--backend", f"local:{SKILL}", "--samples", samples, "--set", "logprobs=true", "--name", f"{task}-samples")
    confidence = ("score", "confidence", f"{task}-samples", "--set", f"tasks=[{task}]")
    _fact(root, *confidence, "--name", f"{task}-confidence")
    _fact(root, *confidence, "--units", "entities", "--name", f"{task}-entities")
    _fact(root, "score", "consistency", f"{task}-samples", "--form", "all", "--entailer", "lexical", "--name", f"{task}-consistency")
    for scores in ("confidence", "entities", "consistency"):
        _fact(root, "score", "reliability", f"{task}-{scores}", "--name", f"{task}-{scores}-reliability")
    return task


def _worth(root: Path, task: str) -> Iterator[Worth]:
    yield _token_probability(root, task)
    for scores in ("confidence", "entities", "consistency"):
        figures = open_artifact(f"{task}-{scores}-reliability", root)
        for row in figures.rows("calibration", Calibration):
            if row.split == "all" and row.n:
                yield _of(task, f"{scores}: {row.score}", row)
    yield from _by_claim(root, task)


def _token_probability(root: Path, task: str) -> Worth:
    """The mean log-probability of an answer's tokens under the model that wrote it: what one has for nothing."""
    samples = open_artifact(f"{task}-samples", root)
    known, sure = truth_for(samples, None, root).truths, {sample.id: sample.mean_logprob for sample in samples.rows("samples", Sample)}
    judged = [Judged(a.id, a.subject or a.prompt_id, sure[a.id], known.of_answer(a)) for a in answers_of_artifact(samples).rows]
    return _of(task, "mean log-probability of its tokens", calibration_of("logprob", "answer", "all", judged).row)


def _by_claim(root: Path, task: str) -> Iterator[Worth]:
    scores, world = open_artifact(f"{task}-confidence", root), open_artifact("world", root)
    truth = truths(scores, world)
    for measure in UNIT_MEASURES:
        units = ranked(scores, truth, measure)
        area = auroc(units, DRAWS)
        yield Worth(task, f"confidence: {measure}", "claim", len(units), None, area.value, area.low, area.high)


def _of(task: str, score: str, row: Calibration) -> Worth:
    return Worth(task, score, row.level, row.n, row.correlation, row.auroc, row.auroc_low, row.auroc_high)


def _line(row: Worth) -> str:
    shown = ["" if value is None else f"{value:.3f}" for value in (row.correlation, row.auroc)]
    interval = "" if row.low is None or row.high is None else f"{row.low:.3f} to {row.high:.3f}"
    return f"| {row.what} | {row.score} | {row.level} | {row.n:,} | {' | '.join(shown)} | {interval} |"


def _fact(root: Path, *arguments: object) -> None:
    command = [sys.executable, "-m", "factcli.cli", *map(str, arguments), "--data", str(root)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{json.dumps(command)} ended with code {done.returncode}:\n{done.stderr}")
