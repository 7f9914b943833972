"""The section of the page in which every item can be looked at."""

from factcli.rows import Fact
from factcli.stages.report.browser.duels import duel_replies
from factcli.stages.report.browser.items import Column, Items, add_replies, items_of, ledger_evidence
from factcli.stages.report.browser.packed import packed
from factcli.stages.report.browser.scored import scored_replies
from factcli.stages.report.collect import NAMES, Collected, Pairwise
from factcli.stages.report.view import Browser, Key, Section
from factcli.svg import printable

COLUMNS: tuple[Column, ...] = ("benchmark", "group")


def items_section(collected: Collected) -> Section:
    evidence: dict[str, str] = {}
    for world in collected.of_kind("world"):
        evidence |= ledger_evidence((fact.id, fact.relation, fact.value) for fact in world.rows("facts", Fact))
    items = items_of({NAMES.get(name, name): found for name, found in collected.benchmarks.items()}, evidence)
    for n, scores in enumerate(collected.scores):
        add_replies(items, Key(scores.writer, len(items.models) + n + 2), scored_replies(scores.artifact))
    for n, pairwise in enumerate(collected.pairwise, 1):
        _add_duels(items, pairwise, "judged in pairs" + (f" ({n})" if len(collected.pairwise) > 1 else ""))
    benchmarks, groups = (tuple(map(printable, items.names(column))) for column in COLUMNS)
    block = Browser(packed(items), len(items.items), tuple(items.models.values()), benchmarks, groups)
    text = (f"{len(items.items):,} items, each with what every model said to it. Open one to read the answers in full.",)
    return Section("items", "Every item", text, (block,))


def _add_duels(items: Items, pairwise: Pairwise, benchmark: str) -> None:
    duels = list(duel_replies(pairwise, benchmark))
    for place, label in enumerate((pairwise.a, pairwise.b), 1):
        key = items.models.get(label) or Key(label, len(items.models) + 2)
        add_replies(items, key, [(duel[0], duel[place]) for duel in duels])  # type: ignore[misc]  # 1 or 2: a Reply
