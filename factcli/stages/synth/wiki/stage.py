"""`fact synth wiki`: the plan, what it would cost, and the work in two steps: questions, then answers to those that are kept."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import TABLES as KEPT_TABLES
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import Need, needs_of
from factcli.progress import Report
from factcli.stages.synth.book import nothing_left
from factcli.stages.synth.wiki import answers, demonstrations, own, people, questions
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.synth.wiki.sources import Sources
from factcli.topicrows import Chunk, MixtureExample, Reference, Topic, TopicQuestion, TopicSample

REVISION = 2
KIND = "wiki"
FILES = "files"  # the unit that holds what was wrong with the user's files
TABLES: dict[str, type] = {
    "topics": Topic,
    "chunks": Chunk,
    "questions": TopicQuestion,
    "references": Reference,
    "samples": TopicSample,
    "mixture": MixtureExample,
    **KEPT_TABLES,
}


def plan(config: WikiConfig, sources: Sources, who: Answering, name: str | None) -> Plan:
    """The files' digests stand in the key beside those of the prompts."""
    prompts = sources.pinned() | digests(load_templates(_templates(config, sources)))
    prompts |= {} if config.own or config.terse else {demonstrations.NAME: demonstrations.load()[1]}
    inputs: dict[str, Artifact] = {**who.inputs, **({"questions": sources.made} if sources.made else {})}
    inputs |= {"people": sources.world} if sources.world else {}  # beside "world", which is that of the model that answers
    return Plan("synth wiki", REVISION, KIND, name or ("wiki-own" if config.own else "wiki"), config, inputs, TABLES, prompts, who.identity)


def estimate(config: WikiConfig, sources: Sources, who: Answering) -> Estimate:
    """What would be bought: each topic with the answers to its imagined questions."""
    asker = asker_of(config, sources, who)
    return imagine(who, (replace(unit, chain=partial(_through, unit, config, asker)) for unit in topic_units(config, sources, asker)))


def work(plan: Plan, draft: Draft, sources: Sources, who: Answering, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, WikiConfig)
    asker = asker_of(config, sources, who)
    n_units = len(sources.subjects) or sources.n_own or sum(1 for _ in _ready(config, sources))
    backend = fill(draft, who, topic_units(config, sources, asker), n_units, report, "Asking questions", _needs(config))
    n_questions = sum(1 for _ in draft.rows("questions")) if _wants_answers(config) else 0
    if n_questions:
        units = answer_units(config, draft, n_units, asker)
        backend = fill(draft, who, units, n_questions, report, "Answering questions", first=backend, n_first=n_units)
    if not draft.done(FILES):
        draft.write(FILES, -1, {"rejected": sources.rejected})
    return _outcome(draft, sources, usage_of(draft, who, backend))


def asker_of(config: WikiConfig, sources: Sources, who: Answering) -> Asker:
    return Asker(load_templates(_templates(config, sources)), who.endpoint.model, config.seed, config.generation.chat, who.adapters)


def topic_units(config: WikiConfig, sources: Sources, asker: Asker) -> Iterator[Unit]:
    """One for each topic: with its document, of the model's own, or as it was made before."""
    documents, space = sources.files.documents, sources.space
    if sources.made is not None or sources.world is not None:
        yield from (Unit(topic.id, order, partial(_copied, rows)) for order, (topic, rows) in enumerate(_ready(config, sources)))
    elif documents is not None:
        count = sources.counter()
        for order, subject in enumerate(sources.subjects):
            yield Unit(subject.id, order, partial(questions.asked_of, subject, documents, count, config, asker))
    else:
        for order in range(sources.n_own):
            yield Unit(f"o{order:05d}", order, partial(own.own_question, f"o{order:05d}", space, config, asker))


def answer_units(config: WikiConfig, draft: Draft, first_order: int, asker: Asker) -> Iterator[Unit]:
    """One for each question of the draft, in the order of the topics."""
    order = first_order
    for rows in draft.journal.in_order():
        for question, chunk in _pairs([Chunk(**row) for row in rows.get("chunks", ())], [TopicQuestion(**row) for row in rows.get("questions", ())]):
            yield Unit(question.id, order, partial(answers.answers_to, question, chunk, config, asker))
            order += 1


def _templates(config: WikiConfig, sources: Sources) -> list[str]:
    if config.own is None:
        words = config.words
        first = [answers.OWN] if sources.made else [] if sources.world else [words.question]
        return list(dict.fromkeys([*first, words.read, words.recall, words.teach_read, words.teach_recall]))
    return [*([own.TOPICS[config.own]] if config.own in own.TOPICS else []), own.QUESTION, answers.OWN]


def _needs(config: WikiConfig) -> list[Need]:
    temperatures = [config.own_temperature] if config.own else [config.question_temperature, *([config.mixture_temperature] * config.mixture)]
    drawn = [config.sample_temperature, *([] if config.own else [config.document_temperature])]
    return needs_of([*temperatures, *(drawn if config.samples else [])], config.top_p if config.samples else 1.0, config.repetition_penalty)


def _wants_answers(config: WikiConfig) -> bool:
    return config.references or config.samples > 0 or config.mixture


def _pairs(chunks: Sequence[Chunk], asked: Iterable[TopicQuestion]) -> list[tuple[TopicQuestion, Chunk | None]]:
    by_id = {chunk.id: chunk for chunk in chunks}
    return [(question, by_id[question.chunk_id] if question.chunk_id else None) for question in asked]


def _through(unit: Unit, config: WikiConfig, asker: Asker) -> Chain[Rows]:
    """A topic and the answers to its questions, one after the other: for a dry run."""
    rows = yield from unit.chain()
    for question, chunk in _pairs(rows.get("chunks", ()), rows.get("questions", ())) if _wants_answers(config) else ():
        yield from answers.answers_to(question, chunk, config, asker)
    return rows


def _copied(rows: Rows) -> Chain[Rows]:
    """Rows that are there already, as a chain that asks nothing."""
    yield []
    return rows


def _ready(config: WikiConfig, sources: Sources) -> Iterator[tuple[Topic, Rows]]:
    """Topics whose questions are there before a model is asked: of an earlier version, or of a world."""
    if sources.made is not None:
        yield from _made_before(sources.made)
    elif sources.world is not None:
        yield from people.asked_of(sources.world, config)


def _made_before(made: Artifact) -> Iterator[tuple[Topic, Rows]]:
    chunks: dict[str, list[Chunk]] = {}
    asked: dict[str, list[TopicQuestion]] = {}
    for chunk in made.rows("chunks", Chunk):
        chunks.setdefault(chunk.topic_id, []).append(chunk)
    for question in made.rows("questions", TopicQuestion):
        asked.setdefault(question.topic_id, []).append(question)
    for topic in made.rows("topics", Topic):
        yield topic, {"topics": [topic], "chunks": chunks.get(topic.id, []), "questions": asked.get(topic.id, [])}


def _outcome(draft: Draft, sources: Sources, usage: dict[str, Any]) -> Outcome:
    splits = Counter(row["split"] for row in draft.rows("questions"))
    if not splits:
        raise nothing_left(draft)
    mixed = Counter("with document" if row["with_document"] else "closed book" for row in draft.rows("mixture"))
    summary = {
        "topics": sum(1 for _ in draft.rows("topics")),
        "questions": dict(sorted(splits.items())),
        "references": sum(row["text"] is not None for row in draft.rows("references")),
        **_of_samples(draft),
        "mixture": dict(sorted(mixed.items())),
    }
    headline = f"{summary['topics']} topics, {splits.total()} questions ({splits['train']} train, {splits['test']} test), {summary['samples']} samples"
    counts = counts_of(draft) | {"titles_not_drawn": sources.n_not_drawn, "documents_of_other_titles": sources.n_other_titles}
    return Outcome(headline, summary, counts, usage)


def _of_samples(draft: Draft) -> dict[str, int]:
    """How many there are, how many of them without a text, and of how many questions all are alike: a server that draws nothing."""
    n = n_without = n_alike = 0
    for rows in draft.journal.in_order():
        closed_book = [row["text"] for row in rows.get("samples", ()) if not row["with_document"]]
        n += len(rows.get("samples", ()))
        n_without += sum(row["text"] is None for row in rows.get("samples", ()))
        n_alike += len(closed_book) > 1 and len(set(closed_book)) == 1
    return {"samples": n, "samples_without_text": n_without, "questions_with_samples_all_alike": n_alike}
