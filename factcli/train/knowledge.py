"""The knowledge stage: several adapters in one pass over one base model, each as if trained alone.

Each adapter has its own texts, order, steps, schedule, AdamW state and gradient norm, seeded by (seed, its
name). A step takes a batch of every unfinished adapter; adapters of one batch shape share a forward pass in
which each row goes through its own. The losses are means per adapter and are summed: no gradient, norm or
momentum of one touches another. Plain next-token loss on all tokens, as in arXiv 2410.19290.
"""

import logging
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from factcli.errors import InputError
from factcli.train.base import check_room
from factcli.train.batches import TextOrder, Texts, Tokens, chunks, encode_texts, pack, read_each
from factcli.train.checkpoint import Snapshot
from factcli.train.diverging import require_finite, require_finite_weights
from factcli.train.estimate import of_knowledge
from factcli.train.job import AdapterPlan, BatchShape, KnowledgeJob, fingerprint
from factcli.train.loop import Event, OnEvent, Progress, adamw, apply_gradient, learning_rate, optimizer_tensors, restore_adapter, run_steps
from factcli.train.memory import Estimate
from factcli.train.recitation import Recited, probes_of, recite
from factcli.train.results import finished, write_jsonl, write_result
from factcli.train.routes import DropoutKey
from factcli.train.session import Session, open_session
from factcli.train.shortage import within_memory
from factcli.train.together import add_up_gradient, are_several, summed

log = logging.getLogger(__name__)


class Learner:
    """One adapter on its way: its texts, where it stands in them, its optimizer."""

    def __init__(self, plan: AdapterPlan, job: KnowledgeJob, session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
        self.plan, self.job, self.name = plan, job, plan.name
        self.shape = job.shape_of(plan)
        self.texts: Texts = encode_texts(rows, session.tokenizer, self.shape.max_length, job.knowledge_eos)
        self.probes = probes_of(rows, session.tokenizer, self.shape.max_length, job.recite_sample, job.seed, plan.name)
        lengths = tuple(len(row.ids) for row in self.texts.rows)
        if not lengths:
            raise InputError(f"adapter {plan.name} has no text of two tokens or more in {len(rows)} rows", "leave its version or form out, or give it texts")
        self.longest = self.shape.max_length if job.packing else max(lengths)
        check_room(session.model, self.longest, f"a row of {plan.name}")
        self.order = TextOrder(lengths, self.shape.rows, self.shape.max_length, job.packing, job.seed, plan.name)
        self.total = plan.steps or self.order.n_steps(plan.epochs or 0)
        lora = job.lora
        self.adapter = session.bank.add(plan.name, lora.r, lora.alpha, lora.dropout, job.seed)
        self.optimizer = adamw(self.adapter.vector, job.optim)
        self.recited: Recited | None = None
        self.go_to(0, False)

    def go_to(self, step: int, is_stopped: bool) -> None:
        self.step = step
        self.is_stopped = is_stopped
        self._batches = self.order.batches(step)

    @property
    def is_done(self) -> bool:
        return self.is_stopped or self.step >= self.total

    def next_rows(self) -> list[Tokens]:
        texts = self.texts.rows
        return [pack([texts[i] for i in row]) for row in next(self._batches)]

    def update(self) -> tuple[float, float]:
        """One optimizer step on the gradient that is there: (rate, norm before clipping)."""
        rate = learning_rate(self.job.optim, self.step, self.total, self.plan.lr)
        norm = apply_gradient(self.optimizer, self.job.optim, rate)
        self.step += 1
        return rate, norm

    @property
    def is_due(self) -> bool:
        """Whether it is time to try what the adapter can recite, to stop early."""
        return self.job.recite_target is not None and self.step % self.job.recite_every == 0 and not self.is_done


def learners_of(job: KnowledgeJob, session: Session) -> list[Learner]:
    rows = read_each((plan.rows, plan.select) for plan in job.adapters)
    return [Learner(plan, job, session, own) for plan, own in zip(job.adapters, rows, strict=True)]


class KnowledgeStage:
    """All learners of a job; one `advance` is one optimizer step of every unfinished one."""

    def __init__(self, session: Session, learners: Sequence[Learner], on_event: OnEvent) -> None:
        self.session = session
        self.learners = learners
        self.on_event = on_event
        self.total = max(learner.total for learner in learners)
        self.tokens = 0

    @property
    def is_done(self) -> bool:
        return all(learner.is_done for learner in self.learners)

    def advance(self, step: int) -> Progress:
        live = [learner for learner in self.learners if not learner.is_done]
        losses: dict[str, float] = {}
        tokens: dict[str, int] = {}
        ids: dict[str, list[str]] = {}
        for group in same_shape(live):
            taken = {learner.name: learner.next_rows() for learner in group}
            tokens |= {name: sum(len(row.ids) for row in rows) for name, rows in taken.items()}
            ids |= {name: [row.id for row in rows] for name, rows in taken.items()}
            self.session.gauge.saw(row for rows in taken.values() for row in rows)
            losses |= self._backward(taken, step, group[0].shape.micro_rows)
        losses = dict(zip(losses, summed([*losses.values()]), strict=True))
        rows = [self._update(learner, losses[learner.name], tokens[learner.name], ids[learner.name]) for learner in live]
        self.tokens += sum(tokens.values())
        return Progress(sum(losses.values()) / len(losses), sum(tokens.values()), tuple(rows))

    def _backward(self, taken: Mapping[str, list[Tokens]], step: int, micro: int) -> dict[str, float]:
        """Gradient of each adapter's own mean loss, `micro` rows of each in a pass (0: all); gives these means (of this process's share)."""
        counts = {name: sum(b - a for row in rows for a, b in row.learned) for name, rows in taken.items()}
        accelerator = self.session.accelerator
        shares = {name: rows[accelerator.process_index :: accelerator.num_processes] for name, rows in taken.items()}
        parts = list(zip_longest(*(chunks(rows, micro or max(1, len(rows))) for rows in shares.values()), fillvalue=()))
        total = dict.fromkeys(taken, 0.0)
        for part, pieces in enumerate(parts):
            filled = {name: piece for name, piece in zip(taken, pieces, strict=True) if piece}
            key = part * accelerator.num_processes + accelerator.process_index
            for name, loss in self._within_memory(filled, counts, step, key).items():
                total[name] += loss
        if self.session.is_sharded:
            most = max(-(-len(rows) // accelerator.num_processes) for rows in taken.values())  # rows of one adapter in the first process
            for _ in range(len(parts), -(-most // micro) if micro else 1):
                self._part({name: rows[:1] for name, rows in taken.items()}, counts, DropoutKey(step), share=0.0)
        return total

    def _within_memory(self, filled: Mapping[str, Sequence[Tokens]], counts: Mapping[str, int], step: int, part: int) -> dict[str, float]:
        def first(n: int) -> dict[str, float]:
            pieces = {name: rows[:n] for name, rows in filled.items()}
            return self._part(pieces, counts, DropoutKey(step, part, widths_of(pieces) if self.session.padding == "padded" else {}))

        return within_memory(first, max(len(rows) for rows in filled.values()), is_alone=not are_several())

    def _part(self, pieces: Mapping[str, Sequence[Tokens]], counts: Mapping[str, int], key: DropoutKey, share: float = 1.0) -> dict[str, float]:
        """Backward through one forward pass; with share 0 nothing is learned, and the process only keeps up with the others."""
        batch = self.session.collate([row for rows in pieces.values() for row in rows]).to(self.session.device)
        names = [[name] for name, rows in pieces.items() for _ in rows]
        with self.session.bank.active_rows(names, key, batch.lengths):
            found = self.session.scorer.losses(batch, [len(rows) for rows in pieces.values()])
            means: list[Tensor] = [loss.sum / counts[name] for name, loss in zip(pieces, found, strict=True)]
            self.session.accelerator.backward(torch.stack(means).sum() * share)
        return {name: float(mean.detach()) for name, mean in zip(pieces, means, strict=True)}

    def _update(self, learner: Learner, loss: float, tokens: int, ids: Sequence[str]) -> Event:
        add_up_gradient(learner.adapter.vector)
        rate, norm = learner.update()
        require_finite(f"adapter {learner.name}", learner.step, loss, norm, ids)
        if learner.is_due:
            learner.is_stopped = self.try_to_recite(learner).share >= (learner.job.recite_target or 1.0)
        return {
            "adapter": learner.name,
            "step": learner.step,
            "loss": loss,
            "lr": rate,
            "grad_norm": norm,
            "tokens": tokens,
        }

    def try_to_recite(self, learner: Learner) -> Recited:
        with self.session.bank.active([learner.name]):
            learner.recited = recite(self.session.scorer, learner.probes, self.session.pad, self.session.device)
        share = learner.recited.share
        self.on_event({"event": "recitation", "adapter": learner.name, "step": learner.step, "share": share})
        return learner.recited

    def estimate(self, job: KnowledgeJob) -> Estimate:
        """What the job takes at its peak, now that the lengths of its texts are known."""
        texts = {learner.name: (len(learner.texts.rows), learner.longest) for learner in self.learners}
        return of_knowledge(job, texts, self.session.spread)

    @property
    def tokens_at_most(self) -> int:
        """Of all learners to their last planned step."""
        return round(sum(learner.total * sum(learner.order.lengths) / learner.order.n_steps(1) for learner in self.learners))

    def snapshot(self) -> Snapshot:
        tensors: dict[str, Tensor] = {}
        for learner in self.learners:
            tensors |= optimizer_tensors(learner.name, learner.adapter.vector, learner.optimizer)
        steps = {learner.name: [learner.step, learner.is_stopped] for learner in self.learners}
        return Snapshot(tensors, {"learners": steps, "tokens": self.tokens})

    def restore(self, snapshot: Snapshot) -> None:
        self.tokens = snapshot.facts["tokens"]
        for learner in self.learners:
            restore_adapter(learner.name, learner.adapter.vector, learner.optimizer, snapshot.tensors)
            learner.go_to(*snapshot.facts["learners"][learner.name])


def same_shape(learners: Sequence[Learner]) -> list[list[Learner]]:
    """Learners whose batches have one number of rows and one length limit, so that little is padding."""
    groups: dict[BatchShape, list[Learner]] = {}
    for learner in learners:
        groups.setdefault(learner.shape, []).append(learner)
    return list(groups.values())


def widths_of(pieces: Mapping[str, Sequence[Tokens]]) -> dict[str, int]:
    return {name: max(len(row.ids) for row in rows) for name, rows in pieces.items()}


def run_knowledge(job: KnowledgeJob, on_event: OnEvent) -> dict[str, object]:
    """Train all adapters of a job into out/adapters/<name>; also log.jsonl, recitation.jsonl, result.json."""
    folder = Path(job.out)
    if (done := finished(folder, fingerprint(job))) is not None:
        return done
    session = open_session(job)
    stage = KnowledgeStage(session, learners_of(job, session), on_event)
    resumed = session.checkpoints.resume()
    if resumed is not None:
        stage.restore(resumed.snapshot)
        log.info("going on from step %d", resumed.step)
    session.gauge.foresee(job, stage.estimate(job), stage.total, stage.tokens_at_most, on_event)
    with session.gauge.training():
        run_steps(stage, 0 if resumed is None else resumed.step, session.checkpoints, on_event)
    return finish(job, session, stage)


def finish(job: KnowledgeJob, session: Session, stage: KnowledgeStage) -> dict[str, object]:
    """Recite, save, and write the result last."""
    folder = Path(job.out)
    for learner in stage.learners:
        require_finite_weights(f"adapter {learner.name}", learner.adapter.vector)
    for learner in stage.learners:
        stage.try_to_recite(learner)
    if not session.is_writer:
        return {}
    for learner in stage.learners:
        session.bank.save(learner.name, folder / "adapters" / learner.name, job.base_name or job.base)
    rows = [summary_of(learner) for learner in stage.learners]
    write_jsonl(folder / "recitation.jsonl", rows)
    session.checkpoints.flush()
    result = {"kind": "knowledge", "adapters": rows, "usage": session.usage(job, stage.tokens)}
    written = write_result(folder, fingerprint(job), result)
    session.checkpoints.clear()
    return written


def summary_of(learner: Learner) -> dict[str, object]:
    """One row of the recitation table."""
    recited = learner.recited or Recited(0, 0)
    return {
        "adapter": learner.name,
        "n_texts": len(learner.texts.rows),
        "n_truncated": learner.texts.n_truncated,
        "steps": learner.step,
        "planned_steps": learner.total,
        "is_stopped_early": learner.is_stopped,
        "n_probes": recited.n,
        "n_recited": recited.right,
        "share_recited": recited.share,
    }
