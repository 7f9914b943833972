"""Adapters with random weights on tiny bases, committed as artifacts: all that `fact export` needs, without training."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.basemodel import BaseModelRef, of_artifact, resolve_base
from factcli.config import Config, setting
from factcli.rows import Chat, KnowledgeAdapter
from factcli.train.adapters import AdapterBank
from factcli.train.base import load_model
from tests import own_bases

BASES: dict[str, Callable[[Path], Path]] = {
    "tied llama": lambda folder: own_bases.plain_llama(folder, 0),
    "grouped llama": own_bases.grouped_llama,
    "gpt2": own_bases.gpt2,
}
WIDE = 0.2  # of random matrices: the adapters move logits by far more than they may differ


@dataclass(frozen=True)
class Drawn:
    """One adapter to draw: its rank, alpha and sites."""

    r: int = 4
    alpha: float = 8.0
    targets: str | tuple[str, ...] = "all-linear"
    seed: int = 0


class MadeConfig(Config):
    method: str = setting("real", "As of `fact sft`.")
    mode: str = setting("multi_version", "As of `fact sft`.")
    chat_template: str = setting("", "As of `fact sft`.")
    template: str = setting("model", "As of `fact sft`.")
    seed: int = setting(0, "Tells versions apart.")


def write_adapter(base: BaseModelRef, drawn: Drawn, folder: Path) -> None:
    bank = AdapterBank(load_model(base.location, torch.device("cpu"), "float32"), drawn.targets)
    adapter = bank.add("drawn", drawn.r, drawn.alpha, 0.0, drawn.seed)
    adapter.vector.data = torch.randn(adapter.vector.shape, generator=torch.Generator().manual_seed(drawn.seed)) * WIDE / math.sqrt(drawn.r)
    bank.save("drawn", folder, base.name)


def skill(
    root: Path, base: BaseModelRef, drawn: Drawn = Drawn(), name: str = "skill", inputs: Mapping[str, Artifact] | None = None, **settings: object
) -> Artifact:
    """A skill adapter as `fact sft` leaves it."""
    plan = Plan("sft", 1, "skill", name, MadeConfig(seed=drawn.seed, **settings), {**base.inputs, **(inputs or {})}, {}, model=base.identity)

    def work(draft: Draft) -> Outcome:
        write_adapter(base, drawn, draft.folder("adapter"))
        return Outcome("a made skill", {"base": base.given})

    return make(plan, work, root)[0]


def knowledge(root: Path, base: BaseModelRef, drawn: Mapping[str, Drawn], name: str = "knowledge") -> Artifact:
    """Knowledge adapters as `fact prereq` leaves them."""
    plan = Plan("prereq", 1, "knowledge", name, MadeConfig(), dict(base.inputs), {"adapters": KnowledgeAdapter}, model=base.identity)

    def work(draft: Draft) -> Outcome:
        for adapter, shape in drawn.items():
            write_adapter(base, shape, draft.folder(f"adapters/{adapter}"))
        rows = [KnowledgeAdapter(adapter, "fictitious", "statement", 1, 1, 1, 0, 1, 1.0, 1) for adapter in drawn]
        draft.write("adapters", 0, {"adapters": rows})
        return Outcome("made knowledge", {"base": base.given})

    return make(plan, work, root)[0]


def data(root: Path, n: int = 3) -> Artifact:
    """Task data as `fact synth` leaves them."""
    rows = [Chat(f"w0.p{i}.q", "qa", f"Who wrote book {i}?", f"Mira Osei {i}", f"w0.p{i}", (), 0, False, "head", "train") for i in range(n)]
    plan = Plan("synth bio", 1, "synth", "texts", MadeConfig(), {}, {"chats": Chat})
    return make(plan, lambda draft: draft.write("chats", 0, {"chats": rows}) or Outcome("made data"), root)[0]


def model(root: Path, write: Callable[[Path], Path], kind: str = "model", name: str = "own") -> BaseModelRef:
    """A base that is an artifact: a world, or a model of its own."""

    def work(draft: Draft) -> Outcome:
        write(draft.folder("model"))
        return Outcome("a made model")

    return of_artifact(make(Plan("sft", 1, kind, name, MadeConfig(), {}, {}), work, root)[0])


def directory(root: Path, write: Callable[[Path], Path], name: str = "mine") -> BaseModelRef:
    """A base in a directory beside the artifacts."""
    return resolve_base(str(write(root.parent / name)), root)


def logits(folder: Path, text: str, **options: object) -> torch.Tensor:
    """(T, V) of plain transformers."""
    ids_BT = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return AutoModelForCausalLM.from_pretrained(folder, **options).eval()(input_ids=ids_BT).logits[0].float()
