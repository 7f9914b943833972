"""From settings to who answers: known before anything is loaded or sent, opened when work begins."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from factcli.artifact import Artifact
from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.backends.apikey import read_key
from factcli.backends.bill import Budget, Price, Usage, read_price
from factcli.backends.buying import Terms
from factcli.backends.cachefile import cache_directory
from factcli.backends.decoding import DolaConfig
from factcli.backends.http import HttpBackend
from factcli.backends.keys import Endpoint
from factcli.backends.planning import Imagined
from factcli.backends.pool import Pool
from factcli.backends.requests import Requests, Response
from factcli.backends.retrying import Patience
from factcli.backends.scripted import load_script
from factcli.backends.settings import GenerationConfig
from factcli.backends.spec import HttpSpec, LocalSpec, ScriptedSpec, parse_spec
from factcli.errors import SettingsError
from factcli.extras import require_train
from factcli.resolving import LocalRef


class Backend(Protocol):
    """Something that answers requests. `usage` grows while it does; `endpoint` is who answers, for keys and manifests."""

    @property
    def endpoint(self) -> Endpoint: ...
    @property
    def usage(self) -> Usage: ...
    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, as they finish; memory does not grow with their number."""
        ...


FindLocal = Callable[[str], LocalRef]
Watch = Callable[[Pool], None]


@dataclass(frozen=True, slots=True)
class Answering:
    """Who will answer, and on what terms."""

    config: GenerationConfig
    spec: HttpSpec | LocalSpec | ScriptedSpec
    endpoint: Endpoint
    price: Price
    local: LocalRef | None = None
    dola: DolaConfig | None = None  # how a model in this process decodes; None: as each request says

    @property
    def identity(self) -> Mapping[str, Any]:
        """What the key of an artifact covers; no path or port of this machine but the URLs of a server without a name."""
        return {"place": sorted(self.endpoint.place), "model": self.endpoint.model, "revision": self.endpoint.revision}

    @property
    def inputs(self) -> Mapping[str, Artifact]:
        """The artifacts that answer, for lineage."""
        return self.local.inputs if self.local else {}

    @property
    def adapters(self) -> tuple[str, ...]:
        """What is plugged in with every request."""
        return tuple(sorted(self.local.adapters)) if self.local else ()

    def imagined(self) -> Imagined:
        """For a dry run."""
        return Imagined(self.endpoint, cache_directory(), self.price, self.config.requests_per_s)

    def open(self, watch: Watch | None = None, spent_before: float = 0.0) -> Backend:
        """Ready to answer; nothing is sent yet. `watch` is told of an http backend's pool, for the live panel.

        `spent_before`: what earlier runs of the same work took of the budget.
        """
        if isinstance(self.spec, ScriptedSpec):
            return load_script(self.spec.path)
        if isinstance(self.spec, HttpSpec):
            return self._http(self.spec, watch, spent_before)
        require_train()
        from factcli.backends.sampling import load_local

        assert self.local is not None
        return load_local(self.local, self.endpoint, cache_directory(), terms_of(self.config), self.dola)

    def _http(self, spec: HttpSpec, watch: Watch | None, spent_before: float) -> HttpBackend:
        config = self.config
        key = read_key(config.key_variable, config.key_file)
        budget = Budget(self.price, config.budget, Usage(), spent_before)
        return HttpBackend(
            spec, key, cache_directory(), budget, terms_of(config), config.revision, config.most_in_flight, watch, first_in_flight=config.first_in_flight
        )


def answering(config: GenerationConfig, find_local: FindLocal | None = None, dola: DolaConfig | None = None) -> Answering:
    """Who `config.backend` names. Raises SettingsError or InputError; nothing is loaded or sent.

    `find_local` finds what `local:REF` names. `dola`: its greedy answers are decoded so; a model elsewhere shows no layers.
    """
    spec = parse_spec(config.backend, config.servers)
    if dola is not None and not isinstance(spec, LocalSpec):
        raise SettingsError(
            f"dola contrasts the layers of a model, and {config.backend} shows none", "a model in this process: --model REF; or --decode greedy"
        )
    if isinstance(spec, HttpSpec):
        price = read_price(config.price, spec.model)
        if config.budget is not None and price == Price():
            raise SettingsError(f"a budget of {config.budget:g} stops nothing without a price", "say what tokens cost: --price IN,OUT per million")
        return Answering(config, spec, spec.endpoint(config.revision), price)
    if isinstance(spec, ScriptedSpec):
        return Answering(config, spec, load_script(spec.path).endpoint, Price())
    if find_local is None:
        raise SettingsError(f"this command does not run models in its own process: {config.backend}", "give http:MODEL@URL")
    local = find_local(spec.ref)
    return Answering(config, spec, local_endpoint(local, dola), Price(), local, dola)


def local_endpoint(local: LocalRef, dola: DolaConfig | None = None) -> Endpoint:
    """Who answers, by the digests of base, adapters and chat template, and how it decodes: the same on every machine."""
    pinned = [dict(local.base.identity), {role: artifact.digest for role, artifact in local.base.inputs.items()}]
    plugged = {name: _digest(Path(directory)) for name, directory in local.adapters.items()}
    decoded = [] if dola is None else [dola.model_dump(mode="json")]
    return Endpoint((sha256_of([pinned, plugged, local.chat_template, *decoded]),), local.base.name)


def _digest(directory: Path) -> str:
    return sha256_of([(path.name, sha256_of_file(path)) for path in sorted(directory.iterdir()) if path.suffix in (".json", ".safetensors")])


def terms_of(config: GenerationConfig) -> Terms:
    patience = Patience(tries=config.tries, patience_s=config.patience_s, timeout_s=config.timeout_s)
    return Terms(patience, config.json_asks, config.retry_failed)
