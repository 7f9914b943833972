"""Has a model drifted while it was trained on its own answers? Its dev answers in figures, and limits with a reason each.

A loop that trains on what it wrote itself can fall into a language of its own: longer and longer answers, loops of words, refusals,
empty answers, or plain wrong ones (spec §7, 42). Everything here is a function of committed rows.
"""

import re
from collections.abc import Sequence

from factcli.answerrows import ChoiceQuestion
from factcli.config import Config, setting
from factcli.judge.answers import grade_answer
from factcli.judge.claims.abstention import detected
from factcli.preferencerows import Drift, DriftAnswer, DriftPair

WORD = re.compile(r"\w+")
TIMES = 3  # a sequence of words said so often without a break is a loop: "very, very, very" is three words, and none
LEAST_WORDS = 4
LONGEST_LOOP = 24  # words of the sequence


class DriftLimits(Config):
    """How far a round's model may go. Shares are beside those of the loop's start, accuracies beside the best model kept so far."""

    kl: float = setting(20.0, "KL from the loop's start on dev answers, nats per answer, at most.", gt=0)
    length_ratio: float = setting(2.0, "Mean tokens of a dev answer: at most so many times those of the start, at least one such part of them.", gt=1)
    repetition: float = setting(0.05, "Share of dev answers that repeat themselves, above that of the start, at most.", ge=0, le=1)
    refusals: float = setting(0.1, "Share of dev answers that refuse, above that of the start, at most.", ge=0, le=1)
    empty: float = setting(0.02, "Share of dev answers without a word, above that of the start, at most.", ge=0, le=1)
    pair_accuracy_drop: float = setting(0.05, "What held-out pairs of round 0 may lose of the best share with chosen above rejected.", ge=0, le=1)
    accuracy_drop: float = setting(0.05, "What dev questions with known answers may lose of the best share right.", ge=0, le=1)


def repeats_itself(text: str) -> bool:
    """Whether a sequence of words stands three times in a row, four words or more in all."""
    words = WORD.findall(text.casefold())
    return any(_loops(words, length) for length in range(1, min(LONGEST_LOOP, len(words) // TIMES) + 1))


def _loops(words: Sequence[str], length: int) -> bool:
    """Whether `length` words are said again and again: then each word is the one `length` before it, over the whole stretch."""
    needed = max((TIMES - 1) * length, LEAST_WORDS - length)
    run = 0
    for place in range(length, len(words)):
        run = run + 1 if words[place] == words[place - length] else 0
        if run >= needed:
            return True
    return False


def drift_answer(question: ChoiceQuestion, text: str, n_tokens: int, kl: float, is_choice_right: bool | None) -> DriftAnswer:
    """One dev answer, looked at. `is_choice_right`: whether the right one of the question's choices is likeliest; None without choices."""
    is_empty = WORD.search(text) is None
    answered = grade_answer(text, (question.correct,)).grade if question.correct else None
    by_choice = None if is_choice_right is None else "right" if is_choice_right else "wrong"
    return DriftAnswer(
        id=f"{question.id}.d0",
        question_id=question.id,
        question=question.question,
        text=text,
        n_tokens=n_tokens,
        kl=kl,
        is_empty=is_empty,
        is_refusal=not is_empty and bool(detected(text, "own")),
        is_repetition=repeats_itself(text),
        grade=by_choice or answered,  # type: ignore[arg-type]  # both are grades
        grade_by="choice" if by_choice else "answer" if answered else "",
    )


def drift_of(model: str, answers: Sequence[DriftAnswer], pairs: Sequence[DriftPair]) -> Drift:
    """The figures of a model's dev answers. `answers` must not be empty."""
    n = len(answers)
    graded = [answer for answer in answers if answer.grade is not None]
    return Drift(
        model=model,
        n_answers=n,
        kl=sum(answer.kl for answer in answers) / n,
        mean_tokens=sum(answer.n_tokens for answer in answers) / n,
        repetition=sum(answer.is_repetition for answer in answers) / n,
        refusals=sum(answer.is_refusal for answer in answers) / n,
        empty=sum(answer.is_empty for answer in answers) / n,
        accuracy=sum(answer.grade == "right" for answer in graded) / len(graded) if graded else None,
        n_graded=len(graded),
        pair_accuracy=sum(pair.chosen > pair.rejected for pair in pairs) / len(pairs) if pairs else None,
        n_pairs=len(pairs),
    )


def faults(found: Drift, kept: Sequence[Drift], limits: DriftLimits) -> list[str]:
    """Why a model is to be rejected, in words; nothing where it may stay. `kept`: the loop's start first, then every accepted round."""
    start = kept[0]
    return [
        *_too_far(found, limits),
        *_other_length(found, start, limits),
        *_more("repeat themselves", found.repetition, start.repetition, limits.repetition, found.n_answers),
        *_more("refuse to answer", found.refusals, start.refusals, limits.refusals, found.n_answers),
        *_more("have no word in them", found.empty, start.empty, limits.empty, found.n_answers),
        *_lost("held-out pairs of round 0 with the chosen answer likelier", found.pair_accuracy, [d.pair_accuracy for d in kept], limits.pair_accuracy_drop),
        *_lost("dev questions answered right", found.accuracy, [d.accuracy for d in kept], limits.accuracy_drop),
    ]


def _too_far(found: Drift, limits: DriftLimits) -> list[str]:
    if found.kl <= limits.kl:  # a KL that is no number is not either
        return []
    return [f"its dev answers are {found.kl:.2f} nats each (KL) from the loop's start, more than the {limits.kl:g} allowed"]


def _other_length(found: Drift, start: Drift, limits: DriftLimits) -> list[str]:
    low, high = start.mean_tokens / limits.length_ratio, start.mean_tokens * limits.length_ratio
    if low <= found.mean_tokens <= high:
        return []
    return [f"its dev answers have {found.mean_tokens:.1f} tokens on average, those of the start {start.mean_tokens:.1f}: need {low:.1f} to {high:.1f}"]


def _more(what: str, share: float, before: float, limit: float, n: int) -> list[str]:
    if share - before <= limit:
        return []
    return [f"{share:.1%} of its {n} dev answers {what}, {before:.1%} of the start's: at most {limit:.1%} more are allowed"]


def _lost(what: str, share: float | None, before: Sequence[float | None], limit: float) -> list[str]:
    best = max((value for value in before if value is not None), default=None)
    if share is None or best is None or best - share <= limit:
        return []
    return [f"{what}: {share:.1%}, the best model kept so far has {best:.1%}: at most {limit:.1%} may be lost"]
