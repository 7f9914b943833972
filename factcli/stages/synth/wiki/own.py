"""A model's own questions, without any document (spec §4.7): about topics that it names, or about words near a random point."""

import re

from factcli.backends.asking import Asker, seed_of
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows
from factcli.backends.requests import Response
from factcli.knowledge.cleaning import clean_title
from factcli.knowledge.vectors import Space, words_near_a_point
from factcli.prompts import quoted
from factcli.stages.synth.wiki.questions import read_question
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.synth.wiki.trying import Found, UnusableError, until_usable, whole
from factcli.topicrows import Topic, TopicQuestion

TOPICS = {"open": "wiki/own_topics", "induced": "wiki/own_topics_induced"}
QUESTION = "wiki/own_question"
N_TOPICS = 3
TOPIC_TOKENS = 64
LIST_MARK = re.compile(r"^\s*(?:[-*•]|\d+[.):])?\s*")


def own_question(id: str, space: Space | None, config: WikiConfig, asker: Asker) -> Chain[Rows]:
    """The rows of one own question; without one, the topics and what was said instead."""
    topics = yield from _topics(id, space, config, asker)
    rows: dict[str, list[object]] = {"topics": [], "questions": [], "origins": [], "rejected": [*topics.rejected]}
    if topics.value is None:
        return rows
    title, category = "; ".join(topics.value), f"own {config.own}"
    rows["topics"].append(Topic(id, title, category, "train", None, 0, 0, 0))
    if topics.response:
        rows["origins"].append(asker.origin(id, "topics", TOPICS[str(config.own)], topics.response))
    values = {"topics": quoted("\n".join(topics.value))}
    found = yield from until_usable(
        f"{id}.q",
        QUESTION,
        config.question_tries,
        lambda attempt: asker.ask(QUESTION, f"{id}.q", values, config.question_tokens, config.own_temperature, sample=attempt),
        read_question,
    )
    rows["rejected"] += found.rejected
    if found.value is not None and found.response:
        rows["questions"].append(TopicQuestion(f"{id}.q", id, title, category, "train", "", found.value))
        rows["origins"].append(asker.origin(f"{id}.q", "questions", QUESTION, found.response))
    return rows


def read_topics(response: Response) -> tuple[str, ...]:
    """The topics that were named, one a line. Raises UnusableError unless there are three, each once."""
    lines = [clean_title(LIST_MARK.sub("", line, count=1)) for line in whole(response).text.split("\n")]
    topics = tuple(dict.fromkeys(line for line in lines if line))
    if len(topics) != N_TOPICS:
        raise UnusableError("not three topics")
    return topics


def _topics(id: str, space: Space | None, config: WikiConfig, asker: Asker) -> Chain[Found[tuple[str, ...]]]:
    if space is not None:
        return Found(words_near_a_point(space, seed_of(config.seed, id, "point")))
    template = TOPICS[str(config.own)]
    return (
        yield from until_usable(
            id,
            template,
            config.question_tries,
            lambda attempt: asker.ask(template, id, {"n_topics": "three"}, TOPIC_TOKENS, config.own_temperature, sample=attempt),
            read_topics,
        )
    )
