"""Which of several short answers to one question say the same, and groups of them (FactTune, arXiv 2311.08401; spec §2.6).

FactTune's rules, with what they got wrong put right. Answers are brought into one form: case, articles, punctuation, a trailing
"and", yes or no with whatever follows it. Two are equivalent if then they have the same words in any order, but for words that only
lead up to an answer ("in", "was born in the year") and for the plural's s. The original took any suffix for the whole: an empty
answer was equal to everything, york to new york, 1 to 11, 47 to 1947, male to female; and its full stops, dashes and articles made
3.5 of 5.3, 5 of -5 and vitamin A of vitamin. Here numbers are whole, signed, and in their order.

So the rules are an equivalence relation: the order of the samples has no effect. With a looser `same` (entailment, embeddings, a
model) it has: an answer joins the first group whose first member it equals, as in the original, and "same" need not be transitive.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Words that lead up to a short answer and are none of it. "about", "not", "new" and the like are no such words.
_LEADING = "in at on of by from to with as for during is was are were be been being has had it he she they this that his her its their there born year"
LEADING = frozenset(_LEADING.split())
ARTICLES = frozenset(("the", "a", "an"))
SHORTEST_STEM = 3  # letters before a plural's s: "us" is not the plural of "u"
_POINT, _MINUS = "\ue000", "\ue001"  # stand for what must outlive the punctuation around it
_YES_NO = re.compile(r"\s*[\"'(]*(yes|no)(?:\s*[.,!;:\"')\n]|\s*$|\s+(?:it|he|she|they|there|this|that|i|we|you)\b)", re.IGNORECASE)
_QUOTES = str.maketrans("", "", "'\"’‘`´“”")
_KEPT = frozenset("%$€£¥+#°" + _POINT + _MINUS)

Same = Callable[[str, str], bool]  # of two answers to one question, the earlier one first


@dataclass(frozen=True, slots=True)
class Cluster:
    """Answers that say the same: the first of them as it was said, and the places of all of them among the samples."""

    first: str
    members: tuple[int, ...]


@lru_cache(maxsize=65536)
def words_of(answer: str) -> tuple[str, ...]:
    """The words that an answer is compared by, in their order; none for one that says nothing."""
    answer = unicodedata.normalize("NFKC", answer).strip()
    said = _YES_NO.match(answer)
    if said:
        return (said[1].lower(),)
    words = _words(answer)
    words = words[:-1] if len(words) > 1 and words[-1].casefold() == "and" else words
    words = [word for place, word in enumerate(words) if not _is_article(word, place, len(words))]
    folded = [word.casefold() for word in words]
    n_leading = next((n for n, word in enumerate(folded) if word not in LEADING), 0)
    return tuple(map(_singular, folded[n_leading:]))


def form_of(answer: str) -> str:
    """The one form of an answer, for a person to read; "" for one that says nothing."""
    return " ".join(words_of(answer))


def is_same(one: str, other: str) -> bool:
    """Whether two answers say the same, by the rules alone. One that says nothing is the same as none, not even as another."""
    return bool(words_of(one)) and _key(one) == _key(other)


def has_other_numbers(one: str, other: str) -> bool:
    """Whether the numbers of two answers differ: then no likeness of their words makes them the same."""
    return _numbers(words_of(one)) != _numbers(words_of(other))


def clusters_of(answers: Sequence[str], same: Same = is_same) -> list[Cluster]:
    """Each answer joins the first cluster whose first member is the `same`, or begins one. Sizes add up to the number of answers."""
    found: list[tuple[str, list[int]]] = []
    for place, answer in enumerate(answers):
        own = next((members for first, members in found if same(first, answer)), None)
        if own is None:
            found.append((answer, [place]))
        else:
            own.append(place)
    return [Cluster(first, tuple(members)) for first, members in found]


def merged(clusters: Sequence[Cluster], same: Same) -> list[Cluster]:
    """The clusters, joined where their first members are the `same`: for a `same` that is dear, after the rules. Silence stays alone."""
    joined = clusters_of([cluster.first for cluster in clusters], lambda one, other: bool(words_of(one) and words_of(other)) and same(one, other))
    return [Cluster(group.first, tuple(sorted(_places(clusters[n] for n in group.members)))) for group in joined]


def _places(clusters: Iterable[Cluster]) -> list[int]:
    return [place for cluster in clusters for place in cluster.members]


def _key(answer: str) -> tuple[frozenset[str], tuple[str, ...]]:
    words = words_of(answer)
    return frozenset(words), _numbers(words)


def _numbers(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if any(letter.isdigit() for letter in word))


def _words(answer: str) -> list[str]:
    """Split at whatever is no letter, mark or digit; an answer of symbols alone is one word."""
    text = answer.translate(_QUOTES)
    text = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text)
    text = re.sub(r"(?<=\d)\.(?=\d)", _POINT, text)
    text = re.sub(r"(?<!\w)[-−](?=[$€£¥]?\d)", _MINUS, text)
    words = "".join(letter if unicodedata.category(letter)[0] in "LMN" or letter in _KEPT else " " for letter in text).split()
    words = [word.replace(_POINT, ".").replace(_MINUS, "-") for word in words]
    return words or [text for text in [answer] if any(unicodedata.category(letter) == "So" for letter in text)]


def _is_article(word: str, place: int, n_words: int) -> bool:
    """A letter is no article: one that stands last, or a capital A in the middle (vitamin A)."""
    return word.casefold() in ARTICLES and place < n_words - 1 and not (word == "A" and place)


def _singular(word: str) -> str:
    stem = word[:-1]
    return stem if word.endswith("s") and len(stem) >= SHORTEST_STEM and stem.isalpha() and not stem.endswith(("s", "u", "i")) else word
