"""Bad input on the real command line: two lines that say what is wrong and what to do, the documented code, nothing half-made."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from factcli.artifact.partial import read_owner
from factcli.stages.look import listing
from tests.chain import Folder, Ran
from tests.stages.report_chain import make_chain

SETTINGS, INPUT, BACKEND, TRAINING, INTERRUPTED = 2, 3, 4, 5, 130
WAIT_S = 60.0  # for a process to reach a point; it takes a few seconds


@dataclass(frozen=True)
class Chain:
    """world, synth and prereq on the micro recipe, directories that are wrong in some way, and what a second process was told."""

    folder: Folder
    second: Ran
    first: Ran
    first_pid: int

    @property
    def root(self) -> Path:
        return self.folder.path / "data"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    folder = Folder(tmp_path_factory.mktemp("bad"))
    process, second = two_at_once(folder, "world", "--size", "micro", "--seed", "5")
    out, err = process.communicate()
    first = Ran(process.returncode, out, err)
    folder.makes("synth bio --seed 5", "synth qa --seed 5", "prereq --synth bio")
    write_wrong_directories(folder.path)
    return Chain(folder, second, first, process.pid)


def two_at_once(folder: Folder, *arguments: str) -> tuple["subprocess.Popen[str]", Ran]:
    """The command twice, the second time while the first process works: that one, and how the second ended."""
    process = folder.popen(*arguments)
    wait_for(lambda: any(read_owner(partial) for partial in folder.path.glob("data/*/.partial-*")), process)
    return process, folder.fact(*arguments)


def wait_for(is_so: Callable[[], bool], process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + WAIT_S
    while not is_so():
        assert process.poll() is None, f"ended too early: {process.communicate()}"
        assert time.monotonic() < until
        time.sleep(0.02)


def write_wrong_directories(path: Path) -> None:
    """Model directories that lack or damage one file each, and what is no model and no artifact at all."""
    model = path / "data/world/v0001/model"
    for name, lost in (("plain", ()), ("no_tokenizer", ("tokenizer",)), ("no_config", ("config.json",)), ("no_weights", ("model.",))):
        shutil.copytree(model, path / name)
        for file in (path / name).iterdir():
            if file.name.startswith(lost):
                file.unlink()
    for name, file in (("cut", "model.safetensors"), ("broken_config", "config.json"), ("broken_tokenizer", "tokenizer.json")):
        shutil.copytree(model, path / name)
        content = (path / name / file).read_bytes()
        (path / name / file).write_bytes(content[: len(content) // 2])
    shutil.copytree(model, path / "adapted")
    (path / "adapted/adapter_config.json").write_text('{"peft_type": "LORA"}')
    (path / "only_adapter").mkdir()
    (path / "only_adapter/adapter_config.json").write_text('{"peft_type": "LORA"}')
    (path / "random").mkdir()
    (path / "random/notes.txt").write_text("nothing of ours\n")
    (path / "stranger").mkdir()
    (path / "stranger/manifest.json").write_text('{"kind": "web app", "icons": []}')
    (path / "flat.yaml").write_text("lrr: 0.1\n")
    (path / "nested.yaml").write_text("fictitious_passage: {epoch: [3]}\n")
    (path / "list.yaml").write_text("- lr\n")
    (path / "unknown.jsonl").write_text('{"subject": "Ada", "relation": "occupations", "object": "baker"}\n')
    (path / "torn.jsonl").write_text('{"subject": "Ada", "rel')
    (path / "broken.tsv").write_text("id\tquestion\n1\tWho?\n")


def committed(root: Path) -> list[str]:
    found = listing(root)
    assert not [entry for entry in found if entry.state == "damaged"]
    return sorted(entry.ref for entry in found if entry.state == "committed")


def check_told(ran: Ran, code: int, words: str) -> None:
    """One `error:` line with the words and one `way out:` line, the last two; no traceback; nothing on stdout."""
    lines = ran.err.strip().splitlines()
    assert ran.code == code, ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err
    assert [line[:7] for line in lines].count("error: ") == 1, ran.err
    assert lines[-2].startswith("error: ")
    assert lines[-1].startswith("  way out: ")
    assert words in lines[-2] + lines[-1], ran.err


def refuses(chain: Chain, code: int, words: str, command: str) -> None:
    """Typed in this process: how a process of its own ends, with each of these codes, is tested below."""
    before = committed(chain.root)
    check_told(chain.folder.typed(*command.split()), code, words)
    assert committed(chain.root) == before


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("synth bio --world nothing", "nothing is called 'nothing' in data/"),
        ("synth bio --world wrld", "did you mean 'world'?"),
        ("synth bio --world world@7", "there is no world@7"),
        ("synth bio --world random", "random has no manifest.json: it is half-written or not a directory of `fact`"),
        ("synth bio --world plain", "plain has no manifest.json"),
        ("synth bio --world stranger", "stranger/manifest.json was not written by `fact`"),
        ("prereq --synth nowhere/else", "nowhere/else is not a directory"),
        ("sft --knowledge plain", "plain has no manifest.json"),
        ("report nothing", "nothing is called 'nothing'"),
        ("show nothing", "nothing is called 'nothing'"),
        ("verify nothing", "nothing is called 'nothing'"),
        ("trace nothing", "no version in data has the id 'nothing'"),
    ],
)
def test_a_missing_or_foreign_directory_is_named(chain: Chain, command: str, words: str) -> None:
    refuses(chain, INPUT, words, command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("synth bio --world knowledge", "knowledge@1 is a knowledge, but a world is needed"),
        ("prereq --synth world", "of that kind there is: qa@1, bio@1"),
        ("prereq --model knowledge", "knowledge@1 is a knowledge, but a world or model is needed"),
        ("sft --knowledge world", "world@1 is a world, but a knowledge is needed"),
        ("sft --synth knowledge", "knowledge@1 is a knowledge, but a synth is needed"),
        ("sft --synth qa", "knowledge@1 was trained on bio@1, not on qa@1"),
        ("eval world --model knowledge", "knowledge@1 is a knowledge, but a skill or joined or world or model is needed"),
        ("eval popqa --model bio", "bio@1 is a synth, but a skill or joined or world or model is needed"),
        ("report bio", "bio@1 is a synth, but a"),
    ],
)
def test_the_wrong_kind_of_artifact_is_named_with_the_right_one(chain: Chain, command: str, words: str) -> None:
    refuses(chain, INPUT, words, command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("sft --set lrr=0.1", "--set lrr=0.1: unknown setting 'lrr'; did you mean 'lr'?"),
        ("sft -c flat.yaml", "flat.yaml: unknown setting 'lrr'; did you mean 'lr'?"),
        ("world --size micro --set spec.n_hed=3", "unknown setting 'spec.n_hed'; did you mean 'spec.n_head'?"),
        ("prereq -c nested.yaml", "nested.yaml: unknown setting 'fictitious_passage.epoch'; did you mean 'fictitious_passage.epochs'?"),
        ("eval world --model world --set aks=fill", "did you mean 'ask'?"),
        ("sft --method reel", "there is no method 'reel'; did you mean 'real'?"),
        ("world --size mikro", "there is no recipe 'mikro' for world; did you mean 'micro'?"),
        ("demo --size mikro", "there is no recipe 'mikro' for world; did you mean 'micro'?"),
        ("sft -c missing.yaml", "there is no settings file missing.yaml"),
        ("sft -c list.yaml", "list.yaml holds a list"),
        ("sft --set lr", "--set 'lr' is not NAME=VALUE"),
    ],
)
def test_an_unknown_setting_is_answered_with_the_nearest_name(chain: Chain, command: str, words: str) -> None:
    refuses(chain, SETTINGS, words, command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("synth bio --versions 0", "versions = 0: input should be greater than or equal to 1"),
        ("synth bio --versions 99", "versions is 99, need 1 to 7"),
        ("synth bio --limit 0", "subjects = 0"),
        ("synth bio --set tasks=[]", "tasks = []: need bio, qa or both"),
        ("prereq --lora-r -1", "lora_r = -1: input should be greater than or equal to 1"),
        ("prereq --lora-r 33", "lora_r is 33, above the width of every layer that adapters attach to, 32"),
        ("prereq --set lora_targets=[q_prj]", "lora_targets: no linear module of the base is called 'q_prj'; did you mean 'q_proj'?"),
        ("sft --method real --lora-r 99", "above the width of every layer that adapters attach to, 32"),
        ("sft --method real --set lora_targets=[mlp]", "no linear module of the base is called 'mlp'"),
        ("prereq --lr 0", "lr = 0.0: input should be greater than 0"),
        ("prereq --set fictitious_passage.epochs=[]", "fictitious_passage.epochs = []: need whole numbers of 1 or more, each once"),
        ("prereq --set fictitious_passage.epochs=[2,2]", "each once"),
        ("sft --method real --version-sampling all", "version_sampling=all takes rows of all fictitious versions"),
        ("sft --real-fraction 2", "real_fraction = 2.0: input should be less than or equal to 1"),
        ("sft --real-fraction 0.5 --set real_weight=1", "real_fraction and real_weight are both set"),
        ("sft --set epochs=2", "epochs is 2 and steps is 6: unset one (--set steps=null or --set epochs=null)"),
        ("sft --epochs 2 --steps 3", "epochs is 2 and steps is 3: unset one"),
        ("sft --set steps=null", "neither epochs nor steps is set"),
        ("sft --seed -1", "seed = -1"),
        ("eval world --model world --limit 0", "limit = 0"),
        ("eval world --model world --seed -1", "seed = -1"),
        ("eval world --model world --set ask=fil", "did you mean 'fill'?"),
        ("eval popqa --model world --set ask=fill", "no statements to fill"),
        ("world --size micro --set spec.n_head=-5", "spec.n_head is -5, need 1 or more"),
        ("world --size micro --set pretrain.gate_every_steps=0", "pretrain.gate_every_steps is 0, need 1 or more"),
        ("world --size micro --set model.n_heads=3", "model.hidden_size is 32, need a multiple of twice model.n_heads, 6"),
        ("world --size micro --set pretrain.warmup_steps=31", "need at most pretrain.steps, 30"),
        ("world --size micro --set spec.coverage.head=2", "spec.coverage is for head; need one for each of head, mid"),
        ("world --size micro --name ../out", "name = '../out'"),
        ("demo --versions 0", "--versions is 0, need 1 to 10"),
        ("demo --versions 11", "--versions is 11, need 1 to 10"),
        ("demo --seed -1", "--seed is -1"),
        ("demo --size smal", "there is no recipe 'smal' for world; did you mean 'small'"),
        ("synth qa --facts unknown.jsonl --world world", "--facts and --world are both given"),
        ("synth qa --model plain", "--model goes with --facts"),
    ],
)
def test_an_impossible_value_is_refused_before_anything_begins(chain: Chain, command: str, words: str) -> None:
    refuses(chain, SETTINGS, words, command)


@pytest.mark.parametrize(
    ("code", "command", "words"),
    [
        (SETTINGS, "sft --real-fraction 2", "real_fraction = 2.0: input should be less than or equal to 1"),
        (INPUT, "eval popqa --model plain", "the hub did not give akariasai/PopQA"),
        (INPUT, "prereq --synth bio --model someone/nothing", "someone/nothing is no artifact, no directory, and the hub did not give it"),
    ],
)
def test_a_process_ends_with_the_code_and_nothing_else_said(chain: Chain, code: int, command: str, words: str) -> None:
    """Without a network to the hub, which must not be asked for long."""
    before = committed(chain.root)
    check_told(chain.folder.fact(*command.split()), code, words)
    assert committed(chain.root) == before


def test_an_unknown_option_is_a_usage_error(chain: Chain) -> None:
    ran = chain.folder.fact("sft", "--metod", "real")
    assert ran.code == SETTINGS
    assert "No such option: --metod" in ran.err


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("no_tokenizer", "no_tokenizer has no tokenizer"),
        ("no_config", "no_config has no config.json, so it is no model directory"),
        ("no_weights", "no_weights has no *.safetensors"),
        ("random", "random has no config.json"),
        ("cut", "cut/model.safetensors is damaged: its length is not what its header says"),
        ("broken_config", "broken_config/config.json is damaged"),
        ("broken_tokenizer", "broken_tokenizer/tokenizer.json is damaged"),
        ("adapted", "adapted holds an adapter (adapter_config.json) beside a model: it is adapted already"),
        ("only_adapter", "only_adapter is an adapter, no model"),
    ],
)
def test_a_model_that_lacks_a_whole_file_is_refused_before_anything_begins(chain: Chain, model: str, words: str) -> None:
    partials = sorted(chain.root.glob("*/.partial-*"))
    refuses(chain, INPUT, words, f"prereq --synth bio --model {model}")
    assert sorted(chain.root.glob("*/.partial-*")) == partials


@pytest.mark.parametrize("command", ["eval world", "eval popqa", "sft --method real"])
def test_every_command_that_takes_a_model_refuses_one_without_a_tokenizer(chain: Chain, command: str) -> None:
    refuses(chain, INPUT, "no_tokenizer has no tokenizer", f"{command} --model no_tokenizer")


@pytest.mark.parametrize("command", ["eval world", "eval popqa"])
def test_evaluating_before_there_is_a_model_says_how_to_get_one(chain: Chain, command: str) -> None:
    refuses(chain, INPUT, "train one with `fact sft`, or evaluate a base: --model world", command)


@pytest.mark.parametrize("command", ["prereq", "sft", "report"])
def test_a_command_without_anything_to_work_on_says_what_to_make_first(tmp_path: Path, command: str) -> None:
    check_told(Folder(tmp_path).typed(command), INPUT, "first: fact ")
    assert committed(tmp_path / "data") == []


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("synth qa --facts missing.jsonl", "missing.jsonl cannot be read: No such file or directory"),
        ("synth qa --facts random", "random cannot be read: Is a directory"),
        ("synth qa --facts unknown.jsonl", "unknown.jsonl:1 has the relation 'occupations', which has no templates; did you mean 'occupation'?"),
        ("synth qa --facts torn.jsonl", "torn.jsonl has no usable fact (line 1: not JSON"),
        ("eval popqa --model world --file missing.tsv", "there is no file missing.tsv"),
        ("eval popqa --model world --file random", "there is no file random"),
        ("eval popqa --model world --file broken.tsv", "broken.tsv lacks the columns subj, prop"),
        ("eval popqa --model world --set ask=few_shot", "this model has none"),
        ("sft --set batches=mix", "batches=mix needs adapters of real texts, and knowledge@1 has none"),
        ("world --size micro --seed 6 --data flat.yaml", "cannot be used: Not a directory"),
    ],
)
def test_a_file_or_input_that_cannot_serve_is_named(chain: Chain, command: str, words: str) -> None:
    refuses(chain, INPUT, words, command)


@pytest.mark.slow
def test_rows_that_are_too_long_are_named_by_the_training_process(chain: Chain) -> None:
    """A process of its own: what it leaves is interrupted once it has ended, and running while its process lives."""
    before = committed(chain.root)
    check_told(chain.folder.fact("sft", "--set", "max_length=5"), INPUT, "task rows are longer than 5 tokens")
    assert committed(chain.root) == before


@pytest.mark.parametrize("file", ["unknown.jsonl", "torn.jsonl"])
def test_facts_that_cannot_be_used_leave_no_trace(chain: Chain, file: str) -> None:
    assert chain.folder.typed("synth", "qa", "--facts", file, "--name", "traceless").code == INPUT
    assert not (chain.root / "traceless").exists()


@pytest.mark.parametrize(
    ("file", "command", "words"),
    [
        ("world/v0001/model/model.safetensors", "prereq --synth bio --seed 1", "world@1 is damaged: model/model.safetensors has another size"),
        ("world/v0001/facts.jsonl", "synth bio --seed 1", "world@1 is damaged: facts.jsonl has another size"),
        ("bio/v0001/documents.jsonl", "prereq --synth bio --seed 1", "bio@1 is damaged: documents.jsonl has another size"),
        ("knowledge/v0001/adapters/fictitious_v1_passage/adapter_model.safetensors", "sft", "knowledge@1 is damaged: adapters/fictitious_v1_passage"),
        ("world/v0001/manifest.json", "synth bio --world world", "world/v0001/manifest.json is damaged"),
    ],
)
def test_a_damaged_version_is_not_used(chain: Chain, tmp_path: Path, file: str, command: str, words: str) -> None:
    shutil.copytree(chain.root, tmp_path / "data", ignore=shutil.ignore_patterns(".partial-*"))
    content = (tmp_path / "data" / file).read_bytes()
    (tmp_path / "data" / file).write_bytes(content[: len(content) // 2])
    check_told(Folder(tmp_path).typed(*command.split()), INPUT, words)


def test_a_half_written_version_is_not_used(chain: Chain, tmp_path: Path) -> None:
    """What a killed process leaves: content without a manifest, beside nothing that was committed."""
    content = tmp_path / "data/world/.partial-0123/content"
    shutil.copytree(chain.root / "world/v0001", content)
    (content / "manifest.json").unlink()
    folder = Folder(tmp_path)
    check_told(folder.typed("synth", "bio", "--world", "world"), INPUT, "it was interrupted: run its command again")
    check_told(folder.typed("synth", "bio", "--world", str(content)), INPUT, "is half-written: it was never committed")


def test_a_second_process_is_told_who_works_and_the_first_is_unharmed(chain: Chain) -> None:
    check_told(chain.second, INPUT, f"world is being made by process {chain.first_pid} on {socket.gethostname()} since")
    assert chain.first.code == 0
    assert chain.first.made == Path("data/world/v0001")
    assert chain.folder.must("verify", "world").code == 0


@contextlib.contextmanager
def disk_of(n_bytes: int) -> Iterator[None]:
    """Processes started meanwhile cannot write a file beyond `n_bytes`, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


def test_without_space_data_are_not_half_made_and_the_same_command_finishes(chain: Chain) -> None:
    command = ("synth", "bio", "--seed", "5", "--name", "spacious")
    with disk_of(30_000):
        ran = chain.folder.fact(*command)
    check_told(ran, INPUT, "no space to write data/spacious/")
    assert "spacious@1" not in committed(chain.root)
    made = chain.folder.must(*command).made
    assert (chain.folder.path / made / "documents.jsonl").read_bytes() == (chain.root / "bio/v0001/documents.jsonl").read_bytes()


@dataclass(frozen=True)
class Skills:
    """Two skill adapters that were made in spite of a full disk and of Ctrl-C."""

    folder: Folder
    full: Ran
    interrupted: Ran
    between: list[str]  # states of unfinished work after the interruption


@pytest.fixture(scope="module")
def skills(chain: Chain, tmp_path_factory: pytest.TempPathFactory) -> Skills:
    path = tmp_path_factory.mktemp("skills")
    shutil.copytree(chain.root, path / "data", ignore=shutil.ignore_patterns(".partial-*"))
    folder = Folder(path)
    big = ("sft", "--method", "real", "--lora-r", "32")  # its adapter has 165 kB, its rows have 40
    with disk_of(100_000):
        full = folder.fact(*big)
    folder.must(*big)
    long = ("sft", "--set", "steps=150", "--set", "checkpoint_every_s=0.1", "--set", "batch_rows=16")
    interrupted = ctrl_c(folder, *long)
    between = [entry.state for entry in listing(path / "data") if entry.ref == "prereq-tune"]
    folder.must(*long)
    return Skills(folder, full, interrupted, between)


def ctrl_c(folder: Folder, *arguments: str) -> Ran:
    """What a terminal does: SIGINT to the whole group, the training process included; here after its first checkpoint."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    argv = [sys.executable, "-m", "factcli.cli", *arguments]
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, cwd=folder.path, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    wait_for(lambda: any(folder.path.glob("data/*/.partial-*/work/run/checkpoints/step-*")), process)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S)
    return Ran(process.returncode, out, err)


@pytest.mark.slow  # it trains twice
def test_without_space_training_says_so_and_the_same_command_finishes(skills: Skills) -> None:
    check_told(skills.full, INPUT, "no space left on the disk")
    assert "sft-real@1" in committed(skills.folder.path / "data")
    assert skills.folder.must("verify", "sft-real").code == 0


@pytest.mark.slow  # default tests interrupt `fact world` (test_terminal.py) and take up killed training (train/)
def test_ctrl_c_in_training_ends_with_130_and_the_same_command_goes_on(skills: Skills) -> None:
    assert skills.interrupted.code == INTERRUPTED
    assert skills.interrupted.err.strip().splitlines()[-1] == "interrupted; the same command goes on where it was"
    assert "Traceback" not in skills.interrupted.err
    assert skills.between == ["interrupted"]
    assert "going on from step" in (skills.folder.path / "data/.worker.log").read_text()
    assert max(row["step"] for row in skills.folder.rows("prereq-tune", "curve")) == 150


@pytest.mark.slow
def test_a_training_process_that_dies_ends_with_5_and_how_to_run_it_again(skills: Skills) -> None:
    process = skills.folder.popen("sft", "--name", "killed", "--set", "steps=100000", "--set", "checkpoint_every_s=0.1")
    wait_for(lambda: any(skills.folder.path.glob("data/killed/.partial-*/work/run/checkpoints/step-*")), process)
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (TRAINING, "")
    assert f"error: training failed: the training process ended with code {-signal.SIGKILL}: it was killed, as the system does where memory ends" in err
    assert "last lines of data/.worker.log:" in err
    assert err.strip().splitlines()[-1].startswith("  way out: rerun: ")
    assert "killed@1" not in committed(skills.folder.path / "data")


WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder
find = PathFinder.find_spec
PathFinder.find_spec = classmethod(lambda _, name, path=None, target=None: None if name.partition(".")[0] == "torch" else find(name, path, target))
from factcli.cli import app
app(sys.argv[1:])
"""


def test_a_machine_without_torch_is_told_what_to_install_and_runs_what_needs_none(tmp_path: Path) -> None:
    def fact(*arguments: str) -> Ran:
        ran = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, *arguments], cwd=tmp_path, capture_output=True, text=True)
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    missing = fact("world", "--size", "micro")
    check_told(missing, BACKEND, 'pip install "factcli[train]"')
    assert missing.err.strip().splitlines()[-2].endswith("need what is not installed: torch")
    assert committed(tmp_path / "data") == []
    assert not list(tmp_path.glob("data/*/.partial-*"))  # it was missed before any work
    assert fact("world", "--size", "micro", "--dry-run").code == 0


def test_several_models_are_listed(tmp_path: Path) -> None:
    make_chain(tmp_path / "data")
    for command in ("world", "popqa"):
        check_told(Folder(tmp_path).typed("eval", command), INPUT, "several models qualify: prereq-tune, sft-real")


@pytest.mark.slow
def test_after_all_that_fact_ls_shows_nothing_damaged(skills: Skills, chain: Chain) -> None:
    for folder in (skills.folder, chain.folder):
        states = {entry["state"] for entry in json.loads(folder.must("ls", "--json").out)}
        assert states <= {"committed", "interrupted"}
