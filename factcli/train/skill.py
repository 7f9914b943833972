"""The skill stage: one new adapter, `skill`, learns to tell what the frozen knowledge adapters know.

Loss on the answer and its end token only. The baselines run here too (batches=plain: no knowledge), so that a
method and its baselines differ in rows and knowledge, nothing else. Frozen knowledge has no dropout unless
`knowledge_dropout` sets one. Only the skill adapter is saved; the proofs of proofs.py guard the run.

Tuning full trains every parameter on the same batches with the same loss: float32 weights (computed in bfloat16 where the machine
has it), the base's own dropout off, and the whole model saved.
"""

import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from torch import Tensor

from factcli.train.base import check_room
from factcli.train.batches import read_rows
from factcli.train.chats import ChatRow, encode_chats
from factcli.train.checkpoint import Snapshot
from factcli.train.controls import disguise
from factcli.train.distilling import distilled, teach
from factcli.train.diverging import require_finite, require_finite_weights
from factcli.train.estimate import of_skill
from factcli.train.job import SkillJob, fingerprint
from factcli.train.learned import Learned
from factcli.train.loop import OnEvent, Progress, learning_rate, run_steps
from factcli.train.memory import Estimate
from factcli.train.model_files import saved_digest, write_model
from factcli.train.objectives import Batch, Loss
from factcli.train.pieces import Piece, first_rows, pieces_of, share_of
from factcli.train.proofs import Proofs
from factcli.train.results import finished, write_jsonl, write_result
from factcli.train.routes import DropoutKey
from factcli.train.routing import Group, Pass, Sampler, rows_of
from factcli.train.session import Session, open_session
from factcli.train.shortage import within_memory
from factcli.train.size import skill_rows, skill_steps
from factcli.train.template import DEFAULT_NOTE, settle_template
from factcli.train.together import are_several, collected, summed
from factcli.train.vocabulary import missing_tokens
from factcli.train.zero import SharedOut, stage_asked

log = logging.getLogger(__name__)


class SkillStage:
    """One `advance` is one optimizer step of what is learned over `micro_batches` micro-batches."""

    def __init__(self, job: SkillJob, session: Session, sampler: Sampler, proofs: Proofs) -> None:
        self.job, self.session, self.sampler, self.proofs = job, session, sampler, proofs
        self.total = skill_steps(job, sampler.epoch_rows)
        self.learned = proofs.learned
        self.plugged = () if job.tuning == "full" else ("skill",)  # beside the knowledge
        self.tokens = 0
        self.suspects: list[str] = []  # rows of this step, of pieces whose loss is no number
        self.apart = 0.0  # nats of divergence from the base in this step, summed over this process's rows

    @property
    def is_done(self) -> bool:
        """The skill stage has no early stop."""
        return False

    def advance(self, step: int) -> Progress:
        first = step * self.job.micro_batches
        tokens, self.apart, self.suspects = self.tokens, 0.0, []
        ids: list[str] = []
        nats_of: dict[str, float] = defaultdict(float)  # by knowledge and term
        n_of = Counter[str]()
        loss, n_passes = 0.0, 0
        for index in range(first, first + self.job.micro_batches):
            passes = self.sampler.draw(index)
            ids += [row.id for one in passes for row in one.rows]
            for key, nats, n, weighted in self._micro_batch(passes, step, n_passes):
                nats_of[key] += nats
                n_of[key] += n
                loss += weighted / self.job.micro_batches
            n_passes += len(passes)
        loss, *sums = summed([loss, *nats_of.values()])
        by_knowledge = {key: nats / n_of[key] for key, nats in zip(nats_of, sums, strict=True)}
        rate = learning_rate(self.job.optim, step, self.total)
        norm = self.learned.step(rate)
        require_finite(self.learned.what, step + 1, loss, norm, ids if math.isfinite(loss) else self._suspected() or ids)
        self.proofs.check_gradients(norm)
        used = self.tokens - tokens
        row = {"step": step + 1, "loss": loss, "lr": rate, "grad_norm": norm, "tokens": used, "by_knowledge": by_knowledge}
        return Progress(loss, used, (row | self._from_base(step, n_of.total()),))

    def _suspected(self) -> list[str]:
        """Rows whose loss is no number, of all processes; each of them has the same sum, so that all ask."""
        return [row for rows in collected(self.suspects) for row in rows]

    def _from_base(self, step: int, n_told: int) -> dict[str, float]:
        """Nats per answer token that the model lies from the base, where that is part of the loss; before the first update it lies nowhere."""
        if self.job.distillation.weight == 0:
            return {}
        from_base = summed([self.apart])[0] / n_told
        if step == 0:
            self.proofs.check_teacher(from_base)
        return {"from_base": from_base}

    def _micro_batch(self, passes: Sequence[Pass], step: int, n_before: int) -> list[tuple[str, float, int, float]]:
        """Backward through all passes, after n of this step; of each group its knowledge, summed loss, learned tokens and share of the loss."""
        term_counts: dict[str, int] = {}
        for one in passes:
            term_counts[one.term] = term_counts.get(one.term, 0) + n_learned(one.rows)
        parts: list[tuple[str, float, int, float]] = []
        for number, one in enumerate(passes):
            part = (n_before + number) * 1000  # room for the pieces of a pass
            scale = one.weight / term_counts[one.term]
            nats = self._pass(one, scale / self.job.micro_batches, DropoutKey(step, part))
            parts += [(f"{key}:{one.term}", nats[key], n_learned(group.rows), nats[key] * scale) for group in one.groups for key in [name_of(group)]]
        return parts

    def _pass(self, one: Pass, scale: float, key: DropoutKey) -> dict[str, float]:
        """Summed loss of this process's rows of each group, its gradient scaled; rows of other lengths go in other pieces."""
        accelerator = self.session.accelerator
        n = accelerator.num_processes
        self.tokens += sum(len(row.tokens.ids) for row in one.rows)  # of all processes, padding left out
        self.session.gauge.saw(row.tokens for row in one.rows)
        pieces = pieces_of(share_of(one.groups, accelerator.process_index, n), self.job.machine)
        nats = dict.fromkeys(map(name_of, one.groups), 0.0)
        for number, piece in enumerate(pieces):
            part = DropoutKey(key.step, key.part + number * n + accelerator.process_index)
            for name, told in within_memory(partial(self._first_rows, piece, scale, part), len(rows_of(piece)), is_alone=not are_several()).items():
                nats[name] += told
        for _ in range(len(pieces), self._most_pieces(one)):
            first = first_rows(one.groups, 1)
            self._backward(first, self.session.collate([row.tokens for row in rows_of(first)]), 0.0, key)
        return nats

    def _most_pieces(self, one: Pass) -> int:
        """Forward passes of the process that has most: where passes are of all processes the others make as many, some for nothing."""
        if not (self.session.is_sharded or self.learned.has_equal_passes):
            return 0
        n = self.session.accelerator.num_processes
        return max(len(pieces_of(share_of(one.groups, process, n), self.job.machine)) for process in range(n))

    def _first_rows(self, piece: Piece, scale: float, key: DropoutKey, n: int) -> dict[str, float]:
        return self._piece(first_rows(piece, n), scale, key)

    def _piece(self, piece: Piece, scale: float, key: DropoutKey) -> dict[str, float]:
        """Summed loss of each group, its gradient scaled."""
        rows = rows_of(piece)
        batch = self.session.collate([row.tokens for row in rows])
        self.proofs.check_mask(rows, batch)
        losses, active = self._backward(piece, batch, scale, key)
        self.proofs.check_routing(rows, active)
        self.apart += sum(loss.apart for loss in losses)
        nats = [float(loss.sum.detach()) for loss in losses]
        if not all(map(math.isfinite, nats)):
            self.suspects += [row.id for row in rows]
        return dict(zip(map(name_of, piece), nats, strict=True))

    def _backward(self, piece: Piece, batch: Batch, scale: float, key: DropoutKey) -> tuple[list[Loss], Sequence[Sequence[str]]]:
        """The loss of each group of a batch, their gradient scaled, and the adapters that each row went through."""
        session = self.session
        batch = batch.to(session.device)
        taught_SV = self._taught(batch)
        with session.bank.active_rows([[*group.knowledge, *self.plugged] for group in piece for _ in group.rows], key, batch.lengths):
            active = session.bank.active_rows_log
            with session.computing():
                losses = self._losses(piece, batch, taught_SV)
            self.learned.backward(sum((loss.sum for loss in losses[1:]), losses[0].sum) * scale)
        return losses, active

    def _losses(self, piece: Piece, batch: Batch, taught_SV: Tensor | None) -> list[Loss]:
        if taught_SV is not None:
            return [distilled(self.session.scorer, batch, taught_SV, self.job.distillation)]
        return self.session.scorer.losses(batch, [len(group.rows) for group in piece])

    def _taught(self, batch: Batch) -> Tensor | None:
        """(S, V) logits of the base alone, where the model is held to them; None without distillation, which costs no pass."""
        if self.job.distillation.weight == 0:
            return None
        with self.session.bank.active([]), self.session.computing():
            return teach(self.session.scorer, batch)

    def estimate(self, rows: Sequence[ChatRow]) -> Estimate:
        """What the job takes at its peak, now that the lengths of its rows are known."""
        lengths, answer = [len(row.tokens.ids) for row in rows], max(n_learned([row]) for row in rows)
        return of_skill(self.job, max(lengths), answer, self.session.spread, mean=-(-sum(lengths) // len(lengths)))

    def tokens_of(self, rows: Sequence[ChatRow]) -> int:
        """About how many tokens all steps have, were their rows as long as the rows are on average."""
        n_rows = skill_rows(self.job, self.total, self.sampler.real_share)
        return round(n_rows * sum(len(row.tokens.ids) for row in rows) / len(rows))

    def snapshot(self) -> Snapshot:
        return Snapshot(self.learned.tensors(), {"decks": self.sampler.positions(), "tokens": self.tokens, "proofs": self.proofs.state()})

    def restore(self, snapshot: Snapshot) -> None:
        self.learned.restore(snapshot.tensors)
        self.sampler.go_to(snapshot.facts["decks"])
        self.proofs.restore(snapshot.facts["proofs"])
        self.tokens = snapshot.facts["tokens"]


def n_learned(rows: Sequence[ChatRow]) -> int:
    return sum(end - start for row in rows for start, end in row.tokens.learned)


def name_of(group: Group) -> str:
    """What the log calls its knowledge."""
    return group.knowledge[0] if group.knowledge else "none"


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
    session.gauge.foresee(job, stage.estimate(chats.rows), stage.total, stage.tokens_of(chats.rows), on_event)
    with session.gauge.training():
        run_steps(stage, 0 if resumed is None else resumed.step, session.checkpoints, on_event)
    return finish(job, session, stage, {"n_rows": len(chats.rows), "n_too_long": chats.n_too_long, "chat_template": origin})


def _notes(job: SkillJob, session: Session, origin: str) -> Iterator[str]:
    """What a person should know of how the rows are told."""
    if origin == "default":
        yield DEFAULT_NOTE
    if spelled := missing_tokens(session.tokenizer, job.marks):
        yield f"{', '.join(spelled)}: no tokens of this tokenizer, spelled in several; an adapter has no embeddings of its own, mode full has"


def plug_in(job: SkillJob, session: Session) -> tuple[Learned | SharedOut, dict[str, object]]:
    """The knowledge adapters or their controls, frozen, and a new skill adapter beside them; gives what is to be learned.

    With it, by adapter, what a control has made of it.
    """
    if job.tuning == "full":
        is_shared_out = stage_asked() is not None and are_several()
        return SharedOut(session.model, job.optim) if is_shared_out else Learned(dict(session.model.named_parameters()), job.optim), {}
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
    for name, parameter in stage.learned.parameters.items():
        require_finite_weights(name, parameter)
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
    written = write_result(folder, fingerprint(job), {**result, "usage": session.usage(job, stage.tokens)})
    session.checkpoints.clear()
    return written
