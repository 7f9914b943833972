"""Models that learned from preferences on the page: called by what they began as, with their curves, certificate and rounds."""

import math
from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome, open_artifact
from factcli.config import Config, setting
from factcli.preferencerows import PreferenceStep, Round
from factcli.rows import Proof
from factcli.stages.report.trained import label_of
from factcli.stages.sft import SftConfig
from tests.stages.report_chain import Chain, commit, curve, make_chain, make_eval, make_skill, results_of
from tests.stages.test_report import Outline, draw

STEPS = "Share of each step's pairs told right."


class Preferring(Config):
    """What the page reads of the settings of a run."""

    method: str = setting("dpo", "What it is called.")
    lr: float = setting(2e-4, "Of its peak.")


def step(number: int, accuracy: float, split: str = "train", kl: float = 0.25) -> PreferenceStep:
    margin = 0.0 if number == 1 else 0.75
    return PreferenceStep(number, split, 32 * number, 32, math.log(2) if number == 1 else 0.4, accuracy, margin, 0.5, -0.25, -20.0, -24.0, kl)  # type: ignore[arg-type]


def preferring(chain: Chain, method: str, start: Artifact) -> Artifact:
    """Ten steps from `start`: half of the pairs told right at first, 29 of 32 at last, 60% of the dev pairs."""
    rows = {
        "steps": [step(1, 0.5, kl=0.0), step(10, 0.90625), step(10, 0.6, "dev")],
        "proofs": [Proof("the reference is the policy's start", True, '{"largest difference": 0.0}'), Proof("only the adapter changed", True, "{}")],
        "curve": curve("skill", 0.7, 10),
    }
    tables = {"steps": PreferenceStep, "proofs": Proof, "curve": type(rows["curve"][0])}
    outcome = Outcome(method, {"pairs": 1234, "steps": 10, "reference": {"is": "init", "name": start.ref}}, usage={"seconds": 9.0, "tokens": 90_000})
    return commit(chain.root, "dpo", "skill", method, Preferring(method=method), {"world": chain.world, "model": start}, rows, tables, outcome)


def looping(chain: Chain, start: Artifact) -> Artifact:
    kept = Round(0, start.ref, start.ref, 80, 80, "grath-model@1", True, "", 0.71, 0.4, 0.2, 11.0, 0.0, 0.0)
    lost = Round(1, "grath-model@1", "grath-model@1", 80, 60, "grath-model@2", False, "KL 9.1 is above 4", 0.9, 0.1, 9.1, 3.0, 0.0, 0.0)
    inputs = {"world": chain.world, "model": start}
    return commit(
        chain.root, "grath-iterate", "skill", "grath", Preferring(method="grath"), inputs, {"rounds": [kept, lost]}, {"rounds": Round}, Outcome("grath")
    )


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("preferences") / "data")


@pytest.fixture(scope="module")
def evals(chain: Chain) -> list[Artifact]:
    real, tuned = (open_artifact(name, chain.root) for name in ("sft-real", "prereq-tune"))
    surer = preferring(chain, "facttune-mc", real)
    models = [surer, preferring(chain, "facttune-fs", tuned), preferring(chain, "self-learning", surer), looping(chain, real)]
    said = results_of(chain.ground, lambda key: key[1] == "award")
    return [make_eval(chain.root, f"eval-{model.name}", chain.world, said, model, (chain.base, said)) for model in models]


@pytest.fixture(scope="module")
def outline(chain: Chain, evals: list[Artifact]) -> Outline:
    return Outline(draw([*chain.evals, *evals], chain.root))


def test_a_model_that_learned_preferences_is_called_by_method_and_start(chain: Chain, evals: list[Artifact]) -> None:
    assert [label_of(evaluation, chain.root) for evaluation in evals] == [
        "FactTune-MC on SFT",
        "FactTune-FS on PREREQ-TUNE",
        "Self-Learning on FactTune-MC",
        "GRATH on SFT",
    ]
    assert [label_of(evaluation, chain.root) for evaluation in chain.evals] == ["base, untouched", "SFT", "PREREQ-TUNE"]


def test_a_second_round_is_called_by_what_the_first_began_as(tmp_path: Path) -> None:
    chain = make_chain(tmp_path / "data")
    first = preferring(chain, "self-learning", open_artifact("sft-real", chain.root))
    second = preferring(chain, "self-learning", first)
    said = results_of(chain.ground, lambda key: key[1] == "award")
    assert label_of(make_eval(chain.root, "eval-second", chain.world, said, second, (chain.base, said)), chain.root) == "Self-Learning on SFT"


def test_each_is_said_in_a_sentence_and_the_main_model_stays_last(outline: Outline) -> None:
    methods = next(rows for caption, rows in outline.tables.items() if caption.startswith("The models compared"))
    assert list(methods)[1:3] == ["base, untouched", "SFT"]
    assert list(methods)[-1] == "PREREQ-TUNE"
    assert "From sft-real: DPO on pairs of its own biographies" in outline.text["methods"]
    assert "the form of such a pair is part of what it was fine-tuned on" in outline.text["methods"]


def test_fine_tuning_on_a_mixture_is_said_by_its_parts(tmp_path: Path) -> None:
    chain = make_chain(tmp_path / "data")
    settings = SftConfig(method="real", mix={"closed-book@1": 3, "reading@1": 1})
    reader = make_skill(chain.root, "reader", settings, chain.world, open_artifact("synth-bio", chain.root))
    said = results_of(chain.ground, lambda key: key[1] == "award")
    page = Outline(draw([*chain.evals, make_eval(chain.root, "eval-reader", chain.world, said, reader, (chain.base, said))], chain.root))
    assert "Plain fine-tuning on a mixture of rows: 3 x closed-book@1, 1 x reading@1." in page.text["methods"]


def test_the_end_of_each_run_is_in_a_table_with_its_reference(outline: Outline) -> None:
    """29 of 32 pairs are 90.6%; the first loss of a policy that is its reference is ln 2 = 0.6931."""
    ends = next(rows for caption, rows in outline.tables.items() if caption.startswith("At the end of training"))
    row = next(cells for name, cells in ends.items() if "FactTune-MC" in name and "Self" not in name)
    assert row == ["1,234", "10", "0.6931", "90.6%", "60.0%", "0.750", "0.250", "sft-real@1 (init)"]
    certificate = next(rows for caption, rows in outline.tables.items() if caption.startswith("The reference: what was proved"))
    assert all(cells[:2] == ["the reference is the policy's start", "✓ yes"] for name, cells in certificate.items() if name != "Run")
    assert STEPS in outline.text["preferences"]


def test_rounds_of_a_loop_say_what_was_rejected_and_why(outline: Outline) -> None:
    caption, rounds = next((caption, rows) for caption, rows in outline.tables.items() if caption.startswith("GRATH on SFT by round"))
    assert caption == "GRATH on SFT by round. Rejected and rolled back: round 1: KL 9.1 is above 4."
    assert rounds["1"][-1].startswith("✗ no")
    assert rounds["0"][:6] == ["sft-real@1", "sft-real@1", "80", "80", "40.0%", "71.0%"]
    assert "the form of such a pair was part of what it was fine-tuned on" in outline.text["preferences"]


def test_a_page_without_such_models_has_no_such_section(chain: Chain) -> None:
    assert "preferences" not in Outline(draw(chain.evals, chain.root)).text


def test_marks_differ_where_a_page_has_twelve_models() -> None:
    from factcli.stages.report.svg import MARKS

    filled = [MARKS[n] for n in range(1, len(MARKS))]
    assert len(set(filled)) == len(filled) >= 12


def test_a_skill_that_learned_preferences_is_evaluated_with_the_data_of_its_start(chain: Chain, evals: list[Artifact]) -> None:
    from factcli.commands.measuring import _fine_tuned

    later = open_artifact("self-learning", chain.root)
    assert _fine_tuned(later, chain.root).name == "sft-real"
    assert _fine_tuned(open_artifact("facttune-fs", chain.root), chain.root).name == "prereq-tune"
