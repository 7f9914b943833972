"""What DeepSpeed does where the accelerate file asks for it: a frozen base in parts (ZeRO-3), or the optimizer of a whole model (ZeRO-2).

The rows of a step, its loss and its schedule stay this project's own. deepspeed is imported only where it is asked for.
"""

import os
from collections.abc import Mapping
from typing import Any

import torch
import torch.distributed as dist
from accelerate.utils import DeepSpeedPlugin
from torch import Tensor, nn
from transformers import PreTrainedModel

from factcli.errors import SettingsError
from factcli.train.job import Optim
from factcli.train.learned import adamw_of

ASKED = "ACCELERATE_USE_DEEPSPEED"  # what `accelerate launch` sets for a file of type DEEPSPEED


def stage_asked() -> int | None:
    """The stage of ZeRO in the accelerate file; None where it does not say DeepSpeed. Raises SettingsError for others than 2 and 3."""
    if os.environ.get(ASKED, "").lower() != "true":
        return None
    stage = int(DeepSpeedPlugin().zero_stage)  # of the file itself, or of the one that it names
    if stage not in (2, 3):
        raise SettingsError(f"the accelerate file asks for ZeRO stage {stage}, need 2 or 3", "zero_stage: 3, as in zero3.yaml")
    return stage


def refuse_shared_out(what: str) -> None:
    """SettingsError where the accelerate file asks for ZeRO-2, and `what` has no use for it."""
    if stage_asked() == 2:
        raise SettingsError(
            f"the accelerate file asks for ZeRO-2, which is for a whole model that `fact sft` trains, not for {what}", "--accelerate gpus, or zero3"
        )


def partitioned(model: PreTrainedModel, device: torch.device) -> PreTrainedModel:
    """The frozen model in place, each weight cut over all processes (ZeRO-3): gathered for its module's passes, let go after them."""
    import deepspeed

    settings = _settings()
    deepspeed.zero.Init(module=model, config_dict_or_path=settings, dtype=model.dtype)  # weight by weight: it need not fit on the device whole
    offload = deepspeed.initialize(model=model.to(device), config=settings)[0].optimizer
    offload.fwd_pre_hook.remove()
    # A pass begins at the decoder, which the scorer calls apart from the head; without this the record of what is gathered next never ends.
    model.base_model.register_forward_pre_hook(lambda *_: offload.get_param_coordinator().reset_step())
    return model


def is_partitioned(model: nn.Module) -> bool:
    return any(is_part(parameter) for parameter in model.parameters())


def is_part(tensor: Tensor) -> bool:
    """Whether of this parameter each process holds a part: DeepSpeed marks it."""
    return hasattr(tensor, "ds_id")


def gathered(parameter: Tensor) -> Tensor:
    """A copy of a parameter with all its parts; all processes ask together."""
    import deepspeed

    with deepspeed.zero.GatheredParameters([parameter]):
        return parameter.detach().clone()


class SharedOut:
    """Every parameter of a model, whole on each process; of their gradients and moments each process holds an equal share (ZeRO-2).

    As `Learned`, but all processes make as many passes: each adds up its gradients.
    """

    what = "the model"
    has_equal_passes = True
    n_without_gradient = None  # not known: DeepSpeed gives zeros to a parameter that has none

    def __init__(self, model: nn.Module, optim: Optim) -> None:
        import deepspeed

        self.parameters = dict(model.named_parameters())
        own = {"gradient_clipping": optim.max_grad_norm or 0.0, "managed_gradient_accumulation": False}  # a step ends where `step` is called
        self.engine = deepspeed.initialize(model=model, optimizer=adamw_of(self.parameters, optim), config=_settings() | own)[0]

    def backward(self, loss: Tensor) -> None:
        """Gradients of this process's share of the loss; DeepSpeed takes the mean over processes where the sum is meant."""
        self.engine.backward(loss * dist.get_world_size())

    def step(self, lr: float) -> float:
        """One optimizer step at this rate; gives the norm before clipping. One that is no number changes nothing."""
        for group in self.engine.optimizer.param_groups:
            group["lr"] = lr
        self.engine.step()
        return float(self.engine.get_global_grad_norm())

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and moments under flat names, for a checkpoint; the moments of a group as one vector, put together from all processes."""
        vectors = {f"{name}.vector": parameter for name, parameter in self.parameters.items()}
        moments = {f"zero.{i}.{key}": _joined(value) for i, state in enumerate(self._states()) for key, value in state.items()}
        return vectors | moments

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what `tensors` gave, in as many processes."""
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"{name}.vector"])
        self.engine.optimizer.refresh_fp32_params()  # its own copy of the share that it updates
        for i, state in enumerate(self._states()):
            prefix = f"zero.{i}."
            state |= {key.removeprefix(prefix): _own(value, self.engine.device) for key, value in tensors.items() if key.startswith(prefix)}

    def _states(self) -> list[dict[str, Tensor]]:
        """AdamW's state of this process's share of each group of parameters, which DeepSpeed lays out as one vector."""
        adamw = self.engine.optimizer.optimizer
        return [adamw.state[group["params"][0]] for group in adamw.param_groups]


def _settings() -> dict[str, Any]:
    """What the accelerate file says of ZeRO, as it is; this project's loop makes the batches."""
    said = DeepSpeedPlugin().deepspeed_config["zero_optimization"]
    if open_ends := [name for name, value in said.items() if value == "auto"]:  # which transformers' own Trainer would fill in
        raise SettingsError(f"zero_optimization.{open_ends[0]} is auto, which nobody fills in here", "a number, or leave it out for DeepSpeed's own")
    return {"train_micro_batch_size_per_gpu": 1, "zero_optimization": said}


def _joined(share: Tensor) -> Tensor:
    """The shares of all processes, one after the other; a step counter is the same in each."""
    if share.ndim == 0:
        return share
    shares = [torch.empty_like(share) for _ in range(dist.get_world_size())]
    dist.all_gather(shares, share)
    return torch.cat(shares).cpu()


def _own(joined: Tensor, device: torch.device) -> Tensor:
    """This process's share of what `_joined` gave; AdamW's step counter stays on the CPU, as torch keeps it."""
    return joined if joined.ndim == 0 else joined.chunk(dist.get_world_size())[dist.get_rank()].clone().to(device)
