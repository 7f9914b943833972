"""How the models came about: loss curves, gates and proofs, costs side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from factcli.artifact import Artifact
from factcli.rows import BaseMeasure, CurvePoint, KnowledgeAdapter, Proof
from factcli.stages.report.charts import Axis, Line, lines_chart
from factcli.stages.report.collect import Benchmark, Collected
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import NONE, clipped, interval, number, seconds_in_words
from factcli.stages.report.trained import asked_as
from factcli.stages.report.view import Block, Cell, Key, Plot, Section, Table, TableRow, numbers, plain, table_row
from factcli.train.memory import in_gb

Curve = list[CurvePoint]


def curves_section(collected: Collected) -> Section:
    asked = [e for e in collected.first.evaluations if e.skill and asked_as(e.artifact) == "task"]
    skills = [(e.label, e.skill, e.series) for e in asked if e.skill]
    parts: list[tuple[str, dict[str, Curve], list[int]]] = []
    for world in collected.of_kind("world"):
        parts.append(("Pre-training of the base model", _curves(world), [0]))
    for knowledge in collected.of_kind("knowledge"):
        curves = _curves(knowledge)
        parts.append((f"Knowledge adapters ({knowledge.ref})", curves, list(range(len(curves)))))
    runs = {label: next(iter(_curves(skill).values()), []) for label, skill, _ in skills}
    parts.append(("Skill adapters, one run per method", runs, [series for _, _, series in skills]))
    blocks = [block for title, curves, marks in parts for block in _curve_blocks(title, curves, marks)]
    if not blocks:
        return Section("curves", "Loss curves", missing="The lineage holds no training run.")
    text = (
        "Training loss in nats per token, as logged: every step of a mixed batch, not smoothed. Losses of different texts cannot be compared with each other.",
    )
    return Section("curves", "Loss curves", text, tuple(blocks))


def _curves(artifact: Artifact) -> dict[str, Curve]:
    found: dict[str, Curve] = {}
    if "curve" in artifact.manifest.tables:
        for point in artifact.rows("curve", CurvePoint):
            found.setdefault(point.adapter, []).append(point)
    return found


def _curve_blocks(title: str, curves: Mapping[str, Curve], marks: Sequence[int]) -> list[Block]:
    drawn = [(Key(name, series, is_line=True), curve) for (name, curve), series in zip(curves.items(), marks, strict=False) if curve]
    if not drawn:
        return []
    lines = [Line(key, tuple((float(p.step), p.loss, None, None) for p in curve), has_marks=False) for key, curve in drawn]
    last = max(p.step for _, curve in drawn for p in curve)
    highest = max(p.loss for _, curve in drawn for p in curve)
    panel = lines_chart(f"{title}: loss", lines, Axis(0, last * 1.02 + 1, "count", "optimizer step"), Axis(0, highest * 1.05 + 1e-9, "score"))
    rows = tuple(table_row(Key(key.label, key.series), numbers(_ends(curve))) for key, curve in drawn)
    return [
        Plot(title, (panel,), tuple(key for key, _ in drawn), is_wide=True),
        Table(f"{title}, as numbers.", ("Run", "last step", "first loss", "lowest", "last loss"), rows),
    ]


def _ends(curve: Curve) -> list[str]:
    return [f"{curve[-1].step:,}", f"{curve[0].loss:.3f}", f"{min(point.loss for point in curve):.3f}", f"{curve[-1].loss:.3f}"]


def gates_section(collected: Collected) -> Section:
    blocks: list[Block] = []
    for world in collected.of_kind("world"):
        blocks += _base_table(world)
    for knowledge in collected.of_kind("knowledge"):
        blocks += _recitation_table(knowledge)
    rows = [_proof_row(skill, proof) for skill, proofs in collected.proofs() for proof in proofs]
    if rows:
        blocks.append(Table("Proofs: shown about each skill run while it ran; one that fails ends the run.", ("Run", "Claim", "Holds", "Numbers"), tuple(rows)))
    if not blocks:
        return Section("gates", "Gates and proofs", missing="The lineage holds neither a world nor a training run.")
    return Section("gates", "Gates and proofs", blocks=tuple(blocks))


def _proof_row(skill: Artifact, proof: Proof) -> TableRow:
    return Cell(skill.ref), Cell(proof.name), _holds(proof.holds), Cell(clipped(proof.numbers, 160), tone="muted")


def _holds(holds: bool) -> Cell:
    return Cell("✓ yes", tone="good") if holds else Cell("✗ no", tone="bad")


def _base_table(world: Artifact) -> list[Block]:
    measured = list(world.rows("base", BaseMeasure)) if "base" in world.manifest.tables else []
    if not measured:
        return []
    gate, ended = world.summary.get("gate"), world.summary.get("ended_by")
    said = "the gate held" if ended == "gate" else "the gate was missed: compare methods with care, all of them suffer"
    measured_gate = f"gate: {number(gate, 'share')} of head people's questions, zero-shot in the task's form; {said}"
    caption = f"What the untouched base of {world.ref} knows; {measured_gate}. Intervals: Wilson, by facts."
    rows = tuple(
        (
            Cell({"question": "question in the task's form", "cloze": "statement to end"}.get(m.probe, m.probe)),
            Cell(m.group),
            Cell("stated" if m.is_pretrained else "never stated"),
            _wilson(m.accuracy, m.n),
        )
        for m in measured
    )
    return [Table(caption, ("Asked by", "people", "in pre-training texts", "right"), rows)]


def _recitation_table(knowledge: Artifact) -> list[Block]:
    adapters = list(knowledge.rows("adapters", KnowledgeAdapter))
    gate = knowledge.manifest.config.get("recite_gate", 0.95)
    rows = tuple(
        (Cell(a.name), *numbers([f"{a.texts:,}", f"{a.epochs}", f"{a.steps:,}"]), _wilson(a.recited, a.recite_sample), _mastered(a.recited >= gate))
        for a in adapters
    )
    caption = (
        f"Recitation: share of sampled texts that each knowledge adapter of {knowledge.ref} can say by heart; gate {gate:.0%}. Intervals: Wilson, by texts."
    )
    return [Table(caption, ("Adapter", "texts", "epochs", "steps", "recited", "at the gate?"), rows)] if rows else []


def _mastered(holds: bool) -> Cell:
    return Cell("✓ yes", tone="good") if holds else Cell("✗ below", tone="bad")


def _wilson(share: float, n: int) -> Cell:
    from scipy.stats import binomtest

    if n == 0:
        return Cell(NONE, size="n = 0", tone="muted", is_number=True)
    ends = binomtest(round(share * n), n).proportion_ci(method="wilson")
    metric = Metric("", "", share, float(ends.low), float(ends.high), n, n)
    return Cell(number(share, "share"), interval(metric, "share"), f"n = {n:,}", is_number=True)


def costs_section(collected: Collected, shows_clock: bool) -> Section:
    """What training took, by method; then everything that each version took, and what was asked of a language model for it."""
    clock = ("training time",) if shows_clock else ()
    columns = ("Method", "skill steps", "rows", "subjects", "learning rate", "skill tokens", "knowledge tokens", "tokens in all", *clock)
    rows = _method_rows(collected.first, collected.parents, shows_clock)
    text = (
        "Tokens that passed forwards and backwards on the one base, so compute is in proportion to them. Knowledge adapters are shared by every run "
        "that uses them; their cost is counted in full for each. Rows on invented people cost nobody anything to collect.",
    )
    blocks: list[Block] = [Table("Costs by method, side by side.", columns, rows)] if rows else []
    stage_clock = ("training or answering", "whole command", "tokens/s", "share of peak", "peak memory") if shows_clock else ()
    stage_columns = ("Version", "command", "tokens trained on", "requests", "tokens read", "tokens written", "money", *stage_clock)
    blocks.append(
        Table("Costs by version. Requests count every answer that it stands on, whenever that was bought.", stage_columns, _stage_rows(collected, shows_clock))
    )
    return Section("costs", "Costs", text if rows else (), tuple(blocks))


def _method_rows(benchmark: Benchmark, parents: Mapping[str, tuple[Artifact, ...]], shows_clock: bool) -> tuple[TableRow, ...]:
    rows: list[TableRow] = []
    for evaluation in benchmark.evaluations:
        skill = evaluation.skill
        if skill is None or asked_as(evaluation.artifact) != "task":
            continue
        knowledge = next((p for p in parents[skill.ref] if p.kind == "knowledge"), None)
        own, taught = skill.manifest.usage, knowledge.manifest.usage if knowledge else {}
        tokens, learned = own.get("tokens"), taught.get("tokens", 0)
        counted = [*(skill.summary.get(name) for name in ("steps", "rows", "subjects")), skill.manifest.config.get("lr"), tokens, learned]
        cells = [*(_count(value) for value in counted), _count(None if tokens is None else tokens + learned)]
        clock = [_duration(own, taught)] if shows_clock else []
        rows.append((Key(evaluation.label, evaluation.series, is_main=evaluation is benchmark.main), *numbers([*cells, *clock])))
    return tuple(rows)


def _count(value: float | int | None) -> str:
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _duration(skill: Mapping[str, float], knowledge: Mapping[str, float]) -> str:
    if "seconds" not in skill:
        return NONE
    return seconds_in_words(skill["seconds"] + knowledge.get("seconds", 0))


def _stage_rows(collected: Collected, shows_clock: bool) -> tuple[TableRow, ...]:
    rows = [_stage_row(artifact, shows_clock) for artifact in collected.lineage]
    money = sum(_asked(a).get("cost") or 0 for a in collected.lineage)
    seconds = sum(a.manifest.seconds for a in collected.lineage)
    clock = ["", seconds_in_words(seconds), "", "", ""] if shows_clock else []
    return (*rows, (Cell("all"), Cell(""), *numbers(["", "", "", "", f"{money:,.2f}", *clock])))


def _asked(artifact: Artifact) -> Mapping[str, Any]:
    """What was asked of a language model: all answers that it stands on; nothing for most."""
    usage = artifact.manifest.usage
    found = usage.get("all_answers", usage if "requests" in usage else {})
    return found if isinstance(found, Mapping) else {}


def _stage_row(artifact: Artifact, shows_clock: bool) -> tuple[Cell, ...]:
    usage, asked = artifact.manifest.usage, _asked(artifact)
    counts = [_count(usage.get("tokens")), *(_count(asked.get(name)) for name in ("requests", "tokens_in", "tokens_out"))]
    money = NONE if asked.get("cost") is None else f"{asked['cost']:,.2f}"
    clock = _clock_of(artifact) if shows_clock else []
    return (*plain(artifact.ref, f"fact {artifact.manifest.stage}"), *numbers([*counts, money, *clock]))


def _clock_of(artifact: Artifact) -> list[str]:
    """Time, speed and memory: what another machine would not repeat."""
    usage = artifact.manifest.usage
    trained = NONE if "seconds" not in usage else seconds_in_words(usage["seconds"])
    share = NONE if "share_of_peak" not in usage else f"{100 * usage['share_of_peak']:.1f}%"
    memory = NONE if "peak_memory_bytes" not in usage else in_gb(usage["peak_memory_bytes"])
    return [trained, seconds_in_words(artifact.manifest.seconds), _count(usage.get("tokens_per_s")), share, memory]
