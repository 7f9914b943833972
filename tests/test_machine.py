"""What memory there is, by what the system and its control groups say."""

from pathlib import Path

from factcli.machine import gpus_told, system_memory

MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:   12000000 kB\n"
NO_LIMIT = 9223372036854771712  # what version 1 of control groups says


def root_with(folder: Path, **files: str) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, **{name.replace("__", "/"): text for name, text in files.items()}}.items():
        path = folder / name.replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_without_a_limit_it_is_what_the_system_says(tmp_path: Path) -> None:
    found = system_memory(root_with(tmp_path, proc__self__cgroup="0::/user\n"))
    assert found is not None
    assert (found.total, found.free) == (16_000_000 * 1024, 12_000_000 * 1024)


def test_the_narrowest_limit_of_all_levels_counts_and_droppable_pages_are_free(tmp_path: Path) -> None:
    """The job's own group has no limit; the one above it has 4 GB, of which 3 are used, 1 of them pages of files."""
    above = "sys__fs__cgroup__slurm__"
    files = {above + "memory_dot_max": "4000000000", above + "memory_dot_current": "3000000000"}
    files |= {above + "memory_dot_stat": "anon 5\ninactive_file 1000000000\n"}
    inner = {"sys__fs__cgroup__slurm__job__memory_dot_max": "max\n", "sys__fs__cgroup__slurm__job__memory_dot_current": "7\n"}
    found = system_memory(root_with(tmp_path, proc__self__cgroup="0::/slurm/job\n", **files, **inner))
    assert found is not None
    assert (found.total, found.free) == (4_000_000_000, 2_000_000_000)


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    top, job = "sys__fs__cgroup__memory__", "sys__fs__cgroup__memory__job__"
    files = {top + "memory_dot_limit_in_bytes": str(NO_LIMIT), top + "memory_dot_usage_in_bytes": "9"}
    files |= {job + "memory_dot_limit_in_bytes": "5000", job + "memory_dot_usage_in_bytes": "6000"}
    found = system_memory(root_with(tmp_path, proc__self__cgroup="9:name=systemd:/\n4:cpu,memory:/job\n0::/\n", **files))
    assert found is not None
    assert (found.total, found.free) == (5000, 0)


def test_a_system_that_says_nothing_has_the_memory_of_its_pages(tmp_path: Path) -> None:
    found = system_memory(tmp_path)
    assert found is not None
    assert found.total == found.free > 0


def test_gpus_are_those_that_are_visible_in_their_order() -> None:
    said = "0, GPU-aa, NVIDIA H200, 143771, 140000\n1, GPU-bb, NVIDIA L4, 23034, 100\n2, GPU-cc, broken, [N/A], [N/A]\n"
    assert [gpu.name for gpu in gpus_told(said, None)] == ["NVIDIA H200", "NVIDIA L4"]
    (only,) = gpus_told(said, "GPU-bb")
    assert (only.name, only.total, only.free) == ("NVIDIA L4", 23034 * 2**20, 100 * 2**20)
    assert [gpu.name for gpu in gpus_told(said, "1,0")] == ["NVIDIA L4", "NVIDIA H200"]
    assert gpus_told(said, "") == []
