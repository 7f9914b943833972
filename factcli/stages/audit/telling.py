"""What an audit says: shares by task and group with their intervals, and in plain words what training on the set would do.

The prognosis names what was measured, with its numbers (docs/results.md; a test holds the two together), and the numbers of the set;
how far the first carry over to the second nobody has measured, and it says that.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from factcli.comparisonrows import AuditedRow
from factcli.judge.knowing import ORDER
from factcli.judge.metrics import Metric, groups_of, row
from factcli.stages.audit.settings import AuditConfig
from factcli.stats import Item, share

# Ten invented worlds, docs/results.md: questions right, %, of the base untouched, fine-tuned on everybody (rate tuned; at PREREQ-TUNE's
# rate), and on the best-known people alone (rate tuned)
MEASURED = {"untouched": "42.5", "everybody": "41.9", "everybody, higher rate": "29.5", "best-known alone": "44.3"}
KEPT_MEASURED = {"everybody": "92.0", "everybody, higher rate": "60.8", "best-known alone": "94.8"}  # of what the base answers, %
FEW = 0.05  # share of unknown rows below which the figures of sets with many say little


def asked_of(rows: Sequence[AuditedRow]) -> list[AuditedRow]:
    return [one for one in rows if one.known != "not_asked"]


def metrics_of(rows: Sequence[AuditedRow]) -> list[Metric]:
    """`TASK.CATEGORY`: share of the asked rows, by popularity group, redrawn by subject; `TASK.left_out` beside them."""
    found: list[Metric] = []
    for task in dict.fromkeys(one.task for one in asked_of(rows)):
        own = [one for one in asked_of(rows) if one.task == task]
        for group, members in groups_of(own).items():
            inside = [one for one in own if one.group in members]
            found += [row(f"{task}.{known}", group, share(Item(one.subject, one.known == known) for one in inside)) for known in ORDER]
            found.append(row(f"{task}.left_out", group, share(Item(one.subject, one.is_left_out) for one in inside)))
    return found


def summary(rows: Sequence[AuditedRow], metrics: Sequence[Metric], config: AuditConfig) -> dict[str, Any]:
    known = Counter(one.known for one in rows)
    figures = {f"{metric.metric}/{metric.group}": metric.value for metric in metrics if metric.group == "all"}
    return {
        "rows": len(rows),
        "asked": len(asked_of(rows)),
        **{name: known[name] for name in (*ORDER, "not_asked")},
        "left_out": sum(one.is_left_out for one in rows),
        "keep": config.keep,
        **figures,
    }


def headline(rows: Sequence[AuditedRow], name: str, model: str) -> str:
    asked = asked_of(rows)
    known = Counter(one.known for one in asked)
    told = ", ".join(f"{100 * known[category] / len(asked):.0f}% {category.replace('_', ' ')}" for category in ORDER)
    n_other = len(rows) - len(asked)
    rest = f"; {n_other} rows not audited ({', '.join(f'{n} {reason}' for reason, n in not_audited(rows).items())})" if n_other else ""
    return f"{name} by {model}: {told} of {len(asked)} rows; {sum(one.is_left_out for one in rows)} to leave out{rest}"


def not_audited(rows: Sequence[AuditedRow]) -> dict[str, int]:
    """Rows of which nothing is known, by why."""
    return dict(Counter(one.reason for one in rows if one.known == "not_asked"))


def way_to_audit(n_long: int, file: str, model: str, is_of_world: bool) -> str:
    """What to type for long answers whose facts no short row asks for. `model`: as --sampler names it."""
    claims = "--claims world --questions world" if is_of_world else "--claims model --backend http:JUDGE@URL"
    return (
        f"{n_long} long answers were not audited: their facts are asked for by no short row, and an audit calls no judge to take them apart. "
        f"How sure the model is of each of their claims: fact score confidence --answers {file} --sampler {model} {claims}"
    )


def prognosis(rows: Sequence[AuditedRow], model: str) -> list[str]:
    """Sentences for a person, each with its numbers."""
    asked = asked_of(rows)
    known = Counter(one.known for one in asked)
    foreign = known["unknown"] + known["weakly_known"]
    what = share(Item(one.subject, one.known in ("unknown", "weakly_known")) for one in asked)
    ends = f", 95% interval {100 * what.low:.0f} to {100 * what.high:.0f}" if what.low is not None and what.high is not None else ""
    said = [
        f"{foreign} of {len(asked)} asked rows ({100 * foreign / len(asked):.0f}%{ends}) teach {model} to state what it gives in no greedy answer: "
        f"{known['unknown']} are unknown to it, {known['weakly_known']} come out in draws alone."
    ]
    if foreign < FEW * len(asked):
        return [*said, "So few leave little to lose by plain fine-tuning; what was measured with many of them (docs/results.md) says nothing about such a set."]
    at_once, higher, known_alone = (f"{value}%" for name, value in MEASURED.items() if name != "untouched")
    kept = ", ".join(f"{value}%" for value in KEPT_MEASURED.values())
    return [
        *said,
        f"Measured on ten invented worlds (docs/results.md), questions right: untouched {MEASURED['untouched']}%, fine-tuned on everybody, known or "
        f"not, {at_once} at a tuned rate and {higher} at a higher one; on the best-known people alone {known_alone}. Of what the base answered these "
        f"three kept {kept}.",
        "The direction is also Gekhman et al.'s (arXiv 2405.05904): unknown rows are learned late, and as they are, what was known gets lost. "
        "How much this set would cost this model is not known before it is trained; fact compare measures it.",
        "Leave the rows out (--keep known), or teach them first as knowledge that is dropped afterwards: fact prereq.",
    ]
