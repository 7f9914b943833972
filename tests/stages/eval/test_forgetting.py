"""Which questions are asked of both models where scores of consistency say what is known."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.config import Config
from factcli.consistencyrows import QuestionType
from factcli.errors import InputError
from factcli.scorerows import ScoredAnswer
from factcli.stages.eval.forgetting import KnownQuestions
from tests.stages.report_chain import commit, make_world, people


def scores_of(root: Path, world: Artifact, types: dict[str, str]) -> Artifact:
    """Consistency's tables for these prompts; all were asked alike."""
    rows = {
        "question_types": [QuestionType(id_, type_, "", "train", None, 0.1, 0.9, None) for id_, type_ in types.items()],  # type: ignore[arg-type]
        "answers": [ScoredAnswer(f"{id_}.{n}", id_, f"asked {id_}", "Mira Osei", "x", "train", number=n) for id_ in types for n in (0, 1)],
    }
    tables: dict[str, type] = {"question_types": QuestionType, "answers": ScoredAnswer}
    return commit(root, "score consistency", "scores", "agree", Config(), {"world": world}, rows, tables, Outcome("scores"))


def test_the_known_questions_are_asked_as_they_were_and_graded_by_the_facts(tmp_path: Path) -> None:
    ground = people("head", "tail")
    world = make_world(tmp_path, ground)
    first, second = (question.id for question in ground.questions[:2])
    scores = scores_of(tmp_path, world, {first: "known", second: "unknown", "elsewhere.q": "known"})
    asked, rejected = KnownQuestions(scores, {"world": world}).read()
    assert [(question.id, question.question, question.answers) for question in asked] == [(first, f"asked {first}", ground.questions[0].answers)]
    assert [(line.reason, line.text) for line in rejected] == [("no accepted answer is known", "asked elsewhere.q")]


def test_scores_that_sort_no_questions_are_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path, people("head"))
    with pytest.raises(InputError, match="does not say which questions are known"):
        KnownQuestions(world, {}).read()
