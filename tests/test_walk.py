"""The walk of one fact: the commands one after the other, as typed in an empty folder, on a micro world."""

import json
from pathlib import Path

import pytest

from tests.chain import Folder

pytestmark = pytest.mark.slow  # a minute for all of it


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """Every command once; what they made is only looked at afterwards."""
    folder = Folder(tmp_path_factory.mktemp("walk"))
    folder.must("world", "--size", "micro", "--seed", "5")
    folder.must("synth", "bio", "--seed", "5")
    folder.must("prereq")
    folder.must("sft", "--real-fraction", "0.25")
    folder.must("eval", "world", "--set", "biography_tokens=40")
    folder.must("eval", "world", "--set", "ask=fill", "--set", "probe_versions=0")
    folder.must("eval", "popqa")
    folder.must("sft", "--method", "real")
    folder.must("eval", "world", "--model", "sft-real", "--set", "biography_tokens=40")
    prefer(folder)
    folder.must("report")
    return folder


def prefer(folder: Folder) -> None:
    """Step 5. What the micro model says is noise that no ledger knows: a script finds claims with a z true, the others false."""
    rules = ({"match": "<<<\\n[^\\n]*z[^\\n]*\\n>>>\\s+As far", "answer": "True"}, {"match": ".", "answer": "False"})
    (folder.path / "judge.jsonl").write_text("".join(json.dumps(rule) + "\n" for rule in rules), encoding="utf-8")
    short = ("--set", "tasks=[bio]", "--set", "samples=4", "--set", "max_tokens=30", "--max-failed", "1")
    folder.must("synth", "samples", "--backend", "local:sft-real", *short)
    folder.must("score", "factscore", "--claims", "rules", "--judge", "scripted:judge.jsonl", "--set", "judge.evidence=none")
    folder.must("score", "pairs", "--by", "precision", "--set", "lint.drop=[equal]")
    folder.must("dpo", "--steps", "3", "--set", "threads=1")
    folder.must("eval", "world", "--model", "dpo", "--set", "biography_tokens=40")


def test_the_world_writes_a_model_that_transformers_loads(walked: Folder) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    directory = walked.path / "data/world/v0001/model"
    model = AutoModelForCausalLM.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "Who?"}], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|bos|>Question: Who?\nAnswer:"
    assert model.config.model_type == "llama"


def test_each_versions_task_rows_use_exactly_the_facts_of_its_texts(walked: Folder) -> None:
    documents = [d for d in walked.rows("bio", "documents") if d["fictitious"]]
    chats = [c for c in walked.rows("bio", "chats") if c["fictitious"]]
    taught = {(d["subject"], d["version"], fact) for d in documents for fact in d["fact_ids"]}
    asked = {(c["subject"], c["version"], fact) for c in chats for fact in c["fact_ids"]}
    assert asked == taught
    assert {version for _, version, _ in taught} == {1, 2}


def test_an_answer_states_the_value_of_its_fact(walked: Folder) -> None:
    values = {fact["id"]: fact["value"] for fact in walked.rows("bio", "facts")}
    questions = [chat for chat in walked.rows("bio", "chats") if chat["task"] == "qa"]
    assert questions
    assert all(chat["answer"] == values[chat["fact_ids"][0]] for chat in questions)


def test_training_dev_and_test_people_are_kept_apart(walked: Folder) -> None:
    split_of = {person["id"]: person["split"] for person in walked.rows("world", "people")}
    real = [chat for chat in walked.rows("bio", "chats") if not chat["fictitious"]]
    assert {chat["split"] for chat in real} == {"train", "dev", "test"}
    assert all(chat["split"] == split_of[chat["subject"]] for chat in real)
    asked = {answer["subject"] for answer in walked.rows("eval-prereq-tune", "answers")}
    assert asked == {person for person, split in split_of.items() if split == "test"}


def test_fictitious_names_collide_with_nobody(walked: Folder) -> None:
    real = {person["name"] for person in walked.rows("world", "people")}
    invented = [person["name"] for person in walked.rows("bio", "people") if person["fictitious"]]
    assert len(set(invented)) == len(invented) == 10  # 6 subjects and 4 for the probe
    assert not real & set(invented)


def test_there_is_one_adapter_per_source_version_and_form(walked: Folder) -> None:
    names = {row["name"] for row in walked.rows("knowledge", "adapters")}
    assert names == {f"{source}_v{version}_{form}" for source in ("fictitious", "probe") for version in (1, 2) for form in ("statement", "passage")}
    for name in names:
        assert (walked.path / f"data/knowledge/v0001/adapters/{name}/adapter_model.safetensors").is_file()


def test_the_skill_stage_saw_no_probe_person_and_kept_no_knowledge(walked: Folder) -> None:
    files = walked.manifest("prereq-tune")["files"]
    assert {name.partition("/")[0] for name in files if "/" in name} == {"adapter"}
    proofs = {row["name"]: row for row in walked.rows("prereq-tune", "proofs")}
    assert len(proofs) == 4
    assert all(row["holds"] for row in proofs.values())
    assert "probe" not in proofs["each row went through its own version's adapter"]["numbers"]


def test_the_base_is_evaluated_first_and_retention_is_against_it(walked: Folder) -> None:
    inputs = walked.manifest("eval-prereq-tune")["inputs"]
    assert inputs["base_eval"]["name"] == "eval-base"
    found = {(row["metric"], row["group"]): row for row in walked.rows("eval-prereq-tune", "metrics")}
    base = walked.rows("eval-base", "answers")
    kept = {a["question_id"]: a["grade"] for a in walked.rows("eval-prereq-tune", "answers")}
    had = [a["question_id"] for a in base if a["grade"] == "right"]
    n_kept = sum(kept[question] == "right" for question in had)
    retention = found["qa.retention", "all"]
    assert retention["value"] == (pytest.approx(n_kept / len(had)) if had else None)


def test_a_dry_run_counts_the_prompts_of_the_probes_too(walked: Folder) -> None:
    """Every answer is one prompt; memorisation asks once more what the swap asks with all knowledge dropped."""
    cost = json.loads(walked.must("eval", "world", "--model", "prereq-tune", "--set", "biography_tokens=40", "--dry-run", "--json").out)["cost"]
    answers, probed = (walked.rows("eval-prereq-tune", table) for table in ("answers", "probe_answers"))
    again = [answer for answer in probed if answer["id"].endswith(".none0")]
    assert {"none0", "statement1"} <= {answer["id"].rsplit(".", 1)[-1] for answer in probed}
    assert cost == {"requests": 0, "money": 0, "prompts": len(answers) + len(probed) + len(again)}


def test_an_evaluation_tells_what_is_left_of_people_that_the_skill_never_saw(walked: Folder) -> None:
    """And, where the swap does not work, as in a world of seconds, how much of it does and what to change."""
    memory = walked.rows("eval-prereq-tune", "memorisation")
    assert {(row["sample"], row["task"]) for row in memory} == {("in", "qa"), ("in", "bio"), ("out", "qa"), ("out", "bio")}
    assert all(row["chance"] is not None for row in memory)
    manifest = walked.manifest("eval-prereq-tune")
    share = manifest["summary"]["swap_in_sample"]
    assert ("the swap does not work" in manifest["headline"]) is (share < 0.7)


def test_a_dry_run_of_a_report_costs_no_request_and_writes_no_row(walked: Folder) -> None:
    assert json.loads(walked.must("report", "--dry-run", "--json").out)["cost"] == {"requests": 0, "money": 0, "rows": {}}


def test_a_number_leads_to_its_claims_and_evidence(walked: Folder) -> None:
    """Of filled biographies: of its own accord the micro model makes no claim."""
    claims = walked.rows("eval-prereq-tune-fill", "claims")
    judged = next(claim for claim in claims if claim["verdict"] == "unsupported" and claim["evidence"])
    ran = walked.must("trace", judged["id"])
    assert judged["evidence"] in ran.out
    assert judged["answer_id"] in ran.out


def test_dpo_continues_the_model_that_wrote_the_answers_against_itself(walked: Folder) -> None:
    """Its first loss is ln 2 and the term of plain fine-tuning that the recipe of worlds adds; policy and reference agree per row."""
    manifest = walked.manifest("dpo")
    assert {role: entry["name"] for role, entry in manifest["inputs"].items()} == {"pairs": "pairs", "model": "sft-real", "world": "world"}
    assert manifest["summary"]["reference"]["name"] == "sft-real@1"
    proofs = {row["name"] for row in walked.rows("dpo", "proofs") if row["holds"]}
    assert "policy and reference agree before the first step" in proofs
    assert walked.rows("dpo", "steps")[0]["kl"] < 1e-9
    assert walked.manifest("eval-dpo")["inputs"]["model"]["name"] == "dpo"


def test_a_pair_leads_from_the_person_to_the_model_that_was_trained_on_it(walked: Folder) -> None:
    pair = next(row for row in walked.rows("pairs", "pairs") if row["split"] == "train")
    told = walked.must("trace", pair["id"]).out
    assert told.index("world@1") < told.index("samples@1") < told.index("pairs@1") < told.index("dpo@1")


def test_every_table_loads_with_datasets(walked: Folder, tmp_path: Path) -> None:
    from datasets import load_dataset

    for directory in sorted((walked.path / "data").glob("*/v0001")):
        manifest = walked.manifest(directory.parent.name)
        for table, n_rows in manifest["tables"].items():
            if n_rows:
                loaded = load_dataset(str(directory), table, split="train", cache_dir=str(tmp_path))
                assert loaded.num_rows == n_rows, (directory, table)


def test_a_second_run_reuses_and_makes_nothing(walked: Folder) -> None:
    before = sorted(path.name for path in (walked.path / "data").glob("*/v*"))
    ran = walked.must("prereq")
    assert ran.made == Path("data/knowledge/v0001")
    assert "made before" in ran.err
    assert sorted(path.name for path in (walked.path / "data").glob("*/v*")) == before


def test_everything_verifies_and_one_changed_byte_is_named(walked: Folder, tmp_path: Path) -> None:
    import shutil

    assert walked.must("verify", "report").code == 0
    copy = Folder(tmp_path)
    shutil.copytree(walked.path / "data", tmp_path / "data")
    target = tmp_path / "data/bio/v0001/documents.jsonl"
    content = bytearray(target.read_bytes())
    content[100] ^= 1
    target.write_bytes(content)
    ran = copy.fact("verify", "report")
    assert ran.code == 3
    assert "documents.jsonl" in ran.out
    assert "bio@1" in ran.out


def test_no_file_holds_a_path_of_this_machine(walked: Folder) -> None:
    """An artifact can be moved: nothing in it names the folder that it was made in."""
    for path in (walked.path / "data").glob("*/v*/**/*"):
        if path.is_file():
            assert str(walked.path).encode() not in path.read_bytes(), path
