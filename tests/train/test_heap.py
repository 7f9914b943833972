"""Freed memory stays with the process from step to step, and goes back between jobs."""

import json
import platform
import subprocess
import sys

import pytest

# Blocks of 8 MB, as a step's activations are, made and freed again; a child's counters begin at zero.
PROGRAM = """
import ctypes, json, resource, sys
from factcli.train import heap

if sys.argv[1] == "kept":
    heap.keep_freed()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]

def step():
    blocks = [libc.malloc(2**23) for _ in range(8)]
    for block in blocks:
        ctypes.memset(block, 1, 2**23)
    for block in reversed(blocks):
        libc.free(block)

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
faults, held = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before, resident()
heap.give_back()
print(json.dumps([faults, held, resident()]))
"""


def ran(how: str) -> tuple[int, int, int]:
    """Page faults of ten steps, bytes held after them, and after they were given back."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    faults, held, left = json.loads(done.stdout)
    return faults, held, left


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators than glibc's are left as they are")
def test_freed_memory_is_used_again_and_given_back_between_jobs() -> None:
    """Ten times 64 MB are 163,840 pages of 4 KB."""
    faults, held, left = ran("kept")
    assert faults < 1_000
    assert held - left > 50_000_000
    assert ran("as it is")[0] > 10 * faults + 10_000
