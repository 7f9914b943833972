"""Texts whose perplexity is measured: a file's, or the knowledge texts of an artifact."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact
from factcli.knowledge.benchmarks.benchmark import Benchmark, Found
from factcli.knowledge.benchmarks.benchmark import Own as OwnItems
from factcli.knowledge.entries import drawn_id, id_of, text_of
from factcli.rows import Document
from factcli.textfiles import BadEntryError

PLAIN = (".txt", ".md")


@dataclass(frozen=True, slots=True)
class TextItem:
    """A text. `cluster`: what is redrawn for intervals."""

    id: str
    text: str
    group: str
    cluster: str


def text_item(values: Mapping[str, Any]) -> TextItem:
    """A row with `text`; `id`, `group` and `subject` where they are known."""
    text = values.get("text")
    if not isinstance(text, str) or not text.strip():
        raise BadEntryError("no text")
    id_ = id_of(values["id"]) if values.get("id") is not None else drawn_id(text)
    return TextItem(id_, text, str(values.get("group") or "all"), str(values.get("subject") or id_))


@dataclass(frozen=True, slots=True)
class Texts(Benchmark[TextItem]):
    """A benchmark whose file may be plain text too: one text, however long."""

    def read_file(self, path: Path) -> Found[TextItem]:
        if path.suffix not in PLAIN:
            return Benchmark.read_file(self, path)
        text = text_of(path)
        return Found((TextItem(path.name, text, "all", path.name),), ())


def _has_documents(artifact: Artifact) -> bool:
    return bool(artifact.manifest.tables.get("documents"))


def _of_documents(artifact: Artifact) -> Found[TextItem]:
    """Real and fictitious texts apart: what a model was never shown is no measure of what it lost."""
    rows = artifact.rows("documents", Document)
    return Found(tuple(TextItem(row.id, row.text, f"{'fictitious' if row.fictitious else 'real'} {row.form}", row.subject) for row in rows), ())


PERPLEXITY = Texts(
    name="perplexity",
    version=1,
    kind="texts",
    about="How surprising texts are to a model: bits per byte, and perplexity per word and token.",
    file_format="JSONL, CSV or Parquet: text; id, group, subject; or a .txt, which is one text",
    item=text_item,
    own=OwnItems(_has_documents, _of_documents),
    columns=("text",),
    optional=("id", "group", "subject"),
    rule="every token once, after as many before it as the model reads",
)
