"""A prompt computed once for both answers, beside a prompt for each and beside TRL's DPOTrainer: the same pairs and steps, taking turns.

    python -m tests.bench prefix-sharing [--turns N] [--prompts 32,128,256,512] [--answer-tokens 32,64]

A model of the tiny world's size with random weights, and pairs of random words: prompts of one length, answers of any length in a range.
CPU seconds of one thread for the steps (see beside_trl.py), references known on all sides. Each turn's seconds are held against TRL's of
the same turn.
"""

import json
import random
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from tests.bench.beside_trl import BATCH, job_of, run_ours, run_theirs

STEPS, WORDS = 2, 1500
TINY = {"hidden_size": 128, "intermediate_size": 320, "num_hidden_layers": 2, "num_attention_heads": 4}
TEMPLATE = "{{ messages[0]['content'] }}{% if messages | length > 1 %} {{ messages[1]['content'] }}{{ eos_token }}{% endif %}"


def write_base(folder: Path, sizes: Mapping[str, int] = TINY) -> str:
    """A tokenizer of one token a word, and a Llama of these sizes."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({"<pad>": 0, "</s>": 1, **{f"w{i}": i for i in range(2, WORDS)}}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="</s>", chat_template=TEMPLATE).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(vocab_size=WORDS, bos_token_id=None, eos_token_id=1, pad_token_id=0, max_position_embeddings=2048, **sizes)
    LlamaForCausalLM(config).save_pretrained(folder)
    return str(folder)


def write_pairs(path: Path, n_prompt: int, answers: Sequence[int], steps: int = STEPS) -> Path:
    draw = random.Random(n_prompt)

    def words(n: int) -> str:
        return " ".join(f"w{draw.randrange(2, WORDS)}" for _ in range(n))

    rows = [
        {"id": f"p{i}", "prompt": words(n_prompt), "chosen": words(draw.randint(*answers)), "rejected": words(draw.randint(*answers)), "split": "train"}
        for i in range(steps * BATCH)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def table(prompts: Sequence[int], answers: Sequence[int], turns: int) -> str:
    import torch

    torch.set_num_threads(1)
    lines = ["| prompt, tokens | TRL, CPU s | a prompt for each answer | a prompt for both | both, of a prompt for each |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = write_base(folder / "base")
        for n_prompt in prompts:
            found = measured(base, write_pairs(folder / f"{n_prompt}.jsonl", n_prompt, answers), folder / str(n_prompt), turns)
            faster = [as_ratio(found["trl"], found[side]) for side in ("off", "on")]
            lines.append(f"| {n_prompt} | {statistics.median(found['trl']):.2f} | {faster[0]} | {faster[1]} | {as_ratio(found['off'], found['on'])} |")
    said = (
        f"Times as fast as TRL's DPOTrainer, median and range of {turns} turns; {STEPS} steps of {BATCH} pairs, answers of {answers[0]} to {answers[1]} tokens."
    )
    return "\n".join([*lines, "", said])


def measured(base: str, rows: Path, out: Path, turns: int, device: Literal["cpu", "cuda"] = "cpu") -> dict[str, list[float]]:
    """Seconds of the steps, for each side and turn; a first turn fills caches."""
    found: dict[str, list[float]] = {"trl": [], "off": [], "on": []}
    runs: dict[str, Callable[[Any], dict[str, float]]] = {"trl": run_theirs, "off": run_ours, "on": run_ours}
    for turn in range(turns + 1):
        for side, run in runs.items():
            job = replace(job_of(base, rows, out / f"{side}{turn}", device), max_length=2048, prefix_sharing="auto" if side == "trl" else side)
            seconds = run(job)["train"]
            if turn:
                found[side].append(seconds)
    return found


def as_ratio(slower: Sequence[float], faster: Sequence[float]) -> str:
    ratios = [a / b for a, b in zip(slower, faster, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
