"""What a model is, by the bytes of its files. No torch: a stage records it, and the worker must find the same."""

import json
from pathlib import Path
from typing import Literal

from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.basemodel import CONSOLIDATED
from factcli.errors import InputError


def model_digest(directory: Path) -> str:
    """sha256 over config and weights of a model directory."""
    files = [directory / "config.json", *sorted(file for file in directory.glob("*.safetensors") if not file.match(CONSOLIDATED))]
    if len(files) == 1:
        raise InputError(f"{directory} has no *.safetensors", "give a model directory that `save_pretrained` wrote")
    return sha256_of([(file.name, read_digest(file)) for file in files])


def adapter_digest(directory: Path) -> str:
    """sha256 over rank, scale and weights of a PEFT directory; not over what it calls its base."""
    try:
        config = json.loads((directory / "adapter_config.json").read_bytes())
        shape = [config["r"], config["lora_alpha"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"no adapter in {directory}: {error}", hint="an adapter directory has adapter_config.json") from error
    return sha256_of([*shape, read_digest(directory / "adapter_model.safetensors")])


def read_digest(file: Path) -> str:
    try:
        return sha256_of_file(file)
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}", hint="only safetensors are loaded, never pickles") from error


def policy_digest(base: str, adapter: str = "") -> str:
    """Of a base with an adapter on it; "": with none."""
    weights = model_digest(Path(base))
    return sha256_of([weights, adapter_digest(Path(adapter))]) if adapter else weights


def reference_digest(base: str, start: str, reference: Literal["init", "base", "adapter", "model"], location: str) -> str:
    """Of the reference that a preference job names, as `reference_digest` of the job holds it."""
    if reference == "model":
        return model_digest(Path(location))
    return policy_digest(base, {"init": start, "base": "", "adapter": location}[reference])
