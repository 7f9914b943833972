"""`fact trace` where an id means several things, and the columns that lead from row to row."""

import json
import shutil
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest

from factcli import answerrows, consistencyrows, preferencerows, rows, scorerows, topicrows
from factcli.answerrows import Pair, Prompt
from factcli.artifact import Artifact, Outcome, make
from factcli.errors import InputError
from factcli.preferencerows import ReferenceLogp
from factcli.rows import Origin, Person
from factcli.scorerows import AnswerClaim, ClaimVerdict, EvidencePassage, Score, ScoredAnswer
from factcli.stages.look import render_trace, trace
from factcli.stages.look.trace import NAMING, row_text
from tests.artifact.toy import ToyConfig, toy_plan
from tests.chain import Folder
from tests.stages.test_look import text_of


def people_of(root: Path, name: str, number: int) -> Artifact:
    """A data set of its own with f0.p0000, who is Person `number`."""
    tables = {"people": [Person("f0.p0000", f"Person {number}", "fictitious", "train", 0, True)]}
    plan = toy_plan(ToyConfig(), name, kind="synth", tables={"people": Person})
    return make(plan, lambda draft: draft.write("all", 0, tables) or Outcome(name), root)[0]


def samples_of(root: Path, name: str, source: Artifact) -> Artifact:
    prompt = Prompt("f0.p0000.bio", "Who?", "Person", "bio", "train", "f0.p0000")
    plan = toy_plan(ToyConfig(), name, kind="samples", inputs={"prompts": source}, tables={"prompts": Prompt})
    return make(plan, lambda draft: draft.write("all", 0, {"prompts": [prompt]}) or Outcome(name), root)[0]


@pytest.fixture
def two_families(tmp_path: Path) -> Path:
    """bio-subjects -> bio-samples, and medical-subjects, whose f0.p0000 is somebody else."""
    bio = people_of(tmp_path, "bio-subjects", 1)
    people_of(tmp_path, "medical-subjects", 2)
    samples_of(tmp_path, "bio-samples", bio)
    return tmp_path


def test_one_id_of_unrelated_versions_has_a_life_in_each(two_families: Path) -> None:
    lives = trace("f0.p0000", two_families).lives
    assert [(life.first, [(ref, [row.text for row in rows]) for ref, rows in life.groups]) for life in lives] == [
        ("bio-subjects@1", [("bio-subjects@1", ["Person 1 [fictitious, train]"]), ("bio-samples@1", ["Who? [train]"])]),
        ("medical-subjects@1", [("medical-subjects@1", ["Person 2 [fictitious, train]"])]),
    ]
    shown = text_of(render_trace(trace("f0.p0000", two_families)))
    assert "2 versions have f0.p0000 and none was made from another" in shown
    assert "1 of 2: f0.p0000 of bio-subjects@1" in shown
    assert [life.first for life in trace("f0.p0000.bio", two_families).lives] == ["bio-samples@1"]


def test_the_life_that_a_version_is_part_of_can_be_asked_for(two_families: Path) -> None:
    for within, first in (("bio-samples", "bio-subjects@1"), ("bio-subjects@1", "bio-subjects@1"), ("medical-subjects", "medical-subjects@1")):
        assert [life.first for life in trace("f0.p0000", two_families, within).lives] == [first]
    assert "of 2" not in text_of(render_trace(trace("f0.p0000", two_families, "bio-samples")))
    with pytest.raises(InputError, match=r"medical-subjects@1 has nothing to do with 'f0\.p0000\.bio'") as raised:
        trace("f0.p0000.bio", two_families, "medical-subjects")
    assert raised.value.hint == "the versions that have it: bio-samples@1"


def test_a_version_whose_parent_was_replaced_is_no_part_of_the_new_ones_life(two_families: Path) -> None:
    """bio-subjects@1 is made again with another person: what stands on the old one no longer speaks of the same."""
    shutil.rmtree(two_families / "bio-subjects")
    people_of(two_families, "bio-subjects", 3)
    assert sorted(life.first for life in trace("f0.p0000", two_families).lives) == ["bio-samples@1", "bio-subjects@1", "medical-subjects@1"]


def test_every_column_that_names_another_row_leads_across() -> None:
    modules = (answerrows, consistencyrows, preferencerows, rows, scorerows, topicrows)
    types = {value for module in modules for value in vars(module).values() if is_dataclass(value)}
    names = {field.name for type_ in types for field in fields(type_) if field.name.endswith(("_id", "_ids"))}
    assert names <= set(NAMING)
    assert {field.name for field in fields(ClaimVerdict)} & set(NAMING) == {"claim_id", "evidence"}
    assert {field.name for field in fields(Score)} & set(NAMING) == {"of", "prompt_id"}


def test_rows_of_scores_and_pairs_are_said_in_words() -> None:
    assert row_text(asdict(Score("q1.s0.factscore", "q1.s0", "q1", "factscore", 0.5, "", 4))) == "factscore = 0.5"
    assert row_text(asdict(Score("q1.s0.factscore", "q1.s0", "q1", "factscore", None, "no claims", 0))) == "factscore = None: no claims"
    assert row_text(asdict(Pair("q1.p", "q1", "Who?", "Mira.", "Otto.", "scores", "train"))) == "Who? -> Mira. rather than Otto. [train]"
    gave = ReferenceLogp("q1.p", -7.25, -6.5, 12, 9, "train")
    assert row_text(asdict(gave)) == "the reference gives chosen -7.25 nats (12 tokens), rejected -6.50 (9) [train]"
    assert row_text(asdict(ClaimVerdict("q1.s0.c0.j0", "q1.s0.c0", "world", "supported", "", None, ("f1",)))) == "by world on f1 [supported]"


def test_the_command_shows_one_life(two_families: Path) -> None:
    told = Folder(two_families.parent).must("trace", "f0.p0000", "--in", "bio-samples", "--json", "--data", str(two_families)).out
    assert [life["first"] for life in json.loads(told)["lives"]] == ["bio-subjects@1"]


def test_a_score_leads_to_its_claims_verdicts_evidence_and_the_judges_request(tmp_path: Path) -> None:
    rows_of = {
        "answers": [ScoredAnswer("q.s0", "q", "Who?", "Ada", "Ada was born in Lima."), ScoredAnswer("q.s1", "q", "Who?", "Ada", "No.", number=1)],
        "claims": [AnswerClaim("q.s0.c0", "q.s0", "Ada was born in Lima.", 0, 0, 21, "rules"), AnswerClaim("q.s1.c0", "q.s1", "No.", 0, 0, 3, "rules")],
        "verdicts": [ClaimVerdict("q.s0.c0.j0", "q.s0.c0", "http:m@n", "supported", "", 0.9, ("q.s0.e0",), "k1")],
        "evidence": [EvidencePassage("q.s0.e0", "q.s0", "p7", "Ada", "Born in Lima."), EvidencePassage("q.s0.e1", "q.s0", "p8", "Ada", "Unused.")],
        "scores": [Score("q.s0.precision", "q.s0", "q", "precision", 1.0, "", 1), Score("q.s0.robust", "q.s0", "q", "robust", 1.0, "", 1)],
        "origins": [Origin("q.s0.c0.j0", "verdicts", "verdicts/choice", "0", "m", "k1")],
    }
    plan = toy_plan(ToyConfig(), "factscore", kind="scores", tables={table: type(rows[0]) for table, rows in rows_of.items()})
    make(plan, lambda draft: draft.write("all", 0, rows_of) or Outcome("scores"), tmp_path)
    found = {row.id: row.relation for life in trace("q.s0.precision", tmp_path).lives for _, rows in life.groups for row in rows if row.id != "q.s0.c0.j0"}
    assert found == {
        "q.s0": "ancestor",
        "q.s0.c0": "rests on",
        "q.s0.e0": "rests on",
        "q.s0.e1": "rests on",
        "q.s0.precision": "self",
    }
    told = [
        (row.table, row.row.get("request"))
        for life in trace("q.s0.precision", tmp_path).lives
        for _, rows in life.groups
        for row in rows
        if row.id == "q.s0.c0.j0"
    ]
    assert told == [("verdicts", "k1"), ("origins", "k1")]
    of_claim = {row.id: row.relation for life in trace("q.s0.c0", tmp_path).lives for _, rows in life.groups for row in rows}
    assert of_claim["q.s0.e0"] == "rests on"
    assert of_claim["q.s0.c0.j0"] == "descendant"
    assert "q.s0.e1" not in of_claim
