"""Work of several steps, each written as straight code: a chain asks, is given the answers, and asks on, among thousands of others.

A chain is a generator. It yields the requests that it needs next and is sent their responses, in that order; what it
returns is its result. All chains share one stream of requests, so that a server is kept busy whatever step each is at.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from factcli.backends.requests import WAIT, Pause, Request, Requests, Response

T = TypeVar("T")
K = TypeVar("K")
Chain = Generator[Sequence[Request], Sequence[Response], T]
Generate = Callable[[Requests], Iterator[Response]]
MOST_OPEN = 4096  # chains begun and not ended: enough to fill any server, and what bounds memory


class UnansweredError(Exception):
    """A chain cannot go on without this answer: its unit has failed, and `response` says why."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.outcome}: {response.cause}")
        self.response = response


def answered(response: Response) -> Response:
    """The same. Raises UnansweredError where its outcome is not ok, which ends the chain that asked."""
    if response.outcome != "ok":
        raise UnansweredError(response)
    return response


def unusable(response: Response, reason: str) -> UnansweredError:
    """To raise where an answer came of which no row can be made, and the unit has no other: it fails as one without an answer does."""
    return UnansweredError(replace(response, outcome="invalid", cause=reason))


def run_chains(generate: Generate, chains: Iterable[tuple[K, Chain[T]]], most_open: int = MOST_OPEN) -> Iterator[tuple[K, T | UnansweredError]]:
    """What each chain returned, or the answer that it lacked, as they end. Begun in their order, `most_open` at a time."""
    running = _Running(iter(chains), most_open)
    for response in generate(running.requests()):
        running.give(response)
        yield from running.ended()
    yield from running.ended()


@dataclass(slots=True)
class _Open(Generic[K, T]):
    """A chain that waits: for `n_missing` of the answers to what it asked last."""

    name: K
    chain: Chain[T]
    answers: list[Response | None]
    n_missing: int


class _Running(Generic[K, T]):
    """Chains begun. Requests get numbers as ids on their way: two chains may name theirs alike."""

    def __init__(self, waiting: Iterator[tuple[K, Chain[T]]], most_open: int) -> None:
        self._waiting = waiting
        self._most_open = most_open
        self._is_more = True
        self._n_open = self._n_asked = 0
        self._ready: deque[Request] = deque()
        self._asked: dict[str, tuple[_Open[K, T], int, str]] = {}  # number -> chain, place among what it asked, its own id
        self._ended: deque[tuple[K, T | UnansweredError]] = deque()

    def requests(self) -> Iterator[Request | Pause]:
        while True:
            if self._ready:
                yield self._ready.popleft()
            elif self._is_more and self._n_open < self._most_open:
                self._begin()
            elif self._n_open:
                yield WAIT
            else:
                return

    def give(self, response: Response) -> None:
        open_chain, place, own_id = self._asked.pop(response.id)
        open_chain.answers[place] = replace(response, id=own_id)
        open_chain.n_missing -= 1
        if not open_chain.n_missing:
            answers = [answer for answer in open_chain.answers if answer is not None]
            self._advance(open_chain.name, open_chain.chain, answers)

    def ended(self) -> Iterator[tuple[K, T | UnansweredError]]:
        while self._ended:
            yield self._ended.popleft()

    def _begin(self) -> None:
        first = next(self._waiting, None)
        if first is None:
            self._is_more = False
            return
        self._n_open += 1
        self._advance(*first, None)

    def _advance(self, name: K, chain: Chain[T], answers: Sequence[Response] | None) -> None:
        """On to what the chain asks next, or to its end. Asking for nothing is answered with nothing, at once."""
        try:
            asked = next(chain) if answers is None else chain.send(answers)
            while not asked:
                asked = chain.send([])
        except StopIteration as end:
            self._end(name, end.value)
            return
        except UnansweredError as error:
            self._end(name, error)
            return
        waits = _Open(name, chain, [None] * len(asked), len(asked))
        for place, request in enumerate(asked):
            self._n_asked += 1
            number = str(self._n_asked)
            self._asked[number] = (waits, place, request.id)
            self._ready.append(replace(request, id=number))

    def _end(self, name: K, result: T | UnansweredError) -> None:
        self._n_open -= 1
        self._ended.append((name, result))
