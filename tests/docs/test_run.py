"""Every command of the README and the tutorials is typed, in order, in the folders that they name, on a micro world and stand-ins.

What differs from what a reader types: the recipe `tiny` says what `micro` says, files and models are small stand-ins, and a few commands
get a setting more that makes them smaller (SMALLER), none of which changes what is done. Commands that fetch from the hub, or
start machines or a cluster's jobs, are in the folders of NOT_HERE and are not run: test_typed.py holds them to the program's parser.
"""

import shlex
from collections.abc import Iterator
from contextlib import chdir
from itertools import groupby
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from factcli import resolving
from factcli.cli import app
from tests.backends.server import running
from tests.docs.documents import Typed, commands, documents
from tests.docs.standins import Everything, bring_files
from tests.judge.checkpoints import saved_opinion
from tests.own_bases import plain_llama
from tests.test_as_typed import small_configs

pytestmark = pytest.mark.slow
SMALLER = {  # folder and first words of a command -> what is added
    "own: prereq": "-c configs/prereq/micro.yaml",
    "own: sft": "-c configs/sft/micro.yaml",
    ": synth bio --subjects": "--set versions=2 --set statements_per_fact=2 --set passages_per_subject=2",
    ": synth medical --subjects": "--set versions=2 --set statements_per_fact=2 --set passages_per_subject=2",
    ": synth qa --facts FACTS --backend": "--set subjects=6",
    ": synth hotpotqa --facts": "--set questions=4 --set real_questions=4",
    ": synth wiki --documents": "--set min_words=20 --set chunk_tokens=33 --samples 2 --test-topics 1",
    ": score factscore": "--max-unscored 1",  # a micro model's answers are noise, which no grammar reads
}
NOT_HERE = ("needs-the-hub", "needs-machines")
FOLDERS = [
    pytest.param([*lines], id=f"{name}-{folder}")
    for document in documents()
    for (name, folder), lines in groupby(sorted(commands(document), key=lambda line: (line.folder, line.line)), key=lambda line: (line.document, line.folder))
    if folder not in NOT_HERE
]


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_configs(tmp_path_factory.mktemp("settings") / "configs")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What stands for the readers' models: a causal language model, and an entailment model."""
    torch.set_num_threads(1)
    return {"MODEL": str(plain_llama(tmp_path_factory.mktemp("base"), 20)), "DIRECTORY": str(saved_opinion(tmp_path_factory.mktemp("nli")))}


@pytest.fixture
def url() -> Iterator[str]:
    with running(Everything().server()) as server:
        yield server.url


def stood_in(line: Typed, configs: Path, models: dict[str, str], url: str) -> list[str]:
    """The words as typed here."""
    typed = shlex.join(line.words)
    more = next((extra for start, extra in SMALLER.items() if f"{line.folder}: {typed}".startswith(start) or f": {typed}".startswith(start)), "")
    words = tuple(shlex.split(more.replace("configs/", f"{configs}/")))
    return [_word(word, models, url) for word in (*line.words, *words)]


def _word(word: str, models: dict[str, str], url: str) -> str:
    if word == "..." or word.startswith("http:"):
        return f"http:m@{url}"
    if word.startswith("nli:"):
        return f"nli:{models['DIRECTORY']}"
    return models["MODEL"] if word in ("MODEL", "DIRECTORY") else word


@pytest.mark.parametrize("lines", FOLDERS)
def test_the_commands_of_a_folder_run_one_after_the_other(
    lines: list[Typed], configs: Path, models: dict[str, str], url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setattr(resolving, "configs_directory", lambda: configs)
    folder = tmp_path / "typed"
    folder.mkdir()
    bring_files(folder)
    with chdir(folder):
        for line in lines:
            result = CliRunner().invoke(app, stood_in(line, configs, models, url))
            assert result.exit_code == 0, f"{line.id} ended with {result.exit_code}\n{result.stderr[-3000:]}"
