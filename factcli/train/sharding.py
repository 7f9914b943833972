"""A base in parts over processes: each layer is gathered for its passes and let go after them (FSDP2, torch's `fully_shard`; or ZeRO-3).

What is trained beside the base stays whole on each process: an adapter is small, and is saved without a gather. Passes through the
model are collective from here on, so all processes make as many, in one order.
"""

import os
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from transformers import PreTrainedModel

from factcli.errors import SettingsError
from factcli.train import zero
from factcli.train.sites import layers_of
from factcli.train.together import are_several

ASKED = "ACCELERATE_USE_FSDP"  # what `accelerate launch` sets for a file of type FSDP
VERSION = "FSDP_VERSION"


def is_sharding_asked() -> bool:
    """Whether the accelerate file says FSDP or ZeRO-3. Raises SettingsError for FSDP 1, which cannot hold frozen and trained tensors apart."""
    if zero.stage_asked() == 3:
        return True
    if os.environ.get(ASKED, "").lower() != "true":
        return False
    if os.environ.get(VERSION, "1") != "2":
        raise SettingsError(f"the accelerate file asks for FSDP {os.environ.get(VERSION, '1')}, need 2", "fsdp_config: {fsdp_version: 2}, as in fsdp2.yaml")
    return True


def refuse_parts(what: str) -> None:
    """SettingsError where the accelerate file asks for a base in parts, and `what` needs it whole."""
    if is_sharding_asked():
        raise SettingsError(f"the accelerate file asks for a base in parts, and {what} needs the whole model on each process", "--accelerate gpus, or one")


def shard(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """The model in place, its weights in equal parts over all processes; buffers and weights that two modules share are whole on each."""
    if not are_several():
        return model.to(device)
    if zero.stage_asked() == 3:
        return zero.partitioned(model, device)
    mesh = init_device_mesh(device.type, (dist.get_world_size(),))
    shared = set(shared_weights(model))
    for module in parts_of(model):
        fully_shard(module, mesh=mesh, reshard_after_forward=True, ignored_params=shared)
    return model.to(device)


def parts_of(model: PreTrainedModel) -> Iterator[nn.Module]:
    """What is gathered at a time: each layer, an output head of its own, and the rest of the decoder."""
    decoder, head = model.base_model, model.get_output_embeddings()
    yield from layers_of(decoder)
    if head is not None and head.weight is not model.get_input_embeddings().weight:
        yield head
    yield decoder


def shared_weights(model: PreTrainedModel) -> Iterator[nn.Parameter]:
    """An embedding that is the output head too: two parts would each gather it."""
    head = model.get_output_embeddings()
    if head is not None and head.weight is model.get_input_embeddings().weight:
        yield head.weight


def is_sharded(model: nn.Module) -> bool:
    return zero.is_partitioned(model) or any(isinstance(module, FSDPModule) for module in model.modules())


def whole(tensor: Tensor) -> Tensor:
    """A tensor with all its parts; of one that is in parts, all processes ask together."""
    if zero.is_part(tensor):
        return zero.gathered(tensor)
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
