"""Rivals and controls on a micro world, as a person types them: what is trained, on which rows, through which knowledge."""

import json

import pytest

from factcli.artifact import Artifact, Draft, Outcome, Plan, make, open_artifact
from factcli.config import Config
from factcli.rows import Answer
from factcli.stages.sft import SftConfig, default_name
from tests.chain import Folder

REAL = tuple(word for text in ("real_statement.epochs=[1]", "real_passage.epochs=[1]") for word in ("--set", text))
STEPS = ("--set", "steps=4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A micro world with data whose real training people have texts too, and knowledge of both kinds."""
    folder = Folder(tmp_path_factory.mktemp("rivals"))
    folder.must("world", "--size", "micro", "--seed", "6")
    folder.must("synth", "bio", "--set", "real_documents=true")
    folder.must("prereq", *REAL)
    return folder


def routes(folder: Folder, name: str) -> dict[str, int]:
    (found,) = [row for row in folder.rows(name, "proofs") if row["name"].startswith(("each row went", "no row went"))]
    return json.loads(found["numbers"])


@pytest.mark.slow
def test_a_control_says_so_in_name_settings_summary_and_proofs(folder: Folder) -> None:
    folder.must("sft", "--control", "wrong-version", *STEPS)
    made = folder.manifest("prereq-tune-wrong-version")
    assert (made["summary"]["control"], made["config"]["control"]) == ("wrong-version", "wrong-version")
    assert "control wrong-version" in made["headline"]
    assert set(routes(folder, "prereq-tune-wrong-version")) <= {
        f"fictitious_v{adapter}_{form} <- fictitious version {version}" for adapter, version in ((1, 2), (2, 1)) for form in ("statement", "passage")
    }
    folder.must("sft", "--control", "absent", *STEPS)
    assert all(route.startswith("none <- fictitious") for route in routes(folder, "prereq-tune-absent"))
    folder.must("sft", "--control", "random", *STEPS)
    names = [row["name"] for row in folder.rows("prereq-tune-random", "proofs") if row["holds"]]
    assert "the random adapters have the norms of A and the update B A of the trained ones" in names


@pytest.mark.slow
def test_real_rows_learn_through_knowledge_of_real_texts(folder: Folder) -> None:
    folder.must("sft", "--set", "knowledge_of=real", *STEPS)
    assert set(routes(folder, "prereq-tune-real")) == {"real_statement <- real", "real_passage <- real"}
    assert folder.manifest("prereq-tune-real")["summary"]["knowledge_of"] == "real"


@pytest.mark.slow
def test_one_form_of_knowledge_may_be_chosen(folder: Folder) -> None:
    folder.must("sft", "--set", "forms=[statement]", "--name", "of-statements", *STEPS)
    assert {route.split(" <- ")[0].split("_")[-1] for route in routes(folder, "of-statements")} == {"statement"}


@pytest.mark.slow
def test_both_stages_take_the_same_first_subjects(folder: Folder) -> None:
    """Three of the fictitious people: their texts alone are taught, their rows alone are asked; more rows than knowledge is refused."""
    folder.must("prereq", "--set", "subjects=3", "--name", "few")
    people = sorted({chat["subject"] for chat in folder.rows("bio", "chats") if chat["fictitious"] and chat["split"] == "train"})
    taught = [row for row in folder.rows("bio", "documents") if row["subject"] in people[:3] and (row["version"], row["form"]) == (1, "statement")]
    (adapter,) = [row for row in folder.rows("few", "adapters") if row["name"] == "fictitious_v1_statement"]
    assert adapter["texts"] == len(taught) > 0
    folder.must("sft", "--knowledge", "few", "--name", "few-skill", *STEPS)
    made = folder.manifest("few-skill")
    assert (made["config"]["subjects"], made["summary"]["subjects"]) == (3, 3)
    refused = folder.fact("sft", "--knowledge", "few", "--set", "subjects=4")
    assert (refused.code, "subjects is 4, and few@1 was taught of 3" in refused.err) == (3, True)


@pytest.mark.slow
def test_knowledge_stops_at_its_recitation_target_and_says_what_it_reached(folder: Folder) -> None:
    """Looked at after every fifth step: what got there has fewer steps than planned and recites the target or more."""
    off = tuple(word for form in ("fictitious_passage", "probe_statement", "probe_passage") for word in ("--set", f"{form}=null"))
    strong = ("--set", "lr=1e-2", "--set", "lora_r=16", "--set", "fictitious_statement.epochs=[150]", "--set", "recite_every=5")
    folder.must("prereq", "--recite-target", "0.05", *off, *strong, "--name", "weak")
    rows = folder.rows("weak", "adapters")
    stopped = [row for row in rows if row["is_stopped_early"]]
    assert stopped
    assert all(row["recited"] >= 0.05 and row["steps"] % 5 == 0 and row["steps"] < 300 for row in stopped)
    made = folder.manifest("weak")
    assert made["summary"]["recite_target"] == 0.05
    assert made["summary"]["recited"] == {row["name"]: row["recited"] for row in rows}
    assert "to be stopped at 5%" in made["headline"]


@pytest.mark.slow
def test_the_oracle_needs_an_evaluation_of_the_untouched_base_and_takes_the_newest(folder: Folder) -> None:
    """The micro base knows nothing, so that no row is left; a skill's evaluation is refused, and so is one that nobody asked for."""
    refused = folder.fact("sft", "--method", "oracle")
    assert (refused.code, "fact eval world --model world --set split=train" in refused.err) == (3, True)
    folder.must("sft", "--method", "real", "--name", "plain", *STEPS)
    folder.must("eval", "world", "--model", "plain", "--set", "split=train", "--limit", "4")
    refused = folder.fact("sft", "--method", "oracle", "--known", "eval-plain")
    assert (refused.code, "eval-plain@1 is no evaluation of the untouched world@1" in refused.err) == (3, True)
    folder.must("eval", "world", "--model", "world", "--set", "split=train")
    refused = folder.fact("sft", "--method", "oracle", *STEPS)
    assert (refused.code, "eval-base@2 leaves method oracle no row" in refused.err) == (3, True)
    assert folder.fact("sft", "--method", "real", "--known", "eval-base").code == 2


def knowing(folder: Folder, questions: set[str]) -> Artifact:
    """An evaluation of the untouched base that was right about these questions of the training people, and wrong about the others."""
    chats = [row for row in folder.rows("bio", "chats") if row["task"] == "qa" and not row["fictitious"] and row["split"] == "train"]
    rows = [
        Answer(f"{row['id']}.x", row["id"], "qa", row["subject"], "head", row["question"], "x", 0.5, False, grade, None)
        for row in chats
        for grade in ["right" if row["question"] in questions else "wrong"]
    ]

    def work(draft: Draft) -> Outcome:
        draft.write("rows", 0, {"answers": rows})
        return Outcome("made")

    world = open_artifact("world", folder.path / "data")
    return make(Plan("eval world", 1, "eval", "eval-knowing", Config(), {"world": world}, {"answers": Answer}), work, folder.path / "data")[0]


@pytest.mark.slow
def test_the_oracle_learns_from_the_rows_whose_facts_the_base_answers_right(folder: Folder) -> None:
    """Of one person all questions are right, so all rows are kept; of another one question, so that row alone: not the biography."""
    chats = [row for row in folder.rows("bio", "chats") if not row["fictitious"] and row["split"] == "train"]
    first, second = sorted({row["subject"] for row in chats})[:2]
    asked = {name: [row for row in chats if row["subject"] == name and row["task"] == "qa"] for name in (first, second)}
    knowing(folder, {row["question"] for row in asked[first]} | {asked[second][0]["question"]})
    folder.must("sft", "--method", "oracle", "--known", "eval-knowing", *STEPS)
    made = folder.manifest("oracle")
    assert made["inputs"]["known"]["name"] == "eval-knowing"
    assert (made["summary"]["rows"], made["summary"]["subjects"]) == (len(asked[first]) + 1 + 1, 2)
    n_bios = len({row["subject"] for row in chats})
    n_asked = sum(row["task"] == "qa" for row in chats)
    assert made["counts"]["left_out"] == {"bio, not known": n_bios - 1, "qa, not known": n_asked - len(asked[first]) - 1}


def test_names_say_what_makes_a_model_another_one() -> None:
    named = {
        "prereq-tune": SftConfig(),
        "prereq-tune-shuffled": SftConfig(control="shuffled"),
        "prereq-tune-real-absent": SftConfig(knowledge_of="real", control="absent"),
        "sft-real-distilled": SftConfig(method="real", distill=1.0),
        "popular-head": SftConfig(method="popular-head"),
    }
    assert [default_name(config) for config in named.values()] == list(named)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"control": "absent", "method": "real"}, "control absent takes the place of what method prereq plugs in"),
        ({"control": "random", "batches": "mix"}, "with batches=multi_version"),
        ({"knowledge_of": "real", "real_fraction": 0.5}, "leave real_fraction unset"),
        ({"knowledge_of": "real", "method": "fictitious"}, "knowledge_of=real goes with method prereq"),
        ({"forms": ()}, "need statement, passage or both"),
        ({"distill": 1.0}, "goes with the plain methods"),
        ({"distill": 1.0, "method": "real", "mode": "full"}, "goes with the plain methods"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SftConfig(**settings)


@pytest.mark.slow
def test_a_form_that_no_adapter_has_ends_with_the_way_out(folder: Folder) -> None:
    folder.must("prereq", "--set", "fictitious_passage=null", "--name", "statements")
    refused = folder.fact("sft", "--knowledge", "statements", "--set", "forms=[passage]")
    assert (refused.code, "statements@1 has no fictitious adapter of form passage" in refused.err) == (3, True)
