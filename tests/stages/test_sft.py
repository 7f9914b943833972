"""`fact sft` whole: every parameter trained, data mixed, templates; and the model that results as a base and a subject like any other."""

import json
import re
import signal
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.chattemplates import text_of
from factcli.config import Config
from factcli.errors import SettingsError
from factcli.stages.sft import SftConfig, plan
from factcli.topicrows import MixtureExample
from tests.chain import Folder

MIXTURE = [
    MixtureExample(
        f"t{i}.c0.q.mix", f"t{i}.c0.q", f"t{i}", "", "train", i % 3 == 0, f"Thing {i} is red." if i % 3 == 0 else "", f"What colour has thing {i}?", "Red."
    )
    for i in range(12)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A micro world with its data, a fully trained model, an adapter on it, and a mixture as `fact synth wiki` leaves it."""
    folder = Folder(tmp_path_factory.mktemp("sft"))
    folder.must("world", "--size", "micro", "--seed", "6")
    folder.must("synth", "bio")
    folder.must("sft", "--method", "real", "--mode", "full", "--set", "steps=60", "--set", "lr=3e-3")
    wiki_of(folder)
    return folder


def wiki_of(folder: Folder) -> Artifact:
    toy = Plan("synth wiki", 1, "wiki", "wiki", Config(), {}, {"mixture": MixtureExample})

    def work(draft: Draft) -> Outcome:
        draft.write("rows", 0, {"mixture": MIXTURE})
        return Outcome("12 examples", {}, {}, {})

    return make(toy, work, folder.path / "data")[0]


@pytest.mark.slow
def test_a_fully_trained_model_is_evaluated_as_plain_transformers_answers(folder: Folder) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    manifest = folder.manifest("sft-real-full")
    assert (manifest["kind"], set(manifest["inputs"])) == ("model", {"synth", "world"})
    folder.must("eval", "world", "--model", "sft-real-full", "--limit", "6")
    made = folder.manifest("eval-sft-real-full")
    assert {role: entry["name"] for role, entry in made["inputs"].items()} == {
        "world": "world", "model": "sft-real-full", "synth": "bio", "base_eval": "eval-base"
    }  # fmt: skip
    model_folder = folder.path / "data/sft-real-full/v0001/model"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(model_folder), AutoTokenizer.from_pretrained(model_folder)
    answers = [row for row in folder.rows("eval-sft-real-full", "answers") if row["task"] == "qa"][:8]
    assert any(row["text"] for row in answers)
    for row in answers:
        text = tokenizer.apply_chat_template([{"role": "user", "content": row["question"]}], tokenize=False, add_generation_prompt=True)
        ids_BT = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        said = model.generate(ids_BT, max_new_tokens=16, do_sample=False, pad_token_id=0)[0, ids_BT.shape[1] :]
        assert tokenizer.decode(said, skip_special_tokens=True).strip().startswith(row["text"].strip())


@pytest.mark.slow
def test_an_adapter_on_a_trained_model_knows_its_base_and_is_held_against_the_untouched_one(folder: Folder) -> None:
    folder.must("sft", "--method", "real", "--model", "sft-real-full", "--name", "on-model")
    assert {role: entry["name"] for role, entry in folder.manifest("on-model")["inputs"].items()} == {"synth": "bio", "base": "sft-real-full"}
    folder.must("eval", "world", "--model", "on-model", "--limit", "6")
    inputs = {role: entry["name"] for role, entry in folder.manifest("eval-on-model")["inputs"].items()}
    assert inputs == {"world": "world", "base": "sft-real-full", "model": "on-model", "synth": "bio", "base_eval": "eval-base"}
    folder.must("eval", "world", "--model", "sft-real-full", "--limit", "6")
    folder.must("report")
    assert any("sft-real-full" in page.read_text(encoding="utf-8") for page in (folder.path / "data/report/v0001").rglob("*.html"))
    assert "as committed" in folder.must("verify", "on-model").out + folder.must("verify", "on-model").err
    drawn = folder.must("synth", "samples", "--from", "bio", "--limit", "2", "--samples", "2", "--backend", "local:sft-real-full", "--name", "drawn")
    assert drawn.code == 0
    assert {entry["name"] for entry in folder.manifest("drawn")["inputs"].values()} >= {"bio", "sft-real-full"}


@pytest.mark.slow
def test_the_mixture_of_self_learning_is_taken_with_its_shares(folder: Folder) -> None:
    """Four rows have a document, eight do not: half of the first, a quarter of the others and both lines of a file."""
    lines = [{"question": "Where?", "answer": "Here."}, {"prompt": "When?", "completion": "Now."}]
    (folder.path / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + "nonsense\n", encoding="utf-8")
    mix = ("--mix", "wiki:with-document=0.5", "--mix", "wiki:closed-book=0.25", "--mix", "rows.jsonl=1", "--mix", "bio:train=0.1")
    folder.must("sft", "--method", "real", *mix, "--model", "world", "--name", "mixed", "--set", "steps=3", "--set", "max_length=400")
    manifest = folder.manifest("mixed")
    counts = manifest["summary"]["mix"]
    n_bio = counts["bio:train"]["of"]
    assert counts == {
        "wiki:with-document": {"rows": 2, "of": 4},
        "wiki:closed-book": {"rows": 2, "of": 8},
        "rows.jsonl:train": {"rows": 2, "of": 2},
        "bio:train": {"rows": round(0.1 * n_bio), "of": n_bio},
    }
    assert manifest["summary"]["rows"] == 6 + round(0.1 * n_bio)
    assert set(manifest["inputs"]) == {"synth", "mix wiki", "world"}
    assert "mix rows.jsonl" in manifest["prompts"]
    assert [row["reason"] for row in folder.rows("mixed", "rejected")] == ["not JSON"]
    assert manifest["counts"]["rejected"] == 1
    assert str(folder.path) not in json.dumps(manifest)


@pytest.mark.slow
def test_a_template_with_new_tokens_is_saved_with_the_model_and_used_by_an_adapter_in_evaluation(folder: Folder) -> None:
    folder.must("sft", "--method", "real", "--mode", "full", "--template", "zephyr", "--name", "zephyr-full", "--set", "steps=3")
    model = folder.path / "data/zephyr-full/v0001/model"
    assert (model / "chat_template.jinja").read_text(encoding="utf-8") == text_of("zephyr")
    before = load_file(folder.path / "data/world/v0001/model/model.safetensors")
    after = load_file(model / "model.safetensors")
    name = next(name for name in before if "embed" in name)
    assert len(after[name]) == len(before[name]) + 3  # the world's tokenizer has a padding token
    assert folder.manifest("zephyr-full")["summary"]["chat_template"] == "zephyr"
    ran = folder.must("sft", "--method", "real", "--template", "qa", "--name", "qa-skill", "--set", "steps=3")
    assert ran.code == 0
    folder.must("eval", "popqa", "--model", "qa-skill")
    assert folder.manifest("popqa-qa-skill")["summary"]["chat_template"] == "given"


@pytest.mark.slow
def test_a_full_run_that_is_killed_goes_on_and_ends_the_same(folder: Folder) -> None:
    """Killed with SIGKILL when its first checkpoint is there; the files are those of the run that was left alone, to the bit."""
    words = ("sft", "--method", "real", "--mode", "full", "--set", "steps=300", "--set", "checkpoint_every_s=0.05")
    folder.must(*words, "--name", "whole")
    process = folder.popen(*words, "--name", "killed")
    deadline = time.monotonic() + 120
    while not list((folder.path / "data/killed").rglob("step-*")):
        assert process.poll() is None, "it ended before it wrote a checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.communicate()
    assert not (folder.path / "data/killed/v0001").exists()
    folder.must(*words, "--name", "killed")
    whole, killed = (folder.path / f"data/{name}/v0001/model" for name in ("whole", "killed"))
    assert [path.name for path in sorted(whole.iterdir())] == [path.name for path in sorted(killed.iterdir())]
    for path in whole.iterdir():
        assert path.read_bytes() == (killed / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_a_dry_run_counts_sixteen_bytes_for_each_parameter_or_half_a_byte_for_one_in_four_bits(folder: Folder) -> None:
    weights = load_file(folder.path / "data/world/v0001/model/model.safetensors")
    n = sum(tensor.size for tensor in weights.values())
    full = folder.must("sft", "--method", "real", "--mode", "full", "--seed", "5", "--dry-run").out
    assert int(re.search(r"memory_bytes: (\d+)", full)[1]) == 16 * n
    packed = folder.must("sft", "--method", "real", "--mode", "qlora", "--dry-run").out
    trained = int(re.search(r"(\d+) trained parameters", packed)[1])
    assert int(re.search(r"memory_bytes: (\d+)", packed)[1]) == round(0.5 * n) + 16 * trained


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "full"}, "mode full goes with the plain methods"),
        ({"mode": "multi_version"}, "is the setting batches now: batches=multi_version"),
        ({"template": "qa", "chat_template": "x"}, "template is qa and chat_template is given too"),
        ({"mix": {"bio": 1}}, "prereq needs batches=multi_version and a real_fraction above 0"),
        ({"method": "real", "mix": {"bio": 0}}, "the fraction of bio is 0"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SftConfig(**settings)


def test_the_kind_and_name_say_what_was_trained(tmp_path: Path) -> None:
    from factcli.basemodel import BaseModelRef

    base = BaseModelRef("m", str(tmp_path), {"files": "x"})
    made = {mode: plan(SftConfig(method="real", mode=mode), None, None, base, None) for mode in ("lora", "qlora", "full")}
    assert [(one.kind, one.name) for one in made.values()] == [("skill", "sft-real"), ("skill", "sft-real-qlora"), ("model", "sft-real-full")]
    assert len({one.key for one in made.values()}) == 3
    assert plan(SftConfig(method="real", template="qa"), None, None, base, None).prompts.keys() == {"template qa"}


def test_mix_options_are_names_with_fractions() -> None:
    from factcli.commands.tuning import mix_of

    assert mix_of(["bio=1", "wiki:train=0.5", "a=b.jsonl=0.25", "rows.jsonl"]) == {"bio": 1.0, "wiki:train": 0.5, "a=b.jsonl": 0.25, "rows.jsonl": 1.0}
    assert mix_of([]) is None
    for wrong in (["bio=much"], ["bio=1", "bio=2"], ["=1"]):
        with pytest.raises(SettingsError, match="--mix"):
            mix_of(wrong)
