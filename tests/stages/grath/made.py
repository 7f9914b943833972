"""What a loop needs, made in seconds: a tiny random model, an adapter on it, questions, and a script that answers them in pairs."""

from pathlib import Path

import torch

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.backends.local import LocalModel
from factcli.config import Config
from factcli.resolving import resolve_base
from tests.backends.test_local import tiny_model, tiny_tokenizer
from tests.stages.synth.typed import jsonl

N_QUESTIONS = 24
N_DEV = 8
SCRIPT = "scripted:s.jsonl"


def model_directory(folder: Path) -> Path:
    """Weights large enough that every prompt has its own answer."""
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", len(tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def skill(root: Path, directory: Path, name: str, scale: float, stage: str = "sft") -> Artifact:
    """A skill adapter that moves the model by so much."""

    def work(draft: Draft) -> Outcome:
        torch.manual_seed(1)
        bank = LocalModel.load(directory, device="cpu", dtype="float32").bank
        adapter = bank.add("skill", r=4, alpha=8, dropout=0.0, seed=0)
        with torch.no_grad():
            adapter.vector.add_(scale * torch.randn_like(adapter.vector))
        bank.save("skill", draft.folder("") / "adapter", "tiny")
        return Outcome(name, {"base": str(directory)})

    base = resolve_base(str(directory), root)
    return make(Plan(stage, 1, "skill", name, Config(), {}, {}, model=base.identity), work, root)[0]


def questions(folder: Path, n_dev: int = N_DEV) -> Path:
    """Half of them with choices."""
    known = {"choices": ["Hobart", "Lima"], "answerKey": "A"}
    entries = [{"id": f"q{n}", "question": f"Who is p{n}?", "split": "dev" if n < n_dev else "train"} | (known if n % 2 else {}) for n in range(N_QUESTIONS)]
    return jsonl(folder / "q.jsonl", *entries)


def script(folder: Path, answered: str = r"\d+") -> Path:
    """A pair to each question whose number matches; the others get none."""
    pair = {"match": f"is p({answered})\\?", "answer": "Correct answer: Hobart \\1\nIncorrect answer: Lima \\1"}
    return jsonl(folder / "s.jsonl", pair, {"match": ".", "answer": "I cannot say."})
