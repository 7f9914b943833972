"""How likely each of a few words is: from a server's alternatives, from a model in this process, and from a script."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from factcli.backends.choices import logprobs_of
from factcli.backends.choosing import choice_logprobs, forms_of
from factcli.backends.completions import Turn
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.local import LocalModel
from factcli.backends.probing import probe, require
from factcli.backends.requests import Request, Sampling, Token
from factcli.backends.scripted import load_script
from factcli.errors import BackendError
from tests.backends.server import Server, first_word, running
from tests.backends.test_http import backend
from tests.backends.test_local import PROMPTS, local  # noqa: F401 - a fixture
from tests.backends.test_sampling import backend as local_backend

TF = ("True", "False")
CHAT = Request("chat", (Turn("user", "Is it so?"),), Sampling(4), choices=TF)
TEXT = Request("text", "Is it so? Answer:", Sampling(4), choices=TF)


def test_alternatives_that_are_a_choice_are_summed_and_a_choice_that_is_none_of_them_has_no_value():
    """P(true) = 0.5 + 0.2 + 0.05; "Falsehood" and "Tr" are other words."""
    shares = {"True": 0.5, " true": 0.2, "TRUE ": 0.05, "Falsehood": 0.1, "Tr": 0.1}
    tokens = [Token(text, math.log(share)) for text, share in shares.items()]
    true, false = logprobs_of(tokens, TF)
    assert math.exp(true or 0) == pytest.approx(0.75)
    assert false is None


def test_values_that_are_no_log_probabilities_are_not_believed():
    tokens = [Token("True", 5.0), Token("true", float("nan")), Token("False", float("-inf")), Token("false", None)]
    assert logprobs_of(tokens, TF) == (None, None)
    assert logprobs_of([Token("True", -0.001), Token("true", -0.001)], TF) == (0.0, None)  # together above 1: rounding


def said(body: dict[str, Any]) -> dict[str, Any]:
    blank = "" if "messages" in body else " "
    return first_word(body, {f"{blank}True": math.log(0.6), f"{blank}False": math.log(0.3), "?": math.log(0.1)})


@pytest.mark.parametrize("request_", [CHAT, TEXT], ids=["chat", "text"])
def test_a_server_is_asked_for_alternatives_and_they_are_kept_with_the_answer(tmp_path: Path, request_: Request):
    with running(Server(said=said)) as server:
        first = next(backend(server, tmp_path).generate([request_]))
        again = next(backend(server, tmp_path).generate([request_]))
        (body,) = server.bodies
    assert [math.exp(value or 0) for value in first.choice_logprobs] == pytest.approx([0.6, 0.3])
    assert (again.choice_logprobs, again.alternatives, again.is_cached) == (first.choice_logprobs, first.alternatives, True)
    assert (body.get("top_logprobs"), body["logprobs"]) == ((20, True) if request_ is CHAT else (None, 20))


def test_the_alternatives_are_those_of_the_first_token_with_a_letter(tmp_path: Path):
    def bold(_body: dict[str, Any]) -> dict[str, Any]:
        marks = {"token": "**", "logprob": -0.1, "top_logprobs": [{"token": "True", "logprob": -9.0}]}
        word = {"token": "False", "logprob": -0.2, "top_logprobs": [{"token": "False", "logprob": -0.2}, {"token": "True", "logprob": -2.0}]}
        return {"message": {"content": "**False**"}, "finish_reason": "length", "logprobs": {"content": [marks, word]}}

    with running(Server(said=bold)) as server:
        found = next(backend(server, tmp_path).generate([CHAT]))
    assert found.choice_logprobs == pytest.approx((-2.0, -0.2))
    assert found.outcome == "ok"  # cut, but its first word is all that was wanted


@pytest.mark.parametrize("logprobs", [None, {}, {"content": None}, {"content": []}, {"content": [{"token": "True", "logprob": -1.0}]}])
def test_a_server_that_gives_no_alternatives_gives_no_values(tmp_path: Path, logprobs: object):
    with running(Server(said=lambda _body: {"message": {"content": "True"}, "logprobs": logprobs})) as server:
        found = next(backend(server, tmp_path).generate([CHAT]))
    assert (found.outcome, found.text, found.choice_logprobs) == ("ok", "True", (None, None))


def test_a_server_that_gives_five_alternatives_at_most_is_asked_for_five_from_then_on(tmp_path: Path):
    def refuses(body: dict[str, Any]) -> dict[str, Any] | None:
        asked = body.get("top_logprobs", body["logprobs"])
        return {"message": f"Requested {asked} logprobs, the maximum is 5"} if asked > 5 else None

    for request in (CHAT, TEXT):
        with running(Server(said=said, refuses=refuses)) as server:
            used = backend(server, tmp_path / request.id)
            found = list(used.generate([request, replace(request, id="b", sample=1)]))
        assert [one.outcome for one in found] == ["ok", "ok"]
        assert server.bodies[-1].get("top_logprobs", server.bodies[-1]["logprobs"]) == 5


def test_choices_are_part_of_the_key_and_requests_without_them_keep_theirs():
    here = Endpoint(("a",), "m")
    keys = [request_key(replace(CHAT, choices=choices), here) for choices in ((), TF, TF[::-1])]
    assert len(set(keys)) == 3
    assert keys[0] == "4f2e9b4542d8fe3985baf7f3f4cedfcb9cbd1469979fa25239a32e29c3dc73af"


def test_a_server_without_alternatives_is_named_before_the_run_with_a_way_out(tmp_path: Path):
    with running(Server(is_probed=True, said=lambda _body: {"message": {"content": "True"}})) as server:
        findings = probe(backend(server, tmp_path), {"choices"})
    with pytest.raises(BackendError, match="returns 0 top log-probabilities of a token, need 2 or more") as caught:
        require(findings, {"choices"})
    assert "judge.by=text" in caught.value.hint
    with running(Server(is_probed=True, said=said)) as server:
        assert probe(backend(server, tmp_path), {"choices"}) == probe(backend(server, tmp_path), {"choices"}, is_chat=False) == {"choices": ""}


@pytest.mark.parametrize(("alternatives", "words"), [({"a": -0.1, "b": -0.1}, "all are -0.1"), ({"a": -0.1, "b": -0.2}, "add up to 1.72")])
def test_alternatives_that_cannot_be_probabilities_are_named(tmp_path: Path, alternatives: dict[str, float], words: str):
    with running(Server(is_probed=True, said=lambda body: first_word(body, alternatives))) as server:
        assert words in probe(backend(server, tmp_path), {"choices"})["choices"]


def test_a_server_that_refuses_alternatives_is_named(tmp_path: Path):
    def refuses(body: dict[str, Any]) -> dict[str, Any] | None:
        return {"message": "logprobs are not supported"} if "logprobs" in body else None

    with running(Server(is_probed=True, refuses=refuses)) as server:
        assert "refuses a request with top log-probabilities: 400: logprobs are not supported" in probe(backend(server, tmp_path), {"choices"})["choices"]


# ---------------------------------------------------------------- a model in this process


def by_hand(model: LocalModel, prompt: str, ids: list[int]) -> float:
    whole = model.encode(prompt) + ids
    logits = model.model(input_ids=torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(logits[place - 1, whole[place]]) for place in range(len(whole) - len(ids), len(whole)))


def test_words_of_several_tokens_are_scored_whole(local: LocalModel):  # noqa: F811
    """This tokenizer has seen neither word: each spelling is several tokens, with and without a blank; the two are summed."""
    forms = forms_of(local, "True")
    assert [local.tokenizer.decode(ids) for ids in forms] == ["True", " True"]
    assert all(len(ids) > 1 for ids in forms)
    (found,) = choice_logprobs(local, [local.encode("Mira")], TF, ())
    expected = [math.log(sum(math.exp(by_hand(local, "Mira", ids)) for ids in forms_of(local, word))) for word in TF]
    assert found[0] == pytest.approx(expected, rel=1e-4)


def test_words_of_one_token_are_looked_up_in_every_spelling(local: LocalModel):  # noqa: F811
    """A letter is one token in either case; with a blank it is two, so only the spellings of one token count."""
    assert sorted(local.tokenizer.decode(ids) for ids in forms_of(local, "Q")) == ["Q", "q"]
    (found,) = choice_logprobs(local, [local.encode("Mira")], ("Q",), ())
    assert math.exp(found[0][0]) == pytest.approx(sum(math.exp(by_hand(local, "Mira", ids)) for ids in forms_of(local, "Q")), rel=1e-4)


def test_the_batch_that_a_prompt_is_in_does_not_change_its_choices(local: LocalModel, tmp_path: Path):  # noqa: F811
    requests = [Request(f"r{i}", prompt, Sampling(2), choices=TF) for i, prompt in enumerate(PROMPTS)]
    together = {r.id: r for r in local_backend(local, tmp_path / "a").generate(requests)}
    alone = {r.id: r for request in requests for r in local_backend(local, tmp_path / request.id).generate([request])}
    assert all(together[id_].choice_logprobs == pytest.approx(alone[id_].choice_logprobs, abs=1e-5) for id_ in together)
    assert len({r.choice_logprobs for r in together.values()}) > 5
    assert all(r.text == TF[max((0, 1), key=lambda n: r.choice_logprobs[n] or 0)] for r in together.values())
    again = local_backend(local, tmp_path / "a")
    assert all(r.is_cached and r.choice_logprobs == together[r.id].choice_logprobs for r in again.generate(requests))


def test_a_prompt_without_room_for_the_words_fails_alone(local: LocalModel, tmp_path: Path):  # noqa: F811
    long = Request("long", "Q" * 62, Sampling(1), choices=TF)  # and the start token: the words would end beyond 64 positions
    found = {r.id: r.outcome for r in local_backend(local, tmp_path).generate([long, replace(long, id="short", prompt="Q")])}
    assert found == {"long": "failed", "short": "ok"}


def test_a_script_can_give_them(tmp_path: Path):
    script = tmp_path / "s.jsonl"
    script.write_text(
        json.dumps({"match": "so", "answer": "True", "choices": {"True": -0.25, "False": -1.5}}) + "\n" + json.dumps({"match": ".", "answer": "True"})
    )
    found = list(load_script(script).generate([CHAT, replace(CHAT, prompt="else")]))
    assert [one.choice_logprobs for one in found] == [(-0.25, -1.5), (None, None)]
