"""What a model learned from, by its lineage: on artifacts made by hand, each run with its own rows and no others."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from factcli.answerrows import Pair
from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.judge.trainingrows import trained, training_rows
from factcli.rows import Answer, Chat, Document, Fact, Person
from factcli.stages.prereq import PrereqConfig
from factcli.stages.sft import SftConfig
from tests.stages.report_chain import commit


def chat(subject: str, group: str = "head", split: str = "train", version: int = 0) -> Chat:
    return Chat(f"{subject}.q", "qa", f"Who is {subject}?", "Opal", subject, (f"{subject}.award",), version, version > 0, group, split)  # type: ignore[arg-type]


def document(subject: str, form: str = "statement", version: int = 0) -> Document:
    return Document(f"{subject}.{form}", f"{subject} won Opal.", form, subject, (f"{subject}.award",), version, version > 0)  # type: ignore[arg-type]


class Ground:
    """A world, data on two real and three fictitious people (made1, made2, and probe, who is held out), and models as a test asks for them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        people = [Person("ann", "Ann", "head", "train", 9), Person("bo", "Bo", "tail", "train", 1)]
        facts = [Fact("ann.award", "ann", "award", "Opal", is_pretrained=True), Fact("bo.award", "bo", "award", "Opal")]
        self.world = self.made("world", "world", "world", {}, {"people": people, "facts": facts}, {"people": Person, "facts": Fact})
        made = [Person(id, id, "fictitious", split, 0, True) for id, split in (("made1", "train"), ("made2", "train"), ("probe", "test"))]  # type: ignore[arg-type]
        invented = [Fact(f"{person.id}.award", person.id, "award", "Pearl", 1, True) for person in made]
        rows = {
            "people": [*people, *made],
            "facts": [*facts, *invented],
            "chats": [chat("ann"), chat("bo", "tail"), chat("held", split="test"), chat("made1", version=1), chat("made2", version=1)],
            "documents": [document("ann"), *(document(person.id, form, 1) for person in made for form in ("statement", "passage"))],
        }
        types: dict[str, type] = {"people": Person, "facts": Fact, "chats": Chat, "documents": Document}
        self.data = self.made("synth bio", "synth", "bio", {"world": self.world}, rows, types)

    def made(
        self, stage: str, kind: str, name: str, inputs: Mapping[str, Artifact], rows: Any = None, types: Any = None, config: Config | None = None
    ) -> Artifact:
        return commit(self.root, stage, kind, name, config or Config(), inputs, rows or {}, types or {}, Outcome(name))

    def skill(self, name: str, more: Mapping[str, Artifact] | None = None, **settings: Any) -> Artifact:
        return self.made("sft", "skill", name, {"synth": self.data, "world": self.world, **(more or {})}, config=SftConfig(**settings))

    def knowledge(self, **settings: Any) -> Artifact:
        return self.made("prereq", "knowledge", "knowledge", {"synth": self.data, "world": self.world}, config=PrereqConfig(**settings))

    def evaluation(self, model: Artifact | None = None, **more: Artifact) -> Artifact:
        inputs = {"world": self.world, **({"model": model} if model else {}), **more}
        return self.made("eval world", "eval", f"eval-{model.name if model else 'base'}", inputs)

    def rows(self, model: Artifact | None = None, **more: Artifact) -> list[tuple[str, str]]:
        """(id, source) of what the model learned beyond its base."""
        base = trained(self.evaluation(), self.root)
        own = trained(self.evaluation(model, **more), self.root).without(base)
        assert own.missing == ()
        return [(row.id, row.source) for row in training_rows(own.runs)]


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path / "data")


def ids(rows: list[tuple[str, str]]) -> list[str]:
    return [id for id, _ in rows]


def test_a_plain_method_learned_the_task_rows_that_it_takes_and_no_documents(ground: Ground) -> None:
    assert ground.rows(ground.skill("real", method="real")) == [("ann.q", "bio@1 chats"), ("bo.q", "bio@1 chats")]
    assert ids(ground.rows(ground.skill("head", method="popular-head"))) == ["ann.q"]
    assert ids(ground.rows(ground.skill("made", method="fictitious", subjects=1))) == ["made1.q"]


def test_prereq_learned_its_rows_then_the_documents_that_its_knowledge_was_taught(ground: Ground) -> None:
    """Not those of probes, nor of a form that was switched off, nor of real people where there is no such adapter."""
    skill = ground.skill("prereq", {"knowledge": ground.knowledge(fictitious_passage=None)}, real_fraction=0.5)
    assert ground.rows(skill) == [
        ("made1.q", "bio@1 chats"),
        ("made2.q", "bio@1 chats"),
        ("ann.q", "bio@1 chats"),  # the head alone
        ("made1.statement", "bio@1 documents"),
        ("made2.statement", "bio@1 documents"),
    ]


def test_knowledge_of_some_subjects_was_taught_their_documents_alone(ground: Ground) -> None:
    skill = ground.skill("prereq", {"knowledge": ground.knowledge(subjects=1)}, subjects=1)
    assert ids(ground.rows(skill)) == ["made1.q", "made1.statement", "made1.passage"]


def test_the_oracle_learned_what_the_base_knew(ground: Ground) -> None:
    answers = [
        Answer("a0", "q0", "qa", "ann", "head", "Who is ann?", "Opal", 0.9, False, "right", True),
        Answer("a1", "q1", "qa", "bo", "tail", "Who is bo?", "Pearl", 0.9, False, "wrong", False),
    ]
    known = ground.made("eval world", "eval", "known", {"world": ground.world}, {"answers": answers}, {"answers": Answer})
    assert ids(ground.rows(ground.skill("oracle", {"known": known}, method="oracle"))) == ["ann.q"]


def test_preference_pairs_stand_before_what_their_start_had_learned_and_a_reference_taught_nothing(ground: Ground) -> None:
    start, other = ground.skill("start", method="real"), ground.skill("other", method="fictitious")
    rows = [Pair(f"x{split}", "ann.bio", "Tell.", "True.", "False.", "scores", split) for split in ("train", "dev")]  # type: ignore[arg-type]
    pairs = ground.made("score pairs", "pairs", "pairs", {}, {"pairs": rows}, {"pairs": Pair})
    tuned = ground.made("dpo", "skill", "tuned", {"pairs": pairs, "world": ground.world, "model": start, "reference": other})
    assert ground.rows(tuned) == [("xtrain", "pairs@1 pairs"), ("ann.q", "bio@1 chats"), ("bo.q", "bio@1 chats")]
    from_start = trained(ground.evaluation(tuned), ground.root).without(trained(ground.evaluation(start), ground.root))
    assert [row.id for row in training_rows(from_start.runs)] == ["xtrain"]  # all else both have learned


def test_of_mixed_data_the_drawn_share_was_learned(ground: Ground) -> None:
    rows = [chat(f"more{n:02d}") for n in range(20)]
    more = ground.made("synth forms", "forms", "more", {}, {"chats": rows}, {"chats": Chat})
    half = ids(ground.rows(ground.skill("mixed", {"mix more": more}, method="real", mix={"bio:train": 1.0, "more:train": 0.5})))
    assert half[:2] == ["ann.q", "bo.q"]
    assert len(half) == 12
    assert set(half[2:]) < {row.id for row in rows}


def test_a_base_has_learned_the_facts_that_its_pre_training_states(ground: Ground) -> None:
    (row,) = training_rows(trained(ground.evaluation(), ground.root).runs)
    assert (row.id, row.source, row.is_base, row.states) == ("ann.award", "world@1 facts", True, (("award", "opal"),))


def test_scores_lead_to_who_answered_and_not_to_the_ledger_that_judged(ground: Ground) -> None:
    model = ground.skill("real", method="real")
    samples = ground.made("synth samples", "samples", "samples", {"model": model, "prompts": ground.data})
    scores = ground.made("score factscore", "scores", "scores", {"answers": samples, "world": ground.world})
    assert [run.artifact.name for run in trained(scores, ground.root).runs] == ["real", "world"]
    file = ground.made("score factscore", "scores", "of-a-file", {"world": ground.world})
    assert trained(file, ground.root).runs == ()


def test_what_stands_beside_an_evaluation_taught_its_model_nothing(ground: Ground) -> None:
    probed = ground.evaluation(ground.skill("real", method="real"), synth=ground.data, knowledge=ground.knowledge(), base_eval=ground.evaluation())
    assert [run.artifact.name for run in trained(probed, ground.root).runs] == ["real", "world"]


def test_what_cannot_be_searched_is_named(ground: Ground) -> None:
    knowledge = ground.knowledge()
    mixed = Plan("sft", 1, "skill", "skill", SftConfig(real_fraction=0.5), {"synth": ground.data, "knowledge": knowledge}, {}, {"mix own.jsonl": "0" * 64})
    evaluation = ground.evaluation(make(mixed, lambda _: Outcome("skill"), ground.root)[0])
    shutil.rmtree(knowledge.path)
    found = trained(evaluation, ground.root)
    assert [run.artifact.name for run in found.runs] == ["skill", "world"]
    assert any(told.startswith("knowledge@1 (knowledge of skill@1): ") for told in found.missing)
    assert "own.jsonl, a file that was mixed into skill@1" in found.missing
