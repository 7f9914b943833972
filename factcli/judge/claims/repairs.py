"""What a model adds to a sentence or leaves open, repaired or taken out with its reason: FActScore's post-processing (spec §5.2, step 5).

Where FActScore went back to the whole unrepaired list as soon as a number of the sentence was covered no longer, only the claims that
cover it come back here. Its entities were numbers and dates; names are looked at too.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

DANGLING = re.compile(r"(?:born|appointed|characterized|described|known|member|advocate|served|elected)$", re.IGNORECASE)
FOUNDING = "founding member"  # ends no open claim
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
NAME = re.compile(r"(?<![.!?]\s)(?<!^)(?<![\w\"“'‘-])[A-Z][\w'’-]*[\w]")  # capitalised within the claim: the first word is so anyway
WORD = re.compile(r"[\w'’-]+")
STEM = 4  # letters that `Hungarian` and `Hungary` have to share
# Written out or in digits, a number is the same.
_SMALL = "zero one two three four five six seven eight nine ten eleven twelve"
SPELT = {word: str(number) for number, word in enumerate(_SMALL.split())} | {
    "first": "1", "second": "2", "third": "3", "once": "1", "twice": "2", "dozen": "12",
}  # fmt: skip


class Repaired(NamedTuple):
    """`rejects`: (claim, reason) of what was taken out, in order."""

    claims: tuple[str, ...]
    rejects: tuple[tuple[str, str], ...]


def repaired(claims: Sequence[str], sentence: str, topic: str) -> Repaired:
    """The claims of `sentence` that say nothing that is not in it, but for the name of the topic."""
    kept: list[str] = []
    rejects: list[tuple[str, str]] = []
    claims = [_completed(claim, sentence) for claim in claims]
    for claim in claims:
        reason = _reason(claim, claims, sentence, topic, kept)
        if reason:
            rejects.append((claim, reason))
        else:
            kept.append(claim)
    return _restored(kept, rejects, claims, sentence)


def _reason(claim: str, claims: Sequence[str], sentence: str, topic: str, kept: Iterable[str]) -> str:
    if folded(claim) in map(folded, kept):
        return "the same claim again"
    bare = claim.rstrip(". ")
    if DANGLING.search(bare) and not bare.lower().endswith(FOUNDING) and any(bare in other for other in claims if other.rstrip(". ") != bare):
        return "ends in the air"
    foreign = _foreign(claim, sentence, topic)
    return f"{foreign} that its sentence has not" if foreign else ""


def folded(text: str) -> str:
    """Words alone, without case: claims that agree in them say the same."""
    return " ".join(WORD.findall(text.casefold()))


def numbers(text: str) -> frozenset[str]:
    """The numbers of a text in digits, ranges split, thousands joined; small ones that are spelt out too."""
    found = {match.replace(",", "").rstrip(".") for match in NUMBER.findall(text)}
    return frozenset(found | {SPELT[word] for word in re.findall(r"[a-z]+", text.lower()) if word in SPELT})


def names(text: str) -> list[str]:
    """Capitalised words, but for the first."""
    return [match.removesuffix("'s").removesuffix("’s") for match in NAME.findall(text)]


def _completed(claim: str, sentence: str) -> str:
    """`197` where the sentence has 1974, `Sep` where it has September: the entity of the sentence that begins so."""
    known, have = numbers(sentence), set(WORD.findall(sentence))
    for number in NUMBER.findall(claim):
        whole = next((one for one in NUMBER.findall(sentence) if len(number) > 1 and one.startswith(number) and one != number), None)
        if whole and number.replace(",", "") not in known:
            claim = re.sub(rf"(?<![\d.,]){re.escape(number)}(?!\d)", whole, claim)
    for name in names(claim):
        whole = next((one for one in have if len(name) == STEM - 1 and one.startswith(name) and one[len(name) :].isalpha()), None)
        if whole and name not in have:
            claim = re.sub(rf"\b{re.escape(name)}\b\.?(?=\s)", whole, claim)
    return claim


def _foreign(claim: str, sentence: str, topic: str) -> str:
    """`number` or `name`, where the claim has one that neither its sentence nor the topic has; "" where it has none."""
    source = f"{sentence} {topic}"
    if numbers(claim) - numbers(source) - {"1"}:  # `one of his films`
        return "number"
    have = [word.casefold() for word in WORD.findall(source)]
    letters = "".join(letter for letter in source.casefold() if letter.isalnum())
    return "name" if any(not _is_known(name.casefold(), have, letters) for name in names(claim)) else ""


def _is_known(name: str, have: Sequence[str], letters: str) -> bool:
    bare = "".join(letter for letter in name if letter.isalnum())
    return bare in letters or any(word[:STEM] == name[:STEM] for word in have if len(word) >= STEM) or not bare


def _restored(kept: list[str], rejects: list[tuple[str, str]], claims: Sequence[str], sentence: str) -> Repaired:
    """Taken-out claims come back where they alone cover a number of the sentence."""
    back: list[str] = []
    for claim, reason in rejects:
        missing = (numbers(claim) & numbers(sentence)) - frozenset().union(*(numbers(one) for one in [*kept, *back]))
        if missing and reason != "the same claim again":
            back.append(claim)
    order = {folded(claim): place for place, claim in reversed(list(enumerate(claims)))}
    whole = sorted([*kept, *back], key=lambda one: order.get(folded(one), len(order)))
    return Repaired(tuple(whole), tuple(one for one in rejects if one[0] not in back))
