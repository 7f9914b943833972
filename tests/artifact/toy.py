"""A small stage to test the artifact layer with: two tables and one folder, in units that can be resumed."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.artifact.lineage import Damage, verify_each
from factcli.config import Config, setting
from factcli.rows import Fact, Person

TABLES = {"people": Person, "facts": Fact, "empty": Person}


class ToyTraining(Config):
    lr: float = setting(1e-3, "Step size", gt=0)
    dtype: str = setting("float32", "Number format", role="numerics")
    log_every_s: float = setting(10.0, "Seconds between log lines", role="operational")


class ToyConfig(Config):
    command: ClassVar[str] = "toy"
    seed: int = setting(0, "Seed of the draws", ge=0)
    n_people: int = setting(3, "People to invent", ge=1)
    threads: int = setting(1, "Processor threads", role="operational", ge=1)
    train: ToyTraining = ToyTraining()


def toy_plan(config: ToyConfig, name: str = "toy", **changes: Any) -> Plan:
    fields = {"stage": "toy", "stage_revision": 1, "kind": "toy", "name": name, "config": config, "inputs": {}, "tables": TABLES}
    return Plan(**(fields | changes))


def person(number: int, name: str = "Mira Osei") -> Person:
    return Person(f"w0.p{number:04d}", f"{name} {number}", "head", "train", 1000 - number)


def fact(number: int, version: int = 0) -> Fact:
    return Fact(f"w0.p{number:04d}.birthplace", f"w0.p{number:04d}", "birthplace", f"Hobart\u2028é {number}", version, aliases=("Hobart",))


def toy_work(draft: Draft, order: Iterable[int] | None = None) -> Outcome:
    """One unit per person, in any order, and a folder as one more unit."""
    n = draft.plan.config.n_people
    for number in range(n) if order is None else order:
        if not draft.done(f"p{number}"):
            draft.write(f"p{number}", number, {"people": [person(number)], "facts": [fact(number, v) for v in range(number % 3)]})
    if not draft.done("weights"):
        weights = draft.folder("adapters/v1") / "weights.bin"
        weights.write_bytes(hashlib.sha256(b"weights").digest() * 40)
        draft.folder("logs").joinpath("run.txt").write_text("began")
        draft.write("weights", n, {})
    return Outcome(f"{n} people", {"n": n})


def make_toy(root: Path, name: str = "toy", work: Callable[[Draft], Outcome] = toy_work, force: bool = False, **settings: Any) -> Artifact:
    return make(toy_plan(ToyConfig(**settings), name), work, root, force)[0]


def damage_of(artifact: Artifact, root: Path) -> list[Damage]:
    """Everything that differs from what was committed, in the artifact and its ancestors."""
    return [damage for _, found in verify_each(artifact, root) for damage in found]


def content_of(artifact: Artifact) -> dict[str, bytes]:
    """Every committed byte but those that may differ between equal runs: times, hence the manifest; logs."""
    paths = (p for p in artifact.path.rglob("*") if p.is_file())
    names = {p.relative_to(artifact.path).as_posix(): p.read_bytes() for p in paths}
    return {name: content for name, content in names.items() if name != "manifest.json" and not name.startswith("logs/")}


def changed_manifest(directory: Path, **changes: Any) -> None:
    path = directory / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=1, ensure_ascii=False) + "\n")
