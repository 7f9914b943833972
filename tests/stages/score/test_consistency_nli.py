"""`fact score consistency` with an entailment model in this process: a tiny one that has learned what "not" does."""

import json
from pathlib import Path

import pytest
import torch

from tests.judge.checkpoints import saved_classifier, saved_opinion
from tests.stages.score.test_consistency import by_id, wiki_of
from tests.stages.synth.typed import empty, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture


@pytest.fixture(scope="module")
def nli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return saved_opinion(tmp_path_factory.mktemp("nli"))


def test_an_entailment_model_of_a_directory_compares(empty: Path, nli: Path) -> None:  # noqa: F811
    """It has learned that what has "not" in it does not follow: S is near 0 for the first question and near 1 for the second, whose
    reference says not. Its weights stand in the key.
    """
    wiki_of(empty / "data", ("a.q", "mira is red", [], ["mira is red", "lee is red"], "train"), ("b.q", "mira is not red", [], ["lee is blue"], "train"))
    version = made("score", "consistency", "--entailer", f"nli:{nli}", "--methods", "selfcheck", "--tau-k", 0.5)
    assert by_id(version, "question_types") == {"a.q": "known", "b.q": "unknown"}
    s = by_id(version, "question_types", "s_without_document")
    assert s["a.q"] < 0.2 < 0.8 < s["b.q"]
    assert manifest(version)["model"]["entailer"]["classes"] == "contradiction entailment"
    assert rows(version, "comparisons")[0]["neutral"] == 0.0
    described = json.loads(typed("score", "consistency", "--entailer", f"nli:{nli}", "--methods", "selfcheck", "--tau-k", 0.4, "--dry-run", "--json").out)
    assert described["cost"]["time"].startswith("estimated: at the ")


def test_what_does_not_fit_the_entailment_model_is_unscored_and_costs_no_other(empty: Path, nli: Path) -> None:  # noqa: F811
    """The model has 48 places. With the sentence as premise the whole sample is the hypothesis, which is never cut."""
    long = " ".join(["mira is red"] * 30)
    wiki_of(empty / "data", ("a.q", "mira is red", [], ["mira is red", long, "lee is red"], "train"))
    version = made("score", "consistency", "--entailer", f"nli:{nli}", "--set", "premise=sentence")
    scores = {row["id"]: (row["value"], row["reason"]) for row in rows(version, "scores")}
    assert scores["a.q.s1.selfcheck"] == (None, "too long for the entailment model")
    assert scores["a.q.s1.semantic_share"] == (None, "too long for the entailment model")
    assert scores["a.q.s0.selfcheck"][0] > 0.8
    assert scores["a.q.s2.semantic_share"][0] is not None
    assert next(row["n_unscored"] for row in rows(version, "scores") if row["id"] == "a.q.selfcheck") == 1


def test_classes_without_names_are_named_by_a_setting(empty: Path, tmp_path: Path) -> None:  # noqa: F811
    saved_classifier(tmp_path / "unnamed", ["LABEL_0", "LABEL_1"])
    wiki_of(empty / "data", ("a.q", "mira is red", [], ["mira is red", "lee is red"], "train"))
    command = ("score", "consistency", "--entailer", f"nli:{tmp_path / 'unnamed'}")
    told(typed(*command), 3, "that does not say which is entailment")
    version = made(*command, "--set", "entailer.classes={entailment: 1, contradiction: 0}")
    assert manifest(version)["model"]["entailer"]["classes"] == "contradiction entailment"
