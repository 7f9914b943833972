"""`fact sweep` as typed: cells, commands, refusals; and on a micro world, for real."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from factcli.cli import app
from factcli.cli.sweep import OF_BOTH, own_first
from factcli.commands.chains import step_of
from factcli.commands.running import line_of
from factcli.commands.typed import commands_of
from factcli.flows.recipe import Step
from tests.chain import Folder
from tests.stages.synth.typed import empty, told, typed  # noqa: F401 - empty is a fixture

PROGRAM = get_command(app)
COMMANDS = commands_of(PROGRAM)
QUICK = ("--eval", "eval world --set probe_versions=0 --set heldout_forms=false --limit 2")


def shown(*words: object) -> dict[str, Any]:
    ran = typed("sweep", *words, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def lines(*words: object) -> list[str]:
    return [step["command"] for step in shown(*words)["steps"].values()]


# ---------------------------------------------------------------- as typed, nothing trained


def test_each_cell_is_its_commands_as_typed_with_the_evaluation_on_dev_people(empty: Path) -> None:  # noqa: F811
    assert lines("sft", "--method", "real", "--grid", "lr=1e-4,1e-3", "--set", "batch_rows=8") == [
        line
        for lr in ("0.0001", "0.001")
        for line in (
            f"fact sft --method real --lr {lr} --set batch_rows=8 --name sweep-sft-lr{lr}",
            f"fact eval world --model sweep-sft-lr{lr} --set probe_versions=0 --set split=dev --name sweep-sft-lr{lr}-dev",
        )
    ]
    assert not (empty / "data").exists()


def test_knowledge_is_swept_under_its_skill_and_shared_by_cells_that_differ_in_the_skill(empty: Path) -> None:  # noqa: F811
    found = shown("prereq", "--synth", "bio", "--grid", "lr=1e-3", "--grid", "sft.lora_r=2,4")
    assert found["artifacts"] == {"prereq": 1, "sft": 2, "eval world": 2}
    assert list(found["cells"]) == ["lr=0.001 sft.lora_r=2", "lr=0.001 sft.lora_r=4"]
    first, skill = (list(found["steps"].values())[place]["command"] for place in (0, 1))
    assert first == "fact prereq --synth bio --lr 0.001 --name sweep-prereq-lr0.001-prereq"
    assert skill == "fact sft --lora-r 2 --knowledge sweep-prereq-lr0.001-prereq --name sweep-prereq-lr0.001-lora_r2"
    assert found["cost"] == {"known of": "0 of 5 steps"}, "nothing is there yet that a cost could be told of"


def test_without_a_grid_the_papers_is_taken(empty: Path) -> None:  # noqa: F811
    """Nine lengths, two rates, three ranks: 54 models (arXiv 2410.19290)."""
    assert shown("sft")["artifacts"] == {"sft": 54, "eval world": 54}


def test_a_file_may_say_it_all(empty: Path) -> None:  # noqa: F811
    (empty / "own.yaml").write_text("command: sft --method real\ngrid: {lr: [1.0e-3, 2.0e-3]}\nseeds: [3, 4]\nevaluate: eval world --limit 5\n")
    found = lines("-c", "own.yaml")
    assert len(found) == 8
    assert found[0] == "fact sft --method real --lr 0.001 --seed 3 --name sweep-sft-lr0.001-seed3"
    assert found[1] == "fact eval world --limit 5 --model sweep-sft-lr0.001-seed3 --set split=dev --name sweep-sft-lr0.001-seed3-dev"


@pytest.mark.parametrize(
    ("name", "root", "rest"), [("tuned", "data", " --name tuned"), ("", "data", ""), ("tuned", "runs/two words", " --name tuned --data 'runs/two words'")]
)
def test_a_step_is_told_as_it_is_typed_for_its_data_directory(name: str, root: str, rest: str) -> None:
    assert line_of(Step("sft", name, {"method": "real"}), COMMANDS["sft"], Path(), Path(root)) == f"fact sft --method real{rest}"


def test_own_options_may_stand_anywhere_and_what_both_have_goes_by_its_place() -> None:
    takes = {"--grid": True, "--by": True, "--set": True, "-c": True, "--config": True, "--dry-run": False}
    given = ["--set", "rule=best", "sft", "--by", "f", "--lr", "1", "--grid=a=1", "--dry-run", "--set", "x=1", "-c", "y", "--method", "real"]
    own = ["--set", "rule=best", "--by", "f", "--grid=a=1", "--dry-run"]
    assert own_first(given, takes) == [*own, "sft", "--lr", "1", "--set", "x=1", "-c", "y", "--method", "real"]


def test_no_option_of_what_is_swept_is_taken_for_the_sweeps_own() -> None:
    own = {name for p in PROGRAM.commands["sweep"].params for name in p.opts} - set(OF_BOTH)  # type: ignore[attr-defined]  # a group
    common = {"--name", "--data", "--force", "--dry-run", "--json"}
    for words in ("sft", "prereq", "dpo", "grath-iterate", "synth bio", "synth qa"):
        theirs = {name for p in COMMANDS[words].parameters.values() for name in p.opts}
        assert own & theirs == common, words


def test_words_become_a_step_with_what_was_typed_and_nothing_else() -> None:
    step = step_of(COMMANDS, ["sft", "--method", "real", "--mix", "bio=1", "--mix", "x=0.5", "-c", "f.yaml", "--set", "lr=1=2"])
    assert (step.command, step.settings) == ("sft", {"lr": "1=2"})
    assert step.options == {"method": "real", "mix": ["bio=1", "x=0.5"], "config": ["f.yaml"]}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "nothing is given to sweep"),
        (("sfft", "--grid", "lr=1"), 2, "there is no command 'sfft' that makes an artifact; did you mean 'sft'?"),
        (("dpo", "--pairs", "p"), 2, "there is no grid for dpo --pairs p"),
        (("sft", "--grid", "lr"), 2, "--grid 'lr' is not NAME=VALUE,VALUE"),
        (("sft", "--grid", "lr=1,,2"), 2, "--grid 'lr=1,,2' is not NAME=VALUE,VALUE"),
        (("sft", "--grid", "lr=1", "--grid", "lr=2"), 2, "--grid lr is given twice"),
        (("sft", "--grid", "lr=1e-3,0.001"), 2, "lr has 0.001 twice"),
        (("sft", "--gird", "lr=1", "--grid", "lr=1"), 2, "fact sft: No such option: --gird"),
        (("sft", "--grid", "lrr=1"), 2, "unknown setting 'lrr'; did you mean 'lr'?"),
        (("sft", "--grid", "lora_r=4,-1"), 2, "lora_r = -1: input should be greater than or equal to 1"),
        (("sft", "--grid", "lr=1", "--seeds", "a"), 2, "--seeds a is no list of seeds"),
        (("sft", "--grid", "lr=1", "--rule", "luck"), 2, "rule = 'luck'"),
        (("sft", "--grid", "lr=1", "--eval", "eval world --set split=test"), 2, "fact eval world would ask test people"),
        (("sft", "--grid", "lr=1", "--eval", "eval popqa"), 2, "fact eval popqa has no dev people"),
        (("sft", "--grid", "lr=1", "--eval", "eval popqa --file q.jsonl"), 2, "fact eval popqa has no dev people"),
        (("sft", "--grid", "lr=1", "--eval", "report"), 2, "fact report is no evaluation to choose by"),
        (("prereq", "--grid", "lr=1", "--then", "sft", "--then", "sft"), 2, "a command stands twice"),
    ],
)
def test_what_cannot_be_swept_is_refused_before_anything_is_made(empty: Path, words: tuple[str, ...], code: int, said: str) -> None:  # noqa: F811
    ran = typed("sweep", *words)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert "way out" in ran.err
    assert not (empty / "data").exists()


def test_questions_of_a_file_that_are_for_choosing_may_choose(empty: Path) -> None:  # noqa: F811
    found = lines("--set", "are_dev=true", "sft", "--grid", "lr=1e-3", "--eval", "eval popqa --file q.jsonl")
    assert found[1] == "fact eval popqa --file q.jsonl --model sweep-sft-lr0.001 --name sweep-sft-lr0.001-dev"


def test_a_sweep_of_which_every_cell_fails_says_why(empty: Path) -> None:  # noqa: F811
    ran = typed("sweep", "sft", "--grid", "lr=1e-4,1e-3")
    told(ran, 6, "all 2 cells failed; the first: fact sft ended with 3: there is no knowledge in data/")
    assert ran.err.count("error: there is no knowledge") == 2


# ---------------------------------------------------------------- for real


@pytest.fixture(scope="module")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A micro world with data; nothing trained on it."""
    folder = Folder(tmp_path_factory.mktemp("sweep"))
    folder.makes("world --size micro --seed 6", "synth bio --seed 6", "prereq")
    return folder


SWEPT = ("sweep", "sft", "--grid", "lr=1e-3,1e30", "--grid", "lora_r=2,4", "--set", "max_grad_norm=0", *QUICK)


@pytest.mark.slow
def test_cells_that_fail_are_counted_and_the_others_chosen_among_and_interrupting_changes_nothing(micro: Folder) -> None:
    """A rate of 1e30 leaves no number: two of four cells. Stopped at the second cell and typed again, the sweep ends as it would have."""
    process = micro.popen(*SWEPT)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[2/4]"):
            process.send_signal(signal.SIGINT)
            break
    process.stderr.read()
    assert process.wait() == 130
    ran = micro.must(*SWEPT)
    assert "sweep-sft-lr0.001-lora_r2@1" in ran.err
    assert "(made before)" in ran.err
    rows = {row["id"]: row for row in micro.rows("sweep-sft", "cells")}
    assert {id_ for id_, row in rows.items() if row["failed"]} == {"lr=1e+30 lora_r=2", "lr=1e+30 lora_r=4"}
    assert rows["lr=1e+30 lora_r=2"]["failed"].startswith("fact sft ended with 5: ")
    (chosen,) = (row for row in rows.values() if row["is_chosen"])
    manifest = micro.manifest("sweep-sft")
    assert manifest["summary"]["chosen"] == chosen["id"]
    assert f"fact eval world --limit 2 --model {chosen['models'][0]} --set probe_versions=0 --set heldout_forms=false" in ran.err
    evaluations = [entry for role, entry in manifest["inputs"].items() if not role.endswith("-model")]
    assert {micro.manifest(entry["name"])["config"]["split"] for entry in evaluations} == {"dev"}
    again = micro.must(*SWEPT)
    assert again.err.count("(made before)") == 4
    assert "sweep-sft/v0001" in again.out
    assert "lr=0.001" in micro.must("show", "sweep-sft").out
    assert "of 4 cells" in micro.must("ls").out


@pytest.mark.slow
def test_each_of_two_seeds_is_a_model_of_its_own_and_the_mean_is_chosen_by(micro: Folder) -> None:
    ran = micro.must("sweep", "sft", "--method", "real", "--grid", "lr=1e-3", "--seeds", "1,2", *QUICK, "--name", "seeded", "--json")
    assert json.loads(ran.out)["ref"] == "seeded@1"
    (row,) = micro.rows("seeded", "cells")
    assert (row["seeds"], row["models"]) == ([1, 2], ["seeded-lr0.001-seed1@1", "seeded-lr0.001-seed2@1"])
    assert row["value"] == pytest.approx(sum(row["by_seed"]) / 2)
    assert [micro.manifest(model)["config"]["seed"] for model in row["models"]] == [1, 2]
    assert "is the only cell that was measured: nothing was chosen" in ran.err
