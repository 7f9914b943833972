"""Evaluations side by side, item by item: what was asked, what is right, and what each model said."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from factcli.evalrows import ItemScore
from factcli.judge.chosen import Choices, chosen_items
from factcli.rows import Answer, Claim, Verdict
from factcli.stages.report.collect import Benchmark, Evaluation
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import counted, stretches
from factcli.stages.report.view import Key

# claims: a long answer, judged claim by claim; the last three: beside another model's answer
Grade = Literal["right", "wrong", "abstained", "unjudged", "claims", "preferred", "tied", "not preferred"]
Column = Literal["benchmark", "group"]
MOST_CHARACTERS = 20_000  # of one answer: 200 of the longest biographies that we saw; what is cut is said


@dataclass(frozen=True, slots=True)
class Item:
    """What was asked. `id` is the item's in its benchmark, told apart from an equal one of another benchmark."""

    id: str
    benchmark: str
    group: str
    question: str
    gold: str  # accepted answers; "" for a long answer


@dataclass(frozen=True, slots=True)
class JudgedClaim:
    """A claim of a long answer. `evidence` is what a reader is shown for the verdict."""

    text: str
    verdict: Verdict
    evidence: str
    reason: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What one model said to one item. `stretches`: the text cut up, each part with the places of its claims in `claims`.

    `sets`: where answers to choose from were scored, these answers. `note`: what a judge said, in words.
    """

    grade: Grade
    text: str
    confidence: float | None
    answer_id: str  # for `fact trace`
    stretches: tuple[tuple[str, tuple[int, ...]], ...] = ()
    claims: tuple[JudgedClaim, ...] = ()
    sets: tuple[Choices, ...] = ()
    note: str = ""


@dataclass(slots=True)
class Items:
    """`replies[label][item id]`: a model that was not asked an item has none there."""

    models: dict[str, Key] = field(default_factory=dict)
    items: dict[str, Item] = field(default_factory=dict)
    replies: dict[str, dict[str, Reply]] = field(default_factory=dict)

    def names(self, column: Column) -> list[str]:
        """The values of a column, in the order of the items."""
        return list(dict.fromkeys(getattr(item, column) for item in self.items.values()))


def items_of(benchmarks: Mapping[str, Benchmark], evidence: Mapping[str, str]) -> Items:
    """`benchmarks` by the name that the reader sees; `evidence`: id of what decided a claim -> its text."""
    found = Items()
    for name, benchmark in benchmarks.items():
        for evaluation in benchmark.evaluations:
            key = found.models.setdefault(evaluation.label, key_of(evaluation, benchmark.main))
            _add(found, name, evaluation, found.replies.setdefault(key.label, {}), evidence)
    found.items = {id_: item if item.question else replace(item, question=id_) for id_, item in found.items.items()}
    first = next(iter(found.models), "")
    found.models = dict(sorted(found.models.items(), key=lambda model: (model[0] != first, not model[1].is_main)))  # the main one beside the first
    return found


def _add(found: Items, benchmark: str, evaluation: Evaluation, replies: dict[str, Reply], evidence: Mapping[str, str]) -> None:
    claims: dict[str, list[Claim]] = {}
    for claim in evaluation.results.claims:
        claims.setdefault(claim.answer_id, []).append(claim)
    for answer in [*evaluation.results.questions, *evaluation.results.biographies]:
        item = _item(found, Item(answer.question_id, benchmark, answer.group, clipped_text(answer.question), " / ".join(answer.answers[:3])))
        replies[item.id] = _reply(answer, claims.get(answer.id, ()), evidence)
    if not evaluation.results.is_some:
        _add_scores(found, benchmark, evaluation, replies)


def add_replies(found: Items, key: Key, replies: Sequence[tuple[Item, Reply]]) -> None:
    """Joins what another evaluation says to the items; a model of the same name is one column."""
    found.models.setdefault(key.label, key)
    own = found.replies.setdefault(key.label, {})
    for item, reply in replies:
        own[_item(found, item).id] = reply


def _item(found: Items, item: Item) -> Item:
    """Models are asked the same: the first wording stands."""
    known = found.items.get(item.id)
    if known and known.benchmark != item.benchmark:
        item = replace(item, id=f"{item.id} ({item.benchmark})")
    if item.question and (unworded := found.items.get(item.id)) and not unworded.question:
        found.items[item.id] = item
    return found.items.setdefault(item.id, item)


def _add_scores(found: Items, benchmark: str, evaluation: Evaluation, replies: dict[str, Reply]) -> None:
    """Items that have scores and no answer: what they add to each figure, graded by the first of them where that is right or wrong."""
    scores: dict[str, list[ItemScore]] = {}
    for score in evaluation.artifact.rows("items", ItemScore) if "items" in evaluation.artifact.manifest.tables else ():
        scores.setdefault(score.id, []).append(score)
    chosen = chosen_items(evaluation.artifact)
    for id_, own in scores.items():
        told = ", ".join(f"{score.metric.rpartition('.')[2].replace('_', ' ')} {_value(score)}" for score in own)
        shown = chosen.get(id_)
        if shown is None:
            question, gold = "" if own[0].subject == id_ else f"{own[0].subject} ({id_})", ""
        else:
            question, gold = clipped_text(shown.question), clipped_text(" / ".join(shown.gold[:3]))
            told = f"{clipped_text(shown.chosen)} ({told})" if shown.chosen else told
        item = _item(found, Item(id_, benchmark, own[0].group, question, gold))
        replies[item.id] = Reply(_grade(own[0]), told, own[0].confidence, id_, sets=shown.sets if shown else ())


def _value(score: ItemScore) -> str:
    return f"{score.numerator / score.denominator:.2f}" if score.denominator else "not scored"


def _grade(score: ItemScore) -> Grade:
    if score.is_abstention:
        return "abstained"
    known: dict[tuple[float, float], Grade] = {(1.0, 1.0): "right", (0.0, 1.0): "wrong"}
    return known.get((score.numerator, score.denominator), "unjudged")


def _reply(answer: Answer, claims: Sequence[Claim], evidence: Mapping[str, str]) -> Reply:
    if answer.grade is not None:
        return Reply(answer.grade, clipped_text(answer.text), answer.confidence, answer.id)
    if answer.is_abstention:
        return Reply("abstained", clipped_text(answer.text), answer.confidence, answer.id)
    judged = tuple(JudgedClaim(c.text, c.verdict, evidence.get(c.evidence, c.evidence), c.reason, c.confidence) for c in claims)
    cut = tuple(stretches(clipped_text(answer.text), [(c.start, c.end) for c in claims]))
    return Reply("claims" if judged else "unjudged", "", answer.confidence, answer.id, cut, judged)


def clipped_text(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}… [{counted(len(text) - MOST_CHARACTERS, 'character')} left out: the table `answers` has all]"


def ledger_evidence(facts: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """(id, relation, value) of a world's facts -> what a reader is shown of each."""
    return {id_: f"The ledger: {relation.replace('_', ' ')} is {value} ({id_})" for id_, relation, value in facts}
