"""The figure of every cell with its interval, each beside the best on the same items, and the one to take."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from factcli.errors import InputError, SettingsError, nearest
from factcli.evalrows import is_lower_better
from factcli.judge.measured import Measured, Pairs, bounds_of, metrics_of, pair, read_measured
from factcli.stages.sweep.ground import Cell
from factcli.stages.sweep.settings import SweepConfig
from factcli.stats.bootstrap import Bootstrap, Estimate, Item, bootstrap_ratio
from factcli.stats.bounds import UNIT
from factcli.stats.crossed import crossed, spread
from factcli.stats.multiple import holm
from factcli.stats.paired import PairedSums, difference_of, estimate_difference, flip_test, paired_sums
from factcli.sweeprows import SweepCell

USUAL = "qa.accuracy"
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell's figure: its value over all runs, and each run's."""

    cell: Cell
    runs: tuple[Measured, ...]
    whole: Bootstrap
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        return self.whole.value if self.whole.value is not None else math.nan


def chosen_cells(cells: Sequence[Cell], config: SweepConfig) -> list[SweepCell]:
    """A row for each cell, in the order of the grid. Raises InputError where no cell has a figure."""
    read = {cell.id: tuple(read_measured(run.evaluation) for run in cell.runs) for cell in cells if not cell.failed}
    if not read:
        raise InputError(f"none of the {len(cells)} cells has an evaluation", "what each ended with stands above")
    metric = metric_of([one for runs in read.values() for one in runs], config.by)
    figures = [_figure(cell, read[cell.id], metric, config) for cell in cells if cell.id in read]
    found = {figure.cell.id: figure for figure in figures if figure.whole.value is not None}
    if not found:
        raise InputError(f"no cell has anything to count in {metric}", "choose by another figure: --by")
    best = best_of(list(found.values()), metric)
    rows = [_row(cell, found.get(cell.id), best, metric, config) for cell in cells]
    return _decided(_adjusted(rows, metric), config)


def metric_of(models: Sequence[Measured], by: str | None) -> str:
    """The figure to choose by, which every cell has. Raises SettingsError with the nearest name."""
    have = metrics_of(models, ())
    if by is None:
        return USUAL if USUAL in have else have[0]
    if by not in have:
        raise SettingsError(f"there is no figure {by!r} to choose by{nearest(by, have)}", f"figures of all cells: {', '.join(have)}")
    return by


def best_of(figures: Sequence[Figure], metric: str) -> Figure:
    """Of equals the first in the grid."""
    sign = -1 if is_lower_better(metric) else 1
    return max(figures, key=lambda figure: sign * figure.value)


def _figure(cell: Cell, runs: tuple[Measured, ...], metric: str, config: SweepConfig) -> Figure:
    each = [_of_run(run, metric, config.seed) for run in runs]
    return Figure(cell, runs, crossed(each, config.seed), tuple(one.value for one in each if one.value is not None))


def _of_run(run: Measured, metric: str, seed: int) -> Bootstrap:
    items = run.items[metric].values()
    is_share = all(0 <= item.numerator <= item.denominator for item in items)
    counted = (Item(item.subject, item.numerator, item.denominator) for item in items)
    return bootstrap_ratio(counted, seed=seed, bounds=bounds_of(metric) or (UNIT if is_share else None))


@dataclass(frozen=True, slots=True)
class Beside:
    """A cell minus the best one."""

    estimate: Estimate
    error: float
    p_value: float | None


def _beside(figure: Figure, best: Figure, metric: str, config: SweepConfig) -> Beside:
    pairs = [pair(metric, mine, others, config.max_unpaired) for mine, others in zip(figure.runs, best.runs, strict=True)]
    drawn = crossed([difference_of(one.sums, seed=config.seed) for one in pairs], config.seed)
    estimate = estimate_difference(pairs[0].sums, config.interval, seed=config.seed) if len(pairs) == 1 else drawn.estimate()
    return Beside(estimate, spread(drawn), flip_test(_together(pairs), seed=config.seed).p_value)


def _together(pairs: Sequence[Pairs]) -> PairedSums:
    """All runs' items, by subject: the test swaps the two cells on whole subjects in every run at once."""
    return paired_sums((item for one in pairs for item in one.paired_items), bounds_of(pairs[0].metric))


def _row(cell: Cell, figure: Figure | None, best: Figure, metric: str, config: SweepConfig) -> SweepCell:
    estimate = figure.whole.estimate() if figure else Estimate(None, None, None, 0, 0)
    is_best = figure is best
    beside = _beside(figure, best, metric, config) if figure and not is_best else None
    made = {artifact.ref: artifact.manifest.seconds for run in cell.runs for artifact in run.artifacts.values()}
    return SweepCell(
        id=cell.id,
        settings=cell.settings,
        seeds=tuple(run.seed for run in cell.runs if run.seed is not None),
        models=tuple(run.model.ref for run in cell.runs),
        evaluations=tuple(run.evaluation.ref for run in cell.runs),
        metric=metric,
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        by_seed=figure.values if figure else (),
        n_items=estimate.n_items,
        n_subjects=len(figure.whole.clusters) if figure else 0,
        difference=beside.estimate.value if beside else None,
        difference_low=beside.estimate.low if beside else None,
        difference_high=beside.estimate.high if beside else None,
        difference_error=beside.error if beside else None,
        p_value=beside.p_value if beside else None,
        p_holm=None,
        is_best=is_best,
        is_behind=False,
        is_chosen=False,
        seconds=round(sum(made.values()), 1) if made else None,
        failed=cell.failed or ("" if figure else f"nothing to count in {metric}"),
    )


def _adjusted(rows: Sequence[SweepCell], metric: str) -> list[SweepCell]:
    """With Holm's p over all that are held against the best: it was picked for being best, so each p by itself says too much."""
    adjusted: Mapping[str, float] = holm({row.id: row.p_value for row in rows if row.p_value is not None})
    marked = [replace(row, p_holm=adjusted.get(row.id)) for row in rows]
    return [replace(row, is_behind=_is_behind(row, metric)) for row in marked]


def _is_behind(row: SweepCell, metric: str) -> bool:
    if row.p_holm is None or row.difference_low is None or row.difference_high is None:
        return False
    reaches_zero = row.difference_high >= 0 if not is_lower_better(metric) else row.difference_low <= 0
    return row.p_holm <= LEVEL and not reaches_zero


def _decided(rows: Sequence[SweepCell], config: SweepConfig) -> list[SweepCell]:
    chosen = next(row for row in rows if row.is_best or (config.rule == "one-standard-error" and _is_within_error(row)))
    return [replace(row, is_chosen=row is chosen) for row in rows]


def _is_within_error(row: SweepCell) -> bool:
    """Breiman et al. 1984, section 3.4.3, with the error of the paired difference: the cells answered the same questions."""
    return row.difference is not None and row.difference_error is not None and abs(row.difference) <= row.difference_error
