"""Training through Slurm: the script, and a real cluster of one machine where Slurm is installed."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from factcli.errors import SettingsError, Terminated, TrainingError
from factcli.train import job as jobs
from factcli.train.job import AdapterPlan, KnowledgeJob, Lora, Machine
from factcli.train.knowledge import run_knowledge
from factcli.train.launch import Trainer
from factcli.train.launching import LaunchConfig, SlurmConfig
from factcli.train.slurm import Queued, Script, enqueue, is_over, render, state_of, training_command
from tests.train import slurm
from tests.train.conftest import WriteRows, documents
from tests.train.held import checkpoints, gate, wait_for_step
from tests.train.processes import environment
from tests.train.slurm import FAILS, FORGOTTEN, Standins, directives, started, until

HERE = SlurmConfig(poll_s=0.2)
IN_QUEUE = LaunchConfig(launcher="slurm", slurm=SlurmConfig(poll_s=0.001))


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standins:
    return slurm.standins(tmp_path / "bin", monkeypatch)


def script(**settings: object) -> str:
    return render(Script("fact-knowledge", "python -m it", Path("train.log"), (("FACT_EVENTS", "it's here"),), nodes=2), SlurmConfig(**settings))


def test_the_script_is_bash_and_holds_what_the_cluster_is_told() -> None:
    text = script(partition="gpu", time_limit="12:00:00", gpus_per_node=8, options=("--constraint=h100",), setup="module load cuda")
    assert subprocess.run(["bash", "-n"], input=text, text=True, check=False).returncode == 0
    assert directives(text) == [
        *("--job-name=fact-knowledge", "--nodes=2", "--ntasks-per-node=1", "--output=train.log", "--open-mode=append", "--requeue"),
        *("--signal=B:USR1@120", "--partition=gpu", "--time=12:00:00", "--gpus-per-node=8", "--constraint=h100"),
    ]
    assert "export FACT_EVENTS='it'\"'\"'s here'\nmodule load cuda\n" in text


def test_machines_meet_at_the_first_of_them() -> None:
    command = training_command(Path("a job.json"), LaunchConfig(launcher="slurm", accelerate="multi-node", nodes=2))
    assert '--main_process_ip "$main" --main_process_port "$port" --rdzv_backend c10d -m factcli.train.worker \'a job.json\'' in command


def rendered(path: Path, launch: LaunchConfig, job: Path = Path("job.json")) -> Path:
    path.write_text(render(Script("fact-knowledge", training_command(job, launch), path.with_suffix(".log"), nodes=launch.nodes), launch.slurm))
    return path


def test_jobs_that_share_a_first_machine_meet_at_ports_of_their_own(programs: Standins, tmp_path: Path) -> None:
    """12007 is 7 more than 12000, so jobs 7 and 12007 are the nearest that would share one: 20007."""
    script = rendered(tmp_path / "job.sbatch", LaunchConfig(launcher="slurm", accelerate="multi-node", nodes=2))
    ports = {}
    for number in ("7", "8", "12007", "11999"):
        words = started(script, SLURM_JOB_ID=number)
        assert words[words.index("--main_process_ip") + 1] == "node-a"
        ports[number] = words[words.index("--main_process_port") + 1]
    assert ports == {"7": "20007", "8": "20008", "12007": "20007", "11999": "31999"}


def output_of(log: Path, array: int = 0) -> str:
    """As sbatch reads it."""
    text = render(Script("fact-it", "true", log, array=array), SlurmConfig())
    return next(word for word in directives(text) if word.startswith("--output=")).removeprefix("--output=")


def test_a_log_may_lie_at_any_path() -> None:
    """`%` begins what sbatch fills in, and two of them stand for one; `#` outside of quotes begins a comment."""
    assert output_of(Path('/a data/it\'s "100%" #1/train.log')) == '/a data/it\'s "100%%" #1/train.log'
    assert output_of(Path("/50% a/.seeds.log"), array=3) == "/50%% a/.seeds-%A_%a.log"


@pytest.mark.parametrize("path", ["/a\\b/train.log", "/a\nb/train.log"])
def test_a_log_that_sbatch_cannot_name_is_refused(path: str) -> None:
    with pytest.raises(SettingsError, match="a backslash or a line break"):
        output_of(Path(path))


def test_a_name_with_a_blank_stays_one_word() -> None:
    assert "--job-name=fact-my recipe" in directives(render(Script("fact-my recipe", "true", Path("train.log")), SlurmConfig()))


def test_a_template_that_asks_for_what_is_not_known_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.sbatch"
    own.write_text("#SBATCH --qos=@{qos}\n")
    with pytest.raises(SettingsError, match="'qos'"):
        script(template=str(own))
    with pytest.raises(SettingsError, match="cannot be read"):
        script(template=str(tmp_path / "gone"))


def test_a_line_that_is_being_written_waits_for_the_next_look(programs: Standins, tmp_path: Path) -> None:
    queued = Queued(tmp_path / "job.json", "7")
    programs.do("squeue", "echo RUNNING", "echo RUNNING", "echo COMPLETED")
    queued.events.write_text('{"event": "step", "st')

    def writes_the_rest(_seconds: float) -> None:
        with queued.events.open("a") as file:
            file.write('ep": 1}\n' if "1" not in queued.events.read_text() else '{"event": "done"}\n')

    assert list(queued.news(1.0, writes_the_rest)) == [{"event": "step", "step": 1}, {"event": "done"}]


@pytest.mark.parametrize("last", ["echo COMPLETED", FORGOTTEN], ids=["completed", "forgotten"])
def test_a_squeue_that_fails_or_says_nothing_does_not_end_a_job(last: str, programs: Standins, tmp_path: Path) -> None:
    """Between two looks the job tells its next step; the fifth look says that it is over, so four steps are told."""
    queued = Queued(tmp_path / "job.json", "7")
    programs.do("squeue", "echo RUNNING", FAILS, "true", "echo RUNNING", last)
    queued.events.write_text("")

    def next_step(_seconds: float) -> None:
        with queued.events.open("a") as file:
            file.write('{"event": "step"}\n')

    assert list(queued.news(1.0, next_step)) == [{"event": "step"}] * 4


def test_a_squeue_that_goes_on_failing_leaves_the_job_to_the_person(programs: Standins, tmp_path: Path) -> None:
    programs.do("squeue", FAILS)
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"out": str(tmp_path)}))
    with pytest.raises(TrainingError, match="squeue has failed 120 times in a row: Slurm job 42 may still run") as caught, Trainer(tmp_path / "log") as trainer:
        trainer.run(job, print, IN_QUEUE)
    assert "squeue -j 42" in caught.value.hint
    assert "scancel 42" in caught.value.hint
    assert "factcli" not in caught.value.hint


def left_in_queue(folder: Path) -> Path:
    """The job file of a job that is in the queue, and has told a step."""
    job = folder / "job.json"
    job.write_text('{"threads": 1}')
    enqueue(job, IN_QUEUE).events.write_text('{"event": "step"}\n')
    return job


def test_a_command_typed_again_while_squeue_fails_submits_nothing(programs: Standins, tmp_path: Path) -> None:
    job = left_in_queue(tmp_path)
    programs.do("squeue", FAILS)
    with pytest.raises(TrainingError, match="squeue fails: Slurm job 42 may still run"):
        enqueue(job, IN_QUEUE)
    assert len(programs.given("sbatch")) == 1
    assert Queued(job, "42").events.read_text() == '{"event": "step"}\n'


def test_a_command_typed_again_with_another_job_text_finds_the_job_of_its_folder(programs: Standins, tmp_path: Path) -> None:
    job = left_in_queue(tmp_path)
    programs.do("squeue", "echo PENDING")
    job.write_text('{"threads": 2}')
    assert enqueue(job, IN_QUEUE) == Queued(job, "42")
    assert len(programs.given("sbatch")) == 1
    assert Queued(job, "42").events.read_text() == '{"event": "step"}\n'


@pytest.mark.parametrize("last", ["echo CANCELLED", FORGOTTEN], ids=["cancelled", "forgotten"])
def test_a_command_typed_again_after_its_job_submits_another(last: str, programs: Standins, tmp_path: Path) -> None:
    job = left_in_queue(tmp_path)
    programs.do("squeue", last)
    programs.do("sbatch", "echo 43")
    assert enqueue(job, IN_QUEUE) == Queued(job, "43")
    assert Queued(job, "43").events.read_text() == ""


def test_a_job_that_failed_is_not_answered_with_training_where_the_command_is_typed(programs: Standins, tmp_path: Path) -> None:
    programs.do("squeue", "echo FAILED")
    job = tmp_path / "job.json"
    job.write_text(json.dumps({"out": str(tmp_path)}))
    with pytest.raises(TrainingError, match="Slurm job 42 ended as FAILED") as caught, Trainer(tmp_path / "log") as trainer:
        trainer.run(job, print, IN_QUEUE)
    assert caught.value.hint == "rerun: the same command"


def test_a_training_job_that_is_to_end_is_asked_and_waited_for(programs: Standins, tmp_path: Path) -> None:
    queued = Queued(left_in_queue(tmp_path), "42")
    programs.do("squeue", "echo RUNNING", "echo RUNNING", FAILS, "echo COMPLETING", "echo FAILED")
    looks: list[float] = []
    queued.end(1.0, looks.append)
    assert programs.given("scancel") == ["--signal=TERM 42"]
    assert looks == [1.0] * 3


@pytest.mark.parametrize(("kind", "asked"), [(KeyboardInterrupt, ["--signal=TERM 42"]), (Terminated, [])], ids=["ctrl-c", "sigterm"])
def test_ctrl_c_ends_the_job_and_sigterm_leaves_it(kind: type[BaseException], asked: list[str], programs: Standins, tmp_path: Path) -> None:
    """The job runs, and tells a step, as it is followed; after scancel it is over."""
    job = left_in_queue(tmp_path)
    programs.do("squeue", "echo RUNNING", "echo RUNNING", "echo RUNNING", "echo FAILED")

    def interrupt(event: dict) -> None:
        if event["event"] == "step":
            raise kind

    with pytest.raises(kind), Trainer(tmp_path / "log") as trainer:
        trainer.run(job, interrupt, IN_QUEUE)
    assert programs.given("scancel") == asked


def test_a_job_that_waits_for_its_turn_is_cancelled(programs: Standins, tmp_path: Path) -> None:
    queued = Queued(left_in_queue(tmp_path), "42")
    programs.do("squeue", "echo PENDING", "echo CANCELLED")
    queued.end(1.0, lambda _seconds: None)
    assert programs.given("scancel") == ["42"]


def test_a_second_ctrl_c_cancels_the_job_that_was_asked_to_end(programs: Standins, tmp_path: Path) -> None:
    queued = Queued(left_in_queue(tmp_path), "42")
    programs.do("squeue", "echo RUNNING")

    def presses(_seconds: float) -> None:
        raise KeyboardInterrupt

    queued.end(1.0, presses)
    assert programs.given("scancel") == ["--signal=TERM 42", "42"]


def test_a_job_of_one_process_that_gets_sigterm_ends_its_step_and_saves(programs: Standins, job: KnowledgeJob, tmp_path: Path) -> None:
    """As Slurm preempts: SIGTERM to all processes of the task, which then has to last until the step has ended and is saved."""
    script = rendered(tmp_path / "job.sbatch", LaunchConfig(launcher="slurm"), jobs.save(job, tmp_path / "a job.json"))
    with gate(tmp_path / "held") as held:
        task = subprocess.Popen(started(script), stdout=subprocess.PIPE, text=True, env=held.environment, start_new_session=True)
        with task:
            wait_for_step(task)
            os.killpg(task.pid, signal.SIGTERM)
            held.open()
            assert task.wait(60) == 130
    assert len(checkpoints(tmp_path / "out")) == 1


def test_without_slurm_the_launcher_says_what_is_missing(base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = KnowledgeJob(base, str(tmp_path / "out"), (AdapterPlan("fictitious_v1_statement", "rows", epochs=1),))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="there is no sbatch here"), Trainer(tmp_path / "log") as trainer:
        trainer.run(jobs.save(job, tmp_path / "job.json"), print, LaunchConfig(launcher="slurm"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    if gone := slurm.missing():
        pytest.skip(f"Slurm is not installed here (no {', '.join(gone)}): apt-get install slurm-wlm munge")
    with slurm.one_machine(tmp_path_factory.mktemp("slurm")) as conf:
        yield conf


@pytest.fixture
def job(base: str, write_rows: WriteRows, tmp_path: Path) -> KnowledgeJob:
    plan = AdapterPlan("fictitious_v1_statement", write_rows("d.jsonl", documents(8, 1)), steps=300)
    machine = Machine(device="cpu", threads=1, checkpoint_every_s=1e9)
    return KnowledgeJob(base, str(tmp_path / "out"), (plan,), lora=Lora(4, 8, 0.1), machine=machine, batch_rows=4)


def number_of(path: Path) -> str:
    """Of the job that is in the queue for a job file."""
    return json.loads(path.with_suffix(".queued.json").read_text())["number"]


@pytest.mark.slow
def test_a_preempted_job_goes_back_into_the_queue_and_on_from_its_checkpoint(
    cluster: Path, job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm's notice comes in the middle; the weights are those of a run that had none."""
    for variable, value in {**environment(), "SLURM_CONF": str(cluster)}.items():
        monkeypatch.setenv(variable, value)
    path = jobs.save(job, tmp_path / "knowledge.json")
    seen: list[dict] = []

    def follow(event: dict) -> None:
        """At its first step the job is told to give way, as a scheduler does."""
        if event["event"] == "step" and not any(one["event"] == "step" for one in seen):
            subprocess.run(["scancel", "--batch", "--signal=USR1", number_of(path)], check=True)
        if event["event"] == "note" and "its turn again" in event["text"]:
            until(lambda: state_of(number_of(path)) == "PENDING")
            subprocess.run(["scontrol", "update", f"JobId={number_of(path)}", "StartTime=now"], check=True)  # Slurm would let two minutes pass
        seen.append(event)

    with Trainer(tmp_path / "log") as trainer:
        result = trainer.run(path, follow, LaunchConfig(launcher="slurm", slurm=HERE))
    log = path.with_suffix(".log").read_text()
    assert "going on from step" in log
    told = [json.loads(line)["event"] for line in path.with_suffix(".events").read_text().splitlines()]
    assert told.count("interrupted") == 1
    assert told[-1] == "done"
    assert result["adapters"][0]["steps"] == 300
    alone = KnowledgeJob(**{**{name: getattr(job, name) for name in job.__slots__}, "out": str(tmp_path / "alone")})
    run_knowledge(alone, lambda _event: None)
    weights = "adapters/fictitious_v1_statement/adapter_model.safetensors"
    assert (tmp_path / "out" / weights).read_bytes() == (tmp_path / "alone" / weights).read_bytes()


@pytest.mark.slow
def test_an_interrupted_command_ends_its_job_and_leaves_a_checkpoint(cluster: Path, job: KnowledgeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {**environment(), "SLURM_CONF": str(cluster)}.items():
        monkeypatch.setenv(variable, value)
    path = jobs.save(job, tmp_path / "knowledge.json")

    def interrupt(event: dict) -> None:
        if event["event"] == "step":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Trainer(tmp_path / "log") as trainer:
        trainer.run(path, interrupt, LaunchConfig(launcher="slurm", slurm=HERE))
    assert list((tmp_path / "out/checkpoints").glob("step-*"))
    assert is_over(state_of(number_of(path)))
