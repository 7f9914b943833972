"""Log-likelihoods of texts: the model's own, whatever is shared, batched, cut or plugged in; tokens as the harness cuts them."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from factcli.backends import likelihood as module
from factcli.backends.continuations import Continuation
from factcli.backends.likelihood import code, likelihoods
from factcli.backends.local import LocalModel
from factcli.errors import InputError
from tests.own_bases import bpe, texts_of, triples

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
QUESTIONS = {
    "What do owls eat?": ["mice", "mainly mice and voles", "fish"],
    "Who wrote Emma?": ["Jane Austen", "nobody"],
    "Why is the sky so blue today?": ["It is."],
}
PAIRS = [Continuation(f"Answer truly.\nQ: {question}\nA:", f" {choice}") for question, choices in QUESTIONS.items() for choice in choices]


def tokenizer(adds_start: bool = False) -> PreTrainedTokenizerFast:
    core = bpe(420, ["<s>", "</s>"], texts_of(triples()[:60]))
    if adds_start:
        core.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")


def architectures() -> dict[str, PreTrainedModel]:
    """Rotary, sliding window, learned positions, and one that has no cache of keys and values at all."""
    torch.manual_seed(1)
    llama = {"vocab_size": 420, "intermediate_size": 64, "max_position_embeddings": 128, **SIZES}
    return {
        "llama": LlamaForCausalLM(LlamaConfig(**llama)),
        "sliding window": MistralForCausalLM(MistralConfig(**llama, num_key_value_heads=2, sliding_window=8)),
        "learned positions": GPT2LMHeadModel(GPT2Config(vocab_size=420, n_embd=32, n_layer=2, n_head=4, n_positions=128)),
        "recurrent": MambaForCausalLM(MambaConfig(vocab_size=420, hidden_size=32, num_hidden_layers=2, state_size=4)),
    }


def alone(model: LocalModel, pair: Continuation) -> float:
    """One text in a pass of its own, nothing shared."""
    coded = code(model, pair)
    ids_1T = torch.tensor([[*coded.context, *coded.text]])
    with torch.inference_mode():
        logps_TV = model.model(ids_1T[:, :-1]).logits[0].double().log_softmax(-1)[len(coded.context) - 1 :]
    return float(logps_TV.gather(1, torch.tensor(coded.text)[:, None]).sum())


@pytest.fixture(scope="module")
def llama() -> LocalModel:
    return LocalModel(architectures()["llama"].eval(), tokenizer())


@pytest.mark.parametrize("name", architectures())
def test_sharing_and_batching_leave_each_likelihood_as_it_is_alone(name: str) -> None:
    model = LocalModel(architectures()[name].eval(), tokenizer())
    found = likelihoods(model, PAIRS)
    assert [one.logprob for one in found] == pytest.approx([alone(model, pair) for pair in PAIRS], abs=2e-6)
    assert [one.n_tokens for one in found] == [len(code(model, pair).text) for pair in PAIRS]


@pytest.mark.parametrize("logits", [1, 2000, 10_000])
def test_small_budgets_of_memory_change_nothing(llama: LocalModel, monkeypatch: pytest.MonkeyPatch, logits: int) -> None:
    before = [one.logprob for one in likelihoods(llama, PAIRS)]
    monkeypatch.setattr(module, "BATCH_LOGITS", logits)
    monkeypatch.setattr(module, "SCORED_LOGITS", logits)
    assert [one.logprob for one in likelihoods(llama, PAIRS)] == pytest.approx(before, abs=2e-6)


def test_greedy_is_what_greedy_decoding_says(llama: LocalModel) -> None:
    prompt = "Q: Who wrote Emma?\nA:"
    said = llama.complete([prompt], 5)[0]
    coded = module.Coded(tuple(llama.encode(prompt)), said.token_ids)
    other = module.Coded(coded.context, (*said.token_ids[:-1], said.token_ids[-1] ^ 1))
    greedy, changed = module.likelihoods_of_ids(llama, [coded, other])
    assert greedy.is_greedy
    assert not changed.is_greedy
    assert torch.tensor(said.probabilities).double().log().sum().item() == pytest.approx(greedy.logprob, abs=1e-5)


def test_an_adapter_acts_only_where_it_is_named(llama: LocalModel) -> None:
    before = likelihoods(llama, PAIRS)
    adapter = llama.bank.add("skill_a", 4, 8.0, 0.0, 0)
    with torch.no_grad():
        adapter.vector += 0.05
    try:
        plugged = [one.logprob for one in likelihoods(llama, PAIRS, ["skill_a"])]
        assert likelihoods(llama, PAIRS) == before
        with llama.bank.active(["skill_a"]):
            assert plugged == pytest.approx([alone(llama, pair) for pair in PAIRS], abs=2e-6)
        assert abs(plugged[0] - before[0].logprob) > 1e-3
    finally:
        llama.bank.remove("skill_a")


def test_what_is_too_long_loses_its_beginning_and_says_so(llama: LocalModel) -> None:
    long = Continuation("word " * 200 + "\nA:", " mice")
    coded = code(llama, long)
    assert len(coded.context) + len(coded.text) == 128 + 1  # the last token is predicted, not read
    found = likelihoods(llama, [long, PAIRS[0]])
    assert [one.is_cut for one in found] == [True, False]
    assert found[0].logprob == pytest.approx(alone(llama, long), abs=2e-6)


@pytest.mark.parametrize("text", ["", "word " * 200])
def test_a_text_of_no_tokens_or_too_many_is_refused(llama: LocalModel, text: str) -> None:
    with pytest.raises(InputError, match="need 1 to 128 for this model"):
        likelihoods(llama, [Continuation("Q:", text)])


ODD = [
    Continuation("A question?  ", "yes"),  # its blanks go to the text
    Continuation("", "Emma was written by Jane Austen."),
    Continuation("", "<s>Emma"),  # begins with the token that stands before it anyway
    Continuation("<s>Q: who?\nA:", " me"),  # no second start token
    Continuation("Q: who?\nA:", "\n\nme"),
    Continuation("Jane Aust", "en"),  # no token border between the two
    Continuation("x " * 150, " y z"),
]


@pytest.mark.parametrize("adds_start", [False, True], ids=["bare", "start token added"])
def test_tokens_and_likelihoods_are_those_of_the_harness(adds_start: bool, tmp_path: Path) -> None:
    instance = pytest.importorskip("lm_eval.api.instance")
    from lm_eval.models.huggingface import HFLM

    model = LocalModel(architectures()["llama"].eval(), tokenizer(adds_start))
    harness = HFLM(pretrained=model.model, tokenizer=tokenizer(adds_start), batch_size=4, softmax_dtype="float64")
    asked = [*ODD, *PAIRS]
    theirs = harness.loglikelihood([instance.Instance("loglikelihood", {}, tuple(pair), place) for place, pair in enumerate(asked)], disable_tqdm=True)
    ours = likelihoods(model, asked)
    assert [one.logprob for one in ours] == pytest.approx([logprob for logprob, _ in theirs], abs=5e-6)
    assert [one.is_greedy for one in ours] == [is_greedy for _, is_greedy in theirs]
    for context, text in asked:
        if context:
            before, after = harness._encode_pair(context, text)
            coded = code(model, Continuation(context, text))
            assert (*coded.context, *coded.text) == tuple([*before, *after][-129:])


MODEL = LocalModel(architectures()["llama"].eval(), tokenizer())  # hypothesis takes no fixture


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["", "Q:", "Q: who?", "Q: who?\nA:"]), st.text("abc ?", min_size=1, max_size=9)), min_size=1, max_size=6))
def test_the_order_and_number_of_questions_change_nothing(pairs: list[tuple[str, str]]) -> None:
    asked = [Continuation(context, f"{text}x") for context, text in pairs]
    together = [one.logprob for one in likelihoods(MODEL, asked)]
    assert together == pytest.approx([likelihoods(MODEL, [one])[0].logprob for one in asked], abs=5e-6)
    assert together[::-1] == pytest.approx([one.logprob for one in likelihoods(MODEL, asked[::-1])], abs=5e-6)
