"""Long answers that a judge scored on the page: figures, and each claim with the passage that decided."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.judge.metrics import Metric
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, ScoredAnswer
from tests.stages.report_chain import Chain, commit, make_chain
from tests.stages.test_report import Outline, draw
from tests.stages.test_report_benchmarks import Choosing
from tests.stages.test_report_items import unpacked

TEXT = "Ada Lovelace wrote programs. She lived on Mars, in 1840."
ROWS = {"answers": ScoredAnswer, "claims": AnswerClaim, "verdicts": ClaimVerdict, "evidence": EvidencePassage, "metrics": Metric}


def scores(chain: Chain) -> Artifact:
    """Two sentences, three claims: one supported by a passage, one refuted by it, one that nobody could score; and an abstention."""
    answers = [
        ScoredAnswer("q1.ref", "q1", "Tell me of Ada.", "Ada Lovelace", TEXT),
        ScoredAnswer("q2.ref", "q2", "Tell me of Ina.", "Ina", "I do not know.", abstention="rules"),
    ]
    places = ((0, 28), (29, 56), (29, 56))
    texts = ("Ada Lovelace wrote programs.", "Ada Lovelace lived on Mars.", "Ada Lovelace lived in 1840.")
    claims = [AnswerClaim(f"q1.ref.c{n}", "q1.ref", text, n, *place, "rules") for n, (text, place) in enumerate(zip(texts, places, strict=True))]
    verdicts = [
        ClaimVerdict("q1.ref.c0.j0", "q1.ref.c0", "m", "supported", "", 0.9, ("q1.ref.e0",)),
        ClaimVerdict("q1.ref.c1.j0", "q1.ref.c1", "m", "unsupported", "", 0.1, ("q1.ref.e0", "q1.ref.e1")),
        ClaimVerdict("q1.ref.c2.j0", "q1.ref.c2", "m", "unscored", "no number", None, ()),
    ]
    evidence = [EvidencePassage(f"q1.ref.e{n}", "q1.ref", f"ada#{n}", "Ada Lovelace", text) for n, text in enumerate(("She wrote programs in London.", "<b>"))]
    metrics = [Metric("precision", "all", 0.5, 0.2, 0.8, 2, 1), Metric("facts_per_response", "all", 2.0, None, None, 1, 1)]
    rows = {"answers": answers, "claims": claims, "verdicts": verdicts, "evidence": evidence, "metrics": metrics}
    return commit(
        chain.root, "score factscore", "scores", "factscore", Choosing(), {"answers": chain.tuned}, rows, ROWS, Outcome("scored", {"benchmark": "bio"})
    )


@pytest.fixture
def page(tmp_path: Path) -> str:
    chain = make_chain(tmp_path / "data")
    return draw([*chain.evals, scores(chain)], chain.root)


def test_claims_of_a_sentence_carry_their_verdicts_and_the_passages_shown(page: str) -> None:
    read = unpacked(page)
    place = read["items"]["id"].index("q1")
    (said,) = [said for said, model in zip(read["said"], read["models"], strict=True) if model["label"] == "PREREQ-TUNE"]
    cut, claims = said["long"][str(place)]
    assert cut == [["Ada Lovelace wrote programs.", 0], [" "], ["She lived on Mars, in 1840.", 1, 2]]
    assert [claim[1] for claim in claims] == [0, 1, 2]
    assert read["strings"][claims[0][2]] == "Ada Lovelace: She wrote programs in London."
    assert read["strings"][claims[1][2]] == "Ada Lovelace: She wrote programs in London. … Ada Lovelace: <b>"
    assert read["strings"][claims[2][3]] == "no number"
    assert said["grade"][read["items"]["id"].index("q2")] == "a"


def test_figures_stand_together_under_the_model_that_wrote_the_answers(page: str) -> None:
    rows = Outline(page).table("Over all answers; each claim is judged by evidence")
    assert [cell.split()[0] for cell in rows["PREREQ-TUNE (factscore@1)"][:2]] == ["50.0%", "2.00"]
