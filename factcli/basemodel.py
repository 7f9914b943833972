"""Which base model a run stands on: a world's own, a model artifact, a directory, or a name on the hub; and what pins it.

No torch here: a directory is pinned by the sha256 of its files, a hub name by its commit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, open_artifact
from factcli.artifact.manifest import MANIFEST, is_content, sha256_of, sha256_of_file
from factcli.artifact.read import names_in, versions_in
from factcli.errors import BackendError, InputError

BASE_KINDS = ("world", "model")
BASE_ROLES = ("world", "base")  # under which an artifact has the one that holds its base model
MODEL_FILES = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
ADAPTER_CONFIG = "adapter_config.json"
CONSOLIDATED = "consolidated*"  # the same weights once more, in the format of their makers
OTHER_COPIES = ("*/*", CONSOLIDATED)
LONGEST_HEADER = 100_000_000  # bytes of JSON; the format allows no more
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class BaseModelRef:
    """`given` is what the person called it; `location` is what transformers loads; `identity` what the key covers."""

    given: str
    location: str
    identity: Mapping[str, Any]
    inputs: Mapping[str, Artifact] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What adapters call their base: no path of this machine, so that an adapter is the same wherever it is made."""
        return Path(self.given).name if Path(self.given).is_dir() else self.given


def of_world(world: Artifact) -> BaseModelRef:
    """The model that a world pre-trained; its digest is part of the world's."""
    return BaseModelRef(whole(world).ref, str(world.file("model")), {}, {"world": world})


def of_model(model: Artifact) -> BaseModelRef:
    """A model of its own: one whose every parameter was trained, or into which adapters were merged."""
    return BaseModelRef(whole(model).ref, str(model.file("model")), {}, {"base": model})


def of_artifact(artifact: Artifact) -> BaseModelRef:
    """The base that an artifact of kind world or model holds."""
    return of_world(artifact) if artifact.kind == "world" else of_model(artifact)


def stands_on(adapter: Artifact, base: BaseModelRef) -> bool:
    """Whether an adapter was trained on this base: by the digests that it recorded."""
    recorded = {role: entry.digest for role, entry in adapter.manifest.inputs.items() if role in BASE_ROLES}
    return dict(base.identity) == adapter.manifest.model and recorded == {role: parent.digest for role, parent in base.inputs.items()}


def whole(artifact: Artifact) -> Artifact:
    """The artifact itself. Raises InputError where a file has gone or has another size: what can be seen without reading it."""
    for name, entry in artifact.manifest.files.items():
        path = artifact.path / name
        if is_content(name) and not (path.is_file() and path.stat().st_size == entry.bytes):
            raise InputError(
                f"{artifact.ref} is damaged: {name} {'has another size' if path.is_file() else 'is missing'}",
                f"restore it, or delete {artifact.path} and run its command again; `fact verify {artifact.ref}` reads every byte",
            )
    return artifact


def is_version(path: Path) -> bool:
    """Whether a directory is a version of an artifact, or holds versions of one."""
    return path.is_dir() and ((path / MANIFEST).exists() or bool(versions_in(path)))


def is_artifact(ref: str, root: Path) -> bool:
    """Whether `ref` names an artifact, by its name with or without a version, or by a path."""
    return ref.partition("@")[0] in names_in(root) or is_version(Path(ref))


def resolve_base(model: str, root: Path) -> BaseModelRef:
    """`model` as an artifact of kind world or model, a model directory, or `name[@revision]` on the hub, in this order."""
    if is_artifact(model, root):
        return of_artifact(open_artifact(model, root, BASE_KINDS))
    if Path(model).is_dir():
        return _of_directory(Path(model))
    return _of_hub(model)


def _of_directory(path: Path) -> BaseModelRef:
    _require_model(path)
    files = sorted({file for pattern in MODEL_FILES for file in path.glob(pattern)})
    return BaseModelRef(str(path), str(path), {"files": sha256_of([(f.name, sha256_of_file(f)) for f in files])})


def _require_model(path: Path) -> None:
    """InputError where something that a model directory needs is missing, cut or no JSON."""
    if (path / ADAPTER_CONFIG).is_file() and not (path / "config.json").is_file():
        raise InputError(f"{path} is an adapter, no model", "give the base model that it was trained on")
    if not (path / "config.json").is_file():
        raise InputError(f"{path} has no config.json, so it is no model directory", "give a directory that `save_pretrained` wrote")
    if not any((path / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(f"{path} has no tokenizer", f"save it there: AutoTokenizer.from_pretrained(...).save_pretrained({str(path)!r})")
    if not any(path.glob("*.safetensors")):
        raise InputError(f"{path} has no *.safetensors", "only safetensors are loaded: save the model with save_pretrained")
    for weights in sorted(path.glob("*.safetensors")):
        if not _is_whole(weights):
            raise InputError(f"{weights} is damaged: its length is not what its header says", "copy or download it again")
    for file in sorted(path.glob("*.json")):
        _require_json(file)
    require_not_adapted(path)


def require_not_adapted(path: Path) -> None:
    """InputError where a model directory holds an adapter too, or its weights are those of a model with adapters in it.

    transformers would plug such an adapter in without a word, and what is trained here would stand on another base than it says.
    """
    if (path / ADAPTER_CONFIG).is_file():
        raise InputError(
            f"{path} holds an adapter ({ADAPTER_CONFIG}) beside a model: it is adapted already",
            "move the adapter to a directory of its own, or merge it into the model (PEFT's merge_and_unload, then save_pretrained)",
        )
    strange = next((name for name in weight_shapes(path) if ".lora_" in name or ".base_layer." in name), None)
    if strange is not None:
        raise InputError(
            f"{path} is adapted already: its weights hold {strange}", "save the model with its adapter merged into it: PEFT's merge_and_unload, save_pretrained"
        )


def _require_json(path: Path) -> None:
    try:
        json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {error}", "copy or download it again") from error


def _is_whole(weights: Path) -> bool:
    """Whether a safetensors file ends where its last tensor does. A cut one would only be found when it is loaded."""
    try:
        n_header, tensors = _header(weights)
        end = max((entry["data_offsets"][1] for entry in tensors.values()), default=0)
    except (ValueError, AttributeError, KeyError, TypeError):
        return False
    return weights.stat().st_size == 8 + n_header + end


def _header(weights: Path) -> tuple[int, dict[str, Any]]:
    """What stands before the tensors of a safetensors file: its bytes, and dtype, shape and place of each tensor."""
    with weights.open("rb") as file:
        n_header = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(min(n_header, LONGEST_HEADER)))
    return n_header, {name: entry for name, entry in header.items() if name != "__metadata__"}


def weight_shapes(directory: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor of a model or adapter directory, by name. Reads headers only."""
    files = (file for file in sorted(directory.glob("*.safetensors")) if not file.match(CONSOLIDATED))
    return {name: tuple(entry["shape"]) for file in files for name, entry in _header(file)[1].items()}


def _of_hub(model: str) -> BaseModelRef:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise BackendError(f"{model} is neither an artifact nor a directory, and hub models need the train extra", 'pip install "factcli[train]"') from error
    name, _, revision = model.partition("@")
    try:
        # Pinned to the commit that is downloaded (or already cached): the snapshot's folder is named after it.
        snapshot = Path(snapshot_download(name, revision=revision or None, allow_patterns=list(MODEL_FILES), ignore_patterns=list(OTHER_COPIES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{model} is no artifact, no directory, and the hub did not give it: {first_line}", "check the name; `fact ls` lists artifacts"
        ) from error
    _require_model(snapshot)
    return BaseModelRef(f"{name}@{snapshot.name}", str(snapshot), {"name": name, "commit": snapshot.name})
