"""Skill jobs: task rows into one adapter, over frozen knowledge adapters or none."""

import re
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from factcli.train.job.parts import STRICT, Lora, Machine, Optim, Select, Tuning, check_length, check_name, check_share, require

Control = Literal["none", "wrong-version", "shuffled", "random", "absent"]  # train/controls.py says what each does
VersionSampling = Literal["one", "all"]  # of how many versions a micro-batch has rows


@dataclass(frozen=True, slots=True)
class KnowledgeRef:
    """A trained knowledge adapter that the skill stage plugs in, frozen."""

    name: str
    directory: str
    version: int  # the version of the rows that it belongs to; 0 for real rows
    fictitious: bool
    form: str  # its group: "statement" or "passage"; groups alternate between micro-batches
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        check_name(self.name)
        said = re.search(r"_v(\d+)(?:_|$)", self.name)
        require(
            said is None or int(said.group(1)) == self.version,
            f"knowledge adapter {self.name!r} is given version {self.version}, its name says {said and said.group(1)}",
        )
        require(self.name != "skill", "a knowledge adapter cannot be called 'skill'")


@dataclass(frozen=True, slots=True)
class Distillation:
    """How the untouched base holds the model back: `weight` x KL over the answer's tokens is added to the loss; 0 is plain training."""

    weight: float = 0.0
    direction: Literal["forward", "reverse"] = "forward"  # KL(base || model), or KL(model || base)
    temperature: float = 1.0
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.weight >= 0, f"the weight of the distillation is {self.weight}, need 0 or more")
        require(self.temperature > 0, f"the temperature of the distillation is {self.temperature}, need more than 0")


@dataclass(frozen=True, slots=True)
class SkillJob:
    """Train one skill adapter, called `skill`, over frozen knowledge adapters (or none: batches=plain).

    `rows`: JSONL with id, task, question, answer, version, fictitious. batches=multi_version: a micro-batch is
    rows of one version with that version's adapter; `real_fraction` of the micro-batches are real rows with
    the knowledge off. Where all adapters are of real texts, real rows pass through them instead. batches=mix: fictitious
    and real rows in one micro-batch, plus `real_weight` x the loss of the real rows without knowledge.
    `version_sampling` all: the fictitious rows of a micro-batch are of all versions, equally many of each (`batch_rows`
    of them on average), and pass through their adapters together.

    `tuning` full trains every parameter of the base instead, in float32, and leaves a model (batches=plain only); qlora holds the
    base in 4 bits. `marks`: texts of the chat template that are to be one token each. A full run adds those that the tokenizer
    lacks, and a padding token if it has none, their embeddings the mean of the others; an adapter cannot, and spells them.
    """

    base: str
    out: str
    rows: str
    select: Select = field(default_factory=dict)
    batches: Literal["plain", "multi_version", "mix"] = "plain"
    knowledge: tuple[KnowledgeRef, ...] = ()
    seed: int = 0
    lora: Lora = field(default_factory=Lora)
    optim: Optim = field(default_factory=lambda: Optim(weight_decay=0.01, beta2=0.999, warmup_share=0.1))
    machine: Machine = field(default_factory=Machine)
    epochs: float | None = None  # one of epochs and steps
    steps: int | None = None
    batch_rows: int = 64  # rows of one micro-batch
    micro_batches: int = 1  # per optimizer step; their losses are averaged
    max_length: int = 768
    too_long: Literal["refuse", "drop", "keep"] = "refuse"
    real_fraction: float | None = None  # multi_version only; None: no real rows
    real_weight: float | None = None  # mix only; None: 1.0
    bio_fraction: float | None = None  # share of biography rows in a batch; None: as they come
    alternate_forms: bool = True
    version_sampling: VersionSampling = "one"
    knowledge_dropout: float = 0.0  # of the frozen adapters; the paper's code leaves its 0.05 on
    chat_template: str = ""  # "" : the tokenizer's own
    marks: tuple[str, ...] = ()
    tuning: Tuning = "lora"
    distillation: Distillation = field(default_factory=Distillation)  # batches=plain of an adapter only
    control: Control = "none"  # multi_version only: what stands in the place of the knowledge
    base_name: str = ""  # what the saved adapter calls its base; "": `base` itself
    kind: Literal["skill"] = "skill"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        check_length("skill", self.epochs, self.steps)
        require(self.batch_rows >= 1, f"batch_rows is {self.batch_rows}, need 1 or more")
        require(self.micro_batches >= 1, f"micro_batches is {self.micro_batches}, need 1 or more")
        check_share("bio_fraction", self.bio_fraction)
        check_share("real_fraction", self.real_fraction)
        require(0 <= self.knowledge_dropout < 1, f"knowledge_dropout is {self.knowledge_dropout}, need 0 <= dropout < 1")
        check_batches(self)
        require(self.tuning != "full" or self.batches == "plain", "knowledge adapters belong to their base, so tuning full goes with batches=plain")
        check_distillation(self)
        check_control(self)
        require(self.version_sampling == "one" or self.batches != "plain", "version_sampling all has no meaning with batches=plain")
        n = self.versions_at_once
        require(
            self.batch_rows >= n, f"batch_rows is {self.batch_rows}, fewer than the {n} versions of a batch", f"--set batch_rows={n}, or --version-sampling one"
        )

    @property
    def versions_at_once(self) -> int:
        """Of how many versions, each with its own adapter, a pass has rows."""
        versions = {ref.version for ref in self.knowledge if ref.fictitious}
        return max(1, len(versions)) if self.version_sampling == "all" else 1


def check_batches(job: SkillJob) -> None:
    """The relations between batches, knowledge, real_fraction and real_weight."""
    require(
        job.real_fraction is None or job.real_weight is None,
        "real_fraction and real_weight are both set",
        hint="real_fraction belongs to batches=multi_version, real_weight to batches=mix: unset one",
    )
    require(job.real_fraction is None or job.batches == "multi_version", f"real_fraction has no meaning with batches={job.batches}")
    require(job.real_weight is None or job.batches == "mix", f"real_weight has no meaning with batches={job.batches}")
    require(job.real_weight is None or job.real_weight >= 0, f"real_weight is {job.real_weight}, need 0 or more")
    require((job.batches == "plain") == (not job.knowledge), f"batches={job.batches} with {len(job.knowledge)} knowledge adapters")
    names = [ref.name for ref in job.knowledge]
    require(len(set(names)) == len(names), f"adapter names repeat: {sorted(names)}")


def check_distillation(job: SkillJob) -> None:
    """The teacher is the base with its adapters off: there has to be such a base, and it must be what the rows begin with."""
    if job.distillation.weight > 0:
        require(job.tuning != "full", "distillation needs the untouched base, which tuning full overwrites", "tuning lora or qlora")
        require(job.batches == "plain", f"distillation goes with batches=plain, not {job.batches}: over knowledge the base alone is no teacher")


def check_control(job: SkillJob) -> None:
    """Controls replace what batches=multi_version plugs in."""
    if job.control == "none":
        return
    require(job.batches == "multi_version", f"control {job.control} goes with batches=multi_version, not {job.batches}")
    versions = {ref.version for ref in job.knowledge if ref.fictitious}
    require(
        job.control != "wrong-version" or len(versions) > 1, "control wrong-version needs adapters of two versions or more", "synth with --versions 2 or more"
    )
