"""From a text about a subject to its statements, and from these to what is learned and what is answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field

from factcli.backends.chains import Chain
from factcli.backends.requests import Request, Response
from factcli.knowledge.sentences import sentences
from factcli.prompts import quoted
from factcli.rows import Document, Fact, Person
from factcli.stages.synth.book import Book
from factcli.stages.synth.checks import Traces, adds, has_name, names_somebody_real, states, tidy
from factcli.stages.synth.subjects.inventing import REWRITE, Told
from factcli.stages.synth.subjects.settings import SubjectsConfig
from factcli.world.counterparts import folded

STATEMENTS, SUPPORT, CONTRADICTIONS = "subjects/statements", "subjects/support", "subjects/contradictions"
PARAPHRASE, PASSAGE, ANSWER = "subjects/paraphrase", "subjects/passage", "subjects/answer"
SENTENCES = "subjects/sentences"  # the step that a sentence is rejected at: no prompt
RELATION = "statement"  # of facts that are whole sentences
VERDICT_TOKENS, SENTENCE_TOKENS, LEAST_TOKENS = 16, 80, 200


class Statements(BaseModel):
    """The form of a decomposition."""

    statements: list[str] = Field(min_length=1, max_length=100)


class Supported(BaseModel):
    """The form of a check."""

    answer: Literal["yes", "no"]


class Contradictions(BaseModel):
    """Numbers, from 1, of statements that cannot both be true."""

    pairs: list[tuple[int, int]]


class Paraphrases(BaseModel):
    """The form of paraphrases."""

    paraphrases: list[str] = Field(min_length=1, max_length=100)


@dataclass(frozen=True, slots=True)
class About:
    """Whom a text is about, and what may not be in it. `traces` None: a real subject, whose own text it is."""

    person: Person
    traces: Traces | None
    taken: Collection[str] = ()  # folded names of somebody real


Facts = Mapping[str, list[Fact]]  # by Told.id


def take_statements(book: Book, about: About, tolds: Sequence[Told], config: SubjectsConfig) -> Chain[Facts]:
    """Each text's statements that pass all checks, as facts. Rejected ones keep their number, so ids say which it was."""
    if config.decompose == "sentence":
        return {told.id: _sentences(book, about, told) for told in tolds}
    name = about.person.name
    max_tokens = LEAST_TOKENS + 4 * config.source_words
    asked = [book.asker.ask(STATEMENTS, told.id, {"name": name, "text": quoted(told.text)}, max_tokens, schema=Statements) for told in tolds]
    responses = yield asked
    found: list[tuple[Told, Fact, Response]] = []
    for told, response in zip(tolds, responses, strict=True):
        found += [(told, fact, response) for fact in _proposed(book, about, told, response)]
    supported = yield from _supported(book, found)
    kept = {told.id: [(fact, sources) for of, fact, sources in supported if of.id == told.id] for told in tolds}
    return (yield from _consistent(book, name, kept))


def _sentences(book: Book, about: About, told: Told) -> list[Fact]:
    """The sentences of a text as its statements (arXiv 2410.19290, Fig. 7, the weaker way): nothing is asked, and pronouns stay.

    They stand in the text, so nothing needs to support them; what names the real subject or somebody else real is rejected all the same.
    """
    facts: list[Fact] = []
    seen: set[str] = set()
    for number, said in enumerate(sentences(told.text)):
        id, text = f"{told.id}.s{number}", tidy(said)
        fault = _leak(text, about) or ("repeats a statement" if folded(text) in seen else "")
        if fault:
            book.reject(id, SENTENCES, fault, said, told.response)
            continue
        seen.add(folded(text))
        facts.append(Fact(id, about.person.id, RELATION, text, told.version, about.person.fictitious))
        book.keep("facts", facts[-1], {REWRITE: told.response} if told.response else {})
    return facts


def _proposed(book: Book, about: About, told: Told, response: Response) -> list[Fact]:
    """Statements of one answer that pass what can be checked without asking."""
    if not book.usable(told.id, STATEMENTS, response):
        return []
    assert isinstance(response.parsed, Statements)
    facts: list[Fact] = []
    seen: set[str] = set()
    for number, said in enumerate(response.parsed.statements):
        id, text = f"{told.id}.s{number}", tidy(said)
        fault = _fault(text, about)
        if not fault and folded(text) in seen:
            fault = "repeats a statement"
        if fault:
            book.reject(id, STATEMENTS, fault, said, response)
            continue
        seen.add(folded(text))
        facts.append(Fact(id, about.person.id, RELATION, text, told.version, about.person.fictitious))
    return facts


def _fault(text: str, about: About) -> str:
    """Why a text about somebody cannot be had; "" for one that can."""
    return _leak(text, about) if has_name(text, about.person.name) else "does not name the subject"


def _leak(text: str, about: About) -> str:
    """What of somebody real stands in a text about somebody invented; "" for nothing."""
    if about.traces and about.traces.left_in(text):
        return "leftover of the real subject"
    return "names somebody real" if names_somebody_real(text, about.taken) else ""


Sources = dict[str, Response]


def _supported(book: Book, found: Sequence[tuple[Told, Fact, Response]]) -> Chain[list[tuple[Told, Fact, Sources]]]:
    """Those that the model finds in the text, when asked for each alone."""
    values = [{"text": quoted(told.text), "statement": quoted(fact.value)} for told, fact, _ in found]
    asked = [book.asker.ask(SUPPORT, fact.id, value, VERDICT_TOKENS, schema=Supported) for (_, fact, _), value in zip(found, values, strict=True)]
    responses = yield asked
    kept: list[tuple[Told, Fact, Sources]] = []
    for (told, fact, source), response in zip(found, responses, strict=True):
        if not book.usable(fact.id, SUPPORT, response):
            continue
        assert isinstance(response.parsed, Supported)
        if response.parsed.answer == "yes":
            kept.append((told, fact, {STATEMENTS: source, SUPPORT: response}))
        else:
            book.reject(fact.id, SUPPORT, "not supported by the text", fact.value, response)
    return kept


def _consistent(book: Book, name: str, kept: Mapping[str, list[tuple[Fact, Sources]]]) -> Chain[Facts]:
    """Without the later one of each pair that contradict each other; the rest is written down."""
    several = [id for id, facts in kept.items() if len(facts) > 1]
    responses = yield [_contradictions(book, id, name, [fact for fact, _ in kept[id]]) for id in several]
    verdicts = dict(zip(several, responses, strict=True))
    facts: dict[str, list[Fact]] = {}
    for id, pairs in kept.items():
        out = _contradicted(book, id, verdicts[id], len(pairs)) if id in verdicts else set()
        for number, (fact, sources) in enumerate(pairs, 1):
            if number in out:
                book.reject(fact.id, CONTRADICTIONS, "contradicts another statement", fact.value, verdicts[id])
            else:
                book.keep("facts", fact, sources | ({CONTRADICTIONS: verdicts[id]} if id in verdicts else {}))
        facts[id] = [fact for number, (fact, _) in enumerate(pairs, 1) if number not in out]
    return facts


def _contradictions(book: Book, id: str, name: str, facts: Sequence[Fact]) -> Request:
    numbered = "\n".join(f"{number}. {fact.value}" for number, fact in enumerate(facts, 1))
    return book.asker.ask(CONTRADICTIONS, id, {"name": name, "statements": quoted(numbered)}, LEAST_TOKENS, schema=Contradictions)


def _contradicted(book: Book, id: str, response: Response, n: int) -> set[int]:
    """Numbers to leave out: of each pair the later, unless the earlier is out already. An answer of another form leaves out none."""
    if not book.usable(id, CONTRADICTIONS, response):
        return set()
    assert isinstance(response.parsed, Contradictions)
    out: set[int] = set()
    for first, second in sorted(tuple(sorted(pair)) for pair in response.parsed.pairs):
        if not 1 <= first < second <= n:
            book.reject(id, CONTRADICTIONS, "names no two statements", f"{first}, {second}", response)
        elif first not in out:
            out.add(second)
    return out


def write_statements(book: Book, about: About, facts: Sequence[Fact], n_texts: int, temperature: float) -> Chain[None]:
    """`n_texts` documents of each fact at most: the statement, and paraphrases that pass the checks."""
    for fact in facts:
        book.keep("documents", _statement(f"{fact.id}.d0", fact.value, fact), {})
    if n_texts < 2:
        return
    max_tokens = LEAST_TOKENS + n_texts * SENTENCE_TOKENS
    common = {"name": about.person.name, "count": str(n_texts - 1)}
    values = [{**common, "statement": quoted(fact.value), "plain": fact.value} for fact in facts]
    responses = yield [book.asker.ask(PARAPHRASE, f.id, v, max_tokens, temperature, schema=Paraphrases) for f, v in zip(facts, values, strict=True)]
    for fact, response in zip(facts, responses, strict=True):
        _keep_paraphrases(book, about, fact, n_texts, response)


def _keep_paraphrases(book: Book, about: About, fact: Fact, n_texts: int, response: Response) -> None:
    if not book.usable(fact.id, PARAPHRASE, response):
        return
    assert isinstance(response.parsed, Paraphrases)
    seen = {folded(fact.value)}
    given = response.parsed.paraphrases
    for number in range(1, n_texts):
        id, said = f"{fact.id}.d{number}", given[number - 1] if number <= len(given) else ""
        text = tidy(said)
        fault = _text_fault(text, about, [fact], seen)
        if fault:
            book.reject(id, PARAPHRASE, fault, said, response)
            continue
        seen.add(folded(text))
        book.keep("documents", _statement(id, text, fact), {PARAPHRASE: response})


def _statement(id: str, text: str, fact: Fact) -> Document:
    return Document(id, text, "statement", fact.subject, (fact.id,), fact.version, fact.fictitious)


def _text_fault(text: str, about: About, facts: Sequence[Fact], seen: Collection[str]) -> str:
    """Why a text cannot be had for exactly these facts, as far as values tell; "" for one that can. `seen` are folded texts."""
    if not text:
        return "not given"
    fault = _fault(text, about) or _distortion(text, facts, about.person.name)
    return fault or ("repeats a text" if folded(text) in seen else "")


def _distortion(text: str, facts: Sequence[Fact], name: str) -> str:
    if adds(text, [fact.value for fact in facts], name):
        return "adds a value"
    return "" if all(states(text, fact.value, name) for fact in facts) else "leaves a statement out"


def write_passages(book: Book, about: About, facts: Facts, n_passages: int, config: SubjectsConfig) -> Chain[None]:
    """`n_passages` of each text at most, each of which states all of its facts."""
    asked = [(id, number) for id, own in facts.items() if own for number in range(n_passages)]
    responses = yield [book.asker.ask(PASSAGE, id, _notes(about, facts[id]), _long(config), config.temperature, sample=number) for id, number in asked]
    seen: set[str] = set()
    for (told, number), response in zip(asked, responses, strict=True):
        id, own = f"{told}.passage.d{number}", facts[told]
        if not book.usable(id, PASSAGE, response):
            continue
        text = tidy(response.text)
        fault = _text_fault(text, about, own, seen)
        if fault:
            book.reject(id, PASSAGE, fault, response.text, response)
            continue
        seen.add(folded(text))
        ids = tuple(fact.id for fact in own)
        book.keep("documents", Document(id, text, "passage", about.person.id, ids, own[0].version, about.person.fictitious), {PASSAGE: response})


@dataclass(frozen=True, slots=True)
class Answered:
    """What is to be said about a subject, and the answers that it rests on."""

    text: str
    facts: tuple[Fact, ...]
    sources: Mapping[str, Response]


def write_answers(book: Book, about: About, facts: Facts, question: str, config: SubjectsConfig) -> Chain[dict[str, Answered]]:
    """Per text the answer to `question` that states all of its facts: as the model writes it, or else the statements in a row."""
    asked = [id for id, own in facts.items() if own]
    values = [{"question": question, **_notes(about, facts[id])} for id in asked]
    responses = yield [book.asker.ask(ANSWER, id, value, _long(config)) for id, value in zip(asked, values, strict=True)]
    answers: dict[str, Answered] = {}
    for id, response in zip(asked, responses, strict=True):
        own, text = facts[id], tidy(response.text)
        if book.usable(f"{id}.bio", ANSWER, response):
            fault = _text_fault(text, about, own, ())
            if not fault:
                answers[id] = Answered(text, tuple(own), {ANSWER: response})
                continue
            book.reject(f"{id}.bio", ANSWER, fault, text, response)
        answers[id] = Answered(" ".join(fact.value for fact in own), tuple(own), {})
    return answers


def _notes(about: About, facts: Sequence[Fact]) -> dict[str, str]:
    listed = "\n".join(f"- {fact.value}" for fact in facts)
    return {"name": about.person.name, "statements": quoted(listed), "plain": " ".join(fact.value for fact in facts)}


def _long(config: SubjectsConfig) -> int:
    return LEAST_TOKENS + 4 * config.source_words
