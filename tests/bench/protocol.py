"""What the experiment is: read from protocol.yaml, so that a person can freeze it in one place and a test can shrink it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Settings = Mapping[str, Any]
FROZEN = Path(__file__).parent / "protocol.yaml"


@dataclass(frozen=True, slots=True)
class Protocol:
    """`recipe`: of configs/<command>/; `world` and each method's settings are laid over it."""

    recipe: str
    world: Settings
    dev_seeds: tuple[int, ...]
    seeds: tuple[int, ...]
    trials: tuple[float, ...]  # learning rates tried for each tuned method
    tuned: tuple[str, ...]
    methods: Mapping[str, Settings]
    probe_versions: int

    def tried(self) -> dict[str, Settings]:
        """Every tuned method at every learning rate."""
        return {trial_name(name, rate): {**self.methods[name], "lr": rate} for name in self.tuned for rate in self.trials}


def trial_name(method: str, rate: float) -> str:
    return f"{method}-{rate:g}"


def read_protocol(path: Path = FROZEN) -> Protocol:
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    lists = {name: tuple(given[name]) for name in ("dev_seeds", "seeds", "trials", "tuned")}
    return Protocol(**{**given, **lists})
