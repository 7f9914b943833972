"""Which base model a run stands on: a world's own, a directory, or a name on the hub; and what pins it.

No torch here: a directory is pinned by the sha256 of its files, a hub name by its commit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, open_artifact
from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.artifact.read import names_in
from factcli.errors import BackendError, InputError

MODEL_FILES = ("*.json", "*.safetensors", "*.jinja", "*.model", "*.txt")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json")


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
    return BaseModelRef(world.ref, str(world.file("model")), {}, {"world": world})


def resolve_base(model: str, root: Path) -> BaseModelRef:
    """`model` as an artifact of kind world, a model directory, or `name[@revision]` on the hub, in this order."""
    if model.partition("@")[0] in names_in(root):
        return of_world(open_artifact(model, root, ("world",)))
    if Path(model).is_dir():
        return _of_directory(Path(model), root)
    return _of_hub(model)


def _of_directory(path: Path, root: Path) -> BaseModelRef:
    if (path / "manifest.json").exists():
        return of_world(open_artifact(path, root, ("world",)))
    if not (path / "config.json").is_file():
        raise InputError(f"{path} has no config.json, so it is no model directory", "give a directory that `save_pretrained` wrote")
    if not any((path / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(f"{path} has no tokenizer", f"save it there: AutoTokenizer.from_pretrained(...).save_pretrained({str(path)!r})")
    if not any(path.glob("*.safetensors")):
        raise InputError(f"{path} has no *.safetensors", "only safetensors are loaded: save the model with save_pretrained")
    files = sorted({file for pattern in MODEL_FILES for file in path.glob(pattern)})
    return BaseModelRef(str(path), str(path), {"files": sha256_of([(f.name, sha256_of_file(f)) for f in files])})


def _of_hub(model: str) -> BaseModelRef:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    except ImportError as error:
        raise BackendError(f"{model} is neither an artifact nor a directory, and hub models need the train extra", 'pip install "factcli[train]"') from error
    name, _, revision = model.partition("@")
    try:
        # Pinned to the commit that is downloaded (or already cached): the snapshot's folder is named after it.
        snapshot = Path(snapshot_download(name, revision=revision or None, allow_patterns=list(MODEL_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(
            f"{model} is no artifact, no directory, and the hub did not give it: {first_line}", "check the name; `fact ls` lists artifacts"
        ) from error
    return BaseModelRef(f"{name}@{snapshot.name}", str(snapshot), {"name": name, "commit": snapshot.name})
