"""`fact trace` where an id means several things, and the columns that lead from row to row."""

import json
import shutil
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path

import pytest

from factcli import answerrows, consistencyrows, rows, scorerows, topicrows
from factcli.answerrows import Pair, Prompt
from factcli.artifact import Artifact, Outcome, make
from factcli.errors import InputError
from factcli.rows import Person
from factcli.scorerows import ClaimVerdict, Score
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
    modules = (answerrows, consistencyrows, rows, scorerows, topicrows)
    types = {value for module in modules for value in vars(module).values() if is_dataclass(value)}
    names = {field.name for type_ in types for field in fields(type_) if field.name.endswith(("_id", "_ids"))}
    assert names <= set(NAMING)
    assert {field.name for field in fields(ClaimVerdict)} & set(NAMING) == {"claim_id", "evidence"}
    assert {field.name for field in fields(Score)} & set(NAMING) == {"of", "prompt_id"}


def test_rows_of_scores_and_pairs_are_said_in_words() -> None:
    assert row_text(asdict(Score("q1.s0.factscore", "q1.s0", "q1", "factscore", 0.5, "", 4))) == "factscore = 0.5"
    assert row_text(asdict(Score("q1.s0.factscore", "q1.s0", "q1", "factscore", None, "no claims", 0))) == "factscore = None: no claims"
    assert row_text(asdict(Pair("q1.p", "q1", "Who?", "Mira.", "Otto.", "scores", "train"))) == "Who? -> Mira. rather than Otto. [train]"
    assert row_text(asdict(ClaimVerdict("q1.s0.c0.j0", "q1.s0.c0", "world", "supported", "", None, ("f1",)))) == "by world on f1 [supported]"


def test_the_command_shows_one_life(two_families: Path) -> None:
    told = Folder(two_families.parent).must("trace", "f0.p0000", "--in", "bio-samples", "--json", "--data", str(two_families)).out
    assert [life["first"] for life in json.loads(told)["lives"]] == ["bio-subjects@1"]
