"""Starting training in another process: the warm child, its end, and what a failure says.

These start real worker processes: each costs seconds of imports.
"""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from factcli.errors import FactError, InputError, SettingsError, TrainingError
from factcli.train import job as jobs
from factcli.train import worker
from factcli.train.asking import Wish, listening
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine, Optim
from factcli.train.launch import Launch, Trainer, argv_for, child_argv, events_of, run
from factcli.train.launching import LaunchConfig
from factcli.train.stopping import STEP_ENDS_FIRST, below, stop
from tests.train.conftest import WriteRows, documents
from tests.train.held import Gate, checkpoints, gate, wait_for_step

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place whose name needs quoting."""
    made = tmp_path / 'it\'s a "run" of $HOME'
    made.mkdir()
    return made


@pytest.fixture
def job_file(base: str, write_rows: WriteRows, folder: Path) -> Path:
    plan = AdapterPlan("fictitious_v1_statement", write_rows("d.jsonl", documents(8, 1)), steps=5)
    job = KnowledgeJob(base, str(folder / "out"), (plan,), lora=Lora(4, 8, 0.0), machine=Machine(device="cpu", threads=1), batch_rows=4)
    return jobs.save(job, folder / "a job.json")


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    with Trainer(tmp_path_factory.mktemp("logs") / "train log.txt", "child") as one:
        yield one


def long_job(job_file: Path, **changes: object) -> Path:
    content = json.loads(job_file.read_text()) | changes
    content["adapters"][0]["steps"] = 1_000_000
    path = job_file.with_name("long job.json")
    path.write_text(json.dumps(content))
    return path


def is_alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def ends(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.slow
def test_one_warm_child_runs_job_after_job(trainer: Trainer, job_file: Path, folder: Path) -> None:
    events: list[dict] = []
    result = trainer.run(job_file, events.append)
    child = trainer._child
    assert result["adapters"][0]["steps"] == 5
    assert events[-1]["event"] == "recitation"
    assert (folder / "out/adapters/fictitious_v1_statement/adapter_model.safetensors").is_file()
    assert trainer.run(job_file, events.append) == result
    assert trainer._child is child


def test_what_a_dry_run_says_of_the_process_is_what_is_started(trainer: Trainer, job_file: Path, tmp_path: Path) -> None:
    told = trainer.launch_of(job_file)
    trainer.start()
    assert trainer._child is not None
    assert told.argv == trainer._child.args == [sys.executable, "-m", "factcli.train.worker", "--serve"]
    assert json.loads(told.stdin or "") == str(job_file)
    assert Trainer(tmp_path / "log", "accelerate").launch_of(job_file) == Launch(argv_for(job_file, launcher="accelerate"))


def test_a_wrong_setting_comes_back_as_itself_and_the_child_lives_on(trainer: Trainer, job_file: Path) -> None:
    wrong = job_file.with_name("wrong.json")
    wrong.write_text(json.dumps(json.loads(job_file.read_text()) | {"sed": 1}))
    with pytest.raises(SettingsError, match="did you mean 'seed'"):
        trainer.run(wrong, print)
    gone = job_file.with_name("gone.json")
    gone.write_text(json.dumps(json.loads(job_file.read_text()) | {"base": str(job_file.parent)}))
    child = trainer._child
    with pytest.raises(InputError, match="has no tokenizer"):
        trainer.run(gone, print)
    assert trainer._child is child


def told_by(event: dict, tmp_path: Path) -> FactError:
    """What a run raises whose process says this; here the process is one that says nothing else."""
    says = [sys.executable, "-c", f"print({json.dumps(event)!r})"]
    with subprocess.Popen(says, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child, pytest.raises(FactError) as caught:
        Trainer(tmp_path / "log", "child")._follow(tmp_path / "a job.json", child, print)
    return caught.value


@pytest.mark.parametrize("kind", [SettingsError, InputError])
def test_a_mistake_of_the_user_is_not_answered_with_running_it_again(kind: type[FactError], tmp_path: Path) -> None:
    for hint in ("lower max_length to 96 or less", ""):
        error = told_by({"event": "failed", "error": kind.__name__, "message": "a row is too long", "hint": hint}, tmp_path)
        assert (type(error), error.message, error.hint) == (kind, "a row is too long", hint)


def test_training_that_failed_is_answered_with_running_it_again(tmp_path: Path) -> None:
    error = told_by({"event": "failed", "error": "TrainingError", "message": "a proof failed", "hint": ""}, tmp_path)
    assert isinstance(error, TrainingError)
    command = shlex.split(error.hint.removeprefix("run it again with: "))
    assert command == [sys.executable, "-m", "factcli.train.worker", str(tmp_path / "a job.json")]


@pytest.mark.slow
def test_a_crash_gives_the_log_and_a_command_that_reruns_it(trainer: Trainer, job_file: Path) -> None:
    """A row without text is our own failure to check, here a stand-in for any crash."""
    content = json.loads(job_file.read_text())
    rows = Path(content["adapters"][0]["rows"])
    rows.write_text('{"id": "x"}\n')
    with pytest.raises(TrainingError, match="training failed: KeyError: 'text'") as caught:
        trainer.run(job_file, print)
    assert "KeyError: 'text'" in caught.value.message.split("last lines of")[1]
    command = shlex.split(caught.value.hint.removeprefix("rerun: "))
    assert command == [sys.executable, "-m", "factcli.train.worker", str(job_file)]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert json.loads(again.stdout.splitlines()[-1])["event"] == "crashed"


@pytest.mark.slow
def test_an_interrupted_run_leaves_a_checkpoint_and_no_child(trainer: Trainer, job_file: Path, folder: Path) -> None:
    job = long_job(job_file)

    def interrupt(event: dict) -> None:
        if event["event"] == "step":
            raise KeyboardInterrupt

    trainer.start()
    assert trainer._child is not None
    pid = trainer._child.pid
    with pytest.raises(KeyboardInterrupt):
        trainer.run(job, interrupt)
    assert not is_alive(pid)
    assert list((folder / "out/checkpoints").glob("step-*"))


@pytest.mark.slow
def test_ctrl_c_at_the_child_ends_the_step_and_says_interrupted(trainer: Trainer, job_file: Path) -> None:
    """A terminal sends SIGINT to both processes; this is the child's half."""

    def interrupt_child(event: dict) -> None:
        if event["event"] == "step" and trainer._child is not None:
            os.kill(trainer._child.pid, signal.SIGINT)

    with pytest.raises(KeyboardInterrupt, match="stopped after step"):
        trainer.run(long_job(job_file), interrupt_child)


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Gate]:
    with gate(tmp_path / "held") as one:
        yield one


class WhenTold(io.StringIO):
    """A stderr where something happens as soon as a person is told that the step ends first."""

    def __init__(self, happens: Callable[[], None]) -> None:
        super().__init__()
        self.happens = happens

    def write(self, text: str) -> int:
        if STEP_ENDS_FIRST in text:
            self.happens()
        return super().write(text)


@pytest.fixture
def in_step(job_file: Path, held: Gate, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A worker in the middle of a step, and no patience with it: a person is told at once, a second press comes at any time."""
    monkeypatch.setattr("factcli.train.stopping.NOTICE_S", 0.0)
    monkeypatch.setattr("factcli.train.stopping.SAME_PRESS_S", 0.0)
    watching = held.environment | {"FACT_WATCH_PARENT": "1"}
    with subprocess.Popen(child_argv(job_file), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=watching) as process:
        wait_for_step(process)
        yield process
        process.kill()


def test_a_stop_waits_for_the_running_step_and_its_checkpoint(
    in_step: subprocess.Popen[str], held: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step ends only when a person has been told that it is waited for."""
    monkeypatch.setattr(sys, "stderr", WhenTold(held.open))
    stop(in_step)
    assert in_step.returncode == 130
    assert len(checkpoints(folder / "out")) == 1


def test_a_second_ctrl_c_does_not_wait_for_the_step(in_step: subprocess.Popen[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", WhenTold(lambda: os.kill(os.getpid(), signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt):
        stop(in_step)
    assert in_step.returncode == -signal.SIGKILL
    assert checkpoints(folder / "out") == []


@pytest.mark.slow
def test_ctrl_c_waits_for_the_step_of_several_processes(job_file: Path, held: Gate, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("factcli.train.stopping.NOTICE_S", 0.0)
    for name, value in held.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stderr", WhenTold(held.open))

    def interrupt(event: dict) -> None:
        if event["event"] == "step":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Trainer(folder / "log") as trainer:
        trainer.run(job_file, interrupt, LaunchConfig(accelerate="cpu-2"))
    assert len(checkpoints(folder / "out")) == 1


def test_what_a_process_has_started_is_found_below_it() -> None:
    """A process and its own, in a session apart, which says its number as soon as it is there, and ends with its stdin."""
    inner = [sys.executable, "-c", "import os; print(os.getpid(), flush=True); input()"]
    outer = [sys.executable, "-c", f"import subprocess; subprocess.run({inner!r}, start_new_session=True)"]
    with subprocess.Popen(outer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        number = int(process.stdout.readline())
        assert {process.pid, number} <= set(below(os.getpid()))
        process.communicate("\n")


@pytest.mark.parametrize(("is_training", "at_least_s", "at_most_s"), [(True, 600, 7200), (False, 1, 60)], ids=["in a step", "elsewhere"])
def test_an_orphan_has_as_long_as_a_step_takes_and_elsewhere_seconds(
    is_training: bool, at_least_s: float, at_most_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    armed: list[float] = []

    class Timer(threading.Timer):
        def start(self) -> None:
            armed.append(self.interval)

    monkeypatch.setattr(threading, "Timer", Timer)
    before = signal.signal(signal.SIGTERM, worker.interrupt)
    try:
        if is_training:
            with listening() as asked:
                worker.stop_politely()
                assert asked.wish() == Wish.STOP
        else:
            with pytest.raises(KeyboardInterrupt):
                worker.stop_politely()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert len(armed) == 1
    assert at_least_s <= armed[0] <= at_most_s


PARENT = """
import os, sys
from pathlib import Path
from factcli.train.launch import Trainer
trainer = Trainer(Path(sys.argv[2]), "child")
def tell(event):
    print(trainer._child.pid, event["event"], flush=True)
trainer.run(Path(sys.argv[1]), tell)
"""


def test_no_orphan_survives_a_killed_parent(job_file: Path, folder: Path) -> None:
    job = long_job(job_file)
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(job), str(folder / "log")], cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    pid = int(next(line for line in parent.stdout if "step" in line).split()[0])
    parent.kill()
    parent.wait()
    assert ends(pid, within_s=15)
    assert list((folder / "out/checkpoints").glob("step-*"))


def test_a_child_that_dies_is_reported(job_file: Path, tmp_path: Path) -> None:
    job = long_job(job_file)
    with Trainer(tmp_path / "log", "child") as trainer:

        def kill_child(event: dict) -> None:
            if event["event"] == "step" and trainer._child is not None:
                trainer._child.kill()

        with pytest.raises(TrainingError, match="ended with code -9"):
            trainer.run(job, kill_child)


def test_a_gpu_machine_uses_accelerate_with_an_argv_list(tmp_path: Path) -> None:
    job = tmp_path / "a job.json"
    plain = argv_for(job, launcher="accelerate")
    assert plain == [sys.executable, "-m", "factcli.train.accelerating", "--num_processes", "1", "-m", "factcli.train.worker", str(job)]
    assert argv_for(job, launcher="child") == [sys.executable, "-m", "factcli.train.worker", str(job)]


@pytest.mark.slow
def test_accelerate_launch_runs_a_job_and_its_own_words_are_ignored(job_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    result = run(job_file, lambda _event: None, launcher="accelerate")
    assert result["adapters"][0]["steps"] == 5
    assert list(events_of(iter(["Launching ...\n", '{"event": "ready"}\n', '{"event": "step"}\n']))) == [{"event": "step"}]


def test_launching_imports_nothing_heavy() -> None:
    code = "import sys, factcli.train.launch, factcli.train.job; print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_optim_default_is_the_papers() -> None:
    assert (Optim().lr, Optim().weight_decay, Optim().beta2, Optim().warmup_share) == (3e-5, 0.1, 0.95, 0.03)
