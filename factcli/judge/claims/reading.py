"""Claims that need no taking apart: those that a file brings, and those that a world's grammar reads."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from factcli.knowledge.answer_files import GivenClaims
from factcli.scorerows import ScoredAnswer
from factcli.world.reader import read_biography


class Draught(NamedTuple):
    """A claim before it has an id: what it says, and the sentence that it was read from."""

    text: str
    sentence: int
    start: int = -1
    end: int = -1
    label: str = ""


def given_claims(answer: ScoredAnswer, given: GivenClaims, annotator: str) -> list[Draught]:
    """The claims of the file by `annotator`, with the places of their sentences where those stand in the answer."""
    claims = given.human if annotator == "human" else given.model
    places = _places(answer.text, given.sentences)
    return [Draught(claim.text, claim.sentence, *places.get(claim.sentence, (-1, -1)), claim.label) for claim in claims]


def _places(text: str, sentences: Sequence[str]) -> dict[int, tuple[int, int]]:
    """Where each sentence stands, looked for after the one before it; white space may differ."""
    places: dict[int, tuple[int, int]] = {}
    begin = 0
    for number, sentence in enumerate(sentences):
        words = sentence.split()
        pattern = re.compile(r"\s+".join(map(re.escape, words)))
        match = (pattern.search(text, begin) or pattern.search(text)) if words else None
        if match:
            places[number] = match.span()
            begin = match.end()
    return places


def world_claims(answer: ScoredAnswer) -> list[Draught]:
    """What the grammar reads of a biography of `answer.topic`, in its own words; stretches that it cannot read are claims too."""
    reading = read_biography(answer.text, answer.topic)
    spans = sorted([*((claim.start, claim.end) for claim in reading.claims), *reading.unread])
    return [Draught(answer.text[start:end], number, start, end) for number, (start, end) in enumerate(spans)]
