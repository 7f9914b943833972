"""What `fact` does by itself on one GPU: pre-training, PREREQ-TUNE and SFT, ways to sample versions, switches, processes, resuming, a sweep."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.bench.gpu.figures import Figures, Row, in_turns, step_seconds, times, usage_row
from tests.bench.gpu.place import Manifest, Place, RefusedError

VERSIONS = 5
DATA, TEN = "five", "ten"
ALONE = tuple(part for name in ("recite_target", "probe_statement", "probe_passage") for part in ("--set", f"{name}=null"))  # ten adapters, no early stop
SWITCHES: Mapping[str, tuple[str, ...]] = {
    "float32": ("dtype=float32",),
    "without packing": ("packing=false",),
    "micro_rows=4": ("micro_rows=4",),
    "padding free": ("compute.padding=free",),
    "flash attention": ("compute.attention=flash",),
    "activation checkpointing": ("compute.activation_checkpointing=true",),
    "Liger": ("compute.liger=true",),
    "torch.compile": ("compute.compile=true",),
}
PROCESSES: Mapping[str, tuple[str, ...]] = {"cuda": ("gpus", "fsdp2"), "cpu": ("cpu-2",)}  # by device, files of configs/accelerate
EVALUATED = ("--set", "probe_versions=0", "--set", "heldout_forms=false", "--limit", "200")


def ground(place: Place) -> Manifest:
    """The world with its base model and five versions of data, made or found."""
    made = place.fact("world", "--size", place.size, "--name", "world")
    place.fact("synth", "bio", "--world", "world", "--versions", str(VERSIONS), "--name", DATA)
    return made


def ten(place: Place, name: str = TEN, *more: str) -> Manifest:
    """Ten adapters, made or found."""
    return place.fact("prereq", "--synth", DATA, *ALONE, *more, "--name", name)


def timed_ten(place: Place, name: str = TEN, *more: str) -> Manifest:
    return place.timed(name, "prereq", "--synth", DATA, *ALONE, *more)


def world(place: Place) -> Figures:
    made = ground(place)
    return Figures([usage_row("fact world", [made["usage"]]) | {"head questions, %": 100 * made["summary"]["gate"]}])


def prereq(place: Place) -> Figures:
    ground(place)
    made = place.fact("prereq", "--synth", DATA, "--name", "knowledge")
    return Figures([usage_row("fact prereq", [made["usage"]]) | {"least recited, %": 100 * made["summary"]["least_recited"]}])


def skills(place: Place) -> dict[str, Manifest]:
    """PREREQ-TUNE and SFT, made or found."""
    prereq(place)
    methods = {"prereq-tune": ("--knowledge", "knowledge"), "sft": ("--synth", DATA, "--method", "real")}
    return {name: place.fact("sft", *words, "--name", name) for name, words in methods.items()}


def sft(place: Place) -> Figures:
    return Figures([usage_row(name, [made["usage"]]) for name, made in skills(place).items()])


def effect(place: Place) -> Figures:
    skills(place)
    found = Figures()
    for model in ("world", "prereq-tune", "sft"):
        summary = place.fact("eval", "world", "--model", model, "--name", f"eval-{model}", *EVALUATED)["summary"]
        right = {"questions right, %": "qa.accuracy/all", "claims true, %": "bio.share_correct/all"}
        row: Row = {name: 100 * summary[key] for name, key in right.items() if summary.get(key) is not None}
        found.rows.append({"what": "base" if model == "world" else model, **row, "claims each": summary["bio.claims_per_answer/all"]})
    return found


def skill_versions(place: Place) -> Figures:
    prereq(place)

    def turn() -> dict[str, Manifest]:
        return {how: place.timed(f"versions-{how}", "sft", "--knowledge", "knowledge", "--set", f"version_sampling={how}") for how in ("one", "all")}

    try:
        turns = in_turns(place, turn)
    except RefusedError as error:
        return Figures(left_out=[str(error)])
    rows = [usage_row(f"version_sampling={how}", [made[how]["usage"] for made in turns], step_seconds) for how in turns[0]]
    one, every = ([step_seconds(made[how]["usage"]) / made[how]["usage"]["tokens"] for made in turns] for how in turns[0])
    ratios = times(one, every)
    rows[1] |= {"tokens/s, of one": ratios["times ours"]}
    return Figures(rows)


def switches(place: Place) -> Figures:
    ground(place)
    found = Figures([usage_row("as it comes", [timed_ten(place)["usage"]], step_seconds)])
    for what, settings in SWITCHES.items():
        try:
            made = timed_ten(place, f"switch-{what.replace(' ', '-').replace('=', '')}", *(part for one in settings for part in ("--set", one)))
        except RefusedError as error:
            found.left_out.append(f"{what}: {error}")
        else:
            found.rows.append(usage_row(what, [made["usage"]], step_seconds))
    return found


def processes(place: Place) -> Figures:
    ground(place)
    ten(place)
    found = Figures()
    for file in PROCESSES[place.device]:
        n = "1" if place.device == "cuda" else "2"
        made = ten(place, f"with-{file}", "--accelerate", file, "--set", f"launch.processes={n}")
        found.rows.append(usage_row(f"{file}, processes {n}", [made["usage"]]) | {"weights, largest difference, %": difference(place, TEN, f"with-{file}")})
    return found


def difference(place: Place, name: str, other: str) -> float:
    """Of the adapters of two versions: the largest difference of two weights, % of the largest weight."""
    from safetensors.numpy import load_file

    largest, off = 0.0, 0.0
    folders = [next((place.data / one).glob("v*/adapters")) for one in (name, other)]
    for file in sorted(folders[0].glob("*/adapter_model.safetensors")):
        theirs = load_file(folders[1] / file.parent.name / file.name)
        for key, weights in load_file(file).items():
            largest, off = max(largest, float(abs(weights).max())), max(off, float(abs(weights - theirs[key]).max()))
    return 100 * off / largest


def resume(place: Place) -> Figures:
    """The ten adapters, stopped after the first checkpoint, and gone on with."""
    ground(place)
    ten(place)
    words = ("--set", "checkpoint_every_s=0.2")
    is_stopped = stop_at_a_checkpoint(place, "resumed", *words)
    made = ten(place, "resumed", *words)
    row = usage_row("stopped, and typed again" if is_stopped else "ended before it could be stopped", [made["usage"]])
    return Figures([row | {"weights, largest difference, %": difference(place, TEN, "resumed")}])


def stop_at_a_checkpoint(place: Place, name: str, *more: str) -> bool:
    """Whether the command was stopped; False: it had ended before."""
    command = [sys.executable, "-m", "factcli.cli", "prereq", "--synth", DATA, "--name", name, *ALONE, *more, "--data", str(place.data)]
    child = subprocess.Popen(command, env=place.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not any((place.data / name).glob(".partial-*/work/**/step-*")):
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    child.wait()
    return not any((place.data / name).glob("v*"))


def sweep(place: Place) -> Figures:
    """Four cells of SFT, each measured on dev people."""
    ground(place)
    start = time.monotonic()
    made = place.fact(
        *("sweep", "sft", "--synth", DATA, "--method", "real", "--grid", "lr=1e-4,3e-4", "--grid", "lora_r=8,16", "--name", "swept"),
        *("--eval", " ".join(("eval world", *EVALUATED))),
    )
    cells = [json.loads(line) for line in (Path(place.data) / "swept/v0001/cells.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = time.monotonic() - start
    return Figures([{"what": "fact sweep sft", "cells": float(len(cells)), "seconds in all": seconds, "chosen": str(made["summary"]["chosen"])}])
