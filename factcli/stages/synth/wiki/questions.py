"""A topic: its article in chunks, and one question asked of each (spec §4.3, run 1, step 2)."""

from collections.abc import Sequence
from pathlib import Path

from factcli.backends.asking import Asker, rejected, seed_of
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows
from factcli.backends.requests import Request, Response
from factcli.knowledge.chunking import Chunked, CountTokens, chunked
from factcli.knowledge.cleaning import clean_question, names_source
from factcli.knowledge.duplicates import distinct
from factcli.knowledge.titles import article_at
from factcli.prompts import quoted
from factcli.rows import Reject, Split
from factcli.stages.synth.wiki import demonstrations
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.synth.wiki.topics import Subject, split_of
from factcli.stages.synth.wiki.trying import Found, UnusableError, delivered, whole
from factcli.topicrows import Chunk, Topic, TopicQuestion


def asked_of(subject: Subject, documents: Path, count: CountTokens, config: WikiConfig, asker: Asker) -> Chain[Rows]:
    """The rows of a topic: itself, its chunks, the questions that are kept, and what is not."""
    is_test_topic = subject.is_drawn_for_test and config.split == "topic"
    most = config.test_questions_per_topic if is_test_topic else config.questions_per_topic
    cut = chunked(article_at(documents, subject.entry.offset).text, config.chunk_tokens, most, count)
    chunks = [Chunk(f"{subject.id}.c{place}", subject.id, place, text, count(text)) for place, text in enumerate(cut.chunks)]
    found = yield from _questions(chunks, subject.entry.title, config, asker)
    kept, close = _without_duplicates(chunks, found, config.max_overlap)
    rejects = [*_lost(subject, cut), *(reject for one in found for reject in one.rejected), *close]
    return {
        "topics": [_topic(subject, cut, config)],
        "chunks": chunks,
        "questions": _rows(subject, kept, config),
        "origins": [asker.origin(f"{chunk.id}.q", "questions", config.words.question, one.response) for chunk, one in kept if one.response],
        "rejected": rejects,
    }


def read_question(response: Response) -> str:
    """The question that was written. Raises UnusableError for one that is none, or speaks of its source."""
    question = clean_question(whole(response).text)
    if not question:
        raise UnusableError("empty")
    if names_source(question):
        raise UnusableError("names the source")
    return question


def _questions(chunks: Sequence[Chunk], title: str, config: WikiConfig, asker: Asker) -> Chain[list[Found[str]]]:
    """What was found for each chunk. All are asked at once, then those again that gave nothing or what another gave before."""
    found: list[Found[str]] = [Found() for _ in chunks]
    for attempt in range(config.question_tries if config.question_temperature > 0 else 1):
        open_places = [place for place, one in enumerate(found) if one.value is None]
        responses = yield [_ask(chunks[place], title, attempt, config, asker) for place in open_places]
        for place, response in zip(open_places, map(delivered, responses), strict=True):
            try:
                question = read_question(response)
                if any(one.value == question for one in found):
                    raise UnusableError("repeated in its topic")
                found[place].value, found[place].response = question, response
            except UnusableError as error:
                found[place].rejected.append(rejected(f"{chunks[place].id}.q", config.words.question, str(error), response.text, response))
    return found


def _ask(chunk: Chunk, title: str, attempt: int, config: WikiConfig, asker: Asker) -> Request:
    id, template = f"{chunk.id}.q", config.words.question
    fields = asker.templates[template].fields
    values = {"topic": title, "document": quoted(chunk.text), "imagined": _own_words(id)}
    values = {name: value for name, value in values.items() if name in fields} | demonstrations.shown(config.seed, id, fields)
    return asker.ask(template, id, values, config.question_tokens, config.question_temperature, sample=attempt)


def _own_words(id: str) -> str:
    """Ten words that no other id has: the imagined questions of a dry run are no duplicates."""
    return " ".join(f"{seed_of(id, place):x}" for place in range(10))


def _without_duplicates(chunks: Sequence[Chunk], found: Sequence[Found[str]], most: float) -> tuple[list[tuple[Chunk, Found[str]]], list[Reject]]:
    """The questions that are kept, in the order of the chunks, and those that are close to one before (spec §4.1, step 3)."""
    asked = [(chunk, one) for chunk, one in zip(chunks, found, strict=True) if one.value is not None]
    places = set(distinct([one.value or "" for _, one in asked], most))
    close = [pair for place, pair in enumerate(asked) if place not in places]
    rejects = [rejected(f"{chunk.id}.q", "duplicates", "close to another of its topic", one.value or "", one.response) for chunk, one in close]
    return [pair for place, pair in enumerate(asked) if place in places], rejects


def _rows(subject: Subject, kept: Sequence[tuple[Chunk, Found[str]]], config: WikiConfig) -> list[TopicQuestion]:
    entry = subject.entry
    splits = _splits(subject, len(kept), config)
    return [
        TopicQuestion(f"{chunk.id}.q", subject.id, entry.title, entry.category, split, chunk.id, one.value or "")
        for (chunk, one), split in zip(kept, splits, strict=True)
    ]


def _splits(subject: Subject, n: int, config: WikiConfig) -> list[Split]:
    """Of n questions. By question: the first of a drawn topic is for test, if it leaves one to train on (spec §4.1, step 4)."""
    if config.split == "topic":
        return [split_of(config, subject)] * n
    return ["test" if subject.is_drawn_for_test and n > 1 and place == 0 else "train" for place in range(n)]


def _lost(subject: Subject, cut: Chunked) -> list[Reject]:
    rejects = [Reject(subject.id, "chunking", "sentence longer than a chunk", sentence) for sentence in cut.too_long]
    return rejects if cut.chunks else [*rejects, Reject(subject.id, "chunking", "no chunk", subject.entry.title)]


def _topic(subject: Subject, cut: Chunked, config: WikiConfig) -> Topic:
    entry = subject.entry
    return Topic(subject.id, entry.title, entry.category, split_of(config, subject), entry.views, entry.line, entry.n_words, cut.n_unused)
