"""Evaluations read for a comparison, and paired item by item: what only one model was asked is counted, and too much of it refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.artifact import Artifact
from factcli.errors import InputError, SettingsError, nearest
from factcli.evalrows import ItemScore, range_of
from factcli.judge.changes import results_of
from factcli.judge.compare import Results
from factcli.judge.itemscores import items_of
from factcli.stats.bounds import Bounds
from factcli.stats.paired import PairedItem, PairedSums, paired_sums


@dataclass(frozen=True, slots=True)
class Measured:
    """What one evaluation says, by figure and item."""

    ref: str
    items: Mapping[str, Mapping[str, ItemScore]]  # metric -> id -> item
    results: Results
    benchmark: tuple[str, object]  # name and version of its definition; ("", None) where it has none


@dataclass(frozen=True, slots=True)
class Pairs:
    """The items of one figure that both were asked, model first; `n_unpaired` were asked of only one."""

    metric: str
    items: tuple[tuple[ItemScore, ItemScore], ...]
    n_unpaired: int

    def of_groups(self, members: Iterable[str]) -> "Pairs":
        """Those whose item of the baseline is of these groups."""
        keep = set(members)
        return replace(self, items=tuple(pair for pair in self.items if pair[1].group in keep))

    @property
    def paired_items(self) -> list[PairedItem]:
        """Clusters are the baseline's subjects."""
        return [PairedItem(base.subject, model.numerator, model.denominator, base.numerator, base.denominator) for model, base in self.items]

    @property
    def sums(self) -> PairedSums:
        """By subject, with the range of an item where the figure has one."""
        return paired_sums(self.paired_items, bounds_of(self.metric))


def bounds_of(metric: str) -> Bounds | None:
    found = range_of(metric)
    return Bounds(*found) if found else None


def read_measured(artifact: Artifact) -> Measured:
    items: dict[str, dict[str, ItemScore]] = {}
    for item in items_of(artifact):
        of_metric = items.setdefault(item.metric, {})
        known = of_metric.get(item.id)
        of_metric[item.id] = item if known is None else _both(known, item)
    benchmark = (str(artifact.summary.get("benchmark", "")), artifact.summary.get("benchmark_version"))
    return Measured(artifact.ref, items, results_of(artifact), benchmark if artifact.kind == "eval" else ("", None))


def _both(first: ItemScore, again: ItemScore) -> ItemScore:
    """An item that is measured twice counts as the sum, as in its own evaluation."""
    return replace(first, numerator=first.numerator + again.numerator, denominator=first.denominator + again.denominator)


def metrics_of(models: Sequence[Measured], tasks: Sequence[str]) -> list[str]:
    """Figures that all have, in the order of the first; of `tasks` where given. Raises where there is none, or a task names none."""
    common = [metric for metric in models[0].items if all(metric in model.items for model in models)]
    if not common:
        have = "; ".join(f"{model.ref}: {', '.join(model.items)}" for model in models)
        raise InputError(f"no figure was measured of all of them ({have})", "compare evaluations of one benchmark")
    for task in tasks:
        if not any(is_of_task(metric, task) for metric in common):
            raise SettingsError(f"there is no figure {task!r}{nearest(task, common)}", f"figures of all: {', '.join(common)}")
    return [metric for metric in common if not tasks or any(is_of_task(metric, task) for task in tasks)]


def is_of_task(metric: str, task: str) -> bool:
    """Whether a task, a figure's name or the beginning of one up to a dot, names the figure."""
    return metric == task or metric.startswith(f"{task}.")


def pair(metric: str, model: Measured, baseline: Measured, max_unpaired: float) -> Pairs:
    """Items of both, in the baseline's order. Raises InputError where more than `max_unpaired` of all are in only one, or none in both."""
    _require_one_definition(model, baseline)
    mine, others = model.items[metric], baseline.items[metric]
    both = [(mine[id], item) for id, item in others.items() if id in mine]
    n_all = len(mine.keys() | others.keys())
    n_unpaired = n_all - len(both)
    if not both or n_unpaired > max_unpaired * n_all:
        raise InputError(
            f"{n_unpaired} of {n_all} items of {metric} were asked of only one of {model.ref} and {baseline.ref}, more than the {max_unpaired:.0%} allowed",
            "evaluate both on the same questions, with the same limit" + (f"; or allow it: --set max_unpaired={n_unpaired / n_all:.2f}" if both else ""),
        )
    return Pairs(metric, tuple(both), n_unpaired)


def _require_one_definition(model: Measured, baseline: Measured) -> None:
    """One benchmark, in one version of what its scores mean."""
    (name, version), (other, other_version) = model.benchmark, baseline.benchmark
    if name and name == other and version != other_version:
        raise InputError(
            f"{model.ref} was scored by version {version} of {name}, {baseline.ref} by version {other_version}: their scores mean different things",
            "score both anew by one version: the same `fact eval` command again",
        )
