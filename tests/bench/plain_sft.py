"""What plain SFT takes beside TRL's SFTTrainer with its best settings on a CPU: the same base, start, rows, batches and rates, taking turns.

    python -m tests.bench plain-sft [--data DIR] [--seeds N] [--turns N]

DIR/seedN holds a world with its model, as part `effect` leaves them; its weights matter for nothing here but the losses. Compared are the
steps, each side's model and rows being there before. CPU seconds of one thread, as a shared machine's wall times say more of the
neighbours. TRL computes in float32 without checkpointing of activations and logs once; its padding-free batches are tried, and so is its
grouping by length, whose steps have other rows. Ours is `fact sft --method real` as it comes, which logs every step and proves its own.
"""

import contextlib
import json
import logging
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.trl_run import TrlPlan, trainer_of

STEPS, BATCH_ROWS = 40, 64
GROUPED = "TRL, grouped by length (other rows in a step)"
THEIRS = {"TRL": {}, "TRL, padding-free": {"is_padding_free": True}, GROUPED: {"is_length_grouped": True}}


@dataclass(frozen=True, slots=True)
class Side:
    """CPU seconds of the steps of a run, and the loss of every step it logged."""

    seconds: float
    losses: Sequence[float]


def job_of(base: str, rows: Path, folder: Path, batch_rows: int = BATCH_ROWS, steps: int = STEPS, **shape: Any) -> Any:
    """Plain SFT of real rows; no warm-up, as transformers begins one with a step of rate 0."""
    from factcli.train.job import Lora, Machine, Optim, SkillJob

    optim = Optim(lr=1e-3, weight_decay=0.01, beta2=0.98, warmup_share=0.0)
    machine, lora = Machine(dtype="float32", device="cpu", threads=1, checkpoint_every_s=1e9), Lora(16, 32, 0.0)
    select = {"fictitious": False, "split": "train"}
    return SkillJob(base, str(folder / "ours"), str(rows), select, lora=lora, optim=optim, machine=machine, steps=steps, batch_rows=batch_rows, **shape)


def ours(job: Any) -> Side:
    """The steps as `run_skill` takes them."""
    from factcli.train.loop import run_steps
    from tests.bench.switches import skill_stage

    stage, checkpoints = skill_stage(job)
    start = time.process_time()
    curve = run_steps(stage, 0, checkpoints, lambda _: None)
    return Side(time.process_time() - start, [float(str(row["loss"])) for row in curve])


def plan_of(job: Any, folder: Path) -> TrlPlan:
    """The same training for TRL: the rows of all steps in their order, and the adapter that ours begins with."""
    import torch

    from factcli.train.adapters import AdapterBank
    from factcli.train.base import load_model, load_tokenizer
    from factcli.train.batches import read_rows
    from factcli.train.chats import encode_chats
    from factcli.train.routing import Sampler

    bank = AdapterBank(load_model(job.base, torch.device("cpu"), "float32"), job.lora.targets)
    bank.add("skill", job.lora.r, job.lora.alpha, job.lora.dropout, job.seed)
    start = bank.save("skill", folder / "start", job.base)
    bank.detach()
    tokenizer = load_tokenizer(job.base)
    sampler = Sampler(job, encode_chats(read_rows(job.rows, job.select), tokenizer, job.max_length, job.too_long).rows)
    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in (row for step in range(job.steps) for row in sampler.draw(step)[0].rows):
            ((first, _),) = row.tokens.learned
            file.write(json.dumps({"input_ids": list(row.tokens.ids), "labels": [-100] * first + list(row.tokens.ids[first:])}) + "\n")
    adam = {"weight_decay": job.optim.weight_decay, "beta2": job.optim.beta2, "max_grad_norm": job.optim.max_grad_norm}
    lora: dict[str, Any] = {"r": job.lora.r, "alpha": job.lora.alpha, "dropout": job.lora.dropout, "targets": ()}
    out = str(folder / "theirs")
    return TrlPlan(job.base, str(path), out, job.batch_rows, job.optim.lr, 0, "cosine", is_best=True, seed=job.seed, adapter=str(start), **adam, **lora)


def theirs(plan: TrlPlan) -> Side:
    trainer = trainer_of(plan)
    start = time.process_time()
    trainer.train()
    seconds = time.process_time() - start
    return Side(seconds, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry])


def apart(mine: Sequence[float], other: Sequence[float]) -> float:
    """The largest difference of two loss curves, as a share of the loss."""
    return max(abs(a - b) / abs(a) for a, b in zip(mine, other, strict=True))


def table(data: Path, seed: int, turns: int) -> str:
    import torch

    torch.set_num_threads(1)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    root = data / f"seed{seed}"
    rows = next(root.glob("bio/v*/chats.jsonl"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        job = job_of(str(next(root.glob("world/v*/model"))), rows, folder, bio_fraction=0.33, max_length=256)
        with contextlib.redirect_stdout(None):
            plan = plan_of(job, folder)
            mine, other = ours(job), theirs(plan)  # both warm, and with the loss of every step
            found = [turn_of(job, replace(plan, logging_steps=STEPS)) for _ in range(turns)]
    return as_table(found, apart(mine.losses, other.losses), (mine.losses[0], mine.losses[-1]), seed)


def turn_of(job: Any, plan: TrlPlan) -> dict[str, float]:
    """CPU seconds of each side."""
    return {"ours": ours(job).seconds} | {name: theirs(replace(plan, **how)).seconds for name, how in THEIRS.items()}


def as_table(turns: Sequence[dict[str, float]], difference: float, ends: tuple[float, float], seed: int) -> str:
    lines = ["| | CPU seconds, median | range | times ours |", "|---|---|---|---|"]
    for name in turns[0]:
        seconds, ratios = [turn[name] for turn in turns], [turn[name] / turn["ours"] for turn in turns]
        ratio = "" if name == "ours" else f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} to {max(seconds):.2f} | {ratio} |")
    curve = f"Losses of all steps, {ends[0]:.3f} to {ends[1]:.3f} nats, differ by {difference:.1e} of themselves at most."
    return "\n".join([*lines, "", f"{len(turns)} turns of {STEPS} steps of {BATCH_ROWS} rows, one thread, world of seed {seed}. {curve}"])
