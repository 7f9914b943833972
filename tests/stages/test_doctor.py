"""`fact doctor`: every finding says what it means; the machine's own answers are checked against other sources."""

import json
import os
import platform
import re
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

import pytest
from rich.console import Console

from factcli.commands.looking import show_doctor
from factcli.stages import doctor as stage
from factcli.stages.doctor import Finding, doctor, file_system_of, render_doctor

MOUNTS = """\
/dev/vda / ext4 rw 0 0
proc /proc proc rw 0 0
server:/export /home/me nfs4 rw 0 0
/dev/vdb /home/me/local\\040disk xfs rw 0 0
tmpfs /home tmpfs rw 0 0
server:/again /home/me nfs rw 0 0
"""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    place = tmp_path_factory.mktemp("machine")
    return {f.name: f for f in doctor(place / "data" / "not yet", place)}


def test_everything_is_answered_in_order_and_says_what_it_means(findings: dict[str, Finding]) -> None:
    machine = ["python", "system", "CPU cores", "memory", "disk", "data directory", "cache"]
    assert list(findings) == [*machine, "device", "extra [train]", "extra [report]", "flash-attn", "git"]
    for finding in findings.values():
        assert finding.found
        assert finding.meaning
        assert finding.state in ("ok", "warn", "missing")


def test_the_machine_is_described_as_it_is(findings: dict[str, Finding]) -> None:
    assert platform.python_version() in findings["python"].found
    assert findings["python"].state == "ok"
    assert platform.system() in findings["system"].found
    if hasattr(os, "sched_getaffinity"):
        assert findings["CPU cores"].found == str(len(os.sched_getaffinity(0)))
    match = re.fullmatch(r"([\d.]+) GB, ([\d.]+) GB available", findings["memory"].found)
    assert match
    assert 0 < float(match[2]) <= float(match[1])
    assert re.match(r"[\d.]+ GB free for .*not yet", findings["disk"].found)


def test_installed_extras_are_listed_with_their_versions(findings: dict[str, Finding]) -> None:
    if util.find_spec("peft") is None:
        assert findings["extra [train]"].state == "missing"
        assert 'pip install "factcli[train]"' in findings["extra [train]"].meaning
    else:
        assert f"peft {metadata.version('peft')}" in findings["extra [train]"].found


def test_the_bounds_of_every_extra_can_be_read() -> None:
    for extra in stage.EXTRAS:
        needed = dict(stage._requirements(extra))
        assert needed, extra
        for bounds in needed.values():
            stage._fits("1.0", bounds)
    assert "torch" in dict(stage._requirements("train"))


@pytest.mark.parametrize(
    ("version", "bounds", "fits"),
    [
        ("5.10.0", ">=5.10,<6", True),
        ("5.9", ">=5.10,<6", False),
        ("5.23.0", ">=5.10,<6", True),
        ("6.0", ">=5.10,<6", False),
        ("6.0.0rc1", ">=5.10,<6", False),
        ("2.13.0", ">=2.9", True),
        ("2.9", ">=2.9.0", True),
        ("1.0.post1", ">=1", True),
        ("0.1", "", True),
    ],
)
def test_versions_are_compared_as_numbers(version: str, bounds: str, fits: bool) -> None:
    assert stage._fits(version, bounds) == fits


def test_tested_versions_come_from_the_constraints() -> None:
    tested = stage._tested_versions()
    assert tested["torch"] == "2.13.0"
    assert all(re.match(r"\d", version) for version in tested.values())


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "ext4"), ("/procession", "ext4"), ("/proc/1", "proc"), ("/home/you", "tmpfs"), ("/home/me/data", "nfs"), ("/home/me/local disk/data", "xfs")],
)
def test_the_file_system_of_a_path_is_that_of_the_deepest_and_latest_mount_above_it(path: str, kind: str) -> None:
    assert file_system_of(Path(path), MOUNTS) == kind


def test_an_unknown_file_system_is_empty() -> None:
    assert file_system_of(Path("/x"), "") == ""


@pytest.mark.parametrize("kind", ["nfs4", "fuse.s3fs", "fuse.glusterfs"])
def test_a_network_file_system_is_a_warning_that_names_the_way_out(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "_read", lambda _: f"server:/x {tmp_path.resolve()} {kind} rw 0 0\n")
    data, cache = stage._file_system("data directory", tmp_path), stage._file_system("cache", tmp_path)
    assert (data.state, cache.state) == ("warn", "warn")
    assert f"network file system ({kind})" in data.found
    assert "FACT_DATA" in data.meaning
    assert "FACT_CACHE_DIR" in cache.meaning


WITHOUT_TORCH = """
import importlib.util, sys
from pathlib import Path
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "torch" else found(name, *rest)
from factcli.stages.doctor import doctor
findings = {f.name: f for f in doctor(Path(sys.argv[1]))}
assert "torch" not in sys.modules and "numpy" not in sys.modules, "what takes seconds"
print(findings["device"].state, findings["device"].meaning)
"""


def test_without_torch_the_answer_is_quick_and_says_what_cannot_be_done(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True)
    state, meaning = run.stdout.split(" ", 1)
    assert state == "missing"
    assert "no training and no local models" in meaning


def test_a_machine_without_a_gpu_is_told_what_it_can_do(findings: dict[str, Finding]) -> None:
    if util.find_spec("torch") is None:
        assert findings["device"].state == "missing"
    elif findings["device"].state == "warn":
        assert re.search(r"`fact demo` runs on the CPU in about \d+ minutes; real models need a GPU", findings["device"].meaning)
    else:
        assert "GPU" in findings["device"].found


@pytest.mark.skipif(util.find_spec("torch") is None, reason="needs torch")
def test_an_apple_gpu_is_not_promised_to_do_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training and local models take CUDA or the CPU."""
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    finding = stage._device()
    assert finding.state == "warn"
    assert finding.found.startswith("an Apple GPU (mps), which is not used")
    assert "runs on the CPU" in finding.meaning


def test_the_command_looks_at_the_cache_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "answers"))
    show_doctor(tmp_path, as_json=True)
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert str(tmp_path / "answers") in findings["cache"]["found"]


def test_the_findings_fit_a_terminal(findings: dict[str, Finding]) -> None:
    console = Console(width=120, no_color=True)
    with console.capture() as capture:
        console.print(render_doctor([*findings.values(), Finding("odd", "warn", "[red]x", "[bold]y")]))
    assert "extra [train]" in capture.get()
    assert "[red]x" in capture.get()
