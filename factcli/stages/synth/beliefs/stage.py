"""Plan, dry run and work of `fact synth beliefs`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from factcli.artifact import Draft, Outcome, Plan
from factcli.backends.asking import digests, load_templates
from factcli.backends.chains import Chain
from factcli.backends.filling import Rows, Unit, counts_of, fill, imagine, usage_of
from factcli.backends.opening import Answering
from factcli.backends.planning import Estimate
from factcli.errors import SettingsError
from factcli.progress import Report
from factcli.stages.synth.beliefs.settings import TABLES, BeliefsConfig, Source
from factcli.stages.synth.beliefs.targets import REWRITE, units
from factcli.stages.synth.book import nothing_left

REVISION = 2
KIND = "beliefs"  # not "synth": commands that take the newest data shall not take these rows alone


def plan(config: BeliefsConfig, source: Source, who: Answering | None, name: str | None) -> Plan:
    if config.rewrite == "world" and source.world is None:
        raise SettingsError("rewrite is world, and these samples come from none", "--backend SPEC has a model write: --set rewrite=model")
    pinned = digests(load_templates([REWRITE])) if who is not None else {}
    inputs = source.inputs | {role: artifact for role, artifact in (who.inputs if who else {}).items() if role not in source.inputs}
    return Plan("synth beliefs", REVISION, KIND, name or config.method, config, inputs, TABLES, pinned, who.identity if who else {})


def imagined(config: BeliefsConfig, source: Source, who: Answering) -> Estimate:
    """What writing anew would buy."""
    return imagine(who, units(config, source, who))


def work(plan: Plan, draft: Draft, source: Source, who: Answering | None, report: Report) -> Outcome:
    """Every prompt is a unit."""
    config = plan.config
    assert isinstance(config, BeliefsConfig)
    todo = list(units(config, source, who))
    backend = None
    if who is not None:
        backend = fill(draft, who, todo, len(todo), report, "Writing what is believed", is_greedy=True)
    else:
        _write_all(draft, todo, report)
    return _outcome(draft, config, source, len(todo), usage_of(draft, who, backend) if who is not None else {})


def _write_all(draft: Draft, todo: Sequence[Unit], report: Report) -> None:
    """Chains that ask nobody."""
    report.begin("Sorting what is believed", len(todo))
    for number, unit in enumerate(todo):
        if not draft.done(unit.name):
            draft.write(unit.name, unit.order, _run(unit.chain()))
        report.update(number + 1)
    report.end()


def _run(chain: Chain[Rows]) -> Rows:
    try:
        while True:
            assert not next(chain), "a chain without a backend asks nothing"
    except StopIteration as end:
        rows: Rows = end.value
        return rows


def _outcome(draft: Draft, config: BeliefsConfig, source: Source, n_prompts: int, usage: Mapping[str, Any]) -> Outcome:
    tasks = Counter(row["task"] for row in draft.rows("chats"))
    if not tasks:
        raise nothing_left(draft)
    targets = list(draft.rows("targets"))
    n_units, n_kept = (sum(row[name] for row in targets) for name in ("n_units", "n_kept"))
    n_human = sum(row["source"] == "human" for row in targets)
    headline = f"{config.method}: {tasks.total()} of {n_prompts} prompts answered by {source.samples.manifest.model.get('model', 'the model')} itself"
    if config.method == "beliefs":
        headline += f", of what it believes at {config.least:g} or more ({n_kept} of {n_units} claims of these)"
    headline += f"; {n_human} answers of the data's own" if n_human else ""
    summary = {
        "recipe": next((recipe for parent in (source.data, source.world) if parent is not None and (recipe := parent.summary.get("recipe"))), None),
        "method": config.method,
        "prompts": n_prompts,
        "rows": dict(sorted(tasks.items())),
        "claims": n_units,
        "believed": n_kept,
        "rewritten": dict(sorted(Counter(row["rewritten"] for row in targets).items())),
    }
    return Outcome(headline, summary, counts_of(draft), dict(usage))
