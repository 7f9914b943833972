"""A second Llama-type and a GPT-2-type model with tokenizers of their own go through every stage; a model by hub name."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from factcli.cli import app
from factcli.knowledge.popqa import COLUMNS
from tests import own_bases
from tests.chain import Folder

PREREQ = {
    "real_passage": {"epochs": [1], "max_length": 96, "batch_rows": 8},
    "fictitious_passage": {"epochs": [2], "max_length": 96, "batch_rows": 8},
    "real_statement": {"epochs": [1], "max_length": 96, "batch_rows": 16},
    "fictitious_statement": {"epochs": [1, 2], "max_length": 96, "batch_rows": 8},
    "lora_r": 4, "lr": 1e-2, "threads": 1, "recite_sample": 5,
}  # fmt: skip
SFT = {"lora_r": 4, "lr": 1e-2, "epochs": None, "steps": 4, "batch_rows": 8, "micro_batches": 2, "max_length": 96, "threads": 1}
MULTI = {**SFT, "batches": "multi_version", "real_fraction": 0.5}
MIX = {**SFT, "batches": "mix"}
pytestmark = pytest.mark.slow
FAMILIES = {"grouped-llama": own_bases.grouped_llama, "gpt2": own_bases.gpt2}


@dataclass(frozen=True)
class Family:
    """A folder in which every command was given for one model, and what the commands said."""

    name: str
    folder: Folder
    said: str


def typed(folder: Path, *arguments: str) -> Result:
    """A command in this process, which has torch already; training has a process of its own all the same."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(app, list(arguments))


def must(folder: Path, *arguments: str) -> str:
    result = typed(folder, *arguments)
    assert result.exit_code == 0, f"fact {' '.join(arguments)} ended with {result.exit_code}\n{result.stderr}"
    return result.stderr


def write_inputs(folder: Path) -> None:
    """The first hundred triples and the settings."""
    lines = own_bases.FACTS.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "facts.jsonl").write_text("".join(lines[:100]), encoding="utf-8")
    for name, settings in (("prereq", PREREQ), ("multi", MULTI), ("mix", MIX)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))


def synth(folder: Path, model: str) -> str:
    small = ("--limit", "6", "--set", "statements_per_fact=1", "--set", "passages_per_subject=1", "--set", "questions_per_fact=1")
    return must(folder, "synth", "qa", "--facts", "facts.jsonl", "--model", model, *small)


@pytest.fixture(scope="module", params=list(FAMILIES))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        FAMILIES[request.param](folder / "mine")
        write_inputs(folder)
        said = synth(folder, "mine")
        said += must(folder, "prereq", "-c", "prereq.yaml")
        said += must(folder, "sft", "-c", "mix.yaml", "--name", "mix")
        said += must(folder, "sft", "-c", "multi.yaml", "--name", "multi")
        for model in ("mine", "mix", "multi"):
            said += must(folder, "eval", "popqa", "--model", model)
        said += must(folder, "eval", "popqa", "--model", "mine", "--set", "ask=few_shot", "--set", "examples=2", "--limit", "5")
        said += must(folder, "report", "popqa-base", "popqa-mix", "popqa-multi")
        yield Family(request.param, Folder(folder), said)


def test_every_stage_makes_what_it_should(family: Family) -> None:
    assert len(family.folder.rows("knowledge", "adapters")) == 8  # real: 2 forms; fictitious: 2 versions of 3
    for name in ("mix", "multi"):
        proofs = family.folder.rows(name, "proofs")
        assert len(proofs) == 4
        assert all(proof["holds"] for proof in proofs)
    asked = [question["id"] for question in family.folder.rows("facts-qa", "questions") if question["split"] == "test"]
    for name in ("popqa-base", "popqa-mix", "popqa-multi"):
        assert [answer["question_id"] for answer in family.folder.rows(name, "answers")] == asked
    assert family.folder.rows("popqa-base-few-shot", "answers")
    page = (family.folder.path / "data/report/v0001/report.html").read_text(encoding="utf-8")
    assert all(f"{name}@1" in page for name in ("popqa-base", "popqa-mix", "popqa-multi", "mix", "multi", "facts-qa", "knowledge"))


@pytest.mark.parametrize("command", ["prereq", "sft"])
def test_the_data_hand_their_recipe_and_their_model_down(family: Family, command: str) -> None:
    result = typed(family.folder.path, command, "--dry-run", "--json")
    assert result.exit_code == 0, result.stderr
    assert f"configs/{command}/popqa.yaml (the recipe of this data; -c FILE replaces it)" in result.stderr
    assert json.loads(result.stdout)["model"] == family.folder.manifest("knowledge")["model"]


def test_the_default_template_is_taken_only_where_there_is_none(family: Family) -> None:
    expected = {"grouped-llama": "own", "gpt2": "default"}[family.name]
    assert {family.folder.manifest(name)["summary"]["chat_template"] for name in ("mix", "multi", "popqa-base", "popqa-mix")} == {expected}
    assert ("has no chat template" in family.said) == (expected == "default")


@pytest.mark.parametrize("name", ["mix", "multi"])
def test_plain_peft_gives_the_same_logits(family: Family, name: str) -> None:
    own_bases.assert_same_in_peft(family.folder.path / "mine", family.folder.path / f"data/{name}/v0001/adapter")


def test_plain_peft_gives_the_same_logits_for_knowledge_too(family: Family) -> None:
    own_bases.assert_same_in_peft(family.folder.path / "mine", family.folder.path / "data/knowledge/v0001/adapters/fictitious_v1_statement_e2")


def test_texts_beyond_the_models_positions_are_refused_by_number(tmp_path: Path) -> None:
    own_bases.gpt2(tmp_path / "mine")
    write_inputs(tmp_path)
    synth(tmp_path, "mine")
    result = typed(tmp_path, "prereq", "-c", "prereq.yaml", "--set", "real_passage.max_length=512")
    assert result.exit_code == 3
    assert "this model has 96 positions" in result.stderr
    assert "max_length" in result.stderr


def test_the_default_template_separates_examples_and_ends_the_answer(tmp_path: Path) -> None:
    from factcli.train.base import load_tokenizer

    tokenizer = load_tokenizer(str(own_bases.gpt2(tmp_path / "mine")))
    turns = [("user", "A?"), ("assistant", "b"), ("user", "C?"), ("assistant", "d")]
    text = tokenizer.apply_chat_template([{"role": role, "content": content} for role, content in turns], tokenize=False)
    assert text == "<|endoftext|>Question: A?\nAnswer: b\n\nQuestion: C?\nAnswer: d<|endoftext|>"
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "A?"}], tokenize=False, add_generation_prompt=True)
    assert prompt == "<|endoftext|>Question: A?\nAnswer:"


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub that holds someone/tiny, and no way out."""
    repository = tmp_path / "home/hub/models--someone--tiny"
    own_bases.grouped_llama(repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(COMMIT)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    write_inputs(tmp_path)
    return tmp_path


def test_a_cached_hub_model_is_loaded_by_name_and_pinned_to_its_commit(hub_cache: Path) -> None:
    folder = Folder(hub_cache)
    folder.must("synth", "qa", "--facts", "facts.jsonl", "--model", "someone/tiny", "--limit", "6", "--set", "questions_per_fact=1")
    folder.must("sft", "--method", "real", "-c", "mix.yaml")
    folder.must("eval", "popqa", "--limit", "3")
    for name in ("facts-qa", "sft-real", "popqa-sft-real"):
        assert folder.manifest(name)["model"] == {"name": "someone/tiny", "commit": COMMIT}
    written = json.loads((hub_cache / "data/sft-real/v0001/adapter/adapter_config.json").read_text())
    assert (written["base_model_name_or_path"], written["revision"]) == ("someone/tiny", COMMIT)


@pytest.mark.parametrize("name", ["nobody/nothing", "someone/tiny@other", "./no-such-folder"])
def test_a_model_that_is_nowhere_is_a_clear_error_offline(hub_cache: Path, name: str) -> None:
    ran = Folder(hub_cache).fact("synth", "qa", "--facts", "facts.jsonl", "--model", name)
    assert ran.code == 3
    assert ran.err.startswith(f"error: {name} is no artifact, no directory, and the hub did not give it")
    assert "Traceback" not in ran.err
    assert ran.err.count("\n") == 2


def test_a_snapshot_without_weights_is_refused(hub_cache: Path) -> None:
    (hub_cache / f"home/hub/models--someone--tiny/snapshots/{COMMIT}/model.safetensors").unlink()
    ran = Folder(hub_cache).fact("synth", "qa", "--facts", "facts.jsonl", "--model", "someone/tiny")
    assert ran.code == 3
    assert "has no *.safetensors" in ran.err


POPQA = "datasets--akariasai--PopQA"
COMMITS = ("a" * 40, "b" * 40)


def cached_popqa(home: Path, commit: str, answers: str) -> None:
    """What a download of `commit` leaves in the hub's cache: two questions and one row that cannot be used."""
    folder = home / "hub" / POPQA
    (folder / "snapshots" / commit).mkdir(parents=True)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs/main").write_text(commit)
    rows = [{**dict.fromkeys(COLUMNS, "x"), "id": str(n), "subj_id": str(n), "s_pop": "12", "possible_answers": answers} for n in (1, 2)]
    lines = [COLUMNS, *(row.values() for row in (*rows, {**rows[0], "id": "3", "possible_answers": "[]"}))]
    (folder / "snapshots" / commit / "test.tsv").write_text("".join("\t".join(line) + "\n" for line in lines), encoding="utf-8")


def test_questions_from_the_hub_are_pinned_to_their_commit(hub_cache: Path) -> None:
    """Read from the cache, as all else here is; the newer commit is another evaluation, the older one stays what it was."""
    folder = Folder(hub_cache)
    how = ("eval", "popqa", "--model", "someone/tiny")
    cached_popqa(hub_cache / "home", COMMITS[0], '["Lima"]')
    folder.must(*how)
    cached_popqa(hub_cache / "home", COMMITS[1], '["Oslo"]')
    assert json.loads(folder.must(*how, "--json").out)["reused"] is False
    assert json.loads(folder.must(*how, "--set", f"hub_revision={COMMITS[0]}", "--json").out)["reused"] is True
    for version, commit in enumerate(COMMITS, 1):
        assert folder.manifest(f"popqa-base@{version}")["config"]["hub_revision"] == commit
        assert [row["id"] for row in folder.rows("popqa-base", "answers", version)] == ["popqa.s1.x.q1.a0", "popqa.s2.x.q2.a0"]
        assert [row["reason"] for row in folder.rows("popqa-base", "rejected", version)] == ["possible_answers accepts nothing"]
    assert [folder.rows("popqa-base", "answers", version)[0]["answers"] for version in (1, 2)] == [["Lima"], ["Oslo"]]


def test_a_data_set_that_is_nowhere_is_a_clear_error_before_anything_begins(hub_cache: Path) -> None:
    ran = Folder(hub_cache).fact("eval", "popqa", "--model", "someone/tiny", "--dry-run")
    assert ran.code == 3
    assert ran.err.startswith("error: the hub did not give akariasai/PopQA: ")
    assert "--file FILE" in ran.err
