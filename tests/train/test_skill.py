"""The skill stage: what goes into a batch, what is learned, and proofs that fail when they should."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import SettingsError, TrainingError
from factcli.train import chats as chat_rows
from factcli.train import session as sessions
from factcli.train import skill as skills
from factcli.train.adapters import AdapterBank
from factcli.train.batches import Tokens
from factcli.train.chats import ChatRow
from factcli.train.job import KnowledgeRef, Lora, Machine, Optim, SkillJob
from factcli.train.lengths import cut_by_length
from factcli.train.loop import Event
from factcli.train.routing import Deck, Group, Pass, Roster, Sampler, rows_of
from factcli.train.skill import SkillStage, run_skill
from tests.train.conftest import WriteRows, chats, had_run, killed_at, refs

MACHINE = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)


def ignore(_event: Event) -> None:
    return


@pytest.fixture
def rows(write_rows: WriteRows) -> str:
    """Versions 1 and 10 of 12 subjects, 7 real ones, both tasks."""
    parts = [chats(n, v, f, task) for n, v, f in ((12, 1, True), (12, 10, True), (7, 0, False)) for task in ("qa", "bio")]
    return write_rows("chats.jsonl", [row for part in parts for row in part])


@pytest.fixture
def job(base: str, rows: str, tmp_path: Path) -> SkillJob:
    """Knowledge of versions 1 and 10, whose names begin alike; dropout of the skill adapter on."""
    return SkillJob(
        base, str(tmp_path / "out"), rows, batches="multi_version", knowledge=refs(tmp_path / "know", (1, 10)), seed=3, lora=Lora(4, 8, 0.1),
        optim=Optim(lr=1e-2), machine=MACHINE, steps=8, batch_rows=6, real_fraction=0.25, bio_fraction=1 / 3,
    )  # fmt: skip


def curve(job: SkillJob) -> list[dict]:
    return [json.loads(line) for line in (Path(job.out) / "log.jsonl").read_text().splitlines()]


def weights(job: SkillJob) -> dict[str, torch.Tensor]:
    return load_file(Path(job.out) / "adapter/adapter_model.safetensors")


def row(i: int, version: int = 1, fictitious: bool = True, task: str = "qa") -> ChatRow:
    return ChatRow(f"r{i}.v{version}.{task}.{fictitious}", task, version, fictitious, " x", Tokens("r", (1, 2, 3), ((2, 3),)))


def sampler_rows() -> list[ChatRow]:
    tasks = ("qa", "bio")
    made = [row(i, v, True, task) for i in range(12) for v in (1, 2, 10) for task in tasks]
    return made + [row(i, 0, False, task) for i in range(5) for task in tasks]


def sampler(tmp_path: Path, **changes) -> Sampler:
    knowledge = refs(tmp_path, (1, 2, 10), real=changes.get("batches") == "mix")
    job = SkillJob("b", "o", "r", batches="multi_version", knowledge=knowledge, steps=1, batch_rows=6)
    return Sampler(replace(job, **changes), sampler_rows())


def knowledge_of(one: Pass) -> tuple[str, ...]:
    """Of a pass of one group."""
    (group,) = one.groups
    return group.knowledge


def test_each_micro_batch_is_one_version_with_its_own_adapter(tmp_path: Path) -> None:
    """In 6 micro-batches each of 3 versions x 2 forms comes once, and the forms alternate."""
    plan = sampler(tmp_path)
    passes = [plan.draw(i) for i in range(12)]
    assert all(len(one) == 1 for one in passes)
    for (one,) in passes:
        assert len({row.version for row in one.rows}) == 1
        assert knowledge_of(one)[0].startswith(f"fictitious_v{one.rows[0].version}_")
    names = [knowledge_of(one)[0] for (one,) in passes]
    assert len(set(names[:6])) == len(set(names[6:])) == 6
    assert [name.endswith("statement") for name in names] == [True, False] * 6


def test_all_versions_at_once_are_equally_many_rows_each_with_its_own_adapter(tmp_path: Path) -> None:
    """7 rows over 3 versions: 2, 2 and 3 of each in turn, 21 rows of each in 9 micro-batches; a third of them are biographies."""
    plan = sampler(tmp_path, version_sampling="all", batch_rows=7, bio_fraction=1 / 3)
    passes = [plan.draw(i) for i in range(9)]
    assert [[len(group.rows) for group in one.groups] for (one,) in passes] == [[2] * 3, [2] * 3, [3] * 3] * 3
    for i, (one,) in enumerate(passes):
        for group in one.groups:
            assert group.knowledge == (f"fictitious_v{group.rows[0].version}_{('statement', 'passage')[i % 2]}",)
            assert len({row.version for row in group.rows}) == 1
    dealt = [row for (one,) in passes for row in one.rows]
    assert [sum(row.version == v for row in dealt) for v in (1, 2, 10)] == [21] * 3
    assert sum(row.task == "bio" for row in dealt) == 21


def test_all_versions_at_once_leave_the_real_rows_as_they_are(tmp_path: Path) -> None:
    """A quarter of 8 micro-batches; in mix 10 of 82 rows, of 12 that is 1 or 2, and the others are of 3 versions."""
    plan = sampler(tmp_path / "a", version_sampling="all", real_fraction=0.25)
    passes = [plan.draw(i)[0] for i in range(8)]
    assert [i for i, one in enumerate(passes) if not one.groups[0].knowledge] == [3, 7]
    known, real, alone = sampler(tmp_path / "b", version_sampling="all", batches="mix", batch_rows=12).draw(0)
    assert [len(group.rows) for group in known.groups] == [3] * 3  # 11 rows: 9 now, later 12
    assert len(real.rows) == len(alone.rows) == 1


def test_no_knowledge_is_plugged_in_for_any_version_where_it_is_absent(tmp_path: Path) -> None:
    drawn = {control: sampler(tmp_path / control, version_sampling="all", control=control).draw(0)[0] for control in ("none", "absent")}
    assert drawn["absent"].rows == drawn["none"].rows
    assert [group.knowledge for group in drawn["absent"].groups] == [()]


def test_fewer_rows_than_versions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="batch_rows is 2, fewer than the 3 versions"):
        sampler(tmp_path / "a", version_sampling="all", batch_rows=2)
    with pytest.raises(SettingsError, match="has 2 fictitious rows, for 3 versions"):
        sampler(tmp_path / "b", version_sampling="all", batches="mix", batch_rows=3)


def test_a_share_of_micro_batches_is_real_with_the_knowledge_off(tmp_path: Path) -> None:
    """A quarter of 24 is 6, evenly spread; the other 18 still hold each version and form equally often."""
    plan = sampler(tmp_path, real_fraction=0.25)
    passes = [plan.draw(i)[0] for i in range(24)]
    real = [i for i, one in enumerate(passes) if not knowledge_of(one)]
    assert real == [3, 7, 11, 15, 19, 23]
    assert all(not row.fictitious for i in real for row in passes[i].rows)
    names = [knowledge_of(one)[0] for one in passes if knowledge_of(one)]
    assert sorted(names.count(name) for name in set(names)) == [3] * 6


def test_the_share_of_biographies_is_fixed(tmp_path: Path) -> None:
    plan = sampler(tmp_path, bio_fraction=1 / 3)
    assert all(sum(row.task == "bio" for row in plan.draw(i)[0].rows) == 2 for i in range(6))


def test_a_deck_deals_every_row_once_before_any_twice() -> None:
    deck = Deck([row(i) for i in range(10)], 0, "v1")
    dealt = [one.id for _ in range(5) for one in deck.take(4)]
    assert len(set(dealt[:10])) == len(set(dealt[10:])) == 10
    other = Deck([row(i) for i in range(10)], 0, "v1")
    other.position = 12
    assert [one.id for one in other.take(8)] == dealt[12:]


def test_the_mix_has_real_rows_twice(tmp_path: Path) -> None:
    """72 fictitious rows in 3 versions and 10 real ones: 10/82 of each batch of 6 is real, 0.73 rows on average."""
    plan = sampler(tmp_path, batches="mix", real_weight=0.5)
    drawn = [plan.draw(i) for i in range(41)]
    n_real = sum(len(one.rows) for passes in drawn for one in passes if one.term == "real_alone")
    assert n_real == int(41 * 6 * 10 / 82)  # = 30
    both = next(passes for passes in drawn if len(passes) == 3)
    fictitious, real, alone = both
    assert real.rows == alone.rows
    assert (fictitious.term, real.term, alone.term, alone.weight) == ("main", "main", "real_alone", 0.5)
    assert knowledge_of(fictitious)[0].split("_")[-1] == knowledge_of(real)[0].split("_")[-1]
    assert knowledge_of(alone) == ()


def test_strengths_of_one_version_are_all_drawn() -> None:
    """PopQA: three adapters of one split, trained for 10, 12 and 14 epochs."""
    strengths = tuple(KnowledgeRef(f"fictitious_passage_e{e}", "d", 1, True, "passage") for e in (10, 12, 14))
    roster = Roster(strengths, alternate_forms=True, seed=0)
    drawn = [roster.choose(("passage",), 1, True, i) for i in range(60)]
    assert {drawn.count(ref.name) > 9 for ref in strengths} == {True}
    assert drawn == [roster.choose(("passage",), 1, True, i) for i in range(60)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"versions": (1, 2)}, "no fictitious knowledge adapter of version 10"),
        ({"versions": (1, 2, 10, 11)}, "no task rows of version 11"),
        ({"batches": "mix"}, "no real knowledge adapter"),
    ],
)
def test_rows_and_adapters_that_do_not_meet_are_refused_before_training(changes: dict, said: str, tmp_path: Path) -> None:
    knowledge = refs(tmp_path, changes.pop("versions", (1, 2, 10)))
    with pytest.raises(SettingsError, match=said):
        Sampler(SkillJob("b", "o", "r", knowledge=knowledge, steps=1, **{"batches": "multi_version", **changes}), sampler_rows())


def test_a_small_batch_of_mix_may_have_no_fictitious_row_where_versions_take_turns(tmp_path: Path) -> None:
    """6 fictitious and 10 real rows, one in a batch: 5 of 8 batches have a real one, which passes with its knowledge and alone."""
    rows = [*(row(i) for i in range(6)), *(row(i, 0, False) for i in range(6, 16))]
    job = SkillJob("b", "o", "r", knowledge=refs(tmp_path, (1,), real=True), steps=1, batches="mix", batch_rows=1)
    sampler = Sampler(job, rows)
    assert sum(len(sampler.draw(index)) == 2 for index in range(8)) == 5
    with pytest.raises(SettingsError, match="a micro-batch has 0 fictitious rows, for 1 versions"):
        Sampler(replace(job, version_sampling="all"), rows)


def test_a_missing_task_is_refused(tmp_path: Path) -> None:
    job = SkillJob("b", "o", "r", steps=1, bio_fraction=0.5)
    with pytest.raises(SettingsError, match="no bio rows"):
        Sampler(job, [row(i) for i in range(3)])


@pytest.mark.parametrize(("lengths", "sizes"), [([10] * 40 + [60] * 20, [40, 20]), ([10] * 40 + [11] * 20, [60]), ([5], [1]), ([], [])])
def test_batches_are_cut_where_padding_costs_more_than_a_pass(lengths: list[int], sizes: list[int]) -> None:
    """40 x (60 - 10) = 2000 tokens of padding saved; 40 x 1 = 40 are not worth a pass."""
    assert cut_by_length(lengths) == sizes


def test_the_skill_adapter_learns_and_alone_is_saved(job: SkillJob) -> None:
    before = {ref.name: load_file(Path(ref.directory) / "adapter_model.safetensors") for ref in job.knowledge}
    result = run_skill(replace(job, steps=60), ignore)
    rows = curve(job)
    assert sum(r["loss"] for r in rows[-8:]) < 0.7 * sum(r["loss"] for r in rows[:8])
    assert {"step", "loss", "lr", "grad_norm", "tokens"} <= set(rows[0])
    assert sorted(path.name for path in Path(job.out).iterdir()) == ["adapter", "log.jsonl", "proofs.jsonl", "result.json"]
    for ref in job.knowledge:
        after = load_file(Path(ref.directory) / "adapter_model.safetensors")
        assert all(torch.equal(after[key], tensor) for key, tensor in before[ref.name].items())
    assert all(proof["holds"] for proof in result["proofs"])
    routed = result["proofs"][2]["numbers"]
    assert set(routed) == {"none <- real"} | {f"fictitious_v{v}_{form} <- fictitious version {v}" for v in (1, 10) for form in ("statement", "passage")}
    assert routed["none <- real"] == 15 * 6  # a quarter of 60 steps of 6 rows


@pytest.mark.parametrize("batches", ["plain", "mix"])
def test_the_other_modes_train_too(batches: str, job: SkillJob, tmp_path: Path) -> None:
    knowledge = refs(tmp_path / "more", (1, 10), real=True) if batches == "mix" else ()
    job = replace(job, batches=batches, knowledge=knowledge, real_fraction=None, steps=30)
    result = run_skill(job, ignore)
    rows = curve(job)
    assert sum(r["loss"] for r in rows[-5:]) < sum(r["loss"] for r in rows[:5])
    assert set(result["proofs"][0]["numbers"]) == {"base", *(ref.name for ref in knowledge)}


def test_the_mix_loss_is_the_papers(job: SkillJob, tmp_path: Path) -> None:
    """First step, B = 0: L = CE(F with k_fict and R with k_real pooled) + 0.5 CE(R alone), by separate passes."""
    job = replace(job, batches="mix", knowledge=refs(tmp_path / "more", (1, 10), real=True), real_fraction=None, real_weight=0.5)
    job = replace(job, steps=1, batch_rows=24, bio_fraction=None)
    run_skill(job, ignore)
    session = skills.open_session(replace(job, out=str(tmp_path / "again")))
    encoded = chat_rows.encode_chats(skills.read_rows(job.rows, {}), session.tokenizer, job.max_length, "refuse")
    skills.plug_in(job, session)
    fictitious, real, alone = Sampler(job, encoded.rows).draw(0)
    sums = {}
    for key, one in (("f", fictitious), ("r", real), ("alone", alone)):
        total, count = 0.0, 0
        for each in one.rows:
            ids = torch.tensor([each.tokens.ids])
            ((start, end),) = each.tokens.learned
            with session.bank.active(knowledge_of(one)), torch.no_grad():
                logp = session.model(input_ids=ids).logits.log_softmax(-1)
            total -= float(sum(logp[0, t - 1, ids[0, t]] for t in range(start, end)))
            count += end - start
        sums[key] = (total, count)
    pooled = (sums["f"][0] + sums["r"][0]) / (sums["f"][1] + sums["r"][1])
    assert curve(job)[0]["loss"] == pytest.approx(pooled + 0.5 * sums["alone"][0] / sums["alone"][1], rel=1e-4)


def test_micro_batches_are_averaged(job: SkillJob) -> None:
    """One step of 2 micro-batches has the mean of their losses."""
    job = replace(job, micro_batches=2, steps=1, real_fraction=None)
    run_skill(job, ignore)
    (step,) = curve(job)
    assert step["loss"] == pytest.approx(sum(step["by_knowledge"].values()) / 2)
    assert len(step["by_knowledge"]) == 2


def test_the_log_has_the_mean_of_all_rows_of_a_step_with_one_knowledge(job: SkillJob) -> None:
    """Of both micro-batches, by tokens; weights do not change between them."""
    job = replace(job, micro_batches=2, steps=1, real_fraction=None, version_sampling="all")
    job = replace(job, knowledge=tuple(ref for ref in job.knowledge if ref.form == "statement"))
    session = skills.open_session(job)
    encoded = chat_rows.encode_chats(skills.read_rows(job.rows, {}), session.tokenizer, job.max_length, "refuse")
    learned, _ = skills.plug_in(job, session)
    stage = SkillStage(job, session, Sampler(job, encoded.rows), skills.Proofs(job, session.bank, session.tokenizer, learned))
    parts = [part for micro in range(2) for part in stage._micro_batch(stage.sampler.draw(micro), 0, micro)]
    run_skill(job, ignore)
    (step,) = curve(job)
    for name in {part[0] for part in parts}:
        sums = [(nats, n) for key, nats, n, _ in parts if key == name]
        assert len(sums) == 2
        assert step["by_knowledge"][name] == pytest.approx(sum(nats for nats, _ in sums) / sum(n for _, n in sums), rel=1e-5)


def test_two_equal_micro_batches_have_the_gradient_of_one(job: SkillJob, tmp_path: Path, write_rows: WriteRows) -> None:
    """All six rows are dealt to each micro-batch, so their mean loss and its gradient are those of one."""
    job = replace(job, rows=write_rows("six.jsonl", chats(6, 0, False)), batches="plain", knowledge=(), real_fraction=None, bio_fraction=None)
    job = replace(job, steps=1, lora=replace(job.lora, dropout=0.0))
    run_skill(job, ignore)
    twice = replace(job, micro_batches=2, out=str(tmp_path / "twice"))
    run_skill(twice, ignore)
    (one,), (two,) = curve(job), curve(twice)
    assert two["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-5)
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6)


def test_fewer_rows_per_forward_pass_learn_the_same(job: SkillJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums are the same in another order, so in float64 nothing is left to see after eight steps."""
    in_float64(monkeypatch)
    job = replace(job, lora=replace(job.lora, dropout=0.0))
    small = replace(job, out=str(tmp_path / "small"), machine=replace(MACHINE, micro_rows=2))
    sizes: list[int] = []
    piece = SkillStage._piece
    monkeypatch.setattr(SkillStage, "_piece", lambda self, one, *rest: sizes.append(len(rows_of(one))) or piece(self, one, *rest))
    run_skill(job, ignore)
    n_before = len(sizes)
    run_skill(small, ignore)
    assert max(sizes[:n_before]) > 2 == max(sizes[n_before:])
    assert all(float((tensor - weights(small)[name]).abs().max()) < 1e-6 for name, tensor in weights(job).items())
    assert [step["loss"] for step in curve(small)] == pytest.approx([step["loss"] for step in curve(job)], rel=1e-6)
    assert [step["tokens"] for step in curve(small)] == [step["tokens"] for step in curve(job)]  # padding is not counted


def in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments: load(*arguments).double())


def gradient_of(job: SkillJob) -> tuple[float, torch.Tensor]:
    """Loss and gradient of a first step from a random skill adapter: of a new one, whose B is zero, A would have none."""
    session = skills.open_session(job)
    encoded = chat_rows.encode_chats(skills.read_rows(job.rows, {}), session.tokenizer, job.max_length, "refuse")
    learned, _ = skills.plug_in(job, session)
    vector = learned.parameters["skill"]
    vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64) * 0.1
    stage = SkillStage(job, session, Sampler(job, encoded.rows), skills.Proofs(job, session.bank, session.tokenizer, learned))
    parts = stage._micro_batch(stage.sampler.draw(0), 0, 0)
    assert vector.grad is not None
    return sum(weighted for *_, weighted in parts), vector.grad.clone()


@pytest.mark.parametrize("micro_rows", [0, 1, 5])
@pytest.mark.parametrize("batches", ["multi_version", "mix"])
def test_a_batch_of_all_versions_has_the_loss_and_gradient_of_a_pass_for_each(
    batches: str, micro_rows: int, job: SkillJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same rows in one pass for each version, pooled into one mean over their tokens. Pieces of unequal groups too."""
    in_float64(monkeypatch)
    job = replace(job, version_sampling="all", batches=batches, real_fraction=None, lora=replace(job.lora, dropout=0.0), batch_rows=24)
    job = replace(job, knowledge=refs(tmp_path / "more", (1, 10), real=batches == "mix"), machine=replace(MACHINE, micro_rows=micro_rows))
    loss, gradient = gradient_of(job)
    draw = Sampler.draw
    monkeypatch.setattr(Sampler, "draw", lambda self, i: [replace(one, groups=(group,)) for one in draw(self, i) for group in one.groups])
    each, of_each = gradient_of(job)
    assert loss == pytest.approx(each, rel=1e-12)
    assert float((gradient - of_each).abs().max()) < 1e-12 < 1e-3 < float(gradient.abs().max())


def test_a_step_of_all_versions_is_the_mean_of_theirs_where_answers_are_equally_long(
    job: SkillJob, tmp_path: Path, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions of six rows each, all in one batch, against the gradient of each version's batch of six alone."""
    in_float64(monkeypatch)
    rows = {v: [row | {"answer": ("Lima", "Oslo")[v == 10]} for row in chats(6, v, True)] for v in (1, 10)}
    shape = {"real_fraction": None, "bio_fraction": None, "lora": replace(job.lora, dropout=0.0)}
    together = gradient_of(replace(job, rows=write_rows("both.jsonl", [*rows[1], *rows[10]]), version_sampling="all", batch_rows=12, **shape))
    alone = []
    for v in (1, 10):
        own = tuple(ref for ref in job.knowledge if ref.version == v)
        alone.append(gradient_of(replace(job, rows=write_rows(f"v{v}.jsonl", rows[v]), knowledge=own, batch_rows=6, **shape)))
    assert together[0] == pytest.approx((alone[0][0] + alone[1][0]) / 2, rel=1e-12)
    assert float((together[1] - (alone[0][1] + alone[1][1]) / 2).abs().max()) < 1e-12


def test_all_versions_at_once_are_learned_and_each_row_is_proven_to_meet_its_own(job: SkillJob) -> None:
    """60 steps, a quarter of them real: 45 x 6 fictitious rows over two versions, the forms in turn (23 and 22 steps of 3 rows)."""
    result = run_skill(replace(job, version_sampling="all", steps=60), ignore)
    rows = curve(job)
    assert sum(r["loss"] for r in rows[-8:]) < 0.7 * sum(r["loss"] for r in rows[:8])
    routed = {"none <- real": 90}
    routed |= {f"fictitious_v{v}_{form} <- fictitious version {v}": n for v in (1, 10) for form, n in (("statement", 69), ("passage", 66))}
    assert result["proofs"][2]["numbers"] == routed
    assert set(rows[0]["by_knowledge"]) == {"fictitious_v1_statement:main", "fictitious_v10_statement:main"}


def test_epochs_count_each_subject_once_in_one_version(job: SkillJob, tmp_path: Path) -> None:
    """24 rows per version, three quarters of the batches: 32 rows an epoch, 2 epochs in batches of 6: 11 steps."""
    result = run_skill(replace(job, steps=None, epochs=2), ignore)
    assert result["steps"] == 11
    plain = replace(job, batches="plain", knowledge=(), real_fraction=None, steps=None, epochs=1, out=str(tmp_path / "plain"))
    assert run_skill(plain, ignore)["steps"] == 11  # 62 rows / 6


@pytest.mark.parametrize(("kill_at", "versions"), [(2, "one"), (5, "one"), (5, "all")])
def test_a_killed_and_resumed_run_is_bit_identical(kill_at: int, versions: Any, job: SkillJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = replace(job, version_sampling=versions, batch_rows=7)
    run_skill(job, ignore)
    again = replace(job, out=str(tmp_path / "killed"), machine=replace(MACHINE, checkpoint_every_s=0.0))
    killed_at(kill_at, SkillStage, lambda: run_skill(again, ignore), monkeypatch)
    had_run(tmp_path / "killed", 1000.0)
    result = run_skill(again, ignore)
    assert result["usage"]["seconds"] > 1000.0
    assert all(torch.equal(tensor, weights(again)[name]) for name, tensor in weights(job).items())
    for table in ("log.jsonl", "proofs.jsonl"):
        assert (Path(job.out) / table).read_text() == (Path(again.out) / table).read_text()


# -- planted violations: each proof ends the run


def test_rows_trained_with_v10_in_place_of_v1_end_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defect of the original: adapters found by a part of their names."""

    def by_substring(roster: Roster, forms, version: int, fictitious: bool, index: int) -> str:
        return [ref.name for ref in roster.refs if f"v{version}" in ref.name and ref.form in forms][-1]

    monkeypatch.setattr(Roster, "choose", by_substring)
    with pytest.raises(TrainingError, match=r"fictitious version 1\) is trained with adapter 'fictitious_v10_"):
        run_skill(job, ignore)
    assert not (Path(job.out) / "adapter").exists()


def test_a_fictitious_row_without_its_knowledge_ends_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = Sampler.draw
    monkeypatch.setattr(Sampler, "draw", lambda self, index: [Pass((Group(one.rows, ()),)) for one in draw(self, index)])
    with pytest.raises(TrainingError, match="without its knowledge adapter"):
        run_skill(job, ignore)


def test_an_unfrozen_knowledge_adapter_ends_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AdapterBank, "freeze", lambda *_arguments: None)
    with pytest.raises(TrainingError, match=r"knowledge adapter 'fictitious_v.*' received a gradient"):
        run_skill(job, ignore)


def test_an_unfrozen_base_ends_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in = skills.plug_in

    def unfreeze(job: SkillJob, session):
        learned = plug_in(job, session)
        session.model.get_input_embeddings().weight.requires_grad_(True)
        return learned

    monkeypatch.setattr(skills, "plug_in", unfreeze)
    with pytest.raises(TrainingError, match=r"base parameter '.*embed.*' received a gradient"):
        run_skill(job, ignore)


@pytest.mark.parametrize("which", ["knowledge", "base"])
def test_a_changed_frozen_tensor_ends_the_run(which: str, job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed behind autograd's back, by one unit in the last place of one number."""
    advance = SkillStage.advance

    def meddling(stage: SkillStage, step: int):
        bank = stage.session.bank
        tensor = bank.get("fictitious_v1_passage").vector if which == "knowledge" else next(bank.model.parameters())
        with torch.no_grad():
            flat = tensor.view(-1)
            flat[5] = torch.nextafter(flat[5], torch.tensor(9.0))
        return advance(stage, step)

    monkeypatch.setattr(SkillStage, "advance", meddling)
    with pytest.raises(TrainingError, match=f"changed during training: {'fictitious_v1_passage' if which == 'knowledge' else 'base'}"):
        run_skill(job, ignore)
    assert not (Path(job.out) / "adapter").exists()


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_mask_off_by_one_ends_the_run(shift: int, job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    encode_chat = chat_rows.encode_chat

    def off_by_one(*arguments) -> ChatRow:
        right = encode_chat(*arguments)
        ((start, end),) = right.tokens.learned
        return replace(right, tokens=replace(right.tokens, learned=((start + shift, end),)))

    monkeypatch.setattr(chat_rows, "encode_chat", off_by_one)
    with pytest.raises(TrainingError, match="the learned tokens read"):
        run_skill(job, ignore)


def test_a_skill_adapter_without_gradient_ends_the_run(job: SkillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in = skills.plug_in

    def frozen(job: SkillJob, session):
        learned = plug_in(job, session)
        with torch.no_grad():
            session.bank.get("skill").vector.zero_()  # A and B both zero: no gradient can flow
        return learned

    monkeypatch.setattr(skills, "plug_in", frozen)
    with pytest.raises(TrainingError, match=r"norm 0\.0, need a positive"):
        run_skill(job, ignore)
