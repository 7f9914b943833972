"""Where knowledge sits: the swap matrix, and what is left of it when no knowledge is plugged in."""

from collections.abc import Iterable, Sequence

from factcli.rows import MemorisationRow, SwapRow, Task
from factcli.stages.report.charts import axis_around, rows_panel
from factcli.stages.report.collect import Benchmark, Evaluation
from factcli.stages.report.measured import Metric
from factcli.stages.report.methods import key_of
from factcli.stages.report.text import interval, number, size
from factcli.stages.report.view import Block, Cell, Key, Plot, Section, Table, TableRow

TASKS: dict[Task, str] = {"qa": "questions", "bio": "biographies"}
SAMPLES = {
    "out": "out of sample: people, facts and adapters that the skill never saw. This is the finding",
    "in": "in sample: people and adapters that the skill was trained with. A sanity check only",
}
PEOPLE = {"in": "that the skill trained on", "out": "that it never saw"}
OUTSIDE = {"in": "", "out": ", never seen"}


def swap_section(benchmark: Benchmark) -> Section:
    title = "Knowledge swap"
    tables: list[Block] = []
    for evaluation in sorted(benchmark.evaluations, key=lambda e: e is not benchmark.main):
        tables += [_matrix(evaluation, sample) for sample in SAMPLES if _cells(evaluation.swap, sample)]
    if not tables:
        return Section("swap", title, missing="No evaluated model has knowledge adapters to plug back in (or probe_versions is 0).")
    text = (
        "Invented people have other facts in each version of their world. Beside the skill stands one version's knowledge adapter; the row says which, "
        "the column whose facts are asked for. Knowledge that is plugged in should come out (the diagonal), another version's should not, "
        "and with none plugged in nothing but chance.",
    )
    return Section("swap", title, text, tuple(tables))


def _cells(rows: Iterable[SwapRow], sample: str) -> list[SwapRow]:
    return [row for row in rows if row.sample == sample]


def _matrix(evaluation: Evaluation, sample: str) -> Table:
    cells = _cells(evaluation.swap, sample)
    found = {(cell.task, cell.form, cell.plugged, cell.answered): cell for cell in cells}
    asked = [(task, version) for task in TASKS for version in sorted({cell.answered for cell in cells if cell.task == task})]
    plugs = sorted({(cell.plugged == 0, cell.form == "passage", cell.plugged, cell.form) for cell in cells})
    rows = []
    for _, _, plugged, form in plugs:
        head = Cell(f"version {plugged}, {form} adapter" if plugged else "none (dropped)")
        rows.append((head, *(_heat(found.get((task, form, plugged, version)), plugged == version) for task, version in asked)))
    caption = f"{evaluation.label}, {SAMPLES[sample]}. Share of each version's facts that come out."
    return Table(caption, ("Plugged in", *(f"{TASKS[task]}, version {version}" for task, version in asked)), tuple(rows), is_matrix=True)


def _heat(cell: SwapRow | None, is_own: bool) -> Cell:
    if cell is None or cell.value is None:
        return Cell("–", tone="muted", is_number=True)
    metric = _as_metric(cell)
    note = "plugged in" if is_own else ""
    return Cell(number(cell.value, "share"), interval(metric, "share"), size(metric), note, "heat", round(10 * cell.value), is_number=True)


def _as_metric(row: SwapRow | MemorisationRow) -> Metric:
    return Metric("", "", row.value, row.low, row.high, row.n_items, row.n_subjects)


def memorisation_section(benchmark: Benchmark) -> Section:
    title = "What the skill adapter memorised"
    found = [(e, row) for e in benchmark.evaluations for row in e.memorisation]
    if not found:
        return Section("memorisation", title, missing="No evaluated model has invented people among its training data.")
    text = (
        "Facts of invented people that come out with no knowledge plugged in. A skill that only learned to answer gets none but by chance; one that "
        "learned the facts themselves has been taught to invent. Chance: the same answers dealt out anew among the people.",
    )
    panels = tuple(_panel(benchmark, found, task) for task in TASKS if any(row.task == task for _, row in found))
    plot = Plot(
        "Share of invented facts that come out, knowledge dropped; by model and version. Dashed: the highest chance level plus three standard errors.",
        panels,
    )
    columns = ("Model", "people", "task", "version", "come out", "chance", "chance + 3 standard errors", "within chance?")
    rows = tuple(_row(benchmark, evaluation, row) for evaluation, row in found)
    return Section("memorisation", title, text, (plot, Table("Memorisation against chance.", columns, rows)))


def _panel(benchmark: Benchmark, found: Sequence[tuple[Evaluation, MemorisationRow]], task: Task) -> str:
    own = [(e, row) for e, row in found if row.task == task]
    rows = []
    for evaluation, row in own:
        key = key_of(evaluation, benchmark.main)
        rows.append((Key(f"{key.label}, v{row.version}{OUTSIDE[row.sample]}", key.series, is_main=key.is_main), _as_metric(row)))
    limits = [row.chance + 3 * row.chance_se for _, row in own if row.chance is not None and row.chance_se is not None]
    return rows_panel(f"{TASKS[task]}; dashed: chance + 3 SE", rows, axis_around([m for _, m in rows], "share"), max(limits, default=None))


def _row(benchmark: Benchmark, evaluation: Evaluation, row: MemorisationRow) -> TableRow:
    metric = _as_metric(row)
    limit = None if row.chance is None or row.chance_se is None else row.chance + 3 * row.chance_se
    verdict = {True: Cell("✓ yes", tone="good"), False: Cell("✗ no, above", tone="bad"), None: Cell("–", tone="muted")}[row.is_within_chance]
    shown = Cell(number(row.value, "share"), interval(metric, "share"), size(metric), is_number=True)
    numbers = [Cell(number(value, "share"), is_number=True) for value in (row.chance, limit)]
    return key_of(evaluation, benchmark.main), Cell(PEOPLE[row.sample]), Cell(TASKS[row.task]), Cell(str(row.version), is_number=True), shown, *numbers, verdict
