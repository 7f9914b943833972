"""Answers to a world's questions over two facts: graded by what stands last in them, told apart by type."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from factcli.evalrows import ItemScore
from factcli.judge.answers import final_answer, grade_answer
from factcli.judge.metrics import Metric, row
from factcli.rows import Answer, Fact, TwoHop
from factcli.stats import Item, share
from factcli.world.reader import read_places

ACCURACY = "twohop.accuracy"
TYPES = ("bridge", "comparison")


def graded_by_final(answer: Answer) -> Answer:
    """The same answer, graded by what follows its last `Final answer:`, as HotpotQA's are; the facts that it says before are no answer."""
    grade = grade_answer(answer.text, answer.answers, "final_answer")
    return replace(answer, grade=grade.grade, is_strict_match=grade.is_strict_match, is_abstention=grade.grade == "abstained")


def hop_metrics(answers: Sequence[Answer], hops: Iterable[TwoHop], places: Iterable[Fact]) -> list[Metric]:
    """Right answers by type; and where bridges fail: the share whose answer tells, before its end, what leads from one fact to the
    other, and of the sentences in it that say where a place is, the share that are true."""
    bridge_of = {hop.id: hop.bridge for hop in hops if hop.type == "bridge"}
    where = {(fact.subject.rpartition(".")[2], fact.relation): fact.value for fact in places}
    rows: list[Metric] = []
    for group in ("all", *TYPES):
        own = [answer for answer in answers if group in ("all", answer.group)]
        rows.append(row(ACCURACY, group, share(Item(a.subject, a.grade == "right") for a in own)))
        rows.append(row("twohop.strict_accuracy", group, share(Item(a.subject, bool(a.is_strict_match)) for a in own)))
    over = [answer for answer in answers if answer.question_id in bridge_of]
    rows.append(row("twohop.bridge_told", "bridge", share(Item(a.subject, _tells(a.text, bridge_of[a.question_id])) for a in over)))
    told = [(answer.subject, place) for answer in over for place in read_places(answer.text)]
    rows.append(row("twohop.place_right", "bridge", share(Item(subject, where.get((place.place, place.relation)) == place.value) for subject, place in told)))
    return rows


def hop_items(answers: Iterable[Answer]) -> list[ItemScore]:
    return [ItemScore(a.question_id, ACCURACY, a.subject, a.group, float(a.grade == "right"), 1.0, a.confidence, a.is_abstention) for a in answers]


def _tells(text: str, bridge: str) -> bool:
    reasoning = text.removesuffix(final_answer(text))
    return re.search(rf"\b{re.escape(bridge)}\b", reasoning) is not None
