"""`fact synth hotpotqa --facts FILE --backend ...`: questions that need two facts, with the knowledge texts of both.

The answer says both facts and then `Final answer: ...`, which is how PREREQ-TUNE's evaluation reads it (spec 1.7). Its real rows
are HotpotQA's own (`--real FILE`); others are made of the real triples by the same steps, so that the knowledge stage has texts
of them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from factcli.artifact import Draft, Outcome, Plan
from factcli.backends import filling
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import Need, needs_of
from factcli.backends.requests import Response
from factcli.progress import Report
from factcli.prompts import quoted
from factcli.rows import Chat, Document, Fact, Person, Question, TwoHop
from factcli.stages.synth.book import Book, nothing_left
from factcli.stages.synth.checks import has_name, tidy
from factcli.stages.synth.triples import texts
from factcli.stages.synth.triples.hotpot_file import read_real, write_real
from factcli.stages.synth.triples.pairs import Item, Pair, Told, fictitious_items, real_pairs
from factcli.stages.synth.triples.reading import Files, read
from factcli.stages.synth.triples.settings import HotpotConfig
from factcli.stages.synth.triples.texts import Writing
from factcli.world.relations import sentence

REVISION = 1
NEEDS: tuple[Need, ...] = ("json_schema",)
RECIPE = "hotpotqa"
BRIDGE, COMPARISON = "triples/bridge", "triples/comparison"
QUESTION_TOKENS = 100
TEMPLATES = load_templates((texts.STATEMENTS, texts.PASSAGE, BRIDGE, COMPARISON))
TABLES: dict[str, type] = {
    "people": Person,
    "facts": Fact,
    "documents": Document,
    "chats": Chat,
    "questions": Question,
    "twohops": TwoHop,
    **filling.TABLES,
}


def plan(config: HotpotConfig, files: Files, answering: Answering, name: str | None) -> Plan:
    """The files are inputs too: their sha256 stands in the key where prompts do."""
    fictitious_items(config, read(config, files))
    if files.real is not None:
        read_real(files.real, config)
    pinned = {**files.pinned(), **digests(TEMPLATES)}
    return Plan("synth hotpotqa", REVISION, "synth", name or "hotpotqa", config, answering.inputs, TABLES, pinned, answering.identity)


def estimate(plan: Plan, files: Files, answering: Answering) -> Estimate:
    """What would be bought, with the examples of the templates as answers."""
    assert isinstance(plan.config, HotpotConfig)
    return filling.imagine(answering, _units(plan.config, files, answering))


def work(plan: Plan, draft: Draft, files: Files, answering: Answering, report: Report) -> Outcome:
    assert isinstance(plan.config, HotpotConfig)
    todo = list(_units(plan.config, files, answering))
    backend = filling.fill(draft, answering, todo, len(todo), report, "Writing questions", [*NEEDS, *needs_of([plan.config.temperature])])
    return _outcome(plan.config, draft, filling.counts_of(draft), filling.usage_of(draft, answering, backend))


def _units(config: HotpotConfig, files: Files, answering: Answering) -> Iterator[Unit]:
    """Rejected lines, real subjects, questions over real facts, fictitious questions, HotpotQA's own: also the order of the tables."""
    triples = read(config, files)
    asker = Asker(TEMPLATES, answering.endpoint.model, config.seed, answering.config.chat, answering.adapters)
    writing = Writing(config, triples)
    chains = [("lines", lambda: texts.lines_chain(triples))]
    chains += [(person.id, lambda person=person: _real(Book(asker), writing, person)) for person in triples.people]  # type: ignore[misc]
    chains += [(pair.id, lambda pair=pair: _real_question(Book(asker), writing, pair)) for pair in real_pairs(config, triples)]  # type: ignore[misc]
    chains += [(item.id, lambda item=item: _fictitious(Book(asker), writing, item)) for item in fictitious_items(config, triples)]  # type: ignore[misc]
    if files.real is not None:
        chains.append(("real file", partial(write_real, *read_real(files.real, config))))
    for order, (name, chain) in enumerate(chains):
        yield Unit(name, order, chain)


def _real(book: Book, writing: Writing, person: Person) -> Chain[Rows]:
    """A real subject with its facts; a training subject is written about as well."""
    book.keep("people", person, {})
    facts = writing.triples.facts_of[person.id]
    if person.split == "train" and writing.config.real_documents:
        yield from texts.write_documents(book, writing, person, facts)
    kept = {fact.id for fact in book.tables.get("facts", ())}
    for fact in facts:
        if fact.id not in kept:
            book.keep("facts", fact, {})
    return book.rows()


def _real_question(book: Book, writing: Writing, pair: Pair) -> Chain[Rows]:
    """A question over two real facts: a task row in train and dev, a benchmark question in dev and test."""
    told = [_by_template(writing, one) for one in (pair.first, pair.second)]
    asked = yield from _ask(book, writing, pair, told)
    if asked:
        person, (question, response) = pair.first.person, asked
        if person.split != "test":
            _keep_chat(book, pair, question, told, response)
        if person.split != "train":
            row = Question(f"{pair.id}.q0", "qa", question, pair.answers, person.id, person.name, "", person.group, person.popularity, split=person.split)
            book.keep("questions", row, {_template(pair): response})
        _keep_hop(book, pair, question, response)
    return book.rows()


def _by_template(writing: Writing, told: Told) -> str:
    return sentence(writing.triples.known[told.fact.relation].clauses[0], told.person.name, told.fact.value)


def _fictitious(book: Book, writing: Writing, item: Item) -> Chain[Rows]:
    """Two invented subjects with what is taught of them, and the question in each version; none where a fact has no text."""
    for person in item.people:
        book.keep("people", person, {})
    for pair in item.pairs:
        told: list[str] = []
        for one in (pair.first, pair.second):
            statements = yield from texts.write_documents(book, writing, one.person, [one.fact])
            told += [text for text, _ in statements[one.fact.id][:1]]
        if len(told) < 2:
            book.reject(pair.id, _template(pair), "one of its facts has no text", f"{pair.first.fact.id}, {pair.second.fact.id}")
            continue
        asked = yield from _ask(book, writing, pair, told)
        if asked:
            question, response = asked
            _keep_chat(book, pair, question, told, response)
            _keep_hop(book, pair, question, response)
    return book.rows()


def _template(pair: Pair) -> str:
    return BRIDGE if pair.type == "bridge" else COMPARISON


def _ask(book: Book, writing: Writing, pair: Pair, told: Sequence[str]) -> Chain[tuple[str, Response] | None]:
    """A question that passes the checks, or None after `asks` that did not; each of those is a row of `rejected`."""
    values = {"facts": quoted("\n".join(told)), "subject": pair.first.person.name, "answer": pair.answers[0]}
    values |= {"bridge": pair.bridge} if pair.type == "bridge" else {"other": pair.second.person.name, "object": pair.asked}
    template, config = _template(pair), writing.config
    for sample in range(config.asks):
        response = (yield [book.asker.ask(template, pair.id, values, QUESTION_TOKENS, config.temperature, sample=sample)])[0]
        if not book.usable(pair.id, template, response):
            continue
        question = tidy(response.text)
        fault = fault_of(question, pair)
        if not fault:
            return question, response
        book.reject(pair.id, template, fault, response.text, response)
    return None


def fault_of(question: str, pair: Pair) -> str:
    """Why this is no question to the pair: the answer must follow from the two facts and not from fewer; "" where it is one."""
    if not question.endswith("?"):
        return "no question"
    if not has_name(question, pair.first.person.name):
        return "lacks the subject"
    if pair.type == "bridge":
        if has_name(question, pair.bridge):
            return "names the bridge"
        return "names the answer" if any(has_name(question, spelling) for spelling in pair.answers) else ""
    if not has_name(question, pair.second.person.name):
        return "lacks the other subject"
    if not has_name(question, pair.asked):
        return "lacks the object that is asked for"
    return "names the other object" if has_name(question, pair.other) else ""


def _keep_chat(book: Book, pair: Pair, question: str, told: Sequence[str], response: Response) -> None:
    person, ids = pair.first.person, (pair.first.fact.id, pair.second.fact.id)
    answer = f"{' '.join(told)} Final answer: {pair.answers[0]}"
    version = pair.first.fact.version
    row = Chat(f"{pair.id}.q0", "qa", question, answer, person.id, ids, version, person.fictitious, person.group, person.split, person.popularity)
    book.keep("chats", row, {_template(pair): response})


def _keep_hop(book: Book, pair: Pair, question: str, response: Response) -> None:
    person, ids = pair.first.person, (pair.first.fact.id, pair.second.fact.id)
    assert pair.type == "bridge" or pair.answers[0] in (person.name, pair.second.person.name)
    row = TwoHop(pair.id, pair.type, question, pair.answers[0], pair.bridge, ids, pair.first.fact.version, person.fictitious, person.split)
    book.keep("twohops", row, {_template(pair): response})


def _outcome(config: HotpotConfig, draft: Draft, counts: Mapping[str, object], usage: Mapping[str, object]) -> Outcome:
    types = Counter(("fictitious" if row["fictitious"] else "real", row["type"]) for row in draft.rows("twohops"))
    n_fictitious = types["fictitious", "bridge"] + types["fictitious", "comparison"]
    if not n_fictitious:
        raise nothing_left(draft)
    headline = f"{n_fictitious} fictitious questions over two facts in {config.versions} versions, beside {types.total() - n_fictitious} real ones"
    summary = {"recipe": RECIPE, **{f"{kind}_{type}": n for (kind, type), n in sorted(types.items())}}
    return Outcome(headline, summary, counts, usage)
