"""Settings of `fact sft`."""

from typing import Any, Literal, get_args

from pydantic import field_validator, model_validator

from factcli.chattemplates import TemplateName
from factcli.config import Config, setting
from factcli.train.computing import PLAIN, ComputeConfig
from factcli.train.job import Control, VersionSampling
from factcli.train.launching import HERE, LaunchConfig

Method = Literal["prereq", "real", "popular-head", "popular-50", "oracle", "fictitious"]
Form = Literal["statement", "passage"]
METHODS: tuple[str, ...] = get_args(Method)
MOST_PASSES = 100


class SftConfig(Config):
    """Settings of the skill stage; defaults are the paper's for biographies."""

    method: Method = setting("prereq", "prereq, or a plain baseline: real, popular-head, popular-50, oracle, fictitious.")
    mode: Literal["lora", "full", "qlora"] = setting("lora", "What is trained: an adapter, every parameter, or an adapter over a base in 4 bits.")
    mix: dict[str, float] = setting({}, "Data sets and the share of each, NAME or NAME:PART, e.g. {bio: 1, 'wiki:with-document': 0.5}.")
    batches: Literal["multi_version", "mix"] = setting("multi_version", "How prereq batches are made (spec of PREREQ-TUNE: bio and medical, or QA).")
    real_fraction: float | None = setting(None, "Share of micro-batches on well-known real people with the knowledge off; multi_version only.", ge=0, le=1)
    real_weight: float | None = setting(None, "Weight of the knowledge-off pass over the real rows; mix only, unset is 1.", ge=0)
    control: Control = setting("none", "What stands in the place of the knowledge: none (nothing does), wrong-version, shuffled, random, absent.", later=True)
    knowledge_of: Literal["fictitious", "real"] = setting(
        "fictitious", "Whose rows pass through their knowledge; real needs adapters of real texts.", later=True
    )
    forms: tuple[Form, ...] = setting(("statement", "passage"), "Forms of knowledge that are plugged in, of those that there are.", later=True)
    versions: int | None = setting(None, "Use versions 1 to this one only, e.g. 1; unset uses all.", ge=1)
    subjects: int | None = setting(None, "Use this many fictitious subjects only, in id order; unset uses those that the knowledge has.", ge=1)
    alternate_forms: bool = setting(True, "Take turns between statement and passage adapters.")
    version_sampling: VersionSampling = setting(
        "one", "Versions of a micro-batch: one, in turn, or all, equally many rows of each through its own adapter.", later=True
    )
    knowledge_dropout: float = setting(0.0, "Dropout of the frozen knowledge adapters while the skill trains.", ge=0, le=0.99)
    known_share: float = setting(1.0, "Share of a row's facts that the base must know; oracle only.", gt=0, le=1, later=True)
    distill: float = setting(0.0, "Weight of KL(untouched base, model) over the answers' tokens beside the loss, e.g. 1; plain methods.", ge=0, later=True)
    distill_direction: Literal["forward", "reverse"] = setting("forward", "KL(base || model), or KL(model || base).", later=True)
    distill_temperature: float = setting(1.0, "Both distributions are softened by it before they are compared.", gt=0, later=True)
    lora_r: int = setting(64, "Rank of the skill adapter.", ge=1)
    lora_alpha: float | None = setting(None, "Scale of the adapter; unset is twice the rank.", gt=0)
    lora_dropout: float = setting(0.05, "Dropout of the adapter's input.", ge=0, le=0.99)
    lora_targets: str | tuple[str, ...] = setting("all-linear", "all-linear, no-query-key (all but those), or endings of module names.")
    lr: float = setting(3e-5, "Peak learning rate.", gt=0)
    weight_decay: float = setting(0.01, "AdamW's weight decay.", ge=0)
    adam_beta2: float = setting(0.999, "AdamW's second beta.", gt=0, le=0.9999)
    warmup_share: float = setting(0.1, "Share of the steps in which the learning rate rises.", ge=0, le=0.99)
    schedule: Literal["cosine", "constant"] = setting("cosine", "Shape of the learning rate.")
    max_grad_norm: float = setting(1.0, "Gradient clip; 0 is none.", ge=0)
    epochs: float | None = setting(50.0, "Passes over the rows; unset where steps is set.", gt=0)
    steps: int | None = setting(None, "Optimizer steps, instead of epochs.", ge=1)
    batch_rows: int = setting(64, "Rows of one micro-batch.", ge=1)
    micro_batches: int = setting(2, "Micro-batches per optimizer step.", ge=1)
    max_length: int = setting(768, "Tokens of a row, question and answer.", ge=2)
    too_long: Literal["refuse", "drop", "keep"] = setting("refuse", "What happens to longer rows; dropped ones are counted.")
    bio_fraction: float | None = setting(None, "Share of biographies in a batch; unset takes rows as they come.", ge=0, le=1)
    template: TemplateName = setting("model", "Chat template: the model's own, or qa, llama2, zephyr.")
    chat_template: str = setting("", "Jinja chat template of your own; unset is the one that `template` names.")
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="numerics")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    micro_rows: int = setting(0, "Rows per forward pass; 0 is the whole micro-batch, cut by length.", role="numerics", ge=0)
    compute: ComputeConfig = setting(PLAIN, "Switches of throughput and memory.", later=True)
    checkpoint_every_s: float = setting(60.0, "Seconds between checkpoints.", role="operational", gt=0)
    launch: LaunchConfig = setting(HERE, "Where the training runs, and in how many processes.", later=True)
    seed: int = setting(0, "Seed of weights and data order.", ge=0)

    @field_validator("mode", mode="before")
    @classmethod
    def _is_what_is_trained(cls, mode: Any) -> Any:
        if mode in ("multi_version", "mix"):
            raise ValueError(f"how prereq batches are made is the setting batches now: batches={mode}; mode is lora, full or qlora")
        return mode

    @field_validator("mix")
    @classmethod
    def _takes_something(cls, mix: dict[str, float]) -> dict[str, float]:
        for name, fraction in mix.items():
            if not 0 < fraction <= MOST_PASSES:
                raise ValueError(f"the fraction of {name} is {fraction:g}, need more than 0 and at most {MOST_PASSES} passes")
        return mix

    @model_validator(mode="after")
    def _fits_the_mode(self) -> "SftConfig":
        if self.mode == "full" and self.method == "prereq":
            raise ValueError("mode full goes with the plain methods: prereq's knowledge adapters belong to the base that stays as it is (--method real)")
        if self.mix and self.method == "prereq" and not (self.batches == "multi_version" and self.real_fraction):
            raise ValueError("mix adds real rows with the knowledge off, so prereq needs batches=multi_version and a real_fraction above 0 to take them")
        if self.method == "oracle" and self.mix:
            raise ValueError("method oracle knows of the rows of one data set what the base knows: give --synth, no mix")
        if self.distill and (self.method == "prereq" or self.mode == "full"):
            raise ValueError("distill holds an adapter to the untouched base: it goes with the plain methods in mode lora or qlora (--method real)")
        if self.chat_template and self.template != "model":
            raise ValueError(f"template is {self.template} and chat_template is given too: one of the two")
        return self

    @model_validator(mode="after")
    def _fits_the_knowledge(self) -> "SftConfig":
        is_multi_version = self.method == "prereq" and self.batches == "multi_version"
        if not self.forms or len(set(self.forms)) < len(self.forms):
            raise ValueError("forms: need statement, passage or both, each once")
        if self.control != "none" and not is_multi_version:
            raise ValueError(f"control {self.control} takes the place of what method prereq plugs in with batches=multi_version")
        if self.version_sampling == "all" and (self.method != "prereq" or self.knowledge_of == "real"):
            raise ValueError("version_sampling=all takes rows of all fictitious versions: it goes with method prereq and their knowledge")
        if self.knowledge_of == "real" and not is_multi_version:
            raise ValueError("knowledge_of=real goes with method prereq and batches=multi_version")
        if self.knowledge_of == "real" and (self.real_fraction or self.control == "wrong-version"):
            raise ValueError("knowledge_of=real has real rows alone, which have one version: leave real_fraction unset (null) and another control")
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> "SftConfig":
        if self.real_fraction is not None and self.real_weight is not None:
            raise ValueError("real_fraction and real_weight are both set: the first belongs to batches=multi_version, the second to batches=mix")
        if self.real_fraction is not None and self.batches != "multi_version":
            raise ValueError("real_fraction belongs to batches=multi_version; batches=mix has real_weight")
        if self.real_weight is not None and self.batches != "mix":
            raise ValueError("real_weight belongs to batches=mix; batches=multi_version has real_fraction")
        if self.epochs is not None and self.steps is not None:
            raise ValueError(f"epochs is {self.epochs:g} and steps is {self.steps}: unset one (--set steps=null or --set epochs=null)")
        if self.epochs is None and self.steps is None:
            raise ValueError("neither epochs nor steps is set: set one (--set steps=150)")
        return self
