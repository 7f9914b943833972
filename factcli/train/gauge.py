"""Measures a training process: the room before it, its memory at the peak, and how much of its device's speed it used."""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from factcli.machine import Memory as Room
from factcli.machine import processor_name, system_memory
from factcli.train.batches import Tokens
from factcli.train.estimate import AnyJob, refuse, ways_out
from factcli.train.memory import Architecture, Estimate, in_each_of, in_gb
from factcli.train.speed import Passed, Sizes, flops, peak_of
from factcli.train.together import highest

OnEvent = Callable[[dict[str, object]], None]
MATMUL = 1024  # side of the matrices that measure a CPU


class Gauge:
    """Made before a model is loaded: `room` is what the device had free then."""

    def __init__(self, device: torch.device, n_processes: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self.device = device
        self.n_processes = n_processes
        self.name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
        self.room = agreed(room_on(device), device)
        self.before = 0 if device.type == "cuda" else resident_bytes()  # libraries, and what earlier jobs of a warm process left
        self.passed = Passed()
        self.estimate: Estimate | None = None
        self._clock = clock
        self._training_s = 0.0
        forget_peak(device)

    def foresee(self, job: AnyJob, estimate: Estimate, steps: int, tokens: int, on_event: OnEvent) -> None:
        """Say what is to come; raises SettingsError where it cannot fit."""
        refuse(job, estimate, self.room)
        self.estimate = estimate
        room = "what the device has is not known" if self.room is None else str(self.room)
        memory = f"{in_gb(estimate.peak())}{in_each_of(self.n_processes)}: {estimate}"
        sizes = {"steps": steps, "tokens": tokens, "memory_bytes": estimate.peak(), "processes": self.n_processes}
        on_event({"event": "plan", **sizes, "memory": memory, "room": room, "device": self.name})
        if self.room is not None and estimate.peak() > self.room.free:
            on_event({"event": "note", "text": f"that may not fit; if it does not: {ways_out(job, estimate, self.room)[0]}"})

    @contextlib.contextmanager
    def training(self) -> Iterator[None]:
        """From before the first step to after the last."""
        since = self._clock()
        yield
        self._training_s = self._clock() - since

    def saw(self, rows: Iterable[Tokens]) -> None:
        """Rows, of all processes, that pass forwards and backwards."""
        for row in rows:
            self.passed = self.passed.and_row(len(row.ids), sum(end - start for start, end in row.learned))

    def saw_pairs(self, sizes: Iterable[tuple[int, int, int]], shares_prompt: bool) -> None:
        """Pairs, of all processes: tokens of each prompt, of its chosen and of its rejected answer."""
        for prompt, chosen, rejected in sizes:
            self.passed = self.passed.and_pair(prompt, chosen, rejected, shares_prompt)

    def saw_documents(self, n: int, learned: int) -> None:
        """Documents of which all tokens but the first are learned, as if all were equally long."""
        tokens = n + learned
        self.passed = replace(self.passed, tokens=tokens, squares=round(tokens**2 / max(1, n)), learned=learned)

    def usage(self, shape: Architecture | None, sizes: Sizes) -> Mapping[str, float | int | str]:
        """Of this process since it began, so of a resumed run the last part. What is not known is left out."""
        found: dict[str, float | int | str] = {"device": self.name, "peak_memory_bytes": peak_bytes(self.device)}
        if self.estimate is not None:
            found["estimated_memory_bytes"] = self.before + self.estimate.peak()
        peak = peak_of(self.name) if self.device.type == "cuda" else matmul_rate(torch.get_num_threads())
        if shape is None or peak is None or not self.passed.tokens or self._training_s <= 0:
            return found
        done = flops(shape, sizes, self.passed)
        rate = done / self._training_s / self.n_processes
        return found | {"flops": done, "flops_per_s": round(rate), "peak_flops_per_s": round(peak), "share_of_peak": round(rate / peak, 4)}


def room_on(device: torch.device) -> Room | None:
    """What a process on this device can still take."""
    if device.type != "cuda":
        return system_memory()
    free, total = torch.cuda.mem_get_info(device)
    return Room(torch.cuda.get_device_name(device), total, free)


def agreed(room: Room | None, device: torch.device) -> Room | None:
    """The least that a process has, so that all refuse or none; those of a machine share what a CPU has."""
    if room is not None and device.type != "cuda":
        room = room.shared(int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    least = -highest(-sys.maxsize if room is None else -room.free)
    return room and replace(room, free=least)


def forget_peak(device: torch.device) -> None:
    """The peak counts from here. On a CPU where the system lets a process ask for that (Linux); elsewhere from its start."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # proc(5): resets the peak resident set size


def peak_bytes(device: torch.device) -> int:
    """Of a GPU what torch had reserved of it, of a CPU the whole process.

    Linux is asked for the high-water mark of this program's memory: its getrusage hands on the peak of the program that started this one.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    with contextlib.suppress(OSError, IndexError):
        return int(Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1].split()[0]) * 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def resident_bytes() -> int:
    """Of this process, now; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return 0


@cache
def matmul_rate(_threads: int) -> float:
    """What this CPU does at most, measured: float32 products of square matrices, the best of three, operations per second."""
    a = torch.ones(MATMUL, MATMUL)
    best = 0.0
    for _ in range(3):
        start = time.perf_counter()
        a @ a
        best = max(best, 2 * MATMUL**3 / (time.perf_counter() - start))
    return best
