"""How much of its own texts an adapter can recite: teacher-forced greedy decoding of the values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from factcli.train.batches import Tokens, chunks, collate
from factcli.train.objectives import Scorer
from factcli.train.seeds import seed_of

PROBE_ROWS = 64  # texts per forward pass


@dataclass(frozen=True, slots=True)
class Recited:
    """`right` of `n` spans came out whole."""

    n: int
    right: int

    @property
    def share(self) -> float:
        return self.right / self.n if self.n else 0.0


def probes_of(
    rows: Sequence[Mapping[str, Any]],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    sample: int,
    seed: int,
    name: str,
) -> list[Tokens]:
    """A seeded sample of an adapter's texts, with the spans to recite as the learned ranges."""
    generator = torch.Generator().manual_seed(seed_of(seed, name, "recitation"))
    chosen = torch.randperm(len(rows), generator=generator)[:sample].tolist()
    probes = [probe_of(rows[i], tokenizer, max_length) for i in sorted(chosen)]
    return [probe for probe in probes if probe.learned]


def probe_of(row: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Tokens:
    """BOS + text. Spans to recite: the row's `spans` in characters; without them the last third of the tokens."""
    bos = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    spans = row.get("spans") or []
    has_offsets = bool(spans) and tokenizer.is_fast
    coded = tokenizer(str(row["text"]), add_special_tokens=False, return_offsets_mapping=has_offsets)
    ids = (*bos, *coded["input_ids"])[:max_length]
    if has_offsets:
        ranges = [token_range(coded["offset_mapping"], start, end, len(bos)) for start, end in spans]
    else:
        ranges = [(len(ids) - max(1, (len(ids) - 1) // 3), len(ids))]
    kept = tuple((start, end) for start, end in ranges if 1 <= start < end <= len(ids))
    return Tokens(str(row.get("id", "")), ids, kept)


def token_range(offsets: Sequence[tuple[int, int]], start: int, end: int, n_before: int) -> tuple[int, int]:
    """The tokens that share a character with [start, end)."""
    inside = [i for i, (a, b) in enumerate(offsets) if a < end and b > start and b > a]
    return (inside[0] + n_before, inside[-1] + 1 + n_before) if inside else (0, 0)


def recite(scorer: Scorer, probes: Sequence[Tokens], pad: int, device: torch.device) -> Recited:
    """Try all probes with whatever adapters are plugged in now."""
    right = 0
    by_length = sorted(probes, key=lambda probe: len(probe.ids))
    for rows in chunks(by_length, PROBE_ROWS):
        is_right = scorer.is_right(collate(rows, pad).to(device))
        sizes = [end - start for row in rows for start, end in row.learned]
        right += sum(bool(span.all()) for span in is_right.cpu().split(sizes))
    return Recited(sum(len(probe.learned) for probe in probes), right)
