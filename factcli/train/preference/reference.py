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
from torch import nn
from transformers import PreTrainedTokenizerBase

from factcli.artifact.manifest import sha256_of
from factcli.errors import InputError
from factcli.train.base import load_tokenizer
from factcli.train.batches import chunks
from factcli.train.digests import policy_digest, reference_digest
from factcli.train.job import PreferenceJob
from factcli.train.preference.pairs import PairRow
from factcli.train.preference.scoring import batch_of, summed_logps

log = logging.getLogger(__name__)
CHUNK_ANSWERS = 16  # a line of a shard, and a forward pass
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


def compute(model: nn.Module, missing: Mapping[str, tuple[Ids, Ids]], store: Store, pad: int, process: int = 0, n_processes: int = 1) -> None:
    """Score what is missing: every `n_processes`-th chunk. `model` is the reference, in eval mode and without gradients."""
    device = next(model.parameters()).device
    for keys in list(chunks(list(missing), CHUNK_ANSWERS))[process::n_processes]:
        with torch.no_grad():
            sums = summed_logps(model, batch_of([missing[key] for key in keys], pad).to(device))
        store.append(dict(zip(keys, sums.tolist(), strict=True)))


def logps_of(identity: Identity, pairs: Sequence[PairRow], known: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Pair id -> log-probabilities of chosen and rejected under the reference."""
    return {pair.id: (known[identity.key(pair.prompt_ids, pair.chosen_ids)], known[identity.key(pair.prompt_ids, pair.rejected_ids)]) for pair in pairs}
