"""Benchmarks of long answers: what is asked for. How true the answers are is for `fact score factscore` to say.

PREREQ-TUNE asks for biographies and about medical titles (arXiv 2410.19290, spec §1.5 and §1.8); LongFact has prompts of its own
(arXiv 2403.18802).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from factcli.answerrows import Prompt
from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge import prompt_files
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found, Own
from factcli.prompts import load
from factcli.rows import Chat, Question
from factcli.textfiles import BadEntryError

OF_TITLES = {"bio": "samples/bio", "medical": "samples/medical"}  # templates: as `fact synth samples --titles` asks
SPLIT = "test"


@dataclass(frozen=True, slots=True)
class FileBenchmark(Benchmark[Prompt]):
    """A benchmark whose files are read as `fact synth samples` reads them: titles may stand on plain lines."""

    reader: Callable[[Path], prompt_files.Found] = prompt_files.prompts_of_file

    def read_file(self, path: Path) -> Found[Prompt]:
        prompts, rejects = self.reader(path)
        return Found(tuple(replace(prompt, task=self.name) for prompt in prompts), rejects)


def _unread(_values: Mapping[str, Any]) -> Prompt:
    raise BadEntryError("is on no hub")


def _titles(task: str) -> Callable[[Path], prompt_files.Found]:
    def read(path: Path) -> prompt_files.Found:
        return prompt_files.titles_of_file(path, task, lambda title: load(OF_TITLES[task]).filled({"topic": title})[-1][1])

    return read


def _own(task: str) -> Own[Prompt]:
    """The prompts about the test people of a world, or of data made here."""
    return Own(lambda artifact: _has_test_prompts(artifact, task), lambda artifact: _test_prompts(artifact, task))


def _has_test_prompts(artifact: Artifact, task: str) -> bool:
    if artifact.kind not in ("world", "synth"):
        return False
    tables = artifact.manifest.tables
    rows: list[Any] = list(artifact.rows("chats", Chat)) if tables.get("chats") else []
    rows += artifact.rows("questions", Question) if tables.get("questions") else ()
    return any(row.task == task and row.split == SPLIT and not getattr(row, "fictitious", False) for row in rows)


def _test_prompts(artifact: Artifact, task: str) -> Found[Prompt]:
    """Of chats where those ask about test people, else of questions."""
    for table in ("chats", "questions"):
        if artifact.manifest.tables.get(table):
            found = prompt_files.prompts_of_artifact(artifact, table, with_fictitious=False)  # type: ignore[arg-type]  # one of the two
            kept = tuple(prompt for prompt in found.prompts if prompt.task == task and prompt.split == SPLIT)
            if kept:
                return Found(kept, found.rejects)
    raise InputError(f"{artifact.ref} asks nothing of task {task} about test people", "give titles: --file FILE")


BIO = FileBenchmark(
    name="bio",
    version=1,
    kind="long",
    about="A biography for each title; scored claim by claim.",
    file_format=prompt_files.TITLES_NEEDED,
    item=_unread,
    own=_own("bio"),
    rule="claims",
    reader=_titles("bio"),
)
MEDICAL = FileBenchmark(
    name="medical",
    version=1,
    kind="long",
    about="What is known about each medical title; scored claim by claim.",
    file_format=prompt_files.TITLES_NEEDED,
    item=_unread,
    own=_own("medical"),
    rule="claims",
    reader=_titles("medical"),
)
LONGFACT = FileBenchmark(
    name="longfact",
    version=1,
    kind="long",
    about="LongFact's prompts (objects or concepts), asked as they stand; scored claim by claim, with F1@K.",
    file_format=prompt_files.PROMPTS_NEEDED,
    item=_unread,
    rule="claims",
)
