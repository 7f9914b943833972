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
    read_results,
    retention_difference,
    right_questions,
)
from factcli.judge.metrics import Metric, accuracy_items, correct_items
from factcli.rows import Chat, KnowledgeAdapter
from factcli.stages.sft import SftConfig, choose_rows
from factcli.stats import Bootstrap, Item, bootstrap_ratio
from tests.bench.cells import MEMORISED, SWAPPED, Mean, difference_cells, markdown, mean_cells, mean_of, memorised_rows, shown, swap_rows
from tests.bench.effect import seed_folder
from tests.bench.protocol import Protocol, trial_name

SEEN = ("head", "mid", "tail")  # people that pre-training mentions: the others can't be known
GROUPS = (*SEEN, "unseen")
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


MEANS: dict[str, Mean] = {
    "questions right, %": lambda mine, _: bootstrap_ratio(accuracy_items(mine.questions)),
    "kept of the base, %": lambda mine, base: bootstrap_ratio(kept(mine, base)),
    "claims true, %": lambda mine, _: bootstrap_ratio(correct_items(mine.biographies, mine.claims)),
}
GROUP_FIGURES = (("qa.accuracy", "Questions right by popularity, %, mean of seeds"), ("bio.share_correct", "Claims true by popularity, %, mean of seeds"))


def effect_tables(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Everything of docs/results.md that the test seeds give."""
    parts = [_figure_table(data, protocol, seeds, figure) for figure in FIGURES]
    return "\n\n".join(
        [
            *parts,
            _mean_table(data, protocol, seeds),
            *(_group_table(data, protocol, seeds, *figure) for figure in GROUP_FIGURES),
            _difference_table(data, protocol, seeds),
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


def _value(root: Path, evaluation: str, metric: str, group: str = "seen") -> float | None:
    rows = open_artifact(evaluation, root).rows("metrics", Metric)
    return next((row.value for row in rows if (row.metric, row.group) == (metric, group)), None)


def _figure_table(data: Path, protocol: Protocol, seeds: Sequence[int], figure: Figure) -> str:
    rows = []
    for name in ["base", *protocol.methods]:
        values = [_value(seed_folder(data, seed), f"eval-{name}", figure.metric) if _is_made(data, seed, name) else None for seed in seeds]
        if any(value is not None for value in values):
            rows.append(f"{name} | {mean_of(values, figure.scale)} | {' | '.join(shown(value, figure.scale) for value in values)}")
    return markdown(figure.label, f"method | mean | {' | '.join(map(str, seeds))}", rows)


def results_of(data: Path, seed: int, name: str) -> Results:
    return read_results(open_artifact(f"eval-{name}", seed_folder(data, seed))).of_groups(SEEN)


def _difference_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    rows = []
    fixed = {seed: (results_of(data, seed, "base"), results_of(data, seed, MINE)) for seed in seeds}
    for rival in [name for name in protocol.methods if name != MINE]:
        others = {seed: results_of(data, seed, rival) for seed in _made(data, seeds, rival)}
        for label, (measure, scale) in DIFFERENCES.items():
            each = {seed: measure(mine, others[seed], base) for seed, (base, mine) in fixed.items() if seed in others}
            rows.append(f"{rival} | {label} | {difference_cells(each, scale)}")
    title = f"PREREQ-TUNE minus each, {len(seeds)} seeds, 95% interval by seed and subject"
    return markdown(title, "minus | measure | difference | same sign | per seed", rows)


def _mean_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Each method's own figures with their intervals. n: subjects of one seed."""
    bases = {seed: results_of(data, seed, "base") for seed in seeds}
    n = len({answer.subject for answer in bases[seeds[0]].questions})
    rows = []
    for name in ["base", *protocol.methods]:
        own = {seed: results_of(data, seed, name) for seed in _made(data, seeds, name)}
        rows += [f"{name} | {len(own)} | {' | '.join(mean_cells(own, bases, MEANS))}"] if own else []
    return markdown(f"Means with 95% intervals by seed and subject, {n} people a seed", f"method | seeds | {' | '.join(MEANS)}", rows)


def kept(mine: Results, base: Results) -> list[Item]:
    subject_of = {answer.question_id: answer.subject for answer in base.questions}
    return kept_items(right_questions(base.questions), right_questions(mine.questions), subject_of)


def _group_table(data: Path, protocol: Protocol, seeds: Sequence[int], metric: str, title: str) -> str:
    rows = []
    for name in ["base", *protocol.methods]:
        made = [seed_folder(data, seed) for seed in _made(data, seeds, name)]
        cells = [mean_of([_value(root, f"eval-{name}", metric, group) for root in made], 100) for group in GROUPS]
        rows += [f"{name} | {' | '.join(cells)}"] if made else []
    return markdown(title, f"method | {' | '.join(GROUPS)}", rows)


def _swap_table(data: Path, seeds: Sequence[int]) -> str:
    rows = swap_rows(open_artifact(f"eval-{MINE}", seed_folder(data, seed)) for seed in seeds)
    title = "Knowledge swap: facts that come out, %; mean (least to most) of seeds and versions"
    return markdown(title, SWAPPED, rows)


def _dropped_table(data: Path, protocol: Protocol, seeds: Sequence[int]) -> str:
    """Fictitious training answers without their knowledge: beside the chance level, for the methods that saw them and one that did not."""
    lines = []
    for name in protocol.methods:
        made = [open_artifact(f"eval-{name}", seed_folder(data, seed)) for seed in _made(data, seeds, name)]
        lines += [f"{name} | {cells}" for cells in memorised_rows(made)]
    title = "Fictitious answers with no knowledge plugged in, %, of people that the skill trained on (in) or never saw (out); mean of seeds and versions"
    return markdown(title, f"method | {MEMORISED}", lines)


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
    return markdown("What each method costs, mean of seeds: its own stage, and with the knowledge adapters that it needs", columns, rows)


def _skill_cost(root: Path, name: str) -> tuple[float, ...]:
    """(steps, real rows, fictitious rows, tokens, FLOPs, seconds) of one skill stage."""
    artifact = open_artifact(name, root)
    rows = choose_rows(open_artifact("bio", root).rows("chats", Chat), SftConfig(**artifact.manifest.config))
    n_real = sum(not row.fictitious for row in rows)
    usage = artifact.manifest.usage
    flops = _lora_flops(root, artifact.path / "adapter", float(usage["tokens"]))
    return artifact.summary["steps"], n_real, len(rows) - n_real, usage["tokens"], flops, usage["seconds"]


def _knowledge_flops(root: Path, versions: int | None) -> float:
    """FLOPs of the knowledge adapters that the skill stage plugs in: their share of the tokens, without the probe's."""
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
    return markdown(title, "method | learning rate | questions right | kept | claims true | (right + true) / 2", rows)


def _dev_mean(data: Path, seeds: Sequence[int], evaluation: str, metric: str) -> float:
    return 100 * sum(_value(seed_folder(data, seed), evaluation, metric) or 0 for seed in seeds) / len(seeds)
