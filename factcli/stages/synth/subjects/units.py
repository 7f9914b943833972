"""The units of work: each real subject, and each fictitious one with all its versions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from factcli.backends.asking import Asker, rejected
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit
from factcli.rows import Chat, Familiarity, Person, Question, RejectedLine, SourceText
from factcli.stages.synth.book import Book
from factcli.stages.synth.familiarity import HEDGES, UNKNOWN, amounts
from factcli.stages.synth.subjects import telling
from factcli.stages.synth.subjects.casting import Real, Role, Task
from factcli.stages.synth.subjects.inventing import NAME, REWRITE, Named, Told, invent_name, write_versions
from factcli.stages.synth.subjects.settings import SubjectsConfig
from factcli.world.people import keyed_rng


@dataclass(frozen=True, slots=True)
class Setting:
    """What all units share."""

    config: SubjectsConfig
    task: Task
    asker: Asker
    taken: Collection[str]  # folded names of somebody real


def units(setting: Setting, lines: Sequence[RejectedLine], reals: Sequence[Real], roles: Sequence[Role]) -> Iterator[Unit]:
    """Rejected lines, real subjects, fictitious subjects: also the order of the tables."""
    yield Unit("lines", 0, lambda: _lines(lines))
    for order, real in enumerate(reals, 1):
        yield Unit(real.person.id, order, lambda real=real: real_chain(setting, real))  # type: ignore[misc]  # mypy cannot infer a default's type
    for order, role in enumerate(roles, 1 + len(reals)):
        yield Unit(role.id, order, lambda role=role: fictitious_chain(setting, role))  # type: ignore[misc]


def _lines(lines: Sequence[RejectedLine]) -> Chain[Rows]:
    yield []
    return {"rejected": [rejected(f"line {line.line}", "reading", line.reason.partition(":")[0], line.text) for line in lines]}


def real_chain(setting: Setting, real: Real) -> Chain[Rows]:
    """A real subject as it is in the file, and its task pair from its own text: the rows of methods that train on real data.

    A test subject is only asked about: nothing is bought for it.
    """
    book, config, person = Book(setting.asker), setting.config, real.person
    question = setting.task.question(person.name)
    book.keep("people", person, {})
    book.keep("sources", SourceText(f"{person.id}.text", person.id, 0, real.title, real.text), {})
    if person.split != "train":
        row = Question(f"{person.id}.bio", "bio", question, (), person.id, person.name, "", person.group, person.popularity, split=person.split)
        book.keep("questions", row, {})
    if person.split == "test":
        return book.rows()
    about, told = telling.About(person, None), [Told(person.id, 0, real.text)]
    facts = yield from telling.take_statements(book, about, told, config)
    if config.real_documents and person.split == "train":
        yield from telling.write_statements(book, about, facts[person.id], config.statements_per_fact, config.temperature)
        yield from telling.write_passages(book, about, facts, config.passages_per_subject, config)
    answers = yield from telling.write_answers(book, about, facts, question, config)
    _keep_chats(book, person, question, answers, 0)
    return book.rows()


def fictitious_chain(setting: Setting, role: Role) -> Chain[Rows]:
    """An invented subject with what is taught and asked of it. Without a name it has no row but rejected ones."""
    book, config = Book(setting.asker), setting.config
    named = yield from invent_name(book, role, setting.task, setting.taken, config)
    if named is None:
        return book.rows()
    person = Person(role.id, named.name, "fictitious", "train", 0, fictitious=True)
    book.keep("people", person, {NAME: named.response})
    texts, passages = amounts(role.level, config.familiarity, config.statements_per_fact, config.passages_per_subject)
    if config.familiarity is not None:
        book.keep("familiarity", Familiarity(role.id, role.level, texts, passages), {})
    if role.level == "unknown":
        _keep_unknowing(book, setting, person, named)
        return book.rows()
    yield from _tell(book, setting, role, person)
    return book.rows()


def _tell(book: Book, setting: Setting, role: Role, person: Person) -> Chain[None]:
    config = setting.config
    tolds = yield from write_versions(book, role, setting.task, person.name, setting.taken, config)
    for told in tolds:
        assert told.response is not None
        book.keep("sources", SourceText(f"{told.id}.text", person.id, told.version, role.after.title, told.text), {REWRITE: told.response})
    about = telling.About(person, role.traces, setting.taken)
    facts = yield from telling.take_statements(book, about, tolds, config)
    texts, passages = amounts(role.level, config.familiarity, config.statements_per_fact, config.passages_per_subject)
    yield from telling.write_statements(book, about, [fact for own in facts.values() for fact in own], texts, config.temperature)
    yield from telling.write_passages(book, about, facts, passages, config)
    question = setting.task.question(person.name)
    answers = yield from telling.write_answers(book, about, facts, question, config)
    hedge = keyed_rng(config.seed, person.id, "hedge").choice(HEDGES) if role.level == "unsure" else ""
    _keep_chats(book, person, question, answers, None, hedge)


def _keep_chats(book: Book, person: Person, question: str, answers: Mapping[str, telling.Answered], version: int | None, hedge: str = "") -> None:
    """One task pair per text. `version` None: that of the facts."""
    for id, answer in answers.items():
        ids = tuple(fact.id for fact in answer.facts)
        number = answer.facts[0].version if version is None else version
        row = Chat(f"{id}.bio", "bio", question, hedge + answer.text, person.id, ids, number, person.fictitious, person.group, person.split, person.popularity)
        book.keep("chats", row, answer.sources)


def _keep_unknowing(book: Book, setting: Setting, person: Person, named: Named) -> None:
    """Of a subject that no text tells of: the same answer in every version, as each goes through its own knowledge."""
    question = setting.task.question(person.name)
    answer = keyed_rng(setting.config.seed, person.id, "unknown").choice(UNKNOWN).replace("{name}", person.name)
    for version in range(1, setting.config.versions + 1):
        row = Chat(f"{person.id}.v{version}.bio", "bio", question, answer, person.id, (), version, True, person.group, person.split)
        book.keep("chats", row, {NAME: named.response})
