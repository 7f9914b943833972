"""All benchmarks by name."""

from typing import Any

from factcli.errors import InputError, nearest
from factcli.knowledge.benchmarks.benchmark import Benchmark
from factcli.knowledge.benchmarks.popqa import POPQA

BENCHMARKS: dict[str, Benchmark[Any]] = {benchmark.name: benchmark for benchmark in (POPQA,)}


def benchmark_of(name: str) -> Benchmark[Any]:
    """Raises InputError with the nearest name."""
    if name not in BENCHMARKS:
        raise InputError(f"there is no benchmark {name!r}{nearest(name, BENCHMARKS)}", f"known: {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name]
