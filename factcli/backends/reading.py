"""What the body of a 200 says: the answer in it, or why there is none. Nothing in it is believed unseen."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

from pydantic import BaseModel, ValidationError

from factcli.backends.requests import Outcome, Token
from factcli.backends.retrying import CallError, verdict_of

LONGEST_TOLD = 200  # characters of a server's own words that are kept
OUTCOMES: dict[str, Outcome] = {"length": "truncated", "content_filter": "refused"}
CAUSES: dict[Outcome, str] = {"truncated": "cut at max_tokens", "refused": "refused by a content filter"}


@dataclass(frozen=True, slots=True)
class Said:
    """An answer as the server gave it."""

    text: str
    outcome: Outcome
    cause: str = ""
    tokens: tuple[Token, ...] = ()
    prompt_tokens: tuple[Token, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    alternatives: tuple[Token, ...] = ()  # to the first token of the answer that has a letter, itself included; where asked for


def shown(text: object) -> str:
    """A server's words on one line, printable, and not many of them."""
    return "".join(c for c in " ".join(str(text).split()) if c.isprintable())[:LONGEST_TOLD]


def whole(text: object) -> str:
    """The text with `?` for half a character, as JSON may hold and no file can: as the cache would give it back."""
    return str(text).encode("utf-8", "replace").decode()


def read_body(body: str, prompt: str | None, redact: Callable[[str], str]) -> Said:
    """The answer in a body. `prompt` is the text that was sent to the completion endpoint, None for a chat.

    `redact` takes the key out: of every text once JSON is read, for JSON can spell any letter otherwise.
    Raises CallError: for HTML, half a JSON, an error body, or a body without an answer.
    """
    try:
        values = cleared(json.loads(body), redact)
    except ValueError:
        cause = "empty body" if not body.strip() else "HTML" if body.lstrip()[:1] == "<" else "no JSON"
        raise CallError(cause, "again", may_be_billed=True) from None
    if isinstance(values, dict) and values.get("error") and not values.get("choices"):
        raise _error_body(values["error"])
    try:
        return _said(values, prompt)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise CallError("no answer in the body", "again", shown(values), may_be_billed=True) from None


def cleared(values: Any, redact: Callable[[str], str]) -> Any:
    """The same JSON, `redact` applied to every text in it."""
    if isinstance(values, str):
        return redact(values)
    if isinstance(values, dict):
        return {redact(name): cleared(value, redact) for name, value in values.items()}
    return [cleared(value, redact) for value in values] if isinstance(values, list) else values


def _error_body(error: Any) -> CallError:
    """A 200 that says that it is none; some servers put the status in `code`."""
    code = str(error.get("code")) if isinstance(error, dict) else ""
    told = error.get("message", "") if isinstance(error, dict) else error
    is_status = re.fullmatch("[45][0-9][0-9]", code) is not None
    verdict = verdict_of(int(code)) if is_status else "again"
    return CallError(f"error body {code}" if is_status else "error body", verdict, shown(told), may_be_billed=True)


def _said(values: dict[str, Any], prompt: str | None) -> Said:
    choice = values["choices"][0]
    said = _chat(choice) if prompt is None else _completion(choice, prompt)
    given = choice.get("prompt_logprobs") or values.get("prompt_logprobs")  # vLLM: completion, chat
    usage = values.get("usage") or {}
    return replace(
        said,
        prompt_tokens=_vllm_prompt_tokens(given) if given else said.prompt_tokens,
        tokens_in=int(usage.get("prompt_tokens") or 0),
        tokens_out=int(usage.get("completion_tokens") or 0),
    )


def _chat(choice: dict[str, Any]) -> Said:
    message, outcome = choice["message"], OUTCOMES.get(str(choice.get("finish_reason")), "ok")
    refusal, text = message.get("refusal"), message.get("content")
    if refusal:
        return Said(whole(text or ""), "refused", f"refused: {shown(refusal)}")
    if text is None and outcome == "ok":
        raise ValueError("neither content nor refusal")
    logprobs = choice.get("logprobs") or {}
    content = logprobs.get("content") or ()
    tokens = tuple(Token(whole(token["token"]), float(token["logprob"])) for token in content)
    first = _first_word(tokens)
    others = {} if first is None else {other["token"]: other["logprob"] for other in content[first].get("top_logprobs") or ()}
    return Said(whole(text or ""), outcome, CAUSES.get(outcome, ""), tokens, alternatives=_alternatives(others))


def _completion(choice: dict[str, Any], prompt: str) -> Said:
    """Where the prompt was echoed, its tokens are told from the answer's by where they begin in the text."""
    outcome, text = OUTCOMES.get(str(choice.get("finish_reason")), "ok"), whole(choice["text"])
    logprobs = choice.get("logprobs") or {}
    pairs = zip(logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), strict=True)
    tokens = tuple(Token(whole(token), None if value is None else float(value)) for token, value in pairs)
    offsets: list[int] = logprobs.get("text_offset") or []
    is_echo = bool(prompt) and text.startswith(prompt) and offsets[:1] == [0] and len(offsets) == len(tokens)
    n_prompt = sum(offset < len(prompt) for offset in offsets) if is_echo else 0
    first = _first_word(tokens[n_prompt:])
    others = (logprobs.get("top_logprobs") or ())[n_prompt + first :][:1] if first is not None else ()
    alternatives = _alternatives(others[0] or {} if others else {})
    said = text[len(prompt) :] if is_echo else text
    return Said(said, outcome, CAUSES.get(outcome, ""), tokens[n_prompt:], tokens[:n_prompt], alternatives=alternatives)


def _first_word(tokens: Sequence[Token]) -> int | None:
    """The place of the first token with a letter or digit: blanks and marks of markup may come before the answer."""
    return next((place for place, token in enumerate(tokens) if any(map(str.isalnum, token.text))), None)


def _alternatives(others: Mapping[str, float | None]) -> tuple[Token, ...]:
    return tuple(Token(whole(text), None if value is None else float(value)) for text, value in others.items())


def _vllm_prompt_tokens(given: list[dict[str, Any] | None]) -> tuple[Token, ...]:
    """vLLM: per token a mapping of token id -> log-probability; the token itself comes first, others may follow."""
    first = [None if entry is None else next(iter(entry.values())) for entry in given]
    return tuple(Token("", None) if entry is None else Token(whole(entry.get("decoded_token", "")), float(entry["logprob"])) for entry in first)


def cut_at(said: Said, stop: Sequence[str]) -> Said:
    """The answer up to the first of the strings, for a server that does not stop there; then it is whole, whatever followed.

    The server's count of tokens stays, for they were paid for.
    """
    found = [place for place in (said.text.find(end) for end in stop) if place >= 0]
    if not found or said.outcome not in ("ok", "truncated"):
        return said
    starts = accumulate((len(token.text) for token in said.tokens), initial=0)
    kept = tuple(token for token, start in zip(said.tokens, starts, strict=False) if start < min(found))
    return replace(said, text=said.text[: min(found)], outcome="ok", cause="", tokens=kept)


def checked(said: Said, schema: type[BaseModel] | None) -> Said:
    """`invalid` where it is whole but not of the form that was asked for."""
    if schema is None or said.outcome != "ok":
        return said
    try:
        schema.model_validate_json(said.text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return replace(said, outcome="invalid", cause=shown(f"not of the form asked for: {place} {first['msg']}"))
    return said
