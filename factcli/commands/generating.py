"""What commands share whose rows a model writes: who answers, and what it would cost."""

from factcli import resolving
from factcli.backends.opening import Answering, answering
from factcli.backends.planning import Estimate
from factcli.backends.settings import GenerationConfig
from factcli.commands.making import Making
from factcli.cost import Cost
from factcli.errors import SettingsError


def answering_for(making: Making, config: GenerationConfig) -> Answering:
    """Who the settings name; `local:` may name artifacts of the data directory. Raises SettingsError where nobody is named."""
    if not config.backend:
        raise SettingsError("no backend is given: who shall write?", "--backend http:MODEL@URL, local:REF (a model in this process) or scripted:FILE")
    return answering(config, lambda ref: resolving.local_ref(ref, making.root))


def cost_of(estimate: Estimate) -> Cost:
    return Cost(requests=estimate.n_requests, money=estimate.cost or 0, generation=estimate.as_json())
