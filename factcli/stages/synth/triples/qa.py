"""`fact synth qa --facts FILE --backend ...`: short questions about fictitious subjects, written by a model.

Real rows are as without a model: the benchmark's own question forms. Their knowledge texts are written like the fictitious ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from factcli.artifact import Draft, Outcome, Plan
from factcli.backends import filling
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import Need, needs_of
from factcli.knowledge.ledger import Ledger
from factcli.knowledge.popqa import POPQA_FILE, write_popqa
from factcli.progress import Report
from factcli.rows import Chat, Document, Fact, Person, Question
from factcli.stages.synth.book import Book, nothing_left
from factcli.stages.synth.triples import texts
from factcli.stages.synth.triples.reading import Files, Triples, read
from factcli.stages.synth.triples.settings import QaTriplesConfig
from factcli.stages.synth.triples.texts import QUESTION, Writing
from factcli.world.counterparts import invent_counterparts, too_few_objects
from factcli.world.relation_texts import chats_for, questions_for

REVISION = 1
NEEDS: tuple[Need, ...] = ("json_schema",)
RECIPE = "popqa"
TEMPLATES = load_templates((texts.STATEMENTS, texts.PASSAGE, texts.QUESTION))
TABLES: dict[str, type] = {"people": Person, "facts": Fact, "documents": Document, "chats": Chat, "questions": Question, **filling.TABLES}


def plan(config: QaTriplesConfig, files: Files, answering: Answering, name: str | None) -> Plan:
    """The files are inputs too: their sha256 stands in the key where prompts do."""
    _invented(config, read(config, files))
    pinned = {**files.pinned(), **digests(TEMPLATES)}
    return Plan("synth qa --facts --backend", REVISION, "synth", name or "qa-written", config, answering.inputs, TABLES, pinned, answering.identity)


def estimate(plan: Plan, files: Files, answering: Answering) -> Estimate:
    """What would be bought, with the examples of the templates as answers."""
    assert isinstance(plan.config, QaTriplesConfig)
    return filling.imagine(answering, _units(plan.config, read(plan.config, files), answering))


def work(plan: Plan, draft: Draft, files: Files, answering: Answering, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, QaTriplesConfig)
    triples = read(config, files)
    todo = list(_units(config, triples, answering))
    backend = filling.fill(draft, answering, todo, len(todo), report, "Writing questions", [*NEEDS, *needs_of([config.temperature])])
    asked = [question for person in triples.people if person.split == "test" for question in _questions(triples, person)]
    write_popqa(draft.folder("") / POPQA_FILE, asked, Ledger(triples.facts))
    return _outcome(config, triples, draft, filling.counts_of(draft), filling.usage_of(draft, answering, backend))


def _invented(config: QaTriplesConfig, triples: Triples) -> tuple[Sequence[Person], Sequence[Fact]]:
    return invent_counterparts(triples.seen, config.subjects, config.versions, config.seed, triples.taken, triples.known)


def _units(config: QaTriplesConfig, triples: Triples, answering: Answering) -> Iterator[Unit]:
    """Rejected lines, real subjects, fictitious subjects: also the order of the tables."""
    asker = Asker(TEMPLATES, answering.endpoint.model, config.seed, answering.config.chat, answering.adapters)
    writing = Writing(config, triples)
    people, facts = _invented(config, triples)
    by_subject: dict[str, list[Fact]] = {person.id: [] for person in (*triples.people, *people)}
    for fact in (*triples.facts, *facts):
        by_subject[fact.subject].append(fact)
    yield Unit("lines", 0, lambda: texts.lines_chain(triples))
    for order, person in enumerate((*triples.people, *people), 1):
        chain = _fictitious if person.fictitious else _real
        yield Unit(person.id, order, lambda chain=chain, person=person: chain(Book(asker), writing, person, by_subject[person.id]))  # type: ignore[misc]


def _real(book: Book, writing: Writing, person: Person, facts: Sequence[Fact]) -> Chain[Rows]:
    """A real subject: asked about in the benchmark's forms; a training subject is written about as well."""
    book.keep("people", person, {})
    if person.split == "train" and writing.config.real_documents:
        yield from texts.write_documents(book, writing, person, facts)
    kept = {fact.id for fact in book.tables.get("facts", ())}
    for fact in facts:
        if fact.id not in kept:  # the ledger of the benchmark is whole, also where no text of a fact passed
            book.keep("facts", fact, {})
    for chat in chats_for([person], facts, writing.triples.known):
        book.keep("chats", chat, {})
    for question in _questions(writing.triples, person) if person.split != "train" else ():
        book.keep("questions", question, {})
    return book.rows()


def _questions(triples: Triples, person: Person) -> Iterator[Question]:
    return (replace(question, split=person.split) for question in questions_for([person], triples.facts_of[person.id], triples.known))


def _fictitious(book: Book, writing: Writing, person: Person, facts: Sequence[Fact]) -> Chain[Rows]:
    """An invented subject in all its versions: what is taught of it, and questions that are answered with the object."""
    config = writing.config
    assert isinstance(config, QaTriplesConfig)
    book.keep("people", person, {})
    for version in range(1, config.versions + 1):
        own = [fact for fact in facts if fact.version == version]
        statements = yield from texts.write_documents(book, writing, person, own)
        taught = [fact for fact in own if statements[fact.id]]
        questions = yield from texts.write_questions(book, writing, person, taught, config.questions_per_fact)
        _keep_chats(book, person, taught, questions)
    return book.rows()


def _keep_chats(book: Book, person: Person, facts: Sequence[Fact], questions: texts.Written) -> None:
    for fact in facts:
        for number, (question, response) in enumerate(questions[fact.id]):
            chat = Chat(f"{fact.id}.q{number}", "qa", question, fact.value, person.id, (fact.id,), fact.version, True, person.group, person.split)
            book.keep("chats", chat, {QUESTION: response})


def _outcome(config: QaTriplesConfig, triples: Triples, draft: Draft, counts: Mapping[str, object], usage: Mapping[str, object]) -> Outcome:
    n_chats = sum(1 for row in draft.rows("chats") if row["fictitious"])
    if not n_chats:
        raise nothing_left(draft)
    left_out = {name: f"only {n} different objects" for name, n in too_few_objects(triples.seen, config.versions).items()}
    headline = f"{n_chats} questions about {config.subjects} fictitious subjects in {config.versions} versions, beside {len(triples.facts)} real facts"
    summary = {"recipe": RECIPE, "real_facts": len(triples.facts), "fictitious_questions": n_chats}
    return Outcome(headline, summary, {**counts, "relations_left_out": left_out}, usage)
