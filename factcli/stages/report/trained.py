"""What was evaluated: the method of a skill, what it was begun with, and what a person calls it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.artifact.lineage import open_input
from factcli.judge.names import LABELS, METHODS

ASKED = {"task": "", "few_shot": ", few-shot", "fill": ", template"}
PLAIN = ("base", "real", "popular-head", "popular-50", "fictitious", "prereq")  # learned from task data alone
RIVALS = ("oracle", "self-distillation", "own answers")  # by what `method_of` calls them
CONTROLS = tuple(f"prereq, {control}" for control in ("real", "wrong-version", "shuffled", "random", "absent"))
ORDER = (*PLAIN[:-1], *RIVALS, *METHODS, *CONTROLS, PLAIN[-1])  # of a page


def asked_as(evaluation: Artifact) -> str:
    """How it was asked, of a benchmark that can be asked in several forms."""
    ask = str(evaluation.manifest.config.get("ask", "task"))
    return ask if ask in ASKED else "task"


def skill_of(evaluation: Artifact, root: Path) -> Artifact | None:
    """The skill that was evaluated; None for the untouched base."""
    entry = evaluation.manifest.inputs.get("model")
    return open_input(entry, root) if entry else None


def start_of(skill: Artifact, root: Path) -> Artifact | None:
    """The skill from which training on preferences began; None for one that was fine-tuned on the base itself."""
    entry = skill.manifest.inputs.get("model")
    return open_input(entry, root) if entry and entry.kind == "skill" else None


def method_of(skill: Artifact | None) -> str:
    """Its setting `method`; a control of PREREQ-TUNE is another method, and so is plain fine-tuning held to its base or on its own answers."""
    if skill is None:
        return "base"
    config = skill.manifest.config
    method = str(config.get("method", skill.manifest.stage))
    if method == "prereq":
        return ", ".join([method, *varied(config)])
    if config.get("distill"):
        return "self-distillation"
    is_of_own = any(entry.kind == "beliefs" for entry in skill.manifest.inputs.values())
    return "own answers" if method == "real" and is_of_own else method


def varied(config: Mapping[str, Any]) -> list[str]:
    """What makes a run of PREREQ-TUNE a control of it."""
    real = ["real"] if config.get("knowledge_of", "fictitious") == "real" else []
    return [*real, *([control] if (control := config.get("control", "none")) != "none" else [])]


def place_of(evaluation: Artifact, skill: Artifact | None) -> tuple[int, int]:
    """Where it stands on a page."""
    method = method_of(skill)
    return ORDER.index(method) if method in ORDER else len(ORDER), list(ASKED).index(asked_as(evaluation))


def label_of(evaluation: Artifact, root: Path) -> str:
    """The name of the model as a person reads it, and how it was asked; of one that learned from preferences, also what it began as."""
    skill = skill_of(evaluation, root)
    start = start_of(skill, root) if skill else None
    decode = str(evaluation.summary.get("decode", "greedy"))
    decoded = "" if decode == "greedy" else f", {decode}"
    name = _name(str(evaluation.summary.get("model", evaluation.name)), asked_as(evaluation)) + decoded
    if skill is None or start is None:
        return name
    return f"{METHODS.get(method_of(skill), name)} on {_started(_before(start, method_of(skill), root), root)}{decoded}"


def _before(start: Artifact, method: str, root: Path) -> Artifact:
    """What the first of several rounds of a method began with."""
    earlier = start_of(start, root)
    return start if earlier is None or method_of(start) != method else _before(earlier, method, root)


def _started(start: Artifact, root: Path) -> str:
    """One begun with another one is called by its own method alone."""
    return METHODS.get(method_of(start), start.name) if start_of(start, root) else _name(start.name, "task")


def _name(model: str, ask: str) -> str:
    suffix = "" if ask == "task" else f"-{ask.replace('_', '-')}"
    return LABELS.get(f"eval-{model}{suffix}", model + ASKED.get(ask, ""))


def setting_of(skill: Artifact, name: str) -> Any:
    """A setting of the run, or None where its command has none of that name."""
    return skill.manifest.config.get(name)
