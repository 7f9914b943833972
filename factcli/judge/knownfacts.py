"""Which facts a model knows: those whose questions it answered right in an evaluation. Known, not merely seen in pre-training."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from factcli.rows import Answer, Chat


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """Ids of facts. Those that are neither were not asked for, which says nothing about them."""

    known: frozenset[str]
    unknown: frozenset[str]

    def share(self, fact_ids: Sequence[str]) -> float | None:
        """Share of these facts that are known; None where one of them was not asked for, or there is none."""
        if not fact_ids or any(id not in self.known and id not in self.unknown for id in fact_ids):
            return None
        return sum(id in self.known for id in fact_ids) / len(fact_ids)


def known_facts(chats: Iterable[Chat], answers: Iterable[Answer]) -> KnownFacts:
    """A fact is known if every one of its questions that was asked, word by word as a task row asks it, was answered right.

    An abstention is not right: who does not say it cannot be shown to know it.
    """
    right: dict[str, bool] = {}
    for answer in answers:
        if answer.task == "qa":
            right[answer.question] = right.get(answer.question, True) and answer.grade == "right"
    verdicts: dict[str, bool] = {}
    for chat in chats:
        if chat.task == "qa" and len(chat.fact_ids) == 1 and chat.question in right:
            (fact,) = chat.fact_ids
            verdicts[fact] = verdicts.get(fact, True) and right[chat.question]
    known = frozenset(fact for fact, is_known in verdicts.items() if is_known)
    return KnownFacts(known, frozenset(verdicts) - known)
