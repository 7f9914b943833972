"""Every question is a unit: judged in both orders, written, and never bought again."""

from collections.abc import Iterator
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.artifact.naming import as_name
from factcli.artifact.read import row_reader
from factcli.backends.asking import Asker, digests, load_templates
from factcli.backends.filling import Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.errors import TooManyFailuresError
from factcli.judgedrows import SAME_WORDS, Duel
from factcli.progress import Report
from factcli.stages.pairwise import figures
from factcli.stages.pairwise.asking import PLAIN, WITH_DOCUMENT, AskDuel
from factcli.stages.pairwise.matching import Documents, Met, Side
from factcli.stages.pairwise.settings import TABLES, PairwiseConfig

REVISION = 1


def plan(config: PairwiseConfig, a: Side, b: Side, documents: Documents, met: Met, who: Answering, name: str | None) -> Plan:
    sides = {"a": a, "b": b}
    answers = {f"{role}_{letter}": one for letter, side in sides.items() for role, one in side.inputs.items()}
    files = {f"{letter} {file}": sha for letter, side in sides.items() for file, sha in side.pinned.items()}
    pinned = {**files, **documents.pinned, **digests(_templates(met))}
    inputs = {**who.inputs, **answers, **documents.inputs}
    return Plan("eval pairwise", REVISION, "comparison", name or as_name(f"pairwise-{a.name}-{b.name}"), config, inputs, TABLES, pinned, who.identity)


def imagined(config: PairwiseConfig, met: Met, who: Answering) -> Estimate:
    """What it would buy."""
    return imagine(who, _units(config, met, who))


def work(plan: Plan, draft: Draft, a: Side, b: Side, met: Met, who: Answering, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, PairwiseConfig)
    backend = fill(draft, who, _units(config, met, who), len(met.meetings), report, "Comparing answers", is_greedy=True)
    usage = usage_of(draft, who, backend)
    duels = list(map(row_reader(Duel), draft.rows("duels")))
    _require_scored(duels, config)
    metrics, tested = figures.figures(duels), figures.signs(duels)
    if not draft.done("figures"):
        draft.write("figures", len(met.meetings), {"items": figures.items(duels), "metrics": metrics})
    judge = who.endpoint.model
    about: dict[str, Any] = {"a": a.name, "b": b.name, "judge": judge, "shown": sorted(_templates(met))}
    counts = {**counts_of(draft), "left_out": dict(met.left_out), SAME_WORDS: sum(duel.reason == SAME_WORDS for duel in duels)}
    return Outcome(figures.headline(metrics, tested, a.name, b.name, judge), {**figures.summary(metrics, tested), **about}, counts, usage)


def _templates(met: Met) -> dict[str, Any]:
    return load_templates(sorted({WITH_DOCUMENT if meeting.document.strip() else PLAIN for meeting in met.meetings}))


def _units(config: PairwiseConfig, met: Met, who: Answering) -> Iterator[Unit]:
    asker = Asker(_templates(met), who.endpoint.model, 0, config.generation.chat, who.adapters)
    for place, meeting in enumerate(met.meetings):
        yield Unit(meeting.a.prompt_id, place, AskDuel(asker, meeting, config))


def _require_scored(duels: list[Duel], config: PairwiseConfig) -> None:
    unread = [duel for duel in duels if duel.outcome == "unscored"]
    if duels and len(unread) > config.max_unscored * len(duels):
        raise TooManyFailuresError(
            f"{len(unread)} of {len(duels)} questions have a verdict that cannot be read, more than the {config.max_unscored:.0%} allowed; "
            f"the first, {unread[0].id}: {unread[0].reason!r}",
            f"another judge; or allow more: --set max_unscored={min(1.0, len(unread) / len(duels) + 0.01):.2f}",
        )
