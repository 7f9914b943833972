"""One duel: the judge sees both answers twice, each of them first once, and says 1, 2 or tie."""

import re
from dataclasses import dataclass

from factcli.backends.asking import Asker
from factcli.backends.chains import Chain, UnansweredError
from factcli.backends.filling import Rows
from factcli.backends.requests import Request, Response
from factcli.judge.verdicts.quoting import cut
from factcli.judgedrows import SAME_WORDS, Duel, Outcome, Preferred
from factcli.prompts import quoted
from factcli.stages.pairwise.matching import Meeting
from factcli.stages.pairwise.settings import PairwiseConfig

PLAIN, WITH_DOCUMENT = "eval/pairwise", "eval/pairwise_document"
ORDERS = ("a", "b")  # which of the two is shown first
NOTHING = "(no answer)"
WORDS = {"1": 1, "first": 1, "2": 2, "second": 2, "tie": 0, "tied": 0, "equal": 0, "equally": 0, "neither": 0, "both": 0, "same": 0}
NOT = frozenset(("not", "isn", "cannot", "never"))  # "not 1" names no answer
WORD = re.compile(r"[^\W_]+")


def choice_of(said: Response) -> int | None:
    """1, 2, or 0 for a tie; None for a reply that names none of them, more than one, or denies one."""
    if said.outcome not in ("ok", "truncated"):  # the word may come first, and its reasons be cut
        return None
    words = WORD.findall(said.text.casefold())
    named = {WORDS[word] for word in words if word in WORDS}
    return named.pop() if len(named) == 1 and not NOT & set(words) else None


def preferred(choice: int | None, first: str) -> Preferred:
    """Whom a choice means, where `first` was shown first."""
    if choice is None:
        return "unread"
    if choice == 0:
        return "tie"
    return "a" if (choice == 1) == (first == "a") else "b"


def outcome_of(a_first: Preferred, b_first: Preferred) -> Outcome:
    """A wins where it is preferred in both orders, loses where B is; a verdict that turns with the order is a tie."""
    if "unread" in (a_first, b_first):
        return "unscored"
    if a_first == b_first and a_first in ("a", "b"):
        return "win" if a_first == "a" else "lose"
    return "tie"


@dataclass(frozen=True, slots=True)
class AskDuel:
    """The chain of one question."""

    asker: Asker
    meeting: Meeting
    config: PairwiseConfig

    def __call__(self) -> Chain[Rows]:
        if self.is_decided:
            return {"duels": [self._row("tie", "tie", SAME_WORDS)]}
        said = yield [self._request(first) for first in ORDERS]
        for one in said:
            if one.outcome == "failed":  # no answer came at all: the unit is asked again by the same command
                raise UnansweredError(one)
        a_first, b_first = (preferred(choice_of(one), first) for one, first in zip(said, ORDERS, strict=True))
        unread = [one.text or one.cause for one in said if choice_of(one) is None]
        origins = [self.asker.origin(self._id(first), "duels", self.template, one) for first, one in zip(ORDERS, said, strict=True)]
        return {"duels": [self._row(a_first, b_first, " / ".join(unread)[:500])], "origins": origins}

    @property
    def is_decided(self) -> bool:
        """Whether there is nothing to ask: both say the same."""
        return self.meeting.a.text.split() == self.meeting.b.text.split()

    @property
    def template(self) -> str:
        return WITH_DOCUMENT if self.meeting.document.strip() else PLAIN

    def _id(self, first: str) -> str:
        return f"{self.meeting.a.prompt_id}.{first}1"

    def _request(self, first: str) -> Request:
        texts = {"a": self.meeting.a.text, "b": self.meeting.b.text}
        shown = {name: quoted(cut(text.strip() or NOTHING, self.config.answer_tokens)) for name, text in texts.items()}
        values = {"question": quoted(self.meeting.a.prompt), "first": shown[first], "second": shown["b" if first == "a" else "a"]}
        if self.template == WITH_DOCUMENT:
            values["document"] = quoted(cut(self.meeting.document, self.config.document_tokens))
        return self.asker.ask(self.template, self._id(first), values, self.config.max_tokens)

    def _row(self, a_first: Preferred, b_first: Preferred, reason: str) -> Duel:
        a, b = self.meeting.a, self.meeting.b
        subject = a.topic or a.subject or a.prompt_id
        outcome = outcome_of(a_first, b_first)
        return Duel(a.prompt_id, a.prompt, self.meeting.document, a.text, b.text, subject, a.group, outcome, a_first, b_first, reason)
