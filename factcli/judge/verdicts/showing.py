"""Which passages are shown about which claim: found by topic and claim, each kept once per answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from factcli.judge.verdicts.settings import JudgeConfig
from factcli.knowledge.evidence import Evidence, Match, Passage
from factcli.scorerows import AnswerClaim, EvidencePassage, ScoredAnswer

NO_PAGE = "no page"  # about the topic
NO_PASSAGE = "no passage"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown about the claims of one answer. `match`: how its topic was found; "" where no evidence is asked for."""

    match: Match | Literal[""]
    passages: tuple[EvidencePassage, ...]
    by_claim: Mapping[str, tuple[int, ...]]  # claim id -> places in `passages`, best first
    is_closed_book: bool = False

    def of(self, claim_id: str, most: int) -> tuple[EvidencePassage, ...]:
        """The passages about one claim, best first."""
        return tuple(self.passages[place] for place in self.by_claim.get(claim_id, ())[:most])

    def of_all(self, claim_ids: Sequence[str], most: int) -> tuple[EvidencePassage, ...]:
        """The passages about several claims: the best of each, then the second of each, and so on."""
        ranked = [self.by_claim.get(claim_id, ()) for claim_id in claim_ids]
        places = [row[rank] for rank in range(max(map(len, ranked), default=0)) for row in ranked if rank < len(row)]
        return tuple(self.passages[place] for place in list(dict.fromkeys(places))[:most])

    def lack(self, passages: Sequence[EvidencePassage]) -> str:
        """Why nothing can be judged by these; "" where something can."""
        if passages or self.is_closed_book:
            return ""
        return NO_PAGE if self.match == "absent" else NO_PASSAGE


class Showing:
    """Finds what is shown, answer by answer. Memory: each passage that was found, once."""

    def __init__(self, evidence: Evidence | None, config: JudgeConfig) -> None:
        self._evidence = evidence if config.evidence == "passages" else None
        self._config = config
        self._texts: dict[str, Passage] = {}

    def of(self, answer: ScoredAnswer, claims: Sequence[AnswerClaim]) -> Shown:
        """The query is the topic and the claim (FActScore); without a topic all pages are searched with the claim."""
        if self._evidence is None:
            return Shown("", (), {}, is_closed_book=True)
        page = self._evidence.find_page(answer.topic) if answer.topic.strip() else None
        is_absent = page is not None and page.match == "absent"
        if is_absent and self._config.no_page != "open":
            return Shown("absent", (), {}, is_closed_book=self._config.no_page == "closed-book")
        title = None if page is None or is_absent else page.title
        found = {claim.id: self._search(self._evidence, f"{answer.topic} {claim.text}".strip(), title) for claim in claims}
        places = {id_: place for place, id_ in enumerate(dict.fromkeys(passage.id for passages in found.values() for passage in passages))}
        rows = tuple(self._row(answer, place, self._texts[id_]) for id_, place in places.items())
        by_claim = {claim_id: tuple(places[passage.id] for passage in passages) for claim_id, passages in found.items()}
        return Shown("open" if page is None else page.match, rows, by_claim)

    def _search(self, evidence: Evidence, query: str, title: str | None) -> Sequence[Passage]:
        found = [self._texts.setdefault(passage.id, passage) for passage in evidence.search(query, self._config.k, title)]
        return list({passage.id: passage for passage in found}.values())

    def _row(self, answer: ScoredAnswer, place: int, passage: Passage) -> EvidencePassage:
        return EvidencePassage(f"{answer.id}.e{place}", answer.id, passage.id, passage.title, passage.text)
