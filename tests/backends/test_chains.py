"""Chains: steps in order for each unit, many units at once, failures kept to the unit that they belong to."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from factcli.backends.chains import Chain, UnansweredError, answered, run_chains
from factcli.backends.requests import WAIT, Request, Requests, Response, Sampling


def request(text: str) -> Request:
    return Request("same id in every chain", text, Sampling(8))


class Server:
    """Echoes prompts, answering what is open in the order that `shuffled` says: the last asked first, or the first."""

    def __init__(self, is_last_first: bool, window: int) -> None:
        self.is_last_first, self.window, self.most_open = is_last_first, window, 0

    def generate(self, requests: Requests) -> Iterator[Response]:
        source, is_more = iter(requests), True
        pending: list[Request] = []
        while is_more or pending:
            while is_more and len(pending) < self.window:
                item = next(source, None)
                if item is None or item is WAIT:
                    is_more = item is WAIT
                    break
                assert isinstance(item, Request)
                pending.append(item)
            self.most_open = max(self.most_open, len(pending))
            if pending:
                one = pending.pop(-1 if self.is_last_first else 0)
                assert isinstance(one.prompt, str)
                yield Response(one.id, "failed" if "bad" in one.prompt else "ok", text=one.prompt, cause="away" if "bad" in one.prompt else "")


def counting(name: str, sizes: Sequence[int]) -> Chain[list[str]]:
    """Asks sizes[0] things, then sizes[1] ..., and returns all answers."""
    said: list[str] = []
    for step, size in enumerate(sizes):
        answers = yield [request(f"{name}.{step}.{n}") for n in range(size)]
        said += [answered(answer).text for answer in answers]
    return said


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=12), st.booleans(), st.integers(1, 5), st.integers(1, 5))
def test_every_chain_gets_its_own_answers_in_its_own_order(shapes: list[list[int]], is_last_first: bool, window: int, most_open: int) -> None:
    server = Server(is_last_first, window)
    chains = ((name, counting(str(name), sizes)) for name, sizes in enumerate(shapes))
    found = dict(run_chains(server.generate, chains, most_open))
    assert found == {name: [f"{name}.{step}.{n}" for step, size in enumerate(sizes) for n in range(size)] for name, sizes in enumerate(shapes)}


def test_chains_at_different_steps_share_the_server() -> None:
    """Six chains of three steps, one request each: never fewer than six open while all have steps left."""
    server = Server(is_last_first=False, window=6)
    assert len(list(run_chains(server.generate, ((n, counting(str(n), [1, 1, 1])) for n in range(6))))) == 6
    assert server.most_open == 6


def test_an_answer_that_is_lacking_ends_its_chain_only() -> None:
    server = Server(is_last_first=True, window=4)
    found = dict(run_chains(server.generate, ((name, counting(name, [1, 2])) for name in ("a", "bad", "c"))))
    assert found["a"] == ["a.0.0", "a.1.0", "a.1.1"]
    assert found["c"] == ["c.0.0", "c.1.0", "c.1.1"]
    failed = found["bad"]
    assert isinstance(failed, UnansweredError)
    assert (failed.response.outcome, failed.response.cause, failed.response.id) == ("failed", "away", "same id in every chain")


def test_no_more_chains_are_begun_than_allowed() -> None:
    begun = []

    def noted(n: int) -> Chain[None]:
        begun.append(n)
        yield [request(str(n))]

    ended = run_chains(Server(is_last_first=False, window=2).generate, ((n, noted(n)) for n in range(9)), most_open=2)
    next(ended)
    assert len(begun) <= 3  # two open, and the one begun when the first had ended
    assert len(list(ended)) == 8
