"""What `--backend` says: `http:MODEL@URL[,URL2...]`, `http:MODEL@NAME`, `local:REF` or `scripted:FILE`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from factcli.backends.keys import Endpoint
from factcli.errors import SettingsError, nearest

FORMS = {"http": "http:MODEL@URL", "local": "local:REF", "scripted": "scripted:FILE"}
HINT = "http:MODEL@http://HOST:PORT/v1, http:MODEL@NAME with NAME under `servers`, local:REF or scripted:FILE"


@dataclass(frozen=True, slots=True)
class HttpSpec:
    """A model behind one or several base URLs. `place` names them in the cache: NAME, or the sorted URLs."""

    model: str
    urls: tuple[str, ...]
    place: tuple[str, ...]

    def endpoint(self, revision: str = "") -> Endpoint:
        return Endpoint(self.place, self.model, revision)


@dataclass(frozen=True, slots=True)
class LocalSpec:
    ref: str  # an artifact, a model directory or a hub name


@dataclass(frozen=True, slots=True)
class ScriptedSpec:
    path: Path


Spec = HttpSpec | LocalSpec | ScriptedSpec


def parse_spec(text: str, servers: Mapping[str, Sequence[str]] | None = None) -> Spec:
    """What `text` names. Raises SettingsError with the nearest form. `servers`: NAME -> base URLs."""
    kind, _, rest = text.partition(":")
    if kind not in FORMS or not rest:
        meant = f"; need {FORMS[kind]}" if kind in FORMS else nearest(kind, FORMS)
        raise SettingsError(f"backend {_without_secret(text)!r} is not KIND:WHAT{meant}", HINT)
    if kind == "http":
        return _http(text, rest, servers or {})
    return LocalSpec(rest) if kind == "local" else ScriptedSpec(Path(rest))


def _http(text: str, rest: str, servers: Mapping[str, Sequence[str]]) -> HttpSpec:
    model, at, where = _split_model(rest)
    if not at or not model or not where:
        raise SettingsError(f"backend {_without_secret(text)!r} does not say which model is where; need http:MODEL@URL", HINT)
    if "://" in where:
        urls = tuple(base_url(url) for url in where.split(","))
        return HttpSpec(model, urls, tuple(sorted(set(urls))))
    if where not in servers:
        known = ", ".join(sorted(servers)) or "none are listed"
        raise SettingsError(f"no server is called {where!r}{nearest(where, servers)}", f"give a URL, or list it in a settings file under `servers`: {known}")
    return HttpSpec(model, tuple(base_url(url) for url in servers[where]), (where,))


def _split_model(rest: str) -> tuple[str, str, str]:
    """At the last `@` before the URLs: a model's name may hold one, and so may a URL with a password in it."""
    head = rest.partition("://")[0]
    place = head.rfind("@")
    return (rest, "", "") if place < 0 else (rest[:place], "@", rest[place + 1 :])


def base_url(url: str) -> str:
    """Without a trailing slash. A password in it is refused: it would be written into every manifest."""
    url = url.strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{_without_secret(url)!r} is not a base URL", "for example http://localhost:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(
            f"the base URL of {parts.hostname} holds a user, password or query",
            "keys come from the environment or a key file, never from a URL: it is recorded",
        )
    return url


def _without_secret(text: str) -> str:
    """For messages: without what stands before the host of a URL, and without a query."""
    scheme, mark, rest = text.partition("://")
    return text if not mark else f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
