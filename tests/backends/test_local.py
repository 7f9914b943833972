"""Greedy completions of tiny Llama and GPT-2 models built here: what is asked alone and in a crowd is answered alike."""

import math
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from factcli.backends import local as backend
from factcli.backends.completions import Completion, Turn
from factcli.backends.local import LocalModel
from factcli.errors import InputError, SettingsError

TEXT = ["Question: Where was Mira Osei born?\nAnswer: Hobart", "This person was born in Lima. She won the prize é."]
TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token + 'Question: ' + m['content'] + '\nAnswer:' }}"
    "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"
)
PROMPTS = ["Mira", "Where was Mira Osei born?", "This person", "She won the", "Answer: H", "Mira Osei", "Lima", "Q"] * 3


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<pad>", "<s>", "</s>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(TEXT, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    fast.chat_template = TEMPLATE
    return fast


def tiny_model(family: str, vocab_size: int) -> PreTrainedModel:
    torch.manual_seed(0)
    if family == "llama":
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
        return LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, max_position_embeddings=64, eos_token_id=2, bos_token_id=1, **sizes))
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
    return GPT2LMHeadModel(GPT2Config(vocab_size=vocab_size, eos_token_id=2, bos_token_id=1, **sizes))


@pytest.fixture(params=["llama", "gpt2"])
def local(request: pytest.FixtureRequest, tmp_path: Path) -> LocalModel:
    """A saved and loaded model with weights large enough that every prompt has its own answer, and one adapter."""
    torch.set_num_threads(1)
    tokenizer = tiny_tokenizer()
    model = tiny_model(request.param, len(tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = LocalModel.load(tmp_path, device="cpu", dtype="float32")
    adapter = loaded.bank.add("skill", r=4, alpha=8, dropout=0.0, seed=0)
    with torch.no_grad():
        adapter.vector.add_(0.3 * torch.randn_like(adapter.vector))
    return loaded


def by_hand(local: LocalModel, prompt: str, n: int) -> list[int]:
    """Greedy tokens by n full forward passes without a cache."""
    ids = local.encode(prompt)
    said: list[int] = []
    for _ in range(n):
        token = int(local.model(input_ids=torch.tensor([ids + said]), use_cache=False).logits[0, -1].argmax())
        if token == 2:
            break
        said.append(token)
    return said


@pytest.mark.parametrize("adapters", [(), ("skill",)])
def test_the_batch_a_prompt_is_in_does_not_change_its_answer(local: LocalModel, adapters: tuple[str, ...]):
    together = local.complete(PROMPTS, 12, adapters=adapters)
    alone = [local.complete([prompt], 12, adapters=adapters)[0] for prompt in PROMPTS]
    backwards = local.complete(PROMPTS[::-1], 12, adapters=adapters)[::-1]
    assert [c.token_ids for c in together] == [c.token_ids for c in alone] == [c.token_ids for c in backwards]
    assert [c.text for c in together] == [c.text for c in alone]


def test_completions_are_the_most_likely_tokens_of_full_forward_passes(local: LocalModel):
    prompts = PROMPTS[:8]
    assert [list(c.token_ids) for c in local.complete(prompts, 8)] == [by_hand(local, prompt, 8) for prompt in prompts]
    with local.bank.active(["skill"]):
        expected = [by_hand(local, prompt, 8) for prompt in prompts]
    assert [list(c.token_ids) for c in local.complete(prompts, 8, adapters=["skill"])] == expected


def test_an_adapter_changes_answers_and_only_while_it_is_plugged_in(local: LocalModel):
    before = local.complete(PROMPTS[:4], 6)
    assert local.complete(PROMPTS[:4], 6, adapters=["skill"]) != before
    assert local.complete(PROMPTS[:4], 6) == before


def test_each_token_has_the_probability_that_the_model_gives_it(local: LocalModel):
    said = local.complete(["Mira"], 4)[0]
    ids = local.encode("Mira")
    for place, token in enumerate(said.token_ids):
        logits = local.model(input_ids=torch.tensor([[*ids, *said.token_ids[:place]]])).logits[0, -1]
        assert said.probabilities[place] == pytest.approx(float(logits.softmax(-1)[token]), rel=1e-4)


def test_token_starts_cut_the_text_into_its_tokens(local: LocalModel):
    for said in local.complete(PROMPTS, 12):
        assert len(said.starts) == len(said.token_ids) == len(said.probabilities)
        assert list(said.starts) == sorted(said.starts)
        assert not said.starts or said.starts[0] == 0


def test_a_stop_string_ends_the_text_before_it_and_the_other_rows_go_on(local: LocalModel):
    whole = local.complete(PROMPTS, 12)
    stop = whole[1].text[2:4]
    cut = local.complete(PROMPTS, 12, stop=[stop])
    assert cut[1].finished
    assert [c.text for c in cut] == [c.text.split(stop)[0] for c in whole]


@pytest.mark.parametrize("adapters", [(), ("skill",)])
def test_what_all_prompts_begin_with_is_read_once_and_changes_no_answer(local: LocalModel, adapters: tuple[str, ...], monkeypatch: pytest.MonkeyPatch):
    """12 prompts of 9 tokens that share 6: 108 tokens to read, or 6 and 12 times 3."""
    prompts = [[1, 40, 50, 60, 70, 80, 100 + n, 90, 120 + n] for n in range(12)]
    read: list[int] = []
    local.model.register_forward_pre_hook(lambda _model, _inputs, named: read.append(named["input_ids"].numel()), with_kwargs=True)
    apart = local.continue_ids(prompts, 10, adapters=adapters)
    assert read[0] == 108
    read.clear()
    monkeypatch.setattr(backend, "SHARED_TOKENS", 0)
    together = local.continue_ids(prompts, 10, adapters=adapters)
    assert read[:2] == [6, 36]
    assert [c.token_ids for c in together] == [c.token_ids for c in apart]
    pairs = [(a, b) for one, other in zip(together, apart, strict=True) for a, b in zip(one.probabilities, other.probabilities, strict=True)]
    assert [a for a, _ in pairs] == pytest.approx([b for _, b in pairs], rel=1e-4)


def test_the_length_limit_leaves_a_completion_unfinished(local: LocalModel):
    said = local.complete(["Where was Mira Osei born?"], 3)[0]
    assert (len(said.token_ids), said.finished) == (3, False)


def test_an_end_token_finishes_and_is_no_part_of_the_text(local: LocalModel):
    with torch.no_grad():  # the end token wins at every step: the other rows of the output layer are silenced
        head = local.model.get_output_embeddings()
        hidden = local.model(input_ids=torch.tensor([local.encode("Mira")]), output_hidden_states=True).hidden_states[-1][0, -1]
        head.weight = torch.nn.Parameter(torch.zeros_like(head.weight))
        head.weight[2] = hidden
    assert local.complete(["Mira"], 5)[0] == Completion("", (), (), (), True)


def test_a_chat_goes_through_the_template_and_plain_text_does_not(local: LocalModel):
    decode = local.tokenizer.decode
    turns = (Turn("user", "Who?"), Turn("assistant", "Mira"), Turn("user", "Where?"))
    assert decode(local.encode(turns)) == "<s>Question: Who?\nAnswer: Mira</s><s>Question: Where?\nAnswer:"
    assert decode(local.encode("Mira Osei")) == "<s>Mira Osei"


def test_prompts_longer_than_the_models_positions_are_refused_and_answers_cut_there(local: LocalModel):
    with pytest.raises(InputError, match="need 1 to 63"):
        local.continue_ids([[5] * 64], 1)
    said = local.continue_ids([[5] * 60], 50)[0]
    assert len(said.token_ids) <= 4
    assert not said.finished or len(said.token_ids) < 4


def test_a_limit_of_no_tokens_is_refused(local: LocalModel):
    with pytest.raises(SettingsError, match="max_new_tokens is 0"):
        local.complete(["Mira"], 0)


def test_a_model_without_a_tokenizer_is_refused(tmp_path: Path):
    tiny_model("llama", 300).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has no tokenizer"):
        LocalModel.load(tmp_path)


def test_the_probability_of_a_span_is_that_of_the_tokens_in_it():
    #            " Ho" "bart" "."  at 0, 3, 7
    said = Completion(" Hobart.", (1, 2, 3), (0.5, 0.8, 0.9), (0, 3, 7), True)
    assert said.probability() == pytest.approx(0.36)
    assert said.probability(1, 7) == pytest.approx(0.4)  # "Hobart": the first two
    assert said.probability(3, 7) == 0.8
    assert Completion("", (), (), (), True).probability() == 1
    assert math.isclose(said.probability(7, 8), 0.9)
