"""From settings to a backend that answers; `generate` of each is the same."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from factcli.backends.apikey import read_key
from factcli.backends.bill import Budget, Usage, read_price
from factcli.backends.buying import Terms
from factcli.backends.cachefile import cache_directory
from factcli.backends.http import HttpBackend
from factcli.backends.keys import Endpoint
from factcli.backends.planning import Estimate, estimate
from factcli.backends.pool import Pool
from factcli.backends.requests import Request, Requests, Response
from factcli.backends.retrying import Patience
from factcli.backends.scripted import load_script
from factcli.backends.settings import GenerationConfig
from factcli.backends.spec import HttpSpec, LocalSpec, ScriptedSpec, parse_spec
from factcli.errors import SettingsError
from factcli.extras import require_train

if TYPE_CHECKING:
    from factcli.basemodel import BaseModelRef


class Backend(Protocol):
    """Something that answers requests. `usage` grows while it does; `endpoint` is who answers, for keys and manifests."""

    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def usage(self) -> Usage: ...
    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, as they finish; memory does not grow with their number."""
        ...


def open_backend(
    config: GenerationConfig,
    resolve_base: "Callable[[str], BaseModelRef] | None" = None,
    adapters: Mapping[str, str] | None = None,
    watch: Callable[[Pool], None] | None = None,
) -> Backend:
    """The backend that `config.backend` names. Nothing is sent yet.

    `resolve_base` finds what `local:REF` names; `adapters` are the directories plugged in there, by name; `watch` is told
    of the http backend's pool for the live panel. Raises SettingsError, InputError or BackendError as each part does.
    """
    spec = parse_spec(config.backend, config.servers)
    if isinstance(spec, ScriptedSpec):
        return load_script(spec.path)
    if isinstance(spec, HttpSpec):
        return _open_http(spec, config, watch)
    return _open_local(spec, config, resolve_base, adapters or {})


def plan_of(config: GenerationConfig, backend: Backend, requests: Iterable[Request]) -> Estimate:
    """What `backend.generate(requests)` would buy, for a dry run; nothing is sent."""
    price = read_price(config.price, backend.endpoint.model)
    return estimate(requests, backend.endpoint, cache_directory(), price, config.requests_per_s)


def terms_of(config: GenerationConfig) -> Terms:
    patience = Patience(tries=config.tries, patience_s=config.patience_s, timeout_s=config.timeout_s)
    return Terms(patience, config.json_asks, config.retry_failed)


def _open_http(spec: HttpSpec, config: GenerationConfig, watch: Callable[[Pool], None] | None) -> Backend:
    budget = Budget(read_price(config.price, spec.model), config.budget, Usage())
    key = read_key(config.key_variable, config.key_file)
    return HttpBackend(spec, key, cache_directory(), budget, terms_of(config), config.revision, config.most_in_flight, watch)


def _open_local(spec: LocalSpec, config: GenerationConfig, resolve_base: "Callable[[str], BaseModelRef] | None", adapters: Mapping[str, str]) -> Backend:
    if resolve_base is None:
        raise SettingsError(f"this command does not run models in its own process: {config.backend}", "give http:MODEL@URL")
    require_train()
    from factcli.backends.sampling import load_local

    return load_local(resolve_base(spec.ref), adapters, cache_directory(), terms_of(config))
