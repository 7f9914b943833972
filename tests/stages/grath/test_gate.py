"""The measures between rounds, on a tiny random model with an adapter that changes it: rows, not decisions."""

import json
from pathlib import Path

import pytest

from factcli.artifact import Artifact, make, open_artifact
from factcli.errors import InputError
from factcli.preferencerows import DriftAnswer, DriftPair
from factcli.progress import PlainReport
from factcli.resolving import resolve_base
from factcli.stages.grath import gate
from tests.stages.grath.made import SCRIPT, model_directory, questions, script, skill
from tests.stages.synth.typed import empty, made  # noqa: F401 - empty is a fixture

REPORT = PlainReport(every_s=600.0)
CONFIG = gate.GateConfig(answer_tokens=5, dtype="float32")


def pairs(folder: Path, n_dev: int) -> Artifact:
    questions(folder, n_dev), script(folder)
    return open_artifact(made("synth", "pairs", "--questions", "q.jsonl", "--backend", SCRIPT, "--name", f"p{n_dev}"), folder / "data")


@pytest.fixture
def measured(empty: Path):  # noqa: F811
    base, first = resolve_base(str(model_directory(empty / "tiny")), empty / "data"), pairs(empty, 3)
    start, other = (skill(empty / "data", empty / "tiny", name, scale) for name, scale in (("start", 0.05), ("other", 0.5)))

    def measure(model: Artifact | None, start: Artifact | None, name: str, config: gate.GateConfig = CONFIG) -> Artifact:
        who = gate.Measured(base, model, start)
        plan = gate.plan(config, who, first, name)
        return make(plan, lambda draft: gate.work(plan, draft, who, REPORT), empty / "data")[0]

    return measure, start, other


def test_the_start_is_at_no_distance_from_itself_and_another_is(measured) -> None:
    measure, start, other = measured
    of_start, of_other = measure(start, start, "a"), measure(other, start, "b")
    assert gate.drift_in(of_start).kl == 0.0
    assert gate.drift_in(of_other).kl > 0.1
    answers = list(of_other.rows("answers", DriftAnswer))
    assert gate.drift_in(of_other).kl == pytest.approx(sum(answer.kl for answer in answers) / 3)
    assert [answer.text for answer in answers] != [answer.text for answer in of_start.rows("answers", DriftAnswer)]


def test_only_held_out_questions_and_pairs_are_measured(measured) -> None:
    measure, start, _ = measured
    found = measure(start, start, "a")
    assert [answer.question_id for answer in found.rows("answers", DriftAnswer)] == ["q0", "q1", "q2"]
    assert [pair.pair_id for pair in found.rows("pairs", DriftPair)] == ["q0.t0", "q1.t0", "q2.t0"]
    drift = gate.drift_in(found)
    assert (drift.n_answers, drift.n_pairs, drift.n_graded, drift.model) == (3, 3, 1, "start@1")
    assert [answer.grade_by for answer in found.rows("answers", DriftAnswer)] == ["", "choice", ""]


def test_the_base_without_an_adapter_can_be_the_start(measured) -> None:
    measure, start, _ = measured
    assert gate.drift_in(measure(None, None, "a")).kl == 0.0
    assert gate.drift_in(measure(start, None, "b")).kl > 0


def test_measured_again_it_is_the_same_to_the_byte(measured) -> None:
    measure, start, other = measured
    assert measure(other, start, "a").digest == measure(other, start, "b").digest


def test_an_answer_holds_the_tokens_that_were_said(measured) -> None:
    measure, start, _ = measured
    short = measure(start, start, "a", CONFIG.model_copy(update={"answer_tokens": 2}))
    assert all(answer.n_tokens <= 2 for answer in short.rows("answers", DriftAnswer))


def test_questions_none_of_which_is_held_out_are_refused(empty: Path) -> None:  # noqa: F811
    with pytest.raises(InputError) as raised:
        gate.held_out(pairs(empty, 0))
    assert "has no questions of split dev" in raised.value.message
    assert "eval_share" in raised.value.hint


def test_the_figures_are_in_the_manifest(measured) -> None:
    measure, start, _ = measured
    found = measure(start, start, "a")
    assert json.loads((found.path / "manifest.json").read_text())["summary"]["kl"] == 0.0
