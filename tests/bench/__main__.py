"""`make bench`: the effect over many worlds (effect.py), how long things take (speed.py), and a server used fully (generation.py)."""

import argparse
from pathlib import Path

from tests.bench import effect, generation, speed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("all", "effect", "dev", "speed", "generation"), default="all")
    parser.add_argument("--data", type=Path, default=Path("data-bench"), help="where the seeds' artifacts go")
    parser.add_argument("--seeds", help="comma list; default: the protocol's")
    parser.add_argument("--requests", type=int, default=5000, help="of the generation benchmark")
    chosen = parser.parse_args()
    if chosen.what in ("all", "speed"):
        print(speed.table())
    if chosen.what in ("all", "generation"):
        print(generation.table(chosen.requests))
    if chosen.what == "dev":
        seeds = numbers(chosen.seeds) or effect.PROTOCOL["dev_seeds"]
        effect.run_seeds(chosen.data, seeds, effect.trials(), "dev")
        print(effect.dev_table(chosen.data, seeds))
    if chosen.what in ("all", "effect"):
        seeds = numbers(chosen.seeds) or effect.PROTOCOL["seeds"]
        effect.run_seeds(chosen.data, seeds, effect.PROTOCOL["methods"], "test")
        print(effect.tables(chosen.data, seeds))


def numbers(text: str | None) -> list[int]:
    return [int(part) for part in text.split(",")] if text else []


if __name__ == "__main__":
    main()
