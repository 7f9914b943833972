"""Pre-trains the base model on the world's documents until the gate holds, or to a step limit, and says which.

Does not save checkpoints: a step depends on (settings, step, model, optimizers) alone, so whoever keeps
`Pretrainer.state_dict()` can go on exactly where it was.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.errors import DivergedError
from factcli.world.model.measure import Row, gate_accuracy
from factcli.world.people import World
from factcli.world.settings import PretrainSettings
from factcli.world.texts import PretrainingTexts

IGNORED = -100  # label of a position that no loss is taken at


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents packed whole into rows. B rows, T tokens each.

    positions count from 0 in every document, which also tells the model that documents do not see each
    other; labels are the next tokens, IGNORED at a document's end and on padding.
    """

    ids_BT: torch.Tensor
    positions_BT: torch.Tensor
    labels_BT: torch.Tensor


@dataclass(frozen=True, slots=True)
class PretrainResult:
    """How pre-training ended; `gate` is the last measurement, 0..1."""

    ended_by: Literal["gate", "limit"]
    gate: float
    steps: int
    n_tokens: int


def pack_documents(documents: Sequence[Sequence[int]], row_tokens: int, pad_id: int) -> Batch:
    """All documents, longest first, each into the first row with room for it; rows are padded at the end."""
    rows: list[list[Sequence[int]]] = []
    room: list[int] = []
    for document in sorted((document[:row_tokens] for document in documents), key=len, reverse=True):
        row = next((i for i, free in enumerate(room) if free >= len(document)), len(rows))
        if row == len(rows):
            rows.append([])
            room.append(row_tokens)
        rows[row].append(document)
        room[row] -= len(document)
    return _batch(rows, room, pad_id)


def _batch(rows: list[list[Sequence[int]]], room: list[int], pad_id: int) -> Batch:
    ids, positions, labels = [], [], []
    for row, free in zip(rows, room, strict=True):
        ids.append([token for document in row for token in document] + [pad_id] * free)
        positions.append([i for document in row for i in range(len(document))] + list(range(free)))
        labels.append([token for document in row for token in (*document[1:], IGNORED)] + [IGNORED] * free)
    return Batch(torch.tensor(ids), torch.tensor(positions), torch.tensor(labels))


def next_token_loss(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    """Mean loss over the labelled tokens, in nats; the head runs on those alone. In bf16 on a GPU."""
    with torch.autocast(model.device.type, torch.bfloat16, enabled=model.device.type == "cuda"):
        hidden_BT = model.model(input_ids=batch.ids_BT, position_ids=batch.positions_BT, use_cache=False).last_hidden_state
        is_labelled_BT = batch.labels_BT != IGNORED
        logits_N = model.lm_head(hidden_BT[is_labelled_BT])
    return cross_entropy(logits_N.float(), batch.labels_BT[is_labelled_BT])


def rate_share(step: int, settings: PretrainSettings) -> float:
    """The rate of a step as a share of the first phase's peak: warm-up, then linear to zero, in each phase."""
    if step < settings.steps:
        return min((step + 1) / settings.warmup_steps, (settings.steps - step) / (settings.steps - settings.warmup_steps + 1))
    n = settings.extension_steps
    return settings.extension_rate_share * (1 - (step - settings.steps) % n / n)


class Pretrainer:
    """The state of one pre-training run: model, optimizers and how far it is."""

    def __init__(self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, world: World, settings: PretrainSettings) -> None:
        self.model, self.tokenizer, self.world, self.settings = model, tokenizer, world, settings
        self.step = 0
        self.n_tokens = 0
        self.optimizers = _optimizers(model, settings)
        self._texts = PretrainingTexts(world, settings.seed)

    def train_step(self) -> float:
        """Trains on the next documents and returns their mean loss, in nats."""
        batch = self.batch(self.step)
        share = rate_share(self.step, self.settings)
        for optimizer, peak in zip(self.optimizers, (self.settings.matrix_rate, self.settings.other_rate), strict=True):
            for group in optimizer.param_groups:
                group["lr"] = peak * share
        self.model.train()
        loss = next_token_loss(self.model, batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_gradient_norm)
        self._require_finite(loss.item(), float(norm))
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.n_tokens += int((batch.labels_BT != IGNORED).sum())
        return loss.item()

    def _require_finite(self, loss: float, norm: float) -> None:
        """Raises DivergedError, before the weights are changed, where a step has come apart."""
        if not (math.isfinite(loss) and math.isfinite(norm)):
            n = self.settings.documents_per_step
            documents = f"the batch is of the documents {self.step * n} to {(self.step + 1) * n - 1}"
            numbers = f"the loss is {loss:g}, the norm of its gradient {norm:g}"
            raise DivergedError(
                f"pre-training came apart at step {self.step + 1}: {numbers}; {documents}", "lower rates: --set pretrain.matrix_rate and pretrain.other_rate"
            )

    def batch(self, step: int) -> Batch:
        """The documents of a step: number `step * documents_per_step` and those that follow."""
        n = self.settings.documents_per_step
        texts = [self._texts.document(index) for index in range(step * n, (step + 1) * n)]
        begin, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        documents = [[begin, *ids, end] for ids in self.tokenizer(texts, add_special_tokens=False)["input_ids"]]
        batch = pack_documents(documents, self.settings.row_tokens, self.tokenizer.pad_token_id)
        device = self.model.device
        return Batch(batch.ids_BT.to(device), batch.positions_BT.to(device), batch.labels_BT.to(device))

    def gate(self) -> float:
        return gate_accuracy(self.model, self.tokenizer, self.world, self.settings.gate_people)

    def is_phase_end(self) -> bool:
        """Whether the rate has just reached zero: the only points at which training may end."""
        beyond = self.step - self.settings.steps
        return beyond >= 0 and beyond % self.settings.extension_steps == 0

    def ending(self, gate: float) -> Literal["gate", "limit"] | None:
        """Why training ends here; None if it goes on."""
        if not self.is_phase_end():
            return None
        if gate >= self.settings.gate_accuracy:
            return "gate"
        return "limit" if self.step >= self.most_steps else None

    @property
    def most_steps(self) -> int:
        return self.settings.steps + self.settings.n_extensions * self.settings.extension_steps

    def state_dict(self) -> dict[str, object]:
        """All that a resumed run needs, tensors and numbers; see `load_state_dict`."""
        return {
            "step": self.step,
            "n_tokens": self.n_tokens,
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
        }

    def load_state_dict(self, state: dict) -> None:
        self.step, self.n_tokens = state["step"], state["n_tokens"]
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)


def _optimizers(model: LlamaForCausalLM, settings: PretrainSettings) -> list[torch.optim.Optimizer]:
    """Muon for the layers' matrices, AdamW for the embedding and the norms."""
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    is_matrix = {id(p) for p in matrices}
    others = [p for p in model.parameters() if id(p) not in is_matrix]
    muon = torch.optim.Muon(matrices, lr=settings.matrix_rate, weight_decay=settings.weight_decay, adjust_lr_fn="match_rms_adamw")
    adamw = torch.optim.AdamW(others, lr=settings.other_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [muon, adamw]


def run(trainer: Pretrainer, on_event: Callable[[Row], None]) -> PretrainResult:
    """Takes `trainer` from where it is to the end. Events: {"event": "step", step, loss, ...} and {"event": "gate", step, accuracy}.

    `on_event` may save the trainer's state: it is called between steps.
    """
    settings = trainer.settings
    while True:
        if trainer.is_phase_end() or trainer.step % settings.gate_every_steps == 0:
            gate = trainer.gate()
            on_event({"event": "gate", "step": trainer.step, "accuracy": gate})
            if ended_by := trainer.ending(gate):
                return PretrainResult(ended_by, gate, trainer.step, trainer.n_tokens)
        loss = trainer.train_step()
        if trainer.step % settings.log_every_steps == 0:
            on_event({"event": "step", "step": trainer.step, "loss": loss, "n_tokens": trainer.n_tokens})
