"""Evaluations made by hand for comparisons: items as a test gives them, or answers of a small made-up world."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Outcome
from factcli.config import Config
from factcli.evalrows import ItemScore
from tests.stages.report_chain import commit

BASE = [1.0, 0.0] * 50  # 100 questions, half of them right
BETTER = [1.0, 0.0, 1.0, 1.0] * 25  # every second wrong one turns right: 75 of 100


def items(metric: str, rights: Sequence[float], per_subject: int = 1, confidences: Sequence[float | None] | None = None) -> list[ItemScore]:
    """Items q0, q1, ...; `per_subject` of them belong to one subject; 1 is right, 0 wrong."""
    sure = confidences or [None] * len(rights)
    return [ItemScore(f"q{n}", metric, f"p{n // per_subject:03d}", "all items", float(right), 1.0, sure[n]) for n, right in enumerate(rights)]


def evaluation(root: Path, name: str, rows: Sequence[ItemScore], summary: Mapping[str, Any] | None = None) -> Artifact:
    return commit(root, "eval made", "eval", name, Config(), {}, {"items": rows}, {"items": ItemScore}, Outcome(name, dict(summary or {})))


def pair_of(root: Path, base: list[float] = BASE, better: list[float] = BETTER, per_subject: int = 2) -> tuple[Artifact, Artifact]:
    data = root / "data"
    return evaluation(data, "a", items("qa.accuracy", base, per_subject)), evaluation(data, "b", items("qa.accuracy", better, per_subject))
