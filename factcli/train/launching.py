"""Where a training job runs and in how many processes: the settings, and the files of configs/accelerate that they name. No torch here."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from factcli.config import Config, read_yaml, setting
from factcli.errors import SettingsError, nearest
from factcli.resolving import configs_directory

AUTO = "auto"  # one process: by accelerate on a GPU, the warm child on a CPU
DEEPSPEED = "DEEPSPEED"  # a type of accelerate's files
PORT = 29500  # torch's own


class SlurmConfig(Config):
    """What a cluster wants to know of a job. Nothing here changes a result."""

    partition: str | None = setting(None, "Partition; unset is the cluster's own choice.", role="operational")
    account: str | None = setting(None, "Account that pays.", role="operational")
    time_limit: str | None = setting(None, "Longest time between two checkpoints that it goes on from, e.g. 12:00:00.", role="operational")
    gpus_per_node: int = setting(0, "GPUs of each machine; 0 asks for none.", role="operational", ge=0)
    cpus_per_node: int = setting(0, "CPU cores of each machine; 0 is the cluster's own number.", role="operational", ge=0)
    memory: str | None = setting(None, "Memory of each machine, e.g. 64G.", role="operational")
    options: tuple[str, ...] = setting((), "Further options of sbatch, e.g. [--constraint=h100].", role="operational")
    setup: str = setting("", "Shell lines before the training, e.g. `module load cuda`.", role="operational")
    notice_s: int = setting(120, "Seconds before the time limit at which a checkpoint is written and the job goes back into the queue.", "operational", ge=1)
    poll_s: float = setting(5.0, "Seconds between two looks at the queue.", role="operational", gt=0)
    template: str | None = setting(None, "sbatch script instead of configs/slurm/job.sbatch.", role="operational")


class LaunchConfig(Config):
    """Where a training job runs, and in how many processes."""

    launcher: Literal["local", "slurm"] = setting("local", "local: this machine; slurm: a job of its own in the queue.", role="operational")
    accelerate: str = setting(AUTO, "auto (one process), or a file of configs/accelerate: gpus, fsdp2, zero3, ...; or a path.", role="numerics", later=True)
    processes: int = setting(0, "Processes in all; 0 is what the file of accelerate says.", role="numerics", ge=0, later=True)
    nodes: int = setting(1, "Machines; of several, `launcher slurm` finds the addresses.", role="numerics", ge=1, later=True)
    rendezvous: str | None = setting(None, "HOST:PORT of this machine, where the others find it; for several machines without Slurm.", role="operational")
    slurm: SlurmConfig = setting(SlurmConfig(), "What the cluster wants to know.", later=True)

    @model_validator(mode="after")
    def _fits_together(self) -> "LaunchConfig":
        if self.accelerate == AUTO and (self.processes > 1 or self.nodes > 1):
            raise ValueError(f"processes is {self.processes}, nodes {self.nodes}, and accelerate auto starts one process: choose a file, e.g. accelerate=gpus")
        if self.processes % self.nodes:
            raise ValueError(f"processes is {self.processes}: not a multiple of nodes, which is {self.nodes}")
        if self.nodes > 1 and self.launcher == "local" and self.rendezvous is None:
            raise ValueError(f"nodes is {self.nodes} and nobody says where they meet: rendezvous=HOST:{PORT}, or launcher=slurm")
        if self.rendezvous is not None and (self.nodes == 1 or not self.rendezvous.rpartition(":")[2].isdigit()):
            raise ValueError(f"rendezvous is {self.rendezvous!r}: need HOST:PORT, and nodes of 2 or more")
        return self

    @property
    def is_plain(self) -> bool:
        """Whether a job runs here in one process, as without any of these settings."""
        return self.launcher == "local" and self.accelerate == AUTO


HERE = LaunchConfig()


@dataclass(frozen=True, slots=True)
class Spread:
    """The processes of a job: in all, on each machine, and over how many the frozen base is cut, or the optimizer of a whole model."""

    processes: int = 1
    on_machine: int = 1
    parts: int = 1


def spread_of(launch: LaunchConfig) -> Spread:
    """As settings and accelerate file say."""
    if launch.accelerate == AUTO:
        return Spread()
    said = _said(launch)
    n = launch.processes or (launch.nodes if launch.nodes > 1 else int(said.get("num_processes") or 1))
    return Spread(n, max(1, n // launch.nodes), n if said.get("distributed_type") in ("FSDP", DEEPSPEED) else 1)


def is_deepspeed(launch: LaunchConfig) -> bool:
    """Whether the accelerate file wants DeepSpeed."""
    return launch.accelerate != AUTO and _said(launch).get("distributed_type") == DEEPSPEED


def _said(launch: LaunchConfig) -> dict[str, Any]:
    return read_yaml(accelerate_file(launch.accelerate))


def accelerate_file(name: str) -> Path:
    """The file that `name` stands for: a path, or one of configs/accelerate. Raises SettingsError with the nearest name."""
    if Path(name).suffix:
        if not Path(name).is_file():
            raise SettingsError(f"there is no accelerate file {name}", "`accelerate config` writes one; configs/accelerate holds those that ship with `fact`")
        return Path(name).resolve()
    have = {file.stem: file for file in sorted((configs_directory() / "accelerate").glob("*.yaml"))}
    if name not in have:
        raise SettingsError(f"there is no accelerate file {name!r}{nearest(name, have)}", f"known: {AUTO}, {', '.join(have)}; or give a path ending in .yaml")
    return have[name]


def launcher_argv(launch: LaunchConfig) -> list[str]:
    """accelerate's launcher, ours where it starts one process; where machines meet, and the worker, come on top."""
    return [sys.executable, "-m", "factcli.train.accelerating", *accelerate_options(launch)]


def accelerate_options(launch: LaunchConfig) -> list[str]:
    """The options of `accelerate launch` that the settings stand for; where machines meet comes on top."""
    if launch.accelerate == AUTO:
        return ["--num_processes", "1"]
    options = ["--config_file", str(accelerate_file(launch.accelerate))]
    if launch.processes:
        options += ["--num_processes", str(launch.processes)]
    elif launch.nodes > 1:
        options += ["--num_processes", str(launch.nodes)]
    return [*options, "--num_machines", str(launch.nodes)] if launch.nodes > 1 else options


def meeting_options(rendezvous: str, rank: int) -> list[str]:
    """Where the machines meet, and the place of this one: the first process, which reports, belongs to the first machine."""
    host, _, port = rendezvous.rpartition(":")
    return ["--main_process_ip", host, "--main_process_port", port, "--rdzv_backend", "static", "--same_network", "--machine_rank", str(rank)]
