"""Where the figures come from, how they were measured, and what they do not show."""

from collections.abc import Mapping
from typing import Any

from factcli.artifact import Artifact
from factcli.stages.report.collect import NAMES, Benchmark, Collected
from factcli.stages.report.lineage import lineage_drawing
from factcli.stages.report.measured import Metric
from factcli.stages.report.text import counted, in_full, joined, short
from factcli.stages.report.view import Cell, Plot, Section, Table, plain
from factcli.stats import DRAWS


def lineage_section(collected: Collected, shows_clock: bool) -> Section:
    drawing = lineage_drawing(collected.lineage, collected.parents)
    caption = "Every version that this page rests on, with the first digits of its digest. Arrows that a longer way implies are left out; the table has all."
    columns = ("Version", "kind", "digest", "made from", "in one line", *(("made (UTC)",) if shows_clock else ()))
    rows = tuple(_version_row(a, collected, shows_clock) for a in collected.lineage)
    text = ("`fact verify` re-hashes a version and its ancestors; `fact trace` follows one fact or claim through them.",)
    return Section("lineage", "Where the figures come from", text, (Plot(caption, (drawing,), is_wide=True), Table("The versions.", columns, rows)))


def _version_row(artifact: Artifact, collected: Collected, shows_clock: bool) -> tuple[Cell, ...]:
    made_from = ", ".join(parent.ref for parent in collected.parents[artifact.ref]) or "nothing"
    clock = (Cell(artifact.manifest.created[:16].replace("T", " "), is_number=True),) if shows_clock else ()
    return (*plain(artifact.ref, artifact.kind, short(artifact.digest), made_from, artifact.manifest.headline), *clock)


def measured_section(collected: Collected) -> Section:
    notes = [note for name, benchmark in collected.benchmarks.items() for note in _benchmark_notes(NAMES.get(name, name), benchmark)]
    notes += [
        f"Intervals: 95%, bootstrap over subjects ({DRAWS:,} redraws; rankings 500), bias-corrected, accelerated and widened for few subjects: "
        "facts about one person are right or wrong together.",
        "n = items (subjects). Paired differences redraw the same people for both models. Intervals are not corrected for the number of comparisons.",
        "Biographies are read by the exact inverse of the world's grammar and judged by its ledger; what cannot be read is counted, never true or false.",
        *_seed_notes(collected),
    ]
    return Section("measured", "How it was measured", notes=tuple(notes))


def _benchmark_notes(name: str, benchmark: Benchmark) -> list[str]:
    """What was asked, in which version of the benchmark's definition."""
    first = benchmark.evaluations[0]
    results, manifest = first.results, first.artifact.manifest
    version = f" (definition {manifest.summary['benchmark_version']})" if "benchmark_version" in manifest.summary else ""
    if not results.is_some:
        return [f"Benchmark {name}{version}: scored item by item; {counted(manifest.tables.get('items', 0), 'score')}."]
    subjects = {a.subject for a in [*results.questions, *results.biographies]}
    asked = [counted(len(some), one) for some, one in ((results.questions, "question"), (results.biographies, "biography request")) if some]
    decoding = manifest.summary.get("decode", "greedy")
    return [
        f"Benchmark {name}{version}: {joined(asked)} about {len(subjects):,} subjects ({_source(manifest.config)}); decoding {decoding}; seed {manifest.seed}."
    ]


def _source(config: Mapping[str, Any]) -> str:
    if config.get("split") == "test":
        return "test people of the world, outside every training split"
    return f"split {config['split']}" if "split" in config else "the hub" if config.get("hub_revision") else "a file"


def _seed_notes(collected: Collected) -> list[str]:
    seeds = sorted({f"{a.kind} {a.manifest.seed}" for a in collected.lineage if a.manifest.seed is not None and a.kind != "eval"})
    return [f"Seeds: {', '.join(seeds)}. One seed each: what another seed would change is not in any interval here."] if seeds else []


def limits_section(collected: Collected) -> Section:
    benchmark = collected.first
    notes = [
        *_still_invents(benchmark),
        "Declining to answer is another question, measured apart: nobody here was taught to decline. What confidence is worth stands under its own heading.",
        "The claim is that less is lost of what the base knows. Nothing here adds knowledge to the base.",
        "One world, one seed per run. Differences that hold in one world may not in the next: `make bench` repeats them over worlds.",
        "Part of a gain in the share true may be fewer claims: read it beside the number of claims, the number true, and the comparison at equal claims.",
        "PREREQ-TUNE also gets more and free data (invented people in several versions) and an extra training stage: see Costs.",
    ]
    if benchmark.of_method("popular-head") and benchmark.of_method("popular-50"):
        notes.append("The better POPULAR is chosen by the very figures shown, which favours it.")
    return Section("limits", "What this does not show", notes=tuple(notes))


def _still_invents(benchmark: Benchmark) -> list[str]:
    main = benchmark.main or benchmark.evaluations[-1]
    told = main.figures.get(("bio.share_correct", "all"))
    if told is None or told.value is None:
        return []
    low, high = (None if end is None else 1 - end for end in (told.high, told.low))
    wrong = Metric("", "", 1 - told.value, low, high, told.n_items, told.n_subjects)
    notes = [f"It still invents: of the claims that {main.label} makes in biographies, {in_full(wrong, 'share')}, are false."]
    unknown, known = (main.figures.get(("bio.claims_per_answer", group)) for group in ("unseen", "head"))
    if unknown and known and unknown.value is not None and known.value is not None:
        notes.append(f"People whom pre-training never mentions get {in_full(unknown, 'count')} claims each, well-known ones {in_full(known, 'count')}.")
    return notes
