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

import torch
from torch import Tensor

from factcli.train.base import check_room
from factcli.train.batches import TextOrder, Texts, Tokens, chunks, collate, encode_texts, pack, read_rows
from factcli.train.checkpoint import Snapshot
from factcli.train.job import AdapterPlan, KnowledgeJob, fingerprint
from factcli.train.loop import Event, OnEvent, Progress, adamw, apply_gradient, learning_rate, optimizer_tensors, restore_adapter, run_steps
from factcli.train.recitation import Recited, probes_of, recite
from factcli.train.results import finished, write_jsonl, write_result
from factcli.train.routes import DropoutKey
from factcli.train.session import Session, open_session

log = logging.getLogger(__name__)


class Learner:
    """One adapter on its way: its texts, where it stands in them, its optimizer."""

    def __init__(self, plan: AdapterPlan, job: KnowledgeJob, session: Session) -> None:
        self.plan, self.job, self.name = plan, job, plan.name
        self.max_length = plan.max_length or job.max_length
        self.batch_rows = plan.batch_rows or job.batch_rows
        rows = read_rows(plan.rows, plan.select)
        self.texts: Texts = encode_texts(rows, session.tokenizer, self.max_length, job.knowledge_eos)
        self.probes = probes_of(rows, session.tokenizer, self.max_length, job.recite_sample, job.seed, plan.name)
        lengths = tuple(len(row.ids) for row in self.texts.rows)
        check_room(session.model, self.max_length if job.packing else max(lengths), f"a row of {plan.name}")
        self.order = TextOrder(lengths, self.batch_rows, self.max_length, job.packing, job.seed, plan.name)
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
        for group in same_shape(live):
            taken = {learner.name: learner.next_rows() for learner in group}
            tokens |= {name: sum(len(row.ids) for row in rows) for name, rows in taken.items()}
            losses |= self._backward(taken, step)
        rows = [self._update(learner, losses[learner.name], tokens[learner.name]) for learner in live]
        self.tokens += sum(tokens.values())
        return Progress(sum(losses.values()) / len(losses), sum(tokens.values()), tuple(rows))

    def _backward(self, taken: Mapping[str, list[Tokens]], step: int) -> dict[str, float]:
        """Gradient of each adapter's own mean loss; gives these means (of this process's share)."""
        counts = {name: sum(b - a for row in rows for a, b in row.learned) for name, rows in taken.items()}
        micro = next(iter(self.learners)).job.machine.micro_rows
        accelerator = self.session.accelerator
        shares = {name: rows[accelerator.process_index :: accelerator.num_processes] for name, rows in taken.items()}
        parts = zip_longest(*(chunks(rows, micro or max(1, len(rows))) for rows in shares.values()), fillvalue=())
        total = dict.fromkeys(taken, 0.0)
        for part, pieces in enumerate(parts):
            filled = {name: piece for name, piece in zip(taken, pieces, strict=True) if piece}
            key = part * accelerator.num_processes + accelerator.process_index
            for name, loss in self._part(filled, counts, DropoutKey(step, key, widths_of(filled))).items():
                total[name] += loss
        return total

    def _part(self, pieces: Mapping[str, Sequence[Tokens]], counts: Mapping[str, int], key: DropoutKey) -> dict[str, float]:
        batch = collate([row for rows in pieces.values() for row in rows], self.session.pad).to(self.session.device)
        names = [[name] for name, rows in pieces.items() for _ in rows]
        with self.session.bank.active_rows(names, key):
            found = self.session.scorer.losses(batch, [len(rows) for rows in pieces.values()])
            means: list[Tensor] = [loss.sum / counts[name] for name, loss in zip(pieces, found, strict=True)]
            self.session.accelerator.backward(torch.stack(means).sum())
        return {name: float(mean.detach()) for name, mean in zip(pieces, means, strict=True)}

    def _update(self, learner: Learner, loss: float, tokens: int) -> Event:
        self.session.add_up_gradients(learner.adapter.vector)
        rate, norm = learner.update()
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
    groups: dict[tuple[int, int], list[Learner]] = {}
    for learner in learners:
        groups.setdefault((learner.batch_rows, learner.max_length), []).append(learner)
    return list(groups.values())


def widths_of(pieces: Mapping[str, Sequence[Tokens]]) -> dict[str, int]:
    return {name: max(len(row.ids) for row in rows) for name, rows in pieces.items()}


def run_knowledge(job: KnowledgeJob, on_event: OnEvent) -> dict[str, object]:
    """Train all adapters of a job into out/adapters/<name>; also log.jsonl, recitation.jsonl, result.json."""
    folder = Path(job.out)
    if (done := finished(folder, fingerprint(job))) is not None:
        return done
    session = open_session(job)
    stage = KnowledgeStage(session, [Learner(plan, job, session) for plan in job.adapters], on_event)
    resumed = session.checkpoints.resume()
    if resumed is not None:
        stage.restore(resumed.snapshot)
        log.info("going on from step %d", resumed.step)
    run_steps(stage, 0 if resumed is None else resumed.step, session.checkpoints, on_event)
    return finish(job, session, stage)


def finish(job: KnowledgeJob, session: Session, stage: KnowledgeStage) -> dict[str, object]:
    """Recite, save, and write the result last."""
    folder = Path(job.out)
    for learner in stage.learners:
        stage.try_to_recite(learner)
    if not session.is_writer:
        return {}
    for learner in stage.learners:
        session.bank.save(learner.name, folder / "adapters" / learner.name, job.base_name or job.base)
    rows = [summary_of(learner) for learner in stage.learners]
    write_jsonl(folder / "recitation.jsonl", rows)
    session.checkpoints.flush()
    result = {"kind": "knowledge", "adapters": rows, "usage": session.usage(stage.tokens)}
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
