"""Recipes: commands one after the other, each as typed, told before the first what is wrong with any."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from factcli import resolving
from factcli.cli import app
from factcli.commands.running import FOLDERS
from factcli.commands.typed import SETTINGS, commands_of, faults_of, models_of, pinned
from factcli.config import Config
from factcli.flows.pace import Clock
from factcli.flows.recipe import Step, read_recipe
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

COMMANDS = commands_of(get_command(app))
SAMPLES = {
    "fact": "synth samples",
    "name": "answers",
    "with": {"prompts": "p.jsonl", "backend": "scripted:s.jsonl", "samples": 2},
}
CLAIMS = {"fact": "score claims", "name": "claims", "with": {"ref": "answers", "claims": "rules"}}


def written(folder: Path, *steps: dict[str, Any]) -> str:
    (folder / "r.yaml").write_text(yaml.safe_dump({"steps": list(steps)}, sort_keys=False), encoding="utf-8")
    return "r.yaml"


@pytest.fixture
def asked(empty: Path) -> Path:  # noqa: F811
    """A folder with prompts and a script that answers them."""
    jsonl(empty / "p.jsonl", {"prompt": "Where was person 0 born?", "id": "p0", "topic": "Person 0"})
    jsonl(empty / "s.jsonl", {"match": "person 0", "answers": ["In Lima.", "In Hobart."]})
    return empty


def test_a_recipe_is_its_commands_as_typed(asked: Path) -> None:
    ran = typed("run", written(asked, SAMPLES, CLAIMS))
    assert ran.code == 0, ran.err
    assert "[1/2] fact synth samples, answers" in ran.err
    assert "[2/2] fact score claims, claims" in ran.err
    assert ran.made == Path("data/claims/v0001")
    by_hand = made("score", "claims", "answers", "--claims", "rules", "--data", "data")
    assert manifest(by_hand)["key"] == manifest(ran.made)["key"]
    assert by_hand == ran.made
    assert [row["text"] for row in rows(asked / "data/answers/v0001", "samples")] == ["In Lima.", "In Hobart."]


def test_run_again_makes_nothing_and_gives_json(asked: Path) -> None:
    recipe = written(asked, SAMPLES, CLAIMS)
    typed("run", recipe)
    again = typed("run", recipe, "--json")
    assert again.err.count("(made before)") == 4  # each where it is met, and in the list at the end
    assert json.loads(again.out) == {"made": {"answers": "answers@1", "claims": "claims@1"}, "path": "data/claims/v0001"}


def test_a_step_gets_the_version_of_this_run_and_not_the_newest(asked: Path) -> None:
    recipe = written(asked, SAMPLES, CLAIMS)
    typed("run", recipe, "--from", "answers")
    newer = made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 1, "--name", "answers")
    assert newer == Path("data/answers/v0002")
    ran = typed("run", recipe, "--set", "claims.limit=1")
    assert ran.code == 0, ran.err
    assert manifest(ran.made)["inputs"]["answers"]["version"] == 1


def test_an_input_that_is_another_than_the_one_this_run_made_is_refused(asked: Path) -> None:
    typed("run", written(asked, SAMPLES))
    made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 1, "--name", "others")
    unnamed = {**CLAIMS, "with": {"claims": "rules"}}
    told(typed("run", written(asked, SAMPLES, unnamed)), 3, "step claims took others@1 as its answers")
    told(typed("run", written(asked, SAMPLES, unnamed)), 3, "this run made answers")


def test_what_a_step_makes_on_its_way_is_its_own_where_it_is_named_after_it(asked: Path) -> None:
    """As the rounds of `fact grath-iterate` are: grath-round0-pairs and so on belong to the step grath."""
    typed("run", written(asked, SAMPLES))
    made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 1, "--name", "claims-answers")
    ran = typed("run", written(asked, SAMPLES, {**CLAIMS, "with": {"claims": "rules"}}))
    assert ran.code == 0, ran.err
    assert manifest(ran.made)["inputs"]["answers"]["name"] == "claims-answers"


def test_all_faults_are_told_before_the_first_step(asked: Path) -> None:
    steps = (
        SAMPLES,
        {"fact": "score clams", "name": "a"},
        {"fact": "score claims", "name": "b", "with": {"claim": "rules"}},
        {"fact": "score claims", "name": "c", "set": {"clams.source": "rules", "claims.abstension": "own"}},
        {"fact": "synth samples", "name": "d", "with": {"samples": "many"}},
        {"fact": "score claims", "name": "e", "set": {"claims": {"source": "rumours"}}},
        {"fact": "prereq", "name": "f", "with": {"config": "tny"}},
        {"fact": "trace", "name": "g"},
    )
    ran = typed("run", written(asked, *steps))
    assert ran.code == 2
    for fault in (
        "step 2 (a): there is no command 'score clams' that makes an artifact; did you mean 'score claims'?",
        "step 3 (b): fact score claims has no option 'claim'; did you mean 'claims'?",
        "step 4 (c): --set clams.source=rules: unknown setting 'clams'; did you mean 'claims'?",
        "step 4 (c): --set claims.abstension=own: unknown setting 'claims.abstension'; did you mean 'claims.abstention'?",
        "step 5 (d): fact synth samples: Invalid value for '--samples'",
        "step 6 (e): claims.source = 'rumours'",
        "step 7 (f): there is no recipe 'tny' for prereq; did you mean 'tiny'?",
        "step 8 (g): there is no command 'trace' that makes an artifact",
    ):
        assert fault in ran.err, fault
    assert not (asked / "data").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no steps"),
        ("steps: 3\n", "has no steps"),
        ("stages: []\nsteps: [{fact: world, name: w}]\n", "'stages' is no part of a recipe; did you mean 'steps'?"),
        ("steps: [fact]\n", "step 1: is 'fact'"),
        ("steps: [{name: w}]\n", "step 1: has no command"),
        ("steps: [{fact: world}]\n", "step 1: name is None"),
        ("steps: [{fact: world, name: ../w}]\n", "step 1: name is '../w'"),
        ("steps: [{fact: world, name: w, sett: {}}]\n", "'sett' is unknown; did you mean 'set'?"),
        ("steps: [{fact: world, name: w, with: tiny}]\n", "with is 'tiny'"),
        ("steps: [{fact: world, name: w, seconds: long}]\n", "seconds is 'long'"),
        ("steps: [{fact: world, name: w}, {fact: prereq, name: w}]\n", "two steps are called 'w'"),
        ("steps: [{fact: world, name: 'w-{seed}', each: {seed: 7}}]\n", "step 1: each is {'seed': 7}, need `name: [value, value]`"),
        ("steps: [{fact: world, name: w, each: {seed: [1, 2]}}]\n", "each has seed, which the step's name 'w' lacks"),
        ("steps: [", "is not YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(empty: Path, text: str, words: str) -> None:  # noqa: F811
    (empty / "r.yaml").write_text(text, encoding="utf-8")
    told(typed("run", "r.yaml"), 2, words)


def test_each_makes_a_step_of_every_combination_and_a_star_names_them(empty: Path) -> None:  # noqa: F811
    sft = {"fact": "sft", "name": "m-{rate}-{k}", "with": {"lr": "{rate}"}, "set": {"versions": "{k}"}, "each": {"rate": [1e-4, 2e-4], "k": [1, 3]}}
    evals = [{"fact": "eval world", "name": f"eval-{rate}", "with": {"model": f"m-{rate}-1"}} for rate in (1e-4, 2e-4)]
    report = {"fact": "report", "name": "r", "with": {"evals": ["eval-*", "other"]}}
    recipe = read_recipe(empty / written(empty, sft, *evals, report))
    assert [step.name for step in recipe.steps[:4]] == ["m-0.0001-1", "m-0.0001-3", "m-0.0002-1", "m-0.0002-3"]
    assert recipe.steps[1].options == {"lr": 1e-4}
    assert recipe.steps[1].settings == {"versions": 3}
    assert recipe.steps[-1].options["evals"] == ["eval-0.0001", "eval-0.0002", "other"]


def test_a_star_that_fits_no_step_stays_as_typed(empty: Path) -> None:  # noqa: F811
    pack = {"fact": "pack build", "name": "pack", "with": {"from": ["people*.jsonl"]}}
    assert read_recipe(empty / written(empty, pack)).steps[0].options == {"from": ["people*.jsonl"]}


def test_each_seed_has_a_folder_of_its_own_and_goes_on_there(asked: Path) -> None:
    recipe = written(asked, {**SAMPLES, "with": {**SAMPLES["with"], "samples": 1}})
    ran = typed("run", recipe, "--seeds", "3-4,7")
    assert ran.code == 0, ran.err
    assert ran.out.split() == [f"data/seed{seed}/answers/v0001" for seed in (3, 4, 7)]
    assert [manifest(Path(path))["config"]["seed"] for path in ran.out.split()] == [3, 4, 7]
    assert typed("run", recipe, "--seeds", "7").err.count("(made before)") == 2


def test_comparisons_are_made_over_all_seeds_too(empty: Path) -> None:  # noqa: F811
    """Of four questions a model has two right and the other one all four, in both seeds: +50 points of two worlds."""
    jsonl(empty / "q.jsonl", *({"_id": f"q{n}", "question": f"What is number {n}?", "answer": f"N{n}", "type": "bridge"} for n in range(4)))
    for name, n_right in (("half", 2), ("all", 4)):
        jsonl(empty / f"{name}.jsonl", *({"match": f"number {n}", "answer": f"Final answer: N{n if n < n_right else 9}"} for n in range(4)))
    ask = {"fact": "eval hotpotqa", "name": "{who}", "with": {"file": "q.jsonl", "backend": "scripted:{who}.jsonl"}, "each": {"who": ["half", "all"]}}
    recipe = written(empty, ask, {"fact": "compare", "name": "both", "with": {"refs": ["half", "all"], "task": "qa.accuracy"}})
    ran = typed("run", recipe, "--seeds", "3,4")
    assert ran.code == 0, ran.err
    assert "over 2 seeds: fact compare --runs, both" in ran.err
    assert ran.out.split()[-1] == "data/both/v0001"
    (row,) = (row for row in rows(empty / "data/both/v0001", "differences") if (row["metric"], row["group"]) == ("qa.accuracy", "all"))
    assert (row["difference"], row["n_worlds"], row["n_same_sign"]) == (0.5, 2, 2)
    assert not (empty / "data/half").exists(), "the evaluations are in the folders of their seeds"


@pytest.mark.parametrize("seeds", ["", "a", "5-3", "1,,2", "-1"])
def test_what_is_no_list_of_seeds_is_refused(asked: Path, seeds: str) -> None:
    told(typed("run", written(asked, SAMPLES), f"--seeds={seeds}"), 2, "is no list of seeds")


def test_a_seed_and_seeds_are_refused(asked: Path) -> None:
    told(typed("run", written(asked, SAMPLES), "--seed", 1, "--seeds", "1"), 2, "--seed and --seeds are both given")


def test_a_recipe_that_is_not_there_is_named_with_the_nearest(empty: Path) -> None:  # noqa: F811
    told(typed("run", "dmo"), 2, "there is no recipe 'dmo'; did you mean 'demo'?")
    told(typed("run", "absent.yaml"), 2, "there is no settings file absent.yaml")


def test_a_failing_step_gives_its_code_and_the_same_command_goes_on_there(asked: Path) -> None:
    recipe = written(asked, SAMPLES, {**CLAIMS, "with": {"ref": "nobody", "claims": "rules"}}, {**CLAIMS, "name": "later"})
    failed = typed("run", recipe)
    assert failed.code == 3
    assert "stopped at step 2 of 3, claims" in failed.err
    assert {path.name for path in (asked / "data").iterdir() if path.is_dir()} == {"answers"}
    mended = typed("run", recipe, "--set", "claims.ref=answers")
    assert mended.code == 0, mended.err
    assert "answers@1" in mended.err.split("[2/3]")[0]
    assert "(made before)" in mended.err.split("[2/3]")[0]


def test_from_takes_what_earlier_steps_made_as_it_is(asked: Path) -> None:
    recipe = written(asked, SAMPLES, CLAIMS)
    told(typed("run", recipe, "--from", "claims"), 3, "--from claims needs what step answers makes")
    told(typed("run", recipe, "--from", "clams"), 2, "r.yaml has no step 'clams'; did you mean 'claims'?")
    made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 1, "--name", "answers")
    ran = typed("run", recipe, "--from", "claims")
    assert ran.code == 0, ran.err
    assert "[1/1] fact score claims" in ran.err
    assert "(as it is there)" in ran.err.split("[1/1]")[0]
    assert len(rows(ran.made, "answers")) == 1, "of the one answer that was there, not of two"


def test_what_is_set_for_a_step_is_an_option_where_there_is_one_and_else_a_setting(asked: Path) -> None:
    recipe = written(asked, SAMPLES, CLAIMS)
    ran = typed("run", recipe, "--set", "answers.samples=1", "--set", "answers.top_p=0.5", "--seed", 7, "--dry-run", "--json")
    lines = {name: step["command"] for name, step in json.loads(ran.out)["steps"].items()}
    assert lines["answers"] == ("fact synth samples --prompts p.jsonl --backend scripted:s.jsonl --samples 1 --seed 7 --set top_p=0.5 --name answers")
    assert lines["claims"] == "fact score claims answers --claims rules --seed 7 --name claims"
    assert not (asked / "data").exists()
    told(typed("run", recipe, "--set", "answers=1"), 2, "is not STEP.NAME=VALUE")
    assert "unknown setting 'top_q'; did you mean 'top_p'?" in typed("run", recipe, "--set", "answers.top_q=1").err


def test_a_step_whose_name_has_a_dot_can_be_set(asked: Path) -> None:
    recipe = written(asked, {**SAMPLES, "name": "top-{p}", "set": {"top_p": "{p}"}, "each": {"p": [0.5, 0.25]}})
    ran = typed("run", recipe, "--set", "top-0.5.samples=1", "--set", "top-0.25.max_tokens=7", "--dry-run", "--json")
    lines = {name: step["command"] for name, step in json.loads(ran.out)["steps"].items()}
    assert "--samples 1" in lines["top-0.5"]
    assert "max-tokens" not in lines["top-0.5"]
    assert "--max-tokens 7" in lines["top-0.25"]


def test_a_settings_file_is_found_beside_the_recipe_or_by_its_name(asked: Path) -> None:
    folder = asked / "kept"
    folder.mkdir()
    (folder / "own.yaml").write_text("top_p: 0.25\n", encoding="utf-8")
    written(folder, {**SAMPLES, "with": {**SAMPLES["with"], "config": ["samples", "own.yaml"]}})
    ran = typed("run", "kept/r.yaml")
    assert ran.code == 0, ran.err
    assert manifest(ran.made)["config"]["top_p"] == 0.25


def test_only_what_names_an_artifact_of_this_run_is_pinned() -> None:
    made_here = {"sft": "sft@3", "forms": "forms@1"}
    assert [pinned(value, made_here) for value in ("sft", "local:sft", "forms=0.5", "forms:part", "local:other", "sft-real", "sft,other,forms", 3)] == [
        "sft@3",
        "local:sft@3",
        "forms@1=0.5",
        "forms@1:part",
        "local:other",
        "sft-real",
        "sft@3,other,forms@1",
        3,
    ]
    judged = Step("score factscore", "f", {"claims": "world", "judge": ["world", "local:sft"], "world": "world"}, {"judge.judges": "world"})
    assert COMMANDS["score factscore"].typed(judged, Path(), {"world": "world@2", "sft": "sft@3"}) == [
        *("--claims", "world", "--judge", "world", "--judge", "local:sft@3", "--world", "world@2"),
        *("--set", "judge.judges=world"),
    ]
    asked = Step("score confidence", "c", {"questions": "world", "sampler": "local:world"})
    assert COMMANDS["score confidence"].typed(asked, Path(), {"world": "world@2"}) == ["--questions", "world", "--sampler", "local:world@2"]


def test_the_time_left_follows_the_pace_of_this_machine() -> None:
    """60 s that took 90 s: the 120 s left are expected to take 180 s, 3 minutes. What was reused tells nothing of the pace."""
    clock = Clock.of({"a": 60.0, "b": 10.0, "c": 120.0})
    clock.finish("a", 90.0, False)
    clock.finish("b", 0.1, True)
    assert clock.minutes_left() == pytest.approx(3.0)
    assert clock.told() == ": about 3 min to go"
    assert Clock.of({"a": 60.0, "b": None}).told() == ""


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"fact": "dpo", "name": "d", "with": {"preset": "facttune-cm"}}, "step 1 (d): there is no recipe 'facttune-cm' for dpo; did you mean 'facttune-mc'?"),
        ({"fact": "world", "name": "w", "with": {"size": "tinny"}}, "step 1 (w): there is no recipe 'tinny' for world; did you mean 'tiny'?"),
    ],
)
def test_a_preset_that_is_not_there_is_told_before_the_first_step(empty: Path, step: dict[str, Any], said: str) -> None:  # noqa: F811
    told(typed("run", written(empty, step), "--dry-run"), 2, said)


def test_a_dry_run_from_a_step_shows_that_step_and_what_follows(asked: Path) -> None:
    shown = json.loads(typed("run", written(asked, SAMPLES, CLAIMS), "--from", "claims", "--dry-run", "--json").out)
    assert list(shown["steps"]) == ["claims"]


def test_a_rule_between_settings_waits_for_the_command_that_knows_them_all(empty: Path) -> None:  # noqa: F811
    """The preset unsets the epochs that --steps does not go with; a value that no setting can have is still told."""
    step = {"fact": "dpo", "name": "d", "with": {"preset": "facttune-mc", "steps": 5}, "set": {"beta": 0.2}}
    assert typed("run", written(empty, step), "--dry-run").code == 0
    told(typed("run", written(empty, {**step, "set": {"beta": -1}}), "--dry-run"), 2, "beta = -1: input should be greater than 0")


def test_a_sweep_may_be_a_step(empty: Path) -> None:  # noqa: F811
    step = {"fact": "sweep", "name": "best", "with": {"command": ["sft", "--method", "real"], "grid": ["lr=1e-4,1e-3"], "seeds": "0-2", "by": "qa.accuracy"}}
    ran = typed("run", written(empty, step), "--dry-run")
    assert ran.code == 0, ran.err
    assert "fact sweep sft --method real --grid lr=1e-4,1e-3 --seeds 0-2 --by qa.accuracy --name best" in ran.out


def test_every_command_that_makes_an_artifact_has_settings_that_a_recipe_can_check() -> None:
    assert set(SETTINGS) == set(COMMANDS)
    assert all(issubclass(model, Config) for words in SETTINGS for model in models_of(words))


BENCH = Path(__file__).parent / "bench"
RECIPES = (path for folder in FOLDERS for path in sorted((resolving.configs_directory() / folder).glob("*.yaml")))
SHIPPED = (*RECIPES, BENCH / "preferences.yaml", BENCH / "self_learning.yaml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_recipe_that_ships_has_no_fault_and_names_only_what_it_made(path: Path) -> None:
    recipe = read_recipe(path)
    assert faults_of(recipe, COMMANDS) == []
    made_so_far: set[str] = set()
    for step in recipe.steps:
        taken = [str(one).removeprefix("local:") for value in step.options.values() for one in (value if isinstance(value, list) else [value])]
        later = {name for name in taken if name in {other.name for other in recipe.steps}} - made_so_far
        assert not later - {step.name}, f"{step.name} takes {later}, which is made later"
        made_so_far.add(step.name)
