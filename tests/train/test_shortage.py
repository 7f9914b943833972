"""Memory that ends in the middle of training: the largest batch that fits is said, and it does fit."""

import contextlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.errors import TrainingError
from factcli.train import job as jobs
from factcli.train.job import Lora, Machine, SkillJob
from factcli.train.launch import ended_in_words
from factcli.train.shortage import is_out_of_memory, within_memory
from tests.train.conftest import WriteRows, chats, save_base

ENDED = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 65536000000 bytes. Error code 12 (Cannot allocate memory)"


def room_for(most: int, tried: list[int]):
    """A pass that fits up to so many rows."""

    def run(n: int) -> int:
        tried.append(n)
        if n > most:
            raise RuntimeError(ENDED)
        return n

    return run


def test_halves_are_tried_until_one_fits() -> None:
    tried: list[int] = []
    with pytest.raises(TrainingError, match=r"memory ended in a pass of 100 rows: .*; 12 rows fit") as met:
        within_memory(room_for(20, tried), 100)
    assert tried == [100, 50, 25, 12, 12]
    assert met.value.hint.startswith("--set micro_rows=12: ")


def test_a_pass_that_fits_is_run_once() -> None:
    tried: list[int] = []
    assert within_memory(room_for(9, tried), 9) == 9
    assert tried == [9]


def test_one_of_several_processes_tries_no_halves() -> None:
    """The others wait for its pass, so that another one would be taken for the one that they wait for."""
    tried: list[int] = []
    with pytest.raises(TrainingError, match="memory ended in a pass of 100 rows: ") as met:
        within_memory(room_for(20, tried), 100, is_alone=False)
    assert tried == [100]
    assert "--set micro_rows=1 needs least" in met.value.hint


def test_where_not_one_row_fits_other_ways_are_told() -> None:
    with pytest.raises(TrainingError, match="not even one row fits") as met:
        within_memory(room_for(0, []), 3)
    assert "max_length" in met.value.hint


def test_another_error_is_passed_on() -> None:
    def wrong(_: int) -> int:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes do not match"):
        within_memory(wrong, 4)
    assert is_out_of_memory(MemoryError())
    assert not is_out_of_memory(ValueError("can't allocate memory"))


@pytest.mark.parametrize("code", [-9, 137])
def test_a_process_that_is_killed_is_said_to_be(code: int) -> None:
    assert "killed, as the system does where memory ends" in ended_in_words(code)
    assert ended_in_words(1) == "the training process ended with code 1"


LIMITED = """
import resource, sys
from pathlib import Path
import factcli.train.skill
from factcli.train.loop import run_steps
from factcli.train.worker import run_job

def limited(*arguments):
    "From the first step on, the process may take so many bytes more than it has."
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + int(sys.argv[2]),) * 2)
    return run_steps(*arguments)

factcli.train.skill.run_steps = limited
sys.exit(run_job(sys.argv[1], lambda event: print(__import__("json").dumps(event), flush=True)))
"""


def limited(job: SkillJob, folder: Path, more: int) -> tuple[int, dict[str, str]]:
    """How a job ends in a process that may take `more` bytes beside what it has before the first step: code and last event.

    Without address space a process was once seen to hang, somewhere below Python, where one that is out of memory is killed: so it is tried again.
    """
    argv = [sys.executable, "-c", LIMITED, str(jobs.save(job, folder / "job.json")), str(more)]
    for _ in range(3):
        with contextlib.suppress(subprocess.TimeoutExpired):
            ran = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)
            return ran.returncode, json.loads(ran.stdout.splitlines()[-1])
    pytest.fail("three processes hung where their address space ended")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space, which other systems do not hold to")
def test_the_batch_that_is_said_to_fit_does(tokenizer: PreTrainedTokenizerFast, write_rows: WriteRows, tmp_path: Path) -> None:
    """64 rows of a model whose rows take some 4 MB each do not fit into 220 MB; those that are named do, under the same limit."""
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=256, intermediate_size=1024, num_hidden_layers=4, num_attention_heads=4, max_position_embeddings=256
    )
    base = save_base(LlamaForCausalLM(config), tokenizer, tmp_path / "base")
    rows = write_rows("chats.jsonl", chats(64, 0, False))
    machine = Machine(device="cpu", threads=1)
    job = SkillJob(base, str(tmp_path / "out"), rows, lora=Lora(8, 16, 0.0), machine=machine, steps=2, batch_rows=64)
    code, told = limited(job, tmp_path, 220_000_000)
    assert (code, told["event"], told["error"]) == (5, "failed", "TrainingError"), told
    fits = int(told["hint"].split("micro_rows=")[1].split(":")[0])
    assert 1 <= fits < 64
    code, told = limited(replace(job, out=str(tmp_path / "again"), machine=replace(machine, micro_rows=fits)), tmp_path, 220_000_000)
    assert (code, told["event"]) == (0, "done"), told
