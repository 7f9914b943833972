"""A pair's own answers: empty, the same, nearly the same, cut off, abstaining."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from factcli.answerrows import Pair
from factcli.judge.answers import is_abstention
from factcli.judge.pairlint.found import Found, Member, words_of
from factcli.knowledge.duplicates import common_length

LONG = 12  # words from which an answer that ends in the middle of a sentence was cut; a short one may be a name
ENDS = tuple(".!?…\"'”’)]}»*`:;。！？؟।")


def findings(pairs: Sequence[Pair], known: Mapping[str, Member], near_duplicate: float) -> Iterator[Found]:
    for pair in pairs:
        chosen, rejected = words_of(pair.chosen), words_of(pair.rejected)
        yield from _empty(pair)
        if not pair.chosen.strip() or not pair.rejected.strip():
            continue
        if chosen == rejected:
            yield Found("equal", pair.id, "both answers have the same words")
        else:
            yield from _alike(pair, chosen, rejected, near_duplicate)
        for side, text, id_ in (("chosen", pair.chosen, pair.chosen_id), ("rejected", pair.rejected, pair.rejected_id)):
            yield from _of_member(pair, side, text, known.get(id_) if id_ else None)


def _empty(pair: Pair) -> Iterator[Found]:
    for side, text in (("chosen", pair.chosen), ("rejected", pair.rejected)):
        if not text.strip():
            yield Found("empty", pair.id, f"the {side} answer is empty")


def _alike(pair: Pair, chosen: Sequence[str], rejected: Sequence[str], near_duplicate: float) -> Iterator[Found]:
    shared = sum((Counter(chosen) & Counter(rejected)).values())  # no common subsequence is longer, and this costs nothing
    n_words = len(chosen) + len(rejected)
    if 2 * shared >= near_duplicate * n_words:
        overlap = 2 * common_length(chosen, rejected) / n_words
        if overlap >= near_duplicate:
            yield Found("near-duplicate", pair.id, f"ROUGE-L {overlap:.2f} between the two answers", overlap)


def _of_member(pair: Pair, side: str, text: str, known: Member | None) -> Iterator[Found]:
    if known.is_truncated if known is not None else looks_cut(text):
        told = "was cut at its token limit" if known is not None else "ends in the middle of a sentence"
        yield Found("cut-off", pair.id, f"the {side} answer {told}")
    if is_abstention(text) or (known is not None and known.is_abstention):
        yield Found("abstaining", pair.id, f"the {side} answer abstains")


def looks_cut(text: str) -> bool:
    """Whether a long text ends without the end of a sentence: what can be seen where nobody says why an answer ended."""
    return len(text.split()) >= LONG and not text.rstrip().endswith(ENDS)
