"""The experiment behind docs/results.md: every method on worlds of many seeds, differences with intervals over both.

python -m tests.bench effect --data DIR [--seeds 200,201] [--dev] runs the seeds that are not there yet and
prints the tables of all that are. An interrupted run goes on where it was.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from factcli import resolving
from factcli.artifact import Artifact, make, open_artifact
from factcli.basemodel import BaseModelRef, of_world
from factcli.config import resolve
from factcli.context import Context
from factcli.judge.compare import Results, accuracy_difference, equal_claims_difference, number_correct_difference, retention_difference
from factcli.judge.metrics import Metric
from factcli.progress import PlainReport
from factcli.stages import prereq, sft, world
from factcli.stages.eval import on_world
from factcli.stages.eval.settings import WorldEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.synth import from_world
from factcli.stages.synth.settings import BioConfig
from factcli.stats import Bootstrap, Estimate, equal_signs, seed_subject_bootstrap
from factcli.train.launch import Trainer

PROTOCOL: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "protocol.yaml").read_text(encoding="utf-8"))
RIVALS = ("sft", "popular-head", "popular-50", "sft-common", "fictitious", "prereq-plain", "prereq-k1")
SEEN = ("head", "mid", "tail")
Difference = Callable[[Results, Results, Results], Bootstrap]
DIFFERENCES: dict[str, Difference] = {
    "questions right": lambda mine, other, _base: accuracy_difference(mine, other),
    "kept of the base": retention_difference,
    "claims true, at equal claims": lambda mine, other, _base: equal_claims_difference(mine, other),
    "true claims each": lambda mine, other, _base: number_correct_difference(mine, other),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One seed's artifacts, made or found."""

    seed: int
    context: Context
    split: str

    def make_all(self, methods: Mapping[str, Mapping[str, Any]]) -> None:
        ground, texts, knowledge = self._data()
        base = of_world(ground)
        base_eval = self._evaluate("base", Subject("base", base), ground, None)
        for name, settings in methods.items():
            skill = self._sft(name, settings, texts, knowledge, base)
            is_prereq = settings["method"] == "prereq"
            subject = Subject(name, base, skill, knowledge if is_prereq else None, texts)
            self._evaluate(name, subject, ground, base_eval)

    def _data(self) -> tuple[Artifact, Artifact, Artifact]:
        flags = {"spec.seed": self.seed, "pretrain.seed": self.seed}
        ground_plan = world.plan(resolve(world.WorldConfig, [resolving.recipe_file("world", "tiny")], (), flags), None)
        ground, _ = make(ground_plan, lambda draft: world.work(ground_plan, draft, self.context), self.context.root)
        config = resolve(BioConfig, [resolving.recipe_file("synth", "bio-tiny")], (), {"seed": self.seed})
        text_plan = from_world.plan("bio", config, ground, None)
        texts, _ = make(text_plan, lambda draft: from_world.work(text_plan, draft, self.context.report), self.context.root)
        base = of_world(ground)
        settings = resolve(prereq.PrereqConfig, [resolving.recipe_file("prereq", "tiny")], (), {"seed": self.seed})
        plan = prereq.plan(settings, texts, base, None)
        knowledge, _ = make(plan, lambda draft: prereq.work(plan, draft, base, self.context), self.context.root)
        return ground, texts, knowledge

    def _sft(self, name: str, settings: Mapping[str, Any], texts: Artifact, knowledge: Artifact, base: BaseModelRef) -> Artifact:
        config = resolve(sft.SftConfig, [resolving.recipe_file("sft", "tiny")], _assigned(settings), {"seed": self.seed})
        plan = sft.plan(config, texts, knowledge if settings["method"] == "prereq" else None, base, name)
        return make(plan, lambda draft: sft.work(plan, draft, base, self.context), self.context.root)[0]

    def _evaluate(self, name: str, subject: Subject, ground: Artifact, base_eval: Artifact | None) -> Artifact:
        config = WorldEvalConfig(seed=self.seed, split=self.split, heldout_forms=False, probe_versions=2 if self.split == "test" else 0)
        plan = on_world.plan(config, subject, ground, base_eval, f"{self.split}-{name}")
        return make(plan, lambda draft: on_world.work(plan, draft, subject, self.context.report), self.context.root)[0]


def _assigned(settings: Mapping[str, Any]) -> list[str]:
    """As --set would have it: an explicit null must win over the recipe."""
    return [f"{name}={'null' if value is None else value}" for name, value in settings.items()]


def run_seeds(data: Path, seeds: Sequence[int], methods: Mapping[str, Mapping[str, Any]], split: str) -> None:
    report = PlainReport(every_s=60.0)
    for seed in seeds:
        root = data / f"seed{seed}"
        with Trainer(root / resolving.WORKER_LOG) as trainer:
            Run(seed, Context(root, report, trainer), split).make_all(methods)
        report.say(f"seed {seed}: done")


def trials() -> dict[str, dict[str, Any]]:
    """Every method of the protocol at every learning rate that is tried."""
    chosen = {name: settings for name, settings in PROTOCOL["methods"].items() if name not in ("sft-common", "prereq-plain", "prereq-k1")}
    return {f"{name}-{lr:g}": {**settings, "lr": lr} for name, settings in chosen.items() for lr in PROTOCOL["trials"]}


def results_of(root: Path, name: str) -> Results:
    return on_world.read_results(open_artifact(name, root)).of_groups(SEEN)


def figure(root: Path, name: str, metric: str, group: str = "seen") -> float | None:
    rows = open_artifact(name, root).rows("metrics", Metric)
    return next((row.value for row in rows if (row.metric, row.group) == (metric, group)), None)


def difference(data: Path, seeds: Sequence[int], rival: str, measure: Difference) -> tuple[Estimate, list[float | None]]:
    """PREREQ-TUNE minus the rival over all seeds, and each seed's own difference."""
    each: dict[int, Bootstrap] = {}
    for seed in seeds:
        root = data / f"seed{seed}"
        base, mine, other = (results_of(root, f"test-{name}") for name in ("base", "prereq", rival))
        each[seed] = measure(mine, other, base)
    return seed_subject_bootstrap(each).estimate(), [one.estimate().value for one in each.values()]


def tables(data: Path, seeds: Sequence[int]) -> str:
    """Markdown: every method's figures per seed, and the primary differences."""
    parts = [_method_table(data, seeds, metric, label) for metric, label in FIGURES]
    return "\n\n".join([*parts, _difference_table(data, seeds), _swap_table(data, seeds)])


FIGURES = (
    ("qa.accuracy", "Questions right, % of all facts of head, mid and tail people"),
    ("qa.retention", "Kept of what the base answers, %"),
    ("qa.extraction", "Newly answered of what the base does not, %"),
    ("bio.share_correct", "Claims in biographies that are true, %"),
    ("bio.claims_per_answer", "Claims in each biography"),
    ("bio.number_correct", "True claims in each biography"),
    ("bio.unread_share", "Text that the ledger's reader could not read, %"),
)


def _method_table(data: Path, seeds: Sequence[int], metric: str, label: str) -> str:
    names = ["base", *PROTOCOL["methods"]]
    scale = 1 if metric in ("bio.claims_per_answer", "bio.number_correct") else 100
    lines = [f"**{label}**", "", f"| method | mean | {' | '.join(map(str, seeds))} |", f"|---|---|{'---|' * len(seeds)}"]
    for name in names:
        values = [figure(data / f"seed{seed}", f"test-{name}", metric) for seed in seeds]
        held = [value * scale for value in values if value is not None]
        mean = f"{sum(held) / len(held):.1f}" if held else "-"
        lines.append(f"| {name} | {mean} | {' | '.join('-' if v is None else f'{v * scale:.1f}' for v in values)} |")
    return "\n".join(lines)


def _difference_table(data: Path, seeds: Sequence[int]) -> str:
    lines = [
        f"**PREREQ-TUNE with real rows minus each, {len(seeds)} seeds, 95% interval by seed and subject**",
        "",
        "| minus | measure | difference | equal signs | per seed |",
        "|---|---|---|---|---|",
    ]
    for rival in RIVALS:
        for label, measure in DIFFERENCES.items():
            scale = 1 if label == "true claims each" else 100
            estimate, each = difference(data, seeds, rival, measure)
            same, total = equal_signs([value for value in each if value is not None])
            shown = " ".join("-" if value is None else f"{value * scale:+.2f}" for value in each)
            lines.append(f"| {rival} | {label} | {_interval(estimate, scale)} | {same} of {total} | {shown} |")
    return "\n".join(lines)


def _interval(estimate: Estimate, scale: int) -> str:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return "-" if estimate.value is None else f"{estimate.value * scale:+.2f}"
    return f"{estimate.value * scale:+.2f} ({estimate.low * scale:+.2f} to {estimate.high * scale:+.2f})"


def _swap_table(data: Path, seeds: Sequence[int]) -> str:
    from factcli.rows import SwapRow

    cells: dict[tuple[str, str, str, str], list[float]] = {}
    for seed in seeds:
        for row in open_artifact("test-prereq", data / f"seed{seed}").rows("swap", SwapRow):
            which = "dropped" if row.plugged == 0 else "plugged-in version" if row.plugged == row.answered else "another version"
            if row.value is not None:
                cells.setdefault((row.sample, row.task, row.form, which), []).append(100 * row.value)
    lines = [
        "**Knowledge swap: facts that come out, %, mean over seeds (least to most)**",
        "",
        "| sample | task | adapter | answers of | % |",
        "|---|---|---|---|---|",
    ]
    for key, values in sorted(cells.items()):
        lines.append(f"| {' | '.join(key)} | {sum(values) / len(values):.1f} ({min(values):.1f} to {max(values):.1f}) |")
    return "\n".join(lines)


def dev_table(data: Path, seeds: Sequence[int]) -> str:
    """Questions right and biographies on dev people for every trial: what the frozen settings were chosen on."""
    lines = ["| trial | questions right, % | kept, % | claims true, % | per seed |", "|---|---|---|---|---|"]
    for name in ["base", *trials()]:
        roots = [data / f"seed{seed}" for seed in seeds]
        cells = [[figure(root, f"dev-{name}", metric) for root in roots] for metric in ("qa.accuracy", "qa.retention", "bio.share_correct")]
        means = ["-" if None in values else f"{100 * sum(v for v in values if v is not None) / len(values):.1f}" for values in cells]
        lines.append(f"| {name} | {' | '.join(means)} | {' '.join(f'{100 * (v or 0):.1f}' for v in cells[0])} |")
    return "\n".join(lines)
