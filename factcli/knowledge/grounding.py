"""Passages in the prompt of a model that answers (decode rag): of the document that comes with a question, else found by its words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from factcli.artifact import Artifact
from factcli.backends.decoding import DecodeConfig
from factcli.backends.planning import LETTERS_PER_TOKEN
from factcli.knowledge import few
from factcli.knowledge.evidence import Evidence, PageMatch, Passage
from factcli.knowledge.pack.records import Page
from factcli.knowledge.pack.within import PageIndex, page_index
from factcli.knowledge.pack.words import words
from factcli.knowledge.pack.worlds import records
from factcli.prompts import Template, load, quoted

TEMPLATE = "eval/rag"
WEIGHTS = few.Weights(1.5, 0.75)  # those of a pack
CUT = " [cut here]"


@dataclass(frozen=True, slots=True)
class Grounds:
    """What answers are given on. `documents`: by the question's id or words; where one has none, `evidence` is searched with the question itself.

    No page is looked up by its title: that a question is about it is what a benchmark's gold would tell.
    """

    config: DecodeConfig
    evidence: Evidence | None = None
    documents: Mapping[str, str] = field(default_factory=dict)
    inputs: Mapping[str, Artifact] = field(default_factory=dict)  # where the evidence comes from, for lineage
    pinned: Mapping[str, str] = field(default_factory=dict)  # file of documents -> sha256

    @property
    def prompts(self) -> dict[str, str]:
        """The digests of the template and of a file of documents, for a plan."""
        return {**self.pinned, TEMPLATE: load(TEMPLATE).sha256}

    def passages(self, question_id: str, question: str) -> Sequence[Passage]:
        """The best ones first; none where neither a document nor a passage is there."""
        document = self.documents.get(question_id) or self.documents.get(question, "")
        if document.strip():
            return (Passage(question_id, "", document),)
        return self.evidence.search(question, self.config.passages, None) if self.evidence else ()

    def asked(self, question_id: str, question: str) -> str:
        """The question with its passages; as it stands where there is none."""
        found = self.passages(question_id, question)
        return with_passages(question, found, self.config.passage_tokens, load(TEMPLATE)) if found else question


def with_passages(question: str, passages: Sequence[Passage], passage_tokens: int, template: Template) -> str:
    """The one turn that asks a question on passages, the best of them, which come first here, last."""
    shown = "\n".join(quoted(_shown(passage, passage_tokens)) for passage in reversed(passages))
    return template.filled({"passages": shown, "question": question})[-1][1]


def _shown(passage: Passage, tokens: int) -> str:
    """Title and text; what is longer ends with a word that says so."""
    text, letters = passage.text.strip(), tokens * LETTERS_PER_TOKEN
    if len(text) > letters:
        text = (text[:letters].rpartition(" ")[0] or text[:letters]) + CUT
    return f"{passage.title}\n{text}" if passage.title else text


class WorldPages:
    """The pages of an invented world's people, searched in memory: an `Evidence` where there is no pack."""

    def __init__(self, world: Artifact) -> None:
        pages = [record for record in records(world) if isinstance(record, Page)]
        self._titles = {page.title for page in pages}
        self._index: PageIndex = page_index([Passage(f"w{place}", page.title, page.text) for place, page in enumerate(pages)], WEIGHTS)

    def find_page(self, topic: str) -> PageMatch:
        return PageMatch("exact", topic) if topic in self._titles else PageMatch("absent", "")

    def search(self, query: str, k: int, title: str | None) -> Sequence[Passage]:
        """Those with a word of the query; the best of the page `title` where one is given."""
        found = [passage for passage in self._index.best(words(query), len(self._index.passages) if title else k) if passage.score > 0]
        return [passage for passage in found if title in (None, passage.title)][:k]
