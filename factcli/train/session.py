"""What a training stage works with: devices, base model, tokenizer, adapters, checkpoints."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import patch_environment
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.train import zero
from factcli.train.adapters import AdapterBank
from factcli.train.base import dtype_of, load_model, load_tokenizer
from factcli.train.batches import Tokens, collate, lay_end_to_end, pad_id
from factcli.train.checkpoint import Checkpoints
from factcli.train.estimate import refuse_held, shape_of
from factcli.train.gauge import Gauge
from factcli.train.job import KnowledgeJob, Padding, SkillJob, fingerprint
from factcli.train.keeping import drop, frozen_base, lend
from factcli.train.launching import Spread
from factcli.train.objectives import Batch, Scorer
from factcli.train.results import usage_of
from factcli.train.segments import take_segments
from factcli.train.sharding import is_sharded, is_sharding_asked, refuse_parts, shard
from factcli.train.short_rows import take_short_rows
from factcli.train.sites import linear_modules
from factcli.train.speed import Sizes
from factcli.train.switches import switched, switches_of
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
    gauge: Gauge
    spread: Spread
    is_sharded: bool = False  # the base is in parts over the processes, so that all make as many passes through it
    padding: Padding = "padded"

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    def collate(self, rows: Sequence[Tokens]) -> Batch:
        """Rows as one batch, padded or end to end."""
        return lay_end_to_end(rows) if self.padding == "free" else collate(rows, self.pad)

    def computing(self) -> AbstractContextManager[object]:
        """Inside, a model whose parameters are float32 to be trained computes in the number format of the machine."""
        is_mixed = self.model.dtype == torch.float32 and self.number == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16) if is_mixed else nullcontext()

    @property
    def is_writer(self) -> bool:
        """Whether this process writes the results; the others only compute."""
        return self.accelerator.is_main_process

    def usage(self, job: KnowledgeJob | SkillJob, tokens: int) -> Mapping[str, float | int | str]:
        """What the run took, all of it; and what was measured of this process. `tokens`: of the whole run."""
        whole = usage_of(self.checkpoints.seconds, tokens, self.accelerator.num_processes)
        return {**whole, **self.gauge.usage(shape_of(job.base), self._sizes(job))}

    def _sizes(self, job: KnowledgeJob | SkillJob) -> Sizes:
        """Of a token's own path: its layers, its one trained adapter, its one frozen one."""
        layers = sum(site.n_in * site.n_out for site in linear_modules(self.model))
        trained = [adapter.vector.numel() for adapter in self.bank.adapters.values() if adapter.vector.requires_grad]
        frozen = [adapter.vector.numel() for adapter in self.bank.adapters.values() if not adapter.vector.requires_grad]
        is_full = isinstance(job, SkillJob) and job.tuning == "full"
        return Sizes(layers, max(trained, default=0), max(frozen, default=0), is_full)


def open_session(job: KnowledgeJob | SkillJob) -> Session:
    """Load base and tokenizer, attach an empty bank, find the place of checkpoints in the job's folder."""
    if job.machine.threads:
        torch.set_num_threads(job.machine.threads)
    is_in_parts = are_parts_asked(job)
    with patch_environment(**{zero.ASKED: "false"}):  # zero.py drives DeepSpeed; accelerate would want the loader and the optimizer
        accelerator = Accelerator(cpu=job.machine.device == "cpu" or not torch.cuda.is_available())
    gauge = Gauge(accelerator.device, accelerator.num_processes)
    n = accelerator.num_processes
    spread = Spread(n, parts=n if is_in_parts or zero.stage_asked() else 1)
    refuse_held(job, gauge.room, spread)
    folder = Path(job.out)
    checkpoints = Checkpoints(folder / "checkpoints", fingerprint(job), job.machine.checkpoint_every_s, folder / "log.jsonl", accelerator.is_main_process)
    tokenizer = load_tokenizer(job.base, job.chat_template if isinstance(job, SkillJob) else "")
    model = _model_of(job, tokenizer, accelerator.device, is_in_parts)
    if job.machine.padding == "free":
        take_segments(model)
    elif job.machine.attention == "auto":
        take_short_rows(model)
    bank = AdapterBank(model, job.lora.targets)
    lend(bank)
    number = dtype_of(job.machine.dtype, accelerator.device)
    parts = is_sharded(model)
    return Session(accelerator, model, tokenizer, bank, Scorer(model), checkpoints, pad_id(tokenizer), number, gauge, spread, parts, job.machine.padding)


def are_parts_asked(job: KnowledgeJob | SkillJob) -> bool:
    """Whether the base is to be in parts. Raises SettingsError for what cannot be."""
    tuning = job.tuning if isinstance(job, SkillJob) else "lora"
    if tuning != "full":
        zero.refuse_shared_out("an adapter: its gradients and moments are small")
    if tuning != "lora":
        refuse_parts(f"mode {tuning}")
    return is_sharding_asked()


def _model_of(job: KnowledgeJob | SkillJob, tokenizer: PreTrainedTokenizerBase, device: torch.device, is_in_parts: bool) -> PreTrainedModel:
    """The base, frozen; for tuning full in float32, every parameter to be trained, with the tokens that the template needs."""
    tuning = job.tuning if isinstance(job, SkillJob) else "lora"
    if is_in_parts:
        drop()  # one that is kept is whole, and one that was cut is no other job's
        return shard(switched(load_model(job.base, device, job.machine.dtype, held=torch.device("cpu")), job.machine, device), device)
    if tuning != "full" or not isinstance(job, SkillJob):
        how = (job.machine.dtype, tuning == "qlora")
        key = (str(device), *how, *switches_of(job.machine))
        return frozen_base(job.base, key, lambda: switched(load_model(job.base, device, *how), job.machine, device))
    drop()
    model = load_model(job.base, device, "float32")
    add_tokens(model, tokenizer, job.marks)
    return switched(model, job.machine, device).requires_grad_(True)
