"""Claims on their own feet: a pronoun or a last name that begins a claim gives way to the topic, by rule and only where it is plain."""

import re
from collections import Counter
from collections.abc import Iterable

POSSESSIVE_OF = {"he": "his", "she": "her", "they": "their", "it": "its"}
SUFFIXES = ("jr", "jr.", "sr", "sr.", "ii", "iii", "iv")
DISAMBIGUATION = re.compile(r"(?:(?<!\s)\s+)?(?:\([^()]*\)|,.*)$")  # Ann Lee (singer); Ann Lee, Countess of Kent
FIRST_WORD = re.compile(r"\W*(\w+)")
# `They are` would need another verb once it is a name: only forms that one person has too are resolved.
_PLURAL_TOO = r"(?=\s+(?:also\s+)?(?:had|did|could|would|will|may|might|must|should|can|\w+ed)\b)"
NO_PERSON = ("family", "brothers", "sisters", "twins", "household", "dynasty")  # `the Hicks family` is not Hicks


def pronoun_of(sentences: Iterable[str]) -> str:
    """The pronoun that begins most sentences of an answer: the one that stands for its topic. "" without any.

    In a life of a woman `It was released in 1997` is about something else, and is left alone.
    """
    first = (match[1].lower() for sentence in sentences if (match := FIRST_WORD.match(sentence)))
    found = Counter(word for word in (next((p for p, own in POSSESSIVE_OF.items() if word in (p, own)), "") for word in first) if word)
    return found.most_common(1)[0][0] if found else ""


def resolved(claim: str, topic: str, pronoun: str) -> str:
    """The claim with `topic` in the place of the answer's pronoun, its possessive, or the topic's last name, at its start."""
    name = DISAMBIGUATION.sub("", topic).strip()
    if not name:
        return claim
    if pronoun:
        tail = _PLURAL_TOO if pronoun == "they" else r"(?!['’\w])"
        claim = re.sub(rf"^(?i:{pronoun})\b{tail}", lambda _: name, claim, count=1)
        claim = re.sub(rf"^(?i:{POSSESSIVE_OF[pronoun]})\b(?=\s+\w)", lambda _: f"{name}'s", claim, count=1)
    return _full(claim, name)


def _full(claim: str, name: str) -> str:
    """`Hicks sang` -> `Taral Hicks sang`; not in `Hicks Lane is`, where the name goes on."""
    words = [word for word in name.split() if word.lower() not in SUFFIXES]
    if len(words) < 2 or claim.startswith(name):
        return claim
    after = re.match(rf"{re.escape(words[-1])}(?:['’]s?)?\s+(\w+)", claim)
    return name + claim[len(words[-1]) :] if after and after[1].islower() and after[1] not in NO_PERSON else claim
