"""Whether two evaluations differ in more than the model: asked otherwise, graded by another, or on other questions."""

from collections.abc import Iterator, Mapping
from typing import Any

from factcli.artifact import Artifact

NO_MATTER = ("seed", "limit", "dtype", "probe_versions", "generation", "grading", "hub_revision")  # of intervals, of how much, and of cost
OF_QUESTIONS = ("world", "questions", "pack")  # roles of inputs that decide what is asked, and what is held against it
GRADERS = ("graded_by", "judges", "judge")
LONGEST = 60


def asked_otherwise(model: Artifact, baseline: Artifact) -> str | None:
    """One line on what a difference may come of besides the models; None where nothing is known. Of one kind of evaluation alone."""
    if model.kind != baseline.kind or model.summary.get("benchmark") != baseline.summary.get("benchmark"):
        return None
    found = [*_settings(model, baseline), *_graders(model, baseline), *_questions(model, baseline)]
    return f"{model.ref} and {baseline.ref} differ in more than the model: {'; '.join(found)}" if found else None


def _settings(model: Artifact, baseline: Artifact) -> Iterator[str]:
    telling = {*model.manifest.identity, *baseline.manifest.identity} - {*NO_MATTER}  # what is operational is in neither
    mine, others = (dict(_leaves({n: v for n, v in artifact.manifest.config.items() if n in telling})) for artifact in (model, baseline))
    for name in sorted(mine.keys() & others.keys()):
        if mine[name] != others[name]:
            yield f"{name} is {_shown(mine[name])} and {_shown(others[name])}"


def _leaves(config: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in sorted(config.items()):
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _graders(model: Artifact, baseline: Artifact) -> Iterator[str]:
    for name in GRADERS:
        mine, others = (artifact.summary.get(name) for artifact in (model, baseline))
        if mine != others:
            yield f"graded by {_shown(mine or 'the rule')} and {_shown(others or 'the rule')}"


def _questions(model: Artifact, baseline: Artifact) -> Iterator[str]:
    for role in OF_QUESTIONS:
        mine, others = (artifact.manifest.inputs.get(role) for artifact in (model, baseline))
        if mine and others and mine.digest != others.digest:
            yield f"{role} is {mine.ref} and {others.ref}, which are not the same"
    mine_pinned, other_pinned = model.manifest.prompts, baseline.manifest.prompts
    for name in sorted(mine_pinned.keys() & other_pinned.keys()):
        if mine_pinned[name] != other_pinned[name]:
            yield f"{name} is not the same text"


def _shown(value: Any) -> str:
    said = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
