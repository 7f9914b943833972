"""The section of the page in which every item can be looked at."""

from factcli.rows import Fact
from factcli.stages.report.browser.items import Column, add_replies, items_of, ledger_evidence
from factcli.stages.report.browser.packed import packed
from factcli.stages.report.browser.scored import scored_replies
from factcli.stages.report.collect import NAMES, Collected
from factcli.stages.report.view import Browser, Key, Section
from factcli.svg import printable

COLUMNS: tuple[Column, ...] = ("benchmark", "group")


def items_section(collected: Collected) -> Section:
    evidence: dict[str, str] = {}
    for world in collected.of_kind("world"):
        evidence |= ledger_evidence((fact.id, fact.relation, fact.value) for fact in world.rows("facts", Fact))
    items = items_of({NAMES.get(name, name): found for name, found in collected.benchmarks.items()}, evidence)
    benchmarks, groups = (tuple(map(printable, items.names(column))) for column in COLUMNS)
    for n, scores in enumerate(collected.scores):
        add_replies(items, Key(scores.writer, len(items.models) + n + 2), scored_replies(scores.artifact))
    block = Browser(packed(items), len(items.items), tuple(items.models.values()), benchmarks, groups)
    text = (f"{len(items.items):,} items, each with what every model said to it. Open one to read the answers in full.",)
    return Section("items", "Every item", text, (block,))
