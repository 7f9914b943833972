"""What became of questions between two models: kept, lost, gained, never right; by group and by how well they were known before.

How well a question was known (after Gekhman et al. 2024, arXiv 2405.05904, who vary the examples before it instead of drawing samples):
highly    the greedy answer is right, and so is every sample
maybe     the greedy answer is right, and some sample is not
weakly    the greedy answer is not right, and some sample is
unknown   nothing is right
Without samples a question is `known` by its greedy answer, or unknown.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.evalrows import ItemScore
from factcli.judge.metrics import GROUP_ORDER, RANKING_DRAWS, Metric, row
from factcli.rows import Split
from factcli.stats import Item, RankedClaim, auroc, share

KnownLevel = Literal["highly", "maybe", "weakly", "known", "unknown"]
LEVELS: tuple[KnownLevel, ...] = ("highly", "maybe", "weakly", "known", "unknown")
Change = Literal["kept", "lost", "gained", "never"]


@dataclass(frozen=True, slots=True)
class AskedTwice:
    """One question, asked of the model before and of the model after."""

    id: str  # of the question
    split: Split
    subject: str
    group: str
    question: str
    level: KnownLevel
    change: Change
    n_right_samples: int  # of the model before
    n_samples: int
    before_text: str
    before_is_right: bool
    before_confidence: float  # probability of what the answer says besides a hedge, 0..1
    after_text: str
    after_is_right: bool
    after_is_refusal: bool
    after_confidence: float


def level_of(is_right: bool, n_right_samples: int, n_samples: int) -> KnownLevel:
    if not n_samples:
        return "known" if is_right else "unknown"
    if is_right:
        return "highly" if n_right_samples == n_samples else "maybe"
    return "weakly" if n_right_samples else "unknown"


def change_of(before: bool, after: bool) -> Change:
    if before:
        return "kept" if after else "lost"
    return "gained" if after else "never"


def figures(rows: Sequence[AskedTwice]) -> list[Metric]:
    """forgetting.kept: of what was right before, what is right after; by group, and by level in rows of `<level> known`.

    forgetting.refused: of what was right before, what is declined after. forgetting.gained: of what was not right before, what is right after.
    forgetting.auroc_of_confidence: how well the probability of the answer before tells what is kept.
    """
    found: list[Metric] = []
    for group in ("all", *_groups(rows)):
        found += _of_group(group, [one for one in rows if group in ("all", one.group)])
    for level in LEVELS:
        own = [one for one in rows if one.level == level]
        if own:
            named = f"{level} known" if level not in ("known", "unknown") else level
            found.append(row("forgetting.right_after", named, share(Item(one.subject, one.after_is_right) for one in own)))
    known = [RankedClaim(one.subject, one.id, one.before_confidence, one.after_is_right) for one in rows if one.before_is_right]
    found.append(row("forgetting.auroc_of_confidence", "all", auroc(known, RANKING_DRAWS)))
    return found


def _groups(rows: Sequence[AskedTwice]) -> list[str]:
    return sorted({one.group for one in rows}, key=lambda name: (GROUP_ORDER.index(name) if name in GROUP_ORDER else -1, name))


def _of_group(group: str, rows: Sequence[AskedTwice]) -> Iterator[Metric]:
    right = [one for one in rows if one.before_is_right]
    wrong = [one for one in rows if not one.before_is_right]
    yield row("forgetting.right_before", group, share(Item(one.subject, one.before_is_right) for one in rows))
    yield row("forgetting.right_after", group, share(Item(one.subject, one.after_is_right) for one in rows))
    yield row("forgetting.kept", group, share(Item(one.subject, one.after_is_right) for one in right))
    yield row("forgetting.refused", group, share(Item(one.subject, one.after_is_refusal) for one in right))
    yield row("forgetting.gained", group, share(Item(one.subject, one.after_is_right) for one in wrong))


def items_of(one: AskedTwice) -> list[ItemScore]:
    """A question counts in `kept` if it was right before, in `gained` if it was not."""
    common = (one.subject, one.group)
    return [
        ItemScore(one.id, "qa.accuracy", *common, float(one.after_is_right), 1.0, one.after_confidence, one.after_is_refusal),
        ItemScore(one.id, "forgetting.kept", *common, float(one.change == "kept"), float(one.before_is_right), one.after_confidence, one.after_is_refusal),
        ItemScore(
            one.id, "forgetting.gained", *common, float(one.change == "gained"), float(not one.before_is_right), one.after_confidence, one.after_is_refusal
        ),
    ]
