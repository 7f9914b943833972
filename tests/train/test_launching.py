"""Where training runs: settings that shape the command and the key, and files that ship with `fact`."""

import sys
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file

from factcli.config import identity_of, key_config_of, resolve
from factcli.errors import SettingsError
from factcli.resolving import configs_directory
from factcli.stages.dpo.settings import DpoConfig
from factcli.stages.prereq import PrereqConfig
from factcli.stages.sft import SftConfig
from factcli.train.launch import Launch, Trainer, argv_for
from factcli.train.launching import LaunchConfig, Spread, accelerate_file, accelerate_options, meeting_options, spread_of

JOB = Path("job.json")
WORKER = ["-m", "factcli.train.worker", "job.json"]


def launch(**settings: Any) -> LaunchConfig:
    return resolve(PrereqConfig, [], [f"launch.{name}={value}" for name, value in settings.items()], {}).launch


@pytest.mark.parametrize("model", [PrereqConfig, SftConfig, DpoConfig])
def test_where_a_job_runs_is_no_part_of_its_key_and_how_many_processes_is(model: type) -> None:
    """What is in neither does not make another artifact of a run that was made before these settings came."""
    assert "launch" not in key_config_of(resolve(model, [], [], {}), is_training=True)
    in_queue = resolve(model, [], ["launch.launcher=slurm", "launch.slurm.partition=gpu"], {})
    assert "launch" not in key_config_of(in_queue, is_training=True)
    two = resolve(model, [], ["launch.accelerate=cpu-2"], {})
    assert key_config_of(two, is_training=True)["launch"] == {"accelerate": "cpu-2"}
    assert "launch" not in identity_of(two)


def test_the_file_is_found_by_name_and_the_number_of_processes_goes_over_it(tmp_path: Path) -> None:
    shipped = str(configs_directory() / "accelerate" / "cpu-2.yaml")
    command = [sys.executable, "-m", "factcli.train.accelerating", "--config_file", shipped]
    assert argv_for(JOB, launch=launch(accelerate="cpu-2")) == [*command, *WORKER]
    assert argv_for(JOB, "child", launch(accelerate="cpu-2", processes=4)) == [*command, "--num_processes", "4", *WORKER]
    own = tmp_path / "own.yaml"
    own.write_text("distributed_type: 'NO'\n")
    assert accelerate_file(str(own)) == own


def test_several_machines_meet_at_an_address() -> None:
    two = launch(accelerate="multi-node", nodes=2, rendezvous="node-a:29500")
    assert accelerate_options(two)[2:] == ["--num_processes", "2", "--num_machines", "2"]
    assert "--machine_rank 0" in " ".join(argv_for(JOB, launch=two))
    assert meeting_options("node-a:29500", 1)[-2:] == ["--machine_rank", "1"]


def test_the_files_tell_how_many_processes_share_a_machine_and_a_base() -> None:
    assert spread_of(launch()) == Spread()
    assert spread_of(launch(accelerate="cpu-2")) == Spread(2, 2, 1)
    assert spread_of(launch(accelerate="fsdp2", processes=4)) == Spread(4, 4, 4)
    assert spread_of(launch(accelerate="zero3")) == spread_of(launch(accelerate="zero2")) == Spread(2, 2, 2)
    assert spread_of(launch(accelerate="multi-node", nodes=3, rendezvous="node-a:29500")) == Spread(3, 1, 1)


def test_accelerate_reads_the_file_for_gpus_as_it_is_meant() -> None:
    """Nowhere here are two GPUs, so it is read and not run; the other files are run (test_processes.py, test_zero.py)."""
    read = load_config_from_file(str(accelerate_file("gpus"))).to_dict()
    meant = {"distributed_type": "MULTI_GPU", "use_cpu": False, "num_processes": 2, "num_machines": 1, "main_process_port": 0}
    assert {name: read[name] for name in meant} == meant


def test_a_job_for_several_processes_does_not_go_to_the_warm_child(tmp_path: Path) -> None:
    two = launch(accelerate="cpu-2")
    assert Trainer(tmp_path / "log", "child").launch_of(tmp_path / JOB, two) == Launch(argv_for(tmp_path / JOB, launch=two))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accelerate": "fsdp"}, "there is no accelerate file 'fsdp'; did you mean 'fsdp2'"),
        ({"accelerate": "gone.yaml"}, "there is no accelerate file gone.yaml"),
        ({"processes": 2}, "accelerate auto starts one process"),
        ({"accelerate": "gpus", "nodes": 2}, "nobody says where they meet"),
        ({"accelerate": "gpus", "nodes": 2, "processes": 3, "launcher": "slurm"}, "not a multiple of nodes"),
        ({"accelerate": "gpus", "rendezvous": "node-a:29500"}, "nodes of 2 or more"),
        ({"launcher": "cloud"}, "input should be 'local' or 'slurm'"),
    ],
)
def test_what_cannot_be_launched_is_refused_by_name(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        argv_for(JOB, launch=launch(**settings))
