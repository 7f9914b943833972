"""The state of a conversation: what is plugged in, what was said, how sure is sure enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from factcli.backends.completions import Turn
from factcli.errors import FactError, InputError, nearest
from factcli.flows.chat.evidence import JudgedClaim, Judging
from factcli.flows.chat.speaking import Speaker
from factcli.judge.responses import ResponseType, worded
from factcli.judge.typed_answers import type_by
from factcli.rows import KnowledgeAdapter

UNKNOWN_ANSWER = "I don't know."
HELP = {
    "/with NAME": "plug knowledge in, instead of what is; NAME+NAME for several; a part of a name does where only one has it",
    "/with": "list the knowledge there is",
    "/without": "plug all knowledge out",
    "/why": "show what the claims of the last answer were held against",
    "/help": "list the commands",
    "/quit": "leave (Ctrl-D does too)",
}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """On the probability of an answer: at or above `certain` it is certain, at or above `given` unsure, below it is withheld."""

    certain: float | None
    given: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One question and its answer. `answer` is what is shown: `said`, or that it is not known where that is too improbable."""

    question: str
    said: str
    answer: str
    type: ResponseType
    typed_by: str  # words or threshold
    confidence: float | None
    knowledge: tuple[str, ...]  # that was plugged in
    claims: tuple[JudgedClaim, ...]

    @property
    def is_withheld(self) -> bool:
        return self.answer != self.said


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the conversation says of itself, as lines."""

    lines: tuple[str, ...]
    is_end: bool = False


@dataclass(slots=True)
class Session:
    """`adapters`: what can be plugged in, by name. `n_turns`: earlier questions that the model is shown again."""

    speaker: Speaker
    judging: Judging
    adapters: Mapping[str, KnowledgeAdapter] = field(default_factory=dict)
    thresholds: Thresholds | None = None
    n_turns: int = 0
    plugged: tuple[str, ...] = ()
    last: Reply | None = None
    _turns: list[Turn] = field(default_factory=list)

    def ask(self, question: str) -> Reply:
        """Raises InputError for a question that is too long for the model, BackendError where no answer came."""
        earlier = self._turns[len(self._turns) - 2 * self.n_turns :] if self.n_turns else []
        said = self.speaker.say((*earlier, Turn("user", question)), self.plugged)
        found = worded(said.text)
        confidence = said.confidence(found.start, found.end) if said.text else None
        kind, typed_by = self._type(found.type, confidence)
        is_withheld = kind == "unknown" and found.type != "unknown"
        claims = self.judging.judged(question, said, self._versions())
        answer = UNKNOWN_ANSWER if is_withheld else said.text
        self.last = Reply(question, said.text, answer, kind, typed_by, confidence, self.plugged, claims)
        self._turns += [Turn("user", question), Turn("assistant", said.text)]
        return self.last

    def _type(self, by_words: ResponseType, confidence: float | None) -> tuple[ResponseType, str]:
        if self.thresholds is None or confidence is None or by_words == "unknown":
            return by_words, "words"
        return type_by(confidence, False, self.thresholds.certain, self.thresholds.given), "threshold"

    def _versions(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(version for name in self.plugged if (version := self.adapters[name].version)))

    def command(self, line: str) -> Notice:
        """What a line that begins with a slash does. A mistake is said and changes nothing."""
        name, _, rest = line.partition(" ")
        try:
            return self._command(name, rest.strip())
        except FactError as error:
            return Notice((f"error: {error.message}", *([f"  way out: {error.hint}"] if error.hint else [])))

    def _command(self, name: str, rest: str) -> Notice:
        if name == "/quit":
            return Notice((), is_end=True)
        if name == "/help":
            return Notice(tuple(f"{command:<12}{does}" for command, does in HELP.items()))
        if name == "/why":
            return Notice(tuple(why(self.last)))
        if name == "/without":
            self.plugged = ()
            return Notice(("no knowledge is plugged in",))
        if name == "/with":
            return self.plug(rest) if rest else Notice(tuple(self._listed()))
        raise InputError(f"there is no command {name}{nearest(name, [known.split()[0] for known in HELP])}", "/help lists them")

    def plug(self, names: str) -> Notice:
        """Raises InputError for knowledge that is not there, or that a part of a name does not tell from other."""
        self.plugged = tuple(dict.fromkeys(self._adapter(name.strip()) for name in names.split("+")))
        return Notice((f"plugged in: {', '.join(self.plugged)}",))

    def _adapter(self, name: str) -> str:
        if name in self.adapters:
            return name
        alike = [known for known in self.adapters if name and name in known]
        if len(alike) == 1:
            return alike[0]
        if not self.adapters:
            raise InputError("there is no knowledge to plug in", "begin the conversation with it: fact chat MODEL --with KNOWLEDGE")
        what = f"{len(alike)} have {name!r} in their names" if alike else f"no knowledge is called {name!r}{nearest(name, self.adapters)}"
        raise InputError(what, f"there are {', '.join(alike or self.adapters)}")

    def _listed(self) -> list[str]:
        if not self.adapters:
            return ["there is no knowledge to plug in; begin with: fact chat MODEL --with KNOWLEDGE"]
        return [f"{'* ' if name in self.plugged else '  '}{name}" for name in self.adapters]


def why(reply: Reply | None) -> list[str]:
    """What the claims of an answer were held against; of a withheld answer what it was and how improbable."""
    if reply is None:
        return ["nothing was asked yet"]
    lines = []
    if reply.is_withheld:
        lines.append(f"withheld: {reply.said} (probability {reply.confidence:.2f})")
    for claim in reply.claims:
        lines.append(f"{claim.verdict}: {claim.text}{f' ({claim.reason})' if claim.reason else ''}")
        lines += [f"    {line}" for line in claim.evidence]
    return lines or ["the answer makes no claim that could be held against anything"]


def adapters_by_name(rows: Sequence[KnowledgeAdapter]) -> dict[str, KnowledgeAdapter]:
    return {row.name: row for row in rows}
