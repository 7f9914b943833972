"""HotpotQA's own questions as real rows beside those over real triples: JSONL of question, answer and type.

They come without their facts, so an answer is the final answer alone, and nothing of them is taught as knowledge. Each is a
subject of its own (`h0.q0007`), with no row of `people`; its split is drawn from its text.
"""

from pathlib import Path
from typing import Any

from factcli.backends.asking import seed_of
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows
from factcli.backends.requests import SEEDS
from factcli.knowledge.entries import json_entries, none_usable, reject, sorted_out, sound
from factcli.rows import Chat, Question, Reject, Split, TwoHop
from factcli.stages.synth.triples.settings import HotpotConfig
from factcli.textfiles import BadEntryError

TYPES = ("bridge", "comparison")
NEEDED = "JSONL of question, answer and type (bridge or comparison), as HotpotQA's dev set has them"


def read_real(path: Path, config: HotpotConfig) -> tuple[list[TwoHop], list[Reject]]:
    """The first `real_questions` of the file, each once. Raises InputError where there is none."""
    kept, rejects = sorted_out(json_entries(path), lambda entry: _asked(entry.value))
    found: dict[str, tuple[Any, ...]] = {}
    for entry, asked in kept:
        if found.setdefault(asked[0].casefold(), asked) is not asked:
            rejects.append(reject(entry.place, entry.text, "question was there before"))
    if not found:
        raise none_usable(path, rejects, NEEDED)
    chosen = list(found.values())[: config.real_questions]
    return [_row(number, asked, config) for number, asked in enumerate(chosen)], rejects


def write_real(rows: list[TwoHop], rejects: list[Reject]) -> Chain[Rows]:
    """The tables of these questions, as a chain that asks nothing: a task row in train and dev, a benchmark question in dev and test."""
    yield []
    chats = [
        Chat(f"{row.id}.q0", "qa", row.question, f"Final answer: {row.answer}", row.id, (), 0, False, "mid", row.split) for row in rows if row.split != "test"
    ]
    asked = [Question(f"{row.id}.q0", "qa", row.question, (row.answer,), row.id, "", "", "mid", 0, split=row.split) for row in rows if row.split != "train"]
    return {"chats": chats, "questions": asked, "twohops": rows, "rejected": rejects}


def _asked(value: Any) -> tuple[str, str, Any]:
    if not isinstance(value, dict):
        raise BadEntryError("no JSON object")
    if value.get("type") not in TYPES:
        raise BadEntryError("type is neither bridge nor comparison")
    return sound(value.get("question"), "question", is_one_line=True), sound(value.get("answer"), "answer", is_one_line=True), value["type"]


def _row(number: int, asked: tuple[Any, ...], config: HotpotConfig) -> TwoHop:
    question, answer, kind = asked
    place = seed_of(config.seed, "split", question.casefold()) / SEEDS
    train, dev, _ = config.split_shares
    split: Split = "train" if place < train else "dev" if place < train + dev else "test"
    return TwoHop(f"h{config.seed}.q{number:04d}", kind, question, answer, "", (), 0, False, split)
