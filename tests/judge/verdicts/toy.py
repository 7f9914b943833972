"""Answers, claims, passages and an honest judge for tests of verdicts: a claim is true where its last word stands in a passage."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.backends.filling import TABLES as FILLED
from factcli.backends.filling import counts_of
from factcli.backends.opening import FindLocal
from factcli.judge.verdicts.filling import TABLES, Matter, fill_verdicts, prompts_of
from factcli.judge.verdicts.judges import identity_of, inputs_of, judges_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.knowledge.evidence import PageMatch, Passage
from factcli.progress import PlainReport
from factcli.scorerows import AnswerClaim, ClaimVerdict, ScoredAnswer
from tests.backends.server import first_word

QUOTED = re.compile(r"<<<\n(.*?)\n>>>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pages:
    """Evidence by exact title: passages of a page in their order."""

    pages: Mapping[str, Sequence[str]]

    def find_page(self, topic: str) -> PageMatch:
        return PageMatch("exact", topic) if topic in self.pages else PageMatch("absent", "")

    def search(self, query: str, k: int, title: str | None) -> Sequence[Passage]:
        """Those with most words of the query first."""
        words = set(query.lower().split())
        titles = list(self.pages) if title is None else [title]
        found = [(name, place, text) for name in titles for place, text in enumerate(self.pages[name])]
        ranked = sorted(found, key=lambda one: -len(words & set(one[2].lower().replace(".", "").split())))
        return [Passage(f"{name}#{place}", name, text) for name, place, text in ranked[:k]]


def answer(id: str, topic: str, text: str = "", **more: Any) -> ScoredAnswer:
    return ScoredAnswer(id, id.partition(".")[0], f"Tell me about {topic}.", topic, text, **more)


def claims_of(one: ScoredAnswer, *texts: str) -> list[AnswerClaim]:
    return [AnswerClaim(f"{one.id}.c{n}", one.id, text, n, -1, -1, "given", label="S") for n, text in enumerate(texts)]


PAGES = Pages(
    {
        "Mira Osei": ["Mira Osei was born in Hobart.", "Osei works as a baker.", "She won the Opal Prize in 1990."],
        "Lee Ada": ["Lee Ada was born in Lima.", "Ada studied in Oslo."],
    }
)
MIRA, LEE, NOBODY = answer("q0.s0", "Mira Osei"), answer("q1.s0", "Lee Ada"), answer("q2.s0", "Nobody Known")
CLAIMS = {
    MIRA.id: claims_of(MIRA, "Mira was born in Hobart", "Mira is a baker", "Mira was born in Lima", "Mira won the Ruby"),
    LEE.id: claims_of(LEE, "Ada was born in Lima", "Ada lives in Rome"),
    NOBODY.id: claims_of(NOBODY, "Nobody lives in Rome"),
}
MATTER = Matter((MIRA, LEE, NOBODY), CLAIMS, PAGES)
TRUE = {"q0.s0.c0", "q0.s0.c1", "q1.s0.c0"}
EXPECTED = {c.id: "unscored" if c.answer_id == NOBODY.id else "supported" if c.id in TRUE else "unsupported" for cs in CLAIMS.values() for c in cs}


def blocks(body: Mapping[str, Any]) -> list[str]:
    """What stands between marks in the last turn: passages, topic, claim or claims."""
    return QUOTED.findall(body["messages"][-1]["content"] if "messages" in body else body["prompt"])


def is_true(claim: str, passages: Sequence[str]) -> bool:
    word = "".join(claim.rstrip(".").split()[-1:]).lower()
    return bool(word) and any(word in re.findall(r"\w+", passage.lower()) for passage in passages)


def by_probability(body: dict[str, Any]) -> dict[str, Any]:
    """True with 0.9 or 0.1."""
    *passages, _topic, claim = blocks(body)
    share = 0.9 if is_true(claim, passages) else 0.1
    return first_word(body, {"True": math.log(share), "False": math.log(1 - share)})


def by_list(body: dict[str, Any]) -> dict[str, Any]:
    """JSON, for one claim or for several."""
    *passages, _topic, claims = blocks(body)
    if "of them" not in body["messages"][-1]["content"] and "each claim" not in body["messages"][-1]["content"]:
        return {"message": {"content": json.dumps({"verdict": "supported" if is_true(claims, passages) else "unsupported"})}}
    texts = [line.partition(". ")[2] for line in claims.splitlines()]
    listed = [{"number": n, "verdict": "supported" if is_true(text, passages) else "unsupported"} for n, text in enumerate(texts, 1)]
    return {"message": {"content": json.dumps({"verdicts": listed})}}


def judged(config: JudgeConfig, root: Path, matter: Matter = MATTER, world: Artifact | None = None, find_local: FindLocal | None = None) -> Artifact:
    """A committed version that holds nothing but verdicts."""
    judges = judges_of(config, root, find_local, world)
    inputs = inputs_of(judges)
    plan = Plan("score toy", 1, "scores", "toy", config, inputs, {**TABLES, **FILLED}, prompts_of(judges, config), identity_of(judges))

    def work(draft: Draft) -> Outcome:
        usage = fill_verdicts(draft, matter, judges, config, PlainReport())
        return Outcome("toy", counts=counts_of(draft), usage=usage)

    return make(plan, work, root)[0]


def verdicts_of(made: Artifact) -> dict[str, str]:
    return {row.claim_id: row.verdict for row in made.rows("verdicts", ClaimVerdict)}
