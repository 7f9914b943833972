"""The optimizers of the originals, by name; and their state as tensors with flat names."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from factcli.errors import SettingsError
from factcli.train.job import PreferenceJob


def make_optimizer(job: PreferenceJob, parameters: Mapping[str, nn.Parameter], device: torch.device) -> torch.optim.Optimizer:
    """`rmsprop` is FactTune's, `paged-adamw-32bit` GRATH's and Self-Learning's."""
    optim, trained = job.optim, list(parameters.values())
    if job.optimizer == "rmsprop":
        return torch.optim.RMSprop(trained, lr=optim.lr, weight_decay=optim.weight_decay)
    if job.optimizer == "paged-adamw-32bit":
        return paged_adamw(job, trained, device)
    return torch.optim.AdamW(trained, lr=optim.lr, betas=(optim.beta1, optim.beta2), weight_decay=optim.weight_decay, fused=True)


def paged_adamw(job: PreferenceJob, trained: list[nn.Parameter], device: torch.device) -> torch.optim.Optimizer:
    if device.type != "cuda":
        raise SettingsError("optimizer paged-adamw-32bit keeps its state in memory that a GPU pages, and here is no GPU", "use adamw: the same steps, unpaged")
    try:
        from bitsandbytes.optim import PagedAdamW32bit
    except ImportError as error:
        raise SettingsError("optimizer paged-adamw-32bit needs bitsandbytes", 'pip install "factcli[qlora]", or use adamw: the same steps') from error
    optim = job.optim
    return PagedAdamW32bit(trained, lr=optim.lr, betas=(optim.beta1, optim.beta2), weight_decay=optim.weight_decay)


def state_tensors(optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter]) -> dict[str, Tensor]:
    """Each parameter as `parameter/NAME` and its state as `state/KEY/NAME`."""
    tensors: dict[str, Tensor] = {f"parameter/{name}": parameter for name, parameter in parameters.items()}
    for name, parameter in parameters.items():
        tensors |= {f"state/{key}/{name}": value for key, value in optimizer.state[parameter].items() if isinstance(value, Tensor)}
    return tensors


def restore_state(optimizer: torch.optim.Optimizer, parameters: Mapping[str, nn.Parameter], tensors: Mapping[str, Tensor]) -> None:
    """Put back what `state_tensors` gave."""
    for name, parameter in parameters.items():
        with torch.no_grad():
            parameter.copy_(tensors[f"parameter/{name}"])
    for full, value in tensors.items():
        kind, _, rest = full.partition("/")
        if kind == "state":
            key, _, name = rest.partition("/")
            parameter = parameters[name]
            optimizer.state[parameter][key] = (
                value if key == "step" and value.dim() == 0 and not is_fused_on_gpu(optimizer, parameter) else value.to(parameter.device)
            )


def is_fused_on_gpu(optimizer: torch.optim.Optimizer, parameter: nn.Parameter) -> bool:
    """Fused AdamW counts its steps where the parameter is; the others count on the CPU."""
    return bool(optimizer.param_groups[0].get("fused")) and parameter.device.type == "cuda"
