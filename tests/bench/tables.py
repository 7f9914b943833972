"""What effect.py made, as Markdown tables: figures of every seed, differences with intervals, swap, and cost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import safe_open

from factcli.artifact import Artifact, open_artifact
from factcli.judge.compare import (
    Results,
    accuracy_difference,
    equal_claims_difference,
    kept_items,
    number_correct_difference,
    retention_difference,
    right_questions,
)
from factcli.judge.metrics import Metric
from factcli.rows import Chat, KnowledgeAdapter, MemorisationRow, SwapRow
from factcli.stages.eval.on_world import read_results
from factcli.stages.sft import SftConfig, choose_rows
from factcli.stats import Bootstrap, Estimate, bootstrap_ratio, equal_signs, seed_subject_bootstrap
from tests.bench.effect import seed_folder
from tests.bench.protocol import Protocol, trial_name

SEEN = ("head", "mid", "tail")  # people that pre-training mentions: the others can't be known
MINE = "prereq"
Difference = Callable[[Results, Results, Results], Bootstrap]  # PREREQ-TUNE, rival, base


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric of an evaluation and how it is printed."""

    metric: str
    label: str
    scale: int = 100


FIGURES = (
    Figure("qa.accuracy", "Questions right, % of all facts of head, mid and tail people"),
    Figure("qa.retention", "Kept of what the base answers, %"),
    Figure("qa.extraction", "Newly answered of what the base does not, %"),
    Figure("bio.share_correct", "Claims in biographies that are true, %"),
    Figure("bio.claims_per_answer", "Claims in each biography", 1),
    Figure("bio.number_correct", "True claims in each biography", 1),
    Figure("bio.retention", "Facts that the base's biographies tell right, kept, %"),
    Figure("bio.unread_share", "Text that the ledger's reader could not read, %"),
)
DIFFERENCES: dict[str, tuple[Difference, int]] = {
    "questions right, points": (lambda mine, other, _: accuracy_difference(mine, other), 100),
    "kept of the base, points": (retention_difference, 100),
    "true at equal claims, points": (lambda mine, other, _: equal_claims_difference(mine, other), 100),
    "true claims each": (lambda mine, other, _: number_correct_difference(mine, other), 1),
}


def effect_tables(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Everything of docs/results.md that the test seeds give."""
    parts = [_figure_table(data, protocol, seeds, figure) for figure in FIGURES]
    return "\n\n".join(
        [
            *parts,
            _difference_table(data, protocol, seeds),
            _retention_line(data, seeds),
            _swap_table(data, seeds),
            _dropped_table(data, protocol, seeds),
            _cost_table(data, protocol, seeds),
        ]
    )


def _is_made(data: Path, seed: int, name: str) -> bool:
    """A method that was added later may have been run on some of the seeds only: the tables then show which."""
    return (seed_folder(data, seed) / f"eval-{name}").is_dir()


def _made(data: Path, seeds: Sequence[int], name: str) -> list[int]:
    return [seed for seed in seeds if _is_made(data, seed, name)]


def _value(root: Path, evaluation: str, metric: str) -> float | None:
    rows = open_artifact(evaluation, root).rows("metrics", Metric)
    return next((row.value for row in rows if (row.metric, row.group) == (metric, "seen")), None)


def _table(title: str, columns: str, rows: Sequence[str]) -> str:
    """Markdown; `columns` and each row are cells between bars."""
    return "\n".join([f"**{title}**", "", f"| {columns} |", "|---" * len(columns.split(" | ")) + "|", *(f"| {row} |" for row in rows)])


def _figure_table(data: Path, protocol: Protocol, seeds: Sequence[int], figure: Figure) -> str:
    rows = []
    for name in ["base", *protocol.methods]:
        values = [_value(seed_folder(data, seed), f"eval-{name}", figure.metric) if _is_made(data, seed, name) else None for seed in seeds]
        if any(value is not None for value in values):
            rows.append(f"{name} | {_mean(values, figure.scale)} | {' | '.join(_shown(value, figure.scale) for value in values)}")
    return _table(figure.label, f"method | mean | {' | '.join(map(str, seeds))}", rows)


def _shown(value: float | None, scale: int) -> str:
    digits = 1 if scale == 100 else 2
    return "-" if value is None else f"{scale * value:.{digits}f}"


def _mean(values: Sequence[float | None], scale: int) -> str:
    known = [value for value in values if value is not None]
    return _shown(sum(known) / len(known) if known else None, scale)


def _results(data: Path, seed: int, name: str) -> Results:
    return read_results(open_artifact(f"eval-{name}", seed_folder(data, seed))).of_groups(SEEN)


def _difference_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    rows = []
    fixed = {seed: (_results(data, seed, "base"), _results(data, seed, MINE)) for seed in seeds}
    for rival in [name for name in protocol.methods if name != MINE]:
        others = {seed: _results(data, seed, rival) for seed in _made(data, seeds, rival)}
        for label, (measure, scale) in DIFFERENCES.items():
            each = {seed: measure(mine, others[seed], base) for seed, (base, mine) in fixed.items() if seed in others}
            values = [one.value for one in each.values() if one.value is not None]
            same, total = equal_signs(values)
            estimate = seed_subject_bootstrap(each)
            rows.append(f"{rival} | {label} | {_interval(estimate, scale)} | {same} of {total} | {' '.join(f'{v * scale:+.2f}' for v in values)}")
    title = f"PREREQ-TUNE minus each, {len(seeds)} seeds, 95% interval by seed and subject"
    return _table(title, "minus | measure | difference | same sign | per seed", rows)


def _interval(estimate: Estimate, scale: int) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-"
    return f"{estimate.value * scale:+.2f} ({estimate.low * scale:+.2f} to {estimate.high * scale:+.2f})"


def _retention_line(data: Path, seeds: Sequence[int]) -> str:
    """Retention of PREREQ-TUNE itself: the goal is 97%."""
    each: dict[int, Bootstrap] = {}
    for seed in seeds:
        base, mine = (_results(data, seed, name).questions for name in ("base", MINE))
        subject_of = {answer.question_id: answer.subject for answer in base}
        each[seed] = bootstrap_ratio(kept_items(right_questions(base), right_questions(mine), subject_of))
    return f"PREREQ-TUNE keeps {_interval(seed_subject_bootstrap(each), 100).lstrip('+')} % of what the base answers."


def _swap_table(data: Path, seeds: Sequence[int]) -> str:
    cells: dict[tuple[str, str, str, str], list[float]] = {}
    for seed in seeds:
        for row in open_artifact(f"eval-{MINE}", seed_folder(data, seed)).rows("swap", SwapRow):
            which = "dropped" if row.plugged == 0 else "plugged-in version" if row.plugged == row.answered else "another version"
            if row.value is not None:
                cells.setdefault((row.sample, row.task, row.form, which), []).append(100 * row.value)
    rows = [f"{' | '.join(key)} | {sum(cell) / len(cell):.1f} ({min(cell):.1f} to {max(cell):.1f})" for key, cell in sorted(cells.items())]
    title = "Knowledge swap: facts that come out, %; mean (least to most) of seeds and versions"
    return _table(title, "sample | task | adapter | answers of | %", rows)


def _dropped_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Fictitious training answers without their knowledge: beside the chance level, for the methods that saw them and one that did not."""
    lines = []
    for name in protocol.methods:
        rows = [
            row for seed in _made(data, seeds, name) for row in open_artifact(f"eval-{name}", seed_folder(data, seed)).rows("memorisation", MemorisationRow)
        ]
        for task in ("qa", "bio"):
            own = [row for row in rows if row.task == task]
            within = sum(bool(row.is_within_chance) for row in own)
            lines.append(f"{name} | {task} | {_mean([r.value for r in own], 100)} | {_mean([r.chance for r in own], 100)} | {within} of {len(own)}")
    title = "Fictitious training answers that come out with no knowledge plugged in, %; mean of seeds and versions"
    return _table(title, "method | task | come out | by chance | cells within chance + 3 standard errors", lines)


def _cost_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Steps, rows and FLOPs side by side. FLOPs of training a LoRA: (4 x base + 6 x adapter parameters) x tokens."""
    rows = []
    for name, settings in protocol.methods.items():
        made = [seed_folder(data, seed) for seed in _made(data, seeds, name)]
        own = [sum(column) / len(made) for column in zip(*(_skill_cost(root, name) for root in made), strict=True)]
        steps, real, fictitious, tokens, flops, seconds = own
        knowledge = sum(_knowledge_flops(root, settings.get("versions")) for root in made) / len(made) if settings["method"] == "prereq" else 0
        rows.append(
            f"{name} | {settings['lr']:g} | {steps:.0f} | {real:.0f} | {fictitious:.0f} | {tokens / 1e6:.2f} "
            f"| {flops / 1e12:.1f} | {(flops + knowledge) / 1e12:.1f} | {seconds:.0f}"
        )
    columns = "method | learning rate | steps | real rows | fictitious rows | tokens, M | TFLOPs, own stage | TFLOPs, with knowledge | seconds"
    return _table("What each method costs, mean of seeds: its own stage, and with the knowledge adapters that it needs", columns, rows)


def _skill_cost(root: Path, name: str) -> tuple[float, ...]:
    """(steps, real rows, fictitious rows, tokens, FLOPs, seconds) of one skill stage."""
    artifact = open_artifact(name, root)
    rows = choose_rows(open_artifact("bio", root).rows("chats", Chat), SftConfig(**artifact.manifest.config))
    n_real = sum(not row.fictitious for row in rows)
    usage = artifact.manifest.usage
    flops = _lora_flops(root, artifact.path / "adapter", float(usage["tokens"]))
    return artifact.summary["steps"], n_real, len(rows) - n_real, usage["tokens"], flops, usage["seconds"]


def _knowledge_flops(root: Path, versions: int | None) -> float:
    """FLOPs of the knowledge adapters that the skill stage plugs in: their share of the padded tokens, without the probe's."""
    artifact = open_artifact("knowledge", root)
    rows = list(artifact.rows("adapters", KnowledgeAdapter))
    size = {row.name: row.steps * _step_tokens(artifact, row) for row in rows}
    used = [row.name for row in rows if row.source == "fictitious" and row.version <= (versions or row.version)]
    share = sum(size[name] for name in used) / sum(size.values())
    return _lora_flops(root, artifact.path / "adapters" / used[0], share * float(artifact.manifest.usage["tokens"]))


def _step_tokens(artifact: Artifact, row: KnowledgeAdapter) -> int:
    group = artifact.manifest.config[f"{row.source}_{row.form}"]
    return int(group["max_length"]) * int(group["batch_rows"])


def _lora_flops(root: Path, adapter: Path, tokens: float) -> float:
    base = _parameters(open_artifact("world", root).path / "model" / "model.safetensors")
    return (4 * base + 6 * _parameters(adapter / "adapter_model.safetensors")) * tokens


def _parameters(path: Path) -> int:
    total = 0
    with safe_open(path, "np") as tensors:
        for key in tensors.keys():  # noqa: SIM118  # safe_open is no mapping
            size = 1
            for n in tensors.get_slice(key).get_shape():
                size *= n
            total += size
    return total


def trial_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Every trial on the dev seeds. The best learning rate of a method by the last column is frozen in protocol.yaml."""
    rows = []
    for method in protocol.tuned:
        for rate in protocol.trials:
            right, kept, true = (
                _dev_mean(data, seeds, f"eval-{trial_name(method, rate)}", metric) for metric in ("qa.accuracy", "qa.retention", "bio.share_correct")
            )
            rows.append(f"{method} | {rate:g} | {right:.1f} | {kept:.1f} | {true:.1f} | {(right + true) / 2:.2f}")
    title = f"Trials on dev seeds {', '.join(map(str, seeds))}, means, %"
    return _table(title, "method | learning rate | questions right | kept | claims true | (right + true) / 2", rows)


def _dev_mean(data: Path, seeds: Sequence[int], evaluation: str, metric: str) -> float:
    return 100 * sum(_value(seed_folder(data, seed), evaluation, metric) or 0 for seed in seeds) / len(seeds)
