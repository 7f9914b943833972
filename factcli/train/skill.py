"""The skill stage: one new adapter, `skill`, learns to tell what the frozen knowledge adapters know.

Loss on the answer and its end token only. The baselines run here too (batches=plain: no knowledge), so that a
method and its baselines differ in rows and knowledge, nothing else. Frozen knowledge has no dropout unless
`knowledge_dropout` sets one. Only the skill adapter is saved; the proofs of proofs.py guard the run.

Tuning full trains every parameter on the same batches with the same loss: float32 weights (computed in bfloat16 where the machine
has it), the base's own dropout off, and the whole model saved.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from factcli.train.base import check_room
from factcli.train.batches import chunks, collate, read_rows
from factcli.train.chats import ChatRow, encode_chats
from factcli.train.checkpoint import Snapshot
from factcli.train.controls import disguise
from factcli.train.distilling import distilled, teach
from factcli.train.job import SkillJob, fingerprint
from factcli.train.learned import Learned
from factcli.train.loop import OnEvent, Progress, learning_rate, run_steps
from factcli.train.model_files import saved_digest, write_model
from factcli.train.objectives import Batch
from factcli.train.proofs import Proofs
from factcli.train.results import finished, write_jsonl, write_result
from factcli.train.routes import DropoutKey
from factcli.train.routing import Pass, Sampler
from factcli.train.session import Session, open_session
from factcli.train.size import skill_steps
from factcli.train.template import DEFAULT_NOTE, settle_template
from factcli.train.vocabulary import missing_tokens

log = logging.getLogger(__name__)
PASS_COST_TOKENS = 256  # a forward and backward pass costs about as much as so many padded tokens, on 2 cores


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of similar length of one pass: one forward and backward."""

    rows: tuple[ChatRow, ...]
    source: Pass


class SkillStage:
    """One `advance` is one optimizer step of what is learned over `micro_batches` micro-batches."""

    def __init__(self, job: SkillJob, session: Session, sampler: Sampler, proofs: Proofs) -> None:
        self.job, self.session, self.sampler, self.proofs = job, session, sampler, proofs
        self.total = skill_steps(job, sampler.epoch_rows)
        self.learned = proofs.learned
        self.plugged = () if job.tuning == "full" else ("skill",)  # beside the knowledge
        self.tokens = 0
        self.apart = 0.0  # nats of divergence from the base in this step, summed over this process's rows

    @property
    def is_done(self) -> bool:
        """The skill stage has no early stop."""
        return False

    def advance(self, step: int) -> Progress:
        first = step * self.job.micro_batches
        tokens, self.apart = self.tokens, 0.0
        by_knowledge: dict[str, float] = {}
        loss, n_told = 0.0, 0
        for index in range(first, first + self.job.micro_batches):
            passes = self.sampler.draw(index)
            parts = self._micro_batch(passes, step, index - first)
            n_told += sum(n_learned(one.rows) for one in passes)
            loss += sum(weighted for weighted, _, _ in parts) / self.job.micro_batches
            by_knowledge |= {key: mean for _, key, mean in parts}
        for parameter in self.learned.parameters.values():
            self.session.add_up_gradients(parameter)
        self.proofs.check_gradients()
        rate = learning_rate(self.job.optim, step, self.total)
        norm = self.learned.step(rate)
        used = self.tokens - tokens
        row = {"step": step + 1, "loss": loss, "lr": rate, "grad_norm": norm, "tokens": used, "by_knowledge": by_knowledge}
        return Progress(loss, used, (row | self._from_base(step, n_told),))

    def _from_base(self, step: int, n_told: int) -> dict[str, float]:
        """Nats per answer token that the model lies from the base, where that is part of the loss; before the first update it lies nowhere."""
        if self.job.distillation.weight == 0:
            return {}
        from_base = float(self.session.accelerator.reduce(torch.tensor(self.apart, device=self.session.device), "sum")) / n_told
        if step == 0:
            self.proofs.check_teacher(from_base)
        return {"from_base": from_base}

    def _micro_batch(self, passes: Sequence[Pass], step: int, micro: int) -> list[tuple[float, str, float]]:
        """Backward through all passes; per pass its share of the loss, its knowledge, its own mean."""
        term_counts: dict[str, int] = {}
        for one in passes:
            term_counts[one.term] = term_counts.get(one.term, 0) + n_learned(one.rows)
        parts: list[tuple[float, str, float]] = []
        for number, one in enumerate(passes):
            part = (micro * len(passes) + number) * 1000  # room for the pieces of a pass
            scale = one.weight / term_counts[one.term]
            summed = self._pass(one, scale / self.job.micro_batches, DropoutKey(step, part))
            key = f"{one.knowledge[0] if one.knowledge else 'none'}:{one.term}"
            parts.append((summed * scale, key, summed / n_learned(one.rows)))
        return parts

    def _pass(self, one: Pass, scale: float, key: DropoutKey) -> float:
        """Summed loss of a pass, its gradient scaled; rows of other lengths go in other pieces."""
        accelerator = self.session.accelerator
        self.tokens += sum(len(row.tokens.ids) for row in one.rows)  # of all processes, padding left out
        own = one.rows[accelerator.process_index :: accelerator.num_processes]
        summed = 0.0
        for number, rows in enumerate(pieces_of(own, self.job.machine.micro_rows)):
            part = key.part + number * accelerator.num_processes + accelerator.process_index
            summed += self._piece(Piece(rows, one), scale, DropoutKey(key.step, part))
        return summed

    def _piece(self, piece: Piece, scale: float, key: DropoutKey) -> float:
        session = self.session
        batch = collate([row.tokens for row in piece.rows], session.pad)
        self.proofs.check_mask(piece.rows, batch)
        batch = batch.to(session.device)
        taught_SV = self._taught(batch)
        with session.bank.active([*piece.source.knowledge, *self.plugged], key):
            (active,) = session.bank.active_rows_log
            self.proofs.check_routing(piece.rows, active)
            with session.computing():
                loss = session.scorer.losses(batch)[0] if taught_SV is None else distilled(session.scorer, batch, taught_SV, self.job.distillation)
            session.accelerator.backward(loss.sum * scale)
        self.apart += loss.apart
        return float(loss.sum.detach())

    def _taught(self, batch: Batch) -> Tensor | None:
        """(S, V) logits of the base alone, where the model is held to them; None without distillation, which costs no pass."""
        if self.job.distillation.weight == 0:
            return None
        with self.session.bank.active([]), self.session.computing():
            return teach(self.session.scorer, batch)

    def snapshot(self) -> Snapshot:
        return Snapshot(self.learned.tensors(), {"decks": self.sampler.positions(), "tokens": self.tokens, "proofs": self.proofs.state()})

    def restore(self, snapshot: Snapshot) -> None:
        self.learned.restore(snapshot.tensors)
        self.sampler.go_to(snapshot.facts["decks"])
        self.proofs.restore(snapshot.facts["proofs"])
        self.tokens = snapshot.facts["tokens"]


def n_learned(rows: Sequence[ChatRow]) -> int:
    return sum(end - start for row in rows for start, end in row.tokens.learned)


def pieces_of(rows: Sequence[ChatRow], micro_rows: int) -> list[tuple[ChatRow, ...]]:
    """Rows sorted by length and cut where that saves more padding than a pass costs, then to micro_rows."""
    by_length = sorted(rows, key=lambda row: (len(row.tokens.ids), row.id))
    cut = cut_by_length([len(row.tokens.ids) for row in by_length])
    pieces: list[tuple[ChatRow, ...]] = []
    start = 0
    for size in cut:
        part = by_length[start : start + size]
        pieces.extend(tuple(piece) for piece in chunks(part, micro_rows or max(1, size)))
        start += size
    return pieces


def cut_by_length(lengths: Sequence[int]) -> list[int]:
    """Sizes of groups of rising lengths with little padding, each split worth its cost."""
    if len(lengths) < 2:
        return [len(lengths)] if lengths else []
    whole = len(lengths) * lengths[-1]
    saved, at = max((whole - i * lengths[i - 1] - (len(lengths) - i) * lengths[-1], i) for i in range(1, len(lengths)))
    if saved <= PASS_COST_TOKENS:
        return [len(lengths)]
    return cut_by_length(lengths[:at]) + cut_by_length(lengths[at:])


def run_skill(job: SkillJob, on_event: OnEvent) -> Mapping[str, object]:
    """Train the skill adapter into out/adapter, or the whole model into out/model; also log.jsonl, proofs.jsonl and result.json."""
    folder = Path(job.out)
    if (done := finished(folder, fingerprint(job))) is not None:
        return done
    session = open_session(job)
    origin = settle_template(session.tokenizer, job.chat_template)
    for text in _notes(job, session, origin):
        on_event({"event": "note", "text": text})
    chats = encode_chats(read_rows(job.rows, job.select), session.tokenizer, job.max_length, job.too_long)
    check_room(session.model, max((len(row.tokens.ids) for row in chats.rows), default=0), "a task row")
    sampler = Sampler(job, chats.rows)
    learned, disguised = plug_in(job, session)
    stage = SkillStage(job, session, sampler, Proofs(job, session.bank, session.tokenizer, learned, disguised))
    resumed = session.checkpoints.resume()
    if resumed is not None:
        stage.restore(resumed.snapshot)
        log.info("going on from step %d", resumed.step)
    run_steps(stage, 0 if resumed is None else resumed.step, session.checkpoints, on_event)
    return finish(job, session, stage, {"n_rows": len(chats.rows), "n_too_long": chats.n_too_long, "chat_template": origin})


def _notes(job: SkillJob, session: Session, origin: str) -> Iterator[str]:
    """What a person should know of how the rows are told."""
    if origin == "default":
        yield DEFAULT_NOTE
    if spelled := missing_tokens(session.tokenizer, job.marks):
        yield f"{', '.join(spelled)}: no tokens of this tokenizer, spelled in several; an adapter has no embeddings of its own, mode full has"


def plug_in(job: SkillJob, session: Session) -> tuple[Learned, dict[str, object]]:
    """The knowledge adapters or their controls, frozen, and a new skill adapter beside them; gives what is to be learned.

    With it, by adapter, what a control has made of it.
    """
    if job.tuning == "full":
        return Learned(dict(session.model.named_parameters()), job.optim), {}
    disguised: dict[str, object] = {}
    for ref in job.knowledge if job.control != "absent" else ():
        loaded = session.bank.load(ref.name, Path(ref.directory), job.knowledge_dropout)
        loaded.seed = job.seed
        if numbers := disguise(loaded, job.control, job.seed):
            disguised[ref.name] = numbers
    adapter = session.bank.add("skill", job.lora.r, job.lora.alpha, job.lora.dropout, job.seed)
    return Learned({"skill": adapter.vector}, job.optim), disguised


def finish(job: SkillJob, session: Session, stage: SkillStage, counts: Mapping[str, object]) -> Mapping[str, object]:
    """Prove that the frozen parts are what they were, save the skill adapter or the model, write the result last."""
    folder = Path(job.out)
    proofs = stage.proofs.finish()
    if not session.is_writer:
        return {}
    if job.tuning == "full":
        digest = saved_digest(session.model, write_model(session.model, session.tokenizer, folder / "model"))
        proofs.append({"proof": "the saved files hold the trained parameters to the bit", "holds": True, "numbers": {"sha256": digest}})
    else:
        session.bank.save("skill", folder / "adapter", job.base_name or job.base)
    write_jsonl(folder / "proofs.jsonl", proofs)
    session.checkpoints.flush()
    result = {"kind": "skill", "batches": job.batches, "control": job.control, "tuning": job.tuning, "steps": stage.total, **counts, "proofs": proofs}
    written = write_result(folder, fingerprint(job), {**result, "usage": session.usage(stage.tokens)})
    session.checkpoints.clear()
    return written
