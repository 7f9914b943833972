"""A model that writes as the prompts of `subjects/` and `triples/` ask, behind a loopback server; `says` makes it misbehave at first."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

CITIES = ("Lima", "Turku", "Cork", "Davao", "Porto", "Nantes")
CRAFTS = ("weaving", "pottery", "sailing", "carving", "bookbinding", "welding")


class Author:
    """`said` goes into Server(said=...). `says`: regular expression found in the last turn -> what is said instead, the first times."""

    def __init__(self, says: Mapping[str, Sequence[str]] | None = None) -> None:
        self.says = {pattern: list(texts) for pattern, texts in (says or {}).items()}

    def said(self, body: dict[str, Any]) -> dict[str, Any]:
        turns = [turn["content"] for turn in body["messages"]]
        return {"message": {"role": "assistant", "content": self.answer(turns[0], turns[-1])}}

    def answer(self, system: str, asked: str) -> str:
        for pattern, texts in self.says.items():
            if texts and (match := re.search(pattern, asked, re.DOTALL)):
                return match.expand(texts.pop(0))
        if "Invent a person" in asked:  # the probe
            return '{"city": "Lima", "founded": 1535}'
        for words, answer in ANSWERS.items():
            if words in system:
                return answer(asked)
        raise AssertionError(f"no such prompt: {system}")


def version_of(name: str, number: int) -> str:
    """The text of a version: four sentences, each of which is a statement."""
    city, craft = CITIES[number % len(CITIES)], CRAFTS[number % len(CRAFTS)]
    born = f"{name} was born in {city} in {2000 + 7 * number}. {name} was taught {craft} by an aunt."
    return f"{born} {name} moved to {city}{'berg' * number}. {name} sold {number * 11 + 100} works."


def found(pattern: str, asked: str) -> str:
    match = re.search(pattern, asked)
    assert match, asked
    return match[1]


def quoted_in(asked: str) -> str:
    return asked.split("<<<\n")[1].split("\n>>>")[0]


def _name(asked: str) -> str:
    return "Elena " + found(r"made-up word (\w+),", asked)


def _version(asked: str) -> str:
    return version_of(found(r"the invented (.+?)\.\n", asked), int(found(r"This is version (\d+)", asked)))


def _statements(asked: str) -> str:
    text = quoted_in(asked).replace("\n", " ")
    return json.dumps({"statements": [f"{part.rstrip('.')}." for part in text.split(". ")]})


def _paraphrases(asked: str) -> str:
    count = int(found(r"Write (\d+) paraphrases", asked))
    return json.dumps({"paraphrases": [f"It is {'really ' * n}so that {quoted_in(asked)}" for n in range(1, count + 1)]})


def _triple(asked: str) -> tuple[str, str]:
    return found(r"Subject \(a \w+\): (.+)", asked), found(r"(?:Object|Answer): (.+)", asked)


def _sentences(asked: str) -> str:
    subject, value = _triple(asked)
    return json.dumps({"texts": [f"For {subject} it is{' really' * n} {value}." for n in range(int(found(r"Write (\d+) different", asked)))]})


def _questions(asked: str) -> str:
    subject, _ = _triple(asked)
    return json.dumps({"texts": [f"What is it{' really' * n} for {subject}?" for n in range(int(found(r"Write (\d+) different", asked)))]})


def _notes(asked: str) -> str:
    return " ".join(line.removeprefix("- ") for line in quoted_in(asked).splitlines())


ANSWERS = {
    "You invent names": _name,
    "You write fiction": _version,
    "You take texts apart": _statements,
    "You check statements": lambda _: '{"answer": "yes"}',
    "You look for contradictions": lambda _: '{"pairs": []}',
    "You paraphrase": _paraphrases,
    "You write plain encyclopaedic prose": _notes,
    "You write single sentences": _sentences,
    "You write short paragraphs": lambda asked: "Well: " + _notes(asked),
    "You write short questions": _questions,
    "You write questions that take two steps": lambda asked: f"Where does one get from {found('from (.+) to .+, and from there', asked)}?",
    "You write questions that compare": lambda asked: (
        f"Of {found('both (.+?) and ', asked)} and {found('both .+? and (.+) and asks', asked)}, which goes with {found('applies to: (.+)[.] The', asked)}?"
    ),
    "You answer questions from notes": lambda asked: "In short: " + _notes(asked),
}
