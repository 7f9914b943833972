"""The probe: a server that does not do what it says is named, and what a caller says is fatal ends the run."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from factcli.backends.probing import CHECKS, Need, needs_of, probe, require
from factcli.errors import BackendError
from tests.backends.server import Server, answer_of, running
from tests.backends.test_http import backend


def honest(body: dict) -> dict:
    """A server with everything: draws by seed, a log-probability per letter, JSON where a form is asked for."""
    text = '{"city": "Lima", "founded": 1535}' if "JSON" in json.dumps(body) else answer_of(body)
    if "prompt" not in body:
        others = [{"token": "yes", "logprob": -1.0}, {"token": "no", "logprob": -1.5}]
        content = [{"token": c, "logprob": -0.1 - ord(c) / 200, "top_logprobs": others} for c in text[:5]]
        return {
            "message": {"content": text},
            "logprobs": {"content": content},
            "prompt_logprobs": [None, *({"1": {"logprob": -0.1 * i}} for i in range(1, 10))],
        }
    text = "born"
    whole = body["prompt"] + text if body.get("echo") else text
    logprobs = {"tokens": list(whole), "token_logprobs": [-0.1 - ord(c) / 200 for c in whole], "text_offset": list(range(len(whole)))}
    logprobs["top_logprobs"] = [{"yes": -1.0, "no": -1.5}] * len(whole)
    return {"text": whole, "logprobs": logprobs}


def without_seed(body: dict) -> dict:
    return {"message": {"content": "always the same"}}


def drawing_anew() -> object:
    texts = iter(range(10**6))
    return lambda _body: {"message": {"content": f"draw {next(texts)}"}}


def zeros(body: dict) -> dict:
    content = [{"token": "a", "logprob": 0.0}] * 5
    return {"message": {"content": "aaaaa"}, "logprobs": {"content": content}, "prompt_logprobs": [None, *[{"1": {"logprob": -1.0}}] * 9]}


def miscounted(body: dict) -> dict:
    return {"message": {"content": "x"}, "prompt_logprobs": [None, {"1": {"logprob": -1.0}}, {"2": {"logprob": -2.0}}]}


def invented(body: dict) -> dict:
    """Prompt log-probabilities that are not those of the same letters in an answer."""
    said = honest(body)
    if body.get("echo"):
        said["logprobs"]["token_logprobs"] = [-5.0 - i / 10 for i in range(len(said["text"]))]
    return said


def test_a_server_that_does_everything_passes_the_probe(tmp_path: Path):
    with running(Server(is_probed=True, said=honest)) as server:
        findings = probe(backend(server, tmp_path), set(CHECKS))
        n = server.n
        assert findings == dict.fromkeys(CHECKS, "")
        require(findings, set(CHECKS))
        probe(backend(server, tmp_path), set(CHECKS))
        assert server.n == 2 * n  # asked anew each time
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("said", "need", "words"),
    [
        (without_seed, "seeds", "all seeds gave one answer"),
        ("anew", "seeds", "the same seed gave two answers"),
        (without_seed, "logprobs", "returns no log-probabilities"),
        (zeros, "logprobs", "returns fake log-probabilities: all are 0"),
        (without_seed, "prompt_logprobs", "returns no prompt log-probabilities"),
        (zeros, "prompt_logprobs", "returns fake prompt log-probabilities: all are -1"),
        (miscounted, "prompt_logprobs", "returns 2 prompt log-probabilities for 9 tokens"),
        (without_seed, "json_schema", "does not keep to a JSON schema"),
    ],
)
def test_what_a_server_lacks_is_named(tmp_path: Path, said: object, need: str, words: str):
    with running(Server(is_probed=True, said=drawing_anew() if said == "anew" else said)) as server:  # type: ignore[arg-type]
        findings = probe(backend(server, tmp_path), {need})  # type: ignore[arg-type]
        assert findings[need].startswith(f"m at {server.url} ")  # type: ignore[index]
    with pytest.raises(BackendError, match=words) as caught:
        require(findings, {need})  # type: ignore[arg-type]
    assert (caught.value.exit_code, bool(caught.value.hint)) == (4, True)


def test_invented_prompt_log_probabilities_are_found_by_a_continuation(tmp_path: Path):
    with running(Server(is_probed=True, said=invented, counts_prompt=False)) as server:
        assert "the same tokens as an answer differ by" in probe(backend(server, tmp_path), {"prompt_logprobs"}, is_chat=False)["prompt_logprobs"]
    with running(Server(is_probed=True, said=honest, counts_prompt=False)) as server:
        assert probe(backend(server, tmp_path), {"prompt_logprobs"}, is_chat=False) == {"prompt_logprobs": ""}


def refusing(*parameters: str) -> Callable[[dict], dict | None]:
    """A server that takes none of these parameters, and of temperatures only its own."""

    def refuses(body: dict) -> dict | None:
        found = next((name for name in parameters if name in body and not (name == "temperature" and body[name] == 1)), None)
        return {"message": f"Unsupported parameter: '{found}'", "param": found} if found else None

    return refuses


@pytest.mark.parametrize(
    ("parameter", "need", "words"),
    [
        ("temperature", "greedy", "refuses temperature 0: none is sent, and answers that should be greedy are drawn"),
        ("temperature", "temperature", "refuses a request with a temperature other than its own: 400"),
        ("seed", "seeds", "refuses seeds: none is sent"),
        ("stop", "stop", "refuses stop strings: answers are cut here"),
        ("top_p", "top_p", "refuses a request with top_p: 400: Unsupported parameter: 'top_p'"),
        ("repetition_penalty", "repetition_penalty", "refuses a request with repetition_penalty: 400"),
        ("logprobs", "logprobs", "refuses a request with log-probabilities: 400"),
    ],
)
def test_a_setting_that_a_server_refuses_is_named(tmp_path: Path, parameter: str, need: Need, words: str):
    with running(Server(is_probed=True, refuses=refusing(parameter))) as server:
        findings = probe(backend(server, tmp_path), {need})
        assert findings[need].startswith(f"m at {server.url} {words}")
    with pytest.raises(BackendError) as caught:
        require(findings, {need})
    assert caught.value.hint


def test_a_penalty_without_effect_is_named(tmp_path: Path):
    with running(Server(is_probed=True, said=without_seed)) as server:
        assert "ignores repetition_penalty" in probe(backend(server, tmp_path), {"repetition_penalty"})["repetition_penalty"]


def test_what_settings_need_is_what_is_not_at_its_default():
    assert needs_of([0.0, 1.0]) == []
    assert needs_of([0.0, 0.7], 0.9, 1.1, logprobs=True) == ["temperature", "top_p", "repetition_penalty", "logprobs"]


def test_only_what_is_named_ends_a_run(tmp_path: Path):
    with running(Server(is_probed=True, said=without_seed)) as server:
        findings = probe(backend(server, tmp_path), {"seeds", "logprobs"})
    assert all(findings.values())
    require(findings | {"json_schema": ""}, {"json_schema"})
    with pytest.raises(BackendError, match="all seeds gave one answer"):
        require(findings, {"seeds"})


def test_a_server_that_refuses_what_a_need_adds_is_said_to_and_one_that_refuses_all_ends_the_run(tmp_path: Path):
    unexpected = {"message": "Unexpected fields in the request: {'prompt_logprobs'}"}
    with running(Server(is_probed=True, refuses=lambda body: unexpected if "prompt_logprobs" in body else None)) as server:
        found = probe(backend(server, tmp_path), {"prompt_logprobs"})["prompt_logprobs"]
    assert found == f"m at {server.url} refuses a request with prompt log-probabilities: 400: {unexpected['message']}"
    with (
        running(Server(is_probed=True, refuses=lambda _body: {"message": "this server has another model"})) as server,
        pytest.raises(BackendError, match="another model"),
    ):
        probe(backend(server, tmp_path), {"seeds"})


def test_a_server_that_is_not_there_is_said_before_the_run(tmp_path: Path):
    with running(Server(is_probed=True)) as server:
        gone = server.url
    with pytest.raises(BackendError, match="did not answer the probe: cut connection"):
        probe(backend(gone, tmp_path), {"seeds"})
