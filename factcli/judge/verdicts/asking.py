"""Language models as judges: one claim a request, or all claims of an answer in few."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from factcli.backends.asking import Asker, load_templates, rejected
from factcli.backends.chains import Chain, UnansweredError
from factcli.backends.filling import Rows
from factcli.backends.requests import Request, Response
from factcli.judge.verdicts.judges import LanguageJudge
from factcli.judge.verdicts.quoting import EMPTY, LONGEST_TOPIC, line, line_quoted, numbered, passages_quoted
from factcli.judge.verdicts.reading import CHOICES, AllVerdicts, OneVerdict, Opinion, opinion_of, opinions_of, unscored
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.judge.verdicts.showing import Shown
from factcli.rows import Origin, Reject
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, ScoredAnswer

ONE, ONE_JSON, ALONE, ALONE_JSON, ALL, ALL_ALONE = (f"verdicts/{name}" for name in ("one", "one_json", "alone", "alone_json", "all", "all_alone"))
JSON_TOKENS = 32  # of {"verdict": "unsupported"}, with room for blanks
JSON_TOKENS_EACH = 24  # of one entry of a list of verdicts
NO_TOPIC = "(not said)"


def templates_of(judge: LanguageJudge, config: JudgeConfig) -> list[str]:
    """Names of the templates that a judge may use: their digests belong in the plan."""
    is_json = config.by == "json"
    single = [ONE_JSON, ALONE_JSON] if is_json else [ONE, ALONE]
    return [ALL, ALL_ALONE, *single] if judge.at_once == "answer" else single


def verdict_id(claim: AnswerClaim, number: int) -> str:
    return f"{claim.id}.j{number}"


def asker_of(judge: LanguageJudge, config: JudgeConfig) -> Asker:
    """Greedy throughout, so there is no seed; equal questions share an answer."""
    return Asker(load_templates(templates_of(judge, config)), judge.who.endpoint.model, 0, config.generation.chat, judge.who.adapters)


@dataclass(frozen=True, slots=True)
class Asking:
    """What every chain about one answer has in common."""

    judge: LanguageJudge
    asker: Asker
    config: JudgeConfig
    answer: ScoredAnswer
    shown: Shown

    def row(self, claim: AnswerClaim, opinion: Opinion, passages: Sequence[EvidencePassage], request: str) -> ClaimVerdict:
        ids = tuple(passage.id for passage in passages)
        return ClaimVerdict(verdict_id(claim, self.judge.number), claim.id, self.judge.name, opinion.verdict, opinion.reason, opinion.probability, ids, request)

    def topic(self) -> str:
        return line_quoted(self.answer.topic or NO_TOPIC, LONGEST_TOPIC)

    def of_passages(self, passages: Sequence[EvidencePassage]) -> dict[str, str]:
        return {} if self.shown.is_closed_book else {"passages": passages_quoted(passages, self.config.passage_tokens)}

    def origin(self, claim: AnswerClaim, said: Response) -> Origin:
        return self.asker.origin(verdict_id(claim, self.judge.number), "verdicts", said.id.partition(" ")[0], said)


def one_claim(asking: Asking, claim: AnswerClaim) -> Chain[Rows]:
    """The verdict on one claim. Raises UnansweredError where no answer came at all."""
    passages = asking.shown.of(claim.id, asking.config.k)
    lack = asking.shown.lack(passages) if line(claim.text) else EMPTY
    if lack:
        return {"verdicts": [asking.row(claim, unscored(lack), (), "")]}
    said = _came((yield [_request_one(asking, claim, passages)])[0])
    opinion = opinion_of(said, asking.config)
    return {"verdicts": [asking.row(claim, opinion, passages, said.key)], "origins": [asking.origin(claim, said)]}


def _request_one(asking: Asking, claim: AnswerClaim, passages: Sequence[EvidencePassage]) -> Request:
    config = asking.config
    values = {**asking.of_passages(passages), "topic": asking.topic(), "claim": line_quoted(claim.text)}
    is_closed = asking.shown.is_closed_book
    if config.by == "json":
        return asking.asker.ask(ALONE_JSON if is_closed else ONE_JSON, claim.id, values, JSON_TOKENS, schema=OneVerdict)
    choices = CHOICES if config.by == "probability" else ()
    return asking.asker.ask(ALONE if is_closed else ONE, claim.id, values, config.max_tokens, choices=choices)


@dataclass(slots=True)
class _Found:
    """Rows of several claims, as they come."""

    verdicts: list[ClaimVerdict] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    rejected: list[Reject] = field(default_factory=list)

    def rows(self) -> Rows:
        return {"verdicts": self.verdicts, "origins": self.origins, "rejected": self.rejected}


def all_claims(asking: Asking, claims: Sequence[AnswerClaim], name: str) -> Chain[Rows]:
    """The verdicts on several claims from one request; claims that it leaves out are unscored, or asked about alone."""
    blank = [asking.row(claim, unscored(EMPTY), (), "") for claim in claims if not line(claim.text)]
    claims = [claim for claim in claims if line(claim.text)]
    passages = asking.shown.of_all([claim.id for claim in claims], asking.config.k_answer)
    lack = asking.shown.lack(passages)
    if lack or not claims:
        return {"verdicts": blank + [asking.row(claim, unscored(lack), (), "") for claim in claims]}
    said = _came((yield [_request_all(asking, claims, passages, name)])[0])
    listed = opinions_of(said, len(claims))
    found = _Found(blank)
    for claim, opinion in zip(claims, listed.opinions, strict=True):
        if opinion is None and asking.config.left_out == "ask":
            rows = yield from one_claim(asking, claim)
            found.verdicts += rows["verdicts"]
            found.origins += rows.get("origins", ())
        else:
            found.verdicts.append(asking.row(claim, opinion or unscored("left out of the list"), passages, said.key))
            found.origins.append(asking.origin(claim, said))
    if listed.n_odd:
        found.rejected.append(rejected(name, said.id.partition(" ")[0], "verdict with the number of no claim", said.text, said))
    return found.rows()


def _request_all(asking: Asking, claims: Sequence[AnswerClaim], passages: Sequence[EvidencePassage], name: str) -> Request:
    values = {**asking.of_passages(passages), "topic": asking.topic(), "claims": numbered([claim.text for claim in claims]), "example": _example(len(claims))}
    template = ALL_ALONE if asking.shown.is_closed_book else ALL
    return asking.asker.ask(template, name, values, JSON_TOKENS + JSON_TOKENS_EACH * len(claims), schema=AllVerdicts)


def _example(n_claims: int) -> str:
    return AllVerdicts.model_validate({"verdicts": [{"number": n, "verdict": "supported"} for n in range(1, n_claims + 1)]}).model_dump_json()


def _came(said: Response) -> Response:
    """The same. Raises UnansweredError where no answer came; one that came and is of no use is unscored instead."""
    if said.outcome == "failed":
        raise UnansweredError(said)
    return said


def portions(claims: Sequence[AnswerClaim], config: JudgeConfig) -> Iterator[Sequence[AnswerClaim]]:
    """The claims of one answer, request by request: at most `most_per_call` together, more where there would be more than `most_calls`."""
    most = max(config.most_per_call, -(-len(claims) // config.most_calls))
    yield from (claims[first : first + most] for first in range(0, len(claims), most))
