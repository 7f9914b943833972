"""Claims about a skill run that are checked while it runs, end it when false, and are kept with numbers."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.errors import TrainingError
from factcli.train.adapters import AdapterBank
from factcli.train.chats import ChatRow, check_answer_mask
from factcli.train.controls import adapter_version
from factcli.train.job import Control, SkillJob
from factcli.train.learned import Learned
from factcli.train.objectives import Batch
from factcli.train.sharding import whole
from factcli.train.together import collected, is_first
from factcli.train.zero import SharedOut

SAME_NATS = 1e-5  # per token; one model in one number format gives 0 exactly, unless its kernels are not deterministic

OWN = "each row went through its own version's adapter"
ROUTED: Mapping[Control, str] = {
    "none": OWN,
    "wrong-version": "each row went through the next version's adapter",
    "shuffled": OWN,
    "random": OWN,
    "absent": "no row went through a knowledge adapter",
}


class Proofs:
    """Holds what was true before, counts what was checked. `skill` is the one adapter that may change; with tuning full, the model.

    `disguised`: what `controls.disguise` says of each knowledge adapter whose place a control has taken.
    """

    def __init__(
        self, job: SkillJob, bank: AdapterBank, tokenizer: PreTrainedTokenizerBase, learned: Learned | SharedOut, disguised: Mapping[str, object] | None = None
    ) -> None:
        self.batches, self.control = job.batches, job.control
        self.versions = sorted({ref.version for ref in job.knowledge if ref.fictitious})
        self.is_full = job.tuning == "full"
        self.learned = learned
        self.refs = {ref.name: ref for ref in job.knowledge if job.control != "absent"}
        self.bank = bank
        self.tokenizer = tokenizer
        self.before = self._digests()
        self.masked_rows: set[str] = set()
        self.routed: Counter[str] = Counter()
        self.n_steps = 0
        self.smallest_norm = math.inf
        self.n_without_gradient: int | None = 0  # None: not known
        self.disguised = {} if disguised is None else dict(disguised)
        self.from_base: float | None = None  # nats per token before the first update, where the base is the teacher

    def state(self) -> dict[str, Any]:
        """What all processes have checked so far, for a checkpoint: a resumed run reports the whole run."""
        self._pool()
        counted = {"steps": self.n_steps, "smallest_norm": self.smallest_norm, "without_gradient": self.n_without_gradient}
        return {"routed": dict(self.routed), "masked": sorted(self.masked_rows), "from_base": self.from_base, **counted}

    def _pool(self) -> None:
        """The rows that all processes have seen, in the first; the others begin to count anew."""
        seen = collected((self.routed, self.masked_rows))
        self.routed = sum((routed for routed, _ in seen), Counter()) if is_first() else Counter()
        self.masked_rows = set().union(*(rows for _, rows in seen))

    def restore(self, state: Mapping[str, Any]) -> None:
        self.routed = Counter(state["routed"]) if is_first() else Counter()
        self.masked_rows = set(state["masked"])
        self.n_steps, self.smallest_norm = state["steps"], state["smallest_norm"]
        self.n_without_gradient = state.get("without_gradient", 0)  # older checkpoints have none
        self.from_base = state.get("from_base")

    def _digests(self) -> dict[str, str]:
        """sha256 of what is frozen: the base and each knowledge adapter."""
        if self.is_full:
            return {}
        return {"base": digest_of(self.bank.model), **{name: self.bank.digest(name) for name in self.refs}}

    def check_mask(self, rows: Sequence[ChatRow], batch: Batch) -> None:
        """Each row's answer mask, the first time that the row is trained on."""
        if all(row.id in self.masked_rows for row in rows):
            return
        check_answer_mask(rows, batch, self.tokenizer)
        self.masked_rows.update(row.id for row in rows)

    def check_routing(self, rows: Sequence[ChatRow], active: Sequence[Sequence[str]]) -> None:
        """Each row passes through the knowledge that is meant for its version; `active`: the adapters of each row, by what the bank has plugged in."""
        for row, names in zip(rows, active, strict=True):
            plugged = [name for name in names if name != "skill"]
            if ("skill" in names) == self.is_full or len(plugged) > 1 or any(name not in self.refs for name in plugged):
                needed = "none" if self.is_full else "skill and at most one knowledge adapter"
                raise TrainingError(f"the active adapters are {list(names)}, need {needed}")
            self._check_row(row, plugged)
            self.routed[f"{plugged[0] if plugged else 'none'} <- {kind_of(row)}"] += 1

    def _check_row(self, row: ChatRow, plugged: Sequence[str]) -> None:
        if not plugged:
            if row.fictitious and self.batches != "plain" and self.control != "absent":
                raise TrainingError(f"fictitious row {row.id} is trained without its knowledge adapter")
            return
        ref = self.refs[plugged[0]]
        if ref.fictitious != row.fictitious or (row.fictitious and ref.version != adapter_version(row.version, self.versions, self.control)):
            raise TrainingError(f"row {row.id} ({kind_of(row)}) is trained with adapter {ref.name!r} of another version")

    def check_teacher(self, from_base: float) -> None:
        """Before its first update the model says what its teacher says: the new adapter adds nothing yet."""
        if not abs(from_base) <= SAME_NATS:
            raise TrainingError(f"before the first step the model lies {from_base:g} nats per token from the base that teaches it, need 0")
        self.from_base = from_base

    def check_gradients(self, norm: float) -> None:
        """A step had a gradient of this norm on what is learned, and none on anything else."""
        if not self.is_full:
            self._check_frozen()
        if not math.isfinite(norm) or norm == 0:
            raise TrainingError(f"the gradient of {'the model' if self.is_full else 'the skill adapter'} has norm {norm}, need a positive number")
        self.n_steps += 1
        self.smallest_norm = min(norm, self.smallest_norm)
        self.n_without_gradient = self.learned.n_without_gradient

    def _check_frozen(self) -> None:
        for name in self.refs:
            if self.bank.get(name).vector.grad is not None:
                raise TrainingError(f"the frozen knowledge adapter {name!r} received a gradient")
        touched = next((name for name, p in self.bank.model.named_parameters() if p.grad is not None), None)
        if touched is not None:
            raise TrainingError(f"the frozen base parameter {touched!r} received a gradient")

    def finish(self) -> list[dict[str, object]]:
        """The proofs as rows; ends the run if a frozen tensor has changed."""
        self._pool()
        after = self._digests()
        changed = [name for name, digest in self.before.items() if after[name] != digest]
        if changed:
            raise TrainingError(f"frozen tensors changed during training: {', '.join(changed)}")
        norms: dict[str, object] = {"steps": self.n_steps, "smallest_norm": self.smallest_norm}
        frozen = {"proof": "frozen tensors are bit-identical before and after", "holds": True, "numbers": after}
        alone = {"proof": "the skill adapter alone received gradients", "holds": True, "numbers": norms}
        counts = {"tensors": len(self.learned.parameters), "without_gradient": self.n_without_gradient}
        together = {"proof": "the gradient of the whole model was a positive number at every step", "holds": True, "numbers": norms | counts}
        return [
            *([together] if self.is_full else [frozen, alone]),
            *self._of_teacher(),
            *self._of_control(),
            {"proof": ROUTED[self.control], "holds": True, "numbers": dict(sorted(self.routed.items()))},
            {"proof": "the mask covers the answer and its end token", "holds": True} | {"numbers": {"rows": len(self.masked_rows)}},
        ]

    def _of_control(self) -> list[dict[str, object]]:
        if not self.disguised:
            return []
        kept = "A and B" if self.control == "shuffled" else "A and the update B A"
        return [{"proof": f"the {self.control} adapters have the norms of {kept} of the trained ones", "holds": True, "numbers": self.disguised}]

    def _of_teacher(self) -> list[dict[str, object]]:
        if self.from_base is None:
            return []
        return [{"proof": "the teacher is the untouched base", "holds": True, "numbers": {"nats_per_token_before_the_first_step": self.from_base}}]


def kind_of(row: ChatRow) -> str:
    return f"fictitious version {row.version}" if row.fictitious else "real"


def digest_of(model: PreTrainedModel) -> str:
    """sha256 over names and bytes of all parameters and buffers, in order."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict(keep_vars=True).items():
        digest.update(name.encode())
        digest.update(bytes_of(tensor))
    return digest.hexdigest()


def bytes_of(tensor: Tensor) -> bytes:
    return whole(tensor).detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes()
