"""What made a version: code revision, library versions, machine, time. Read without importing any of them."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

LIBRARIES = ("torch", "transformers", "tokenizers", "peft", "trl", "accelerate", "datasets", "numpy", "scipy", "pydantic", "openai")


def utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


@cache
def library_versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # an extra that is not installed
    return found


@cache
def code_version() -> dict[str, str | bool]:
    """Version of the package, of Python and what machine; in a git checkout of the package its revision and whether it was changed since."""
    checkout = Path(__file__).resolve().parents[2]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"  # its name is nobody's business
    known: dict[str, str | bool] = {"version": _package_version(), "python": platform.python_version(), "machine": machine}
    if (checkout / ".git").exists() and (checkout / "pyproject.toml").exists():
        revision = _git(checkout, "rev-parse", "HEAD")
        if revision:
            known |= {"revision": revision, "dirty": bool(_git(checkout, "status", "--porcelain"))}
    return known


def _package_version() -> str:
    try:
        return metadata.version("factcli")
    except metadata.PackageNotFoundError:
        return "not installed"  # run from the source tree


def _git(checkout: Path, *arguments: str) -> str:
    try:
        run = subprocess.run(["git", "--no-optional-locks", "-C", str(checkout), *arguments], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no git here: the version alone must do
    return run.stdout.strip() if run.returncode == 0 else ""
