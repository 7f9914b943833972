"""A few answers word by word, each claim marked by what the ledger says of it."""

import hashlib
from collections.abc import Mapping, Sequence

from factcli.rows import Answer, Claim, Fact
from factcli.stages.report.collect import Benchmark, Collected
from factcli.stages.report.methods import keys
from factcli.stages.report.view import Key, Said, Sample, Samples, Section, Span

TITLE = "What the models say, claim by claim"
GRADES = {"right": "true", "wrong": "false", "abstained": ""}


def samples_section(collected: Collected, n_subjects: int, seed: int) -> Section:
    benchmark = collected.first
    subjects = draw_subjects(benchmark, n_subjects, seed)
    if not subjects:
        return Section("samples", TITLE, missing="No samples were asked for (--set samples=4).")
    values = {fact.id: fact.value for world in collected.of_kind("world") for fact in world.rows("facts", Fact)}
    items = tuple(sample for subject in subjects for sample in _samples_of(benchmark, subject, values))
    text = (
        f"{len(subjects)} people drawn by a hash of their ids (seed {seed}), one popularity group after the other; nobody picked them. "
        "✓ true by the ledger, ✗ false (the true value stands behind it), ? not read or not judged, ↺ said before. Colour only repeats the sign.",
        "`fact trace ID` shows an answer's whole life.",
    )
    return Section("samples", TITLE, text, (Samples(items),))


def draw_subjects(benchmark: Benchmark, n: int, seed: int) -> list[str]:
    """The same subjects for the same seed, whatever the order of rows: popularity groups take turns."""
    first = benchmark.base or benchmark.evaluations[0]
    group_of = {a.subject: a.group for a in [*first.results.questions, *first.results.biographies]}
    pools = [sorted((s for s, g in group_of.items() if g == group), key=lambda s: _draw(seed, s)) for group in dict.fromkeys(group_of.values())]
    order = {group: place for place, group in enumerate(benchmark.groups("qa.accuracy") or benchmark.groups("bio.share_correct"))}
    pools.sort(key=lambda pool: order.get(group_of[pool[0]], len(order)))
    turns = [pool[turn] for turn in range(max(map(len, pools), default=0)) for pool in pools if turn < len(pool)]
    return turns[:n]


def _draw(seed: int, subject: str) -> str:
    return hashlib.sha256(f"{seed}:{subject}".encode()).hexdigest()


def _samples_of(benchmark: Benchmark, subject: str, values: Mapping[str, str]) -> list[Sample]:
    """The subject's biography and one question, as far as there are any."""
    found = [_biographies(benchmark, subject, values), _questions(benchmark, subject)]
    return [sample for sample in found if sample]


def _biographies(benchmark: Benchmark, subject: str, values: Mapping[str, str]) -> Sample | None:
    said: list[Said] = []
    asked: Answer | None = None
    for evaluation in benchmark.evaluations:
        for answer in (a for a in evaluation.results.biographies if a.subject == subject):
            asked = asked or answer
            claims = [claim for claim in evaluation.results.claims if claim.answer_id == answer.id]
            said.append(Said(keys(benchmark)[evaluation.label], spans_of(answer, claims, values), _tally(claims), answer.id))
    return Sample(asked.question, f"{asked.group} · {subject}", "", tuple(said)) if asked else None


def spans_of(answer: Answer, claims: Sequence[Claim], values: Mapping[str, str]) -> tuple[Span, ...]:
    """The whole answer in stretches, each inside a claim or between two. Stretches that overlap an earlier one are cut."""
    spans: list[Span] = []
    at = 0
    for claim in sorted(claims, key=lambda c: (c.start, c.end)):
        start, end = max(claim.start, at), min(claim.end, len(answer.text))
        if end <= start:
            continue
        if start > at:
            spans.append(Span(answer.text[at:start]))
        spans.append(_span(claim, answer.text[start:end], values))
        at = end
    return (*spans, Span(answer.text[at:])) if at < len(answer.text) else tuple(spans)


def _span(claim: Claim, text: str, values: Mapping[str, str]) -> Span:
    if claim.verdict == "supported":
        return Span(text, "true")
    if claim.verdict == "unsupported":
        return Span(text, "false", values.get(claim.evidence, ""))
    return Span(text, "repeated" if claim.verdict == "irrelevant" else "unread")


def _tally(claims: Sequence[Claim]) -> str:
    n_true = sum(claim.verdict == "supported" for claim in claims)
    n_judged = n_true + sum(claim.verdict == "unsupported" for claim in claims)
    return f"{n_true} of {n_judged} true" if n_judged else "no claim"


def _questions(benchmark: Benchmark, subject: str) -> Sample | None:
    """The subject's first question by id, answered by every model that was asked it."""
    asked = sorted({a.question_id for e in benchmark.evaluations for a in e.results.questions if a.subject == subject})
    if not asked:
        return None
    said = [(keys(benchmark)[e.label], a) for e in benchmark.evaluations for a in e.results.questions if a.question_id == asked[0]]
    first = said[0][1]
    truth = " / ".join(first.answers[:3])
    return Sample(first.question, f"{first.group} · {subject}", truth, tuple(_answer(key, answer) for key, answer in said))


def _answer(key: Key, answer: Answer) -> Said:
    verdict = GRADES.get(answer.grade or "", "")
    span = Span(answer.text or "(nothing)", "true" if verdict == "true" else "false" if verdict == "false" else "")
    return Said(key, (span,), answer.grade or "", answer.id)
