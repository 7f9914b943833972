"""`fact report`: one self-contained HTML page of what was measured, with plots, tables, samples and lineage.

selected.py    which evaluations and comparisons belong on one page
collect.py     evaluations -> benchmarks, methods, who is compared with whom
measured.py    the tables and comparisons of other stages
view.py        what a page consists of; text.py numbers and hostile text; svg.py, charts.py, lineage.py drawings
trained.py     what was evaluated: its method, what it began as, its label
comparison.py, pairwise.py, probes.py, methods.py, questions.py, biographies.py, differences.py, knowledge.py, preferences.py, training.py, selective.py,
samples.py, scored.py, swept.py, provenance.py, environment.py  the sections
browser/       every item, searched in the reader's browser
headline.py    the finding in plain words
page.py        page.html.jinja, style and script -> one file
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from factcli.artifact import Artifact, Draft, Outcome, Plan
from factcli.cost import Cost
from factcli.errors import InputError
from factcli.progress import Report
from factcli.stages.report.biographies import biographies_section
from factcli.stages.report.browser.section import items_section
from factcli.stages.report.collect import NAMES, Benchmark, Collected, collect
from factcli.stages.report.comparison import comparison_sections
from factcli.stages.report.differences import Differences, differences_section, paired
from factcli.stages.report.environment import environment_section, settings_section
from factcli.stages.report.headline import Headline, headline
from factcli.stages.report.knowledge import memorisation_section, swap_section
from factcli.stages.report.methods import methods_section
from factcli.stages.report.page import render
from factcli.stages.report.pairwise import pairwise_sections
from factcli.stages.report.preferences import preferences_section
from factcli.stages.report.probes import probe_sections
from factcli.stages.report.provenance import limits_section, lineage_section, measured_section
from factcli.stages.report.questions import accuracy_section, confidence_section, figures_section, retention_section
from factcli.stages.report.samples import samples_section
from factcli.stages.report.scored import scores_section
from factcli.stages.report.selected import choosing, evaluations_of, fitting, is_comparison, is_pairwise, is_scored, is_sweep, newest_of_each, require_together
from factcli.stages.report.settings import PAGE, REVISION, ReportConfig
from factcli.stages.report.swept import sweep_sections
from factcli.stages.report.text import counted
from factcli.stages.report.training import costs_section, curves_section, gates_section
from factcli.stages.report.view import Part, Section

__all__ = ["ReportConfig", "choosing", "cost", "fitting", "newest_of_each", "plan", "work"]


def plan(config: ReportConfig, chosen: Sequence[Artifact], root: Path, name: str | None) -> Plan:
    """`chosen`: evaluations, scored long answers beside them, and comparisons, whose evaluations join them.

    Raises InputError where there is nothing to show, or where the evaluations are not of one benchmark.
    """
    odd = next((a for a in chosen if a.kind != "eval" and not (is_comparison(a) or is_pairwise(a) or is_scored(a) or is_sweep(a))), None)
    if odd:
        shown = "evaluations, what `fact compare`, `fact eval pairwise` or `fact sweep` made and what `fact score factscore` made"
        raise InputError(f"{odd.ref} is a {odd.kind}: the page shows {shown}", "fact ls")
    beside = [a for a in chosen if a.kind != "eval"]
    evals = evaluations_of(chosen, root)
    require_together(evals, beside)
    names = [a.name for a in (*evals, *beside)]
    inputs = {a.name if names.count(a.name) == 1 else a.ref: a for a in (*evals, *beside)}
    return Plan("report", REVISION, "report", name or "report", config, inputs, {})


def cost() -> Cost:
    """One page and no table, drawn in seconds."""
    return Cost(rows={})


def work(plan: Plan, draft: Draft, root: Path, report: Report) -> Outcome:
    config = plan.config
    assert isinstance(config, ReportConfig)
    report.begin("Drawing the report")
    collected = collect(list(plan.inputs.values()), config.main, root)
    differences = paired(collected.first)
    told = headline(collected, differences)
    page = render(told.title, _subtitle(collected), told, parts_of(collected, differences, config))
    (draft.folder("") / PAGE).write_text(page, encoding="utf-8", newline="\n")
    report.end()
    return _outcome(told, collected)


def parts_of(collected: Collected, differences: Differences | None, config: ReportConfig) -> list[Part]:
    """In the order of the page: what was found, then what it rests on. A section without data says what it lacks."""
    first = collected.first
    pairs = pairwise_sections(collected)
    scored = [scores_section(collected.scores)] if collected.scores else []
    origins = [*sweep_sections(collected.sweeps), lineage_section(collected, config.clock), gates_section(collected), costs_section(collected, config.clock)]
    origins += [environment_section(collected), settings_section(collected)]
    if not first.evaluations:
        return _filled({"Comparison": pairs, "Figures": scored, "Answers": [items_section(collected)], "Where it comes from": origins})
    compared = differences_section(first, differences)
    figures = [methods_section(first), *_answered(first), *_other_benchmarks(collected), *scored, *([compared] if compared.missing else [])]
    curves = [confidence_section(first), *(section for section in [preferences_section(collected)] if section), curves_section(collected)]
    parts = {
        "Comparison": [*comparison_sections(collected), *pairs, *([] if compared.missing else [compared])],
        "Figures": figures,
        "Curves": curves,
        "Probes": [*probe_sections(collected), swap_section(first), memorisation_section(first)],
        "Answers": [samples_section(collected, config.samples, config.seed), items_section(collected)],
        "Where it comes from": [*origins, measured_section(collected), limits_section(collected)],
    }
    return _filled(parts)


def _filled(parts: Mapping[str, Sequence[Section]]) -> list[Part]:
    return [Part(title, tuple(sections)) for title, sections in parts.items() if sections]


def _answered(benchmark: Benchmark) -> list[Section]:
    if not any(e.results.is_some for e in benchmark.evaluations):
        return [figures_section(benchmark, "figures", "Figures")]
    return [accuracy_section(benchmark, "questions", "Questions"), retention_section(benchmark), biographies_section(benchmark)]


def _other_benchmarks(collected: Collected) -> list[Section]:
    """Each benchmark beside the one that fills the page."""
    sections: list[Section] = []
    for stage, benchmark in collected.others.items():
        name, id_ = NAMES.get(stage, stage), stage.replace(" ", "-")
        if not any(e.results.is_some for e in benchmark.evaluations):
            sections.append(figures_section(benchmark, id_, name))
            continue
        sections.append(accuracy_section(benchmark, id_, name))
        kept = retention_section(benchmark, f"{id_}-retention")
        compared = differences_section(benchmark, paired(benchmark), f"{id_}-differences")
        sections += [replace(s, title=f"{s.title}: {name}") for s in (kept, compared) if not s.missing]
    return sections


def _subtitle(collected: Collected) -> str:
    worlds = ", ".join(world.ref for world in collected.of_kind("world"))
    if not collected.first.evaluations:
        return f"{counted(len(collected.pairwise), 'pair')} of models"
    n_subjects = len({a.subject for e in collected.first.evaluations for a in [*e.results.questions, *e.results.biographies]})
    return f"{len(collected.first.evaluations)} models, {n_subjects:,} subjects" + (f", {worlds}" if worlds else "")


def _outcome(told: Headline, collected: Collected) -> Outcome:
    kept = {card.key.label: {"kept": card.value, "interval": card.interval, "n": card.size} for card in told.cards}
    summary = {"page": PAGE, "headline": told.title, "kept": kept, "verdicts": list(told.verdicts), "warnings": list(told.warnings)}
    n_models = len(collected.first.evaluations)
    return Outcome(f"{told.title} ({n_models} models)" if n_models else told.title, summary)
