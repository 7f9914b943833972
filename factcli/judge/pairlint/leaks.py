"""One text on both sides of a split, and items of an evaluation in what is trained on.

Held out is every split but train (and none, which is trained on). A leak is found on the side that is trained on: that is the one to
leave out, for what is held out shall stay what it is.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from factcli.answerrows import Pair
from factcli.judge.pairlint.found import EvalItem, Found, prompt_key, words_of

Words = tuple[str, ...]
HELD_OUT = ("dev", "test")


def findings(pairs: Sequence[Pair], against: Sequence[EvalItem], leaked_words: int) -> Iterator[Found]:
    trained = [pair for pair in pairs if pair.split not in HELD_OUT]
    held_out = [pair for pair in pairs if pair.split in HELD_OUT]
    yield from _between_splits(trained, held_out, leaked_words)
    yield from _of_items(trained, against, leaked_words)


def _between_splits(trained: Sequence[Pair], held_out: Sequence[Pair], leaked_words: int) -> Iterator[Found]:
    prompts = {prompt_key(pair): pair.id for pair in reversed(held_out) if pair.prompt.strip()}
    answers = {words: pair.id for pair in reversed(held_out) for words in _long_answers(pair, leaked_words)}
    for pair in trained:
        if (other := prompts.get(prompt_key(pair))) is not None:
            yield Found("leaked-prompt", pair.id, "the prompt is in a held-out split too", other_id=other)
        if (other := next((answers[words] for words in _long_answers(pair, leaked_words) if words in answers), None)) is not None:
            yield Found("leaked-answer", pair.id, "an answer is in a held-out split too", other_id=other)


def _long_answers(pair: Pair, leaked_words: int) -> list[Words]:
    """Its answers that are long enough to be nobody else's: `Paris` answers many questions."""
    return [words for words in (words_of(pair.chosen), words_of(pair.rejected)) if len(words) >= leaked_words]


def _of_items(trained: Sequence[Pair], against: Sequence[EvalItem], leaked_words: int) -> Iterator[Found]:
    if not against:
        return
    prompts = {words: item.id for item in reversed(against) if (words := words_of(item.prompt))}
    pieces = _pieces(against, leaked_words)
    for pair in trained:
        if (item := prompts.get(prompt_key(pair))) is not None:
            yield Found("leaked-prompt", pair.id, "the prompt is asked in the evaluation", other_id=item)
        for side, text in (("prompt", pair.prompt), ("chosen answer", pair.chosen), ("rejected answer", pair.rejected)):
            found = _piece_in(words_of(text), pieces, leaked_words)
            if found is not None and (side != "prompt" or item is None):
                yield Found(
                    "leaked-answer" if side != "prompt" else "leaked-prompt", pair.id, f"the {side} holds what the evaluation asks or answers", other_id=found
                )


Pieces = dict[Words, list[tuple[Words, str]]]  # the first words of a text of the evaluation -> the texts that begin so, with their items


def _pieces(against: Sequence[EvalItem], leaked_words: int) -> Pieces:
    found: Pieces = defaultdict(list)
    for item in against:
        for text in (item.prompt, *item.answers):
            words = words_of(text)
            if len(words) >= leaked_words:
                found[words[:leaked_words]].append((words, item.id))
    return found


def _piece_in(words: Words, pieces: Pieces, leaked_words: int) -> str | None:
    """The item whose prompt or answer stands whole in the text, if one does."""
    for start in range(len(words) - leaked_words + 1):
        for whole, id_ in pieces.get(words[start : start + leaked_words], ()):
            if words[start : start + len(whole)] == whole:
                return id_
    return None
