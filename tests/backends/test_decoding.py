"""DoLa: a step derived by hand, what is plausible, whose layer is chosen, and the models of test_local decoded by it."""

import math
from pathlib import Path

import pytest
import torch

from factcli.backends.contrasting import contrast, divergence
from factcli.backends.decoding import DecodeConfig, DolaConfig, candidate_layers
from factcli.backends.drawing import Draw
from factcli.backends.local import LocalModel
from factcli.backends.opening import answering, local_endpoint
from factcli.backends.requests import Request, Sampling
from factcli.backends.settings import GenerationConfig
from factcli.config import resolve
from factcli.errors import SettingsError
from factcli.resolving import LocalRef, resolve_base
from tests.backends.test_local import PROMPTS, local, tiny_model, tiny_tokenizer  # noqa: F401 - a fixture
from tests.backends.test_sampling import backend

Q = [0.5, 0.4, 0.08, 0.02]  # of the last layer
NEAR, FAR = [0.5, 0.4, 0.05, 0.05], [0.8, 0.1, 0.05, 0.05]  # of two earlier ones


def logs(*shares: list[float]) -> torch.Tensor:
    return torch.tensor(shares, dtype=torch.float64).log()


def test_a_step_is_the_one_derived_by_hand():
    """The far layer says the first token more surely (0.8 > 0.5), so the second grew most: log(0.4 / 0.1) = log 4.

    Plausible from 0.1 x 0.5 = 0.05 on: the last token (0.02) is not, though log(0.02 / 0.05) would be larger than that of none.
    JS divergence of Q and FAR, m = (0.65, 0.25, 0.065, 0.035): (sum q log q/m + sum p log p/m) / 2, by the sums below.
    """
    scores = contrast(logs(Q), torch.stack([logs(NEAR), logs(FAR)]), 0.1)[0]
    assert scores[:3].tolist() == pytest.approx([math.log(0.5 / 0.8), math.log(4), math.log(0.08 / 0.05)], abs=1e-12)
    assert scores[3] == -math.inf
    middle = [(q + p) / 2 for q, p in zip(Q, FAR, strict=True)]
    by_hand = sum(q * math.log(q / m) + p * math.log(p / m) for q, p, m in zip(Q, FAR, middle, strict=True)) / 2
    near, far = divergence(logs(Q), torch.stack([logs(NEAR), logs(FAR)]))[:, 0].tolist()
    assert far == pytest.approx(by_hand, abs=1e-12)
    assert near < far


def test_each_row_has_its_own_premature_layer():
    """Row 0 is far from the first candidate, row 1 from the second: neither decides for the other."""
    premature = torch.stack([logs(FAR, NEAR), logs(NEAR, FAR)])
    both = contrast(logs(Q, Q), premature, 0.1)
    assert torch.equal(both[0], both[1])
    assert both[0, 1] == pytest.approx(math.log(4))


def test_opposite_beliefs_are_log_two_apart_and_equal_ones_zero():
    opposite = divergence(logs([1 - 1e-12, 1e-12]), logs([1e-12, 1 - 1e-12])[None])
    assert float(opposite) == pytest.approx(math.log(2), abs=1e-9)
    assert float(divergence(logs(Q), logs(Q)[None])) == pytest.approx(0, abs=1e-12)


def steps_by_hand(local: LocalModel, prompt: str, config: DolaConfig, n: int) -> list[int]:  # noqa: F811
    """Full forward passes in float64 without a cache, contrast and penalty written out."""
    model = local.model.double()
    ids, said = local.encode(prompt), []
    head = model.get_output_embeddings()
    for _ in range(n):
        output = model(input_ids=torch.tensor([ids + said]), use_cache=False, output_hidden_states=True)
        q = output.logits[0, -1].softmax(-1)
        found = []
        for layer in (0, 1):
            p = head(output.hidden_states[layer][0, -1]).softmax(-1)
            m = (q + p) / 2
            found.append((float((q * (q / m).log() + p * (p / m).log()).sum() / 2), p))
        p = max(found, key=lambda one: one[0])[1]
        scores = (q / p).log()
        scores[q < config.relative_top * q.max()] = -math.inf
        for token in set(ids + said):
            scores[token] = scores[token] * config.repetition_penalty if scores[token] < 0 else scores[token] / config.repetition_penalty
        token = int(scores.argmax())
        if token == 2:
            break
        said.append(token)
    local.model.float()
    return said


@pytest.mark.parametrize("prompt", PROMPTS[:6])
def test_a_tiny_model_is_decoded_as_by_hand_in_float64(local: LocalModel, prompt: str):  # noqa: F811
    config = DolaConfig(layers=(0, 1), relative_top=0.1, repetition_penalty=1.2)
    with torch.inference_mode():
        expected = steps_by_hand(local, prompt, config, 8)
    greedy = local.complete([prompt], 8)[0]
    local.contrast(config)
    said = local.complete([prompt], 8)[0]
    assert list(said.token_ids) == expected
    assert said.token_ids != greedy.token_ids


def test_where_the_constraint_leaves_one_token_it_is_the_greedy_one(local: LocalModel):  # noqa: F811
    greedy = local.complete(PROMPTS, 10)
    local.contrast(DolaConfig(layers=(0, 1), relative_top=1.0))
    contrasted = local.complete(PROMPTS, 10)
    assert [c.token_ids for c in contrasted] == [c.token_ids for c in greedy]
    pairs = [(a, b) for one, other in zip(contrasted, greedy, strict=True) for a, b in zip(one.probabilities, other.probabilities, strict=True)]
    assert [a for a, _ in pairs] == pytest.approx([b for _, b in pairs], rel=1e-4)


def test_what_shares_the_batch_changes_no_contrasted_answer(local: LocalModel):  # noqa: F811
    local.contrast(DolaConfig(layers=(0, 1)))
    together = local.complete(PROMPTS, 10, adapters=["skill"])
    alone = [local.complete([prompt], 10, adapters=["skill"])[0] for prompt in PROMPTS]
    assert [c.token_ids for c in together] == [c.token_ids for c in alone]


def test_a_prompt_of_one_token_and_draws_of_ones_own_go_on_as_they_are(local: LocalModel):  # noqa: F811
    draws = [local_draw(local)]
    before = local.continue_ids([[5]], 4, draws=draws)
    local.contrast(DolaConfig(layers=(1,)))
    assert local.continue_ids([[5]], 4, draws=[local_draw(local)]) == before
    assert local.continue_ids([[5]], 4)[0].token_ids


def local_draw(local: LocalModel):  # noqa: F811
    return Draw(Request("", "", Sampling(4)), 0, [5])


@pytest.mark.parametrize(
    ("layers", "n_layers", "is_tied", "expected"),
    [
        ("high", 32, False, tuple(range(16, 32, 2))),
        ("low", 32, False, tuple(range(0, 16, 2))),
        ("low", 32, True, tuple(range(2, 16, 2))),
        ("high", 48, False, tuple(range(28, 48, 2))),
        ("low", 48, True, tuple(range(2, 20, 2))),
        ("high", 2, True, (1,)),
        ("low", 2, True, (1,)),
        ("low", 1, True, (0,)),
        ((0, 5), 32, True, (0, 5)),
    ],
)
def test_candidates_are_every_second_layer_of_a_half(layers, n_layers: int, is_tied: bool, expected: tuple[int, ...]):
    assert candidate_layers(layers, n_layers, is_tied) == expected


def test_a_layer_that_the_model_lacks_is_refused(local: LocalModel):  # noqa: F811
    with pytest.raises(SettingsError, match=r"layer 2 is not below the last of 2 layers"):
        local.contrast(DolaConfig(layers=(0, 2)))


@pytest.mark.parametrize("value", ["[]", "[1, 1]", "[-1]", "middle"])
def test_layers_are_named_high_low_or_each_once(value: str):
    with pytest.raises(SettingsError, match=r"dola\.layers"):
        resolve(DecodeConfig, [], [f"dola.layers={value}"], {})


def test_the_name_of_an_evaluation_says_how_it_was_decoded():
    assert DecodeConfig().suffix == ""
    assert DecodeConfig(how="rag", passages=5).suffix == "-rag5"
    assert DecodeConfig(how="dola").suffix == "-dola-high"
    assert resolve(DecodeConfig, [], ["how=dola", "dola.layers=[0, 4]"], {}).suffix == "-dola-0-4"


def test_requests_to_a_contrasted_model_are_contrasted_and_kept_apart(local: LocalModel, tmp_path: Path):  # noqa: F811
    """Through the backend the answers are those of the model itself; under another endpoint than the greedy ones."""
    local.contrast(DolaConfig(layers=(0, 1)))
    said = backend(local, tmp_path).generate([Request(f"r{n}", prompt, Sampling(8)) for n, prompt in enumerate(PROMPTS[:6])])
    assert [response.text for response in said] == [completion.text for completion in local.complete(PROMPTS[:6], 8)]


def test_a_served_model_shows_no_layers():
    for spec in ("http:m@http://localhost:1/v1", "scripted:none.jsonl"):
        with pytest.raises(SettingsError, match="dola contrasts the layers of a model"):
            answering(GenerationConfig(backend=spec), None, DolaConfig())


def test_how_a_model_decodes_is_part_of_who_answers(tmp_path: Path):
    tiny_model("llama", 300).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    ref = LocalRef(resolve_base(str(tmp_path), tmp_path), {})
    names = {local_endpoint(ref, dola).place for dola in (None, DolaConfig(), DolaConfig(layers="low"))}
    assert len(names) == 3
