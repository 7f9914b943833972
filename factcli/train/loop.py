"""The loop that both training stages share: schedule, optimizer, progress, checkpoints, a clean stop."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from factcli.errors import DivergedError
from factcli.train.asking import Wish, end_together, listening
from factcli.train.checkpoint import Checkpoints, Snapshot
from factcli.train.diverging import with_kept
from factcli.train.job import Optim
from factcli.train.together import highest

log = logging.getLogger(__name__)
Event = dict[str, object]
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """One optimizer step: what the log keeps."""

    loss: float
    tokens: int
    rows: tuple[Mapping[str, object], ...]  # learning-curve rows


class Stage(Protocol):
    """What the loop drives. `is_done` may come true before `total` steps (early stop)."""

    total: int

    @property
    def is_done(self) -> bool: ...

    def advance(self, step: int) -> Progress: ...

    def snapshot(self) -> Snapshot: ...


def learning_rate(optim: Optim, step: int, total: int, lr: float | None = None, warmup_steps: int | None = None) -> float:
    """Rate of step 0..total-1: linear warm-up (of `warmup_steps`; None: of the optimizer's share), then cosine to 0 or constant.

    The first step already moves (transformers' schedule starts with a step of rate 0).
    """
    peak = optim.lr if lr is None else lr
    warmup = math.ceil(optim.warmup_share * total) if warmup_steps is None else warmup_steps
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    if optim.schedule == "constant":
        return peak
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def adamw(vector: torch.nn.Parameter, optim: Optim) -> torch.optim.AdamW:
    """AdamW of one adapter's vector; every adapter has its own."""
    return torch.optim.AdamW([vector], lr=optim.lr, betas=(optim.beta1, optim.beta2), weight_decay=optim.weight_decay, foreach=False)


def apply_gradient(optimizer: torch.optim.Optimizer, optim: Optim, lr: float) -> float:
    """One optimizer step with this adapter's own norm clipped; gives the norm before clipping. One that is no number changes nothing."""
    parameters: list[Tensor] = optimizer.param_groups[0]["params"]
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, optim.max_grad_norm or math.inf, foreach=False))
    optimizer.param_groups[0]["lr"] = lr
    if math.isfinite(norm):
        optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return norm


def optimizer_tensors(name: str, vector: torch.nn.Parameter, optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    """An adapter and its AdamW state under flat names, for a checkpoint."""
    state = {f"{name}.adamw.{key}": value for key, value in optimizer.state[vector].items()}
    return {f"{name}.vector": vector, **state}


def restore_adapter(name: str, vector: torch.nn.Parameter, optimizer: torch.optim.AdamW, tensors: Mapping[str, Tensor]) -> None:
    """Put back what `optimizer_tensors` gave; AdamW's step counter stays on the CPU, as torch keeps it."""
    with torch.no_grad():
        vector.copy_(tensors[f"{name}.vector"])
    prefix = f"{name}.adamw."
    state = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    optimizer.state[vector] = {key: value if key == "step" else value.to(vector.device) for key, value in state.items()}


def run_steps(stage: Stage, first_step: int, checkpoints: Checkpoints, on_event: OnEvent) -> list[Mapping[str, object]]:
    """Drive a stage from a step to its end; gives the learning-curve rows of the steps that ran.

    A checkpoint is written at its interval, when one is asked for, and when the run is asked to stop (then raises Interrupted).
    A step that came apart raises DivergedError; what was saved before it stays.
    """
    meter = Meter(stage.total, on_event)
    curve: list[Mapping[str, object]] = []
    with listening(checkpoints.curve.path.parent) as asked:
        for step in range(first_step, stage.total):
            if stage.is_done:
                break
            progress = _advanced(stage, step, checkpoints)
            curve.extend(progress.rows)
            checkpoints.log(progress.rows)
            meter.tick(step + 1, progress)
            wish = asked.wish(checkpoints.is_due)
            if wish:
                checkpoints.save(step + 1, stage.snapshot())
            if wish == Wish.STOP:
                end_together(f"{step + 1} of {stage.total}")
    return curve


def _advanced(stage: Stage, step: int, checkpoints: Checkpoints) -> Progress:
    try:
        return stage.advance(step)
    except DivergedError as error:
        with suppress(OSError):  # a full disk does not hide the reason
            checkpoints.flush()  # the curve shows how it came to this
        highest(0)  # all processes came apart, as they add up their losses; none ends before the first has written
        raise with_kept(error, checkpoints.kept()) from None


class Meter:
    """Sends a progress event at most twice a second, and at the last step."""

    def __init__(self, total: int, on_event: OnEvent) -> None:
        self.total = total
        self.on_event = on_event
        self.start = self.last = time.monotonic()
        self.tokens = 0

    def tick(self, step: int, progress: Progress) -> None:
        now = time.monotonic()
        self.tokens += progress.tokens
        if now - self.last < 0.5 and step < self.total:
            return
        self.last = now
        seconds = now - self.start
        rate = self.tokens / max(seconds, 1e-9)
        self.on_event({"event": "step", "step": step, "total": self.total, "loss": progress.loss} | {"tokens_per_s": round(rate), "seconds": round(seconds, 2)})
