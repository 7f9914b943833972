"""Losses over chosen token positions, and the one pass that computes them.

Rows are padded on the right and the models are causal, so padding needs no attention mask: no real token
sees it; or they lie end to end in one row, and segments.py keeps them apart. Only supervised positions go
through the output head where the architecture allows it.
Legend: N rows, T positions, H hidden, S supervised positions of the batch, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Layout:
    """Of rows that are not one text each: every token's place in its own text, and the mask that their attention knows to read."""

    place_NT: Tensor
    mask: Tensor

    def to(self, device: torch.device) -> "Layout":
        return Layout(self.place_NT.to(device), self.mask.to(device))


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded rows, or rows laid end to end, and which of their tokens are learned.

    `at_S`: flat position (row * T + t) whose output predicts token `target_S`; supervised positions lie in row order,
    `counts[i]` of them in row i. `lengths`: tokens of each row where they lie end to end in a single one (N = 1); else empty.
    `layout`: None where a row is one text; else supervised positions lie text by text. Rows end to end have none.
    """

    ids_NT: Tensor
    at_S: Tensor
    target_S: Tensor
    counts: tuple[int, ...]
    lengths: tuple[int, ...] = ()
    layout: Layout | None = None

    def to(self, device: torch.device) -> "Batch":
        layout = self.layout and self.layout.to(device)
        return replace(self, ids_NT=self.ids_NT.to(device), at_S=self.at_S.to(device), target_S=self.target_S.to(device), layout=layout)

    def inputs(self) -> dict[str, Any]:
        """What the model is given. Of rows end to end their bounds too, under the names that transformers' attention knows."""
        given: dict[str, Any] = {"input_ids": self.ids_NT, "use_cache": False}
        if self.layout is not None:
            return given | {"position_ids": self.layout.place_NT, "attention_mask": self.layout.mask}
        return given | self._bounds() if self.lengths else given

    def _bounds(self) -> dict[str, Any]:
        device, longest = self.ids_NT.device, max(self.lengths)
        places_T = torch.cat([torch.arange(length) for length in self.lengths])
        bounds = torch.tensor([0, *accumulate(self.lengths)], dtype=torch.int32, device=device)
        given = {"position_ids": places_T[None].to(device), "cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds}
        return given | {"max_length_q": longest, "max_length_k": longest}


@dataclass(frozen=True, slots=True)
class Loss:
    """Summed cross entropy in nats (with gradient) and over how many tokens.

    `apart`: the summed divergence from the base, in nats and unweighted, where it is part of the sum.
    """

    sum: Tensor
    count: int
    apart: float = 0.0

    @property
    def mean(self) -> Tensor:
        return self.sum / max(self.count, 1)


class Scorer:
    """Supervised logits of a model, through the head only where needed if the model allows that.

    Some models scale or cap their logits after the head; one probe of two tokens at the start tells, and
    such a model takes the whole pass.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.decoder = model.base_model
        self.head = model.get_output_embeddings()
        self.is_head_plain = self._probe()

    def _probe(self) -> bool:
        if self.head is None or self.decoder is self.model:
            return False
        was_training = self.model.training
        if was_training:
            self.model.eval()  # not otherwise: modules of a base in 4 bits keep a mode of their own
        with torch.no_grad():
            ids = torch.tensor([[0, 1]], device=self.model.device)
            whole = self.model(input_ids=ids, use_cache=False).logits
            parts = self.head(self.decoder(input_ids=ids, use_cache=False).last_hidden_state)
        if was_training:
            self.model.train()
        return whole.shape == parts.shape and torch.allclose(whole, parts, rtol=1e-4, atol=1e-4)

    def logits(self, batch: Batch) -> Tensor:
        """(S, V) float logits that predict batch.target_S."""
        if self.is_head_plain:
            hidden = self.decoder(**batch.inputs()).last_hidden_state
            chosen = self.head(hidden.reshape(-1, hidden.shape[-1])[batch.at_S])
        else:
            logits = self.model(**batch.inputs()).logits
            chosen = logits.reshape(-1, logits.shape[-1])[batch.at_S]
        return chosen if chosen.dtype == torch.float64 else chosen.float()

    def losses(self, batch: Batch, group_rows: Sequence[int] | None = None) -> list[Loss]:
        """The loss of each group of consecutive rows; None: all rows are one group.

        Causal language modelling or answer-only: that is the batch's choice of supervised positions.
        """
        loss_S = F.cross_entropy(self.logits(batch), batch.target_S, reduction="none")
        groups = group_rows or [len(batch.counts)]
        sizes, start = [], 0
        for rows in groups:
            sizes.append(sum(batch.counts[start : start + rows]))
            start += rows
        return [Loss(part.sum(), size) for part, size in zip(loss_S.split(sizes), sizes, strict=True)]

    def is_right(self, batch: Batch) -> Tensor:
        """(S,) whether greedy decoding would give each supervised token, given the true text before it."""
        with torch.no_grad():
            return self.logits(batch).argmax(-1) == batch.target_S
