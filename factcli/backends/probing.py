"""Before a run: does the server do what the run needs? A few small requests, bought anew each time, name what it does not.

Servers accept settings that they ignore: a seed without effect makes a run that cannot be repeated, and log-probabilities
that are zero or somebody else's make a score that means nothing. Others refuse what they do not know; where something else
stands in its place (dialect.py) that is done and said. What of it ends a run is the caller's to say.
"""

import math
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from factcli.backends.buying import BLAMED_ON_ROW, way_out
from factcli.backends.completions import Prompt, Turn
from factcli.backends.dialect import DEFAULTS, GREEDY, Dialect
from factcli.backends.http import HttpBackend
from factcli.backends.requests import Request, Response, Sampling, Token
from factcli.backends.retrying import CallError
from factcli.errors import BackendError

Need = Literal["seeds", "greedy", "temperature", "top_p", "stop", "repetition_penalty", "logprobs", "prompt_logprobs", "json_schema", "choices"]
Ask = Callable[[Sequence[Request]], list[Response]]  # in the order of the requests; nothing is kept between two calls
TASK = "Invent a person and say in one sentence where they were born and what they do."
N_SEEDS = 4
ALWAYS: tuple[Need, ...] = ("seeds", "greedy")  # looked at before every run; that a server lacks them is said and recorded
REPEATING = f"{TASK} But first write the word `yes` twenty times, with spaces between."
PENALTY = 2.0  # at which no model goes on repeating a word
REFUSES_ZERO = {
    "positive": f"refuses temperature 0: {GREEDY} is sent in its place, which draws the likeliest token nearly always",
    "default": "refuses temperature 0: none is sent, and answers that should be greedy are drawn at its own",
}
ROUNDING = 1e-6  # a log-probability that is not below this is none
MOST_APART = 0.5  # nats between the same token as prompt and as answer; bfloat16 and other kernels make up to 0.1
LEAST_ALTERNATIVES = 2
MOST_TOTAL = 1.01  # of the probabilities of one token's alternatives; rounding
MOST_MISCOUNTED = 2  # tokens that a template or an end token may add to the server's count


class ProbeForm(BaseModel):
    """The form that is asked for."""

    city: str
    founded: int


Findings = dict[Need, str]  # "": it does that; else a sentence that says what it does not


class NotTakenError(Exception):
    """The server refuses a request of this kind."""


def probe(backend: HttpBackend, needs: Collection[Need], is_chat: bool = True) -> Findings:
    """What there is to say of each need. Raises BackendError where the server answers nothing at all."""
    who = f"{backend.spec.model} at {', '.join(backend.spec.urls)}"
    ask = _asking(backend, who)
    asked = set(needs) - ({"greedy"} if set(needs) & ASKED_GREEDILY else set())  # one request less, where another says the same
    found = dict.fromkeys(needs, "") | {need: _finding(need, ask, is_chat, who) for need in sorted(asked)} | _stood_in_for(needs, backend.dialects.values())
    return {need: f"{who} {wrong}" if wrong else "" for need, wrong in found.items()}


def _stood_in_for(needs: Collection[Need], dialects: Iterable[Dialect]) -> Findings:
    """What a server refused of the needs, where something else is sent in its place."""
    said: Findings = {}
    for dialect in dialects:
        said |= {"greedy": REFUSES_ZERO[dialect.temperature]} if dialect.temperature != "any" else {}
        said |= {} if dialect.takes_seed else {"seeds": "refuses seeds: none is sent, and it draws as it likes"}
        said |= {} if dialect.takes_stop else {"stop": "refuses stop strings: answers are cut here, and what comes after them is paid for"}
    return {need: words for need, words in said.items() if need in needs}


def needs_of(temperatures: Iterable[float], top_p: float = 1.0, repetition_penalty: float | None = None, logprobs: bool = False) -> list[Need]:
    """What a server must take for these settings; at their defaults nothing is sent that could be refused."""
    named: list[tuple[Need, bool]] = [
        ("temperature", any(temperature not in DEFAULTS for temperature in temperatures)),
        ("top_p", top_p < 1),
        ("repetition_penalty", repetition_penalty is not None),
        ("logprobs", logprobs),
    ]
    return [need for need, is_needed in named if is_needed]


def require(findings: Findings, needs: Collection[Need]) -> None:
    """Raises BackendError that names the first of `needs` which the server does not meet, and the way out."""
    for need in sorted(needs):
        if findings[need]:
            raise BackendError(findings[need], WAYS_OUT[need])


def _finding(need: Need, ask: Ask, is_chat: bool, who: str) -> str:
    try:
        return CHECKS[need](ask, is_chat)
    except NotTakenError as refused:
        try:
            ask([Request("plain", _prompt(is_chat), Sampling(1))])
        except NotTakenError as again:  # not because of what the need adds
            raise BackendError(f"{who} did not answer the probe: {again}", "check the model's name and what the server says") from None
        return f"refuses a request with {WORDS[need]}: {refused}"


def _asking(backend: HttpBackend, who: str) -> Ask:
    def ask(requests: Sequence[Request]) -> list[Response]:
        with tempfile.TemporaryDirectory() as folder:
            found = {response.id: response for response in replace(backend, cache_directory=Path(folder)).generate(requests)}
        failed = next((response for response in found.values() if response.outcome == "failed"), None)
        if failed and failed.cause[:3] in BLAMED_ON_ROW:
            raise NotTakenError(failed.cause)
        if failed:
            raise BackendError(f"{who} did not answer the probe: {failed.cause}", way_out(CallError(failed.cause[:3], "never")))
        return [found[request.id] for request in requests]

    return ask


def _prompt(is_chat: bool) -> Prompt:
    return (Turn("user", TASK),) if is_chat else f"{TASK}\n"


def _seeds(ask: Ask, is_chat: bool) -> str:
    requests = [Request(f"seed {seed}", _prompt(is_chat), Sampling(24, temperature=1.0, seed=seed)) for seed in range(1, N_SEEDS + 1)]
    first, second = ([response.text for response in ask(requests)] for _ in range(2))
    if first != second:
        return "ignores seeds: the same seed gave two answers at temperature 1"
    return "ignores seeds or draws nothing: all seeds gave one answer at temperature 1" if len(set(first)) == 1 else ""


def _greedy(ask: Ask, is_chat: bool) -> str:
    ask([Request("greedy", _prompt(is_chat), Sampling(16))])
    return ""


def _temperature(ask: Ask, is_chat: bool) -> str:
    ask([Request("temperature", _prompt(is_chat), Sampling(16, temperature=0.5, seed=1))])
    return ""


def _top_p(ask: Ask, is_chat: bool) -> str:
    ask([Request("top_p", _prompt(is_chat), Sampling(16, temperature=1.0, top_p=0.9, seed=1))])
    return ""


def _stop(ask: Ask, is_chat: bool) -> str:
    ask([Request("stop", _prompt(is_chat), Sampling(16, stop=("\n\n",)))])
    return ""


def _repetition_penalty(ask: Ask, is_chat: bool) -> str:
    prompt: Prompt = (Turn("user", REPEATING),) if is_chat else f"{REPEATING}\n"
    plain, penalised = ask([Request(f"penalty {p}", prompt, Sampling(40, repetition_penalty=p)) for p in (None, PENALTY)])
    return "ignores repetition_penalty: an answer full of repeats is the same with it" if plain.text == penalised.text else ""


def _logprobs(ask: Ask, is_chat: bool) -> str:
    said = ask([Request("logprobs", _prompt(is_chat), Sampling(16, temperature=1.0, seed=1), wants_logprobs=True)])[0]
    return _faults(said.tokens, said.tokens_out, "log-probabilities")


def _prompt_logprobs(ask: Ask, is_chat: bool) -> str:
    said = ask([Request("prompt", _prompt(is_chat), Sampling(1), wants_prompt_logprobs=True)])[0]
    wrong = _faults(said.prompt_tokens[1:], said.tokens_in - 1 if said.tokens_in else 0, "prompt log-probabilities")
    return wrong or ("" if is_chat else _inconsistency(ask))


def _inconsistency(ask: Ask) -> str:
    """An answer's tokens, given back as the end of a prompt, must have the log-probabilities that they had as an answer."""
    text = f"{TASK}\n"
    answer = ask([Request("answer", text, Sampling(6), wants_logprobs=True)])[0]
    whole = ask([Request("whole", text + answer.text, Sampling(1), wants_prompt_logprobs=True)])[0]
    pairs = list(zip(answer.tokens, whole.prompt_tokens[-len(answer.tokens) :], strict=False))
    if not pairs or any(one.text != other.text for one, other in pairs):
        return ""  # cut into other tokens: nothing to compare
    apart = max(abs((one.logprob or 0.0) - (other.logprob or 0.0)) for one, other in pairs)
    return f"gives prompt log-probabilities that are not the model's: the same tokens as an answer differ by {apart:.1f} nats" if apart > MOST_APART else ""


def _faults(tokens: Sequence[Token], n_counted: int, what: str) -> str:
    """Why these cannot be log-probabilities of a model; "" where they can. `n_counted` 0: the server does not count."""
    values = [token.logprob for token in tokens]
    if not values:
        return f"returns no {what}"
    if any(value is None or not value < ROUNDING for value in values):
        return f"returns {what} that are none: missing, above 0 or not a number"
    if len(values) > 1 and len(set(values)) == 1:
        return f"returns fake {what}: all are {values[0]:g}"
    if n_counted and abs(len(values) - n_counted) > MOST_MISCOUNTED:
        return f"returns {len(values)} {what} for {n_counted} tokens"
    return ""


def _json_schema(ask: Ask, is_chat: bool) -> str:
    task = f'{TASK} Answer as JSON: {{"city": where, "founded": a year}}.'
    prompt: Prompt = (Turn("user", task),) if is_chat else task
    said = ask([Request("json", prompt, Sampling(96), schema=ProbeForm)])[0]
    return "" if said.outcome == "ok" else f"does not keep to a JSON schema: {said.cause}"


def _choices(ask: Ask, is_chat: bool) -> str:
    """The alternatives to the first word of an answer: several, and probabilities of one thing."""
    said = ask([Request("choices", _prompt(is_chat), Sampling(4), choices=("True", "False"))])[0]
    if len(said.alternatives) < LEAST_ALTERNATIVES:
        return f"returns {len(said.alternatives)} top log-probabilities of a token, need {LEAST_ALTERNATIVES} or more"
    total = sum(math.exp(min(token.logprob or 0.0, 1.0)) for token in said.alternatives)
    wrong = _faults(said.alternatives, 0, "top log-probabilities")
    return wrong or (f"returns top log-probabilities of one token that add up to {total:.2f}" if total > MOST_TOTAL else "")


ASKED_GREEDILY: frozenset[Need] = frozenset(("choices",))
CHECKS: Mapping[Need, Callable[[Ask, bool], str]] = {
    "seeds": _seeds,
    "greedy": _greedy,
    "temperature": _temperature,
    "top_p": _top_p,
    "stop": _stop,
    "repetition_penalty": _repetition_penalty,
    "logprobs": _logprobs,
    "prompt_logprobs": _prompt_logprobs,
    "json_schema": _json_schema,
    "choices": _choices,
}
WORDS: Mapping[Need, str] = {
    "seeds": "a seed",
    "greedy": "temperature 0",
    "temperature": "a temperature other than its own",
    "top_p": "top_p",
    "stop": "a stop string",
    "repetition_penalty": "repetition_penalty",
    "logprobs": "log-probabilities",
    "prompt_logprobs": "prompt log-probabilities",
    "json_schema": "a JSON schema",
    "choices": "top log-probabilities",
}
WAYS_OUT: Mapping[Need, str] = {
    "greedy": "use a server that takes temperature 0, or local:REF",
    "temperature": "set the temperature to 1, or use a server that takes others (vLLM, SGLang, llama.cpp)",
    "top_p": "set top_p to 1, or use a server that takes it (vLLM, SGLang, llama.cpp)",
    "stop": "use a server that takes stop strings, or local:REF",
    "repetition_penalty": "leave it out (--set repetition_penalty=null), or use a server that has it (vLLM, SGLang) or local:REF",
    "seeds": "use a server that draws by seed (vLLM, SGLang, llama.cpp), or local:REF",
    "logprobs": "start the server with log-probabilities on, or use local:REF",
    "prompt_logprobs": "use vLLM (completion endpoint, echo) or local:REF; many servers do not have them",
    "choices": "start the server with top log-probabilities on (vLLM: --max-logprobs 20), use local:REF, or judge by text: --set judge.by=text",
    "json_schema": "use a server with guided decoding (vLLM, SGLang, llama.cpp), or a larger model",
}
