"""A model's answer as it can be used, or why it cannot (spec §4.3, run 1, step 4)."""

import re
from dataclasses import dataclass

from factcli.knowledge.cleaning import cut_at_next_prompt, is_refusal
from factcli.knowledge.duplicates import normalised
from factcli.knowledge.sentences import is_finished, sentences

ALIKE, ALIKE_SHORT, SHORT_WORDS = 0.7, 0.5, 5  # overlap of two sentences' words; the lower one where both have few
LAST_SHARE = 0.2  # of the sentences: a loop shows at the end
MOST_REPEATED = 1
_STOP_WORDS = (
    "a an the and or but nor so yet if then than that this these those of in on at by for with from to into onto over under as about between through during "
    "before after above below up down out off again is am are was were be been being has have had having do does did doing will would shall should can could "
    "may might must not no it its he him his she her hers they them their theirs we us our ours you your yours i me my mine who whom whose which what when "
    "where why how all any both each few more most other some such only own same too very s t also there here"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())
LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """`text`, or None and the reason; `refuses` where the text says that there is nothing to say."""

    text: str | None
    reason: str = ""
    refuses: bool = False


def clean_answer(said: str, is_cut: bool) -> Cleaned:
    """The answer alone. `is_cut`: it ended at the token limit, which spoils it unless it had already ended before."""
    text, has_ended = cut_at_next_prompt(said)
    if not text:
        return Cleaned(None, "empty")
    if is_cut and not has_ended:
        return Cleaned(None, "cut at the token limit")
    found = sentences(text)
    if ends_in_repetition(found):
        return Cleaned(None, "ends in repetition")
    if n_repeated(found) > MOST_REPEATED:
        return Cleaned(None, "repeats itself")
    text = without_unfinished(text, found)
    return Cleaned(text, "", is_refusal(text))


def without_unfinished(text: str, found: list[str]) -> str:
    """The text without a last sentence that does not end; the only sentence stays: short answers have no full stop."""
    if len(found) < 2 or is_finished(found[-1]) or LIST_MARK.match(text.rsplit("\n", 1)[-1].strip()):
        return text
    return text[: text.rindex(found[-1])].rstrip()


def ends_in_repetition(found: list[str]) -> bool:
    """Whether one of the last fifth of the sentences (at least one) is like another."""
    n_last = -int(-len(found) * LAST_SHARE // 1)
    words = [content_words(sentence) for sentence in found]
    last = range(len(found) - n_last, len(found))
    return any(are_alike(words[place], words[other]) for place in last for other in range(len(found)) if other != place)


def n_repeated(found: list[str]) -> int:
    """Sentences that are like one before them."""
    words = [content_words(sentence) for sentence in found]
    return sum(any(are_alike(words[place], words[other]) for other in range(place)) for place in range(len(words)))


def content_words(sentence: str) -> frozenset[str]:
    return frozenset(normalised(sentence)) - STOP_WORDS


def are_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """By the Jaccard overlap of their words. Sentences of stop words alone say too little to be like another."""
    if not one or not other:
        return False
    needed = ALIKE_SHORT if max(len(one), len(other)) <= SHORT_WORDS else ALIKE
    return len(one & other) / len(one | other) >= needed
