"""A model takes the sentences of an answer apart: one request for each, all of one answer at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import BaseModel

from factcli.backends.asking import Asker, digests, load_templates, rejected
from factcli.backends.chains import Chain, UnansweredError, answered
from factcli.backends.opening import Answering
from factcli.backends.requests import Request, Response
from factcli.judge.claims import demonstrations
from factcli.judge.claims.parsing import is_framing, parsed
from factcli.judge.claims.reading import Draught
from factcli.judge.claims.repairs import repaired
from factcli.judge.claims.settings import ClaimsConfig
from factcli.judge.claims.splitting import Sentence
from factcli.prompts import quoted
from factcli.rows import Origin, Reject
from factcli.scorerows import ScoredAnswer

CUT = "cut at max_tokens"
NEXT = "Sentence:"  # a model that continues text goes on with a sentence of its own


class Claims(BaseModel):
    """The form of an answer as JSON."""

    claims: list[str]


class Taken(NamedTuple):
    """`origins` and `rejects` are named by sentence: `{answer.id}.{number}`; the unit puts the claims' ids in."""

    draughts: list[Draught]
    origins: list[tuple[int, Origin]]  # with the sentence
    rejects: list[Reject]


@dataclass(frozen=True, slots=True)
class Decomposer:
    """Who is asked, with which template."""

    asker: Asker
    config: ClaimsConfig

    @property
    def template(self) -> str:
        return template_of(self.config)

    def take_apart(self, answer: ScoredAnswer, sentences: Sequence[Sentence]) -> Chain[Taken]:
        """The claims of the sentences, in order. Raises UnansweredError where one of them gets no usable answer: half an answer has no score."""
        asked = [(number, one) for number, one in enumerate(sentences) if not is_framing(one.text)]
        said = yield [self._request(answer, number, one) for number, one in asked]
        taken = Taken([], [], [])
        for (number, sentence), response in zip(asked, said, strict=True):
            self._read(answer, number, sentence, response, taken)
        return taken

    def _request(self, answer: ScoredAnswer, number: int, sentence: Sentence) -> Request:
        config = self.config
        values = {"sentence": quoted(sentence.text), "demonstrations": demonstrations.shown(sentence.text, config.fixed, config.retrieved, config.form)}
        schema = Claims if config.form == "json" else None
        stop = () if self.asker.is_chat else (NEXT,)
        return self.asker.ask(self.template, f"{answer.id}.{number}", values, config.max_tokens, config.temperature, schema=schema, stop=stop)

    def _read(self, answer: ScoredAnswer, number: int, sentence: Sentence, said: Response, taken: Taken) -> None:
        claims, rejects = list(_claims(said)), []
        if said.outcome == "truncated":
            if not claims:
                raise UnansweredError(said)
            rejects.append((claims.pop(), CUT))
        if self.config.repairs:
            whole = repaired(claims, sentence.text, answer.topic)
            claims, rejects = list(whole.claims), [*whole.rejects, *rejects]
        taken.draughts.extend(Draught(claim, number, sentence.start, sentence.end) for claim in claims)
        taken.origins.append((number, self.asker.origin("", "claims", self.template, said)))
        taken.rejects.extend(rejected(f"{answer.id}.{number}", self.template, reason, claim, said) for claim, reason in rejects)


def decomposer(config: ClaimsConfig, who: Answering) -> Decomposer:
    name = template_of(config)
    return Decomposer(Asker(load_templates([name]), who.endpoint.model, config.seed, who.config.chat, who.adapters), config)


def template_of(config: ClaimsConfig) -> str:
    return f"claims/{config.form}"


def pinned(config: ClaimsConfig) -> dict[str, str]:
    """Template and demonstrations, name -> sha256."""
    return {**digests(load_templates([template_of(config)])), demonstrations.NAME: demonstrations.load()[1]}


def _claims(said: Response) -> Iterator[str]:
    """The items of an answer. Raises UnansweredError for one that is neither whole nor a list cut at its end."""
    if isinstance(said.parsed, Claims):
        yield from (" ".join(claim.split()) for claim in said.parsed.claims if claim.strip())
        return
    if said.outcome != "truncated":
        answered(said)
    yield from parsed(said.text).claims
