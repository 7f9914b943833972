"""`local:` requests on the tiny models of test_local: a request's answer is its own, whatever shares its batch."""

import math
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from pydantic import BaseModel

from factcli.backends.buying import Terms
from factcli.backends.completions import Turn
from factcli.backends.drawing import Draw, choose, penalised
from factcli.backends.keys import Endpoint
from factcli.backends.local import LocalModel
from factcli.backends.requests import Request, Sampling
from factcli.backends.retrying import Patience
from factcli.backends.sampling import LocalBackend
from tests.backends.test_local import PROMPTS, local  # noqa: F401 - a fixture

DRAWN = Sampling(8, temperature=1.0, top_p=0.9, seed=5)


def backend(model: LocalModel, folder: Path, **terms: object) -> LocalBackend:
    return LocalBackend(model, Endpoint(("weights",), "tiny"), folder, Terms(**{"patience": Patience()} | terms))


def asked(n: int = len(PROMPTS), sampling: Sampling = DRAWN, **fields: object) -> list[Request]:
    return [Request(f"r{i}", PROMPTS[i], replace(sampling, seed=i), **fields) for i in range(n)]


def test_a_draw_depends_on_the_seed_of_its_request_and_not_on_its_batch(local: LocalModel, tmp_path: Path):  # noqa: F811
    together = {r.id: r.text for r in backend(local, tmp_path / "a").generate(asked())}
    alone = {r.id: r.text for request in asked() for r in backend(local, tmp_path / "b" / request.id).generate([request])}
    backwards = {r.id: r.text for r in backend(local, tmp_path / "c").generate(asked()[::-1])}
    assert together == alone == backwards
    same = [replace(request, prompt="Mira") for request in asked()]
    assert len({r.text for r in backend(local, tmp_path / "d").generate(same)}) > 10  # 24 seeds


def test_temperature_zero_is_the_greedy_completion(local: LocalModel, tmp_path: Path):  # noqa: F811
    said = [r.text for r in backend(local, tmp_path).generate(asked(8, Sampling(8)))]
    assert said == [completion.text for completion in local.complete(PROMPTS[:8], 8)]


def test_adapters_are_plugged_in_for_the_requests_that_name_them(local: LocalModel, tmp_path: Path):  # noqa: F811
    plain, skilled = asked(6, Sampling(6)), [replace(r, id=f"s{r.id}", adapters=("skill",)) for r in asked(6, Sampling(6))]
    said = {r.id: r.text for r in backend(local, tmp_path).generate([*plain, *skilled])}
    assert [said[r.id] for r in plain] == [c.text for c in local.complete(PROMPTS[:6], 6)]
    assert [said[r.id] for r in skilled] == [c.text for c in local.complete(PROMPTS[:6], 6, adapters=["skill"])]


def test_answers_are_kept_and_twins_share_one(local: LocalModel, tmp_path: Path):  # noqa: F811
    first = backend(local, tmp_path)
    requests = [*asked(6), replace(asked(1)[0], id="twin")]
    found = {r.id: r for r in first.generate(requests)}
    assert (first.usage.requests, first.usage.cached, found["twin"].is_cached, found["twin"].text) == (6, 1, True, found["r0"].text)
    again = backend(local, tmp_path)
    assert {r.id: r.text for r in again.generate(requests)} == {id_: r.text for id_, r in found.items()}
    assert (again.usage.requests, again.usage.cached) == (0, 7)


def test_what_was_answered_before_an_interrupt_is_kept(local: LocalModel, tmp_path: Path):  # noqa: F811
    """Prompts of several lengths, one batch each; Ctrl-C in the first step of the fourth batch."""
    lengths = [len(ids) for ids in {tuple(local.encode(prompt)) for prompt in PROMPTS}]
    batches = sorted(set(lengths))
    assert len(batches) >= 5
    hook = local.model.register_forward_pre_hook(lambda _model, _inputs, named: interrupt_at(named["input_ids"], batches[3]), with_kwargs=True)
    first = backend(local, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        list(first.generate(asked(8)))
    hook.remove()
    n_answered = sum(length in batches[:3] for length in lengths)
    assert first.usage.requests == n_answered
    again = backend(local, tmp_path)
    assert len(list(again.generate(asked(8)))) == 8
    assert again.usage.requests == 8 - n_answered


def interrupt_at(ids_BT: torch.Tensor, length: int) -> None:
    if ids_BT.shape[1] == length:
        raise KeyboardInterrupt


def test_log_probabilities_are_the_models_own(local: LocalModel, tmp_path: Path):  # noqa: F811
    request = Request("r", "Mira Osei", Sampling(4, temperature=0.7, seed=1), 0, True, True)
    said = next(backend(local, tmp_path).generate([request]))
    prompt = local.encode("Mira Osei")
    logps_TV = local.model(input_ids=torch.tensor([prompt])).logits[0].log_softmax(-1)
    expected = [float(logps_TV[place, token]) for place, token in enumerate(prompt[1:])]
    assert [token.logprob for token in said.prompt_tokens[1:]] == pytest.approx(expected, abs=1e-4)
    assert said.prompt_tokens[0].logprob is None
    assert "".join(token.text for token in said.tokens) == said.text
    assert all(token.logprob <= 0 for token in said.tokens)
    assert (said.outcome, said.tokens_out) in (("truncated", 4), ("ok", len(said.tokens) + 1))


def test_a_prompt_beyond_the_models_positions_is_a_failure_of_its_row(local: LocalModel, tmp_path: Path):  # noqa: F811
    requests = [Request("long", "Mira Osei was born " * 40, Sampling(4)), Request("short", (Turn("user", "Who?"),), Sampling(4))]
    found = {r.id: r for r in backend(local, tmp_path).generate(requests)}
    assert found["long"].outcome == "failed"
    assert "need 1 to 63" in found["long"].cause
    assert found["short"].outcome != "failed"


class Form(BaseModel):
    name: str


def test_an_answer_of_the_wrong_form_is_asked_for_with_another_seed_and_then_invalid(local: LocalModel, tmp_path: Path):  # noqa: F811
    """The stop string is a byte that most answers hold, so that most are whole; none is JSON."""
    used = backend(local, tmp_path, json_asks=3)
    found = list(used.generate(asked(12, Sampling(40, 1.0, stop=("a", "e", "o", " ")), schema=Form)))
    outcomes = {r.outcome for r in found}
    assert outcomes <= {"invalid", "truncated"}
    n_invalid = sum(r.outcome == "invalid" for r in found)
    assert n_invalid > 0
    assert used.usage.requests >= 12 + 2 * n_invalid


def test_each_token_is_drawn_as_often_as_its_probability_says():
    """Shares 0.5, 0.3, 0.15, 0.05; top_p 0.9 keeps the first three (0.95 >= 0.9), so 0.526, 0.316, 0.158."""
    shares = torch.tensor([0.15, 0.5, 0.05, 0.3])
    n = 4000
    draws = [Draw(Request("", "", Sampling(1, 1.0, 0.9, seed)), 0) for seed in range(n)]
    counts = choose(shares.log().expand(n, 4), draws).bincount(minlength=4) / n
    for count, share in zip(counts.tolist(), (0.15 / 0.95, 0.5 / 0.95, 0, 0.3 / 0.95), strict=True):
        assert abs(count - share) <= 4 * math.sqrt(share * (1 - share) / n)


def test_a_repetition_penalty_weakens_what_came_before_the_prompt_included():
    """Row 0, seen {1}: 4 / 2 = 2, below 3. Row 1, seen {1, 2}: -1 * 2 = -2 and 4 / 2 = 2, which stays the largest. Row 2 has none."""
    logits_BV = torch.tensor([[3.0, 4.0, -1.0], [1.0, 4.0, -1.0], [3.0, 4.0, -1.0]])
    sampling = Sampling(1, repetition_penalty=2.0)
    draws = [Draw(Request("", "", sampling), 0, [1]), Draw(Request("", "", sampling), 0, [1, 2]), Draw(Request("", "", Sampling(1)), 0, [1])]
    assert penalised(logits_BV, draws).tolist() == [[3.0, 2.0, -1.0], [1.0, 2.0, -2.0], [3.0, 4.0, -1.0]]
    assert choose(logits_BV, draws).tolist() == [0, 1, 1]
    assert draws[0].seen == {0, 1}


def test_a_repetition_penalty_is_the_one_of_transformers(local: LocalModel, tmp_path: Path):  # noqa: F811
    request = Request("r", PROMPTS[0], Sampling(8, repetition_penalty=1.7))
    said = next(backend(local, tmp_path).generate([request, replace(request, id="twin")]))
    ids_1T = torch.tensor([local.encode(PROMPTS[0])])
    settings = {"do_sample": False, "max_new_tokens": 8, "pad_token_id": local.tokenizer.eos_token_id}
    expected = local.model.generate(ids_1T, attention_mask=torch.ones_like(ids_1T), repetition_penalty=1.7, **settings)[0, ids_1T.shape[1] :]
    assert said.text == local.tokenizer.decode(expected, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    plain = next(backend(local, tmp_path).generate([replace(request, sampling=Sampling(8))]))
    assert plain.text != said.text


def test_the_extremes_of_a_draw_stay_within_what_top_p_keeps():
    logits_BV = torch.tensor([[0.0, 5.0, 1.0]] * 3)
    draws = [Draw(Request("", "", Sampling(1, t, p, 0)), 0) for t, p in ((1.0, 1e-9), (1e-4, 1.0), (0.0, 1.0))]
    draws[0]._random = type("Highest", (Random,), {"random": lambda _self: 1 - 2**-53})()
    assert choose(logits_BV, draws).tolist() == [1, 1, 1]
