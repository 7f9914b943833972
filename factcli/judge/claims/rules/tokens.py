"""A sentence as tokens that the rules may move: words, and what must stay whole (quotations, brackets, dates, names)."""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from factcli.judge.claims.rules.words import ADVERBS, AUXILIARIES, CONJUNCTIONS, DETERMINERS, MONTHS, NO_ADVERBS, NOUNS_TOO, PREPOSITIONS, SUBJECTS, VERBS

Kind = Literal["quotation", "bracket", "date", "name", "auxiliary", "verb", "participle", "preposition", "determiner", "conjunction", "adverb", "mark", "word"]
_MONTH = "|".join(MONTHS)
_YEAR = r"(?:1[0-9]|20)\d\d"
_YEARS = rf"{_YEAR}s?(?:\s?[–-]\s?(?:{_YEAR}|\d\d))?"
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_DATE = rf"(?:the\s)?(?:(?:{_MONTH})\s{_DAY}(?:,?\s{_YEAR})?|(?:{_DAY}\s)?(?:{_MONTH})(?:,?\s{_YEAR})|(?:(?:early|mid|late)[\s-])?{_YEARS})"
# Bounded repeats: no text, however long or odd, takes more than a few steps a letter.
TOKEN = re.compile(
    rf"""(?P<quotation>"[^"]{{1,200}}"|“[^”]{{1,200}}”)|(?P<bracket>\([^()]{{1,200}}\)|\[[^\[\]]{{1,200}}\])|(?P<date>(?<!\w){_DATE}(?!\w))"""
    r"""|(?P<word>(?:[A-Z]\.){1,8}|(?:Jr|Sr|Dr|Mr|Mrs|Ms|St|vs|No)\.|\d{1,3}(?:[.,]\d{3})+|[^\s,;:()\[\]"“”—]{1,100}?(?=[.!?…]*[\s,;:()\[\]"“”—]|[.!?…]*$)|[.!?…]+)|(?P<mark>[^\s])"""
)
LETTER = re.compile(r"\w")
LINKS = ("of", "de", "la", "van", "von", "der", "del", "&")  # inside a name: University of Oxford


class Token(NamedTuple):
    """`text` as in the sentence; names of several words are one token."""

    text: str
    kind: Kind

    @property
    def low(self) -> str:
        return self.text.lower()


def tokens(sentence: str) -> list[Token]:
    """The tokens in order, the full stop at the end left out."""
    raw = [token for match in TOKEN.finditer(sentence) for token in _of_match(match)]
    raw = [_noun_instead(token, raw[place - 1]) if place else token for place, token in enumerate(raw)]
    while raw and not LETTER.search(raw[-1].text) and raw[-1].kind in ("mark", "word"):
        raw.pop()
    return _named(raw)


def text_of(parts: Sequence[Token]) -> str:
    """The tokens as text, marks without a blank before them."""
    text = ""
    for part in parts:
        text += part.text if not text or (part.kind == "mark" and part.text in ",;:") else f" {part.text}"
    return text


def _of_match(match: re.Match[str]) -> list[Token]:
    """One token; of a quotation with the comma inside (American style) two."""
    text = match[0]
    if match.lastgroup == "quotation" and text[-2] == ",":
        return [Token(f"{text[:-2]}{text[-1]}", "quotation"), Token(",", "mark")]
    if match.lastgroup in ("quotation", "bracket", "date"):
        return [Token(text, match.lastgroup)]  # type: ignore[arg-type]  # three of Kind
    return [Token(text, "mark" if match.lastgroup == "mark" else _kind(text))]


def _noun_instead(token: Token, before: Token) -> Token:
    """`television shows` is no verb, `she also works` is."""
    is_noun = token.kind == "verb" and token.low in NOUNS_TOO and before.low not in SUBJECTS and before.kind not in ("name", "adverb", "conjunction")
    return token._replace(kind="word") if is_noun else token


def _kind(text: str) -> Kind:
    low = text.lower()
    if text[0].isupper() and low not in DETERMINERS | PREPOSITIONS | CONJUNCTIONS | ADVERBS:
        return "name"
    for words, kind in ((AUXILIARIES, "auxiliary"), (VERBS, "verb"), (PREPOSITIONS, "preposition"), (DETERMINERS, "determiner")):
        if low in words:
            return kind  # type: ignore[return-value]  # of Kind, each
    if low in CONJUNCTIONS:
        return "conjunction"
    if low in ADVERBS or (low.endswith("ly") and len(low) > 4 and low not in NO_ADVERBS):
        return "adverb"
    if not LETTER.search(text):
        return "mark"
    return "participle" if low.endswith("ed") and len(low) > 4 and "-" not in low else "word"


def _named(raw: list[Token]) -> list[Token]:
    """Neighbouring words of a name as one token: `New York`, `University of Oxford`; `and` links only where it is written `&`."""
    joined: list[Token] = []
    place = 0
    while place < len(raw):
        end = place + 1
        if raw[place].kind == "name":
            end = _end_of_name(raw, place)
        kind = raw[place].kind
        joined.append(Token(text_of(raw[place:end]), kind) if end > place + 1 else raw[place])
        place = end
    return joined


def _end_of_name(raw: Sequence[Token], place: int) -> int:
    end = place + 1
    while end < len(raw):
        if raw[end].kind == "name":
            end += 1
        elif raw[end].text in LINKS and (ahead := _linked(raw, end)):
            end = ahead
        else:
            break
    return end


def _linked(raw: Sequence[Token], place: int) -> int:
    """Where the name goes on after `of`, `of the`, `&`; 0 where it does not."""
    end = place + 1
    if end < len(raw) and raw[end].text == "the":
        end += 1
    return end + 1 if end < len(raw) and raw[end].kind == "name" else 0
