"""An evaluation on a world goes on with the part in which it was interrupted, and is rescored from what it kept."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from factcli.artifact import Artifact, Outcome, all_artifacts, make, open_artifact
from factcli.basemodel import BaseModelRef
from factcli.commands.making import Making
from factcli.commands.short import make_rescored
from factcli.errors import SettingsError
from factcli.evalrows import GradeChange, ItemScore
from factcli.judge.metrics import Metric
from factcli.progress import PlainReport
from factcli.rows import Answer, Claim, MemorisationRow, Question
from factcli.stages.eval import on_world
from factcli.stages.eval.settings import WORLD_TABLES, WorldEvalConfig
from tests.stages.report_chain import commit
from tests.test_modes import ScriptedSubject, Talker, bare_world, synthesis


@dataclass
class Spent:
    """Answers given before the process is interrupted; None: never."""

    left: int | None
    asked: list[str]


def subject(world: Artifact, synth: Artifact | None, spent: Spent) -> ScriptedSubject:
    """Right in every second question; in biographies the year of birth and the award of everybody."""
    known = {q.question: q.answers[0] for n, q in enumerate(world.rows("questions", Question)) if q.task == "qa" and n % 2}

    def said(text: str, _adapters: tuple[str, ...]) -> str:
        if spent.left is not None:
            spent.left -= 1
            if spent.left < 0:
                raise KeyboardInterrupt
        spent.asked.append(text)
        return known.get(text, "nobody knows")

    class Interrupted(ScriptedSubject):
        def load(self, dtype: str, decode: Any = None) -> Any:  # noqa: ARG002 - as an evaluation calls it
            return Talker(said)

    return Interrupted("base", BaseModelRef("base", "base", {}), synth=synth)


def evaluated(root: Path, world: Artifact, synth: Artifact | None, spent: Spent) -> Artifact:
    who = subject(world, synth, spent)
    plan = on_world.plan(WorldEvalConfig(limit=3), who, world, None, None)
    return make(plan, lambda draft: on_world.work(plan, draft, who, PlainReport()), root)[0]


def test_only_the_part_that_was_interrupted_is_asked_again(tmp_path: Path) -> None:
    """Interrupted at the second biography: the questions, which came before, are asked once in all."""
    synth = synthesis(tmp_path, "bio")
    world = open_artifact("world", tmp_path)
    whole = Spent(None, [])
    expected = evaluated(tmp_path, world, synth, whole)
    n_questions = next(place for place, text in enumerate(whole.asked) if "biography" in text)
    (tmp_path / "eval-base").rename(tmp_path / "uninterrupted")
    first = Spent(n_questions + 1, [])
    with pytest.raises(KeyboardInterrupt):
        evaluated(tmp_path, world, synth, first)
    second = Spent(None, [])
    again = evaluated(tmp_path, world, synth, second)
    assert again.digest == expected.digest
    assert second.asked == whole.asked[n_questions:]


def doctored(root: Path, world: Artifact) -> tuple[Artifact, Artifact]:
    """An evaluation, and one that says the same with an answer and a claim judged otherwise."""
    right = evaluated(root, world, None, Spent(None, []))
    answers, claims = list(right.rows("answers", Answer)), list(right.rows("claims", Claim))
    place = next(n for n, answer in enumerate(answers) if answer.grade == "right")
    answers[place] = replace(answers[place], grade="wrong", is_strict_match=False)
    claims[0] = replace(claims[0], verdict="supported", reason="")
    kept = [MemorisationRow("qa", 1, 0.5, 0.4, 0.6, 4, 2, 0.1, 0.1, False, "in")]
    rows: dict[str, list[Any]] = {"answers": answers, "claims": claims, "memorisation": kept, "metrics": [Metric("qa.accuracy", "all", 0.0, None, None, 1, 1)]}
    outcome = Outcome("before", {"model": "base", "benchmark": "world"})
    tables = {table: WORLD_TABLES[table] for table in rows}
    return right, commit(root, "eval world", "eval", "older", WorldEvalConfig(limit=3), {"world": world}, rows, tables, outcome)


def rescored(root: Path, ref: str, file: Path | None = None, **flags: Any) -> Artifact:
    make_rescored(Making((), (), None, root, False, False, False), ref, file, flags)
    return all_artifacts(root, ("eval",))[0]


def test_rescoring_judges_answers_and_claims_anew_and_keeps_the_probes(tmp_path: Path) -> None:
    world = bare_world(tmp_path)
    right, older = doctored(tmp_path, world)
    made = rescored(tmp_path, "older")
    assert made.ref == "older@2"
    for table, row_type in {"answers": Answer, "claims": Claim, "metrics": Metric, "items": ItemScore}.items():
        assert list(made.rows(table, row_type)) == list(right.rows(table, row_type)), table
    assert list(made.rows("memorisation", MemorisationRow)) == list(older.rows("memorisation", MemorisationRow))
    changes = [(change.before, change.after) for change in made.rows("changes", GradeChange)]
    assert changes == [("wrong", "right"), ("supported", next(right.rows("claims", Claim)).verdict)]
    assert "2 grades differ from older@1" in made.manifest.headline
    assert (made.summary["rescored"], made.summary["changed"]) == ("older@1", 2)


def test_a_world_has_its_own_gold(tmp_path: Path) -> None:
    doctored(tmp_path, bare_world(tmp_path))
    with pytest.raises(SettingsError, match="--file with older@1: a world's answers are judged by its ledger"):
        rescored(tmp_path, "older", tmp_path / "gold.tsv")
