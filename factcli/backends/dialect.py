"""The JSON body of a request, in words that the server takes: what one needs another refuses, and its refusal says so.

max_tokens    OpenAI's newer models want `max_completion_tokens` in a chat
alternatives  20 for the first word of an answer, or 5 where a server gives no more
a form        a strict JSON schema, a JSON schema, `json_object`, or nothing: whatever is sent, answers are validated here
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one server wants to be asked, as far as it is known."""

    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # of a chat
    form: Form = "strict"
    alternatives: int = ALTERNATIVES

    def corrected(self, request: Request, status: int, words: str) -> "Dialect | None":
        """What to try where a request in this dialect was refused; None where that was about something else."""
        if status not in NOT_UNDERSTOOD:
            return None
        if request.choices and self.alternatives > FEWER_ALTERNATIVES and "logprobs" in words:
            return replace(self, alternatives=FEWER_ALTERNATIVES)
        if isinstance(request.prompt, str):
            return None
        if self.limit == "max_tokens" and ("max_completion_tokens" in words or ("unsupported_parameter" in words and "'max_tokens'" in words)):
            return replace(self, limit="max_completion_tokens")
        if request.schema is not None and self.form != "none" and ("response_format" in words or "json_schema" in words):
            return replace(self, form=_weaker(self.form, request.schema))
        return None

    def learned(self, before: "Dialect", after: "Dialect") -> "Dialect":
        """This one, with what has changed from `before` to `after`: others may have learned something else meanwhile."""
        limit = after.limit if after.limit != before.limit else self.limit
        form = after.form if after.form != before.form else self.form
        return Dialect(limit, form, min(self.alternatives, after.alternatives))


def payload(request: Request, model: str, ask: int = 0, dialect: Dialect = Dialect()) -> dict[str, Any]:
    """The JSON body. What is at its default is left out: not every server knows every field."""
    sampling, seed, is_text = request.sampling, request.seed_of_try(ask), isinstance(request.prompt, str)
    body: dict[str, Any] = {"model": model, "max_tokens" if is_text else dialect.limit: sampling.max_tokens, "temperature": sampling.temperature}
    body |= {"top_p": sampling.top_p} if sampling.top_p < 1 else {}
    body |= {"seed": seed} if seed is not None else {}
    body |= {"stop": list(sampling.stop)} if sampling.stop else {}
    return body | (_text_fields(request, request.prompt, dialect) if isinstance(request.prompt, str) else _chat_fields(request, request.prompt, dialect))


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
