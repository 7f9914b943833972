"""Runs of TRL's SFTTrainer with a PEFT adapter each, one after the other in a process of their own: python -m tests.bench.trl_run PLAN.json ...

A plan says base, rows (JSONL with input_ids and labels, in the order of the steps), batch, rate, rank, sites, device and `best`: TRL with
its best settings there (no checkpointing of activations; a CPU in float32, a GPU in bfloat16 with a base in it), or as it comes (bfloat16
over a base in float32, with checkpointing). Leaves the adapter, `losses.json`, the loss of every step, and `took.json`, the seconds of
the steps and the most bytes that were taken, in the plan's `out`.
"""

import gc
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class TrlPlan:
    base: str
    rows: str
    out: str
    batch_rows: int
    lr: float
    warmup_steps: int
    schedule: str
    weight_decay: float
    beta2: float
    max_grad_norm: float
    r: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]
    is_best: bool
    seed: int = 0
    adapter: str = ""  # to begin with; "": a new one
    logging_steps: int = 1
    is_padding_free: bool = False
    is_length_grouped: bool = False  # its rows are then others in each step
    device: Literal["cpu", "cuda"] = "cpu"

    def write(self, path: Path) -> Path:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")
        return path


def arguments_of(plan: TrlPlan) -> Any:
    from trl import SFTConfig

    best = {"bf16": plan.device == "cuda", "gradient_checkpointing": False}
    quiet = {"report_to": "none", "disable_tqdm": True, "save_strategy": "no", "logging_steps": plan.logging_steps}
    order = "group_by_length" if plan.is_length_grouped else "sequential"
    rows = {"train_sampling_strategy": order, "dataset_kwargs": {"skip_prepare_dataset": True}, "max_length": None, "padding_free": plan.is_padding_free}
    size = {"per_device_train_batch_size": plan.batch_rows, "num_train_epochs": 1, "learning_rate": plan.lr, "warmup_steps": plan.warmup_steps}
    adam = {"weight_decay": plan.weight_decay, "adam_beta2": plan.beta2, "max_grad_norm": plan.max_grad_norm, "lr_scheduler_type": plan.schedule}
    return SFTConfig(output_dir=plan.out, use_cpu=plan.device == "cpu", seed=plan.seed, **quiet, **rows, **size, **adam, **(best if plan.is_best else {}))


def trainer_of(plan: TrlPlan) -> Any:
    """With nothing of a run before on the device, whose peak of memory is counted from here."""
    import torch
    from datasets import load_dataset
    from peft import LoraConfig, PeftModel
    from transformers import AutoModelForCausalLM
    from trl import SFTTrainer

    from factcli.train.base import load_tokenizer
    from factcli.train.gauge import forget_peak

    device = torch.device(plan.device)
    gc.collect()  # a trainer refers to itself, so that of the run before is still there
    if device.type == "cuda":
        torch.cuda.empty_cache()
    forget_peak(device)
    model = AutoModelForCausalLM.from_pretrained(plan.base, dtype="bfloat16" if plan.is_best and plan.device == "cuda" else "float32")
    lora = LoraConfig(r=plan.r, lora_alpha=plan.alpha, lora_dropout=plan.dropout, target_modules=list(plan.targets), task_type="CAUSAL_LM")
    begun = {"peft_config": lora}
    if plan.adapter:
        model, begun = PeftModel.from_pretrained(model, plan.adapter, is_trainable=True), {}
    rows = load_dataset("json", data_files=plan.rows, split="train", cache_dir=f"{plan.out}/cache")
    return SFTTrainer(model, args=arguments_of(plan), train_dataset=rows, processing_class=load_tokenizer(plan.base), **begun)


def run(plan: TrlPlan) -> list[float]:
    """Train and save, and note what the steps took; gives the loss of every step."""
    import torch

    from factcli.train.gauge import peak_bytes

    trainer = trainer_of(plan)
    start = time.monotonic()
    trainer.train()
    took = {"seconds": time.monotonic() - start, "peak_bytes": peak_bytes(torch.device(plan.device))}
    trainer.save_model(plan.out)
    (Path(plan.out) / "took.json").write_text(json.dumps(took), encoding="utf-8")
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


if __name__ == "__main__":
    for file in sys.argv[1:]:
        chosen = TrlPlan(**json.loads(Path(file).read_text(encoding="utf-8")))
        losses = run(chosen)
        (Path(chosen.out) / "losses.json").write_text(json.dumps(losses), encoding="utf-8")
