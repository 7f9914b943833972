"""Asking again, with another seed, until an answer can be used; what could not be is kept with its reason."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from factcli.backends.asking import rejected
from factcli.backends.chains import Chain, UnansweredError
from factcli.backends.requests import Request, Response
from factcli.rows import Reject

V = TypeVar("V")
REFUSED = {"truncated": "cut at the token limit", "refused": "refused by the server", "invalid": "of another form"}


class UnusableError(ValueError):
    """Why an answer cannot be used, in the few words that are stored."""


@dataclass(slots=True)
class Found(Generic[V]):
    """What was read from which answer; None where no try gave one. `rejected`: the tries before."""

    value: V | None = None
    response: Response | None = None
    rejected: list[Reject] = field(default_factory=list)


def delivered(response: Response) -> Response:
    """The same. Raises UnansweredError where no answer came, which ends the unit; a bad answer is an answer."""
    if response.outcome == "failed":
        raise UnansweredError(response)
    return response


def whole(response: Response) -> Response:
    """The same. Raises UnusableError for an answer that was cut or refused."""
    if response.outcome != "ok":
        raise UnusableError(REFUSED[response.outcome])
    return response


def until_usable(id: str, step: str, tries: int, ask: Callable[[int], Request], read: Callable[[Response], V]) -> Chain[Found[V]]:
    """The first of `tries` answers that `read` takes; it raises UnusableError for the others. A greedy request is asked once."""
    found: Found[V] = Found()
    for attempt in range(tries):
        request = ask(attempt)
        response = delivered((yield [request])[0])
        try:
            found.value, found.response = read(response), response
            return found
        except UnusableError as error:
            found.rejected.append(rejected(id, step, str(error), response.text, response))
        if request.sampling.temperature == 0:
            break
    return found
