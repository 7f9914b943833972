"""The one subclass of TRL's DPOTrainer: its loop, with our pairs, order, recorded reference, losses, metrics and checkpoints.

TRL would recompute the reference, tokenize rows again, copy the adapter, save pickles and seed by the clock of its loader; each of
these is overridden below. tests/train/preference/test_versions.py pins the private methods to the versions that were read.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from factcli.train.asking import Asked
from factcli.train.checkpoint import Resumed
from factcli.train.gauge import Gauge
from factcli.train.job import PreferenceJob
from factcli.train.loop import learning_rate
from factcli.train.preference.feed import Feed, Piece, Recorded, Steps
from factcli.train.preference.losses import Logps, pair_losses
from factcli.train.preference.metrics import sums_of
from factcli.train.preference.optimizers import make_optimizer, restore_state
from factcli.train.preference.pairs import Order, PairRow, Pairs
from factcli.train.preference.policy import NAME, Policy
from factcli.train.preference.scoring import summed_logps
from factcli.train.seeds import seed_of
from factcli.train.shortage import within_memory
from factcli.train.together import are_several


class PreferenceTrainer(DPOTrainer):
    """TRL's loop over our steps. `after_step` is called with the figures of each, and may raise or ask to stop."""

    optimizer: Any
    loss_is_scaled_for_ga = True  # a piece's loss is divided by the pairs of the step, so it may not be divided again

    def __init__(
        self,
        job: PreferenceJob,
        policy: Policy,
        pairs: Pairs,
        recorded: Recorded,
        tokenizer: Any,
        arguments: DPOConfig,
        resumed: Resumed | None,
        apart: str,
        gauge: Gauge,
    ) -> None:
        self.job, self.policy, self.pairs, self.recorded, self.resumed = job, policy, pairs, recorded, resumed
        self.first_step = 0 if resumed is None else resumed.step
        self.gauge = gauge
        self.apart = apart  # why answers pass with a prompt of their own; "": a prompt passes once for both
        self.order = Order(tuple(row.question_id for row in pairs.train), job.batch_pairs, job.seed)
        self.sums: Tensor | None = None  # of the running step, on this process
        self.tokens = 0  # that were trained on, of all processes, padding left out
        self.ids: list[str] = []  # of the pairs of the running step
        self.asked = Asked()
        ids = Dataset.from_dict({"id": [row.id for row in pairs.train]})
        with kept_formats(policy):
            super().__init__(model=policy.model, args=arguments, train_dataset=ids, processing_class=tokenizer, data_collator=list)
        if policy.adapter is not None:
            drop_copy(policy)
        share = self.accelerator.process_index, self.accelerator.num_processes
        self.feed = Feed(recorded, tokenizer.pad_token_id, job.machine.micro_rows, *share, shares_prefix=not apart)

    def after_step(self, step: int, sums: Tensor, lr: float, grad_norm: float) -> bool:
        """Whether to stop. Set by the run."""
        raise NotImplementedError

    # -- data

    def _send_telemetry(self) -> None:
        """Nothing leaves this machine."""

    def _prepare_dataset(self, dataset: Dataset, *_args: Any, **_kwargs: Any) -> Dataset:
        """The pairs are token ids already."""
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:  # noqa: ARG002 - TRL's signature
        """Ours are on record; TRL's would be of the policy with its adapters off, or of a copy in memory."""
        return dataset

    def get_train_dataloader(self) -> Steps:
        return Steps(self.pairs.train, self.order, self.feed, self.first_step)

    def _prepare_inputs(self, inputs: Piece) -> Piece:
        return inputs.to(self.accelerator.device)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The run writes its own rows."""

    def floating_point_ops(self, inputs: Any) -> int:  # noqa: ARG002 - TRL's signature
        """Not counted."""
        return 0

    # -- one step

    def training_step(self, model: nn.Module, inputs: Mapping[str, Any], num_items_in_batch: Any = None) -> Tensor:  # noqa: ARG002 - TRL's signature
        """Forward and backward of all pieces; gives this process's part of the loss. Dropout is drawn by (seed, step, piece, process)."""
        model.train()
        self.sums = None
        pairs: list[PairRow] = inputs["pairs"]
        self.tokens += sum(row.n_all_tokens for row in pairs)
        self.gauge.saw_pairs((row.lengths for row in pairs), shares_prompt=not self.apart)
        self.ids = [row.id for row in pairs]
        pieces: list[Piece] = inputs["pieces"]
        losses = []
        for number, piece in enumerate(pieces):
            torch.manual_seed(seed_of(self.job.seed, "preference", "dropout", self.state.global_step, number, self.accelerator.process_index))
            is_last = number == len(pieces) - 1
            with contextlib.nullcontext() if is_last else self.accelerator.no_sync(model):
                losses.append(within_memory(partial(self._pass, model, piece), len(piece.rows), not are_several(), "pairs"))
        return torch.stack(losses).sum()

    def _pass(self, model: nn.Module, piece: Piece, n: int) -> Tensor:
        """Forward and backward of a piece, or of its first n pairs."""
        passed = piece if n == len(piece.rows) else self.feed.piece(piece.rows[:n], piece.n_step)
        with self.compute_loss_context_manager():
            loss = self.compute_loss(model, self._prepare_inputs(passed))
        self.accelerator.backward(loss)
        return loss.detach()

    def _compute_loss(self, model: nn.Module, inputs: Piece, return_outputs: bool = False) -> Tensor:  # noqa: ARG002 - TRL's signature
        """The weighted losses of a piece, over the pairs of its step; times the processes, whose gradients are averaged."""
        logps = self.logps(model, inputs)
        loss_B = inputs.weight_B * pair_losses(self.job.objective, logps, inputs.margin_B)
        sums = sums_of(loss_B, logps, self.job.objective.beta, inputs.is_counted_B)
        self.sums = sums if self.sums is None else self.sums + sums
        return loss_B.sum() / inputs.n_step * self.accelerator.num_processes

    def logps(self, model: nn.Module, piece: Piece) -> Logps:
        """What the policy gives now, beside what the reference gave."""
        chosen_B, rejected_B = summed_logps(model, piece.answers).chunk(2)
        n_chosen_B, n_rejected_B = torch.tensor(piece.answers.counts, dtype=chosen_B.dtype, device=chosen_B.device).chunk(2)
        return Logps(chosen_B, rejected_B, piece.ref_chosen_B, piece.ref_rejected_B, n_chosen_B, n_rejected_B)

    def measure(self, rows: Sequence[PairRow]) -> Tensor:
        """Sums over rows, without dropout and gradient; of all processes."""
        was_training, before = self.model.training, self.sums
        self.model.eval()
        self.sums = None
        size = self.job.machine.micro_rows or self.job.batch_pairs
        with torch.no_grad(), self.compute_loss_context_manager():
            for first in range(0, len(rows), size * self.feed.n_processes):
                for piece in self.feed.pieces(rows[first : first + size * self.feed.n_processes]):
                    self.compute_loss(self.model, self._prepare_inputs(piece))
        sums = self.gathered()
        self.model.train(was_training)
        self.sums = before
        return sums

    def gathered(self) -> Tensor:
        """The sums of all processes."""
        assert self.sums is not None
        return self.accelerator.reduce(self.sums, "sum") if self.accelerator.num_processes > 1 else self.sums

    # -- the loop

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:  # noqa: ARG002 - TRL's signature
        if self.optimizer is None:
            self.optimizer = make_optimizer(self.job, self.policy.trained(), self.accelerator.device)
        return self.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: torch.optim.Optimizer | None = None) -> LambdaLR:  # noqa: ARG002 - TRL's signature
        """Our schedule, whose first step already moves; a resumed run is at its place in it."""
        first, optim, total = self.first_step, self.job.optim, num_training_steps

        def share(step: int) -> float:
            return learning_rate(optim, first + step, total, warmup_steps=self.job.warmup_steps) / optim.lr

        self.lr_scheduler = LambdaLR(self.optimizer, share)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _init_training_state(self, max_steps: int, num_update_steps_per_epoch: int, *rest: Any) -> tuple[int, int]:
        """Where a resumed run stands; the steps before are left out by `Steps`."""
        num_train_epochs, _resume, trial = rest
        super()._init_training_state(max_steps, num_update_steps_per_epoch, num_train_epochs, None, trial)
        self.state.global_step = self.first_step
        return self.first_step // num_update_steps_per_epoch, 0

    def _prepare_for_training(self, max_steps: int, train_dataloader: Steps, resume_from_checkpoint: Any) -> tuple[nn.Module, Steps]:  # noqa: ARG002 - TRL's signature
        """As TRL does it, then weights and optimizer of the checkpoint, from safetensors."""
        model, steps = super()._prepare_for_training(max_steps, train_dataloader, None)
        if self.resumed is not None:
            restore_state(plain(self.optimizer), self.policy.trained(), self.resumed.snapshot.tensors)
        return model, steps

    def _maybe_log_save_evaluate(self, tr_loss: Tensor, grad_norm: Any, *_args: Any, learning_rate: float | None = None, **_kwargs: Any) -> None:  # noqa: ARG002 - TRL's signature
        """Called after each step and at the end of an epoch: the run logs, evaluates and saves, all of it without pickles."""
        if self.sums is None:
            return  # the end of an epoch: this step has been seen
        sums = self.gathered()
        self.sums = None
        if self.after_step(self.state.global_step, sums, float(learning_rate or 0.0), float(grad_norm)):
            self.control.should_training_stop = True


@contextlib.contextmanager
def kept_formats(policy: Policy) -> Iterator[None]:
    """TRL turns what is trained over 4 bits into bfloat16, which would lose bits of the start: they are what they were, also afterwards."""
    kept = {name: parameter.data for name, parameter in policy.trained().items()}
    yield
    for name, parameter in policy.model.named_parameters():
        if name in kept:
            parameter.data = kept[name]


def plain(optimizer: Any) -> torch.optim.Optimizer:
    """The optimizer that accelerate wraps."""
    return getattr(optimizer, "optimizer", optimizer)


def drop_copy(policy: Policy) -> None:
    """TRL keeps a copy of a given adapter as its reference; ours is on record. What remains trainable is `default`, all of it and alone."""
    model: Any = policy.model
    for name in [name for name in model.peft_config if name != NAME]:
        model.delete_adapter(name)
    model.set_adapter(NAME)
    strange = [name for name in policy.trained() if f".{NAME}." not in name]
    assert not strange, strange
    assert len(policy.trained()) == len(policy.adapter.slots) if policy.adapter else True


def arguments_of(job: PreferenceJob, total: int, folder: str, has_gpu: bool, autocast: bool) -> DPOConfig:
    """TRL's settings: nothing that it does on its own. Its defaults bf16 and gradient checkpointing would cost a CPU half its speed."""
    return DPOConfig(
        output_dir=folder,
        max_steps=total,
        per_device_train_batch_size=job.batch_pairs,
        max_grad_norm=job.optim.max_grad_norm,
        learning_rate=job.optim.lr,
        beta=job.objective.beta,
        seed=job.seed,
        use_cpu=not has_gpu,
        bf16=autocast,
        gradient_checkpointing=False,  # a switch of the machine: the layers have it
        precompute_ref_log_probs=True,
        disable_dropout=False,  # the base's is silenced; the adapter's is a setting
        max_length=None,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_nan_inf_filter=False,
        remove_unused_columns=False,
    )
