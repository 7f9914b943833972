"""Answers that a judge compared in pairs: each question an item, each side what its model said to it."""

from collections.abc import Iterator

from factcli.judgedrows import Duel, Preferred
from factcli.stages.report.browser.items import Grade, Item, Reply, clipped_text
from factcli.stages.report.collect import Pairwise

PREFERRED: dict[str, tuple[Grade, Grade]] = {  # of A, of B
    "win": ("preferred", "not preferred"),
    "lose": ("not preferred", "preferred"),
    "tie": ("tied", "tied"),
    "unscored": ("unjudged", "unjudged"),
}


def duel_replies(pairwise: Pairwise, benchmark: str) -> Iterator[tuple[Item, Reply, Reply]]:
    """What was asked, and the answers of A and of B."""
    for duel in pairwise.artifact.rows("duels", Duel):
        item = Item(duel.id, benchmark, duel.group, clipped_text(duel.question), "")
        a, b = PREFERRED[duel.outcome]
        note = _note(pairwise, duel)
        yield (
            item,
            Reply(a, clipped_text(duel.answer_a), None, f"{duel.id}, A", note=note),
            Reply(b, clipped_text(duel.answer_b), None, f"{duel.id}, B", note=note),
        )


def _note(pairwise: Pairwise, duel: Duel) -> str:
    if duel.reason and duel.outcome != "unscored":
        return duel.reason
    words: dict[Preferred, str] = {"a": f"preferred {pairwise.a}", "b": f"preferred {pairwise.b}", "tie": "a tie", "unread": "not read"}
    orders = f"{pairwise.a} first: {words[duel.a_first]}; {pairwise.b} first: {words[duel.b_first]}"
    return f"{orders}; said: {duel.reason}" if duel.reason else orders
