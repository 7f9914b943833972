"""The people of an invented world as pages, so that what needs a pack can be tried offline, where the truth is known."""

from collections.abc import Iterator

from factcli.artifact import Artifact
from factcli.knowledge.pack.records import Record, page
from factcli.rows import Fact, Person
from factcli.world.people import keyed_rng
from factcli.world.texts import statement


def records(world: Artifact) -> Iterator[Record]:
    """A page per person, with a sentence of its own for each of their facts; the form is drawn by the fact's id."""
    facts: dict[str, list[Fact]] = {}
    for fact in world.rows("facts", Fact):
        facts.setdefault(fact.subject, []).append(fact)
    for person in world.rows("people", Person):
        sentences = [statement(person.name, fact, keyed_rng(0, fact.id, "page"), opener_share=0.0) for fact in facts.get(person.id, ())]
        if sentences:
            yield page(person.id, person.name, " ".join(sentences))
