"""Several processes that train one model: what they add up, agree on and collect. With one process each of these is the identity.

All processes must call them at the same places.
"""

from collections.abc import Sequence
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

T = TypeVar("T")


def are_several() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def is_first() -> bool:
    """Whether this process is the first of them, which counts and writes for all."""
    return not are_several() or dist.get_rank() == 0


def highest(value: int) -> int:
    """The highest of what the processes say."""
    if not are_several():
        return value
    found = torch.tensor(value, device=_device())
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return int(found)


def summed(values: Sequence[float]) -> list[float]:
    """Place by place the sum over processes, in float64."""
    if not are_several():
        return list(values)
    found = torch.tensor(values, dtype=torch.float64, device=_device())
    dist.all_reduce(found)
    return found.tolist()


def add_up(tensor: Tensor) -> Tensor:
    """The sum of a tensor over processes, in place."""
    if are_several():
        dist.all_reduce(tensor)
    return tensor


def add_up_gradient(parameter: nn.Parameter) -> None:
    """Sum a parameter's gradient over processes, zero where one has none; each has divided by the count of the whole batch."""
    if are_several():
        parameter.grad = add_up(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)


def collected(value: T) -> list[T]:
    """What each process has, by its number."""
    if not are_several():
        return [value]
    found: list[T | None] = [None] * dist.get_world_size()
    dist.all_gather_object(found, value)
    return cast(list[T], found)


def _device() -> torch.device:
    """Where small numbers travel: NCCL knows GPUs alone."""
    return torch.device("cuda", torch.cuda.current_device()) if dist.get_backend() == "nccl" else torch.device("cpu")
