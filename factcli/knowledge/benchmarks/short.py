"""Short-answer benchmarks besides PopQA: HotpotQA, TriviaQA, Natural Questions, SimpleQA.

A row gives a question and the spellings that are accepted. None of these sets names a subject, so each question is a cluster of its own.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from factcli.artifact import Artifact
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found, HubSet, Own
from factcli.knowledge.benchmarks.cells import literal_of, texts_of
from factcli.knowledge.entries import drawn_id, id_of, sound
from factcli.knowledge.worldfiles import hop_questions
from factcli.rows import Person, Question, TwoHop
from factcli.textfiles import BadEntryError

TYPES = ("bridge", "comparison")
LIST = re.compile(r"\s*(?:\[|\(\s*['\"])")  # how a cell that spells a list begins
RANGE = re.compile(r"\s*\((?:acceptable range|accept)[^)]*\)\s*$", re.IGNORECASE)  # SimpleQA Verified spells tolerances into its answers


def _question(benchmark: str, id_: Any, question: Any, answers: tuple[str, ...], group: str) -> Question:
    """A question that no subject is named for. Without an id of the set's own, one that follows from its text."""
    text = sound(question, "question")
    name = f"{benchmark}.{drawn_id(text) if id_ in (None, '') else id_of(id_)}"
    return Question(name, "qa", text, answers, name, "", "", group, 0)


def _first(values: Mapping[str, Any], *names: str) -> Any:
    """What the row has under the first of these names that it knows."""
    return next((values[name] for name in names if values.get(name) not in (None, "")), None)


def _accepted(value: Any) -> tuple[str, ...]:
    """A list, a cell that spells one, or one answer as it stands: "(I Can't Get No) Satisfaction" is a song."""
    if value is None:
        raise BadEntryError("no answer, as in a test set whose answers are kept back")
    if isinstance(value, str) and not LIST.match(value):
        return (sound(value, "answer"),)
    return texts_of(value, "answer")


def hotpotqa_question(row: Mapping[str, Any]) -> Question:
    kind = row.get("type")
    if kind not in TYPES:
        raise BadEntryError("type is neither bridge nor comparison")
    return _question("hotpotqa", _first(row, "_id", "id"), row.get("question"), (sound(row.get("answer"), "answer"),), str(kind))


def triviaqa_question(row: Mapping[str, Any]) -> Question:
    """The answer with its aliases. The normalised aliases are left out: they say the same in lower case without punctuation."""
    answer = _first(row, "answer", "Answer", "answers")
    if isinstance(answer, Mapping):
        value, aliases = _first(answer, "value", "Value"), _first(answer, "aliases", "Aliases") or []
        accepted = texts_of([value, *aliases] if value else list(aliases), "answer")
    else:
        accepted = _accepted(answer)
    return _question("triviaqa", _first(row, "question_id", "QuestionId", "id"), _first(row, "question", "Question"), accepted, "all")


def nq_question(row: Mapping[str, Any]) -> Question:
    return _question("nq", row.get("id"), row.get("question"), _accepted(_first(row, "answer", "answers")), "all")


def simpleqa_question(row: Mapping[str, Any]) -> Question:
    """`problem`, `answer` and, by column or in `metadata`, the topic, which is the group.

    A tolerance such as "120k (acceptable range: 118k to 122k)" is no spelling: the answer without it is accepted beside the whole.
    """
    whole = sound(_first(row, "answer"), "answer")
    accepted = tuple(dict.fromkeys([whole, RANGE.sub("", whole) or whole]))
    topic = _first(row, "topic") or _topic_in(row.get("metadata"))
    return _question("simpleqa", _first(row, "original_index", "id"), _first(row, "problem", "question"), accepted, str(topic or "all"))


def _topic_in(metadata: Any) -> str:
    values = literal_of(metadata, "metadata") if isinstance(metadata, str) and metadata.strip() else metadata
    return str(values.get("topic", "")) if isinstance(values, Mapping) else ""


def _own_hotpotqa(artifact: Artifact) -> Found[Question]:
    """Test questions over two facts, grouped by type: of a world, or of `fact synth hotpotqa`."""
    if artifact.kind == "world":
        return Found(tuple(hop_questions(artifact.rows("hops", TwoHop), artifact.rows("people", Person), ("test",))), ())
    types = {row.id: row.type for row in artifact.rows("twohops", TwoHop)}
    asked = [question for question in artifact.rows("questions", Question) if question.split == "test" and question.task == "qa"]
    return Found(tuple(replace(q, group=types.get(q.id.rpartition(".q")[0], q.group)) for q in asked), ())


def _holds_hotpotqa(artifact: Artifact) -> bool:
    tables = artifact.manifest.tables
    if artifact.kind == "world":
        return bool(tables.get("hops"))
    return bool(tables.get("twohops") and tables.get("questions")) and bool(_own_hotpotqa(artifact).items)


HOTPOTQA = Benchmark(
    name="hotpotqa",
    version=3,
    kind="short",
    about="Questions over two articles, closed book, by type; what follows the last `final answer: ` counts.",
    file_format="HotpotQA's JSON, or JSONL, CSV, TSV of question, answer, type (bridge or comparison), and _id if there is one",
    item=hotpotqa_question,
    hub=HubSet("hotpotqa/hotpot_qa", ("distractor/validation-*.parquet",), ("distractor/train-*.parquet",)),
    own=Own(_holds_hotpotqa, _own_hotpotqa),
    columns=("question", "answer", "type"),
    optional=("_id", "id"),
    rule="final_answer",
)
TRIVIAQA = Benchmark(
    name="triviaqa",
    version=3,
    kind="short",
    about="Trivia questions without documents; the answer or any alias of it.",
    file_format="TriviaQA's JSON (Data: Question, QuestionId, Answer), JSONL of question and answer (value, aliases), or question<TAB>[answers]",
    item=triviaqa_question,
    hub=HubSet("mandarjoshi/trivia_qa", ("rc.nocontext/validation-*.parquet",), ("rc.nocontext/train-*.parquet",)),
    columns=("question", "answer"),
    optional=("question_id", "id"),
    headless=("question", "answer"),
    rule="contains",
)
NQ = Benchmark(
    name="nq",
    version=3,
    kind="short",
    about="Natural Questions, open: what people asked a search engine, without documents.",
    file_format="NQ-open's JSONL of question and answer (a list), or question<TAB>[answers]",
    item=nq_question,
    hub=HubSet("google-research-datasets/nq_open", ("nq_open/validation-*.parquet",), ("nq_open/train-*.parquet",)),
    columns=("question", "answer"),
    optional=("id",),
    headless=("question", "answer"),
    rule="contains",
)
SIMPLEQA = Benchmark(
    name="simpleqa",
    version=3,
    kind="short",
    about="Short facts that are hard to know, by topic; SimpleQA Verified from the hub, the older set from its CSV. Best with a model as grader.",
    file_format="simple_qa_test_set.csv (metadata, problem, answer), simpleqa_verified.csv, or JSONL of problem and answer",
    item=simpleqa_question,
    hub=HubSet("google/simpleqa-verified", ("simpleqa_verified.csv",)),
    columns=("problem", "answer"),
    optional=("original_index", "id", "topic", "metadata"),
    rule="contains",
)
SHORT = (HOTPOTQA, TRIVIAQA, NQ, SIMPLEQA)
