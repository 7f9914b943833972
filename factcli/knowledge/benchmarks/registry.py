"""All benchmarks by name."""

from typing import Any

from factcli.errors import InputError, nearest
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.choices import MC, TRUTHFULQA
from factcli.knowledge.benchmarks.halueval import HALUEVALQA
from factcli.knowledge.benchmarks.long import BIO, LONGFACT, MEDICAL
from factcli.knowledge.benchmarks.popqa import POPQA
from factcli.knowledge.benchmarks.referenced import TRUTHFULQA_GENERATION
from factcli.knowledge.benchmarks.short import SHORT
from factcli.knowledge.benchmarks.texts import PERPLEXITY

WORLD: Benchmark[Any] = Benchmark(
    name="world",
    version=3,
    kind="world",
    about="An invented world's questions and biographies, judged by its ledger; popularity groups, unseen people, two probes of the skill.",
    file_format="none: `fact world` makes them",
    rule="contains",
)
KNOWN: tuple[Benchmark[Any], ...] = (
    *(WORLD, POPQA, *SHORT),
    *(TRUTHFULQA, TRUTHFULQA_GENERATION, MC, HALUEVALQA),
    *(BIO, MEDICAL, LONGFACT, PERPLEXITY),
)
BENCHMARKS: dict[str, Benchmark[Any]] = {benchmark.name: benchmark for benchmark in KNOWN}


def benchmark_of(name: str) -> Benchmark[Any]:
    """Raises InputError with the nearest name."""
    if name not in BENCHMARKS:
        raise InputError(f"there is no benchmark {name!r}{nearest(name, BENCHMARKS)}", f"known: {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]
