"""What a claim tells beyond its topic and prompt: the words that carry it, in one spelling.

However often a thing is said, in whatever order, however it is cut into claims, its details stay the same set. That is what the
robust score counts instead of claims. Rules of English (endings, number words, a list of words that tell nothing); words of other
scripts are compared as they are spelled. A synonym is another detail: `raised` is not `grew up`.
"""

import re
import unicodedata
from functools import lru_cache

# Said of nearly anybody and in any text. Function words first, then words of praise, of lives, of writing itself.
TELL_NOTHING = """
a an the this that these those there here and or but nor so yet if then than as at by for from in into of off on onto out over per to toward towards
under until up upon via with within without about above across after against along also although am among any are around be because been before being
below between both can could did do does doing done down during each either else ever every few further had has have having he her hers herself him
himself his how however i is it its itself just least less many may me might more most much must my neither no none not now nothing only other others
our ours own same several shall she should since some such their theirs them themselves they thing things through throughout too us very was we well
were what when where whether which while who whom whose why will would you your yours various including included include includes
acclaimed accomplished admired amazing appreciated beloved brilliant celebrated distinguished esteemed exceptional excellent extraordinary famous great
important influential interesting known lot major notable noted outstanding popular prominent recognized recognised remarkable renowned respected
significant successful talented unique widely
alive being breathe breathes existence exist exists existed human individual life live lives lived living man name named people person persons somebody
someone woman born birth career work works worked working
accurate answer article biography claim claims correct description fact facts factual information paragraph passage question reliable response
say says said sentence statement statements story subject summary tell text topic true truth verified
"""
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINALS = """
zeroth first second third fourth fifth sixth seventh eighth ninth tenth
eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
_DENIAL = re.compile(r"\b(?:not|never|neither|nor|cannot)\b|n['\N{RIGHT SINGLE QUOTATION MARK}]t\b", re.IGNORECASE)
PRONOUNS = "he she they it him her them his hers their theirs its"


def _numbers() -> dict[str, int]:
    """Words for 0 to 99 as said in dates and counts: cardinals, ordinals up to 20th and of compounds."""
    ones, tens, ordinals = (words.split() for words in (_ONES, _TENS, _ORDINALS))
    found = {word: n for words in (ones, ordinals) for n, word in enumerate(words)}
    for n, ten in enumerate(tens, 2):
        found[ten] = 10 * n
        found |= {f"{ten}-{word}": 10 * n + m for words in (ones, ordinals) for m, word in enumerate(words[:10]) if m}
    return found


_NUMBERS = _numbers()
_WORD = re.compile(r"\d+(?:,\d{3})+(?!\d)|[^\W\d_]+(?:-[^\W\d_]+)*|\d+")
_ORDINAL_ENDING = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b", re.IGNORECASE)
_POSSESSIVE = re.compile(r"['\N{RIGHT SINGLE QUOTATION MARK}]s?\b", re.IGNORECASE)
_ACCENTS = re.compile(r"[\u0300-\u036f]")
LONGEST_KEPT = 1000  # letters of a text whose words are kept, for claims are looked at once per score and bound
_IN_BRACKETS = re.compile(r"\([^)]*\)")
_REFERENCE = re.compile(r"\b(?:this|the) (?:person|man|woman)\b", re.IGNORECASE)


def words_of(text: str) -> tuple[str, ...]:
    """The words in order, in one spelling: no case, no accents of Latin letters, no possessive, numbers as digits, no endings."""
    return _words(text) if len(text) <= LONGEST_KEPT else _words.__wrapped__(text)


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    plain = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).casefold()
    plain = _POSSESSIVE.sub("", _ORDINAL_ENDING.sub("", plain))
    return tuple(spelled for word in _WORD.findall(plain) for spelled in _spelled(word))


def details_of(text: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """The words that tell something, those of `known` (words of topic and prompt) left out."""
    return frozenset(word for word in words_of(text) if word not in _EMPTY and word not in known)


def is_about(text: str, topic: str) -> bool:
    """Whether a claim names its topic, or has a pronoun or `this person` in its place. Of an unknown topic every claim is taken to be."""
    if _REFERENCE.search(text):
        return True
    names = frozenset(words_of(_IN_BRACKETS.sub(" ", topic))) - _EMPTY or frozenset(words_of(topic))
    said = frozenset(words_of(text))
    return not names or bool(names & said) or bool(_PRONOUNS & said)


def is_denial(text: str) -> bool:
    """Whether a claim says what is not so: there is no end of true ones. `Not only` and the like are taken for it, too."""
    return _DENIAL.search(text) is not None


def _spelled(word: str) -> list[str]:
    if word in _NUMBERS:
        return [str(_NUMBERS[word])]
    return [_stem(part.replace(",", "")) for part in word.split("-")]


def _stem(word: str) -> str:
    """Without the endings that English gives to numbers, tenses and adverbs, where three letters are left: `studied`, `studies` -> `study`."""
    for ending, instead in (("ies", "y"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: len(word) - len(ending)] + instead
    return word


_EMPTY = frozenset(spelled for word in TELL_NOTHING.split() for spelled in _spelled(word))
_PRONOUNS = frozenset(spelled for word in PRONOUNS.split() for spelled in _spelled(word))
