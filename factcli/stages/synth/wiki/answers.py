"""A question: its reference, samples with and without the document, and a training example (spec §4.3).

Original and here: its servers were asked with a repetition penalty of 1.1, which not every server has; here it is a setting, and
answers that repeat themselves are rejected, as there. Its closed-book training examples were shown ten demonstrations, here three.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from factcli.backends.asking import Asker, rejected, seed_of
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows
from factcli.backends.requests import Request, Response
from factcli.knowledge.answers import clean_answer
from factcli.knowledge.cleaning import names_source
from factcli.prompts import quoted
from factcli.rows import Origin, Reject
from factcli.stages.synth.wiki import demonstrations
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.synth.wiki.trying import REFUSED, UnusableError, delivered, until_usable
from factcli.topicrows import Chunk, MixtureExample, Reference, TopicQuestion, TopicSample

OWN = "wiki/own_answer"


@dataclass(slots=True)
class _Written:
    """Rows so far, by table."""

    asker: Asker
    references: list[Reference] = field(default_factory=list)
    samples: list[TopicSample] = field(default_factory=list)
    mixture: list[MixtureExample] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)

    def text_of(self, id: str, table: str, template: str, response: Response, may_refuse: bool) -> tuple[str | None, str]:
        """The answer, or None and the reason; where it came from or why it is none is noted."""
        try:
            text = usable(delivered(response), may_refuse)
        except UnusableError as error:
            self.rejected.append(rejected(id, template, str(error), response.text, response))
            return None, str(error)
        self.origins.append(self.asker.origin(id, table, template, response))
        return text, ""

    def rows(self) -> Rows:
        return {"references": self.references, "samples": self.samples, "mixture": self.mixture, "origins": self.origins, "rejected": self.rejected}


def answers_to(question: TopicQuestion, chunk: Chunk | None, config: WikiConfig, asker: Asker) -> Chain[Rows]:
    """The rows of all answers to one question; `chunk` None: it has no document. Samples and examples are of training questions alone."""
    written = _Written(asker)
    asked = list(_asked(question, chunk, config, asker))
    responses = yield [request for _, request in asked]
    for (add, _), response in zip(asked, responses, strict=True):
        add(written, response)
    if config.mixture and chunk is not None and question.split == "train":
        yield from _example(question, chunk, config, written)
    return written.rows()


def usable(response: Response, may_refuse: bool) -> str:
    """The answer without what is not part of it. Raises UnusableError."""
    if response.outcome in ("refused", "invalid"):
        raise UnusableError(REFUSED[response.outcome])
    cleaned = clean_answer(response.text, response.outcome == "truncated")
    if cleaned.text is None:
        raise UnusableError(cleaned.reason)
    if cleaned.refuses and not may_refuse:
        raise UnusableError("no answer")
    return cleaned.text


Add = Callable[[_Written, Response], None]


def _asked(question: TopicQuestion, chunk: Chunk | None, config: WikiConfig, asker: Asker) -> Iterator[tuple[Add, Request]]:
    """Each request, and what becomes of its answer."""
    read, recall = (config.words.read, config.words.recall) if chunk else (OWN, OWN)
    most = config.answer_tokens if chunk else config.own_answer_tokens
    ask = partial(asker.ask, repetition_penalty=config.repetition_penalty)
    with_document = _values(question, chunk)
    if config.references:
        yield _reference(question, read, bool(chunk)), ask(read, question.id, with_document, most)
    for place in range(config.samples if question.split == "train" else 0):
        if chunk:
            request = ask(read, question.id, with_document, most, config.document_temperature, config.top_p, sample=place)
            yield _sample(question, read, place, True), request
        request = ask(recall, question.id, _values(question, None), most, config.sample_temperature, config.top_p, sample=place)
        yield _sample(question, recall, place, False), request


def _values(question: TopicQuestion, chunk: Chunk | None) -> dict[str, str]:
    return {"question": question.question} | ({"document": quoted(chunk.text)} if chunk else {})


def _reference(question: TopicQuestion, template: str, with_document: bool) -> Add:
    def add(written: _Written, response: Response) -> None:
        id = f"{question.id}.ref"
        text, reason = written.text_of(id, "references", template, response, may_refuse=False)
        written.references.append(Reference(id, question.id, with_document, text, reason))

    return add


def _sample(question: TopicQuestion, template: str, place: int, with_document: bool) -> Add:
    """What a model says when it does not know is what samples are drawn for: a refusal stays."""

    def add(written: _Written, response: Response) -> None:
        id = f"{question.id}.{'d' if with_document else 's'}{place}"
        text, reason = written.text_of(id, "samples", template, response, may_refuse=True)
        written.samples.append(TopicSample(id, question.id, with_document, place, text, reason))

    return add


def _example(question: TopicQuestion, chunk: Chunk, config: WikiConfig, written: _Written) -> Chain[None]:
    """A training example: every third chunk of a topic is answered with the document, from a first one that is drawn."""
    id, asker = f"{question.id}.mix", written.asker
    each = config.with_document_each
    is_read = each > 0 and (chunk.place + seed_of(config.seed, question.topic_id, "mixture")) % each == 0
    template = config.words.teach_read if is_read else config.words.teach_recall
    values = _values(question, chunk if is_read else None) | demonstrations.shown(config.seed, id, asker.templates[template].fields)

    penalty = None if is_read else config.repetition_penalty  # there, another server's model answered with the document

    def ask(attempt: int) -> Request:
        return asker.ask(template, id, values, config.answer_tokens, config.mixture_temperature, sample=attempt, repetition_penalty=penalty)

    found = yield from until_usable(id, template, config.mixture_tries, ask, _taught)
    written.rejected += found.rejected
    if found.value is not None and found.response is not None:
        document = chunk.text if is_read else ""
        written.mixture.append(
            MixtureExample(id, question.id, question.topic_id, question.category, question.split, is_read, document, question.question, found.value)
        )
        written.origins.append(asker.origin(id, "mixture", template, found.response))


def _taught(response: Response) -> str:
    text = usable(response, may_refuse=False)
    if names_source(text):
        raise UnusableError("names the source")
    return text
