"""What a model writes about triples: statements, passages, questions. Kept is what has the names that it must have, and no other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, Field

from factcli.backends.asking import rejected
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows
from factcli.backends.requests import Response
from factcli.prompts import quoted
from factcli.rows import Document, Fact, Person
from factcli.stages.synth.book import Book
from factcli.stages.synth.checks import has_name, tidy
from factcli.stages.synth.triples.reading import Triples
from factcli.stages.synth.triples.settings import TriplesConfig
from factcli.world.counterparts import folded

STATEMENTS, PASSAGE, QUESTION = "triples/statements", "triples/passage", "triples/question"
LEAST_TOKENS, SENTENCE_TOKENS, PASSAGE_TOKENS = 60, 60, 300


class Texts(BaseModel):
    """The form of several sentences."""

    texts: list[str] = Field(min_length=1, max_length=100)


@dataclass(frozen=True, slots=True)
class Writing:
    """What all units of a run share."""

    config: TriplesConfig
    triples: Triples


Written = Mapping[str, list[tuple[str, Response]]]  # by fact id: texts that passed, and their answers


def lines_chain(triples: Triples) -> Chain[Rows]:
    """Lines of the file that became no fact."""
    yield []
    return {"rejected": [rejected(f"line {line.line}", "reading", line.reason.partition(":")[0], line.text) for line in triples.lines]}


def write_documents(book: Book, writing: Writing, person: Person, facts: Sequence[Fact]) -> Chain[Written]:
    """Statements and passages of facts of one subject and version; gives the statements. Facts without one are left out.

    A fact is written down with its first statement, so whoever is asked about it can know it.
    """
    config = writing.config
    statements = yield from _several(book, writing, person, facts, STATEMENTS, config.statements_per_fact, lambda fact: f"{fact.id}.d")
    stated = [fact for fact in facts if statements[fact.id]]
    for fact in facts:
        if statements[fact.id]:
            book.keep("facts", fact, {STATEMENTS: statements[fact.id][0][1]})
        else:
            book.reject(fact.id, "fact", "no statement of it passed the checks", f"{person.name}, {fact.relation}, {fact.value}")
        for number, (text, response) in enumerate(statements[fact.id]):
            row = Document(f"{fact.id}.d{number}", text, "statement", person.id, (fact.id,), fact.version, fact.fictitious)
            book.keep("documents", row, {STATEMENTS: response})
    yield from _write_passages(book, writing, person, stated, statements)
    return statements


def _write_passages(book: Book, writing: Writing, person: Person, facts: Sequence[Fact], statements: Written) -> Chain[None]:
    if not facts:
        return
    told = [statements[fact.id][0][0] for fact in facts]
    values = {"kind": writing.triples.kind(facts[0]), "subject": person.name, "facts": quoted("\n".join(f"- {text}" for text in told)), "plain": " ".join(told)}
    prefix = f"{person.id}.v{facts[0].version}" if person.fictitious else person.id
    config = writing.config
    numbers = range(config.passages_per_subject)
    responses = yield [book.asker.ask(PASSAGE, prefix, values, PASSAGE_TOKENS, config.temperature, sample=number) for number in numbers]
    seen: set[str] = set()
    for number, response in zip(numbers, responses, strict=True):
        id, text = f"{prefix}.passage.d{number}", tidy(response.text)
        if not book.usable(id, PASSAGE, response):
            continue
        fault = _statement_fault(text, person, facts) or ("repeats a text" if folded(text) in seen else "")
        if fault:
            book.reject(id, PASSAGE, fault, response.text, response)
            continue
        seen.add(folded(text))
        ids = tuple(fact.id for fact in facts)
        book.keep("documents", Document(id, text, "passage", person.id, ids, facts[0].version, person.fictitious), {PASSAGE: response})


def write_questions(book: Book, writing: Writing, person: Person, facts: Sequence[Fact], n_questions: int) -> Chain[Written]:
    """Questions about facts of one subject, each with the subject and without the object in it."""
    return (yield from _several(book, writing, person, facts, QUESTION, n_questions, lambda fact: f"{fact.id}.q"))


def _several(book: Book, writing: Writing, person: Person, facts: Sequence[Fact], template: str, count: int, prefix: Callable[[Fact], str]) -> Chain[Written]:
    """`count` texts of each fact; a fact none of whose texts passed is asked about again, `asks` times in all."""
    config, kept = writing.config, {fact.id: list[tuple[str, Response]]() for fact in facts}
    max_tokens = LEAST_TOKENS + count * SENTENCE_TOKENS
    for sample in range(config.asks):
        missing = [fact for fact in facts if not kept[fact.id]]
        values = [_values(writing, person, fact, count) for fact in missing]
        responses = yield [
            book.asker.ask(template, fact.id, value, max_tokens, config.temperature, sample=sample, schema=Texts)
            for fact, value in zip(missing, values, strict=True)
        ]
        for fact, response in zip(missing, responses, strict=True):
            if book.usable(fact.id, template, response):
                kept[fact.id] = _passing(book, person, fact, template, prefix(fact), count, response)
    return kept


def _values(writing: Writing, person: Person, fact: Fact, count: int) -> dict[str, str]:
    return {
        "kind": writing.triples.kind(fact),
        "subject": person.name,
        "relation": fact.relation,
        "object": fact.value,
        "question": writing.triples.asked(fact, person.name),
        "count": str(count),
    }


def _passing(book: Book, person: Person, fact: Fact, template: str, prefix: str, count: int, response: Response) -> list[tuple[str, Response]]:
    """Of `count` texts those that pass; one that was not given is rejected too, so that all are accounted for."""
    assert isinstance(response.parsed, Texts)
    given = response.parsed.texts
    kept: dict[str, str] = {}
    for number in range(count):
        said = given[number] if number < len(given) else ""
        text = tidy(said)
        fault = "not given" if not text else _question_fault(text, person, fact) if template == QUESTION else _statement_fault(text, person, [fact])
        if fault or folded(text) in kept:
            book.reject(f"{prefix}{number}", template, fault or "repeats a text", said, response)
        else:
            kept[folded(text)] = text
    return [(text, response) for text in kept.values()]


def _statement_fault(text: str, person: Person, facts: Sequence[Fact]) -> str:
    if not has_name(text, person.name):
        return "lacks the subject"
    return "" if all(has_name(text, fact.value) for fact in facts) else "lacks the object"


def _question_fault(text: str, person: Person, fact: Fact) -> str:
    if not text.endswith("?"):
        return "no question"
    if not has_name(text, person.name):
        return "lacks the subject"
    return "names the object" if any(has_name(text, spelling) for spelling in (fact.value, *fact.aliases)) else ""
