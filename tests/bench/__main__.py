"""`make bench`: the effect over many worlds (effect.py), how long things take (speed.py, demo.py), a server used fully (generation.py).

`endurance`: runs that are killed, against faults, of 100,000 rows (endurance.py).
"""

import argparse
from dataclasses import replace
from pathlib import Path

from tests.bench import demo, effect, endurance, generation, speed, tables
from tests.bench.protocol import FROZEN, read_protocol


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "effect", "dev", "speed", "demo", "generation", "endurance"), default="all")
    parser.add_argument("--data", type=Path, default=Path("data-bench"), help="where the seeds' artifacts go")
    parser.add_argument("--protocol", type=Path, default=FROZEN)
    parser.add_argument("--seeds", type=numbers, default=[], help="comma list; default: the protocol's")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at a time; they share the cores")
    parser.add_argument("--requests", type=int, default=5000, help="of the generation benchmark")
    parser.add_argument("--rows", type=numbers, default=[25_000, 50_000, 100_000], help="comma list, of the endurance benchmark")
    parser.add_argument("--runs", type=int, default=3, help="of the demo")
    parser.add_argument("--versions", type=int, default=3, help="of the demo")
    parser.add_argument("--size", default="tiny", help="of the demo's world")
    chosen = parser.parse_args()
    protocol = read_protocol(chosen.protocol)
    if chosen.what in ("all", "speed"):
        print(speed.table())
    if chosen.what in ("all", "demo"):
        print(demo.table(chosen.versions, chosen.size, chosen.runs))
    if chosen.what in ("all", "generation"):
        print(generation.table(chosen.requests))
    if chosen.what == "endurance":  # an hour: not part of all
        print(endurance.table(chosen.rows))
    if chosen.what == "dev":
        seeds = chosen.seeds or protocol.dev_seeds
        effect.run_seeds(chosen.data, seeds, replace(protocol, methods=protocol.tried(), probe_versions=0), chosen.jobs)
        print(tables.trial_table(chosen.data, protocol, seeds))
    if chosen.what in ("all", "effect"):
        seeds = chosen.seeds or protocol.seeds
        effect.run_seeds(chosen.data, seeds, protocol, chosen.jobs)
        print(tables.effect_tables(chosen.data, protocol, seeds))


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    main()
