"""What jobs are made of: an adapter's shape, an optimizer, a machine; and the checks that they share."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from factcli.errors import SettingsError

Scalar = str | int | float | bool
Tuning = Literal["lora", "qlora", "full"]
Attention = Literal["auto", "sdpa", "flash"]
Number = Literal["auto", "float32", "bfloat16"]
Padding = Literal["padded", "free"]
Unit = Literal["rows", "pairs", "documents"]  # of what a pass consists: micro_rows or micro_pairs of them; of pre-training a step
Select = dict[str, Scalar | tuple[Scalar, ...]]
ADAPTER_NAME = re.compile(r"[a-z][a-z0-9_]*")
STRICT = ConfigDict(extra="forbid")


def check_name(name: str) -> str:
    """The name itself; adapters are told apart by their whole name, so it must be a plain one."""
    if ADAPTER_NAME.fullmatch(name) is None:
        raise SettingsError(f"adapter name {name!r} is not allowed", hint="use a lower-case letter, then a-z, 0-9 and _")
    return name


def require(holds: bool, message: str, hint: str = "") -> None:
    """Refuse a job whose settings cannot be meant."""
    if not holds:
        raise SettingsError(message, hint=hint)


@dataclass(frozen=True, slots=True)
class Lora:
    """Shape of a new adapter. `targets`: "all-linear" (of the decoder layers), "no-query-key" or module name endings."""

    r: int = 32
    alpha: float = 64.0
    dropout: float = 0.05
    targets: str | tuple[str, ...] = "all-linear"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.r >= 1, f"lora r is {self.r}, need 1 or more")
        require(self.alpha > 0, f"lora alpha is {self.alpha}, need more than 0")
        require(0 <= self.dropout < 1, f"lora dropout is {self.dropout}, need 0 <= dropout < 1")


@dataclass(frozen=True, slots=True)
class Optim:
    """AdamW and its schedule. Defaults: the knowledge stage of arXiv 2410.19290."""

    lr: float = 3e-5
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    warmup_share: float = 0.03  # of all steps
    schedule: Literal["cosine", "constant"] = "cosine"
    max_grad_norm: float = 1.0  # of each adapter by itself; 0 is no clipping
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.lr > 0, f"lr is {self.lr}, need more than 0")
        require(0 <= self.warmup_share < 1, f"warmup_share is {self.warmup_share}, need 0 <= share < 1")
        require(0 <= self.beta1 < 1 and 0 <= self.beta2 < 1, "beta1 and beta2 must be in 0..1")


@dataclass(frozen=True, slots=True)
class Machine:
    """How, not what: dtype, memory and safety. Nothing here is a choice of method."""

    dtype: Number = "auto"  # auto: bfloat16 on a GPU that has it
    device: Literal["auto", "cpu"] = "auto"
    threads: int = 0  # torch threads; 0 leaves torch's own number
    micro_rows: int = 0  # rows per forward pass of one adapter; 0: the whole batch at once
    checkpoint_every_s: float = 300.0
    padding: Padding = "padded"  # free: the rows of a pass laid end to end as one
    length_groups: bool = True  # padded rows of a skill's step in several passes by length, where that saves more than a pass costs
    attention: Attention = "auto"  # auto: FlashAttention where it is installed and can run, else torch's own, and of short rows short_rows.py
    activation_checkpointing: bool = False  # layers are computed again on the way back
    liger: bool = False  # Liger's fused kernels
    compile: bool = False  # parts of the layers compiled by torch
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.threads >= 0, f"threads is {self.threads}, need 0 or more")
        require(self.micro_rows >= 0, f"micro_rows is {self.micro_rows}, need 0 or more")


def check_length(name: str, epochs: float | None, steps: int | None) -> None:
    require((epochs is None) != (steps is None), f"{name}: give epochs or steps, one of the two")
    length = epochs if steps is None else steps
    require(length is not None and length > 0, f"{name}: epochs or steps is {length}, need more than 0")


def check_share(name: str, share: float | None) -> None:
    require(share is None or 0 <= share <= 1, f"{name} is {share}, need 0..1")
