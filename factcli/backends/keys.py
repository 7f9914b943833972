"""The name under which an answer is kept: the same for the same question to the same model, on every machine."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from pydantic import BaseModel

from factcli.artifact.manifest import sha256_of
from factcli.backends.requests import Request, Sampling
from factcli.errors import InputError

SAMPLING_FIELDS = tuple(field.name for field in fields(Sampling))
LATER = ("repetition_penalty",)  # fields that came after answers had been bought: in the key where they are set, else old answers would be lost
KEY_SCHEMA = 1  # raised when the meaning of a key changes: no answer from before is found then


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who answers. `place` is the name a person gave, or the sorted base URLs; for `local:` what pins the weights."""

    place: tuple[str, ...]
    model: str
    revision: str = ""

    @property
    def name(self) -> str:
        return f"{self.model}@{','.join(sorted(self.place))}"


def request_key(request: Request, endpoint: Endpoint) -> str:
    """64 hexadecimal digits. The id of the request is left out: two rows may ask the same and then share an answer."""
    try:
        return sha256_of(key_parts(request, endpoint))
    except UnicodeEncodeError as error:
        raise InputError(f"request {request.id!r} holds half a character: {error}", "the text it was made from is not valid Unicode") from error


def key_parts(request: Request, endpoint: Endpoint) -> Mapping[str, Any]:
    is_text = isinstance(request.prompt, str)
    return {
        "schema": KEY_SCHEMA,
        "place": sorted(endpoint.place),
        "model": endpoint.model,
        "revision": endpoint.revision,
        "prompt" if is_text else "messages": request.prompt if is_text else [list(turn) for turn in request.prompt],
        "sampling": {name: value for name in SAMPLING_FIELDS if (value := getattr(request.sampling, name)) is not None or name not in LATER},
        "sample": request.sample,
        "logprobs": [request.wants_logprobs, request.wants_prompt_logprobs],
        "format": _form_of(request.schema) if request.schema else None,
        "adapters": list(request.adapters),
    } | ({"choices": list(request.choices)} if request.choices else {})


@cache  # of a handful of classes; pydantic takes a millisecond to spell one out
def _form_of(schema: type[BaseModel]) -> Mapping[str, Any]:
    return schema.model_json_schema()
