"""`local:REF`: requests answered by a model in this process, in batches of one length, each with draws of its own.

A request's draws come from its own seed, one number per token, turned into a token by the cumulated probabilities: what
shares the batch changes nothing. Log-probabilities are the model's own, before temperature and top_p.

Answers are stored batch by batch, so that an interrupted run has all but its last batch. There are no leases: nothing is
paid, so two processes that ask the same at once may both compute it, and store the same.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from factcli.backends.bill import Usage
from factcli.backends.buying import Terms
from factcli.backends.cache import Cache, Stored, added
from factcli.backends.choices import settled
from factcli.backends.choosing import choice_logprobs, longest_form
from factcli.backends.completions import Completion
from factcli.backends.decoding import DolaConfig
from factcli.backends.drawing import Draw
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.local import LocalModel
from factcli.backends.reading import Said
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
        bought = self._bought(wanted, cache)
        first = {key: request.id for key, request in zip(reversed(keys), reversed(chunk), strict=True)}
        pairs = zip(keys, chunk, strict=True)
        return [self._response(request, key, known.get(key) or bought[key], key in known or first[key] != request.id) for key, request in pairs]

    def _response(self, request: Request, key: str, found: Stored | InputError, is_cached: bool) -> Response:
        if isinstance(found, InputError):
            return Response(request.id, "failed", cause=found.message, key=key)
        self.usage.cached += is_cached
        return response_of(request, key, found, 0.0, is_cached)

    def _bought(self, wanted: Mapping[str, Request], cache: Cache) -> dict[str, Stored | InputError]:
        """The answers, stored as they come; one of the wrong form is asked for again, with another seed each time."""
        found: dict[str, Stored | InputError] = {key: kept for key, request in wanted.items() if request.schema and (kept := cache.kept(key))}
        while asking := {key: request for key, request in wanted.items() if key not in found or self._is_open(request, found[key])}:
            for alike in _alike(asking):
                for key, answer in self._said_together(alike, found):
                    found[key] = answer
                    if isinstance(answer, Stored):
                        store = cache.keep if self._is_open(alike[key], answer) else cache.put
                        store(key, self.endpoint.model, answer)
        return found

    def _is_open(self, request: Request, found: Stored | InputError) -> bool:
        """Whether another seed may bring a better answer."""
        is_invalid = isinstance(found, Stored) and found.said.outcome == "invalid" and found.asks < self._terms.json_asks
        return is_invalid and request.sampling.temperature > 0

    def _said_together(self, alike: Mapping[str, Request], before: Mapping[str, Stored | InputError]) -> Iterator[tuple[str, Stored | InputError]]:
        """Requests of one (adapters, max_tokens, stop, choices), by key, batch after batch."""
        first = next(iter(alike.values()))
        prompts = dict(zip(alike, self.model.encode_all([request.prompt for request in alike.values()]), strict=True))
        n_more = longest_form(self.model, first.choices) - 1 if first.choices else 0
        errors = {key: error for key, prompt in prompts.items() if (error := self._too_long(prompt, n_more))}
        yield from errors.items()
        fit = [key for key in alike if key not in errors]
        if first.choices:
            yield from self._chosen({key: prompts[key] for key in fit}, first)
            return
        earlier = {key: stored for key in fit if isinstance(stored := before.get(key), Stored)}
        draws = None if self.model.is_contrasted else [Draw(alike[key], earlier[key].asks if key in earlier else 0, prompts[key]) for key in fit]
        assert draws is not None or all(alike[key].sampling.temperature == 0 for key in fit), "what is contrasted is not drawn"
        ids = [prompts[key] for key in fit]
        for batch in self.model.continued_ids(ids, first.sampling.max_tokens, first.sampling.stop, first.adapters, draws):
            for row, said in batch.items():
                yield fit[row], added(earlier.get(fit[row]), self._said(alike[fit[row]], ids[row], said))

    def _chosen(self, prompts: Mapping[str, Sequence[int]], alike: Request) -> Iterator[tuple[str, Stored]]:
        """Nothing is generated where the first word is to be chosen: the answer is the likeliest of the words."""
        keys = list(prompts)
        for batch in choice_logprobs(self.model, list(prompts.values()), alike.choices, alike.adapters):
            for row, values in batch.items():
                alternatives = tuple(map(Token, alike.choices, values))
                n_in = len(prompts[keys[row]])
                self.usage.requests += 1
                self.usage.tokens_in += n_in
                likeliest = max(alternatives, key=lambda token: token.logprob or 0.0)
                yield keys[row], added(None, Said(likeliest.text, "ok", tokens_in=n_in, alternatives=alternatives))

    def _too_long(self, prompt: Sequence[int], n_more: int) -> InputError | None:
        try:
            self.model.room(len(prompt) + n_more, 1)
        except InputError as error:
            return error
        return None

    def _said(self, request: Request, prompt: Sequence[int], said: Completion) -> Said:
        ends = (*said.starts, len(said.text))[1:]
        tokens = [Token(said.text[a:b], math.log(p)) for a, b, p in zip(said.starts, ends, said.probabilities, strict=True)]
        of_prompt = prompt_tokens(self.model, prompt, request.adapters) if request.wants_prompt_logprobs else ()
        outcome, cause = ("ok", "") if said.finished else ("truncated", "cut at max_tokens")
        n_out = len(said.token_ids) + said.finished
        self.usage.requests += 1
        self.usage.tokens_in += len(prompt)
        self.usage.tokens_out += n_out
        return settled(Said(said.text, outcome, cause, tuple(tokens), of_prompt, len(prompt), n_out), request)  # type: ignore[arg-type]  # both are outcomes


@torch.inference_mode()
def prompt_tokens(model: LocalModel, prompt: Sequence[int], adapters: Sequence[str]) -> tuple[Token, ...]:
    """Each token of a prompt with its log-probability given those before it."""
    ids_1T = torch.tensor([list(prompt)], device=model.model.device)
    with model.bank.active(list(adapters)):
        logits_TV = model.model(input_ids=ids_1T, use_cache=False).logits[0].float()
    logps_T = logits_TV[:-1].log_softmax(-1).gather(-1, ids_1T[0, 1:, None])[:, 0].tolist()
    pieces = [model.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in prompt]
    return tuple(Token(piece, logp) for piece, logp in zip(pieces, [None, *logps_T], strict=True))


def load_local(local: LocalRef, endpoint: Endpoint, cache_directory: Path, terms: Terms, dola: DolaConfig | None = None) -> LocalBackend:
    """The base and its adapters, loaded. `endpoint` is what answers are kept under; it says too whether they are decoded by `dola`."""
    model = LocalModel.load(local.base.location, chat_template=local.chat_template)
    for name, directory in sorted(local.adapters.items()):
        model.plug(name, directory)
    if dola is not None:
        model.contrast(dola)
    return LocalBackend(model, endpoint, cache_directory, terms)


def _alike(asking: Mapping[str, Request]) -> list[dict[str, Request]]:
    """Requests that can be answered together, by key."""
    groups: dict[tuple[object, ...], dict[str, Request]] = {}
    for key, request in asking.items():
        groups.setdefault((request.adapters, request.sampling.max_tokens, request.sampling.stop, request.choices), {})[key] = request
    return list(groups.values())
