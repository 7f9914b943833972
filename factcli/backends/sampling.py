"""`local:REF`: requests answered by a model in this process, in batches of one length, each with draws of its own.

A request's draws come from its own seed, one number per token, turned into a token by the cumulated probabilities: what
shares the batch changes nothing. Log-probabilities are the model's own, before temperature and top_p.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from factcli.backends.bill import Usage
from factcli.backends.buying import Terms
from factcli.backends.cache import Cache, Stored
from factcli.backends.completions import Completion
from factcli.backends.drawing import Draw
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.local import LocalModel
from factcli.backends.reading import Said, checked
from factcli.backends.requests import Request, Requests, Response, Token, taken
from factcli.backends.responding import response_of
from factcli.errors import InputError
from factcli.resolving import LocalRef

CHUNK = 1024  # requests sorted by length together; more would only make the first answer later


class LocalBackend:
    """A model, its adapters and the cache of its answers. `endpoint` holds what pins the weights, adapters included."""

    def __init__(self, model: LocalModel, endpoint: Endpoint, cache_directory: Path, terms: Terms) -> None:
        self.model = model
        self.endpoint = endpoint
        self.usage = Usage()
        self._cache_directory = cache_directory
        self._terms = terms

    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, chunk by chunk. A prompt that is too long for the model has outcome failed."""
        source, is_more = iter(requests), True
        not_ok_since = time.time() if self._terms.retry_failed else 0.0
        with contextlib.closing(Cache(self._cache_directory)) as cache:
            while is_more:
                chunk, is_more = taken(source, CHUNK)
                assert chunk or not is_more, "a pause where nothing asked is open would last for ever"
                started_s = time.monotonic()
                responses = self._answered(chunk, cache, not_ok_since)
                self.usage.seconds += time.monotonic() - started_s
                self.usage.outcomes.update(response.outcome for response in responses)
                yield from responses

    def _answered(self, chunk: Sequence[Request], cache: Cache, not_ok_since: float) -> list[Response]:
        keys = [request_key(request, self.endpoint) for request in chunk]
        known = {key: stored for key in set(keys) if (stored := cache.get(key, not_ok_since))}
        wanted = {key: request for key, request in zip(keys, chunk, strict=True) if key not in known}
        bought = self._bought(wanted)
        for key, answer in bought.items():
            if isinstance(answer, Stored):
                cache.put(key, self.endpoint.model, answer)
        first = {key: request.id for key, request in zip(reversed(keys), reversed(chunk), strict=True)}
        pairs = zip(keys, chunk, strict=True)
        return [self._response(request, key, known.get(key) or bought[key], key in known or first[key] != request.id) for key, request in pairs]

    def _response(self, request: Request, key: str, found: Stored | InputError, is_cached: bool) -> Response:
        if isinstance(found, InputError):
            return Response(request.id, "failed", cause=found.message, key=key)
        self.usage.cached += is_cached
        return response_of(request, key, found, 0.0, is_cached)

    def _bought(self, wanted: Mapping[str, Request]) -> dict[str, Stored | InputError]:
        """The answers; one of the wrong form is asked for again, with another seed each time."""
        found: dict[str, Stored | InputError] = {}
        asking = dict(wanted)
        for ask in range(self._terms.json_asks):
            for keys in _alike(asking):
                found |= dict(zip(keys, self._said_together([asking[key] for key in keys], ask), strict=True))
            asking = {key: asking[key] for key in asking if _is_invalid(found[key]) and asking[key].sampling.temperature > 0}
        return found

    def _said_together(self, requests: Sequence[Request], ask: int) -> list[Stored | InputError]:
        """Requests of one (adapters, max_tokens, stop)."""
        sampling, adapters = requests[0].sampling, requests[0].adapters
        prompts = [self.model.encode(request.prompt) for request in requests]
        errors = [self._too_long(prompt) for prompt in prompts]
        fit = [place for place, error in enumerate(errors) if error is None]
        draws = [Draw(requests[place], ask) for place in fit]
        said = self.model.continue_ids([prompts[place] for place in fit], sampling.max_tokens, sampling.stop, adapters, draws)
        answers = iter(self._stored(requests[place], prompts[place], completion) for place, completion in zip(fit, said, strict=True))
        return [next(answers) if error is None else error for error in errors]

    def _too_long(self, prompt: Sequence[int]) -> InputError | None:
        try:
            self.model.room(len(prompt), 1)
        except InputError as error:
            return error
        return None

    def _stored(self, request: Request, prompt: Sequence[int], said: Completion) -> Stored:
        ends = (*said.starts, len(said.text))[1:]
        tokens = [Token(said.text[a:b], math.log(p)) for a, b, p in zip(said.starts, ends, said.probabilities, strict=True)]
        of_prompt = prompt_tokens(self.model, prompt, request.adapters) if request.wants_prompt_logprobs else ()
        outcome, cause = ("ok", "") if said.finished else ("truncated", "cut at max_tokens")
        n_out = len(said.token_ids) + said.finished
        answer = checked(Said(said.text, outcome, cause, tuple(tokens), of_prompt, len(prompt), n_out), request.schema)  # type: ignore[arg-type]  # both are outcomes
        self.usage.requests += 1
        self.usage.tokens_in += len(prompt)
        self.usage.tokens_out += n_out
        return Stored(answer, len(prompt), n_out)


@torch.inference_mode()
def prompt_tokens(model: LocalModel, prompt: Sequence[int], adapters: Sequence[str]) -> tuple[Token, ...]:
    """Each token of a prompt with its log-probability given those before it."""
    ids_1T = torch.tensor([list(prompt)], device=model.model.device)
    with model.bank.active(list(adapters)):
        logits_TV = model.model(input_ids=ids_1T, use_cache=False).logits[0].float()
    logps_T = logits_TV[:-1].log_softmax(-1).gather(-1, ids_1T[0, 1:, None])[:, 0].tolist()
    pieces = [model.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in prompt]
    return tuple(Token(piece, logp) for piece, logp in zip(pieces, [None, *logps_T], strict=True))


def load_local(local: LocalRef, endpoint: Endpoint, cache_directory: Path, terms: Terms) -> LocalBackend:
    """The base and its adapters, loaded. `endpoint` is what answers are kept under."""
    model = LocalModel.load(local.base.location, chat_template=local.chat_template)
    for name, directory in sorted(local.adapters.items()):
        model.plug(name, directory)
    return LocalBackend(model, endpoint, cache_directory, terms)


def _alike(asking: Mapping[str, Request]) -> list[list[str]]:
    """Keys of requests that can be answered together."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for key, request in asking.items():
        groups.setdefault((request.adapters, request.sampling.max_tokens, request.sampling.stop), []).append(key)
    return list(groups.values())


def _is_invalid(found: Stored | InputError) -> bool:
    return isinstance(found, Stored) and found.said.outcome == "invalid"
