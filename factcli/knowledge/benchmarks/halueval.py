"""HaluEval's questions: each with a right answer and a hallucinated one that was written to look like it. arXiv 2305.11747."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factcli.knowledge.benchmarks.benchmark import Benchmark, HubSet
from factcli.knowledge.entries import drawn_id, sound
from factcli.textfiles import BadEntryError


@dataclass(frozen=True, slots=True)
class HaluItem:
    """A question, both answers, and the text that the question was made from ("" where the file has none)."""

    id: str
    question: str
    right: str
    hallucinated: str
    knowledge: str


def halu_item(values: Mapping[str, Any]) -> HaluItem:
    question, right, hallucinated = (sound(values.get(name), name) for name in ("question", "right_answer", "hallucinated_answer"))
    if right == hallucinated:
        raise BadEntryError("an answer that is right and hallucinated")
    knowledge = sound(values["knowledge"], "knowledge") if values.get("knowledge") else ""
    return HaluItem(drawn_id(question, right, hallucinated), question, right, hallucinated, knowledge)


HALUEVALQA = Benchmark(
    name="haluevalqa",
    version=1,
    kind="choices",
    about="Is an answer hallucinated? Yes or No to a right and to a hallucinated answer of each question.",
    file_format="HaluEval's JSONL: question, right_answer, hallucinated_answer, knowledge",
    item=halu_item,
    hub=HubSet("pminervini/HaluEval", ("qa/*.parquet",)),
    rule="the likelier of Yes and No",
)
