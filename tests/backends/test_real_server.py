"""A server that others wrote, `transformers serve`, with the model of a tiny world on loopback: what it answers and what it lacks."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from factcli.backends.completions import Turn
from factcli.backends.http import HttpBackend
from factcli.backends.opening import answering
from factcli.backends.probing import CHECKS, probe, require
from factcli.backends.requests import Request, Sampling
from factcli.backends.settings import GenerationConfig
from factcli.errors import BackendError
from factcli.resolving import local_ref
from tests.backends.test_http import by_id
from tests.chain import Folder

pytestmark = pytest.mark.slow
STARTS_WITHIN_S = 120


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    pytest.importorskip("fastapi", reason="`transformers serve` needs fastapi, which the dev extra installs")
    pytest.importorskip("uvicorn", reason="`transformers serve` needs uvicorn, which the dev extra installs")
    made = Folder(tmp_path_factory.mktemp("world"))
    made.must("world", "--size", "micro")
    return made


@pytest.fixture(scope="module")
def spec(folder: Folder) -> Iterator[str]:
    """What `--backend` takes, while the server runs."""
    model = folder.path / "data" / "world" / "v0001" / "model"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(model), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    with (folder.path / "serve.log").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server)
        yield f"http:{model}@http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        assert server.poll() is None, "the server has ended: see serve.log"
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise AssertionError(f"the server was not there after {STARTS_WITHIN_S} s")


def opened(spec: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> HttpBackend:
    monkeypatch.setenv("FACT_CACHE_DIR", str(cache))
    backend = answering(GenerationConfig(backend=spec)).open()
    assert isinstance(backend, HttpBackend)
    return backend


def test_its_answers_are_those_of_the_same_model_in_this_process_and_are_bought_once(
    folder: Folder, spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    questions = [row["question"] for row in folder.rows("world", "questions")][:20]
    requests = [Request(f"q{n}", (Turn("user", question),), Sampling(12)) for n, question in enumerate(questions)]
    used = opened(spec, tmp_path, monkeypatch)
    found = by_id(used.generate(requests))
    assert {response.outcome for response in found.values()} <= {"ok", "truncated"}
    assert used.usage.requests == len({request.prompt for request in requests})
    assert all(response.tokens_in > 0 and response.tokens_out > 0 for response in found.values())
    local = answering(GenerationConfig(backend=f"local:{model_of(spec)}"), lambda ref: local_ref(ref, folder.path / "data")).open()
    here = by_id(local.generate(requests))
    assert {id_: response.text.strip() for id_, response in found.items()} == {id_: response.text.strip() for id_, response in here.items()}
    again = opened(spec, tmp_path, monkeypatch)
    by_id(again.generate(requests))
    assert (again.usage.requests, again.usage.cached) == (0, 20)


def model_of(spec: str) -> str:
    return spec.removeprefix("http:").partition("@")[0]


def test_what_it_lacks_is_found(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """It draws greedily unless the model's own settings say otherwise, ignores what asks for log-probabilities or a form, and refuses vLLM's field."""
    findings = probe(opened(spec, tmp_path, monkeypatch), set(CHECKS))
    assert "ignores seeds" in findings["seeds"]
    assert "returns no log-probabilities" in findings["logprobs"]
    assert "refuses a request with prompt log-probabilities: 422" in findings["prompt_logprobs"]
    assert "does not keep to a JSON schema" in findings["json_schema"]
    with pytest.raises(BackendError, match="ignores seeds"):
        require(findings, {"seeds"})


def test_another_model_than_it_serves_ends_the_run_before_it_begins(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(BackendError, match="did not answer the probe: 400"):
        probe(opened(spec.replace("model@", "other@"), tmp_path, monkeypatch), {"seeds"})
