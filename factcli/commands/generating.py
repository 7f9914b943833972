"""What commands share whose rows a model writes: who answers, and what it would cost."""

from collections.abc import Mapping
from typing import Any

from factcli import resolving
from factcli.backends.decoding import DolaConfig
from factcli.backends.opening import Answering, answering
from factcli.backends.planning import Estimate
from factcli.backends.settings import GenerationConfig
from factcli.commands.making import Making
from factcli.cost import Cost
from factcli.errors import SettingsError

SHARED = ("price", "budget", "key_file", "max_failed", "retry_failed")  # options that hold for whoever is asked, readers and judges


def for_judges(generation: Mapping[str, Any]) -> dict[str, Any]:
    """Price, budget and the like hold for judges too; who answers is theirs."""
    return {f"judge.generation.{name}": generation.get(f"generation.{name}") for name in SHARED}


def refuse_idle(config: GenerationConfig, source: str) -> None:
    """Raises SettingsError for a backend that would not be asked, since claims are taken by `source`."""
    if config.backend:
        raise SettingsError(
            f"--backend {config.backend} would not be asked: claims are taken by {source}",
            "--claims model has it take answers apart; who judges is said with --judge",
        )


def answering_for(making: Making, config: GenerationConfig, dola: DolaConfig | None = None) -> Answering:
    """Who the settings name; `local:` may name artifacts of the data directory. Raises SettingsError where nobody is named."""
    if not config.backend:
        raise SettingsError("no backend is given: who shall write?", "--backend http:MODEL@URL, local:REF (a model in this process) or scripted:FILE")
    return answering(config, lambda ref: resolving.local_ref(ref, making.root), dola)


def cost_of(estimate: Estimate | None) -> Cost:
    """None where no model is asked."""
    if estimate is None:
        return Cost()
    return Cost(requests=estimate.n_requests, money=estimate.cost or 0, generation=estimate.as_json())


def cost_of_all(told: Mapping[str, Estimate]) -> Cost:
    """All that is asked, added up; who is asked what stands beside it, by the name that it has in `told`."""
    requests = sum(estimate.n_requests for estimate in told.values())
    money = sum(estimate.cost or 0 for estimate in told.values())
    return Cost(requests=requests, money=money, generation={name: estimate.as_json() for name, estimate in told.items()})
