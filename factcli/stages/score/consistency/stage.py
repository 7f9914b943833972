"""`fact score consistency`: the plan, what it would cost, and the work: opinions of the model, pairs compared, questions sorted."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.backends.asking import digests, load_templates
from factcli.backends.filling import counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.consistencyrows import Comparison, QuestionAgreement, QuestionChange
from factcli.judge import calibrating
from factcli.judge.entailers import Named
from factcli.judge.entailment import Entailer
from factcli.progress import Report
from factcli.scorerows import Score
from factcli.stages.score.consistency import changing, finding, reflecting
from factcli.stages.score.consistency.pairs import Wanted, wanted
from factcli.stages.score.consistency.scoring import Said, scored
from factcli.stages.score.consistency.settings import TABLES, ConsistencyConfig
from factcli.stages.score.consistency.sources import Question, Source

REVISION = 2
SOURCE, TYPES = "source", "question types"  # units beside those of questions


def plan(config: ConsistencyConfig, source: Source, who: Answering | None, entailer: Named, name: str | None) -> Plan:
    """Who compares and who reflects stand in the key by what they are, not by how they are named."""
    pinned = dict(source.pinned) | (digests(load_templates([reflecting.REFLECT])) if who else {})
    model = {"entailer": dict(entailer.identity)} | ({"reflects": dict(who.identity)} if who else {})
    inputs = {**(who.inputs if who else {}), **source.inputs}
    return Plan("score consistency", REVISION, "scores", name or "consistency", config, inputs, TABLES, pinned, model)


def imagined(config: ConsistencyConfig, source: Source, who: Answering) -> Estimate:
    """What asking for opinions would buy."""
    return imagine(who, reflecting.units(source.questions, config, reflecting.asker_of(config, who)))


def n_pairs(config: ConsistencyConfig, source: Source) -> int:
    """Distinct pairs that the entailment model is to judge, as they are taken together."""
    each = (_distinct([pair for question in block for pair in wanted(question, config, source.form)]) for block in _blocks(source.questions, config))
    return sum(map(len, each))


def work(plan: Plan, draft: Draft, source: Source, who: Answering | None, entailer: Named, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, ConsistencyConfig)
    usage: dict[str, Any] = {}
    if who is not None:
        asker = reflecting.asker_of(config, who)
        n_opinions = sum(len(reflecting.reflected_on(question)) for question in source.questions)
        backend = fill(draft, who, reflecting.units(source.questions, config, asker), n_opinions, report, "Asking what the model thinks of its answers")
        usage = usage_of(draft, who, backend)
    usage |= _compare(draft, source, config, entailer, report)
    _sort(draft, source, config)
    return _outcome(draft, source, usage, config.seed)


def _compare(draft: Draft, source: Source, config: ConsistencyConfig, entailer: Named, report: Report) -> dict[str, Any]:
    """Write the scores of every question that has none yet; gives the usage of the entailment model."""
    opinions = {row["answer_id"]: row["value"] for row in draft.rows("reflections")}
    places = {question.id: place for place, question in enumerate(source.questions)}
    todo = [question for question in source.questions if not draft.done(_unit(question))]
    if not todo:
        return {}
    is_kept = _n_wanted(config, source) <= config.most_comparisons
    judge = entailer.open()
    n_judged, seconds = 0, 0.0
    report.begin("Comparing answers", len(source.questions))
    for block in _blocks(todo, config):
        pairs = {question.id: list(wanted(question, config, source.form)) for question in block}
        started = time.monotonic()
        said = _judged(judge, _distinct([pair for own in pairs.values() for pair in own]))
        seconds += time.monotonic() - started
        n_judged += len(said)
        for question in block:
            result = scored(question, config, source.form, said, opinions)
            rows = {"answers": question.answers, "scores": result.scores, "agreement": [result.agreement]}
            draft.write(_unit(question), places[question.id], rows | ({"comparisons": _rows(question, pairs[question.id], said)} if is_kept else {}))
        report.update(places[block[-1].id] + 1, note=f"{n_judged / max(seconds, 1e-9):.0f} pairs/s")
    report.end(f"{n_judged} pairs")
    return {"pairs": n_judged, "pairs_seconds": round(seconds, 3), "pairs_cut": getattr(judge, "n_truncated", 0)}


def _unit(question: Question) -> str:
    return f"question {question.id}"


def _n_wanted(config: ConsistencyConfig, source: Source) -> int:
    return sum(1 for question in source.questions for _ in wanted(question, config, source.form))


def _blocks(questions: Sequence[Question], config: ConsistencyConfig) -> Iterator[Sequence[Question]]:
    return (questions[first : first + config.questions_at_once] for first in range(0, len(questions), config.questions_at_once))


def _distinct(pairs: Sequence[Wanted]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((pair.premise, pair.hypothesis) for pair in pairs))


def _judged(judge: Entailer, distinct: Sequence[tuple[str, str]]) -> Said:
    """None for a pair whose hypothesis does not fit the model: cut, it would be another."""
    fits = {hypothesis: judge.fits(hypothesis) for hypothesis in dict.fromkeys(hypothesis for _, hypothesis in distinct)}
    fitting = [pair for pair in distinct if fits[pair[1]]]
    return dict.fromkeys(distinct) | dict(zip(fitting, judge.judge(fitting), strict=True))


def _rows(question: Question, pairs: Sequence[Wanted], said: Said) -> list[Comparison]:
    found = ((pair, said[pair.premise, pair.hypothesis]) for pair in pairs)
    return [Comparison(pair.id, question.id, pair.of, pair.against, pair.sentence, *answer) for pair, answer in found if answer is not None]


def _sort(draft: Draft, source: Source, config: ConsistencyConfig) -> None:
    """What needs all questions, after them."""
    last = len(source.questions)
    if not draft.done(SOURCE):
        draft.write(SOURCE, -1, {"rejected": source.rejects})
    if not draft.done(TYPES):
        agreement = {row["id"]: QuestionAgreement(**row) for row in draft.rows("agreement")}
        name = finding.deciding_score(config)
        deciding = {row["prompt_id"]: row["value"] for row in draft.rows("scores") if row["of"] == row["prompt_id"] and row["name"] == name}
        found = finding.found(source.questions, agreement, deciding, source.truths, config)
        changed = list(changing.changes(source.before, found.types, {question.id: question.cluster for question in source.questions}))
        draft.write(TYPES, last, {"thresholds": found.thresholds, "question_types": found.types, "changes": changed})
    if source.truths.is_known:
        items = finding.items(source.questions, (Score(**row) for row in draft.rows("scores")), source.truths)
        calibrating.write_calibration(draft, items, config.bins, config.seed, last + 1)


@dataclass(slots=True)
class _Tally:
    """What the summary and the counts say, gathered in one pass over the draft."""

    types: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # of questions that are neither known nor unknown
    unscored: Counter[str] = field(default_factory=Counter)
    of_prompts: dict[str, list[float]] = field(default_factory=dict)  # by score

    @classmethod
    def of(cls, draft: Draft) -> "_Tally":
        tally = cls()
        for rows in draft.journal.in_order():
            for row in rows.get("question_types", ()):
                tally.types[row["type"]] += 1
                tally.reasons[row["reason"]] += bool(row["reason"])
            for row in rows.get("scores", ()):
                if row["value"] is None:
                    tally.unscored[f"{row['name']}: {row['reason']}"] += 1
                elif row["of"] == row["prompt_id"]:
                    tally.of_prompts.setdefault(row["name"], []).append(row["value"])
        return tally


def _outcome(draft: Draft, source: Source, usage: dict[str, Any], seed: int) -> Outcome:
    tally = _Tally.of(draft)
    areas = calibrating.areas_of(draft.rows("calibration"))
    summary = {
        "questions": len(source.questions),
        "form": source.form,
        "types": dict(sorted(tally.types.items())),
        "thresholds": {row["id"]: row["value"] for row in draft.rows("thresholds")},
        "mean": {name: sum(values) / len(values) for name, values in tally.of_prompts.items()},
        **({"auroc": areas} if areas else {}),
        **({"changes": changing.told([QuestionChange(**row) for row in draft.rows("changes")], seed)} if source.before else {}),
    }
    headline = f"{len(source.questions)} questions: " + ", ".join(f"{n} {type}" for type, n in sorted(tally.types.items()))
    reasons = {reason: n for reason, n in sorted(tally.reasons.items()) if n}
    counts = {**counts_of(draft), "unscored": dict(sorted(tally.unscored.items())), "types": reasons, "left_out": dict(source.left_out)}
    return Outcome(headline, summary, counts, usage)
