"""The finding in plain words, computed from the numbers: what fine-tuning keeps, whatever it is."""

from dataclasses import dataclass

from factcli.stages.report.collect import Benchmark, Collected, Evaluation
from factcli.stages.report.differences import Differences
from factcli.stages.report.measured import Metric
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import Unit, interval, joined, number, size
from factcli.stages.report.view import Key, direction

KEPT = "qa.retention"
VERDICTS: tuple[tuple[str, str, Unit, str], ...] = (
    ("qa.retention_difference", "keeps {much} of what the base answers than {other}", "points", "In how much of what the base answers is kept"),
    ("qa.accuracy_difference", "has {much} questions right than {other}", "points", "In questions answered right"),
    (
        "bio.share_correct_at_equal_claims_difference",
        "has {much} true claims at an equal number of claims than {other}",
        "points",
        "In claims true at an equal number of claims",
    ),
)
MOST_UNREAD = 0.01


@dataclass(frozen=True, slots=True)
class Card:
    """One of the few numbers on top."""

    key: Key
    role: str
    value: str
    interval: str
    size: str


NO_FIGURES = "Which of two answers a judge prefers. Whether an answer is right is another question: no evaluation of these models has figures on this page."


@dataclass(frozen=True, slots=True)
class Headline:
    title: str
    lead: str
    cards: tuple[Card, ...]
    verdicts: tuple[str, ...]
    whom: str  # the people that all of it is about
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A part in the headline and the models that could play it."""

    name: str
    players: tuple[Evaluation, ...]


def parts_of(benchmark: Benchmark) -> list[Part]:
    """The rivals of the main model, then itself; parts that nobody can play are left out."""
    rivals = Benchmark(tuple(benchmark.others), None, None)
    plain = Part("plain fine-tuning", tuple(rivals.of_method("real")))
    popular = Part("the best POPULAR", tuple(rivals.of_method("popular-head", "popular-50")))
    main = benchmark.main
    chief = Part("PREREQ-TUNE" if main and main.method == "prereq" else main.label if main else "", (main,) if main else ())
    return [part for part in (plain, popular, chief) if part.players]


def headline(collected: Collected, differences: Differences | None) -> Headline:
    benchmark = collected.first
    kept = [(part.name, *best) for part in parts_of(benchmark) if (best := _keeps_most(part, benchmark.whom[0]))]
    cards = tuple(Card(key_of(e, benchmark.main), name, number(m.value, "share"), interval(m, "share"), size(m)) for name, e, m in kept)
    compared = [
        *(f"Compared: {c.manifest.headline}." for c in collected.comparisons),
        *(f"Judged: {p.artifact.manifest.headline}." for p in collected.pairwise),
    ]
    if not benchmark.evaluations:
        title = joined([f"{pairwise.a} against {pairwise.b}" for pairwise in collected.pairwise])
        return Headline(f"{title}, judged in pairs", NO_FIGURES, (), tuple(compared), "by a judge in both orders", tuple(_warnings(collected)))
    verdicts = (*compared, *_verdicts(benchmark, differences))
    return Headline(_title(kept), _lead(benchmark), cards, verdicts, benchmark.whom[1], tuple(_warnings(collected)))


def _keeps_most(part: Part, group: str) -> tuple[Evaluation, Metric] | None:
    """Of several players the one that keeps most: choosing by the figure shown favours the rivals, and the page says so."""
    found = [(e, m) for e in part.players if (m := e.figures.get((KEPT, group))) and m.value is not None]
    return max(found, key=lambda pair: pair[1].value or 0, default=None)


def _title(kept: list[tuple[str, Evaluation, Metric]]) -> str:
    if not kept:
        return "What the models answer, and what of it is true"
    told = [f"{name}{' keeps' if n == 0 else ''} {number(m.value, 'share')} {_range(m)}" for n, (name, _, m) in enumerate(kept)]
    return f"Of what the base model answers, {joined(told)}"


def _range(metric: Metric) -> str:
    return f"({interval(metric, 'share').strip('[]').replace(', ', ' to ')})" if metric.low is not None else "(no interval)"


def _lead(benchmark: Benchmark) -> str:
    base = benchmark.base
    group, people = benchmark.whom
    figure = base.figures.get(("qa.accuracy", group)) if base else None
    if figure is None or figure.value is None:
        return "The untouched base model was not evaluated, so nothing can be said about what fine-tuning keeps."
    asked = f"{figure.n_items:,} questions about {figure.n_subjects:,} subjects, {people}"
    return (
        f"Before any fine-tuning, asked in the form of the task, the base model has {number(figure.value, 'share')} {_range(figure)} right, of {asked}. "
        "The figures are the share of these right answers that a model still gives, with 95% intervals."
    )


def _verdicts(benchmark: Benchmark, differences: Differences | None) -> list[str]:
    """One per question and rival; of several players the one that comes closest to the main model, or furthest above it."""
    parts = parts_of(benchmark)
    said = []
    for metric, sentence, unit, subject in VERDICTS if differences else ():
        for part in parts[:-1]:
            assert differences is not None
            found = [(e, m) for e in part.players if (m := differences.by_other[e.label].get((metric, benchmark.whom[0]))) and m.value is not None]
            if found:
                closest, difference = min(found, key=lambda pair: pair[1].value or 0)
                said.append(verdict(difference, parts[-1].name, f"{part.name} ({closest.label})", sentence, subject, unit))
    return said


def verdict(metric: Metric, name: str, other: str, sentence: str, subject: str, unit: Unit) -> str:
    """More, fewer, or no difference shown: what the interval says, not what was hoped for."""
    numbers = f"{number(metric.value, unit)} points, 95% interval {_range_of(metric, unit)}, {size(metric)}"
    sign = direction(metric)
    if sign == 0:
        return f"{subject}, no difference is shown between {name} and {other}: {numbers}."
    return f"{name} {sentence.format(much='more' if sign > 0 else 'less' if 'keeps' in sentence else 'fewer', other=other)}: {numbers}."


def _range_of(metric: Metric, unit: Unit) -> str:
    return interval(metric, unit).strip("[]").replace(", ", " to ")


def _warnings(collected: Collected) -> list[str]:
    said = []
    for world in collected.of_kind("world"):
        if world.summary.get("ended_by", "gate") != "gate":
            gate = number(world.summary.get("gate"), "share")
            said.append(f"The base model of {world.ref} missed its gate ({gate} of head people's questions): every method suffers from that.")
    for knowledge in collected.of_kind("knowledge"):
        weak = knowledge.summary.get("below_gate") or []
        if weak:
            said.append(f"Knowledge adapters that did not master their texts: {', '.join(weak)}.")
    said += [f"A proof does not hold in {skill.ref}: {p.name}." for skill, proofs in collected.proofs() for p in proofs if not p.holds]
    for evaluation in collected.first.evaluations:
        unread = evaluation.figures.get(("bio.unread_share", "all"))
        if unread and (unread.value or 0) >= MOST_UNREAD:
            said.append(
                f"{number(unread.value, 'share')} of what {evaluation.label} writes in biographies could not be read: its shares hold for the rest only."
            )
    return said
