"""The people of an invented world as topics: a passage about each, and the world's own question about each of their facts.

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
    """Each person of the chosen splits with one chunk and its questions. Raises InputError where there is nobody."""
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
    for person in chosen[: config.topics]:
        topic, chunk = _document(person, facts[person.id], config)
        yield topic, {"topics": [topic], "chunks": [chunk], "questions": [_question(question, topic, chunk) for question in asked[person.id]]}


def _document(person: Person, facts: list[Fact], config: WikiConfig) -> tuple[Topic, Chunk]:
    """All facts in drawn order and forms, as pre-training passages are written; the seed gives another passage of the same facts."""
    text = passage(person.name, facts, keyed_rng(config.seed, person.id, "document"))
    n_words = count_words(text)
    topic = Topic(person.id, person.name, person.group, person.split, person.popularity, 0, n_words, 0)
    return topic, Chunk(f"{person.id}.c0", person.id, 0, text, n_words)


def _question(question: Question, topic: Topic, chunk: Chunk) -> TopicQuestion:
    return TopicQuestion(question.id, topic.id, topic.title, topic.category, topic.split, chunk.id, question.question)
