"""Several processes leave what one does: the same global batch, sums in another order.

Dropout is off where results are compared: its masks are drawn for the rows of a process, so another split draws others.
"""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from factcli.errors import FactError, TrainingError
from factcli.train import job as jobs
from factcli.train import session as sessions
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim, SkillJob
from factcli.train.knowledge import run_knowledge
from factcli.train.launch import Trainer
from factcli.train.launching import LaunchConfig
from factcli.train.objectives import Scorer
from factcli.train.skill import run_skill
from tests.train.conftest import WriteRows, chats, documents, refs
from tests.train.processes import STARVED, STRUCK, doubled, environment, free_port, in_two_forks, in_two_processes, torchrun

MACHINE = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)
SAME = 1e-6  # of weights of size 0.2: in float64 only the order of sums differs
NO_DROPOUT = Lora(4, 8, 0.0)
IN_PARTS = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
OPTIM = Optim(lr=1e-2, warmup_share=0.0)


def quiet(_event: dict[str, object]) -> None:
    """An event that no test asks about."""


@pytest.fixture
def knowledge(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    """Two adapters of 9 and 5 rows in batches of 4: the last batch of each has one row, so that the second process has none."""
    plans = tuple(
        AdapterPlan(f"fictitious_v{version}_statement", write_rows(f"v{version}.jsonl", documents(n, version)), epochs=3) for version, n in ((1, 9), (2, 5))
    )
    return KnowledgeJob(base, str(tmp_path / "knowledge"), plans, 5, NO_DROPOUT, OPTIM, MACHINE, batch_rows=4, max_length=48)


@pytest.fixture
def skill(base: str, write_rows: WriteRows, tmp_path: Path) -> SkillJob:
    """No knowledge: answers of two lengths, seven rows a step."""
    rows = [*chats(9, 1, True), *chats(6, 1, True, "bio")]
    shape: dict[str, Any] = {"batches": "plain", "seed": 5, "lora": NO_DROPOUT, "optim": OPTIM, "machine": MACHINE, "steps": 4, "batch_rows": 7}
    return SkillJob(base, str(tmp_path / "skill"), write_rows("chats.jsonl", rows), **shape)


@pytest.fixture
def in_float64(monkeypatch: pytest.MonkeyPatch) -> None:
    load = sessions.load_model
    monkeypatch.setattr(sessions, "load_model", lambda *arguments, **options: load(*arguments, **options).double())


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    """Every saved adapter, by file and tensor."""
    found = sorted(folder.rglob("adapter_model.safetensors"))
    assert found
    return {f"{path.parent.name}/{key}": tensor for path in found for key, tensor in load_file(path).items()}


def apart(one: Path, other: Path) -> float:
    """The largest difference between any two weights of the same place."""
    ours, theirs = weights_in(one), weights_in(other)
    assert list(ours) == list(theirs)
    assert max(float(tensor.abs().max()) for tensor in ours.values()) > 0.1
    return max(float((tensor - theirs[key]).abs().max()) for key, tensor in ours.items())


def log_of(folder: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]


def split(job: Any, tmp_path: Path, **environment: str) -> Path:
    """The folder that the same job leaves in two processes."""
    path = jobs.save(replace(job, out=str(tmp_path / "two")), tmp_path / "two.json")
    ended = in_two_processes(doubled(tmp_path), str(path), **environment)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return tmp_path / "two"


@pytest.mark.parametrize("in_parts", [{}, {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}])
def test_two_forks_teach_what_one_process_does(in_parts: dict[str, str], knowledge: KnowledgeJob, in_float64: None, tmp_path: Path) -> None:
    """With the base whole on each, and in parts: five rows are batches of 4 and 1, so that the second process has none of the last."""
    job = replace(knowledge, adapters=(replace(knowledge.adapters[1], epochs=2),))
    run_knowledge(job, quiet)
    two = replace(job, out=str(tmp_path / "two"))
    assert in_two_forks(lambda: run_knowledge(two, quiet), **in_parts) == [0, 0]
    assert apart(Path(job.out), Path(two.out)) < SAME


@pytest.mark.parametrize("in_parts", [{}, IN_PARTS])
def test_two_forks_learn_from_all_versions_at_once_what_one_process_does(
    in_parts: dict[str, str], base: str, write_rows: WriteRows, in_float64: None, tmp_path: Path
) -> None:
    """Seven rows over two versions, 3 or 4 of each: the first process has 2 of each, the second 1 or 2; answers of two lengths."""
    rows = [row for v in (1, 2) for row in [*chats(9, v, True), *chats(6, v, True, "bio")]]
    shape: dict[str, Any] = {"seed": 5, "lora": NO_DROPOUT, "optim": OPTIM, "machine": MACHINE, "steps": 4, "batch_rows": 7}
    knowledge = refs(tmp_path / "know", (1, 2), ("statement",))
    job = SkillJob(base, str(tmp_path / "one"), write_rows("chats.jsonl", rows), batches="multi_version", knowledge=knowledge, version_sampling="all", **shape)
    run_skill(job, quiet)
    two = replace(job, out=str(tmp_path / "two"))
    assert in_two_forks(lambda: run_skill(two, quiet), **in_parts) == [0, 0]
    assert apart(Path(job.out), Path(two.out)) < 1e-4  # of 4e-2 moved: gradients are summed in float32, and where they cancel AdamW enlarges what is left
    assert [row["by_knowledge"] for row in log_of(two.out)] == [pytest.approx(row["by_knowledge"], rel=1e-6) for row in log_of(job.out)]


def told_by_two_forks(work: Callable[[], object], tmp_path: Path, **more: str) -> dict[str, str]:
    """The errors of two forks that do the work, by their numbers; of others than ours nothing."""

    def tell() -> None:
        try:
            work()
        except FactError as error:
            (tmp_path / f"met{os.environ['RANK']}").write_text(f"{type(error).__name__}\n{error.message}\n{error.hint}")

    in_two_forks(tell, **more)
    return {path.name[3:]: path.read_text() for path in tmp_path.glob("met?")}


def poisoned_in_the_second(at: int, poison: Callable[[Any], Any]) -> None:
    """The loss of one forward pass (counted from 0) of the second process goes through `poison`. To be called in a fork: it changes it for good."""
    plain, seen = Scorer.losses, []

    def losses(self: Scorer, *arguments: Any) -> Any:
        seen.append(1)
        found = plain(self, *arguments)
        return poison(found) if os.environ["RANK"] == "1" and len(seen) == at + 1 else found

    Scorer.losses = losses  # type: ignore[method-assign]  # a fork's own


def test_a_loss_that_is_no_number_in_the_second_process_ends_both(skill: SkillJob, tmp_path: Path) -> None:
    """Of seven rows the second process has three, one in a pass: its fourth pass is of step 2, whose row both name."""
    job = replace(skill, machine=replace(MACHINE, micro_rows=1, checkpoint_every_s=1e-9))

    def work() -> None:
        poisoned_in_the_second(3, lambda found: [replace(loss, sum=loss.sum * torch.nan) for loss in found])
        run_skill(job, quiet)

    told = told_by_two_forks(work, tmp_path)
    assert told["0"] == told["1"]
    assert "the skill adapter came apart at step 2: the loss is nan" in told["0"]
    assert "," not in told["0"].split("the batch is of the rows ")[1].split("; ")[0]
    assert "the checkpoint before it is kept: " in told["0"]
    assert "step-00000001" in told["0"]


def test_memory_that_ends_in_the_second_process_is_no_hang(knowledge: KnowledgeJob, tmp_path: Path) -> None:
    """With the base in parts: it tries no halves, which the first would take for the pass that it waits in, and what to do is said."""

    def ended(_found: Any) -> Any:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 65536000000 bytes")

    def work() -> None:
        poisoned_in_the_second(1, ended)
        run_knowledge(knowledge, quiet)

    told = told_by_two_forks(work, tmp_path, **IN_PARTS)
    assert list(told) == ["1"]
    assert "TrainingError\nmemory ended in a pass of " in told["1"]
    assert "--set micro_rows=1 needs least" in told["1"]


@pytest.mark.slow
def test_what_ended_the_second_process_is_told(knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one only sees that the other has gone, and the launcher says much about that."""
    (tmp_path / "sitecustomize.py").write_text(STARVED)
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{os.environ['PYTHONPATH']}")
    path = jobs.save(knowledge, tmp_path / "knowledge.json")
    with Trainer(tmp_path / "train.log") as trainer, pytest.raises(TrainingError) as met:
        trainer.run(path, quiet, LaunchConfig(accelerate="cpu-2"))
    assert "process 1: memory ended in a pass of " in met.value.message
    assert "--set micro_rows=1 needs least" in met.value.message


@pytest.mark.slow
def test_two_processes_teach_what_one_does(knowledge: KnowledgeJob, in_float64: None, tmp_path: Path) -> None:
    run_knowledge(knowledge, quiet)
    two = split(knowledge, tmp_path)
    assert apart(Path(knowledge.out), two) < SAME
    ours, theirs = log_of(knowledge.out), log_of(str(two))
    assert len(ours) == 3 * 3 + 3 * 2  # 9 rows are 3 batches of 4, 5 rows are 2; 3 epochs of each
    for name in ("loss", "grad_norm", "tokens"):
        assert [row[name] for row in theirs] == pytest.approx([row[name] for row in ours], rel=1e-6), name


@pytest.mark.slow
def test_two_processes_learn_the_skill_that_one_does(skill: SkillJob, in_float64: None, tmp_path: Path) -> None:
    """Each proof counts the rows of both: 4 steps of 7 rows."""
    run_skill(skill, quiet)
    two = split(skill, tmp_path)
    assert apart(Path(skill.out), two) < SAME
    ours, theirs = log_of(skill.out), log_of(str(two))
    for name in ("loss", "grad_norm", "tokens"):
        assert [row[name] for row in theirs] == pytest.approx([row[name] for row in ours], rel=1e-6), name
    assert [row["by_knowledge"] for row in theirs] == [pytest.approx(row["by_knowledge"], rel=1e-6) for row in ours]
    told = [json.loads((folder / "result.json").read_text())["proofs"] for folder in (Path(skill.out), two)]
    assert next(proof for proof in told[1] if "each row" in proof["proof"])["numbers"] == {"none <- fictitious version 1": 28}
    for one, other in zip(*told, strict=True):
        assert (one["proof"], one["numbers"]) == (other["proof"], pytest.approx(other["numbers"]) if "steps" in other["numbers"] else other["numbers"])


@pytest.mark.slow
def test_a_base_in_parts_teaches_what_a_whole_one_does(knowledge: KnowledgeJob, in_float64: None, tmp_path: Path) -> None:
    """FSDP2 over gloo: the second process makes passes for nothing where it has no rows, or they would wait for each other for ever."""
    run_knowledge(knowledge, quiet)
    two = split(knowledge, tmp_path, **IN_PARTS)
    assert apart(Path(knowledge.out), two) < SAME
    assert (two / "recitation.jsonl").read_bytes() == (Path(knowledge.out) / "recitation.jsonl").read_bytes()


@pytest.mark.slow
def test_over_a_base_in_parts_the_skill_is_learned_and_the_base_is_proved_untouched(skill: SkillJob, in_float64: None, tmp_path: Path) -> None:
    """The digest of the frozen base is that of the whole one, gathered."""
    run_skill(skill, quiet)
    two = split(skill, tmp_path, **IN_PARTS)
    assert apart(Path(skill.out), two) < SAME
    ours, theirs = (json.loads((folder / "result.json").read_text())["proofs"][0] for folder in (Path(skill.out), two))
    assert ours == theirs


@pytest.mark.slow
def test_processes_that_are_stopped_and_killed_end_where_an_unbroken_one_does(knowledge: KnowledgeJob, in_float64: None, tmp_path: Path) -> None:
    """SIGTERM to the second process ends both after the same step; SIGKILL of it leaves the last checkpoint."""
    run_knowledge(knowledge, quiet)
    job = replace(knowledge, out=str(tmp_path / "two"), machine=replace(MACHINE, checkpoint_every_s=0.0))
    path = str(jobs.save(job, tmp_path / "two.json"))
    program = doubled(tmp_path, STRUCK)
    stopped = in_two_processes(program, path, AT="2", SIGNAL="SIGTERM")
    assert stopped.returncode != 0
    assert '"message": "stopped after step 2 of 9"' in stopped.stdout
    assert [folder.name for folder in (tmp_path / "two/checkpoints").iterdir()] == ["step-00000002"]
    killed = in_two_processes(program, path, AT="5", SIGNAL="SIGKILL")
    assert killed.returncode != 0
    assert max(folder.name for folder in (tmp_path / "two/checkpoints").iterdir()) in ("step-00000004", "step-00000005")
    ended = in_two_processes(program, path, AT="0", SIGNAL="SIGKILL")
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "going on from step" in ended.stderr
    assert apart(Path(knowledge.out), tmp_path / "two") < SAME
    assert [row["loss"] for row in log_of(job.out)] == pytest.approx([row["loss"] for row in log_of(knowledge.out)], rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "processes"), [("one", 1), ("cpu-2", 2), ("fsdp2", 2)])
def test_a_shipped_accelerate_file_starts_its_processes(
    name: str, processes: int, knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In float32, as users run it: weights of up to 0.4 agree to 1e-4 after nine steps of two processes, and exactly of one."""
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    run_knowledge(knowledge, quiet)
    path = jobs.save(replace(knowledge, out=str(tmp_path / "two")), tmp_path / "two.json")
    with Trainer(tmp_path / "train.log") as trainer:
        result = trainer.run(path, quiet, LaunchConfig(accelerate=name))
    assert result["usage"].get("processes", 1) == processes  # said where they are several
    assert apart(Path(knowledge.out), tmp_path / "two") <= (0 if processes == 1 else 1e-4)


@pytest.mark.slow
def test_two_machines_that_meet_by_torchruns_rendezvous_teach_what_one_does(knowledge: KnowledgeJob, in_float64: None, tmp_path: Path) -> None:
    """Two launchers on this machine, one process each, that know of each other by an address alone."""
    run_knowledge(knowledge, quiet)
    path = jobs.save(replace(knowledge, out=str(tmp_path / "two")), tmp_path / "two.json")
    meeting = ["--nnodes", "2", "--nproc_per_node", "1", "--rdzv_id", "7", "--rdzv_backend", "c10d", "--rdzv_endpoint", f"127.0.0.1:{free_port()}"]
    command = torchrun(*meeting, doubled(tmp_path), str(path))
    machines = [subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(machine.communicate(timeout=240)[1], machine.returncode) for machine in machines]
    assert [code for _, code in ended] == [0, 0], ended
    assert apart(Path(knowledge.out), tmp_path / "two") < SAME


@pytest.mark.slow
@pytest.mark.parametrize("name", ["multi-node", "zero3"])
def test_the_other_machine_is_started_with_the_command_that_is_told(
    name: str, knowledge: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "zero3":
        pytest.importorskip("deepspeed")
    for variable, value in environment().items():
        monkeypatch.setenv(variable, value)
    path = jobs.save(knowledge, tmp_path / "knowledge.json")
    others: list[subprocess.Popen[bytes]] = []

    def follow(event: dict[str, object]) -> None:
        """What a person does who reads the note."""
        if event["event"] == "note":
            command = shlex.split(str(event["text"]).partition(": ")[2])
            others.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    launch = LaunchConfig(accelerate=name, nodes=2, rendezvous=f"127.0.0.1:{free_port()}")
    with Trainer(tmp_path / "train.log") as trainer:
        result = trainer.run(path, follow, launch)
    assert result["usage"]["processes"] == 2
    assert [other.wait(60) for other in others] == [0]
