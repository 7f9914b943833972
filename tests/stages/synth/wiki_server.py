"""Articles that are easy to count, a model that answers by what it is asked, and the command as typed."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from factcli.cli import app
from tests.backends.server import Server, answer_of

WORDS = "amber basil cedar daisy ember fern grape hazel iris jade kelp lilac maple nut olive pearl quartz rose sage thyme umber vine wheat yarrow".split()  # noqa: SIM905


def article(title: str, n: int = 7) -> str:
    """n sentences of eleven words, for a title of two. At 33 words a chunk, 7 of them are three chunks: the first sentence and two more each."""
    return " ".join(f"{title} did thing {WORDS[i]} in year {1900 + i} at place {WORDS[-1 - i]}." for i in range(n))


def write_documents(path: Path, titles: dict[str, str], n: int = 7) -> Path:
    rows = [{"title": title, "text": article(title, n), "category": category} for title, category in titles.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def step_of(body: dict[str, Any]) -> str:
    """question, read, recall, teach_read, teach_recall; or topics, own question, own answer."""
    turns = [message["content"] for message in body["messages"]]
    if "Topics:" in turns[-1] or turns[-1].startswith("Topics"):
        return "topics" if turns[-1].endswith("Topics:") else "own question"
    if "in one sentence" in turns[0]:
        return "own answer"
    if turns[-1].endswith("Question:"):
        return "question"
    return ("teach_" if len(turns) > 2 else "") + ("read" if "Document:" in turns[-1] else "recall")


def right(body: dict[str, Any]) -> str:
    """An answer that can be used, another for each seed."""
    asked = body["messages"][-1]["content"]
    word = answer_of(body).removeprefix("said ")
    if step_of(body) == "question":
        title = asked.partition("Topic: ")[2].partition("\n")[0]
        seen = [w for w in WORDS if f"thing {w} " in asked.partition("Document:")[2]]
        return f"{seen[-1]} {seen[-2]} {word} {word[::-1]} of {title}?"
    return {"topics": f"1. {word} a\n2. {word} b\n3. {word} c", "own question": f"Who was {word}?"}.get(step_of(body), f"It was {word}.")


@dataclass
class Model:
    """What it says: `odd` may name another answer, as (text, finish reason); None: a right one."""

    odd: Callable[[dict[str, Any]], tuple[str, str] | None] = lambda _body: None
    steps: list[str] = field(default_factory=list)

    def said(self, body: dict[str, Any]) -> dict[str, Any]:
        self.steps.append(step_of(body))
        text, reason = self.odd(body) or (right(body), "stop")
        return {"message": {"role": "assistant", "content": text}, "finish_reason": reason}

    def server(self, **options: Any) -> Server:
        return Server(said=self.said, **options)


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it made."""

    code: int
    out: str
    err: str

    @property
    def path(self) -> Path:
        return Path(self.out.strip().splitlines()[-1])

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.path / "manifest.json").read_text())

    def rows(self, table: str) -> list[dict[str, Any]]:
        path = self.path / f"{table}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def fact(*arguments: object) -> Typed:
    """`fact ...` in this process."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exit_code == 1:
        raise AssertionError(result.stderr) from result.exception
    return Typed(result.exit_code, result.stdout, result.stderr)


SMALL = ("--set", "min_words=20", "--set", "chunk_tokens=33", "--samples", 2)


def wiki(server: Server, documents: Path, *more: object) -> Typed:
    return fact("synth", "wiki", "--documents", documents, "--backend", f"http:m@{server.url}", "--test-topics", 1, *SMALL, *more)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the command is typed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("FACT_DATA", raising=False)
    return tmp_path
