"""Short answers of the model in this process beside transformers' text-generation pipeline: the same model, questions and limit, taking turns.

    python -m tests.bench answering [--data DIR] [--seeds N] [--turns N]

DIR/seedN holds a world with its model, as part `effect` leaves them. Both sides answer QUESTIONS of the world's questions greedily in
float32, each asked in the task's form, from text to text. The pipeline takes them as PREREQ-TUNE's evaluation does: batches of 64 in
arrival order, padded on the left. Where two answers differ, the tokens at the first difference are looked at alone, without padding
and in float64: how far are the two logits apart?
"""

import json
import logging
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

QUESTIONS, NEW_TOKENS, BATCH = 1000, 24, 64
TARGET = 2.0  # times as fast
TIE = 1e-4  # of two logits: float32 sums of another order differ by as much


@dataclass(frozen=True, slots=True)
class Difference:
    """Two answers to one question, and how far apart the logits of the tokens are where they part."""

    question: str
    ours: str
    theirs: str
    gap: float


def questions_of(world: Path) -> list[str]:
    """The first QUESTIONS closed-book questions of a world, in its order; a smaller world has fewer."""
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
    return [row["question"] for row in rows if row["task"] == "qa"][:QUESTIONS]


def our_side(local: Any, questions: Sequence[str]) -> list[str]:
    from factcli.backends.completions import Turn

    return [said.text for said in local.complete([(Turn("user", question),) for question in questions], NEW_TOKENS)]


def their_side(local: Any) -> Callable[[Sequence[str]], list[str]]:
    """The pipeline around the same model and tokenizer."""
    from transformers import GenerationConfig, pipeline

    logging.getLogger("transformers").setLevel(logging.ERROR)
    local.tokenizer.padding_side = "left"
    local.model.generation_config = GenerationConfig(
        do_sample=False, max_new_tokens=NEW_TOKENS, eos_token_id=local.tokenizer.eos_token_id, pad_token_id=local.tokenizer.pad_token_id
    )
    generate = pipeline("text-generation", model=local.model, tokenizer=local.tokenizer, batch_size=BATCH)

    def answer(questions: Sequence[str]) -> list[str]:
        turns = [[{"role": "user", "content": question}] for question in questions]
        texts = [local.tokenizer.apply_chat_template(one, tokenize=False, add_generation_prompt=True) for one in turns]
        said = generate(texts, return_full_text=False, add_special_tokens=False, clean_up_tokenization_spaces=False)
        return [one[0]["generated_text"] for one in said]

    return answer


def gap(local: Any, question: str, ours: str, theirs: str) -> float:
    """Between the logits of the tokens with which two answers first differ, in float64; 0 is a tie."""
    import torch

    from factcli.backends.completions import Turn

    ids = local.encode((Turn("user", question),))
    one, two = (local.tokenizer(text, add_special_tokens=False)["input_ids"] + [local.tokenizer.eos_token_id] for text in (ours, theirs))
    place = next(place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    with torch.inference_mode():
        model = local.model.double()
        logits_V = model(input_ids=torch.tensor([ids + one[:place]])).logits[0, -1]
        local.model.float()
    return float((logits_V[one[place]] - logits_V[two[place]]).abs())


def compared(local: Any, questions: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[Difference]:
    """The questions that are answered differently."""
    return [Difference(q, a, b, gap(local, q, a, b)) for q, a, b in zip(questions, ours, theirs, strict=True) if a != b]


class Took(NamedTuple):
    """Seconds of the clock, and of all processors."""

    clock: float
    cpu: float


def timed(answer: Callable[[Sequence[str]], list[str]], questions: Sequence[str]) -> tuple[Took, list[str]]:
    clock, cpu = time.perf_counter(), time.process_time()
    said = answer(questions)
    return Took(time.perf_counter() - clock, time.process_time() - cpu), said


def measured(world: Path, questions: Sequence[str], turns: int) -> tuple[dict[str, list[Took]], list[Difference]]:
    """What each side took in `turns` alternating turns, after one that is not counted; and what they answer differently."""
    from factcli.backends.local import LocalModel

    local = LocalModel.load(world / "model", device="cpu", dtype="float32")
    sides = {"pipeline": their_side(local), "fact": lambda questions: our_side(local, questions)}
    seconds, said = {name: list[Took]() for name in sides}, dict[str, list[str]]()
    for turn in range(turns + 1):
        for name, answer in sides.items():
            took, said[name] = timed(answer, questions)
            seconds[name] += [took] if turn else []
    return seconds, compared(local, questions, said["fact"], said["pipeline"])


def table(data: Path, seed: int, turns: int) -> str:
    world = data / f"seed{seed}" / "world" / "v0001"
    questions = questions_of(world)
    seconds, different = measured(world, questions, turns)
    rows = [f"| {name} | {_told([one.clock for one in took])} | {_told([one.cpu for one in took])} |" for name, took in seconds.items()]
    pairs = list(zip(seconds["pipeline"], seconds["fact"], strict=True))
    ties = sum(one.gap <= TIE for one in different)
    told = [f"fact is {_told([a.clock / b.clock for a, b in pairs], 1)} times as fast by the clock, and {_told([a.cpu / b.cpu for a, b in pairs], 1)} times by"]
    told[0] += f" CPU seconds (medians and ranges of {turns} turns; target {TARGET:g})"
    told += [f"{len(questions) - len(different)} of {len(questions)} answers are equal; of the others {ties} part where two logits tie (within {TIE:g})"]
    told += [f"  {one.question!r}: {one.ours!r} against {one.theirs!r}, logits {one.gap:.2g} apart" for one in different]
    return "\n".join([f"| {len(questions)} questions | s by the clock | CPU s |", "|---|---|---|", *rows, "", *told])


def _told(values: Sequence[float], digits: int = 2) -> str:
    """Median and range."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
