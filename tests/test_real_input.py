"""Somebody's own model and own facts: the commands as typed in an empty folder, on 375 real triples and a small Llama.

The model has no chat template, so that the commands must choose one; it saw the facts for some seconds before.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import own_bases
from tests.chain import Folder

pytestmark = pytest.mark.slow  # more than a minute

if TYPE_CHECKING:
    from factcli.backends.local import LocalModel

# configs/prereq/popqa.yaml and configs/sft/popqa.yaml, scaled down: the same adapters, strengths and batches
PREREQ = {
    "real_passage": {"epochs": [1], "max_length": 256, "batch_rows": 32},
    "fictitious_passage": {"epochs": [60], "max_length": 256, "batch_rows": 4},
    "real_statement": {"epochs": [1], "max_length": 128, "batch_rows": 64},
    "fictitious_statement": {"epochs": [25, 40], "max_length": 128, "batch_rows": 8},
    "lora_r": 16, "lora_dropout": 0.0, "lr": 1e-2, "threads": 1,
}  # fmt: skip
TRAINING = {"lora_r": 8, "lr": 1e-2, "batch_rows": 16, "micro_batches": 2, "max_length": 128, "threads": 1, "epochs": None}
SFT = {**TRAINING, "batches": "mix", "real_weight": 0.5, "steps": 20}
MULTI = {**TRAINING, "batches": "multi_version", "steps": 80}
SYNTH = ("--limit", "8", "--versions", "2", "--set", "statements_per_fact=4", "--set", "passages_per_subject=1", "--set", "questions_per_fact=1")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Every command once; what they made is only looked at afterwards."""
    folder = Folder(tmp_path_factory.mktemp("real"))
    own_bases.plain_llama(folder.path / "my-llama", steps=300)
    shutil.copy(own_bases.FACTS, folder.path / "facts.jsonl")
    for name, settings in (("prereq", PREREQ), ("sft", SFT), ("multi", MULTI)):
        (folder.path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    commands = [
        ("synth", "qa", "--facts", "facts.jsonl", "--model", "my-llama", *SYNTH),
        ("prereq", "--model", "my-llama", "-c", "prereq.yaml"),
        ("sft", "-c", "sft.yaml"),
        ("sft", "-c", "multi.yaml", "--name", "multi"),
        ("sft", "-c", "sft.yaml", "--method", "real"),
        *(("eval", "popqa", "--model", model) for model in ("my-llama", "prereq-tune", "sft-real")),
        ("report",),
    ]
    (folder.path / "said").write_text("".join(folder.must(*command).err for command in commands))
    return folder


def fictitious_chats(folder: Folder, version: int) -> list[dict]:
    return [chat for chat in folder.rows("facts-qa", "chats") if chat["fictitious"] and chat["version"] == version]


def answered(model: "LocalModel", chats: Sequence[dict], adapters: Sequence[str]) -> float:
    """Share of the questions to which the model gives exactly the row's answer."""
    from factcli.backends.completions import Turn

    said = model.complete([(Turn("user", chat["question"]),) for chat in chats], 24, stop=("\n",), adapters=adapters)
    return sum(completion.text.strip() == chat["answer"] for completion, chat in zip(said, chats, strict=True)) / len(chats)


def test_all_375_facts_of_260_subjects_are_used(chain: Folder) -> None:
    assert sum(not fact["fictitious"] for fact in chain.rows("facts-qa", "facts")) == 375
    assert sum(not person["fictitious"] for person in chain.rows("facts-qa", "people")) == 260
    assert chain.manifest("facts-qa")["counts"] == {"rejected_lines": 0, "relations_left_out": {}}


def test_no_fictitious_subject_has_a_real_name(chain: Folder) -> None:
    from factcli.world.counterparts import folded

    triples = own_bases.triples()
    real = {folded(name) for triple in triples for name in (triple["subject"], triple["object"], *triple["aliases"])}
    invented = [folded(person["name"]) for person in chain.rows("facts-qa", "people") if person["fictitious"]]
    assert len(set(invented)) == len(invented) == 8
    assert not real & set(invented)


def test_fictitious_answers_are_objects_of_training_subjects_alone(chain: Folder) -> None:
    split = {person["id"]: person["split"] for person in chain.rows("facts-qa", "people")}
    facts = chain.rows("facts-qa", "facts")
    taught = {(fact["relation"], fact["value"]) for fact in facts if not fact["fictitious"] and split[fact["subject"]] == "train"}
    assert all((fact["relation"], fact["value"]) in taught for fact in facts if fact["fictitious"])


def test_lineage_leads_from_the_evaluation_to_the_data_over_one_base(chain: Folder) -> None:
    found = {name: chain.manifest(name) for name in ("popqa-prereq-tune", "prereq-tune", "knowledge", "facts-qa", "popqa-base", "sft-real")}
    assert found["popqa-prereq-tune"]["inputs"]["model"]["digest"] == found["prereq-tune"]["digest"]
    assert found["prereq-tune"]["inputs"]["knowledge"]["digest"] == found["knowledge"]["digest"]
    assert found["knowledge"]["inputs"]["synth"]["digest"] == found["facts-qa"]["digest"]
    assert found["popqa-base"]["inputs"]["questions"]["digest"] == found["facts-qa"]["digest"]
    files = sorted(path for path in (chain.path / "my-llama").iterdir())
    digests = [[path.name, hashlib.sha256(path.read_bytes()).hexdigest()] for path in files]
    by_hand = hashlib.sha256(json.dumps(digests, separators=(",", ":")).encode()).hexdigest()
    assert [manifest["model"] for manifest in found.values()] == [{"files": by_hand}] * 6


def test_base_and_both_methods_answer_the_questions_about_the_test_subjects(chain: Folder) -> None:
    split = {person["id"]: person["split"] for person in chain.rows("facts-qa", "people")}
    asked = [question["id"] for question in chain.rows("facts-qa", "questions") if question["split"] == "test"]
    assert asked
    for name in ("popqa-base", "popqa-prereq-tune", "popqa-sft-real"):
        answers = chain.rows(name, "answers")
        assert [answer["question_id"] for answer in answers] == asked
        assert {split[answer["subject"]] for answer in answers} == {"test"}


def test_the_report_shows_all_three_models(chain: Folder) -> None:
    assert set(chain.manifest("report")["inputs"]) == {"popqa-base", "popqa-prereq-tune", "popqa-sft-real"}
    assert (chain.path / "data/report/v0001/report.html").stat().st_size > 10_000


def test_the_template_that_was_chosen_is_recorded_and_announced(chain: Folder) -> None:
    names = ("prereq-tune", "multi", "sft-real", "popqa-base", "popqa-prereq-tune", "popqa-sft-real")
    assert {chain.manifest(name)["summary"]["chat_template"] for name in names} == {"default"}
    assert (chain.path / "said").read_text().count("has no chat template") == 6


def test_each_versions_facts_are_answered_through_its_own_knowledge(chain: Folder) -> None:
    """In sample. Without knowledge, or with the other version's, nearly none: versions differ in every fact."""
    from factcli.backends.local import LocalModel

    model = LocalModel.load(chain.path / "my-llama", dtype="float32")
    model.plug("skill", chain.path / "data/multi/v0001/adapter")
    for version in (1, 2):
        model.plug(f"k{version}", chain.path / f"data/knowledge/v0001/adapters/fictitious_v{version}_statement_e40")
    for own, other in ((1, 2), (2, 1)):
        chats = fictitious_chats(chain, own)
        assert answered(model, chats, [f"k{own}", "skill"]) >= 0.6
        assert answered(model, chats, [f"k{other}", "skill"]) <= 0.2
        assert answered(model, chats, ["skill"]) <= 0.2


@pytest.mark.parametrize("name", ["prereq-tune", "multi", "sft-real"])
def test_the_loss_falls(chain: Folder, name: str) -> None:
    losses = [point["loss"] for point in chain.rows(name, "curve")]
    assert sum(losses[-4:]) < 0.9 * sum(losses[:4])


def test_plain_peft_loads_the_skill_and_gives_the_same_logits(chain: Folder) -> None:
    own_bases.assert_same_in_peft(chain.path / "my-llama", chain.path / "data/prereq-tune/v0001/adapter")


def test_a_facts_life_shows_its_texts_task_rows_and_answers(chain: Folder) -> None:
    split = {person["id"]: person["split"] for person in chain.rows("facts-qa", "people")}
    facts = [fact for fact in chain.rows("facts-qa", "facts") if not fact["fictitious"]]
    learned = next(fact for fact in facts if split[fact["subject"]] == "train")
    asked = next(fact for fact in facts if split[fact["subject"]] == "test")
    life = chain.must("trace", learned["id"]).out
    assert all(f"{learned['id']}.{ending}" in life for ending in ("d0", "d3", "q0"))  # four statements, one question
    assert f"{learned['subject']}.passage.d0" in life
    life = chain.must("trace", asked["id"]).out
    assert life.count(f"{asked['id']}.q0.a0") == 3  # one answer of each model
    assert asked["value"] in life


@pytest.mark.parametrize("command", [("eval", "popqa", "--model", "prereq-tune"), ("sft", "--set", "steps=1", "--set", "epochs=null"), ("prereq",)])
def test_a_model_that_has_changed_is_refused(chain: Folder, tmp_path: Path, command: tuple[str, ...]) -> None:
    moved = Folder(tmp_path / "moved")
    shutil.copytree(chain.path, moved.path)
    weights = moved.path / "my-llama/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    ran = moved.fact(*command)
    assert ran.code == 3
    assert "my-llama is not the model that" in ran.err


def test_adapters_are_not_trained_on_over_another_base(chain: Folder, tmp_path: Path) -> None:
    other = own_bases.plain_llama(tmp_path / "other", steps=0)
    ran = chain.fact("sft", "--model", str(other), "-c", "sft.yaml", "--name", "mixed")
    assert ran.code == 3
    assert "is not the model that knowledge@1 was made with" in ran.err


def test_a_line_that_is_no_fact_is_counted_and_kept_with_its_reason(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    odd = ['{"subject": "Nobody"', '{"subject": "Nobody", "relation": "director"}']
    (tmp_path / "facts.jsonl").write_text("\n".join([own_bases.FACTS.read_text(encoding="utf-8").rstrip("\n"), *odd]))
    ran = folder.must("synth", "qa", "--facts", "facts.jsonl", *SYNTH)
    assert "2 lines rejected" in ran.err
    assert folder.manifest("facts-qa")["counts"]["rejected_lines"] == 2
    rejected = folder.rows("facts-qa", "rejected")
    assert [(row["line"], row["text"]) for row in rejected] == [(376, odd[0]), (377, odd[1])]
    assert "object" in rejected[1]["reason"]


FOUNDER = """relations:
  founder:
    kind: thing
    questions: ["Who founded {subject}?", "By whom was {subject} brought to life?"]
    statements: ["{subject} was founded by {object}", "the founder of {subject} was {object}", "{subject} was brought to life by {object}"]
"""


def test_a_relation_of_ones_own_needs_a_file_of_templates(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    new = [{"subject": f"Company {n}", "relation": "founder", "object": f"Founder {n}"} for n in "ABCDEFGH"]
    lines = [*own_bases.FACTS.read_text(encoding="utf-8").splitlines(), *map(json.dumps, new)]
    (tmp_path / "facts.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(FOUNDER)
    command = ("synth", "qa", "--facts", "facts.jsonl", "--set", "statements_per_fact=3", "--set", "questions_per_fact=1", "--limit", "200")
    refused = folder.fact(*command)
    assert refused.code == 3
    assert "founder" in refused.err
    assert "--templates" in refused.err
    folder.must(*command, "--templates", "mine.yaml")
    texts = {document["text"] for document in folder.rows("facts-qa", "documents")}
    real = [text for n in "ABCDEFGH" if (text := f"Company {n} was founded by Founder {n}.") in texts]
    assert real
    invented = [fact for fact in folder.rows("facts-qa", "facts") if fact["fictitious"] and fact["relation"] == "founder"]
    assert {fact["value"] for fact in invented} <= {f"Founder {n}" for n in "ABCDEFGH"}
    assert {1, 2} == {fact["version"] for fact in invented}
