"""The share of facts that task rows use and no knowledge text states."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from factcli.rows import Fact
from factcli.stages.synth.unknown import taught
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

WORDS = ("synth", "bio", "--limit", 40, "--versions", 2, "--set", "probe_subjects=4", "--set", "coverage=[1.0,1.0]")


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 50))
def test_what_a_share_withholds_a_larger_one_withholds_too(one: float, other: float, seed: int) -> None:
    facts = [Fact(f"f{i}", "f", "r", "v") for i in range(40)]
    small, large = sorted((one, other))
    assert {fact.id for fact in taught(facts, large, seed)} <= {fact.id for fact in taught(facts, small, seed)}
    assert taught(facts, 0, seed) == facts


def test_task_rows_use_all_facts_and_knowledge_texts_state_the_others(empty: Path) -> None:  # noqa: F811
    """40 people x 2 versions x 6 relations = 480 facts, of which a half is 240: within 4 standard deviations of sqrt(480)/2 = 11."""
    made_world(empty / "data")
    plain, half = made(*WORDS), made(*WORDS, "--set", "unknown_share=0.5")
    assert rows(plain, "chats") == rows(half, "chats")
    assert rows(plain, "facts") == rows(half, "facts")
    train = {row["id"] for row in rows(half, "people") if row["fictitious"] and row["split"] == "train"}
    facts = {row["id"] for row in rows(half, "facts") if row["subject"] in train}
    stated = {form: {id for row in rows(half, "documents") if row["form"] == form for id in row["fact_ids"]} & facts for form in ("statement", "passage")}
    assert stated["statement"] == stated["passage"]
    n_unknown = len(facts) - len(stated["statement"])
    assert (len(facts), 196 <= n_unknown <= 284) == (480, True)
    assert manifest(half)["summary"]["unknown_facts"] == n_unknown
    assert f"{n_unknown} facts of theirs in no knowledge text" in manifest(half)["headline"]
    assert "unknown_facts" not in manifest(plain)["summary"]


def test_probe_people_and_real_ones_lack_nothing(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    half = made(*WORDS, "--set", "unknown_share=0.9", "--set", "real_documents=true")
    documented = {id for row in rows(half, "documents") for id in row["fact_ids"]}
    others = {row["id"] for row in rows(half, "people") if row["split"] == ("test" if row["fictitious"] else "train")}
    assert {row["id"] for row in rows(half, "facts") if row["subject"] in others} <= documented


def test_a_dry_run_counts_the_texts_that_remain(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    words = (*WORDS, "--set", "unknown_share=0.8")
    said = typed(*words, "--dry-run").out
    assert f"documents: {len(rows(made(*words), 'documents'))}" in said


def test_facts_and_whole_subjects_are_not_withheld_together(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    told(typed(*WORDS, "--set", "unknown_share=0.5", "--set", "familiarity={}"), 2, "unknown_share and familiarity are both set")
