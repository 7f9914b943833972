"""Settings of `fact dpo`, and the job that they become."""

import math
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from factcli.config import Config, setting
from factcli.train import job as jobs
from factcli.train.computing import UNSWITCHED, Switches, machine_of
from factcli.train.job.parts import Tuning
from factcli.train.job.preference import Loss, Optimizer, PrefixSharing
from factcli.train.launching import HERE, LaunchConfig

Targets = str | tuple[str, ...]
DEFAULT_R = 64  # of a new adapter, as of `fact sft`


class DpoConfig(Config):
    """Settings of training on preference pairs; defaults are FactTune's, with AdamW and a new or continued adapter."""

    method: str = setting("dpo", "What tables and reports call it, and the default name of the artifact, e.g. facttune-mc.")
    mode: Tuning = setting("lora", "What is trained: lora (an adapter), qlora (one on a base in 4 bits) or full (every parameter).")
    reference: Literal["init", "base", "given"] = setting("init", "init: the model as it starts; base: nothing plugged in; given: --reference REF.")
    loss: Loss = setting("sigmoid", "sigmoid (DPO), ipo (of sums, as published), ipo-token (of means), hinge, robust, exo-pair, ...")
    beta: float = setting(0.1, "How strongly the model is held to its reference.", gt=0)
    label_smoothing: float = setting(0.0, "Share of pairs taken to be the wrong way round (conservative DPO).", ge=0, le=0.49)
    reference_free: bool = setting(False, "Take the reference's log-probabilities for zero.")
    length_normalised: bool = setting(False, "Compare means over tokens instead of sums.")
    length_penalty: float = setting(0.0, "Weight of the difference of lengths, which holds longer answers back (R-DPO).", ge=0)
    factual_margin: float = setting(0.0, "Times the pair's margin: how far apart the two rewards must be (F-DPO: beta x lambda).", ge=0)
    sft_weight: float = setting(0.0, "Of the mean negative log-probability of the chosen answer's tokens, beside the loss.", ge=0)
    weights: Literal["none", "margin"] = setting("none", "Weight of a pair in the loss: 1, or its margin over the mean margin.")
    flip: bool = setting(False, "Turn a pair round whose margin says that the rejected answer is the better one (F-DPO).")
    eval_share: float = setting(0.1, "Share of the questions without a split that are held out (split dev).", ge=0, le=0.9)
    lora_r: int | None = setting(None, "Rank of the adapter; unset is that of the adapter that it starts from, else 64.", ge=1)
    lora_alpha: float | None = setting(None, "Scale of the adapter; unset is that of its start, else twice the rank.", gt=0)
    lora_dropout: float | None = setting(None, "Dropout of the adapter's input; unset is that of its start, else 0.05.", ge=0, le=0.99)
    lora_targets: Targets | None = setting(None, "all-linear, no-query-key, or endings of module names; unset is what its start has, else all-linear.")
    lr: float = setting(5e-7, "Peak learning rate.", gt=0)
    optimizer: Optimizer = setting("adamw", "adamw, rmsprop, or paged-adamw-32bit (AdamW whose state may leave the GPU).")
    weight_decay: float = setting(0.0, "AdamW's weight decay.", ge=0)
    adam_beta2: float = setting(0.999, "AdamW's second beta.", gt=0, le=0.9999)
    warmup_steps: int | None = setting(None, "Steps in which the learning rate rises; unset goes by warmup_share.", ge=0)
    warmup_share: float = setting(0.1, "Share of the steps in which the learning rate rises.", ge=0, le=0.99)
    schedule: Literal["cosine", "constant"] = setting("cosine", "Shape of the learning rate after the rise.")
    max_grad_norm: float = setting(10.0, "Gradient clip; 0 is none.", ge=0)
    epochs: float | None = setting(1.0, "Passes over the pairs; unset where steps is set.", gt=0)
    steps: int | None = setting(None, "Optimizer steps, instead of epochs.", ge=1)
    batch_pairs: int = setting(32, "Pairs per optimizer step.", ge=1)
    max_length: int = setting(512, "Tokens of prompt and answer.", ge=2)
    too_long: Literal["refuse", "drop"] = setting("refuse", "What happens to longer pairs; dropped ones are counted.")
    drop_eos_rejected: float = setting(0.0, "Share of rejected answers that are left without an end token (Self-Learning: 0.5).", ge=0, le=1)
    max_length_difference: Literal["mean"] | int | None = setting(None, "Tokens that two answers may differ by; mean: as much as they do on average.")
    eval_every_pairs: int | None = setting(None, "Evaluate on the dev pairs each so many trained pairs; unset: at the end only.", ge=1)
    sample_prompts: int = setting(0, "Dev prompts that the model answers at each evaluation.", ge=0)
    sample_max_tokens: int = setting(128, "Tokens of such an answer.", ge=1)
    keep: Literal["last", "best"] = setting("last", "Weights of the last step, or of the evaluation with the best dev accuracy, then loss.")
    stop_at_accuracy: float | None = setting(None, "Stop when so large a share of the trained pairs is told right, e.g. 0.9.", gt=0, le=1)
    chat_template: str = setting("", "Jinja chat template; unset is that of the start, else the tokenizer's own, else 'Question: ... Answer: ...'.")
    dtype: Literal["auto", "float32", "bfloat16"] = setting("auto", "Number format; auto is bfloat16 on a GPU that has it.", role="numerics")
    threads: int = setting(0, "Torch threads; 0 leaves torch's own number.", role="numerics", ge=0)
    micro_pairs: int = setting(0, "Pairs per forward pass; 0 is the whole batch.", role="numerics", ge=0)
    prefix_sharing: PrefixSharing = setting(
        "auto", "Compute a prompt once for both answers: auto where that leaves out a tenth of the tokens and the model can, on, or off.", role="numerics"
    )
    compute: Switches = setting(UNSWITCHED, "Switches of throughput and memory.", later=True)
    checkpoint_every_s: float = setting(60.0, "Seconds between checkpoints.", role="operational", gt=0)
    launch: LaunchConfig = setting(HERE, "Where the training runs, and in how many processes.", later=True)
    seed: int = setting(0, "Seed of weights and data order.", ge=0)

    @model_validator(mode="after")
    def _fits_together(self) -> "DpoConfig":
        if self.epochs is not None and self.steps is not None:
            raise ValueError(f"epochs is {self.epochs:g} and steps is {self.steps}: unset one (--set steps=null or --set epochs=null)")
        if self.epochs is None and self.steps is None:
            raise ValueError("neither epochs nor steps is set: set one (--set steps=150)")
        if self.keep == "best" and self.eval_every_pairs is None:
            raise ValueError("keep is best and there is one evaluation, at the end: say how often (--set eval_every_pairs=640)")
        if self.reference_free and self.reference != "init":
            raise ValueError(f"reference_free is true and reference is {self.reference}: without a reference there is none to choose")
        if self.mode == "full" and any(value is not None for value in (self.lora_r, self.lora_alpha, self.lora_dropout, self.lora_targets)):
            raise ValueError("mode full trains every parameter, so there is no adapter for lora_r, lora_alpha, lora_dropout or lora_targets")
        if isinstance(self.max_length_difference, int) and self.max_length_difference < 1:
            raise ValueError(f"max_length_difference is {self.max_length_difference}: need 1 token or more, mean, or null")
        return self


def objective_of(config: DpoConfig) -> jobs.Objective:
    return jobs.Objective(
        loss=config.loss,
        beta=config.beta,
        label_smoothing=config.label_smoothing,
        is_reference_free=config.reference_free,
        length_normalised=config.length_normalised,
        length_penalty=config.length_penalty,
        margin=config.factual_margin,
        sft_weight=config.sft_weight,
    )


def lora_of(config: DpoConfig) -> jobs.Lora:
    """Of a new adapter; what is unset takes its default."""
    r = config.lora_r or DEFAULT_R
    alpha = config.lora_alpha if config.lora_alpha is not None else 2.0 * r
    dropout = config.lora_dropout if config.lora_dropout is not None else 0.05
    return jobs.Lora(r, alpha, dropout, config.lora_targets or "all-linear")


def steps_of(config: DpoConfig, n_pairs: int) -> int:
    """Optimizer steps on so many pairs; the last batch of an epoch is smaller."""
    return config.steps or math.ceil((config.epochs or 0) * math.ceil(n_pairs / config.batch_pairs))


def job_of(config: DpoConfig, rows: Path, out: Path, logprobs: Path, base: str, base_name: str) -> jobs.PreferenceJob:
    """The job with all that settings say; start and reference are added by who knows them."""
    return jobs.PreferenceJob(
        base=base,
        base_name=base_name,
        out=str(out),
        rows=str(rows),
        logprobs=str(logprobs),
        tuning=config.mode,
        seed=config.seed,
        objective=objective_of(config),
        lora=lora_of(config),
        optim=jobs.Optim(config.lr, config.weight_decay, 0.9, config.adam_beta2, config.warmup_share, config.schedule, config.max_grad_norm),
        optimizer=config.optimizer,
        warmup_steps=config.warmup_steps,
        machine=machine_of(config.compute, config.dtype, config.threads, config.micro_pairs, config.checkpoint_every_s),
        epochs=config.epochs,
        steps=config.steps,
        prefix_sharing=config.prefix_sharing,
        batch_pairs=config.batch_pairs,
        max_length=config.max_length,
        too_long=config.too_long,
        drop_eos_rejected=config.drop_eos_rejected,
        max_length_difference=config.max_length_difference,
        eval_every_pairs=config.eval_every_pairs,
        sample_prompts=config.sample_prompts,
        sample_max_tokens=config.sample_max_tokens,
        keep=config.keep,
        stop_at_accuracy=config.stop_at_accuracy,
        chat_template=config.chat_template,
    )
