"""What the documents' readers bring, in small: their files, their base model, their servers; and recipes of the tiny world's size made micro."""

import bz2
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from factcli import prompts
from tests.backends.server import Server, answer_of
from tests.stages.synth.author import ANSWERS, Author
from tests.stages.synth.wiki_server import right, write_documents

FACTS = Path(__file__).parents[1] / "data" / "real_triples.jsonl"
DUMP = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><page><title>Ada Osei</title><ns>0</ns><id>1</id>'
    "<revision><id>1</id><text>'''Ada Osei''' is a [[potter]] from Hobart. She was born in 1901.</text></revision></page></mediawiki>"
)


def lines(path: Path, rows: list[Mapping[str, Any]]) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")


def people(n: int) -> list[Mapping[str, Any]]:
    towns = ("Lima", "Turku", "Cork", "Davao")
    text = "{name} was born in {town} in {year}. {name} worked as a potter there. {name} won a medal in {later}."
    return [
        {"title": f"Ada Osei{'a' * i}", "text": text.format(name=f"Ada Osei{'a' * i}", town=towns[i % 4], year=1901 + i, later=1930 + i), "popularity": 10 * i}
        for i in range(n)
    ]


def bring_files(folder: Path) -> None:
    """The files that the documents name, in the folder where their commands are typed."""
    (folder / "FACTS").write_text("".join(FACTS.open(encoding="utf-8").readlines()[::6]), encoding="utf-8")
    lines(folder / "people.jsonl", people(12))
    lines(folder / "conditions.jsonl", people(12))
    lines(folder / "prompts.jsonl", [{"prompt": f"Where was person {n} born?", "topic": f"Person {n}"} for n in range(8)])
    lines(folder / "arc.jsonl", [{"question": f"What is {n} plus {n}?", "choices": [str(2 * n), "none"], "answerKey": "A"} for n in range(12)])
    write_documents(folder / "articles.jsonl", {f"Topic {word}": "things" for word in ("One", "Two", "Three", "Four")})
    said = "Ada Osei was born in Lima. She worked as a potter."
    lines(folder / "answers.jsonl", [{"topic": "Ada Osei", "output": said}, {"topic": "Ada Oseia", "output": "Ada Oseia was born in Turku."}])
    judged = [{"text": "Ada Osei was born in Lima.", "label": "S"}, {"text": "Ada Osei was a potter.", "label": "NS"}]
    labelled = {
        "topic": "Ada Osei",
        "output": said,
        "annotations": [{"text": said, "is-relevant": True, "human-atomic-facts": judged, "model-atomic-facts": judged}],
    }
    lines(folder / "labelled.jsonl", [labelled] * 1)
    lines(folder / "rows.jsonl", [{"prompt": f"What is {n} plus {n}?", "completion": str(2 * n)} for n in range(8)])
    lines(folder / "qa.jsonl", [{"question": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(8)])
    bring_benchmarks(folder)
    pq.write_table(pa.table({"title": ["Mira Lee"], "text": ["Mira Lee is a weaver from Cork."]}), folder / "more.parquet")
    (folder / "enwiki.xml.bz2").write_bytes(bz2.compress(DUMP.encode()))


def bring_benchmarks(folder: Path) -> None:
    """Benchmarks in the forms in which they are handed on."""
    cells = {"id": "4222362", "subj": "Ada Osei", "prop": "occupation", "subj_id": "7", "s_pop": "142", "possible_answers": '["potter", "ceramist"]'}
    cells["question"] = "What is Ada Osei's occupation?"
    (folder / "popqa.tsv").write_text("\t".join(cells) + "\n" + "\t".join(cells.values()) + "\n", encoding="utf-8")
    targets = {"Nothing happens.": 1, "You turn green.": 0}
    asked = [{"question": f"What happens if you eat {food}?", "mc1_targets": targets, "mc2_targets": targets} for food in ("grapes", "plums", "figs")]
    for name in ("truthfulqa.json", "truthfulqa_mc.json"):
        (folder / name).write_text(json.dumps(asked), encoding="utf-8")
    header = "Type,Category,Question,Best Answer,Correct Answers,Incorrect Answers,Source,Best Incorrect Answer"
    rows = [f"A,Food,{one['question']},Nothing happens.,Nothing happens.,You turn green.,none,You turn green." for one in asked]
    (folder / "truthfulqa.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    halu = {"question": "Where was Ada Osei born?", "knowledge": "Ada Osei was born in Lima.", "right_answer": "Lima", "hallucinated_answer": "Oslo"}
    for name in ("halueval.jsonl", "qa_data.json"):
        lines(folder / name, [halu])
    lines(folder / "mine.jsonl", [{"question": f"{n} plus {n}?", "choices": [str(2 * n), "none"], "answer": 0} for n in range(6)])
    (folder / "mine.yaml").write_text(yaml.safe_dump(own_task(folder / "mine.jsonl")), encoding="utf-8")
    lines(folder / "texts.jsonl", [{"text": "Ada Osei was born in Lima and worked as a potter there."}])


def own_task(data: Path) -> dict[str, Any]:
    """A task of the lm-evaluation-harness over a file."""
    of_file = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test", "fewshot_split": "test"}
    form = {"doc_to_text": "{{question}}", "doc_to_choice": "{{choices}}", "doc_to_target": "{{answer}}", "output_type": "multiple_choice"}
    return {"task": "mine", **of_file, **form, "metric_list": [{"metric": "acc"}], "metadata": {"version": 1}}


class Everything:
    """A model that answers each prompt of the program in the form that it asks for, and any other with words drawn from it."""

    def __init__(self) -> None:
        self.author = Author()
        self.examples = {template.turns[0][1]: template.example for template in map(prompts.load, prompts.names()) if template.turns[0][0] == "system"}

    def said(self, body: dict[str, Any]) -> dict[str, Any]:
        if "messages" not in body:
            return {}
        turns = [turn["content"] for turn in body["messages"]]
        return {"message": {"role": "assistant", "content": self.answer(body, turns)}}

    def answer(self, body: dict[str, Any], turns: list[str]) -> str:
        if any(words in turns[0] for words in ANSWERS):
            return self.author.answer(turns[0], turns[-1])
        if "Incorrect answer" in turns[0]:
            said = answer_of(body)
            return f"{turns[-1].splitlines()[-1]}\nCorrect answer: It is {said}.\nIncorrect answer: It is not {said}."
        if "Topic: " in turns[-1] or "Document:" in turns[-1]:
            return right(body)
        return self.examples.get(turns[0], f"{answer_of(body)}.")

    def server(self) -> Server:
        return Server(said=self.said)
