"""Preference jobs: pairs into one adapter (or all weights), from a recorded start and against a recorded reference."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import ConfigDict

from factcli.train.job.parts import STRICT, Lora, Machine, Optim, Tuning, check_length, require

# sigmoid: DPO (with label smoothing: conservative DPO). ipo: of summed log-probabilities, as in the paper; ipo-token: TRL's, of means.
Loss = Literal[
    "sigmoid", "ipo", "ipo-token", "hinge", "robust", "exo-pair", "nca-pair", "sppo-hard", "apo-zero", "apo-down", "discopop", "sigmoid-norm",
]  # fmt: skip
SMOOTHED: tuple[Loss, ...] = ("sigmoid", "sigmoid-norm", "robust", "exo-pair")  # that have a term for labels the wrong way round
NOT_OF_LOGITS: tuple[Loss, ...] = ("nca-pair", "sppo-hard", "apo-zero")  # of each answer by itself: nothing that sets a pair's two apart enters them
Optimizer = Literal["adamw", "rmsprop", "paged-adamw-32bit"]
PrefixSharing = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Objective:
    """What is minimised. h is (policy less reference log-probability of chosen) less the same of rejected, summed over answer tokens.

    `length_normalised`: h of means over tokens. `length_penalty` a: beta h plus a (tokens of chosen less tokens of rejected), R-DPO
    (arXiv 2403.19159). `margin` m: beta h less m times the row's margin (factual margin of F-DPO, arXiv 2601.03027).
    `sft_weight`: plus so much of the mean negative log-probability of the chosen answer's tokens.
    """

    loss: Loss = "sigmoid"
    beta: float = 0.1
    label_smoothing: float = 0.0
    is_reference_free: bool = False  # the reference's log-probabilities count as zero
    length_normalised: bool = False
    length_penalty: float = 0.0
    margin: float = 0.0
    sft_weight: float = 0.0
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        require(self.beta > 0, f"beta is {self.beta}, need more than 0")
        require(0 <= self.label_smoothing < 0.5, f"label_smoothing is {self.label_smoothing}, need 0 <= smoothing < 0.5")
        needs = {"exo-pair": "--set label_smoothing=0.001, as its paper has", "robust": "--set label_smoothing=0.1; without it, it is sigmoid"}
        if self.loss in needs:
            require(self.label_smoothing > 0, f"loss {self.loss} needs a label_smoothing above 0", needs[self.loss])
        smoothed = f"loss {self.loss} has no term for it, so label_smoothing {self.label_smoothing} would do nothing"
        require(not self.label_smoothing or self.loss in SMOOTHED, smoothed, f"losses with one: {', '.join(SMOOTHED)}")
        for name, value in {"length_penalty": self.length_penalty, "factual_margin": self.margin}.items():
            unused = f"loss {self.loss} looks at each answer by itself, so {name} {value} would do nothing"
            require(not value or self.loss not in NOT_OF_LOGITS, unused, "--loss sigmoid takes it")
        require(self.sft_weight >= 0, f"sft_weight is {self.sft_weight}, need 0 or more")


@dataclass(frozen=True, slots=True)
class PreferenceJob:
    """One adapter (or model) learns to prefer the chosen answers.

    `rows`: JSONL with id, question_id, prompt, chosen, rejected, split ("train" or "dev"), weight (of the row's loss) and margin.
    `start`: the PEFT directory of the adapter that is continued as it stands; "" is the base itself, with a new adapter that
    changes nothing yet. `reference`: init, the policy as it starts; base, the base with nothing plugged in; adapter, the PEFT
    directory `reference_location` on this base; model, the model directory `reference_location`. It is a field of the job, so
    that a resumed run cannot move it; `reference_digest` is what the stage read of it and the worker must find.
    """

    base: str
    out: str
    rows: str
    start: str = ""
    reference: Literal["init", "base", "adapter", "model"] = "init"
    reference_location: str = ""
    reference_digest: str = ""
    logprobs: str = ""  # directory of reference log-probabilities by content, shared by runs; "": below `out`
    tuning: Tuning = "lora"
    seed: int = 0
    objective: Objective = field(default_factory=Objective)
    lora: Lora = field(default_factory=Lora)  # of a new adapter; one that is continued keeps its own
    optim: Optim = field(default_factory=lambda: Optim(lr=5e-7, weight_decay=0.0, beta2=0.999, max_grad_norm=10.0))
    optimizer: Optimizer = "adamw"
    warmup_steps: int | None = None  # instead of optim.warmup_share
    machine: Machine = field(default_factory=Machine)
    epochs: float | None = None  # one of epochs and steps
    steps: int | None = None
    prefix_sharing: PrefixSharing = "auto"  # a prompt is computed once for both answers; auto: where it pays and the model can
    batch_pairs: int = 32  # per optimizer step, of all processes together
    max_length: int = 512  # tokens of prompt and answer; longer pairs are refused or dropped, never cut
    too_long: Literal["refuse", "drop"] = "refuse"
    drop_eos_rejected: float = 0.0  # share of rejected answers that are left without end token (Self-Learning: 0.5)
    max_length_difference: Literal["mean"] | int | None = None  # tokens; "mean": of the pairs, as Self-Learning's normalize_length
    eval_every_pairs: int | None = None  # evaluate on the dev rows and write a checkpoint each so many trained pairs; None: at the end only
    sample_prompts: int = 0  # dev prompts answered at each evaluation
    sample_max_tokens: int = 128
    keep: Literal["last", "best"] = "last"  # which weights: those of the last step, or of the evaluation with the best dev accuracy, then loss
    stop_at_accuracy: float | None = None  # stop when the mean reward accuracy of the last evaluation's training pairs reaches it
    chat_template: str = ""
    base_name: str = ""
    kind: Literal["preference"] = "preference"
    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    def __post_init__(self) -> None:
        check_length("preference", self.epochs, self.steps)
        require(self.batch_pairs >= 1, f"batch_pairs is {self.batch_pairs}, need 1 or more")
        require(self.max_length >= 2, f"max_length is {self.max_length}, need 2 or more")
        require(0 <= self.drop_eos_rejected <= 1, f"drop_eos_rejected is {self.drop_eos_rejected}, need 0..1")
        require(self.tuning != "full" or not self.start, "full parameters are trained, so there is no adapter to continue")
        needs_location = self.reference in ("adapter", "model")
        require(needs_location == bool(self.reference_location), f"reference {self.reference} with location {self.reference_location!r}")
