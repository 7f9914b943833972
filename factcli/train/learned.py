"""What a stage trains, an adapter's vector or every parameter of a model, with its optimizer."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from factcli.train.job import Optim
from factcli.train.loop import optimizer_tensors, restore_adapter
from factcli.train.together import add_up_gradient


class Learned:
    """Named float32 parameters under one AdamW: one clip over all of them, one place in checkpoints."""

    has_equal_passes = False  # each process makes as many passes as its rows need

    def __init__(self, parameters: Mapping[str, nn.Parameter], optim: Optim) -> None:
        self.parameters = dict(parameters)
        self.optim = optim
        self.optimizer = adamw_of(self.parameters, optim)
        self.n_without_gradient = 0  # in the last step

    @property
    def what(self) -> str:
        """In words, for messages."""
        return "the skill adapter" if list(self.parameters) == ["skill"] else "the model"

    def backward(self, loss: Tensor) -> None:
        """Gradients of this process's share of the loss."""
        loss.backward()

    def step(self, lr: float) -> float:
        """One optimizer step at this rate, gradients summed over processes; gives their norm before clipping. One that is no number changes nothing."""
        parameters = list(self.parameters.values())
        for parameter in parameters:
            add_up_gradient(parameter)
        self.n_without_gradient = sum(parameter.grad is None for parameter in parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, self.optim.max_grad_norm or math.inf, foreach=False))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        if math.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm

    def tensors(self) -> dict[str, Tensor]:
        """Parameters and moments under flat names, for a checkpoint."""
        return {key: tensor for name, parameter in self.parameters.items() for key, tensor in optimizer_tensors(name, parameter, self.optimizer).items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        by_parameter: dict[str, dict[str, Tensor]] = {name: {} for name in self.parameters}
        for key, tensor in tensors.items():
            name = key.removesuffix(".vector") if key.endswith(".vector") else key.rpartition(".adamw.")[0]
            by_parameter[name][key] = tensor
        for name, parameter in self.parameters.items():
            restore_adapter(name, parameter, self.optimizer, by_parameter[name])


def adamw_of(parameters: Mapping[str, nn.Parameter], optim: Optim) -> torch.optim.AdamW:
    """16 bytes per parameter: weight, gradient and two moments."""
    return torch.optim.AdamW(_groups(parameters, optim.weight_decay), lr=optim.lr, betas=(optim.beta1, optim.beta2), foreach=False)


def _groups(parameters: Mapping[str, nn.Parameter], weight_decay: float) -> list[dict[str, object]]:
    """Of a whole model the matrices decay, norms and biases do not, as is usual; an adapter's one vector holds matrices."""
    whole = list(parameters.values())
    if len(whole) == 1:
        return [{"params": whole, "weight_decay": weight_decay}]
    matrices = [parameter for parameter in whole if parameter.ndim >= 2]
    others = [parameter for parameter in whole if parameter.ndim < 2]
    return [group for group in ({"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}) if group["params"]]
