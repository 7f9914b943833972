"""`make bench`: every figure in docs/, measured anew. Each part is one module beside this one, and runs alone by its name.

effect        PREREQ-TUNE and its counterparts over many worlds      dev          trials on worlds kept for that
speed         how long commands take to start                        demo         the demo: time, memory, second run
generation    a server used fully                                    endurance    runs killed, against faults, of 100,000 rows
retrieval     knowledge packs                                        claims       claims by rule against human ones
factscore     the known figures of FActScore's human labels          judging      a judge used fully
calibration   what corrected scores are worth                  worldscores  each score against a world's truth
preferences   FactTune and GRATH over the worlds of effect, which must be made        self-learning  the same of Self-Learning
main          every method of effect, preferences and self-learning in one table
experiments   configs/experiments/ over many worlds
beside-trl    a preference run beside TRL's, on a world of effect
plain-sft     plain SFT beside TRL's SFTTrainer
switches      what each switch of `compute` does to the speed of training
prefix-sharing  a prompt computed once for both answers of a pair, beside TRL's DPOTrainer
ten-adapters  ten knowledge adapters beside ten runs of TRL and PEFT      on one GPU: a command of its own, python -m tests.bench.gpu
products      the products of rows with an adapter each, by each way to make them
version-sampling   skill training by one version per step and by all: quality for the same rows and seconds
version-speed   a skill batch of all versions beside one of one version
page          the report of a large run in a browser
answering     1,000 short answers beside transformers' pipeline, on a world of effect
"""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.bench import (
    answering,
    beside_trl,
    calibration,
    claims,
    demo,
    effect,
    endurance,
    experiments,
    factscore,
    generation,
    judging,
    page,
    plain_sft,
    preferences,
    prefix_sharing,
    products,
    retrieval,
    speed,
    switches,
    tables,
    ten_adapters,
    version_sampling,
    version_speed,
    worldscores,
)
from tests.bench.protocol import FROZEN, read_protocol

Chosen = argparse.Namespace
ALONE = ("dev", "endurance", "experiments", "version-sampling")  # hours: not part of all


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=("all", *PARTS), default="all")
    parser.add_argument("--data", type=Path, default=Path("data-bench"), help="where the seeds' artifacts go")
    parser.add_argument("--protocol", type=Path, default=FROZEN)
    parser.add_argument("--seeds", type=numbers, default=[], help="comma list; default: the protocol's")
    parser.add_argument("--draws", type=numbers, default=list(version_sampling.DRAWS), help="comma list of skill seeds, of version-sampling")
    parser.add_argument("--speed", type=float, default=None, help="per row of all versions, as a share of one; default: measured, of version-sampling")
    parser.add_argument("--jobs", type=int, default=2, help="seeds at a time; they share the cores")
    parser.add_argument("--requests", type=int, default=5000, help="of generation")
    parser.add_argument("--rows", type=numbers, default=[25_000, 50_000, 100_000], help="comma list, of endurance")
    parser.add_argument("--passages", type=int, default=1_000_000, help="of the pack that retrieval builds")
    parser.add_argument("--answers", type=int, default=100, help="biographies that judging scores")
    parser.add_argument("--labels", type=Path, default=None, help="human labels in FActScore's format")
    parser.add_argument("--runs", type=int, default=3, help="of demo")
    parser.add_argument("--items", type=int, default=10_000, help="of page")
    parser.add_argument("--turns", type=int, default=5, help="of the parts that take turns")
    parser.add_argument("--prompts", type=numbers, default=[32, 128, 256, 512], help="tokens, comma list, of prefix-sharing")
    parser.add_argument("--answer-tokens", type=numbers, default=[32, 64], help="from, to, of prefix-sharing")
    parser.add_argument("--versions", type=int, default=3, help="of demo")
    parser.add_argument("--size", default="tiny", help="of the demo's world")
    parser.add_argument("--recipes", default=",".join(experiments.EXPERIMENTS), help="comma list, of experiments")
    parser.add_argument("--switch", choices=[one.name for one in switches.VARIANTS], default="", help="of switches; default: all")
    parser.add_argument("--threads", type=int, default=1, help="of switches")
    parser.add_argument("--only-tables", action="store_true", help="of experiments: make nothing")
    chosen = parser.parse_args()
    for name in [part for part in PARTS if part not in ALONE] if chosen.what == "all" else [chosen.what]:
        print(PARTS[name](chosen), flush=True)


def _dev(chosen: Chosen) -> str:
    protocol = read_protocol(chosen.protocol)
    seeds = chosen.seeds or protocol.dev_seeds
    effect.run_seeds(chosen.data, seeds, replace(protocol, methods=protocol.tried(), probe_versions=0), chosen.jobs)
    return tables.trial_table(chosen.data, protocol, seeds)


def _effect(chosen: Chosen) -> str:
    protocol = read_protocol(chosen.protocol)
    seeds = chosen.seeds or protocol.seeds
    effect.run_seeds(chosen.data, seeds, protocol, chosen.jobs)
    return tables.effect_tables(chosen.data, protocol, seeds)


def _experiments(chosen: Chosen) -> str:
    seeds = chosen.seeds or read_protocol(chosen.protocol).seeds
    names = chosen.recipes.split(",")
    if not chosen.only_tables:
        experiments.run_seeds(names, chosen.data, seeds, chosen.jobs)
    return "\n\n".join(experiments.tables(name, chosen.data, seeds) for name in names)


def _preferences(experiment: preferences.Experiment, chosen: Chosen) -> str:
    seeds = chosen.seeds or read_protocol(chosen.protocol).seeds
    preferences.run_seeds(experiment, chosen.data, seeds, chosen.jobs)
    return preferences.preference_tables(experiment, chosen.data, seeds)


def _version_sampling(chosen: Chosen) -> str:
    protocol = read_protocol(chosen.protocol)
    seeds = chosen.seeds or protocol.seeds
    speed = chosen.speed or version_speed.speed_of(chosen.data, seeds[0], chosen.turns)
    version_sampling.run_seeds(chosen.data, seeds, protocol.recipe, chosen.draws, speed, chosen.jobs)
    return version_sampling.table(chosen.data, seeds, chosen.draws, speed)


def numbers(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


PARTS: Mapping[str, Callable[[Chosen], str]] = {
    "speed": lambda _: speed.table(),
    "generation": lambda chosen: generation.table(chosen.requests),
    "factscore": lambda chosen: factscore.table(chosen.labels),
    "claims": lambda _: claims.table(),
    "judging": lambda chosen: judging.table(chosen.answers),
    "calibration": lambda _: calibration.table(),
    "worldscores": lambda chosen: worldscores.table(chosen.data),
    "retrieval": lambda chosen: retrieval.table(chosen.passages),
    "demo": lambda chosen: demo.table(chosen.versions, chosen.size, chosen.runs),
    "effect": _effect,
    "preferences": partial(_preferences, preferences.PREFERENCES),  # after effect, whose models it goes on with
    "self-learning": partial(_preferences, preferences.SELF_LEARNING),
    "main": lambda chosen: preferences.main_table(chosen.data, chosen.seeds or read_protocol(chosen.protocol).seeds, read_protocol(chosen.protocol)),
    "experiments": _experiments,
    "beside-trl": lambda chosen: beside_trl.table(chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns),
    "prefix-sharing": lambda chosen: prefix_sharing.table(chosen.prompts, chosen.answer_tokens, chosen.turns),
    "ten-adapters": lambda chosen: ten_adapters.table(chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns),
    "plain-sft": lambda chosen: plain_sft.table(chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns),
    "products": lambda chosen: products.table(chosen.turns),
    "switches": lambda chosen: switches.table(
        chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns, chosen.switch, chosen.threads
    ),
    "version-sampling": _version_sampling,
    "version-speed": lambda chosen: version_speed.table(chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns),
    "page": lambda chosen: page.table(chosen.items),
    "answering": lambda chosen: answering.table(chosen.data, *(chosen.seeds or read_protocol(chosen.protocol).seeds)[:1], chosen.turns),
    "endurance": lambda chosen: endurance.table(chosen.rows),
    "dev": _dev,
}


if __name__ == "__main__":
    main()
