"""Jobs: round trip, and settings that cannot be meant."""

import json
from pathlib import Path

import pytest

from factcli.errors import FactError, InputError, SettingsError
from factcli.train.job import AdapterPlan, KnowledgeJob, KnowledgeRef, Lora, Machine, Optim, PretrainJob, SkillJob, fingerprint, load, parse, save

PLAN = AdapterPlan("fictitious_v1_statement", "rows.jsonl", {"version": 1, "form": ("statement", "passage")}, epochs=3)
REF = KnowledgeRef("fictitious_v1_statement", "adapters/fictitious_v1_statement", 1, True, "statement")
JOBS = (
    KnowledgeJob("base", "out", (PLAN,), lora=Lora(8, 16, 0.0, ("q_proj",)), recite_target=0.97),
    SkillJob("base", "out", "rows.jsonl", batches="multi_version", knowledge=(REF,), steps=3, real_fraction=0.25),
    PretrainJob("out", "world.json", seed=3),
)


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.kind)
def test_a_job_comes_back_as_it_was(job: KnowledgeJob | SkillJob | PretrainJob, tmp_path: Path) -> None:
    assert load(save(job, tmp_path / "job.json")) == job


def changed(**changes: object) -> dict:
    path: dict = {"kind": "skill", "base": "b", "out": "o", "rows": "r", "steps": 3}
    return path | changes


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (changed(sed=3), "unknown field 'sed'; did you mean 'seed'"),
        (changed(lora={"rr": 3}), "unknown field 'lora.rr'"),
        (changed(optim={"rl": 3}), "unknown field 'optim.rl'; did you mean 'lr'"),
        (changed(kind="skil"), "kind is 'skil'"),
        (changed(batch_rows="many"), "batch_rows: .* 'many'"),
        (changed(lora={"r": -1}), "lora r is -1"),
        (changed(lora={"dropout": 1.0}), "dropout is 1.0"),
        (changed(optim={"lr": 0}), "lr is 0"),
        (changed(machine={"threads": -1}), "threads is -1"),
        (changed(machine={"micro_rows": -1}), "micro_rows is -1"),
        (changed(knowledge_dropout=1.0), "knowledge_dropout is 1.0"),
        ({"kind": "knowledge", "base": "b", "out": "o", "adapters": [{"name": "a", "rows": "r", "epochs": 1, "lr": -1}]}, "a: lr is -1"),
        ({"kind": "knowledge", "base": "b", "out": "o", "adapters": []}, "at least one adapter"),
        (changed(epochs=2), "epochs or steps"),
        (changed(steps=0), "is 0, need more than 0"),
        (changed(bio_fraction=1.5), "bio_fraction is 1.5"),
        (changed(batches="multi_version"), "with 0 knowledge adapters"),
        (changed(real_fraction=0.2), "real_fraction has no meaning with batches=plain"),
        (changed(real_weight=0.2), "real_weight has no meaning with batches=plain"),
        ([], "kind is None"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused_by_name(content: object, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse(content, "job.json")


def test_real_fraction_and_real_weight_exclude_each_other() -> None:
    for batches in ("multi_version", "mix"):
        with pytest.raises(SettingsError, match="both set") as caught:
            SkillJob("b", "o", "r", batches=batches, knowledge=(REF,), steps=1, real_fraction=0.25, real_weight=0.5)
        assert "multi_version" in caught.value.hint


def test_a_name_that_says_another_version_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"given version 1, its name says 10"):
        KnowledgeRef("fictitious_v10_statement", "d", 1, True, "statement")


def test_adapter_names_must_differ() -> None:
    with pytest.raises(SettingsError, match="names repeat"):
        KnowledgeJob("b", "o", (PLAN, PLAN))


def test_a_damaged_job_file_is_refused(tmp_path: Path) -> None:
    path = save(JOBS[0], tmp_path / "job.json")
    path.write_text(path.read_text()[:-20])
    with pytest.raises(InputError, match="cannot read job file"):
        load(path)
    with pytest.raises(FactError):
        load(tmp_path / "none.json")


def test_the_fingerprint_leaves_out_where_and_how_often() -> None:
    plain = JOBS[0]
    moved = json.loads(json.dumps({"out": "elsewhere", "machine": {"checkpoint_every_s": 1.0}}))
    other = KnowledgeJob("base", moved["out"], (PLAN,), lora=plain.lora, recite_target=0.97, machine=Machine(**moved["machine"]))
    assert fingerprint(other) == fingerprint(plain)
    assert fingerprint(KnowledgeJob("base", "out", (PLAN,), optim=Optim(lr=1.0))) != fingerprint(plain)
