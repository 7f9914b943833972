"""The reference's log-probabilities: once per answer, by content, in files that several runs and processes share.

A store is a directory per identity (reference, tokenizer, number format). Each process appends to a shard of its own: one line per
chunk of answers, with a checksum, written at once. A line is there whole or not at all, and chunks are cut from the sorted list of
what is missing, so a computation that was killed ends with the same bits.

Bounds: sums equal TRL's to a relative 1e-6 in float32 (120 answers of each test model). A confident model's error grows with its logits,
not with the sum: between batches of other shapes, sums of a trained world's model differ by at most 1.4e-6 of |sum| + tokens in float32
and 2.0e-2 in bfloat16, from TRL's by 1.1e-6 and 1.0e-2 (1,000 answers; `python -m tests.bench beside-trl`, docs/results.md).
"""

import hashlib
import json
import logging
import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate.utils import broadcast_object_list
from torch import nn
from transformers import PreTrainedTokenizerBase
from trl.trainer.dpo_config import DPOConfig

from factcli.artifact.manifest import sha256_of
from factcli.errors import InputError
from factcli.train.base import load_tokenizer
from factcli.train.batches import chunks
from factcli.train.digests import policy_digest, reference_digest
from factcli.train.job import PreferenceJob
from factcli.train.loop import OnEvent
from factcli.train.preference.pairs import PairRow, Pairs
from factcli.train.preference.policy import reference_model
from factcli.train.preference.prefix import share_prefix, why_apart
from factcli.train.preference.scoring import batch_of, summed_logps

log = logging.getLogger(__name__)
CHUNK_ANSWERS = 16  # a line of a shard, and a forward pass; where two answers share their prompt, at most
Ids = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose log-probabilities they are. `is_start`: the reference is the policy as it starts."""

    reference: str  # sha256
    tokenizer: str  # sha256
    numbers: str
    is_start: bool

    @property
    def digest(self) -> str:
        return sha256_of([self.reference, self.tokenizer, self.numbers])

    def key(self, prompt_ids: Ids, answer_ids: Ids) -> str:
        return hashlib.sha256(f"{self.digest}\n{list(prompt_ids)}\n{list(answer_ids)}".encode()).hexdigest()


def identify(job: PreferenceJob, tokenizer: PreTrainedTokenizerBase, numbers: str) -> Identity:
    """The job's reference by content. InputError where it is not what the job recorded, or has another tokenizer."""
    found = reference_digest(job.base, job.start, job.reference, job.reference_location)
    if job.reference_digest and found != job.reference_digest:
        raise InputError(
            f"the reference has changed: its digest is {found[:12]}, the job recorded {job.reference_digest[:12]}",
            hint="restore the files of the reference, or start the run anew with --force",
        )
    own = tokenizer_digest(tokenizer)
    if job.reference == "model" and tokenizer_digest(load_tokenizer(job.reference_location)) != own:
        raise InputError(
            f"the reference {job.reference_location} has another tokenizer than the base {job.base}",
            hint="its probabilities would be of other tokens: give a reference with the same tokenizer",
        )
    return Identity(found, own, numbers, found == policy_digest(job.base, job.start))


def tokenizer_digest(tokenizer: PreTrainedTokenizerBase) -> str:
    """sha256 over vocabulary and special tokens."""
    return sha256_of([sorted(tokenizer.get_vocab().items()), tokenizer.bos_token_id, tokenizer.eos_token_id])


class Store:
    """The log-probabilities of one identity in a directory; made when something is first written."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shard = folder / f"{uuid.uuid4().hex}.jsonl"  # of this process alone

    def read(self) -> dict[str, float]:
        """All that any process has written, by key. A torn or false line is passed over with a word: it is computed again."""
        found: dict[str, float] = {}
        for path in sorted(self.folder.glob("*.jsonl")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                chunk = read_chunk(line)
                if chunk is None:
                    log.warning("passed over %s:%d: torn or changed", path.name, number)
                else:
                    found |= chunk
        return found

    def append(self, chunk: Mapping[str, float]) -> None:
        """One line, by one write: there whole, or cut and passed over."""
        self.folder.mkdir(parents=True, exist_ok=True)
        line = json.dumps({"logps": dict(chunk), "sha256": sha256_of(dict(chunk))}) + "\n"
        with self.shard.open("ab", buffering=0) as file:
            file.write(line.encode())
            os.fsync(file.fileno())


def read_chunk(line: str) -> dict[str, float] | None:
    try:
        content = json.loads(line)
        logps = content["logps"]
        return logps if sha256_of(logps) == content["sha256"] else None
    except (ValueError, KeyError, TypeError):
        return None


def wanted_of(identity: Identity, pairs: Iterable[PairRow]) -> dict[str, tuple[Ids, Ids]]:
    """Key -> (prompt, answer) of all answers, by length and key."""
    wanted: dict[str, tuple[Ids, Ids]] = {}
    for pair in pairs:
        for answer in (pair.chosen_ids, pair.rejected_ids):
            wanted[identity.key(pair.prompt_ids, answer)] = pair.prompt_ids, answer
    return {key: wanted[key] for key in sorted(wanted, key=lambda key: (sum(map(len, wanted[key])), key))}


def missing_of(wanted: Iterable[str], known: Mapping[str, float]) -> list[str]:
    """The keys that no one has computed, in the order of those wanted."""
    return [key for key in wanted if key not in known]


@dataclass(frozen=True, slots=True)
class Share:
    """Which chunks of what is missing a process computes, and whether answers of one prompt share it."""

    process: int = 0
    n_processes: int = 1
    shares_prefix: bool = False


ALL = Share()


def compute(model: nn.Module, missing: Mapping[str, tuple[Ids, Ids]], store: Store, pad: int, share: Share = ALL) -> None:
    """Score what is missing: every `n_processes`-th chunk. `model` is the reference, in eval mode and without gradients."""
    device = next(model.parameters()).device
    chunked = chunks(twos_of(missing), CHUNK_ANSWERS // 2) if share.shares_prefix else chunks([(key, "") for key in missing], CHUNK_ANSWERS)
    for keys in list(chunked)[share.process :: share.n_processes]:
        if share.shares_prefix:
            batch = share_prefix([(*missing[first], missing[second][1] if second else ()) for first, second in keys], pad)
        else:
            batch = batch_of([missing[first] for first, _ in keys], pad)
        with torch.no_grad():
            sums = summed_logps(model, batch.to(device)).tolist()
        names = [*(first for first, _ in keys), *(second for _, second in keys)]
        store.append({name: value for name, value in zip(names, sums, strict=False) if name})


def twos_of(missing: Mapping[str, tuple[Ids, Ids]]) -> list[tuple[str, str]]:
    """Keys of two answers to one prompt each, the second empty where a prompt has none left; by length and key, as `missing` is."""
    by_prompt: dict[Ids, list[str]] = {}
    for key, (prompt, _) in missing.items():
        by_prompt.setdefault(prompt, []).append(key)
    twos = [(keys[i], keys[i + 1] if i + 1 < len(keys) else "") for keys in by_prompt.values() for i in range(0, len(keys), 2)]

    def length(two: tuple[str, str]) -> int:
        return len(missing[two[0]][0]) + sum(len(missing[key][1]) for key in two if key)

    return sorted(twos, key=lambda two: (length(two), two))


def reference_logps(job: PreferenceJob, identity: Identity, pairs: Pairs, arguments: DPOConfig, pad: int, on_event: OnEvent) -> dict[str, float]:
    """Log-probabilities by content key; the reference is loaded only where some are missing, and gone before the policy exists."""
    store = Store(Path(job.logprobs or Path(job.out) / "logprobs") / identity.digest[:32])
    known = store.read()
    wanted = wanted_of(identity, pairs.all)
    missing = agreed(missing_of(wanted, known))
    if missing:
        on_event({"event": "note", "text": f"log-probabilities of {len(missing):,} answers under the reference ({len(known):,} are on record)"})
        with reference_model(job, arguments.device) as model:
            shares_prefix = agreed([why_apart(job, model, pairs.all, pad, identity.numbers)]) == [""]
            share = Share(arguments.process_index, arguments.world_size, shares_prefix)
            compute(model, {key: wanted[key] for key in missing}, store, pad, share)
        arguments.distributed_state.wait_for_everyone()
        known = store.read()
    return known


def agreed(words: list[str]) -> list[str]:
    """The first process's list in all of them: other runs write into the store too, so each may have read another state of it."""
    said = [words]
    broadcast_object_list(said)
    return said[0]


def logps_of(identity: Identity, pairs: Sequence[PairRow], known: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Pair id -> log-probabilities of chosen and rejected under the reference."""
    return {pair.id: (known[identity.key(pair.prompt_ids, pair.chosen_ids)], known[identity.key(pair.prompt_ids, pair.rejected_ids)]) for pair in pairs}
