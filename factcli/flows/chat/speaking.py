"""Who answers. A model is loaded at the first question, so that the prompt is there at once and a wrong name is told before."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from factcli.backends.completions import Completion, Turn
from factcli.backends.opening import Answering, Backend
from factcli.backends.requests import Request, Response, Sampling
from factcli.errors import BackendError
from factcli.stages.eval.subject import Subject

if TYPE_CHECKING:
    from factcli.backends.local import LocalModel

STOP = "\nQuestion:"  # a small model goes on to ask itself
Confidence = Callable[[int, int], float | None]  # of the characters start..end of the text


class Spoken(NamedTuple):
    """What was said, blanks around it left out."""

    text: str
    confidence: Confidence


class Speaker(Protocol):
    """`knowledge`: names of the knowledge adapters that are plugged in for this answer."""

    @property
    def name(self) -> str: ...
    def load(self) -> None:
        """Make ready; the second time nothing happens."""
        ...

    def say(self, turns: Sequence[Turn], knowledge: Sequence[str]) -> Spoken: ...


@dataclass(slots=True)
class LocalSpeaker:
    """A model in this process. `folders`: name -> directory of each knowledge adapter, loaded when it is first plugged in."""

    subject: Subject
    folders: Mapping[str, Path]
    max_tokens: int
    tell: Callable[[str], None]  # what a person should know of how the model is asked
    _model: "LocalModel | None" = None
    _plugged: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        return self.subject.name

    def load(self) -> None:
        if self._model is None:
            self._model = self.subject.load("auto")
            if self._model.note:
                self.tell(self._model.note)

    def say(self, turns: Sequence[Turn], knowledge: Sequence[str]) -> Spoken:
        self.load()
        assert self._model is not None
        for name in knowledge:
            if name not in self._plugged:
                self._model.plug(name, self.folders[name])
                self._plugged.add(name)
        (said,) = self._model.complete([tuple(turns)], self.max_tokens, (STOP,), (*knowledge, *self.subject.adapters))
        return spoken(said)


def spoken(said: Completion) -> Spoken:
    blanks = len(said.text) - len(said.text.lstrip())
    return Spoken(said.text.strip(), lambda start, end: said.probability(start + blanks, end + blanks))


@dataclass(slots=True)
class ServedSpeaker:
    """A model behind a server, or a script. It has no confidence where the server gives no log-probabilities."""

    who: Answering
    max_tokens: int
    _backend: Backend | None = None
    _has_logprobs: bool = True

    @property
    def name(self) -> str:
        return self.who.endpoint.model

    def load(self) -> None:
        if self._backend is None:
            self._backend = self.who.open()
            self._has_logprobs = _gives_logprobs(self._backend)

    def say(self, turns: Sequence[Turn], knowledge: Sequence[str]) -> Spoken:
        """Raises BackendError where no answer came."""
        assert not knowledge, "knowledge is plugged into models of this process"
        self.load()
        assert self._backend is not None
        asked = Request("chat", tuple(turns), Sampling(self.max_tokens), wants_logprobs=self._has_logprobs)
        (response,) = self._backend.generate([asked])
        if response.outcome not in ("ok", "truncated"):
            raise BackendError(f"{self.name} gave no answer: {response.outcome}, {response.cause}", "ask again, or see whether the server is there")
        return _served(response)


def _gives_logprobs(backend: Backend) -> bool:
    from factcli.backends.http import HttpBackend
    from factcli.backends.probing import Need, probe

    needs: tuple[Need, ...] = ("logprobs",)
    return not probe(backend, needs).get("logprobs") if isinstance(backend, HttpBackend) else True


def _served(response: Response) -> Spoken:
    """Tokens are placed one after the other; where they do not make up the text, nothing is said of parts of it."""
    blanks = len(response.text) - len(response.text.lstrip())
    text = response.text.strip()
    placed: list[tuple[int, int, float]] = []
    start = 0
    for token in response.tokens:
        if token.logprob is not None:
            placed.append((start, start + len(token.text), token.logprob))
        start += len(token.text)
    is_whole = start >= len(response.text) and len(placed) == len(response.tokens) > 0

    def confidence(first: int, last: int) -> float | None:
        if not is_whole:
            return None
        return math.exp(sum(logprob for a, b, logprob in placed if a < last + blanks and b > first + blanks))

    return Spoken(text, confidence)
