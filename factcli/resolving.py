"""Which inputs a command takes when it is not told: the newest, then what its ancestry says; never a mixture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from factcli.artifact import Artifact, all_artifacts, open_artifact
from factcli.artifact.lineage import newest, parents
from factcli.artifact.manifest import MANIFEST
from factcli.artifact.read import names_in
from factcli.basemodel import BASE_KINDS, BaseModelRef, is_artifact, is_version, of_artifact, resolve_base, stands_on, whole
from factcli.chattemplates import trained_in
from factcli.errors import InputError, SettingsError, nearest

__all__ = [
    "base_and_adapter",
    "base_for",
    "base_under",
    "configs_directory",
    "data_of",
    "dpo_recipe",
    "ground_of",
    "is_artifact",
    "is_version",
    "names_in",
    "newest",
    "parent_of",
    "pick",
    "pick_model",
    "recipe_file",
    "recipe_of",
    "resolve_base",
    "world_recipes",
]

PACKAGE = Path(__file__).resolve().parent
ADAPTER_KINDS = ("skill", "joined")  # one adapter on a base, as a model; a joined one is taken only where it is named
WORKER_LOG = ".worker.log"  # what the training processes print, below the data directory


def configs_directory() -> Path:
    """configs/ of the checkout, or the copy that the wheel carries."""
    beside = PACKAGE.parent / "configs"
    return beside if (beside / "world").is_dir() else PACKAGE / "_configs"


def recipe_file(command: str, recipe: str) -> Path:
    """configs/<command>/<recipe>.yaml. Raises SettingsError with the nearest name."""
    folder = configs_directory() / command
    path = folder / f"{recipe}.yaml"
    if not path.is_file():
        have = sorted(p.stem for p in folder.glob("*.yaml"))
        way_out = f"recipes: {', '.join(have)}; or give settings of your own: -c FILE"
        raise SettingsError(f"there is no recipe {recipe!r} for {command}{nearest(recipe, have)}", way_out)
    return path


def world_recipes(size: str) -> list[Path]:
    """The recipe of a world; one such as tiny-myths is laid over that of its size, tiny."""
    path = recipe_file("world", size)
    below, dash, _ = size.partition("-")
    return [recipe_file("world", below), path] if dash else [path]


def recipe_of(artifact: Artifact) -> str | None:
    """The recipe that an artifact hands down: that of the world that it comes from, if any."""
    recipe = artifact.summary.get("recipe")
    return str(recipe) if recipe else None


def pick(ref: str | None, root: Path, kind: str, made_by: str) -> Artifact:
    """The artifact that `ref` names, or the newest of its kind."""
    found = newest(root, kind) if ref is None else open_artifact(ref, root, (kind,))
    if found is None:
        is_plural = kind.endswith("s")  # pairs, scores
        raise InputError(f"there {'are' if is_plural else 'is'} no {kind} in {root}/", f"make {'them' if is_plural else 'it'} first: {made_by}")
    return whole(found)


def pick_model(ref: str | None, root: Path, take_newest: bool) -> Artifact:
    """The skill or joined adapter or fine-tuned model (or world, for its untouched base) to evaluate.

    Raises InputError that lists the candidates where several stand side by side.
    """
    if ref is not None:
        return whole(open_artifact(ref, root, (*ADAPTER_KINDS, *BASE_KINDS)))
    skills = [found for found in all_artifacts(root, ("skill", "model")) if found.manifest.stage != "export"]  # the same model once more
    if not skills:
        raise InputError(f"there is no skill adapter in {root}/", "train one with `fact sft`, or evaluate a base: --model world")
    names = sorted({skill.name for skill in skills})
    if len(names) > 1 and not take_newest:
        raise InputError(f"several models qualify: {', '.join(names)}", "choose one with --model NAME, or take the newest with --newest")
    return whole(skills[0])


@dataclass(frozen=True, slots=True)
class LocalRef:
    """A model that runs in this process: a base, and what is plugged into it (name -> PEFT directory)."""

    base: BaseModelRef
    adapters: Mapping[str, str] = field(default_factory=dict)
    chat_template: str = ""
    inputs: Mapping[str, Artifact] = field(default_factory=dict)


def local_ref(ref: str, root: Path) -> LocalRef:
    """What `local:REF` names: a skill or joined adapter on its base, or whatever `resolve_base` takes."""
    base, adapter = base_and_adapter(ref, root, ADAPTER_KINDS)
    if adapter is None:
        return LocalRef(base, inputs=base.inputs)
    return LocalRef(base, {"skill": str(adapter.file("adapter"))}, trained_in(adapter.manifest.config), {**base.inputs, "model": adapter})


def base_and_adapter(ref: str, root: Path, kinds: tuple[str, ...] = ("skill",)) -> tuple[BaseModelRef, Artifact | None]:
    """What `ref` names as a model: a base, and the adapter on it where it is one of these kinds."""
    if not is_artifact(ref, root):
        return resolve_base(ref, root), None
    found = whole(open_artifact(ref, root, (*kinds, *BASE_KINDS)))
    return base_for(found, None, root), None if found.kind in BASE_KINDS else found


def parent_of(artifact: Artifact, role: str, root: Path) -> Artifact | None:
    """The parent in this role, or None; checked against the recorded digest."""
    roles = list(artifact.manifest.inputs)
    return whole(parents(artifact, root)[roles.index(role)]) if role in roles else None


def base_for(artifact: Artifact, model: str | None, root: Path) -> BaseModelRef:
    """The base model that goes with an artifact: `model` if given, else the one its ancestry names.

    Texts fit any model, adapters only the one that they were trained on: InputError for another.
    """
    if model is not None:
        base = resolve_base(model, root)
        return base if artifact.kind in (*BASE_KINDS, "synth") else _same_base(base, artifact)
    return of_artifact(artifact) if artifact.kind in BASE_KINDS else base_under(artifact, root)


def base_under(artifact: Artifact, root: Path) -> BaseModelRef:
    """The base that an artifact was made with, by its ancestry; of a fine-tuned model the one that its training began with."""
    ground = parent_of(artifact, "base", root) or parent_of(artifact, "world", root)
    if ground is not None:
        return of_artifact(ground)
    given = artifact.summary.get("base")
    if not given:
        raise InputError(f"{artifact.ref} names no base model", "give one: --model DIRECTORY_OR_HUB_NAME")
    return _same_base(resolve_base(str(given), root), artifact)


def ground_of(base: BaseModelRef, root: Path) -> BaseModelRef:
    """The untouched base: below a model that was fine-tuned the one that it began with, and so on down."""
    model = base.inputs.get("base")
    return base if model is None else ground_of(base_under(model, root), root)


def _same_base(base: BaseModelRef, artifact: Artifact) -> BaseModelRef:
    if not stands_on(artifact, base):
        raise InputError(
            f"{base.given} is not the model that {artifact.ref} was made with ({MANIFEST} has its digest)", "give the right one: --model DIRECTORY_OR_HUB_NAME"
        )
    return base


def data_of(knowledge: Artifact | None, ref: str | None, root: Path) -> Artifact:
    """The task data: what `ref` names, else what the knowledge adapters were trained on, else the newest.

    Raises InputError for a mixture: data that the given knowledge adapters did not learn.
    """
    learned = parent_of(knowledge, "synth", root) if knowledge is not None else None
    if ref is None:
        return learned or pick(None, root, "synth", "fact synth bio")
    chosen = whole(open_artifact(ref, root, ("synth",)))
    if learned is not None and chosen.digest != learned.digest and knowledge is not None:
        raise InputError(
            f"{knowledge.ref} was trained on {learned.ref}, not on {chosen.ref}",
            f"leave --synth out, or train knowledge on it: fact prereq --synth {chosen.ref}",
        )
    return chosen


def dpo_recipe(preset: str | None, is_of_a_world: bool) -> list[Path]:
    """configs/dpo/<preset>.yaml, and over it for a model of an invented world how one is trained there, whatever the method."""
    names = dict.fromkeys([*([preset] if preset else []), *(["world"] if is_of_a_world else [])])
    return [recipe_file("dpo", name) for name in names]


def sft_recipes(recipe: str | None, method: str | None) -> list[str]:
    """configs/sft/<recipe>.yaml, and over it the one for a baseline, whose settings were chosen apart, if there is one."""
    own = f"{recipe}-{method}"
    return [*([recipe] if recipe else []), *([own] if (configs_directory() / "sft" / f"{own}.yaml").is_file() else [])]
