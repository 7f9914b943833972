"""Preference pairs as token ids, and in which order they are learned. Nothing is ever cut; what is left out is counted."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from transformers import PreTrainedTokenizerBase

from factcli.errors import InputError
from factcli.rows import Split
from factcli.train.batches import read_rows
from factcli.train.chats import encode, end_token, render
from factcli.train.job import PreferenceJob
from factcli.train.seeds import seed_of

SAME_TOKENS, TOO_LONG, UNEQUAL = "both answers have the same tokens", "more tokens than max_length", "lengths further apart than max_length_difference"


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair: the prompt's ids once, both answers with their end token (which a rejected one may be drawn to lack)."""

    id: str
    question_id: str
    prompt: str
    split: Split
    weight: float
    margin: float
    prompt_ids: tuple[int, ...]
    chosen_ids: tuple[int, ...]
    rejected_ids: tuple[int, ...]
    is_same: bool = False  # both answers, without their ends: nothing to prefer, though their letters may differ

    @property
    def lengths(self) -> tuple[int, int, int]:
        """Tokens of prompt, chosen and rejected answer."""
        return len(self.prompt_ids), len(self.chosen_ids), len(self.rejected_ids)

    @property
    def n_tokens(self) -> int:
        """Of the longer of both sequences."""
        return len(self.prompt_ids) + max(len(self.chosen_ids), len(self.rejected_ids))

    @property
    def n_all_tokens(self) -> int:
        """Of both sequences."""
        return 2 * len(self.prompt_ids) + len(self.chosen_ids) + len(self.rejected_ids)

    @property
    def length_difference(self) -> int:
        return abs(len(self.chosen_ids) - len(self.rejected_ids))


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs to learn and to evaluate on, and the ids of those that were left out, with the reason."""

    train: tuple[PairRow, ...]
    dev: tuple[PairRow, ...]
    left_out: Mapping[str, str]
    counts: Mapping[str, int]

    @property
    def all(self) -> tuple[PairRow, ...]:
        return (*self.train, *self.dev)


def read_pairs(job: PreferenceJob, tokenizer: PreTrainedTokenizerBase, positions: int | None) -> Pairs:
    """The job's pairs, checked. InputError where training on them cannot be meant."""
    rows = read_rows(job.rows, {})
    coded = [encode_pair(row, tokenizer, job) for row in rows]
    check_ids(coded, job)
    apart = [row for row in coded if not row.is_same]
    fitting = [row for row in apart if row.n_tokens <= job.max_length]
    check_length(apart, fitting, job)
    check_positions(fitting, positions)
    limit = length_limit([row for row in fitting if row.split == "train"], job)
    left_out = {row.id: why for row in coded if (why := why_left_out(row, limit, job))}
    used = [row for row in coded if row.id not in left_out]
    train, dev = ([row for row in used if row.split == split] for split in ("train", "dev"))
    check_train(train, left_out)
    counts = {"n_rows": len(rows), "n_train": len(train), "n_dev": len(dev), "n_left_out": len(left_out)}
    return Pairs(tuple(train), tuple(dev), left_out, counts | {"n_other_split": len(used) - len(train) - len(dev)})


def why_left_out(row: PairRow, limit: float, job: PreferenceJob) -> str:
    """Why a pair is not learned, or an empty string. The filter of lengths is of training pairs alone."""
    if row.is_same:
        return SAME_TOKENS
    if row.n_tokens > job.max_length:
        return TOO_LONG
    return UNEQUAL if row.split == "train" and row.length_difference > limit else ""


def encode_pair(row: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, job: PreferenceJob) -> PairRow:
    """Each side is tokenised by itself at the template's boundary, so no token straddles it."""
    check_texts(row)
    prompt, chosen = render(tokenizer, str(row["prompt"]), str(row["chosen"]))
    _, rejected = render(tokenizer, str(row["prompt"]), str(row["rejected"]))
    end = (end_token(tokenizer),)
    pair_id = str(row["id"])
    rejected_end = () if is_without_end(pair_id, job) else end
    said, other = encode(tokenizer, chosen), encode(tokenizer, rejected)
    chosen_ids, rejected_ids = (*said, *end), (*other, *rejected_end)
    weight, margin = number(row, "weight", 1.0), number(row, "margin", 0.0 if not job.objective.margin else None)
    if weight < 0:
        raise InputError(f"pair {pair_id} has weight {weight}, need 0 or more")
    ids = tuple(encode(tokenizer, prompt)), chosen_ids, rejected_ids
    question_id, split = str(row.get("question_id") or row["prompt"]), row.get("split", "train")
    return PairRow(pair_id, question_id, str(row["prompt"]), split, weight, margin, *ids, is_same=list(said) == list(other))


def check_texts(row: Mapping[str, Any]) -> None:
    """InputError for a pair that is none: a missing or empty side, or both the same."""
    name = row.get("id")
    for field in ("id", "prompt", "chosen", "rejected"):
        if not str(row.get(field) or "").strip():
            raise InputError(f"pair {name}: {field} is empty", "leave it out; `fact score pairs` and `fact synth pairs` do so and count it")
    if str(row["chosen"]).strip() == str(row["rejected"]).strip():
        raise InputError(f"pair {name}: chosen equals rejected ({str(row['chosen'])[:40]!r})", "leave it out: there is nothing to prefer")


def number(row: Mapping[str, Any], field: str, default: float | None) -> float:
    """A finite number of a row; None as default: it must be there."""
    value = row.get(field)
    value = default if value is None else value
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"pair {row.get('id')} has {field} {value!r}, need a number", "pairs by score have margins; or set the objective's margin to 0")
    return float(value)


def is_without_end(pair_id: str, job: PreferenceJob) -> bool:
    """Whether this pair's rejected answer is drawn to go without its end token, as Self-Learning's trainer does."""
    return bool(job.drop_eos_rejected) and seed_of(job.seed, "drop-eos", pair_id) / 2**63 < job.drop_eos_rejected


def check_length(coded: Sequence[PairRow], fitting: Sequence[PairRow], job: PreferenceJob) -> None:
    long = [row for row in coded if row.n_tokens > job.max_length]
    if long and (job.too_long == "refuse" or not fitting):
        raise InputError(
            f"{len(long)} of {len(coded)} pairs are longer than {job.max_length} tokens, e.g. {long[0].id} with {long[0].n_tokens}",
            hint="raise max_length" + ("" if not fitting else ", or set too_long to drop"),
        )


def check_positions(rows: Sequence[PairRow], positions: int | None) -> None:
    longest = max(rows, key=lambda row: row.n_tokens, default=None)
    if positions and longest and longest.n_tokens > positions:
        raise InputError(
            f"pair {longest.id} has {longest.n_tokens} tokens, and this model has {positions} positions", f"lower max_length to {positions} or less"
        )


def length_limit(train: Sequence[PairRow], job: PreferenceJob) -> float:
    """Largest difference of lengths that is kept, in tokens; "mean": the mean difference of the training pairs."""
    if job.max_length_difference is None or not train:
        return math.inf
    return fmean(row.length_difference for row in train) if job.max_length_difference == "mean" else job.max_length_difference


def check_ids(rows: Sequence[PairRow], job: PreferenceJob) -> None:
    twice = next((name for name, n in Counter(row.id for row in rows).items() if n > 1), None)
    if twice is not None:
        raise InputError(f"{path_of(job)} names a pair twice: {twice}")


def check_train(train: Sequence[PairRow], left_out: Mapping[str, str]) -> None:
    if not train:
        told = ", ".join(f"{n} x {why}" for why, n in Counter(left_out.values()).most_common()) or "none is of split train"
        raise InputError(f"no pair is left to train on: {told}", "give pairs of split train, or loosen max_length and max_length_difference")
    if len(train) == 1:
        raise InputError(f"one pair only is left to train on ({train[0].id}), need 2 or more", "a model trained on one pair learns that pair by heart")
    if all(row.weight == 0 for row in train):
        raise InputError("every pair has weight 0: all are ties", "weigh them otherwise, or give pairs that a score sets apart")


def path_of(job: PreferenceJob) -> str:
    return job.rows.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Order:
    """Which pairs make each optimizer step: shuffled by (seed, epoch), those of one prompt spread over the epoch, the last batch kept."""

    question_ids: tuple[str, ...]
    batch_pairs: int
    seed: int

    def __len__(self) -> int:
        """Steps of an epoch."""
        return math.ceil(len(self.question_ids) / self.batch_pairs)

    def epoch(self, epoch: int) -> list[list[int]]:
        """Batches of indexes. The k-th of n pairs of a prompt lies at (k + u) / n of the epoch, u drawn per prompt."""
        generator = torch.Generator().manual_seed(seed_of(self.seed, "preference", "order", epoch))
        by_question: dict[str, list[int]] = {}
        for index in torch.randperm(len(self.question_ids), generator=generator).tolist():
            by_question.setdefault(self.question_ids[index], []).append(index)
        starts = torch.rand(len(by_question), generator=generator, dtype=torch.float64).tolist()
        placed = [((k + start) / len(group), index) for start, group in zip(starts, by_question.values(), strict=True) for k, index in enumerate(group)]
        order = [index for _, index in sorted(placed)]
        return [order[first : first + self.batch_pairs] for first in range(0, len(order), self.batch_pairs)]


def micro_batches(rows: Sequence[PairRow], micro_rows: int, process: int, n_processes: int) -> Iterator[Sequence[PairRow]]:
    """This process's share of a batch, in pieces of `micro_rows` pairs (0: whole). Each process gets the same number of pieces, maybe empty ones."""
    own = rows[process::n_processes]
    most = math.ceil(len(rows) / n_processes)
    size = micro_rows or most
    for first in range(0, most, size):
        yield own[first : first + size]
