"""Adapters on disk as ordinary PEFT directories: adapter_config.json and adapter_model.safetensors."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from factcli.errors import InputError
from factcli.train.sites import peft_targets

if TYPE_CHECKING:
    from factcli.train.adapters import Adapter, AdapterBank

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
PREFIX = "base_model.model."
KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
HUB_COMMIT = re.compile(r"(.+)@([0-9a-f]{40})")
# LoRA variants of PEFT whose forward pass is another one
OTHER_METHODS = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "modules_to_save", "lora_bias", "megatron_config")


@dataclass(frozen=True, slots=True)
class Shape:
    """Rank, scale numerator and dropout; `scale` = alpha / r multiplies B A x."""

    r: int
    alpha: float
    dropout: float

    @property
    def scale(self) -> float:
        return self.alpha / self.r


def write_adapter(model: PreTrainedModel, adapter: "Adapter", directory: Path, base: str) -> Path:
    """The directory, from which `peft.PeftModel.from_pretrained(base_model, directory)` computes the same."""
    return save_adapter(adapter, directory, adapter_config(model, adapter, base))


def save_adapter(adapter: "Adapter", directory: Path, config: Mapping[str, object]) -> Path:
    """Weights and config of an adapter, as PEFT reads them."""
    directory.mkdir(parents=True, exist_ok=True)
    tensors = {f"{PREFIX}{site}.lora_{side}.weight": matrix.cpu().contiguous() for (site, side), matrix in adapter.matrices().items()}
    save_file(tensors, directory / WEIGHTS, metadata={"format": "pt"})
    (directory / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return directory


def adapter_config(model: PreTrainedModel, adapter: "Adapter", base: str) -> dict[str, object]:
    """What adapter_config.json says of an adapter on a model that PEFT has not wrapped."""
    sites = list(dict.fromkeys(slot.site for slot in adapter.slots))
    modules = dict(model.named_modules())
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        **_named(base),
        "r": adapter.shape.r,
        "lora_alpha": adapter.shape.alpha,
        "lora_dropout": adapter.shape.dropout,
        "target_modules": peft_targets(model, sites),
        "fan_in_fan_out": isinstance(modules[sites[0]], Conv1D),
        "bias": "none",
        "init_lora_weights": True,
        "inference_mode": True,
    }


def _named(base: str) -> dict[str, str]:
    """How PEFT finds the base again: a hub name with its commit goes into two fields."""
    on_hub = HUB_COMMIT.fullmatch(base)
    return {"base_model_name_or_path": on_hub[1], "revision": on_hub[2]} if on_hub else {"base_model_name_or_path": base}


def read_adapter(bank: "AdapterBank", name: str, directory: Path) -> "Adapter":
    """A PEFT LoRA placed in the bank under a name, checked against the bank's model."""
    config = read_config(directory)
    tensors = read_tensors(directory)
    keys = {key: match for key in tensors if (match := KEY.fullmatch(key)) is not None}
    if len(keys) != len(tensors) or not keys:
        strange = next((key for key in tensors if key not in keys), "no tensors at all")
        raise InputError(f"adapter {directory}: not plain LoRA weights: {strange}")
    found = {match.group(1) for match in keys.values()}
    if missing := found - set(bank.sites):
        raise InputError(
            f"adapter {directory} belongs to another model: here is no module {min(missing)!r}",
            hint="give the base model that the adapter was trained on",
        )
    shape = Shape(int(config["r"]), float(config["lora_alpha"]), float(config.get("lora_dropout", 0.0)))
    adapter = bank.place(name, shape, 0, [site for site in bank.sites if site in found])
    try:
        fill(adapter, tensors, directory)
    except InputError:
        bank.remove(name)
        raise
    return adapter


def fill(adapter: "Adapter", tensors: dict[str, Tensor], directory: Path) -> None:
    for (site, side), matrix in adapter.matrices().items():
        key = f"{PREFIX}{site}.lora_{side}.weight"
        stored = tensors.get(key)
        if stored is None or stored.shape != matrix.shape:
            has = "absent" if stored is None else f"of shape {list(stored.shape)}"
            raise InputError(f"adapter {directory}: {key} is {has}, need {list(matrix.shape)} for this base model")
        with torch.no_grad():
            matrix.copy_(stored)


def read_config(directory: Path) -> dict[str, Any]:
    """adapter_config.json of a plain LoRA; anything that computes something else is refused by name."""
    path = directory / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"no adapter in {directory}: {error}", hint="an adapter directory has adapter_config.json") from error
    if not isinstance(config, dict) or config.get("peft_type") != "LORA":
        raise InputError(f"{path} is not a LoRA adapter")
    if config.get("bias", "none") != "none":
        raise InputError(f"{path} has bias {config['bias']!r}, only 'none' is supported")
    used = [method for method in OTHER_METHODS if config.get(method)]
    if used:
        raise InputError(f"{path} uses {', '.join(used)}, which this toolkit does not support")
    if not {"r", "lora_alpha"} <= set(config) or int(config["r"]) < 1:
        raise InputError(f"{path} gives no rank r and lora_alpha")
    return config


def read_tensors(directory: Path) -> dict[str, Tensor]:
    path = directory / WEIGHTS
    if not path.is_file():
        raise InputError(f"adapter {directory} has no {WEIGHTS}", hint="only safetensors are loaded, never pickles")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"adapter weights {path} are damaged: {error}") from error
