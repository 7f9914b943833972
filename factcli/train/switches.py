"""How the model computes, by the switches of a machine. What it computes stays the same, to rounding."""

from functools import partial

import torch
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from factcli.errors import SettingsError
from factcli.extras import require_flash, require_liger
from factcli.train.base import FLASH_DTYPES
from factcli.train.job import Attention, Machine
from factcli.train.sites import layers_of

FUSED = {"rope": True, "rms_norm": True, "swiglu": True, "cross_entropy": False, "fused_linear_cross_entropy": False}  # the loss is objectives.py's


def switched(model: PreTrainedModel, machine: Machine, device: torch.device) -> PreTrainedModel:
    """The model itself, set up as the machine's switches say but for `padding` (segments.py). `device`: on which it will compute.

    Raises BackendError or SettingsError for what is not installed or cannot be, by name.
    """
    _attend(model, machine.attention, device)
    if machine.liger:
        _fuse(model, device)
    if machine.compile:
        _compile(model)
    if machine.activation_checkpointing:
        _forget_activations(model)
    return model


def switches_of(machine: Machine) -> tuple[object, ...]:
    """By what a model that is set up for one machine is another one's too."""
    return machine.attention, machine.liger, machine.compile, machine.activation_checkpointing, machine.padding


def _attend(model: PreTrainedModel, attention: Attention, device: torch.device) -> None:
    if attention == "auto":
        return  # as it was loaded
    if attention == "flash":
        require_flash()
        if device.type != "cuda" or model.dtype not in FLASH_DTYPES:
            raise SettingsError(f"attention is flash, which needs a GPU and 16 bits; this is {device.type} in {model.dtype}", "attention=sdpa")
    model.set_attn_implementation("flash_attention_2" if attention == "flash" else attention)


def _fuse(model: PreTrainedModel, device: torch.device) -> None:
    """Liger's norms, rotations and gates: https://github.com/linkedin/Liger-Kernel. Adapters stay, as the linear modules are not replaced."""
    require_liger()
    if device.type != "cuda":
        raise SettingsError(f"liger's kernels run on a GPU; this is {device.type}", "compute.liger=false")
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    _apply_liger_kernel_to_instance(model=model, **FUSED)


def _compile(model: PreTrainedModel) -> None:
    """The norms, each one kernel instead of six. Linear modules stay, as adapters hook into them and change between passes."""
    norms = [module for module in model.modules() if type(module).__name__.lower().endswith("norm")]
    if not norms:
        raise SettingsError(f"compile is for norms, and {model.config.model_type} has none that is called one", "compute.compile=false")
    for module in norms:
        module.compile(dynamic=True)


def _forget_activations(model: PreTrainedModel) -> None:
    """Each layer keeps its input alone, and is computed again on the way back (https://arxiv.org/abs/1604.06174). Dropout draws
    the same masks then: ours by its key, PEFT's by the state that is kept."""
    for layer in layers_of(model.base_model):
        layer.forward = partial(checkpoint, layer.forward, use_reentrant=False)
