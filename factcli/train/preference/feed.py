"""Pairs as the pieces that pass through the model: what a preference run iterates over.

Legend: B pairs of a piece.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from factcli.train.objectives import Batch
from factcli.train.preference.pairs import Order, PairRow, micro_batches
from factcli.train.preference.prefix import answers_of

Recorded = Mapping[str, tuple[float, float]]  # pair id -> reference log-probability of chosen, of rejected


@dataclass(frozen=True, slots=True)
class Piece:
    """Pairs of one forward pass: chosen answers first, then the rejected ones. Its loss is divided by `n_step`, the pairs of the whole step."""

    rows: Sequence[PairRow]
    answers: Batch
    ref_chosen_B: Tensor
    ref_rejected_B: Tensor
    weight_B: Tensor
    margin_B: Tensor
    is_counted_B: Tensor  # 0 for a row that only keeps processes in step
    n_step: int

    def to(self, device: torch.device) -> "Piece":
        return replace(
            self,
            answers=self.answers.to(device),
            ref_chosen_B=self.ref_chosen_B.to(device),
            ref_rejected_B=self.ref_rejected_B.to(device),
            weight_B=self.weight_B.to(device),
            margin_B=self.margin_B.to(device),
            is_counted_B=self.is_counted_B.to(device),
        )


@dataclass(frozen=True, slots=True)
class Feed:
    """Makes pieces of pairs: this process's share of each step."""

    recorded: Recorded
    pad: int
    micro_rows: int
    process: int = 0
    n_processes: int = 1
    shares_prefix: bool = False  # a pair is one row with its prompt once, instead of two rows

    def pieces(self, rows: Sequence[PairRow]) -> list[Piece]:
        parts = micro_batches(rows, self.micro_rows, self.process, self.n_processes)
        return [self.piece(part or rows[:1], len(rows), bool(part)) for part in parts]

    def piece(self, rows: Sequence[PairRow], n_step: int, is_counted: bool = True) -> Piece:
        chosen, rejected = (torch.tensor([self.recorded[row.id][side] for row in rows]) for side in (0, 1))
        counted = torch.full((len(rows),), float(is_counted))
        weight, margin = (torch.tensor([getattr(row, name) for row in rows]) for name in ("weight", "margin"))
        return Piece(rows, answers_of(rows, self.pad, self.shares_prefix), chosen, rejected, weight * counted, margin, counted, n_step)


class Steps:
    """What the loop iterates over: per epoch, one item per optimizer step. The first epoch that is asked for begins at `first_step`."""

    def __init__(self, pairs: Sequence[PairRow], order: Order, feed: Feed, first_step: int) -> None:
        self.dataset, self.order, self.feed, self.first_step = pairs, order, feed, first_step
        self._epoch = first_step // len(order)

    def __len__(self) -> int:
        return len(self.order)

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __iter__(self) -> Iterator[dict[str, Any]]:
        skipped = max(0, self.first_step - self._epoch * len(self.order))
        for batch in self.order.epoch(self._epoch)[skipped:]:
            rows = [self.dataset[index] for index in batch]
            yield {"pieces": self.feed.pieces(rows), "pairs": rows}
