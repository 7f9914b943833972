"""How models learned from preferences: pairs told right, margin and distance from the reference, by step; GRATH's rounds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from factcli.artifact import Artifact
from factcli.judge.names import METHODS
from factcli.preferencerows import PreferenceStep, Round
from factcli.rows import Proof
from factcli.stages.report.charts import Axis, Line, lines_chart
from factcli.stages.report.collect import Collected, Evaluation
from factcli.stages.report.text import NONE, clipped, joined, number
from factcli.stages.report.trained import method_of
from factcli.stages.report.view import Block, Cell, Key, Plot, Section, Table, TableRow, numbers, plain

STEPS, ROUNDS = "steps", "rounds"
CERTIFIED = ("reference", "first loss")  # in the names of the proofs that make up the certificate
TEXT = (
    "A pair is told right where the model's log-probability, less the reference's, is higher for the preferred answer. The margin is beta times that "
    "difference; KL is estimated from the two answers of each pair, in nats per answer. A model that starts as its own reference begins at 0 in both, so its "
    "first loss is ln 2, plus what is added to it."
)
ENDS = "At the end of training: means over the pairs of the last step, and over all dev pairs at the last evaluation where it says so."
PAIR_FORM = (
    "A tiny model cannot follow a few-shot prompt. So that GRATH can ask it for a right and a wrong answer, the form of such a pair was part of what it was "
    "fine-tuned on; what is in the pairs of a round is its own."
)


@dataclass(frozen=True, slots=True)
class Run:
    """One training on preferences and its steps."""

    key: Key
    artifact: Artifact
    train: Sequence[PreferenceStep]
    dev: Sequence[PreferenceStep]


def preferences_section(collected: Collected) -> Section | None:
    """None where nothing on the page learned from preferences."""
    shown = {e.skill.ref: e for e in collected.first.evaluations if e.skill}
    runs = [_run(a, shown.get(a.ref), place) for place, a in enumerate(_with_table(collected, STEPS))]
    loops = _with_table(collected, ROUNDS)
    blocks = [*_curves([run for run in runs if run.train]), *_ends(runs), *(block for loop in loops for block in _rounds(loop, shown.get(loop.ref)))]
    if not blocks:
        return None
    text = (TEXT, PAIR_FORM) if any(method_of(a).startswith("grath") for a in (*loops, *(run.artifact for run in runs))) else (TEXT,)
    return Section("preferences", "Training on preferences", text, tuple(blocks))


def _with_table(collected: Collected, table: str) -> list[Artifact]:
    return [a for a in collected.lineage if a.kind in ("skill", "model") and table in a.manifest.tables]


def _run(artifact: Artifact, evaluation: Evaluation | None, place: int) -> Run:
    """A run that is on the page under a name has its mark; others, such as the rounds of a loop, the next ones."""
    steps = list(artifact.rows(STEPS, PreferenceStep))
    key = Key(evaluation.label, evaluation.series) if evaluation else Key(f"{METHODS.get(method_of(artifact), artifact.name)} ({artifact.ref})", place + 2)
    return Run(key, artifact, [row for row in steps if row.split == "train"], [row for row in steps if row.split == "dev"])


def _curves(runs: Sequence[Run]) -> list[Block]:
    if not runs:
        return []
    last = max(run.train[-1].step for run in runs)
    across = Axis(0, last * 1.02 + 1, "count", "optimizer step")
    margins = [row.margin for run in runs for row in run.train]
    kl = [row.kl for run in runs for row in run.train]
    panels = (
        _panel("Pairs told right", runs, "accuracy", across, Axis(0, 1, "share")),
        _panel("Margin of rewards", runs, "margin", across, Axis(min(0.0, *margins), max(margins) * 1.05 + 1e-9, "score")),
        _panel("KL from the reference, nats per answer", runs, "kl", across, Axis(min(0.0, *kl), max(kl) * 1.05 + 1e-9, "score")),
    )
    legend = tuple(replace(run.key, is_line=True) for run in runs)
    captions = ("Share of each step's pairs told right", "Margin of rewards by step", "Distance from the reference by step")
    return [Plot(f"{caption}.", (panel,), legend, is_wide=True) for caption, panel in zip(captions, panels, strict=True)]


def _panel(title: str, runs: Sequence[Run], figure: str, across: Axis, up: Axis) -> str:
    lines = [
        Line(replace(run.key, is_line=True), tuple((float(row.step), getattr(row, figure), None, None) for row in run.train), has_marks=False) for run in runs
    ]
    return lines_chart(title, lines, across, up)


def _ends(runs: Sequence[Run]) -> list[Block]:
    if not runs:
        return []
    columns = ("Run", "pairs", "steps", "first loss", "pairs told right, last step", "the same, dev pairs", "margin", "KL", "reference")
    rows = tuple(_end_row(run) for run in runs)
    certified = tuple(row for run in runs for row in _certificate(run))
    blocks: list[Block] = [Table(ENDS, columns, rows)]
    if certified:
        blocks.append(Table("The reference: what was proved of it before the first step and after the last.", ("Run", "Claim", "Holds", "Numbers"), certified))
    return blocks


def _end_row(run: Run) -> TableRow:
    reference = _reference(run.artifact)
    if not run.train:
        return (run.key, *numbers([NONE] * 7), Cell(reference))
    first, last = run.train[0], run.train[-1]
    dev = number(run.dev[-1].accuracy, "share") if run.dev else NONE
    pairs = run.artifact.summary.get("pairs", run.artifact.summary.get("rows"))
    shown = [f"{pairs:,}" if isinstance(pairs, int) else NONE, f"{last.step:,}", f"{first.loss:.4f}", number(last.accuracy, "share"), dev]
    return (run.key, *numbers([*shown, f"{last.margin:.3f}", f"{last.kl:.3f}"]), Cell(clipped(reference, 60)))


def _reference(artifact: Artifact) -> str:
    found = artifact.summary.get("reference", NONE)
    return f"{found.get('name', NONE)} ({found.get('is', '')})" if isinstance(found, dict) else str(found)


def _certificate(run: Run) -> list[TableRow]:
    if "proofs" not in run.artifact.manifest.tables:
        return []
    proofs = [proof for proof in run.artifact.rows("proofs", Proof) if any(word in proof.name for word in CERTIFIED)]
    return [
        (run.key, Cell(p.name), Cell("✓ yes", tone="good") if p.holds else Cell("✗ no", tone="bad"), Cell(clipped(p.numbers, 160), tone="muted"))
        for p in proofs
    ]


def _rounds(loop: Artifact, evaluation: Evaluation | None) -> list[Block]:
    """A loop's table, and its dev figures by round."""
    rounds = list(loop.rows(ROUNDS, Round))
    if not rounds:
        return []
    name = evaluation.label if evaluation else loop.ref
    columns = ("Round", "from", "reference", "pairs", "new right answers", "dev questions right", "held-out pairs told right", "KL", "tokens", "kept")
    rejected = joined([f"round {row.round}: {row.reason}" for row in rounds if not row.accepted])
    told = f"{name} by round. {f'Rejected and rolled back: {rejected}.' if rejected else 'No round was rejected.'}"
    return [*_round_plot(name, rounds), Table(told, columns, tuple(_round_row(row) for row in rounds))]


def _round_row(row: Round) -> TableRow:
    figures = [f"{row.pairs:,}", f"{row.new_correct:,}", number(row.dev_accuracy, "share"), number(row.dev_pair_accuracy, "share")]
    kept = Cell("✓ yes", tone="good") if row.accepted else Cell("✗ no", note=row.reason, tone="bad")
    return (*plain(str(row.round), row.start, row.reference), *numbers([*figures, _score(row.kl), _score(row.mean_tokens)]), kept)


def _round_plot(name: str, rounds: Sequence[Round]) -> list[Block]:
    figures = (("dev questions right", "dev_accuracy", 1), ("held-out pairs told right", "dev_pair_accuracy", 2))
    points = {
        label: tuple((float(row.round), value, None, None) for row in rounds if (value := getattr(row, field)) is not None) for label, field, _ in figures
    }
    lines = [Line(Key(label, series, is_line=True), points[label]) for label, _, series in figures if points[label]]
    if not lines:
        return []
    panel = lines_chart(f"{name} by round", lines, Axis(-0.2, len(rounds) - 0.8, "count", "round"), Axis(0, 1, "share"))
    return [Plot(f"{name} by round.", (panel,), tuple(line.key for line in lines), is_wide=True)]


def _score(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"
