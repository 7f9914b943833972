"""The JSON body of a request, in words that the server takes: what one needs another refuses, and its refusal says so.

max_tokens    OpenAI's newer models want `max_completion_tokens` in a chat
alternatives  20 for the first word of an answer, or 5 where a server gives no more
a form        a strict JSON schema, a JSON schema, `json_object`, or nothing: whatever is sent, answers are validated here
temperature   0 is refused where it must be above 0 (TGI): then GREEDY is sent; where only the default is taken (OpenAI's reasoning
              models) 0 and 1 are left out, and any other fails
seed          left out where it is refused: the server then draws as it likes
stop          left out where it is refused, for some models or for too many strings: answers are cut here

What else is refused (top_p, log-probabilities, repetition_penalty) has nothing that could stand in its place.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from factcli.backends.completions import Turn
from factcli.backends.requests import Request
from factcli.backends.strict import strict_schema

Form = Literal["strict", "json_schema", "json_object", "none"]
WEAKER: Mapping[Form, Form] = {"strict": "json_schema", "json_schema": "json_object", "json_object": "none"}
NOT_UNDERSTOOD = (400, 422)
ALTERNATIVES, FEWER_ALTERNATIVES = 20, 5  # the most of OpenAI's chat, and of its completions
GREEDY = 0.01  # a temperature at which a token e times as likely as another is drawn e^100 times as often
POSITIVE = re.compile(r"positive|greater than 0|> ?0")
DEFAULTS = (0.0, 1.0)  # temperatures that a server's own default of 1 stands in for: 1 is the same, 0 is said to be lost


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one server wants to be asked, as far as it is known."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # of a chat
    form: Form = "strict"
    temperature: Literal["any", "positive", "default"] = "any"
    takes_seed: bool = True
    takes_stop: bool = True
    alternatives: int = ALTERNATIVES

    def corrected(self, request: Request, status: int, words: str) -> "Dialect | None":
        """What to try where a request in this dialect was refused; None where that was about something else."""
        if status not in NOT_UNDERSTOOD:
            return None
        return next((replace(self, **change) for change in self._changes(request, words)), None)

    def _changes(self, request: Request, words: str) -> Iterator[dict[str, Any]]:
        sampling, is_chat = request.sampling, not isinstance(request.prompt, str)
        if request.choices and self.alternatives > FEWER_ALTERNATIVES and "logprobs" in words:
            yield {"alternatives": FEWER_ALTERNATIVES}
        if is_chat and self.limit == "max_tokens" and ("max_completion_tokens" in words or ("unsupported_parameter" in words and "'max_tokens'" in words)):
            yield {"limit": "max_completion_tokens"}
        if is_chat and request.schema is not None and self.form != "none" and ("response_format" in words or "json_schema" in words):
            yield {"form": _weaker(self.form, request.schema)}
        if self.temperature != "default" and sampling.temperature in DEFAULTS and _names("temperature", words):
            must_be_positive = self.temperature == "any" and sampling.temperature == 0 and POSITIVE.search(words)
            yield {"temperature": "positive" if must_be_positive else "default"}
        if self.takes_seed and sampling.seed is not None and _names("seed", words):
            yield {"takes_seed": False}
        if self.takes_stop and sampling.stop and _names("stop", words):
            yield {"takes_stop": False}

    def learned(self, before: "Dialect", after: "Dialect") -> "Dialect":
        """This one, with what has changed from `before` to `after`: others may have learned something else meanwhile."""
        changed = {field.name: getattr(after, field.name) for field in fields(self) if getattr(after, field.name) != getattr(before, field.name)}
        return replace(self, **changed)


def _names(parameter: str, words: str) -> bool:
    """Whether a refusal is about this parameter: it stands in quotes, or alone behind a colon (`argument supplied: seed`)."""
    return re.search(rf"""['"`]{parameter}['"`]|: {parameter}\b""", words) is not None


def payload(request: Request, model: str, ask: int = 0, dialect: Dialect = Dialect()) -> dict[str, Any]:
    """The JSON body. What is at its default is left out: not every server knows every field."""
    sampling, seed, is_text = request.sampling, request.seed_of_try(ask), isinstance(request.prompt, str)
    body: dict[str, Any] = {"model": model, "max_tokens" if is_text else dialect.limit: sampling.max_tokens}
    body |= _temperature(sampling.temperature, dialect)
    body |= {"top_p": sampling.top_p} if sampling.top_p < 1 else {}
    body |= {"seed": seed} if seed is not None and dialect.takes_seed else {}
    body |= {"stop": list(sampling.stop)} if sampling.stop and dialect.takes_stop else {}
    body |= {"repetition_penalty": sampling.repetition_penalty} if sampling.repetition_penalty is not None else {}  # vLLM, SGLang, TGI
    return body | (_text_fields(request, request.prompt, dialect) if isinstance(request.prompt, str) else _chat_fields(request, request.prompt, dialect))


def _temperature(wanted: float, dialect: Dialect) -> dict[str, float]:
    if dialect.temperature == "default" and wanted in DEFAULTS:
        return {}
    return {"temperature": max(wanted, GREEDY) if dialect.temperature == "positive" else wanted}


def _text_fields(request: Request, prompt: str, dialect: Dialect) -> dict[str, Any]:
    fields: dict[str, Any] = {"prompt": prompt}
    fields |= {"logprobs": 1} if request.wants_logprobs or request.wants_prompt_logprobs else {}
    fields |= {"logprobs": dialect.alternatives} if request.choices else {}
    return fields | ({"echo": True} if request.wants_prompt_logprobs else {})


def _chat_fields(request: Request, turns: tuple[Turn, ...], dialect: Dialect) -> dict[str, Any]:
    fields: dict[str, Any] = {"messages": [{"role": turn.role, "content": turn.content} for turn in turns]}
    fields |= {"logprobs": True} if request.wants_logprobs or request.choices else {}
    fields |= {"top_logprobs": dialect.alternatives} if request.choices else {}
    fields |= {"prompt_logprobs": 0} if request.wants_prompt_logprobs else {}  # vLLM's extension; 0: of the token itself only
    asked = _response_format(request.schema, dialect.form) if request.schema else None
    return fields | ({"response_format": asked} if asked else {})


@cache
def _response_format(schema: type[BaseModel], form: Form) -> dict[str, Any] | None:
    if form == "none":
        return None
    if form == "json_object":
        return {"type": "json_object"}
    strict = strict_schema(schema) if form == "strict" else None
    said: dict[str, Any] = {"strict": True, "schema": strict} if strict else {"schema": schema.model_json_schema()}
    return {"type": "json_schema", "json_schema": {"name": schema.__name__} | said}


def _weaker(form: Form, schema: type[BaseModel]) -> Form:
    """The next form that asks for something else."""
    is_plain = form == "strict" and strict_schema(schema) is None
    return WEAKER["json_schema" if is_plain else form]
