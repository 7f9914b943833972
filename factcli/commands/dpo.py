"""`fact dpo`: pairs, start and reference resolved, one stage called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factcli import resolving
from factcli.artifact import Artifact, open_artifact
from factcli.basemodel import BASE_KINDS, BASE_ROLES, BaseModelRef, stands_on, whole
from factcli.chattemplates import trained_in
from factcli.commands.ending import tell
from factcli.commands.making import Making, finish, other_length
from factcli.config import resolve
from factcli.errors import InputError

if TYPE_CHECKING:
    from factcli.stages.dpo import DpoConfig, Ground

MADE_BY = "fact synth samples, fact score factscore, fact score pairs; or fact synth pairs --questions FILE"
LEADING = ("scores", "new", "answers")  # roles that lead from pairs to who wrote the answers
SAY_MODEL = "say what is trained: --model SKILL (continued as it stands) or --model BASE (a new adapter)"


def make_dpo(making: Making, preset: str | None, pairs_ref: str | None, model: str | None, reference: str | None, flags: Mapping[str, Any]) -> None:
    from factcli.stages import dpo as stage

    pairs = resolving.pick(pairs_ref, making.root, "pairs", MADE_BY)
    start = Start(*resolving.base_and_adapter(model, making.root)) if model is not None else _writer(pairs, making.root)
    ground = _ground(start, reference, making.root)
    config = _settings(making, preset, ground, {**flags, "reference": _named(reference)})
    plan = stage.plan(config, pairs, ground, making.name)
    assert isinstance(plan.config, stage.DpoConfig)
    _require_same_template(pairs, ground, plan.config.chat_template, making.root)
    finish(making, plan, lambda context: stage.cost(plan, ground, context), lambda draft, context: stage.work(plan, draft, ground, context))


@dataclass(frozen=True, slots=True)
class Start:
    """What is trained: a base, and the adapter on it that is continued, if any."""

    base: BaseModelRef
    skill: Artifact | None = None


def _on_its_base(artifact: Artifact, root: Path) -> Start:
    base = resolving.base_for(artifact, None, root)
    return Start(base, artifact if artifact.kind == "skill" else None)


def _writer(pairs: Artifact, root: Path) -> Start:
    """The model that wrote the answers of the pairs, by their lineage. Raises InputError where that cannot be told."""
    wrote = _answers_of(pairs, root)
    roles = wrote.manifest.inputs
    role = next((name for name in ("model", *(BASE_ROLES if _is_of_a_local_model(wrote) else ())) if name in roles), None)
    if role is not None:
        found = resolving.parent_of(wrote, role, root)
        assert found is not None
        tell(f"model: {found.ref}, which wrote the answers of {wrote.ref}")
        return _on_its_base(found, root)
    backend = _backend_of(wrote)
    if backend.startswith("local:"):
        tell(f"model: {backend.removeprefix('local:')}, which wrote the answers of {wrote.ref}")
        return Start(resolving.resolve_base(backend.removeprefix("local:"), root))
    who = f"answers of {backend}" if backend else "answers of a file"
    raise InputError(f"{pairs.ref} comes from {who} ({wrote.ref}), so its lineage does not tell what is to be trained", SAY_MODEL)


def _answers_of(pairs: Artifact, root: Path) -> Artifact:
    """The version that holds the answers as they were written: samples, an evaluation, or the pairs themselves."""
    found = pairs
    while (role := next((name for name in LEADING if name in found.manifest.inputs), None)) is not None:
        parent = resolving.parent_of(found, role, root)
        assert parent is not None
        found = parent
    return found


def _backend_of(artifact: Artifact) -> str:
    generation = artifact.manifest.config.get("generation")
    return str(generation.get("backend") or "") if isinstance(generation, dict) else ""


def _is_of_a_local_model(artifact: Artifact) -> bool:
    """Whether a world or base among its parents is who answered: of scores, data, and answers of a server it is only what they are about.

    An evaluation that names no backend was made by a model in its own process.
    """
    backend = _backend_of(artifact)
    return backend.startswith("local:") or (artifact.kind == "eval" and not backend)


def _ground(start: Start, reference: str | None, root: Path) -> "Ground":
    from factcli.stages.dpo import Ground

    if _named(reference) != "given":
        return Ground(start.base, start.skill)
    assert reference is not None
    if resolving.is_artifact(reference, root):
        return Ground(start.base, start.skill, whole(open_artifact(reference, root, ("skill", *BASE_KINDS))))
    return Ground(start.base, start.skill, resolving.resolve_base(reference, root))


def _named(reference: str | None) -> str | None:
    """The setting that `--reference` means."""
    return reference if reference in (None, "init", "base") else "given"


def _settings(making: Making, preset: str | None, ground: "Ground", flags: Mapping[str, Any]) -> "DpoConfig":
    """The preset; over it -c files, or without them the recipe of invented worlds for a model of one; then --set and options."""
    from factcli.stages.dpo import DpoConfig

    files = resolving.dpo_recipe(preset, not making.files and _is_of_a_world(ground))
    if files and not making.files:
        tell(f"settings: {', then '.join(f'configs/dpo/{path.name}' for path in files)}{_why(files)}")
    return resolve(DpoConfig, [*files, *making.files], [*other_length(flags), *making.assignments], flags)


def _why(files: list[Path]) -> str:
    return f" (the recipe of invented worlds{', over the preset' if len(files) > 1 else ''}; -c FILE replaces it)" if files[-1].stem == "world" else ""


def _is_of_a_world(ground: "Ground") -> bool:
    parents = [*ground.base.inputs.values(), *([ground.start] if ground.start else [])]
    return any(parent.kind == "world" or parent.summary.get("recipe") for parent in parents)


def _require_same_template(pairs: Artifact, ground: "Ground", template: str, root: Path) -> None:
    """Raises InputError where answers of this very base were written in another chat template than the one that is trained in."""
    writer = resolving.parent_of(_answers_of(pairs, root), "model", root)
    if writer is None or not stands_on(writer, ground.base):
        return  # answers of another model are what they are; its template has nothing to do with this one's
    if trained_in(writer.manifest.config) != template:
        raise InputError(
            f"the answers of {pairs.ref} were written in the chat template of {writer.ref}, and {ground.name} is trained in another",
            f"draw answers of the model that is trained: --backend local:{ground.name}; or train in theirs: --set chat_template=...",
        )
