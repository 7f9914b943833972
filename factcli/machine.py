"""What memory this machine has: of the system or the container it runs in, and of its GPUs. No torch: a dry run asks it too.

A limit may be set on any level of a control group (a container, a Slurm job), so all levels above this process are read.
"""

import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

GB = 1e9
UNLIMITED = 1 << 60  # version 1 of control groups says "no limit" with a number near 2**63
ASK_TIMEOUT_S = 20.0  # nvidia-smi took 3 s on a machine whose driver had to be woken


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes; `name` says of what."""

    name: str
    total: int
    free: int

    def shared(self, n: int) -> "Memory":
        """What each of n processes has of it."""
        return self if n == 1 else Memory(f"{self.name}, for each of {n} processes", self.total // n, self.free // n)

    def __str__(self) -> str:
        return f"{self.name}: {self.free / GB:.1f} of {self.total / GB:.1f} GB free"


def system_memory(root: Path = Path("/")) -> Memory | None:
    """What a process can still take, the limits of its control groups considered; None where the system does not say."""
    said = _read(root / "proc/meminfo")
    sizes = [re.search(rf"^{name}:\s*(\d+) kB", said, re.MULTILINE) for name in ("MemTotal", "MemAvailable")]
    total, free = (int(match[1]) * 1024 if match else None for match in sizes)
    if total is None:
        total = _total_by_sysconf()
    if total is None:
        return None
    free = total if free is None else free
    for limit, used in _limits(root):
        total, free = min(total, limit), min(free, max(0, limit - used))
    return Memory("this machine", total, free)


def _total_by_sysconf() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def _limits(root: Path) -> list[tuple[int, int]]:
    """(limit, used) of every control group around this process that has a limit; file pages that can be dropped are not used."""
    groups = root / "sys/fs/cgroup"
    found: list[tuple[int, int]] = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, controllers, path = (*line.split(":", 2), "", "")[:3]
        is_first_version = "memory" in controllers.split(",")
        if not is_first_version and number != "0":
            continue
        top = groups / "memory" if is_first_version else groups
        here = top / path.lstrip("/")
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if is_first_version else ("memory.max", "memory.current")
        found += [both for level in _levels(here, top) if (both := _limit_at(level, *names)) is not None]
    return found


def _levels(here: Path, top: Path) -> list[Path]:
    """The group itself and those above it; a container often sees its own group as the top."""
    above = [here, *here.parents]
    return [level for level in above if level.is_relative_to(top)]


def _limit_at(level: Path, limit_name: str, used_name: str) -> tuple[int, int] | None:
    limit, used = _read(level / limit_name).strip(), _read(level / used_name).strip()
    if not (limit.isdecimal() and used.isdecimal()) or int(limit) >= UNLIMITED:
        return None
    dropped = re.search(r"^(?:total_)?inactive_file (\d+)", _read(level / "memory.stat"), re.MULTILINE)
    return int(limit), int(used) - (int(dropped[1]) if dropped else 0)


def gpu_memory() -> list[Memory]:
    """Each NVIDIA GPU that this process may use, as its driver's own tool says; empty where there is none, or no such tool."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    argv = [tool, "--query-gpu=index,uuid,name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    try:
        said = subprocess.run(argv, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return gpus_told(said.stdout if said.returncode == 0 else "", os.environ.get("CUDA_VISIBLE_DEVICES"))


def gpus_told(said: str, visible: str | None) -> list[Memory]:
    """The GPUs in the tool's lines `index, uuid, name, total MiB, free MiB`; of CUDA_VISIBLE_DEVICES those named, in its order."""
    found: dict[str, Memory] = {}
    for line in said.splitlines():
        index, uuid, name, total, free = (part.strip() for part in (*line.split(","), *[""] * 5)[:5])
        if total.isdecimal() and free.isdecimal():
            found[index] = found[uuid] = Memory(name, int(total) << 20, int(free) << 20)
    if visible is None:
        return [memory for key, memory in found.items() if key.isdecimal()]
    return [found[name] for name in (part.strip() for part in visible.split(",")) if name in found]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""  # not this system


def processor_name(root: Path = Path("/")) -> str:
    """What the system calls its processor, with how many cores of it this process may use."""
    match = re.search(r"^model name\s*:\s*(.+)$", _read(root / "proc/cpuinfo"), re.MULTILINE)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{match[1].strip() if match else platform.machine()}, {cores} cores"
