"""The people of an invented world as topics: passages about each, and the world's own question about each of their facts.

A model of a tiny world cannot ask; and a question of the world keeps its id, so that its answers can be judged by the ledger.
"""

from collections.abc import Iterator

from factcli.artifact import Artifact
from factcli.backends.filling import Rows
from factcli.errors import InputError
from factcli.knowledge.chunking import count_words
from factcli.rows import Fact, Person, Question
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.topicrows import Chunk, Topic, TopicQuestion
from factcli.world.people import keyed_rng
from factcli.world.texts import passage


def asked_of(world: Artifact, config: WikiConfig) -> Iterator[tuple[Topic, Rows]]:
    """Each person of the chosen splits with their passages and questions. Raises InputError where there is nobody."""
    facts: dict[str, list[Fact]] = {}
    for fact in world.rows("facts", Fact):
        facts.setdefault(fact.subject, []).append(fact)
    asked: dict[str, list[Question]] = {}
    for question in world.rows("questions", Question):
        if question.task == "qa" and not question.is_heldout_form:
            asked.setdefault(question.subject, []).append(question)
    chosen = [person for person in world.rows("people", Person) if person.split in config.people and asked.get(person.id)]
    if not chosen:
        raise InputError(f"{world.ref} has nobody of split {', '.join(config.people)} to ask about", '--set people=\'["train", "dev"]\'')
    for person in _drawn(chosen, config):
        chunks = list(_documents(person, facts[person.id], config))
        n_words = sum(chunk.n_tokens for chunk, _ in chunks)
        topic = Topic(person.id, person.name, person.group, person.split, person.popularity, 0, n_words, 0)
        by_fact = {fact.id: chunk for chunk, stated in chunks for fact in stated}
        questions = [_question(question, topic, by_fact[question.id.rpartition(".")[0]]) for question in asked[person.id]]
        yield topic, {"topics": [topic], "chunks": [chunk for chunk, _ in chunks], "questions": questions}


def _drawn(people: list[Person], config: WikiConfig) -> list[Person]:
    """`topics` of them in the world's order. Drawn: the first ones of a world are all of its best known group."""
    if config.topics is None or config.topics >= len(people):
        return people
    chosen = set(keyed_rng(config.seed, "people").sample([person.id for person in people], config.topics))
    return [person for person in people if person.id in chosen]


def _documents(person: Person, facts: list[Fact], config: WikiConfig) -> Iterator[tuple[Chunk, list[Fact]]]:
    """Passages in drawn order and forms, as pre-training's are written, with what each states; another seed gives others."""
    drawn = keyed_rng(config.seed, person.id, "documents").sample(facts, len(facts))
    for place, first in enumerate(range(0, len(drawn), config.facts_per_chunk)):
        stated = drawn[first : first + config.facts_per_chunk]
        text = passage(person.name, stated, keyed_rng(config.seed, person.id, "document", place))
        yield Chunk(f"{person.id}.c{place}", person.id, place, text, count_words(text)), stated


def _question(question: Question, topic: Topic, chunk: Chunk) -> TopicQuestion:
    return TopicQuestion(question.id, topic.id, topic.title, topic.category, topic.split, chunk.id, question.question)
