"""A model's answer read as one correct and one incorrect answer to a question.

GRATH (spec §3.2) split the text at one label, took everything before it where the other was missing, deleted line breaks and
let explanations, empty and equal answers pass. Here both labels must be there once, and what is no pair has its reason.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from factcli.prompts import CONTROL
from factcli.textfiles import SURROGATE

# With the marks of a list or of bold print around it; a number only where it begins the line, or it would be the answer's.
LABEL = re.compile(
    r"(?:(?:\A|\n)[ \t]*[0-9]{1,2}[.)][ \t*_]*|[*_#>\s•-]*)\b(question|(?:in)?correct[ \t]+answer)\b[*_\s]*[:：][*_]*",
    re.IGNORECASE,
)
WORD = re.compile(r"\w+")
ECHO = 0.5  # share of the words, of both questions together, that a repeated question has in common with the one asked
# An answer ends at an empty line, at a line break after the end of a sentence, or where it begins to be explained.
SENTENCE_END = re.compile(r"[.!?][\"')\]*_]*[ \t]*\n")
EXPLAINED = re.compile(
    r"\(?\b(?:explanation|note|notes|reason|reasoning|rationale|justification|source|sources)\b[*_]*\s*:"
    r"|\n\W*(?:note that|please note|i hope|let me know|this answer|these answers|here is|here are|explanation)\b",
    re.IGNORECASE,
)
LEFTOVER = re.compile(r"correct (?:answer|response|option)s?\b", re.IGNORECASE)
OUTER = " \t*_"
NO_CORRECT, NO_INCORRECT, TWICE = "no correct-answer label", "no incorrect-answer label", "a label twice"
EMPTY_CORRECT, EMPTY_INCORRECT, EQUAL = "empty correct answer", "empty incorrect answer", "equal answers"
OTHER_QUESTION, CUT_OFF, LABEL_LEFT = "another question", "cut at max_tokens", "label in an answer"


class AnswerPair(NamedTuple):
    """Both answers, each on one line; `cut` is what stood around them."""

    correct: str
    incorrect: str
    cut: str


class BadPairError(ValueError):
    """Why an answer is no pair: one of the constants above."""


def parse_pair(text: str, question: str, is_truncated: bool = False) -> AnswerPair:
    """The pair in an answer to `question`. Raises BadPairError.

    `is_truncated`: the text was cut at max_tokens; the pair counts where something follows the answer that stands last.
    """
    plain = SURROGATE.sub("?", CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
    before, pieces = _pieces(_without_echo(plain, question))
    block, after = _first_block(pieces, question)
    bodies = _bodies(block, is_truncated)
    ended = {label: _ended(body) for label, body in bodies.items()}
    if is_truncated and not after and not ended[block[-1][0]][1]:
        raise BadPairError(CUT_OFF)
    pair = AnswerPair(ended["correct answer"][0], ended["incorrect answer"][0], _joined([before, *(rest for _, rest in ended.values()), after]))
    _check(pair)
    return pair


def two_answers(correct: str, incorrect: str) -> AnswerPair:
    """The pair of two answers that were asked for one by one: the terse form (`fact synth forms`). Raises BadPairError."""
    first, second = (" ".join(SURROGATE.sub("?", CONTROL.sub("", text)).split()).strip(OUTER) for text in (correct, incorrect))
    pair = AnswerPair(first, second, "")
    _check(pair)
    return pair


def alike(one: str, other: str) -> bool:
    """Whether two answers say the same but for case, blanks and the marks around them; `-5` is not `5`."""
    return _bare(one) == _bare(other)


def _without_echo(text: str, question: str) -> str:
    """Without the question repeated at its beginning, which may hold anything, labels too."""
    words = r"\s+".join(map(re.escape, question.split()))
    return re.sub(rf"\A\W*question\W*:\W*?{words}", "", text, count=1, flags=re.IGNORECASE)


def _pieces(text: str) -> tuple[str, list[tuple[str, str]]]:
    """What stands before the first label, and each label with what follows it."""
    found = [match for match in LABEL.finditer(text) if match[1].lower() != "question" or _begins_line(text, match.start(1))]
    ends = [match.start() for match in found] + [len(text)]
    return text[: ends[0]], [(" ".join(match[1].lower().split()), text[match.end() : end]) for match, end in zip(found, ends[1:], strict=True)]


def _begins_line(text: str, place: int) -> bool:
    return not text[text.rfind("\n", 0, place) + 1 : place].strip("*_#>•-.) \t0123456789")


def _first_block(pieces: list[tuple[str, str]], question: str) -> tuple[list[tuple[str, str]], str]:
    """The answers before the next question, which a model that goes on imitating has added; and that rest."""
    if pieces and pieces[0][0] == "question":
        if not _is_echo(pieces[0][1], question):
            raise BadPairError(OTHER_QUESTION)
        pieces = pieces[1:]
    end = next((place for place, (label, _) in enumerate(pieces) if label == "question"), len(pieces))
    return pieces[:end], " ".join(f"{label}: {body.strip()}" for label, body in pieces[end:])


def _is_echo(text: str, question: str) -> bool:
    """Whether a text is the question asked, give or take some words."""
    said, asked = (set(WORD.findall(words.casefold())) for words in (text, question))
    return len(said & asked) >= ECHO * len(said | asked)


def _bodies(block: list[tuple[str, str]], is_truncated: bool) -> dict[str, str]:
    labels = [label for label, _ in block]
    if len(set(labels)) < len(labels):
        raise BadPairError(TWICE)
    if "correct answer" not in labels:
        raise BadPairError(NO_CORRECT)
    if "incorrect answer" not in labels:
        raise BadPairError(CUT_OFF if is_truncated else NO_INCORRECT)
    return dict(block)


def _ended(body: str) -> tuple[str, str]:
    """The answer on one line, and what follows it."""
    text = body.lstrip()
    ends = [len(text)]
    ends += [match.start() for match in re.finditer(r"\n[ \t]*\n", text)]
    ends += [match.end() - 1 for match in SENTENCE_END.finditer(text)]
    ends += [match.start() for match in EXPLAINED.finditer(text)]
    end = min(ends)
    answer = " ".join(text[:end].split()).strip(OUTER)
    if len(answer) > 1 and answer[0] + answer[-1] in ('""', "“”") and '"' not in answer[1:-1]:
        answer = answer[1:-1].strip(OUTER)
    return answer, text[end:]


def _check(pair: AnswerPair) -> None:
    if not _bare(pair.correct):
        raise BadPairError(EMPTY_CORRECT)
    if not _bare(pair.incorrect):
        raise BadPairError(EMPTY_INCORRECT)
    if alike(pair.correct, pair.incorrect):
        raise BadPairError(EQUAL)
    if LEFTOVER.search(pair.correct) or LEFTOVER.search(pair.incorrect):
        raise BadPairError(LABEL_LEFT)


def _bare(text: str) -> str:
    """To compare by; "" for a text without a letter or digit."""
    return " ".join(text.casefold().split()).strip(" .,;:!?\"'“”‘’") if any(map(str.isalnum, text)) else ""


def _joined(parts: Iterable[str]) -> str:
    return " / ".join(shown for part in parts if (shown := " ".join(part.split()).strip(OUTER)))
