"""Evaluations read for a comparison, and paired item by item: what only one model was asked is counted, and too much of it refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.artifact import Artifact
from factcli.errors import InputError, SettingsError, nearest
from factcli.evalrows import ItemScore, is_lower_better, range_of
from factcli.judge.changes import results_of
from factcli.judge.chosen import HARNESS
from factcli.judge.compare import Results
from factcli.judge.itemscores import items_of
from factcli.likelihoodrows import HarnessTask
from factcli.stats.bounds import Bounds
from factcli.stats.paired import PairedItem, PairedSums, paired_sums


@dataclass(frozen=True, slots=True)
class Measured:
    """What one evaluation says, by figure and item."""

    ref: str
    items: Mapping[str, Mapping[str, ItemScore]]  # metric -> id -> item
    results: Results
    benchmark: tuple[str, object]  # name and version of its definition; ("", None) where it has none
    lower: frozenset[str] = frozenset()  # figures of the harness of which less is better, by their tasks' definitions
    unanswered: frozenset[str] = frozenset()  # items asked of which nothing counts: no usable answer, or none that could be graded


@dataclass(frozen=True, slots=True)
class Pairs:
    """The items of one figure that both answered, model first; `n_unpaired` were asked of, or answered by, only one."""

    metric: str
    items: tuple[tuple[ItemScore, ItemScore], ...]
    n_unpaired: int
    is_lower_better: bool = False

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
    counted = {item.id for of_metric in items.values() for item in of_metric.values() if item.denominator or item.is_abstention}
    unanswered = frozenset(id_ for of_metric in items.values() for id_ in of_metric) - counted
    return Measured(artifact.ref, items, results_of(artifact), benchmark if artifact.kind == "eval" else ("", None), _lower(artifact), unanswered)


def _lower(artifact: Artifact) -> frozenset[str]:
    """Under the name of the task and of what it was asked for as: a group's figure may be the mean over its tasks."""
    if artifact.manifest.stage != HARNESS:
        return frozenset()
    tasks = [row for row in artifact.rows("tasks", HarnessTask) if not row.is_higher_better]
    return frozenset(f"harness.{name}.{row.metric}" for row in tasks for name in (row.task, row.asked_as))


def _both(first: ItemScore, again: ItemScore) -> ItemScore:
    """An item that is measured twice counts as the sum, as in its own evaluation."""
    return replace(first, numerator=first.numerator + again.numerator, denominator=first.denominator + again.denominator)


def split_of(evaluation: Artifact) -> str:
    """Whose answers it has: dev, test, or "" where it does not say, as of a benchmark that has no dev people."""
    return str(evaluation.manifest.config.get("split") or "")


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
    """Items that count of both, in the baseline's order.

    One that is not answered by one of the two would let a model gain by failing where it would be wrong: it is left out of both. Raises
    InputError where more than `max_unpaired` of all count of only one, or none of both.
    """
    _require_one_definition(model, baseline)
    mine, others = _answered(model, metric), _answered(baseline, metric)
    both = [(mine[id], item) for id, item in others.items() if id in mine]
    n_all = len(mine.keys() | others.keys())
    n_unpaired = n_all - len(both)
    if not both or n_unpaired > max_unpaired * n_all:
        raise InputError(
            f"{n_unpaired} of {n_all} items of {metric} were asked of, or answered by, only one of {model.ref} and {baseline.ref}, "
            f"more than the {max_unpaired:.0%} allowed",
            "evaluate both on the same questions, with the same limit" + (f"; or allow it: --set max_unpaired={n_unpaired / n_all:.2f}" if both else ""),
        )
    return Pairs(metric, tuple(both), n_unpaired, is_lower_better(metric) or metric in baseline.lower)


def _answered(measured: Measured, metric: str) -> dict[str, ItemScore]:
    return {id_: item for id_, item in measured.items[metric].items() if id_ not in measured.unanswered}


def _require_one_definition(model: Measured, baseline: Measured) -> None:
    """One benchmark, in one version of what its scores mean."""
    (name, version), (other, other_version) = model.benchmark, baseline.benchmark
    if name and name == other and version != other_version:
        raise InputError(
            f"{model.ref} was scored by version {version} of {name}, {baseline.ref} by version {other_version}: their scores mean different things",
            "score both anew by one version: the same `fact eval` command again",
        )
