"""From rows of text to padded batches, in an order that depends on (seed, adapter, epoch) only."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import PreTrainedTokenizerBase

from factcli.errors import InputError
from factcli.train.objectives import Batch
from factcli.train.seeds import seed_of

T = TypeVar("T")
BUCKET_BATCHES = 16  # rows of so many batches are sorted by length together: little padding, still random


@dataclass(frozen=True, slots=True)
class Tokens:
    """A row as token ids; `learned` are ranges (start, end) of positions that carry loss, in order."""

    id: str
    ids: tuple[int, ...]
    learned: tuple[tuple[int, int], ...]


def read_rows(path: str, select: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a JSONL file whose fields equal `select`'s value, or one of its tuple of values."""
    return next(read_each([(path, select)]))


def read_each(wanted: Iterable[tuple[str, Mapping[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
    """The same for several choices; a file that follows itself is read once."""
    held: tuple[str, list[dict[str, Any]]] = ("", [])
    for path, select in wanted:
        if path != held[0]:
            held = path, _rows_of(path)
        chosen = [row for row in held[1] if all(is_chosen(row.get(key), value) for key, value in select.items())]
        if not chosen:
            raise InputError(f"{path} has {len(held[1])} rows, none with {dict(select)}")
        yield chosen


def _rows_of(path: str) -> list[dict[str, Any]]:
    try:
        with Path(path).open(encoding="utf-8") as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read rows from {path}: {error}") from error


def is_chosen(value: object, wanted: object) -> bool:
    return value in wanted if isinstance(wanted, list | tuple) else value == wanted


def collate(rows: Sequence[Tokens], pad: int) -> Batch:
    """One batch, padded on the right to its longest row. A row's first token has nothing to predict it."""
    width = max(len(row.ids) for row in rows)
    ids = [list(row.ids) + [pad] * (width - len(row.ids)) for row in rows]
    return _batch(rows, ids, [i * width for i in range(len(rows))])


def lay_end_to_end(rows: Sequence[Tokens]) -> Batch:
    """One batch whose rows follow each other in a single row, with no padding."""
    lengths = tuple(len(row.ids) for row in rows)
    ids = [token for row in rows for token in row.ids]
    return replace(_batch(rows, [ids], [0, *accumulate(lengths[:-1])]), lengths=lengths)


def _batch(rows: Sequence[Tokens], ids: list[list[int]], starts: Sequence[int]) -> Batch:
    """`starts`: the flat place of each row's first token."""
    at: list[int] = []
    targets: list[int] = []
    counts: list[int] = []
    for row, first in zip(rows, starts, strict=True):
        before = len(at)
        for start, end in row.learned:
            at.extend(range(first + start - 1, first + end - 1))
            targets.extend(row.ids[start:end])
        counts.append(len(at) - before)
    return Batch(torch.tensor(ids), torch.tensor(at, dtype=torch.long), torch.tensor(targets, dtype=torch.long), tuple(counts))


def pad_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Any id does: padding is never attended to nor learned, so it may well be the end token."""
    choices = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return next(int(choice) for choice in choices if choice is not None)


# -- knowledge texts


@dataclass(frozen=True, slots=True)
class Texts:
    """An adapter's tokenised texts; how many were cut at max_length."""

    rows: tuple[Tokens, ...]
    n_truncated: int


def encode_texts(rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase, max_length: int, has_eos: bool) -> Texts:
    """BOS + text (+ EOS where wanted), every token but the first learned, cut at max_length.

    A tokenizer without BOS starts with the text itself, whose first token then cannot be learned.
    """
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    eos = [tokenizer.eos_token_id] if has_eos and tokenizer.eos_token_id is not None else []
    coded = tokenizer([str(row["text"]) for row in rows], add_special_tokens=False)["input_ids"]
    whole = [[*bos, *ids, *eos] for ids in coded]
    cut = [ids[:max_length] for ids in whole]
    tokens = [Tokens(str(row.get("id", i)), tuple(ids), ((1, len(ids)),)) for i, (row, ids) in enumerate(zip(rows, cut, strict=True))]
    return Texts(tuple(row for row in tokens if len(row.ids) > 1), sum(len(ids) > max_length for ids in whole))


def pack(rows: Sequence[Tokens]) -> Tokens:
    """Several texts in one row, each after the other: no loss on a text's first token (BOS), but later texts see the earlier ones."""
    ids: list[int] = []
    learned: list[tuple[int, int]] = []
    for row in rows:
        learned.extend((len(ids) + start, len(ids) + end) for start, end in row.learned)
        ids.extend(row.ids)
    return Tokens("+".join(row.id for row in rows), tuple(ids), tuple(learned))


@dataclass(frozen=True, slots=True)
class TextOrder:
    """Which texts make up each batch of an adapter, epoch by epoch.

    A text comes once an epoch. Without packing a row is one text and batches hold texts of similar length;
    with packing a row takes the next texts of the shuffled order that fit into max_length whole.
    """

    lengths: tuple[int, ...]
    batch_rows: int
    max_length: int
    packing: bool
    seed: int
    name: str

    def epoch(self, epoch: int) -> list[list[list[int]]]:
        """Batches of rows of text indexes."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, self.name, "order", epoch))
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        if self.packing:
            return [list(batch) for batch in chunks(self._packed(order), self.batch_rows)]
        batches = self._bucketed(order)
        turns = torch.randperm(len(batches), generator=generator).tolist()
        return [batches[turn] for turn in turns]

    def _packed(self, order: Sequence[int]) -> list[list[int]]:
        rows: list[list[int]] = []
        room = 0
        for text in order:
            if self.lengths[text] > room:
                rows.append([])
                room = self.max_length
            rows[-1].append(text)
            room -= self.lengths[text]
        return rows

    def _bucketed(self, order: Sequence[int]) -> list[list[list[int]]]:
        batches: list[list[list[int]]] = []
        for bucket in chunks(list(order), self.batch_rows * BUCKET_BATCHES):
            by_length = sorted(bucket, key=lambda text: self.lengths[text])
            batches.extend([[text] for text in batch] for batch in chunks(by_length, self.batch_rows))
        return batches

    def batches(self, first_step: int) -> Iterator[list[list[int]]]:
        """Batches from a step on, for ever: epoch after epoch."""
        epoch = 0
        while True:
            batches = self.epoch(epoch)
            yield from batches[min(first_step, len(batches)) :]
            first_step = max(0, first_step - len(batches))
            epoch += 1

    def n_steps(self, epochs: int) -> int:
        return sum(len(self.epoch(epoch)) for epoch in range(epochs))


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
