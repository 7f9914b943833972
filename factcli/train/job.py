"""The hand-off to training: what a stage asks the worker to do, as plain JSON.

No torch here. Each kind of job is a frozen dataclass; `load` refuses unknown fields by name and `save`
writes every field, defaults included, so that a job file alone repeats its run.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from factcli.errors import InputError, SettingsError, nearest

Scalar = str | int | float | bool
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

    dtype: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: bfloat16 on a GPU that has it
    device: Literal["auto", "cpu"] = "auto"
    threads: int = 0  # torch threads; 0 leaves torch's own number
    micro_rows: int = 0  # rows per forward pass of one adapter; 0: the whole batch at once
    checkpoint_every_s: float = 300.0
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.threads >= 0, f"threads is {self.threads}, need 0 or more")
        require(self.micro_rows >= 0, f"micro_rows is {self.micro_rows}, need 0 or more")


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
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        check_name(self.name)
        check_length(self.name, self.epochs, self.steps)
        require(self.lr is None or self.lr > 0, f"{self.name}: lr is {self.lr}, need more than 0")
        require(self.batch_rows is None or self.batch_rows >= 1, f"{self.name}: batch_rows is {self.batch_rows}, need 1 or more")
        require(self.max_length is None or self.max_length >= 2, f"{self.name}: max_length is {self.max_length}, need 2 or more")


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
class SkillJob:
    """Train one skill adapter, called `skill`, over frozen knowledge adapters (or none: mode plain).

    `rows`: JSONL with id, task, question, answer, version, fictitious. Mode multi_version: a micro-batch is
    rows of one version with that version's adapter; `real_fraction` of the micro-batches are real rows with
    the knowledge off. Mode mix: fictitious and real rows in one micro-batch, plus `real_weight` x the loss of
    the real rows without knowledge.
    """

    base: str
    out: str
    rows: str
    select: Select = field(default_factory=dict)
    mode: Literal["plain", "multi_version", "mix"] = "plain"
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
    knowledge_dropout: float = 0.0  # of the frozen adapters; the paper's code leaves its 0.05 on
    chat_template: str = ""  # "" : the tokenizer's own
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
        check_mode(self)


@dataclass(frozen=True, slots=True)
class PretrainJob:
    """Pre-train a world's base model. `world`: JSON of its settings, as `fact world` writes it."""

    out: str
    world: str
    seed: int = 0
    machine: Machine = field(default_factory=Machine)
    kind: Literal["pretrain"] = "pretrain"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT


Job = KnowledgeJob | SkillJob | PretrainJob
PARTS: Mapping[str, type] = {"lora": Lora, "optim": Optim, "machine": Machine, "adapters": AdapterPlan, "knowledge": KnowledgeRef}
KINDS: Mapping[str, type[Job]] = {"knowledge": KnowledgeJob, "skill": SkillJob, "pretrain": PretrainJob}


def check_length(name: str, epochs: float | None, steps: int | None) -> None:
    require((epochs is None) != (steps is None), f"{name}: give epochs or steps, one of the two")
    length = epochs if steps is None else steps
    require(length is not None and length > 0, f"{name}: epochs or steps is {length}, need more than 0")


def check_share(name: str, share: float | None) -> None:
    require(share is None or 0 <= share <= 1, f"{name} is {share}, need 0..1")


def check_mode(job: SkillJob) -> None:
    """The relations between mode, knowledge, real_fraction and real_weight."""
    require(
        job.real_fraction is None or job.real_weight is None,
        "real_fraction and real_weight are both set",
        hint="real_fraction belongs to mode multi_version, real_weight to mode mix: unset one",
    )
    require(job.real_fraction is None or job.mode == "multi_version", f"real_fraction has no meaning in mode {job.mode}")
    require(job.real_weight is None or job.mode == "mix", f"real_weight has no meaning in mode {job.mode}")
    require(job.real_weight is None or job.real_weight >= 0, f"real_weight is {job.real_weight}, need 0 or more")
    require((job.mode == "plain") == (not job.knowledge), f"mode {job.mode} with {len(job.knowledge)} knowledge adapters")
    names = [ref.name for ref in job.knowledge]
    require(len(set(names)) == len(names), f"adapter names repeat: {sorted(names)}")


def save(job: Job, path: Path) -> Path:
    """Write the job with every field, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(asdict(job), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
    return path


def load(path: Path) -> Job:
    """The job in a file; an unknown or impossible field is refused by name."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read job file {path}: {error}", hint="run the command that wrote it again") from error
    return parse(content, str(path))


def parse(content: object, where: str) -> Job:
    """The job that a JSON object describes."""
    kind = content.get("kind") if isinstance(content, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise SettingsError(f"{where}: kind is {kind!r}, need one of {', '.join(sorted(KINDS))}")
    try:
        return TypeAdapter(KINDS[kind]).validate_python(content)
    except ValidationError as error:
        raise SettingsError(f"{where}: {explain(error, KINDS[kind])}") from error


def explain(error: ValidationError, kind: type[Job]) -> str:
    """The first fault of a job in one line, with the nearest name for an unknown field."""
    fault = error.errors()[0]
    place = ".".join(str(step) for step in fault["loc"])
    if fault["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        part = PARTS.get(str(fault["loc"][0]), kind) if len(fault["loc"]) > 1 else kind
        return f"unknown field {place!r}{nearest(str(fault['loc'][-1]), [known.name for known in fields(part)])}"
    return f"{place}: {fault['msg']} (got {fault['input']!r})"


def fingerprint(job: Job) -> str:
    """sha256 of what the job computes: all fields but where it writes and how often it saves."""
    content = asdict(job)
    content.pop("out")
    content["machine"].pop("checkpoint_every_s")
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
