"""Closed-book questions: accuracy by popularity, retention and extraction, confidence."""

from collections.abc import Sequence

from factcli.stages.report.charts import SHARES, Axis, axis_around, rows_panel
from factcli.stages.report.collect import FORMS, Benchmark, Evaluation
from factcli.stages.report.methods import key_of
from factcli.stages.report.selective import risk_blocks
from factcli.stages.report.text import Unit
from factcli.stages.report.view import Block, Plot, Section, Table, figure, table_row

RANKINGS: tuple[tuple[str, str, Unit], ...] = (
    ("auroc", "AUROC: right surer than wrong", "score"),
    ("share_correct_at_half_coverage", "Right among the surer half", "share"),
    ("risk_coverage_area", "Area under risk-coverage (less is better)", "score"),
)
MOST_COLUMNS = 8  # of one table, on a page 70 rem wide


def accuracy_section(benchmark: Benchmark, id_: str, title: str) -> Section:
    groups = benchmark.groups("qa.accuracy")
    if not groups:
        return Section(id_, title, missing="These evaluations have no questions.")
    plot = Plot(
        "Share of questions answered right, by how often the base model has read about the person. Whiskers are 95% intervals; the dashed line is the base.",
        tuple(share_panel(benchmark, "qa.accuracy", group, group) for group in groups),
    )
    tables: list[Block] = [plot, group_table(benchmark, "qa.accuracy", "Questions right, of all asked: an abstention is not right.", groups)]
    forms = [form for form in FORMS if any(("qa.accuracy", form) in e.figures for e in benchmark.evaluations)]
    if forms:
        tables.append(group_table(benchmark, "qa.accuracy", "The same by form: heldout forms are worded as no training text is.", forms))
    tables.append(_strictness(benchmark))
    return Section(id_, title, blocks=tuple(tables))


def figures_section(benchmark: Benchmark, id_: str, title: str) -> Section:
    """Whatever was measured, as it was named: of a benchmark that is no list of answers."""
    names = list(dict.fromkeys(name for e in benchmark.evaluations for name, group in e.figures if group == "all"))
    if not names:
        return Section(id_, title, missing="These evaluations have no figure over all items.")
    columns: list[tuple[str, str, Unit]] = [(name, name.removeprefix(f"{id_}.").replace("_", " "), _unit_of(benchmark, name)) for name in names]
    tables = [metric_table(benchmark, "Over all items.", columns[n : n + MOST_COLUMNS]) for n in range(0, len(columns), MOST_COLUMNS)]
    groups = benchmark.groups(names[0])[1:]
    if 1 < len(groups) <= MOST_COLUMNS:
        tables.append(group_table(benchmark, names[0], f"{columns[0][1].capitalize()}, by group.", groups, columns[0][2]))
    return Section(id_, title, blocks=tuple(tables))


def _unit_of(benchmark: Benchmark, metric: str) -> Unit:
    """A share where every value is one; perplexities and counts are not."""
    values = [figure.value for e in benchmark.evaluations for (name, _), figure in e.figures.items() if name == metric and figure.value is not None]
    return "share" if all(0 <= value <= 1 for value in values) else "count"


def share_panel(benchmark: Benchmark, metric: str, group: str, title: str, axis: Axis = SHARES) -> str:
    rows = [(key_of(e, benchmark.main), e.figures.get((metric, group))) for e in benchmark.evaluations]
    base = benchmark.base.figures.get((metric, group)) if benchmark.base else None
    return rows_panel(title, rows, axis, base.value if base else None)


def group_table(benchmark: Benchmark, metric: str, caption: str, groups: Sequence[str], unit: Unit = "share") -> Table:
    rows = tuple(table_row(key_of(e, benchmark.main), (figure(e.figures.get((metric, group)), unit) for group in groups)) for e in benchmark.evaluations)
    return Table(caption, ("Model", *groups), rows)


def metric_table(benchmark: Benchmark, caption: str, columns: Sequence[tuple[str, str, Unit]], group: str = "all") -> Table:
    """A row per model, a column per (metric, heading, unit)."""
    rows = tuple(table_row(key_of(e, benchmark.main), (figure(e.figures.get((m, group)), unit) for m, _, unit in columns)) for e in benchmark.evaluations)
    return Table(caption, ("Model", *(heading for _, heading, _ in columns)), rows)


def _strictness(benchmark: Benchmark) -> Table:
    columns: tuple[tuple[str, str, Unit], ...] = (
        ("qa.accuracy", "right", "share"),
        ("qa.strict_accuracy", "right, word for word", "share"),
        ("qa.abstention", "declined to answer", "share"),
        ("qa.accuracy_of_given", "right of those answered", "share"),
    )
    return metric_table(
        benchmark, "What counts as right: the accepted answer is contained in what was said; beside it stricter, and without abstentions.", columns
    )


def retention_section(benchmark: Benchmark, id_: str = "retention") -> Section:
    title = "What is kept and what is gained"
    tuned = Benchmark(tuple(e for e in benchmark.evaluations if ("qa.retention", "all") in e.figures), None, benchmark.main)
    if not tuned.evaluations:
        return Section(id_, title, missing="No model here was held against the untouched base.")
    text = (
        "Retention: of the questions (in biographies: facts) that the untouched base has right, the share that the model still has right. "
        "Extraction: of those that the base has wrong, the share that the model has right. The base itself keeps all and gains none, by definition.",
    )
    names = {
        "qa.retention": "kept, questions",
        "qa.extraction": "gained, questions",
        "bio.retention": "kept, biographies",
        "bio.extraction": "gained, biographies",
    }
    group, people = benchmark.whom
    held = {metric: name for metric, name in names.items() if any((metric, "all") in e.figures for e in tuned.evaluations)}
    panels = tuple(share_panel(tuned, metric, group, name) for metric, name in held.items())
    plot = Plot(f"Kept and gained, {people}, with 95% intervals.", panels)
    tables = tuple(group_table(tuned, metric, f"{name.capitalize()}, by popularity.", tuned.groups(metric)) for metric, name in held.items())
    return Section(id_, title, text, (plot, *tables))


def confidence_section(benchmark: Benchmark) -> Section:
    title = "Does it know what it knows?"
    tasks = {"qa": "Questions", "bio": "Biographies"}
    found = {task: name for task, name in tasks.items() if any((f"{task}.auroc", "all") in e.figures for e in benchmark.evaluations)}
    if not found:
        return Section("confidence", title, missing="No answer in these evaluations carries a confidence.")
    text = (
        "Confidence is the probability that the model gave its own words. AUROC: how often a right answer is surer than a wrong one (0.5 is chance). "
        "Area under the risk-coverage curve: mean share wrong when only the surest are kept, over all ways to cut; it falls with accuracy too.",
    )
    blocks: list[Block] = []
    for task, name in found.items():
        columns = [(f"{task}.{metric}", heading, unit) for metric, heading, unit in RANKINGS]
        panels = tuple(share_panel(benchmark, metric, "all", heading, _ranking_axis(benchmark.evaluations, metric, unit)) for metric, heading, unit in columns)
        blocks += [Plot(f"{name}: how well confidence sorts true from false.", panels), metric_table(benchmark, f"{name}, all people.", columns)]
        blocks += risk_blocks(benchmark, task, name)
    return Section("confidence", title, text, tuple(blocks))


def _ranking_axis(evaluations: Sequence[Evaluation], metric: str, unit: Unit) -> Axis:
    found = [figure for e in evaluations if (figure := e.figures.get((metric, "all")))]
    return Axis(0.3, 1, unit) if metric.endswith("auroc") and all((f.low or 1) >= 0.3 for f in found) else axis_around(found, unit)
