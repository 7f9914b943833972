"""`fact score pairs --check`: what is wrong with preference pairs that are there, of a file or an artifact. Nothing is left out of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from factcli.answerrows import Pair, PairFinding, PairMeasure
from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.judge.pairlint import EvalItem, Known, LintConfig, Member, lint
from factcli.rows import Reject
from factcli.scorerows import ScoredAnswer

REVISION = 2
TABLES: dict[str, type] = {"findings": PairFinding, "measures": PairMeasure, "rejected": Reject}


@dataclass(frozen=True, slots=True)
class Source:
    """The pairs with what is known of their answers, entries of the file that are none, and what pairs must not hold."""

    pairs: tuple[Pair, ...]
    rejects: tuple[Reject, ...]
    members: Mapping[str, Member]
    against: tuple[EvalItem, ...]
    inputs: Mapping[str, Artifact]
    pinned: Mapping[str, str]  # input file -> sha256


def members_of(scores: Artifact | None) -> dict[str, Member]:
    """What the scores that pairs were made of know of the answers."""
    rows = scores.rows("answers", ScoredAnswer) if scores is not None else ()
    return {answer.id: Member(answer.is_truncated, bool(answer.abstention)) for answer in rows}


def plan(config: LintConfig, source: Source, name: str | None) -> Plan:
    return Plan("score pairs --check", REVISION, "lint", name or "pairs-check", config, source.inputs, TABLES, source.pinned)


def work(plan: Plan, draft: Draft, source: Source) -> Outcome:
    config = plan.config
    assert isinstance(config, LintConfig)
    linted = lint(source.pairs, config, Known(source.members, source.against))
    if not draft.done("lint"):
        draft.write("lint", 0, {"findings": linted.findings, "measures": linted.measures, "rejected": source.rejects})
    counts = linted.counts()
    n_hit = len({finding.pair_id for finding in linted.findings} - {""})
    told = ", ".join(f"{n} {kind}" for kind, n in counts.items()) or "nothing found"
    splits = Counter(pair.split for pair in source.pairs)
    summary: dict[str, Any] = {"pairs": len(source.pairs), "pairs_with_findings": n_hit, "findings": counts}
    summary |= {f"pairs_{split}": n for split, n in sorted(splits.items())} | {one.id: one.value for one in linted.measures}
    return Outcome(f"{len(source.pairs)} pairs checked, {n_hit} with findings: {told}", summary, {"entries_rejected": len(source.rejects)})
