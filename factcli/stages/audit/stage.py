"""Every short row asked, long rows judged by their facts, and all that was not asked counted with its reason."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.artifact.read import row_reader
from factcli.backends.filling import counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.backends.probing import needs_of
from factcli.comparisonrows import AuditedRow
from factcli.judge.knowing import KEPT, known_of
from factcli.progress import Report
from factcli.rows import Chat
from factcli.stages.audit import telling
from factcli.stages.audit.asking import units
from factcli.stages.audit.rows import LONG, Source
from factcli.stages.audit.settings import TABLES, UNAUDITED, AuditConfig

REVISION = 2


def plan(config: AuditConfig, source: Source, who: Answering, name: str | None) -> Plan:
    own = {"synth": source.artifact} if source.artifact is not None else {}
    return Plan("audit", REVISION, "audit", name or "audit", config, {**who.inputs, **own}, TABLES, source.pinned, who.identity)


def imagined(config: AuditConfig, source: Source, who: Answering) -> Estimate:
    """What it would buy."""
    return imagine(who, units(config, source, who))


def work(plan: Plan, draft: Draft, source: Source, who: Answering, report: Report) -> Outcome:
    """A row is a unit; those that were asked before an interruption are kept."""
    config = plan.config
    assert isinstance(config, AuditConfig)
    needs = needs_of([0.0, *([config.temperature] if config.samples else [])])
    n_short = len(source.short)
    backend = fill(draft, who, units(config, source, who), n_short, report, "Asking what is known", needs, is_greedy=not config.samples)
    rows = _rows_of(draft)
    if not draft.done("long"):
        judged = _long_rows(source, rows, config)
        unknown = {row.id for row in judged if row.known == "not_asked"}
        unaudited = [chat for chat in source.long if chat.id in unknown]
        draft.write("long", n_short, {"rows": [*judged, *_not_asked(source)], UNAUDITED: unaudited, "rejected": source.rejects})
        rows = _rows_of(draft)
    metrics = telling.metrics_of(rows)
    if not draft.done("metrics"):
        draft.write("metrics", n_short + 1, {"metrics": metrics})
    model = who.endpoint.model
    said = {"prognosis": telling.prognosis(rows, model), "not_audited": telling.not_audited(rows)}
    summary: dict[str, Any] = {**telling.summary(rows, metrics, config), "model": model, **said}
    counts = {**counts_of(draft), "not_asked": dict(Counter(row.reason for row in rows if row.known == "not_asked"))}
    return Outcome(telling.headline(rows, source.name, model), summary, counts, usage_of(draft, who, backend))


def _rows_of(draft: Draft) -> list[AuditedRow]:
    build = row_reader(AuditedRow)
    return [build(row) for row in draft.rows("rows")]


def _long_rows(source: Source, asked: Sequence[AuditedRow], config: AuditConfig) -> list[AuditedRow]:
    """A long answer tells facts, and is known as far as they are: shares are means over those of its facts that short rows ask for."""
    facts_of_row = {chat.id: chat.fact_ids[0] for chat in source.short if len(chat.fact_ids) == 1}
    by_fact: dict[str, list[AuditedRow]] = defaultdict(list)
    for row in asked:
        if row.id in facts_of_row:
            by_fact[facts_of_row[row.id]].append(row)
    return [_long_row(chat, by_fact, config) for chat in source.long]


def _long_row(chat: Chat, by_fact: Mapping[str, Sequence[AuditedRow]], config: AuditConfig) -> AuditedRow:
    known = [by_fact[fact] for fact in chat.fact_ids if by_fact.get(fact)]
    about = (chat.id, chat.task, chat.subject, chat.group, chat.question, chat.answer)
    if not known:
        return AuditedRow(*about, "not_asked", None, None, "", chat.fictitious, False, LONG, 0)
    greedy = fmean(fmean(row.share_greedy or 0.0 for row in rows) for rows in known)
    sampled = fmean(fmean(row.share_sampled or 0.0 for row in rows) for rows in known)
    n_kept = sum(any(row.known in KEPT[config.keep] for row in rows) for rows in known)
    is_left_out = n_kept / len(known) < config.least_share
    reason = f"{n_kept} of its {len(known)} facts that were asked for are {config.keep}" if is_left_out else ""
    n_asked = sum(row.n_asked for rows in known for row in rows)
    return AuditedRow(*about, known_of(greedy, sampled), greedy, sampled, "", chat.fictitious, is_left_out, reason, n_asked)


def _not_asked(source: Source) -> list[AuditedRow]:
    """Kept, for nothing is known against them; with the reason why."""
    left = [chat for chat in source.chats if chat.id in source.left_out]
    return [
        AuditedRow(
            chat.id,
            chat.task,
            chat.subject,
            chat.group,
            chat.question,
            chat.answer,
            "not_asked",
            None,
            None,
            "",
            chat.fictitious,
            False,
            source.left_out[chat.id],
            0,
        )
        for chat in left
    ]
