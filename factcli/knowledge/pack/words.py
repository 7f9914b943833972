"""The two ways in which a pack cuts text by rule: tokens, which passages are measured in, and words, which are searched.

A token is a run of up to 12 letters or digits, one character of a script that is written without blanks (Chinese, Japanese,
Korean, Thai and neighbours), or one punctuation mark. English prose has about as many of them as a subword tokenizer counts, and
neither a word of 100,000 letters nor a script without blanks can make a passage without end.

A word is a run of letters or digits without case and accents (Osé = ose), or one character of those scripts. It is not stemmed.
The commonest function words are left out: they are in nearly every passage, so they cost the most time and say the least.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003ffff"
TOKEN = re.compile(rf"[{DENSE}]|[^\W{DENSE}]{{1,12}}|[^\w\s]")
WORD = re.compile(rf"[{DENSE}]|[^\W_{DENSE}]{{1,64}}")
ASCII_WORD = re.compile(r"[a-z0-9]{1,64}")
_STOP = (
    "a an and are as at be been but by for from had has have he her his i in into is it its no not of on or she so such that the their them then "
    "there these they this to was were which who will with"
)
STOP_WORDS = frozenset(_STOP.split())


class Measure(NamedTuple):
    """How tokens are counted. `count` gives their number in a text, `ends` where each of them ends (exclusive)."""

    count: Callable[[str], int]
    ends: Callable[[str], Sequence[int]]


def n_tokens(text: str) -> int:
    return len(TOKEN.findall(text))


def token_ends(text: str) -> list[int]:
    return [match.end() for match in TOKEN.finditer(text)]


BY_RULE = Measure(n_tokens, token_ends)


def words(text: str) -> list[str]:
    """The words to search by, in order, repeats included."""
    found = ASCII_WORD.findall(text.lower()) if text.isascii() else WORD.findall(unaccented(text))
    return [word for word in found if word not in STOP_WORDS]


def unaccented(text: str) -> str:
    """Without case and accents; characters that look alike become one (full-width letters, ligatures)."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return letters.translate(_marks()) if not letters.isascii() else letters


@lru_cache(maxsize=1)
def _marks() -> dict[int, None]:
    """All combining marks of the scripts whose letters carry accents; vowel signs of Indic scripts are letters of their own."""
    return dict.fromkeys([*range(0x0300, 0x0370), *range(0x1AB0, 0x1B00), *range(0x1DC0, 0x1E00), *range(0x20D0, 0x2100), *range(0xFE20, 0xFE30)])
