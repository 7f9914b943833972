"""A preference job from beginning to end: reference, certificate, training, proofs, results."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoConfig, PreTrainedTokenizerBase
from trl.trainer.dpo_config import DPOConfig

from factcli.errors import DivergedError, InputError
from factcli.preferencerows import ReferenceLogp
from factcli.train.asking import Wish, end_together, listening
from factcli.train.base import load_tokenizer
from factcli.train.batches import pad_id
from factcli.train.checkpoint import Checkpoints, Resumed, Snapshot
from factcli.train.diverging import require_finite, with_kept
from factcli.train.estimate import shape_of
from factcli.train.gauge import Gauge
from factcli.train.job import PreferenceJob, fingerprint
from factcli.train.keeping import drop
from factcli.train.loop import Meter, OnEvent, Progress
from factcli.train.preference.best import Best, restore_best, save_best
from factcli.train.preference.certificate import Proof, certify, frozen_digest, prove_end, prove_saved, trained_digest
from factcli.train.preference.metrics import NAMES, row_of
from factcli.train.preference.optimizers import restore_state, state_tensors
from factcli.train.preference.pairs import Pairs, read_pairs
from factcli.train.preference.policy import NAME, check_four_bit, check_same_family, load_policy, numbers_of, save_policy
from factcli.train.preference.prefix import why_apart
from factcli.train.preference.reference import Identity, identify, logps_of, reference_logps
from factcli.train.preference.samples import answer_prompts, asked_of
from factcli.train.preference.sizes import estimate_of, sizes_of, tokens_of, total_steps
from factcli.train.preference.trainer import PreferenceTrainer, arguments_of, plain
from factcli.train.results import finished, usage_of, write_jsonl, write_result
from factcli.train.sharding import refuse_parts
from factcli.train.template import DEFAULT_NOTE, settle_template
from factcli.train.zero import refuse_shared_out

log = logging.getLogger(__name__)


class Run:
    """What happens between the steps of one run: logs, evaluations, samples, checkpoints, a clean stop."""

    def __init__(self, job: PreferenceJob, trainer: PreferenceTrainer, checkpoints: Checkpoints, reference: str, on_event: OnEvent) -> None:
        self.job, self.trainer, self.checkpoints = job, trainer, checkpoints
        self.total = total_steps(job, len(trainer.pairs.train))
        self.meter = Meter(self.total, on_event)
        folder = Path(job.out)
        self.steps, self.samples = (checkpoints.beside(folder / name) for name in ("steps.jsonl", "samples.jsonl"))
        self.reference = reference  # digest
        self.pairs_seen = 0
        self.right, self.seen = 0.0, 0  # pairs ranked right, and seen, since accuracy was last looked at
        self.tokens = 0  # up to the last step
        self.best: Best | None = None
        self.is_stopped = False
        trainer.after_step = self.after_step  # type: ignore[method-assign]  # the trainer's one call outward

    def go(self) -> int:
        """All steps that are left; gives the number of those taken since the first start."""
        self.begin()
        trainer, resumed = self.trainer, self.trainer.resumed
        if resumed is not None and self.is_over:
            restore_state(trainer.create_optimizer(), trainer.policy.trained(), resumed.snapshot.tensors)
            return trainer.first_step
        with listening(Path(self.job.out)) as trainer.asked:
            trainer.train()
        return trainer.state.global_step

    def begin(self) -> None:
        """Cut the logs to where the run stands; measure the start of a new one."""
        resumed = self.trainer.resumed
        for rows in (self.steps, self.samples):
            rows.cut(-1 if resumed is None else resumed.step)
        if resumed is None:
            self.evaluate(0)
            return
        facts = resumed.snapshot.facts
        self.pairs_seen, self.right, self.seen, self.is_stopped = facts["pairs_seen"], facts["right"], facts["seen"], facts["is_stopped"]
        self.tokens = self.trainer.tokens = facts["tokens"]
        self.best = Best(**facts["best"]) if facts["best"] else None

    def after_step(self, step: int, sums: Tensor, lr: float, grad_norm: float) -> bool:
        """Rows of the step; evaluation and checkpoint where due; whether to stop."""
        self.check_finite(step, float(sums[0]) / round(float(sums[-1])), grad_norm)
        before = self.pairs_seen
        self.count(step, sums, lr, grad_norm)
        every = self.job.eval_every_pairs or len(self.trainer.pairs.train)
        is_due = self.pairs_seen // every > before // every
        if is_due:
            self.is_stopped = self.is_accurate()
        is_last = step >= self.total or self.is_stopped
        if is_last or (is_due and self.job.eval_every_pairs is not None):
            self.evaluate(step)
            self.save(step)
        wish = Wish.NOTHING if is_last else self.trainer.asked.wish(self.checkpoints.is_due)
        if wish:
            self.save(step)
        if wish == Wish.STOP:
            end_together(f"{step} of {self.total}")
        return is_last

    def check_finite(self, step: int, loss: float, grad_norm: float) -> None:
        """Raises DivergedError before anything of the step is logged or saved."""
        try:
            require_finite("training", step, loss, grad_norm, self.trainer.ids)
        except DivergedError as error:
            raise with_kept(error, self.checkpoints.kept()) from None

    def count(self, step: int, sums: Tensor, lr: float, grad_norm: float) -> None:
        """Add the step to what has been seen, and its rows to the logs."""
        loss, accuracy, n_pairs = float(sums[0]), float(sums[NAMES.index("accuracy")]), round(float(sums[-1]))
        self.pairs_seen += n_pairs
        self.right, self.seen = self.right + accuracy, self.seen + n_pairs
        row = row_of(sums, step, "train", self.pairs_seen, lr, grad_norm)
        self.steps.add(row)
        self.checkpoints.log([{"adapter": NAME, "step": step, "loss": row["loss"], "lr": lr, "grad_norm": grad_norm}])
        self.meter.tick(step, Progress(loss / n_pairs, self.trainer.tokens - self.tokens, ()))
        self.tokens = self.trainer.tokens

    def is_accurate(self) -> bool:
        """Whether the pairs since the last look are ranked right often enough to stop; begins to count anew."""
        accuracy, self.right, self.seen = self.right / self.seen, 0.0, 0
        return self.job.stop_at_accuracy is not None and accuracy >= self.job.stop_at_accuracy

    def evaluate(self, step: int) -> None:
        """All dev pairs, and what the policy answers to some dev prompts."""
        dev = self.trainer.pairs.dev
        if not dev:
            return
        measured = row_of(self.trainer.measure(dev), step, "dev", self.pairs_seen)
        self.steps.add(measured)
        if self.job.keep == "best" and step:
            self.remember(Best(step, measured["accuracy"], measured["loss"]))
        if self.job.sample_prompts and self.checkpoints.is_writer:
            asked = asked_of(dev, self.job.sample_prompts)
            for row in answer_prompts(self.trainer.policy, self.trainer.processing_class, asked, step, self.job.sample_max_tokens):
                self.samples.add(row)

    def remember(self, found: Best) -> None:
        """Keep the weights of an evaluation that is better than those before. The file is there before a checkpoint speaks of it."""
        if self.best is not None and not found.is_better_than(self.best):
            return
        self.best = found
        if self.checkpoints.is_writer:
            save_best(self.trainer.policy, Path(self.job.out))

    def settle(self, steps: int) -> int:
        """The step whose weights are kept; they are put back where it is not the last one."""
        if self.best is None or self.best.step == steps:
            return steps
        self.trainer.accelerator.wait_for_everyone()
        restore_best(self.trainer.policy, Path(self.job.out))
        return self.best.step

    def save(self, step: int) -> None:
        self.checkpoints.save(step, self.snapshot())

    def snapshot(self) -> Snapshot:
        """Trained tensors, optimizer, and where the run stands."""
        best = asdict(self.best) if self.best else None
        facts = {"pairs_seen": self.pairs_seen, "right": self.right, "seen": self.seen, "is_stopped": self.is_stopped, "tokens": self.tokens, "best": best}
        tensors = state_tensors(plain(self.trainer.optimizer), self.trainer.policy.trained())
        return Snapshot(tensors, {**facts, "reference": self.reference})

    @property
    def is_over(self) -> bool:
        """Whether a resumed run has no step left."""
        return self.is_stopped or self.trainer.first_step >= self.total


@dataclass(frozen=True, slots=True)
class Ground:
    """What a run stands on before its policy is loaded."""

    job: PreferenceJob
    tokenizer: PreTrainedTokenizerBase
    template: str  # where the chat template comes from
    pairs: Pairs
    arguments: DPOConfig
    identity: Identity
    gauge: Gauge

    @property
    def folder(self) -> Path:
        return Path(self.job.out)

    def checkpoints(self) -> Checkpoints:
        every, is_writer = self.job.machine.checkpoint_every_s, self.arguments.process_index == 0
        return Checkpoints(self.folder / "checkpoints", fingerprint(self.job), every, self.folder / "log.jsonl", is_writer)


def run_preference(job: PreferenceJob, on_event: OnEvent) -> Mapping[str, object]:
    """Train into out/adapter (or out/model), with steps, samples, reference, proofs and result beside it."""
    if (done := finished(Path(job.out), fingerprint(job))) is not None:
        return done
    drop()
    check_four_bit(job)
    refuse_parts("`fact dpo`")
    refuse_shared_out("`fact dpo`")
    if job.machine.threads:
        torch.set_num_threads(job.machine.threads)
    ground = prepare(job, on_event)
    n_steps, tokens = total_steps(job, len(ground.pairs.train)), tokens_of(job, ground.pairs.train)
    ground.gauge.foresee(job, estimate_of(job, ground.pairs, ground.arguments.world_size), n_steps, tokens, on_event)
    known = reference_logps(job, ground.identity, ground.pairs, ground.arguments, pad_id(ground.tokenizer), on_event)
    return train(ground, known, on_event)


def prepare(job: PreferenceJob, on_event: OnEvent) -> Ground:
    """Tokenizer, pairs, settings and the reference's identity, all of them checked."""
    tokenizer = load_tokenizer(job.base, job.chat_template)
    template = settle_template(tokenizer, job.chat_template)
    if template == "default":
        on_event({"event": "note", "text": DEFAULT_NOTE})
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    pairs = read_pairs(job, tokenizer, getattr(AutoConfig.from_pretrained(job.base, trust_remote_code=False), "max_position_embeddings", None))
    has_gpu = job.machine.device != "cpu" and torch.cuda.is_available()
    numbers = numbers_of(job, torch.device("cuda" if has_gpu else "cpu"))
    arguments = arguments_of(job, total_steps(job, len(pairs.train)), job.out, has_gpu, numbers.autocast)
    if job.keep == "best" and not pairs.dev:
        raise InputError("keep is best and no pair is held out to tell which step is", hint="--set keep=last, or pairs of split dev")
    check_same_family(job)
    gauge = Gauge(arguments.device, arguments.world_size)
    return Ground(job, tokenizer, template, pairs, arguments, identify(job, tokenizer, numbers.name), gauge)


def train(ground: Ground, known: Mapping[str, float], on_event: OnEvent) -> Mapping[str, object]:
    """Certify, train, prove, save."""
    job, identity = ground.job, ground.identity
    policy = load_policy(job, ground.arguments.device)
    apart = why_apart(job, policy.model, ground.pairs.all, pad_id(ground.tokenizer), identity.numbers)
    on_event({"event": "note", "text": f"answers pass with a prompt of their own: {apart}" if apart else "a prompt passes once for both answers"})
    checkpoints = ground.checkpoints()
    resumed = checkpoints.resume()
    check_resumed(resumed, identity)
    recorded = logps_of(identity, ground.pairs.all, known)
    trainer = PreferenceTrainer(job, policy, ground.pairs, recorded, ground.tokenizer, ground.arguments, resumed, apart, ground.gauge)
    before = {"frozen": frozen_digest(policy), "trained": trained_digest(policy)}
    proofs = certify(trainer, identity, known)
    run = Run(job, trainer, checkpoints, identity.reference, on_event)
    with ground.gauge.training():
        steps = run.go()
    kept_step = run.settle(steps)
    proofs += prove_end(job, policy, identity, before, steps)
    return leave(ground, run, steps, kept_step, proofs) if checkpoints.is_writer else {}


def leave(ground: Ground, run: Run, steps: int, kept_step: int, proofs: list[Proof]) -> Mapping[str, object]:
    """Weights, tables and, last, the result, which says that the run is finished."""
    folder, checkpoints = ground.folder, run.checkpoints
    proofs.append(prove_saved(run.trainer.policy, save_policy(run.trainer.policy, ground.job, folder)))
    write_jsonl(folder / "proofs.jsonl", proofs)
    write_jsonl(folder / "reference.jsonl", reference_rows(ground.pairs, run.trainer.recorded))
    write_jsonl(folder / "left_out.jsonl", [{"id": name, "reason": why} for name, why in ground.pairs.left_out.items()])
    checkpoints.flush()
    measured = ground.gauge.usage(shape_of(ground.job.base), sizes_of(ground.job, run.trainer.policy))
    usage = {**usage_of(checkpoints.seconds, run.tokens, ground.arguments.world_size), **measured}
    found = {"steps": steps, "kept_step": kept_step, "pairs_seen": run.pairs_seen, "is_stopped_early": run.is_stopped, "reference": ground.identity.reference}
    sharing = f"off: {run.trainer.apart}" if run.trainer.apart else "on"
    said = {**ground.pairs.counts, "chat_template": ground.template, "prefix_sharing": sharing, "proofs": proofs, "usage": usage}
    written = write_result(folder, fingerprint(ground.job), {"kind": "preference", **found, **said})
    checkpoints.clear()
    return written


def check_resumed(resumed: Resumed | None, identity: Identity) -> None:
    """A run goes on against the reference that it began with."""
    recorded = None if resumed is None else resumed.snapshot.facts.get("reference")
    if recorded is not None and recorded != identity.reference:
        raise InputError(
            f"the reference has changed since the run began: its digest is {identity.reference[:12]}, the checkpoint recorded {recorded[:12]}",
            hint="restore the files of the reference, or start the run anew",
        )


def reference_rows(pairs: Pairs, recorded: Mapping[str, tuple[float, float]]) -> list[Mapping[str, object]]:
    rows = [ReferenceLogp(row.id, *recorded[row.id], len(row.chosen_ids), len(row.rejected_ids), row.split) for row in pairs.all]
    return [asdict(row) for row in rows]
