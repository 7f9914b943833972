"""The recipe of Self-Learning to its end, two rounds, on a world that is made in seconds and a model that knows nothing but how to end."""

from pathlib import Path

import pytest

from tests.chain import Folder

FEW = {  # what makes it quick; a model that ends its answers takes some pre-training, and thresholds at 1 keep every question
    "world": ("size=micro", "pretrain.steps=120", "pretrain.gate_every_steps=60"),
    "reading": ("subjects=60", "versions=2"),
    "closed-book": ("topics=1",),
    "self-learning-0": ("steps=40", "batch_rows=16", "lr=1e-2"),
    **{f"asked-{n}": ("topics=3", "samples=3") if n == 0 else ("samples=3",) for n in range(3)},
    **{f"known-{n}": ("tau_l=1.0",) for n in range(3)},
    **{f"pairs-{n}": ("tau_l=1.0",) for n in range(2)},
    **{f"self-learning-{n}": ("steps=2", "batch_pairs=4") for n in (1, 2)},
    **{f"eval-{name}": ("limit=3",) for name in ("base", "self-learning-0", "self-learning-2")},
}


@pytest.mark.slow
def test_two_rounds_go_through_and_each_begins_as_the_last_one_ended(tmp_path: Path) -> None:
    """Three people, 18 questions, in both rounds the same ones; each round is compared with the questions as they were before the first."""
    folder = Folder(tmp_path)
    given = [part for name, settings in FEW.items() for setting in settings for part in ("--set", f"{name}.{setting}")]
    folder.must("run", "self-learning", *given, "--seed", "4")
    inputs = {name: folder.manifest(name)["inputs"] for name in ("self-learning-1", "self-learning-2", "asked-1", "asked-2", "known-1", "known-2")}
    assert [inputs[f"self-learning-{n}"]["model"]["name"] for n in (1, 2)] == ["self-learning-0", "self-learning-1"]
    assert [inputs[f"self-learning-{n}"]["pairs"]["name"] for n in (1, 2)] == ["pairs-0", "pairs-1"]
    assert [inputs[f"known-{n}"]["before"]["name"] for n in (1, 2)] == ["known-0", "known-0"]
    asked = [[row["id"] for row in folder.rows(f"asked-{n}", "questions")] for n in range(3)]
    assert len(asked[0]) == 18
    assert asked[0] == asked[1] == asked[2]
    for number in (1, 2):
        run = folder.manifest(f"self-learning-{number}")
        assert {name: run["config"][name] for name in ("method", "mode", "reference", "drop_eos_rejected", "sft_weight")} == {
            "method": "self-learning", "mode": "lora", "reference": "init", "drop_eos_rejected": 0.5, "sft_weight": 1.0
        }  # fmt: skip
        assert folder.manifest(f"known-{number}")["summary"]["changes"]["compared"] == 18
