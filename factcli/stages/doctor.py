"""`fact doctor`: what this machine has and lacks, and what that means. Reads only; imports torch only if it is there."""

import importlib
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from factcli.backends.cachefile import NETWORK
from factcli.machine import GB, system_memory

State = Literal["ok", "warn", "missing"]
DEMO_MINUTES = 7  # `make demo` with three versions on two cores: 425 s, docs/results.md
DEMO_MEMORY_GB = 2.0  # its peak was 1.4
DEMO_DISK_GB = 1.0  # what it writes, with room to spare
EXTRAS = {
    "train": "world, prereq, sft, eval",
    "report": "`fact report`",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about this machine. `missing` is something that a command needs; `warn` works, but worse."""

    name: str
    state: State
    found: str
    meaning: str


def doctor(root: Path, cache: Path | None = None) -> list[Finding]:
    """Every finding, in the order to read them. `root` is the data directory; it need not exist yet."""
    has_torch = importlib.util.find_spec("torch") is not None
    findings = [_python(), _system(), _cores(), _memory(), _disk(root), _file_system("data directory", root)]
    findings += [_file_system("cache", cache)] if cache else []
    findings += [_device() if has_torch else _no_torch()]
    findings += [_extra(extra) for extra in EXTRAS]
    return [*findings, _flash_attention(), _git()]


def _python() -> Finding:
    fits = (3, 11) <= sys.version_info[:2] <= (3, 13)
    meaning = "tested with 3.11 to 3.13" if fits else "not tested: use 3.11, 3.12 or 3.13"
    return Finding("python", "ok" if fits else "warn", f"{platform.python_version()} at {sys.executable}", meaning)


def _system() -> Finding:
    fits = platform.system() in ("Linux", "Darwin")
    meaning = "supported" if fits else "not tested: use Linux, macOS, or Windows through WSL"
    return Finding("system", "ok" if fits else "warn", f"{platform.system()} {platform.release()}, {platform.machine()}", meaning)


def _cores() -> Finding:
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if n < 2:
        return Finding("CPU cores", "warn", str(n), f"`fact demo` takes about {2 * DEMO_MINUTES} minutes instead of {DEMO_MINUTES}")
    return Finding("CPU cores", "ok", str(n), f"`fact demo` takes about {DEMO_MINUTES} minutes on two")


def _memory() -> Finding:
    found = system_memory()
    if found is None:
        return Finding("memory", "warn", "unknown", f"`fact demo` needs {DEMO_MEMORY_GB:.0f} GB")
    total, free = found.total / GB, found.free / GB
    enough = free >= DEMO_MEMORY_GB
    meaning = f"`fact demo` needs {DEMO_MEMORY_GB:.0f} GB" + ("" if enough else ": close something, or expect it to be killed")
    return Finding("memory", "ok" if enough else "warn", f"{total:.1f} GB, {free:.1f} GB available", meaning)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""  # not this system


def _disk(root: Path) -> Finding:
    free = shutil.disk_usage(_existing(root)).free / GB
    enough = free >= DEMO_DISK_GB
    meaning = f"`fact demo` writes less than {DEMO_DISK_GB:.0f} GB" + ("" if enough else ": free some, or choose another place with FACT_DATA")
    return Finding("disk", "ok" if enough else "warn", f"{free:.1f} GB free for {root}", meaning)


def _existing(path: Path) -> Path:
    """`path`, or the nearest directory above it that exists."""
    return next(p for p in (path.resolve(), *path.resolve().parents) if p.is_dir())


def _file_system(name: str, path: Path) -> Finding:
    kind = file_system_of(_existing(path), _read("/proc/self/mounts"))
    if kind in NETWORK:
        means = "locks may not hold and files may appear late: keep it on a local disk ({})".format("FACT_CACHE_DIR" if name == "cache" else "FACT_DATA")
        return Finding(name, "warn", f"{path}, on a network file system ({kind})", means)
    return Finding(
        name, "ok", f"{path}{f' ({kind})' if kind else ''}", "on a local disk" if kind else "kind of file system unknown here: keep it on a local disk"
    )


def file_system_of(path: Path, mounts: str) -> str:
    """The file system type of `path` by the text of /proc/self/mounts; "" if that does not say."""
    best, kind = -1, ""
    for line in mounts.splitlines():
        fields = line.split()
        point = Path(fields[1].encode().decode("unicode_escape")) if len(fields) > 2 else None  # a space is \040 there
        if point and path.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), fields[2]
    return kind


def _no_torch() -> Finding:
    meaning = 'no training and no local models; pip install "factcli[train]". Data, scoring through a server and reports work without'
    return Finding("device", "missing", "torch is not installed", meaning)


def _device() -> Finding:
    try:
        torch: Any = importlib.import_module("torch")
    except (ImportError, OSError) as error:  # OSError: a shared library of CUDA is not there
        return Finding("device", "missing", f"torch is installed but cannot be loaded: {' '.join(str(error).split())[:200]}", "install torch again")
    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
        names = ", ".join(f"{p.name} with {p.total_memory / GB:.0f} GB" for p in found)
        return Finding("device", "ok", f"{len(found)} GPU: {names}", "training and local models run on the GPU")
    gpu = "an Apple GPU (mps), which is not used" if torch.backends.mps.is_available() else "no GPU"
    meaning = f"`fact demo` runs on the CPU in about {DEMO_MINUTES} minutes; real models need a GPU"
    return Finding("device", "warn", f"{gpu}; torch {torch.__version__}", meaning)


def _extra(extra: str) -> Finding:
    needed = dict(_requirements(extra))
    found = {name: _version(name) for name in needed}
    absent = [name for name, version in found.items() if version is None]
    unfit = [f"{name} {version}, need {needed[name]}" for name, version in found.items() if version and not _fits(version, needed[name])]
    listed = ", ".join(f"{name} {version}" for name, version in found.items() if version)
    name, way_out = f"extra [{extra}]", f'pip install "factcli[{extra}]"'
    if absent or unfit:
        problem = "; ".join([f"lacks {', '.join(absent)}"] * bool(absent) + unfit)
        return Finding(name, "missing", problem, f"needed for {EXTRAS[extra]}: {way_out}")
    other = [f"{name} {tested}" for name, tested in _tested_versions().items() if found.get(name) not in (None, tested)]
    if other:
        return Finding(name, "warn", listed, f"should work for {EXTRAS[extra]}; tested with {', '.join(other)}")
    return Finding(name, "ok", listed, f"for {EXTRAS[extra]}; the tested versions")


def _requirements(extra: str) -> Iterator[tuple[str, str]]:
    """Name and version bounds of each package of an extra, as this installation declares them."""
    try:
        declared = metadata.requires("factcli") or []
    except metadata.PackageNotFoundError:
        declared = []  # run from the source tree
    for line in declared:
        match = re.fullmatch(r"([A-Za-z0-9_.-]+)([^;\[]*);\s*extra == ['\"]([^'\"]+)['\"]", line)
        if match and match[3] == extra:
            yield match[1].lower(), match[2].strip()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package).partition("+")[0]  # 2.13.0+cpu is 2.13.0
    except metadata.PackageNotFoundError:
        return None


def _fits(version: str, bounds: str) -> bool:
    """Whether a version lies within bounds such as `>=5.10,<6`. Enough of PEP 440 for the bounds that we write."""
    for bound in filter(None, bounds.split(",")):
        sign, limit = re.fullmatch(r"\s*(>=|<)\s*([0-9.]+)\s*", bound).groups()  # type: ignore[union-attr]  # our own pyproject.toml, tested
        if (_numbers(version) >= _numbers(limit)) != (sign == ">="):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """`5.10.0rc1` -> (5, 10): trailing zeros do not matter, nor does what follows the numbers."""
    match = re.match(r"\d+(\.\d+)*", version)
    numbers = [int(n) for n in match[0].split(".")] if match else [0]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _tested_versions() -> dict[str, str]:
    """Package -> version of constraints.txt; empty where it does not lie beside the package."""
    lines = _read(str(Path(__file__).resolve().parents[2] / "constraints.txt")).splitlines()
    return {name.lower(): version for name, equals, version in (line.partition("==") for line in lines) if equals}


def _flash_attention() -> Finding:
    version = _version("flash-attn")
    if version is None:
        return Finding("flash-attn", "ok", "not installed", "optional; attention runs through torch's own (sdpa)")
    return Finding("flash-attn", "ok", version, "used on a GPU that can; elsewhere sdpa")


def _git() -> Finding:
    path = shutil.which("git")
    meaning = "manifests record the revision of a source checkout" if path else "manifests record the version of the package only"
    return Finding("git", "ok" if path else "warn", path or "not installed", meaning)


STYLES: dict[State, str] = {"ok": "green", "warn": "yellow", "missing": "red"}


def render_doctor(findings: list[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for f in findings:
        table.add_row(Text(f.state, style=STYLES[f.state]), Text(f.name), Text(f.found, overflow="fold"), Text(f.meaning, style="dim"))
    return table
