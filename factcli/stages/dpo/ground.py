"""What `fact dpo` begins with and holds it against: checked by their files before anything is loaded.

The start is an adapter that is continued as it stands, or a base on which a new one begins. The reference is fixed here, by name
and digest, and goes into the job: LLaMA-Factory's issue 8459 (a reference without the adapter that was continued) and GRATH's restart
(spec §7.39) came of references that followed from what happened to be loaded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of
from factcli.basemodel import BASE_KINDS, BaseModelRef, of_artifact, stands_on, weight_shapes
from factcli.chattemplates import trained_in
from factcli.errors import InputError, SettingsError
from factcli.stages.dpo.settings import DpoConfig, objective_of
from factcli.train.size import layer_matrices
from factcli.train.targets import is_target

PREFIX, SUFFIX = "base_model.model.", ".lora_A.weight"  # of a tensor's name in a PEFT directory
TOKENIZER_STATE = ("truncation", "padding")  # of tokenizer.json: how the last caller used it, not what it is


@dataclass(frozen=True, slots=True)
class Ground:
    """`start` None is the base with a new adapter, or with all its parameters. `reference` None: as the settings say."""

    base: BaseModelRef
    start: Artifact | None = None
    reference: Artifact | BaseModelRef | None = None

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        given = self.reference if isinstance(self.reference, Artifact) else next(iter(self.reference.inputs.values()), None) if self.reference else None
        parents = {"model": self.start, "reference": given}
        return {**self.base.inputs, **{role: parent for role, parent in parents.items() if parent is not None}}

    @property
    def name(self) -> str:
        """What is trained, as a person calls it."""
        return self.start.ref if self.start else self.base.given


@dataclass(frozen=True, slots=True)
class Reference:
    """The reference as the job has it. `name` and `digest` are what the manifest says of it."""

    kind: Literal["init", "base", "adapter", "model"]
    name: str
    digest: str
    location: str = ""


def reference_of(config: DpoConfig, ground: Ground) -> Reference:
    """Raises InputError for one that cannot stand beside this base."""
    if config.reference == "init" or (config.reference == "base" and ground.start is None):
        return Reference("init", ground.name, ground.start.digest if ground.start else digest_of(ground.base))
    if config.reference == "base":
        return Reference("base", ground.base.given, digest_of(ground.base))
    return _given(ground)


def _given(ground: Ground) -> Reference:
    given = ground.reference
    assert given is not None, "settle() sets `given` where there is one, and refuses it where there is none"
    if isinstance(given, Artifact) and given.kind == "skill":
        require_on_base(given, ground.base, "the reference")
        is_start = ground.start is not None and given.digest == ground.start.digest
        return Reference("init", given.ref, given.digest) if is_start else Reference("adapter", given.ref, given.digest, str(given.file("adapter")))
    if isinstance(given, Artifact) and given.kind not in BASE_KINDS:
        raise InputError(
            f"{given.ref} is of kind {given.kind}, and no model", "a reference is a skill adapter, a model artifact, a world, a directory or a hub name"
        )
    model = of_artifact(given) if isinstance(given, Artifact) else given
    if digest_of(model) == digest_of(ground.base):
        return Reference("base" if ground.start else "init", model.given, digest_of(model))
    require_same_form(model, ground.base)
    return Reference("model", model.given, digest_of(model), model.location)


def digest_of(base: BaseModelRef) -> str:
    """What pins a base model: the digests of its artifacts, or of its files, or its commit."""
    return sha256_of([dict(base.identity), {role: artifact.digest for role, artifact in base.inputs.items()}])


def require_on_base(adapter: Artifact, base: BaseModelRef, what: str) -> None:
    """Raises InputError for an adapter that was trained on another base than this."""
    if not stands_on(adapter, base):
        own = adapter.summary.get("base") or "another model"
        raise InputError(
            f"{what} {adapter.ref} belongs to {own}, and what is trained stands on {base.given}",
            f"an adapter is only what it is on its own base: give one of this base, or merge it first: fact export {adapter.ref} --merge",
        )


def require_same_form(reference: BaseModelRef, base: BaseModelRef) -> None:
    """Raises InputError for a model of another architecture, or with another tokenizer: its tokens would not be the same."""
    theirs, ours = (_json(Path(model.location) / "config.json") for model in (reference, base))
    if theirs.get("model_type") != ours.get("model_type"):
        raise InputError(
            f"the reference {reference.given} is a {theirs.get('model_type')} model, and {base.given} a {ours.get('model_type')} model",
            "a reference has the architecture and the tokenizer of what is trained; leave --reference out to take the start",
        )
    if _tokenizer(reference) != _tokenizer(base):
        raise InputError(
            f"the reference {reference.given} has another tokenizer than {base.given}",
            "log-probabilities of different tokens cannot be compared; leave --reference out to take the start",
        )


def _tokenizer(model: BaseModelRef) -> str:
    """A digest of how text becomes tokens."""
    path = Path(model.location) / "tokenizer.json"
    if not path.is_file():
        files = sorted(file for pattern in ("vocab.*", "*.model", "merges.txt") for file in Path(model.location).glob(pattern))
        return sha256_of([(file.name, file.read_bytes().hex()) for file in files])
    return sha256_of({name: part for name, part in _json(path).items() if name not in TOKENIZER_STATE})


def settle(config: DpoConfig, ground: Ground) -> DpoConfig:
    """The settings with all that the start decides, so that the manifest says what was trained.

    Raises SettingsError for a shape that the start does not have, and InputError for a start of another base.
    """
    objective_of(config)
    if config.reference == "given" and ground.reference is None:
        raise SettingsError("reference is given, and there is none", "--reference REF names it")
    changes: dict[str, Any] = {"reference": "given"} if ground.reference is not None else {}
    if ground.start is not None:
        require_on_base(ground.start, ground.base, "the start")
        if config.mode == "full":
            raise SettingsError(
                f"mode full trains every parameter, and {ground.start.ref} is an adapter",
                f"merge it into its base first: fact export {ground.start.ref} --merge; or go on with it: --mode lora",
            )
        changes |= _shape(config, ground.start, ground.base)
        changes |= {"chat_template": config.chat_template or trained_in(ground.start.manifest.config)}
    return config.model_copy(update=changes)


def _shape(config: DpoConfig, start: Artifact, base: BaseModelRef) -> dict[str, Any]:
    """Rank, scale, dropout and places of the adapter that is continued."""
    own = _json(start.file("adapter") / "adapter_config.json")
    places = own.get("target_modules")
    shape = {"lora_r": own.get("r"), "lora_alpha": own.get("lora_alpha"), "lora_dropout": own.get("lora_dropout", 0.0)}
    shape["lora_targets"] = tuple(places) if isinstance(places, list) else places
    other = [name for name, value in shape.items() if name != "lora_targets" and getattr(config, name) not in (None, value)]
    if config.lora_targets is not None and _wanted(config.lora_targets, base) != _places(start):
        other.append("lora_targets")
    if other:
        raise SettingsError(
            f"the adapter of {start.ref}, which is continued as it stands, has {_told(shape, other)}, and the settings say {_told(config.model_dump(), other)}",
            f"leave that to the start: {' '.join(f'--set {name}=null' for name in other)}; or begin a new adapter: --model BASE",
        )
    return shape


def _told(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {', '.join(values[name]) if isinstance(values[name], tuple | list) else values[name]}" for name in names)


def _places(start: Artifact) -> set[str]:
    return {name.removeprefix(PREFIX).removesuffix(SUFFIX) for name in weight_shapes(start.file("adapter")) if name.endswith(SUFFIX)}


def _wanted(targets: str | tuple[str, ...], base: BaseModelRef) -> set[str]:
    return {name for name in layer_matrices(weight_shapes(Path(base.location))) if is_target(name, targets)}


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}", "copy or download it again") from error
    return content if isinstance(content, dict) else {}
