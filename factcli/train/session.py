"""What a training stage works with: devices, base model, tokenizer, adapters, checkpoints."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.train.adapters import AdapterBank
from factcli.train.base import dtype_of, load_model, load_tokenizer
from factcli.train.batches import pad_id
from factcli.train.checkpoint import Checkpoints
from factcli.train.job import KnowledgeJob, SkillJob, fingerprint
from factcli.train.objectives import Scorer
from factcli.train.vocabulary import add_tokens


@dataclass(frozen=True, slots=True)
class Session:
    """One base model loaded once, and all that trains on it."""

    accelerator: Accelerator
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    bank: AdapterBank
    scorer: Scorer
    checkpoints: Checkpoints
    pad: int
    number: torch.dtype  # in which the model computes

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    def computing(self) -> AbstractContextManager[object]:
        """Inside, a model whose parameters are float32 to be trained computes in the number format of the machine."""
        is_mixed = self.model.dtype == torch.float32 and self.number == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16) if is_mixed else nullcontext()

    def add_up_gradients(self, vector: nn.Parameter) -> None:
        """Sum an adapter's gradient over processes; each has divided by the count of the whole batch."""
        if self.accelerator.num_processes == 1:
            return
        own = torch.zeros_like(vector) if vector.grad is None else vector.grad
        vector.grad = self.accelerator.reduce(own, "sum")

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the results; the others only compute."""
        return self.accelerator.is_main_process

    def usage(self, tokens: int) -> Mapping[str, float | int]:
        seconds = self.checkpoints.seconds
        return {"seconds": round(seconds, 2), "tokens": tokens, "tokens_per_s": round(tokens / max(seconds, 1e-9))}


def open_session(job: KnowledgeJob | SkillJob) -> Session:
    """Load base and tokenizer, attach an empty bank, find the place of checkpoints in the job's folder."""
    if job.machine.threads:
        torch.set_num_threads(job.machine.threads)
    accelerator = Accelerator(cpu=job.machine.device == "cpu" or not torch.cuda.is_available())
    folder = Path(job.out)
    checkpoints = Checkpoints(folder / "checkpoints", fingerprint(job), job.machine.checkpoint_every_s, folder / "log.jsonl", accelerator.is_main_process)
    tokenizer = load_tokenizer(job.base, job.chat_template if isinstance(job, SkillJob) else "")
    model = _model_of(job, tokenizer, accelerator.device)
    bank = AdapterBank(model, job.lora.targets)
    number = dtype_of(job.machine.dtype, accelerator.device)
    return Session(accelerator, model, tokenizer, bank, Scorer(model), checkpoints, pad_id(tokenizer), number)


def _model_of(job: KnowledgeJob | SkillJob, tokenizer: PreTrainedTokenizerBase, device: torch.device) -> PreTrainedModel:
    """The base, frozen; for tuning full in float32, every parameter to be trained, with the tokens that the template needs."""
    tuning = job.tuning if isinstance(job, SkillJob) else "lora"
    if tuning != "full" or not isinstance(job, SkillJob):
        return load_model(job.base, device, job.machine.dtype, tuning == "qlora")
    model = load_model(job.base, device, "float32")
    add_tokens(model, tokenizer, job.marks)
    return model.requires_grad_(True)
