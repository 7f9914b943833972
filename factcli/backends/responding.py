"""From an answer that was bought, now or before, to the response that a stage sees."""

from factcli.backends.cache import Stored
from factcli.backends.choices import logprobs_of
from factcli.backends.requests import Request, Response


def response_of(request: Request, key: str, found: Stored, cost: float, is_cached: bool) -> Response:
    """`cost` is what buying it takes at today's price."""
    said = found.said
    parsed = request.schema.model_validate_json(said.text) if request.schema and said.outcome == "ok" else None
    tokens = (said.tokens if request.wants_logprobs else ()), (said.prompt_tokens if request.wants_prompt_logprobs else ())
    of_choices = (said.alternatives, logprobs_of(said.alternatives, request.choices)) if request.choices else ((), ())
    return Response(request.id, said.outcome, said.text, parsed, said.cause, *tokens, found.tokens_in, found.tokens_out, cost, key, is_cached, *of_choices)
