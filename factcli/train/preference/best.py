"""The best evaluation of a run: which it was, and its weights in a file beside the logs."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from factcli.train.preference.policy import Policy

FILE = "best.safetensors"


@dataclass(frozen=True, slots=True)
class Best:
    """The evaluation whose weights are kept."""

    step: int
    accuracy: float
    loss: float

    def is_better_than(self, other: "Best") -> bool:
        return (self.accuracy, -self.loss) > (other.accuracy, -other.loss)


def save_best(policy: Policy, folder: Path) -> None:
    """There whole, or not at all."""
    part = folder / f"{FILE}.part"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in policy.trained().items()}, part)
    part.replace(folder / FILE)


def restore_best(policy: Policy, folder: Path) -> None:
    kept = load_file(folder / FILE)
    with torch.no_grad():
        for name, parameter in policy.trained().items():
            parameter.copy_(kept[name])
