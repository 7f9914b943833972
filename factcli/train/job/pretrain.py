"""Pre-training jobs: a world's base model, from nothing."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from factcli.train.job.parts import STRICT, Machine


@dataclass(frozen=True, slots=True)
class PretrainJob:
    """Pre-train a world's base model. `world`: JSON of its settings, as `fact world` writes it."""

    out: str
    world: str
    seed: int = 0
    machine: Machine = field(default_factory=Machine)
    kind: Literal["pretrain"] = "pretrain"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT
