"""Knowledge jobs: texts into several adapters over one base."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple

from pydantic import ConfigDict

from factcli.train.job.parts import STRICT, Lora, Machine, Optim, Select, check_length, check_name, check_share, require


@dataclass(frozen=True, slots=True)
class AdapterPlan:
    """One knowledge adapter: which documents, how often, how fast. None inherits the job's setting.

    `rows`: JSONL with `text` and, for recitation, `spans` ([[start, end], ...] of the values, in characters);
    `select` keeps the rows whose fields equal the value, or one of the tuple of values.
    """

    name: str
    rows: str
    select: Select = field(default_factory=dict)
    epochs: int | None = None  # one of epochs and steps
    steps: int | None = None
    lr: float | None = None
    batch_rows: int | None = None
    max_length: int | None = None
    micro_rows: int = 0  # rows per forward pass, where that is fewer than the machine's; 0: as many as those
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        check_name(self.name)
        check_length(self.name, self.epochs, self.steps)
        require(self.lr is None or self.lr > 0, f"{self.name}: lr is {self.lr}, need more than 0")
        require(self.batch_rows is None or self.batch_rows >= 1, f"{self.name}: batch_rows is {self.batch_rows}, need 1 or more")
        require(self.micro_rows >= 0, f"{self.name}: micro_rows is {self.micro_rows}, need 0 or more")
        require(self.max_length is None or self.max_length >= 2, f"{self.name}: max_length is {self.max_length}, need 2 or more")


class BatchShape(NamedTuple):
    """Of one adapter's batches; adapters with the same share their passes."""

    rows: int
    max_length: int
    micro_rows: int  # of a pass; 0: all at once


@dataclass(frozen=True, slots=True)
class KnowledgeJob:
    """Train several knowledge adapters in one pass over one base model."""

    base: str  # directory or hub name
    out: str
    adapters: tuple[AdapterPlan, ...]
    seed: int = 0
    lora: Lora = field(default_factory=Lora)
    optim: Optim = field(default_factory=Optim)
    machine: Machine = field(default_factory=Machine)
    batch_rows: int = 128  # rows of one adapter per optimizer step
    max_length: int = 768  # tokens; a longer text is cut there, and counted
    packing: bool = False  # several whole texts per row of max_length tokens
    knowledge_eos: bool = False  # end token after each text; off as in the paper
    recite_sample: int = 200  # texts per adapter that are tried
    recite_target: float | None = None  # stop an adapter early at this share recited; None: never
    recite_every: int = 50  # steps between tries, where there is a target
    base_name: str = ""  # what the saved adapters call their base; "": `base` itself
    kind: Literal["knowledge"] = "knowledge"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        names = [plan.name for plan in self.adapters]
        require(len(names) > 0, "a knowledge job needs at least one adapter")
        require(len(set(names)) == len(names), f"adapter names repeat: {sorted(names)}")
        require(self.batch_rows >= 1, f"batch_rows is {self.batch_rows}, need 1 or more")
        require(self.max_length >= 2, f"max_length is {self.max_length}, need 2 or more")
        check_share("recite_target", self.recite_target)
        require(self.recite_every >= 1, f"recite_every is {self.recite_every}, need 1 or more")

    def shape_of(self, plan: AdapterPlan) -> BatchShape:
        asked = [n for n in (plan.micro_rows, self.machine.micro_rows) if n]
        return BatchShape(plan.batch_rows or self.batch_rows, plan.max_length or self.max_length, min(asked, default=0))
