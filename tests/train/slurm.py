"""A cluster of one machine, this one: munged, slurmctld and slurmd of Debian's slurm-wlm and munge, all below a directory of the test.

And stand-ins for its programs, where what they say matters and no cluster is needed.
"""

import os
import pwd
import shlex
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo")
CONF = """
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={port}
SlurmdPort={next_port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
KillWait=30
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


# A stand-in notes what it is given in a file beside it, and does its lines one after the other; the last again and again.
STANDIN = """#!/bin/bash
echo "$*" >> {path}.given
now=$(head -n 1 {path}.lines)
[ "$(wc -l < {path}.lines)" -gt 1 ] && sed -i 1d {path}.lines
eval "$now"
"""
FORGOTTEN = "echo slurm_load_jobs error: Invalid job id specified >&2; exit 1"
FAILS = "echo slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1"


@dataclass(frozen=True, slots=True)
class Standins:
    """Programs in a folder that stands in PATH."""

    folder: Path

    def do(self, name: str, *lines: str) -> None:
        """From now on the program does these lines of bash, one at each call."""
        path = self.folder / name
        path.write_text(STANDIN.format(path=shlex.quote(str(path))))
        path.with_name(f"{name}.lines").write_text("".join(f"{line}\n" for line in lines))
        path.chmod(0o755)

    def given(self, name: str) -> list[str]:
        """What the program was called with, call by call."""
        notes = self.folder / f"{name}.given"
        return notes.read_text().splitlines() if notes.exists() else []


def standins(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Standins:
    """One node, node-a, and jobs that get the number 42; srun says its words, each on a line."""
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    made = Standins(folder)
    for name, line in {"sbatch": "echo 42", "scontrol": "echo node-a", "srun": 'printf "%s\\n" "$@"', "scancel": "true"}.items():
        made.do(name, line)
    return made


def started(script: Path, **variables: str) -> list[str]:
    """What a job would start: its script is executed, and the srun that stands in says so."""
    environment = {**os.environ, "SLURM_JOB_NODELIST": "node-a", "SLURM_JOB_ID": "42"} | variables
    ran = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()[2:]  # after srun's own options


def directives(text: str) -> list[str]:
    """What sbatch reads of a script: quotes and backslashes are to it what they are within a shell's double quotes."""
    words = [shlex.split(line.removeprefix("#SBATCH ")) for line in text.splitlines() if line.startswith("#SBATCH ")]
    assert all(len(line) == 1 for line in words), words
    return [line[0] for line in words]


def missing() -> list[str]:
    """The programs that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


@contextmanager
def one_machine(folder: Path) -> Iterator[Path]:
    """A running cluster; gives its slurm.conf, for SLURM_CONF."""
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o700)
    host = socket.gethostname().split(".")[0]
    first, second = _free_ports()
    conf = folder / "slurm.conf"
    conf.write_text(CONF.format(host=host, user=pwd.getpwuid(os.getuid()).pw_name, port=first, next_port=second, folder=folder))
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        daemons.append(_munge(folder / "munge"))
        until((folder / "munge/socket").exists)
        for command in (["slurmctld", "-D"], ["slurmd", "-D", "-N", host]):
            with (folder / f"{command[0]}.out").open("wb") as out:
                daemons.append(subprocess.Popen(command, env={**os.environ, "SLURM_CONF": str(conf)}, stdout=out, stderr=out))
        until(lambda: "idle" in _said(["sinfo", "--noheader", "--format=%T"], conf))
        yield conf
    finally:
        for daemon in reversed(daemons):
            daemon.terminate()
            daemon.wait(30)


def _munge(folder: Path) -> "subprocess.Popen[bytes]":
    key = folder / "key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    files = {"key-file": key, "socket": folder / "socket", "pid-file": folder / "pid", "log-file": folder / "log", "seed-file": folder / "seed"}
    return subprocess.Popen(["munged", "--foreground", "--force", *(f"--{name}={path}" for name, path in files.items())], stderr=subprocess.DEVNULL)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _said(command: list[str], conf: Path) -> str:
    return subprocess.run(command, env={**os.environ, "SLURM_CONF": str(conf)}, capture_output=True, text=True, check=False).stdout


def until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """A daemon that comes up says so nowhere else."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "the cluster does not come up"
        time.sleep(0.2)
