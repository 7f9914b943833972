"""`fact dpo` as typed, up to where the training begins: what it takes, what it would cost, and what it refuses."""

import importlib.util
import json
from pathlib import Path

import pytest

from factcli.resolving import configs_directory
from tests.stages.dpo.made import base_at, evaluation_by, pair, pairs_of, samples_by, scores_of, sixteen, skill_on
from tests.stages.synth.typed import empty, told, typed  # noqa: F401 - empty is a fixture

PRESETS = sorted(path.stem for path in (configs_directory() / "dpo").glob("*.yaml"))


def dry(*arguments: object) -> dict:
    ran = typed("dpo", *arguments, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


@pytest.fixture
def base(empty: Path) -> str:  # noqa: F811
    pairs_of(sixteen())
    return base_at("base")


def test_without_a_model_the_one_that_wrote_the_answers_is_continued(base: str) -> None:
    """pairs <- scores <- samples <- skill, on the base that the skill names."""
    skill = skill_on(base)
    pairs_of(sixteen(), "made", {"scores": scores_of(samples_by(skill, "local:skill"))})
    ran = typed("dpo", "--pairs", "made", "--dry-run", "--json")
    assert "model: skill@1, which wrote the answers of samples@1" in ran.err
    assert json.loads(ran.out)["inputs"].keys() == {"pairs", "model"}


def test_a_base_that_wrote_the_answers_gets_a_new_adapter(base: str) -> None:
    pairs_of(sixteen(), "made", {"scores": scores_of(samples_by(None, f"local:{base}"))})
    found = dry("--pairs", "made")
    assert found["inputs"].keys() == {"pairs"}
    assert found["settings"]["lora_r"] is None


@pytest.mark.parametrize(("backend", "who"), [("http:big@http://127.0.0.1:9/v1", "answers of http:big@http://127.0.0.1:9/v1"), ("", "answers of a file")])
def test_answers_of_a_server_do_not_tell_what_is_trained(base: str, backend: str, who: str) -> None:
    pairs_of(sixteen(), "made", {"scores": scores_of(samples_by(None, backend))})
    ran = typed("dpo", "--pairs", "made")
    told(ran, 3, f"made@1 comes from {who} (samples@1), so its lineage does not tell what is to be trained")
    assert "--model SKILL" in ran.err


@pytest.mark.parametrize("backend", ["http:big@http://127.0.0.1:9/v1", "scripted:s.jsonl"])
def test_a_served_model_is_not_the_base_that_its_questions_are_about(base: str, backend: str) -> None:
    """Evaluated in this process, the base is who answered."""
    ground = skill_on(base)
    pairs_of(sixteen(), "served", {"answers": evaluation_by(backend, ground)})
    told(typed("dpo", "--pairs", "served"), 3, f"served@1 comes from answers of {backend} (evaluated@1), so its lineage does not tell")
    pairs_of(sixteen(), "own", {"answers": evaluation_by("", ground)})
    assert "model: skill@1, which wrote the answers of evaluated@2" in typed("dpo", "--pairs", "own", "--dry-run").err


def test_the_cost_is_that_of_both_answers_of_every_step(base: str) -> None:
    """12 pairs in batches of 5 make 3 steps an epoch, 6 in two; 2 answers x 5 pairs x 6 steps of at most 64 tokens."""
    found = dry("--model", base, "--epochs", 2, "--set", "batch_pairs=5", "--set", "max_length=64", "--set", "lora_r=2")
    cost = found["cost"]
    assert (cost["steps_at_most"], cost["trained_rows_at_most"], cost["trained_tokens_at_most"]) == (6, 60, 60 * 64)
    assert cost["rows"] == {"reference": 16, "rejected": 0}
    assert "-m factcli.train.worker" in cost["argv"]
    adapter = 2 * 2 * (4 * (32 + 32) + 3 * (32 + 48))  # rank 2, two layers: q k v o of 32 x 32, gate up down of 32 x 48
    assert cost["memory_bytes"] == cost["base_parameters"] * 4 + adapter * 16
    full = dry("--model", base, "--mode", "full")
    assert full["makes"] == "model dpo"
    assert full["cost"]["memory_bytes"] == cost["base_parameters"] * 16


def test_steps_on_the_command_line_win_over_epochs_of_a_preset(base: str) -> None:
    found = dry("f-dpo", "--model", base, "--steps", 7)
    assert (found["settings"]["steps"], found["settings"]["epochs"]) == (7, None)
    again = dry("grath", "--model", base, "--epochs", 2)
    assert (again["settings"]["steps"], again["settings"]["epochs"]) == (None, 2.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_runs_on_a_base_without_a_gpu(base: str, preset: str) -> None:
    """And calls what it makes by the name of its system."""
    found = dry(preset, "--model", base)
    method = "dpo" if preset.startswith("world") else preset  # how it is trained on a world, laid over a method
    assert found["settings"]["method"] == method
    assert found["makes"] in (f"skill {method}", f"model {method}")
    assert found["settings"]["optimizer"] in ("adamw", "rmsprop")


def test_a_model_of_an_invented_world_keeps_the_method_and_is_trained_as_tiny_models_are(base: str) -> None:
    """Of configs/dpo/self-learning.yaml the name and the dropped end tokens; its mode full and lr 5e-7 are another model's."""
    skill_on(base, recipe="tiny")
    ran = typed("dpo", "self-learning", "--model", "skill", "--dry-run", "--json")
    assert "settings: configs/dpo/self-learning.yaml, then configs/dpo/world.yaml (the recipe of invented worlds, over the preset; " in ran.err
    found = json.loads(ran.out)["settings"]
    assert (found["method"], found["drop_eos_rejected"], found["mode"], found["lr"], found["steps"]) == ("self-learning", 0.5, "lora", 2e-4, 30)
    assert dry("--model", "skill")["settings"]["method"] == "dpo"


def test_a_file_takes_the_place_of_the_recipe_of_invented_worlds(base: str) -> None:
    skill_on(base, recipe="tiny")
    Path("own.yaml").write_text("mode: lora\nlr: 3.0e-4\n")
    found = dry("self-learning", "--model", "skill", "-c", "own.yaml")["settings"]
    assert (found["method"], found["lr"], found["steps"], found["beta"]) == ("self-learning", 3e-4, 300, 0.3)


def test_a_preset_that_is_not_there_is_told_the_nearest(base: str) -> None:
    told(typed("dpo", "facttune", "--model", base), 2, "did you mean 'facttune-")


def test_there_is_one_thing_to_do_without_pairs(empty: Path) -> None:  # noqa: F811
    told(typed("dpo"), 3, "there are no pairs in data/")


def bad_pairs(kind: str) -> None:
    few = {
        "equal": [pair(n, chosen="In Lima.", rejected="In Lima.") for n in range(4)],
        "empty": [pair(n, rejected="") for n in range(4)],
        "ties": [pair(n, margin=0.0) for n in range(4)],
        "one": [pair(0), pair(1, split="dev")],
        "none": [],
        "dev": [pair(n, split="dev") for n in range(4)],
        "rendered": [pair(n, prompt=f"<|im_start|>user\nWho is {n}?<|im_end|>") for n in range(4)],
    }
    pairs_of(few[kind], "bad")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("equal", "bad@1 has no pair that can be trained on: 4 x chosen equals rejected"),
        ("empty", "bad@1 has no pair that can be trained on: 4 x an answer is empty"),
        ("ties", "bad@1 has no pair that can be trained on: 4 x a tie: margin 0"),
        ("one", "bad@1 has one pair to train on, need 2 or more"),
        ("none", "bad@1 has no pair that can be trained on: it has none"),
        ("dev", "bad@1 has no pair to train on: 4 of split dev"),
        ("rendered", "4 x the prompt is in a chat template already"),
    ],
)
def test_pairs_that_teach_nothing_end_the_command_before_any_training(base: str, kind: str, said: str) -> None:
    bad_pairs(kind)
    told(typed("dpo", "--pairs", "bad", "--model", base), 3, said)
    assert not list(Path("data").glob("dpo/*"))
    told(typed("dpo", "--pairs", "bad", "--model", base, "--dry-run"), 3, said)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ("--reference gpt2", 3, "the reference gpt2 is a gpt2 model, and base a llama model"),
        ("--reference spelled", 3, "the reference spelled has another tokenizer than base"),
        ("--reference theirs", 3, "the reference theirs@1 belongs to other, and what is trained stands on base"),
        ("--reference pairs", 3, "pairs@1 is a pairs, but a skill or world or model is needed"),
        ("--reference nowhere", 3, "nowhere is no artifact, no directory"),
        ("--model pairs", 3, "pairs@1 is a pairs, but a skill or world or model is needed"),
        ("--set lora_r=8", 2, "has lora_r 4, and the settings say lora_r 8"),
        ("--mode full", 2, "mode full trains every parameter, and skill@1 is an adapter"),
        ("--set optimizer=paged-adamw-32bit", 2, "moves its state off a GPU, and here is none"),
        ("--reference base --set reference_free=true", 2, "without a reference there is none to choose"),
        ("--set mode=full --set lora_r=4", 2, "so there is no adapter for lora_r"),
        ("--loss exo-pair", 2, "--set label_smoothing=0.001"),
        ("--set weights=margins", 2, "did you mean 'margin'?"),
        ("--epochs 1 --steps 2", 2, "epochs is 1 and steps is 2: unset one"),
    ],
)
def test_what_does_not_go_together_is_refused_before_any_training(base: str, monkeypatch: pytest.MonkeyPatch, arguments: str, code: int, said: str) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    skill_on(base)
    skill_on(base_at("other", seed=7), "theirs")
    base_at("gpt2", "gpt2")
    base_at("spelled", vocab_size=290)
    told(typed("dpo", "--model", "skill", *arguments.split()), code, said)
    assert not list(Path("data").glob("dpo/*"))


@pytest.mark.skipif(importlib.util.find_spec("bitsandbytes") is not None, reason="bitsandbytes is installed")
def test_a_base_in_four_bits_needs_what_is_not_installed(base: str) -> None:
    told(typed("dpo", "--model", base, "--mode", "qlora"), 4, "a base in 4 bits needs what is not installed: bitsandbytes")


def test_a_base_that_changed_under_its_adapter_is_refused(base: str) -> None:
    skill_on(base)
    base_at("base", seed=9)
    told(typed("dpo", "--model", "skill"), 3, "base is not the model that skill@1 was made with")


def test_answers_written_in_another_chat_template_than_the_start_has_are_refused(base: str) -> None:
    skill = skill_on(base)
    skill_on(base, "marked", chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}")
    pairs_of(sixteen(), "made", {"scores": scores_of(samples_by(skill, "local:skill"))})
    told(
        typed("dpo", "--pairs", "made", "--model", "marked"),
        3,
        "the answers of made@1 were written in the chat template of skill@1, and marked@1 is trained in another",
    )
