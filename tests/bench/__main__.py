"""`make bench`: the effect over many worlds (effect.py), times (speed.py, demo.py), a server used fully (generation.py), packs (retrieval.py),
claims (claims.py), FActScore's human labels (factscore.py), a judge used fully (judging.py), what corrected scores are worth (calibration.py)."""

import argparse
from dataclasses import replace
from pathlib import Path

from tests.bench import calibration, claims, demo, effect, factscore, generation, judging, retrieval, speed, tables
from tests.bench.protocol import FROZEN, read_protocol

CHOICES = ("all", "effect", "dev", "speed", "demo", "generation", "retrieval", "claims", "factscore", "judging", "calibration")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("what", nargs="?", choices=CHOICES, default="all")
    parser.add_argument("--data", type=Path, default=Path("data-bench"), help="where the seeds' artifacts go")
    parser.add_argument("--protocol", type=Path, default=FROZEN)
    parser.add_argument("--seeds", type=numbers, default=[], help="comma list; default: the protocol's")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at a time; they share the cores")
    parser.add_argument("--requests", type=int, default=5000, help="of the generation benchmark")
    parser.add_argument("--passages", type=int, default=1_000_000, help="of the pack that the retrieval benchmark builds")
    parser.add_argument("--runs", type=int, default=3, help="of the demo")
    parser.add_argument("--versions", type=int, default=3, help="of the demo")
    parser.add_argument("--size", default="tiny", help="of the demo's world")
    parser.add_argument("--answers", type=int, default=100, help="biographies that the judging benchmark scores")
    parser.add_argument("--labels", type=Path, default=None, help="human labels in FActScore's format")
    chosen = parser.parse_args()
    protocol = read_protocol(chosen.protocol)
    if chosen.what in ("all", "speed"):
        print(speed.table())
    if chosen.what in ("all", "demo"):
        print(demo.table(chosen.versions, chosen.size, chosen.runs))
    if chosen.what in ("all", "generation"):
        print(generation.table(chosen.requests))
    if chosen.what in ("all", "retrieval"):
        print(retrieval.table(chosen.passages))
    if chosen.what in ("all", "claims"):
        print(claims.table())
    if chosen.what in ("all", "factscore"):
        print(factscore.table(chosen.labels))
    if chosen.what in ("all", "judging"):
        print(judging.table(chosen.answers))
    if chosen.what in ("all", "calibration"):
        print(calibration.table())
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
