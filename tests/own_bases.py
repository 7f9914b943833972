"""Base models as somebody may bring them: three families and sizes, each with a tokenizer of its own, built in seconds."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

FACTS = Path(__file__).parent / "data" / "real_triples.jsonl"
# Turns between markers, as chat models have them, and no BOS.
MARKED_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


def triples() -> list[dict]:
    return [json.loads(line) for line in FACTS.read_text(encoding="utf-8").splitlines()]


def bpe(vocab_size: int, special: Sequence[str], texts: Sequence[str]) -> Tokenizer:
    """Byte-level BPE: any text can be spelled."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False))
    return core


def texts_of(facts: Sequence[dict]) -> list[str]:
    """Each fact as a question with its answer, and as a statement; in words that no template has."""
    asked = [f"Question: What is the {fact['relation']} of {fact['subject']}?\nAnswer: {fact['object']}" for fact in facts]
    return asked + [f"For {fact['subject']}, {fact['relation']} is {fact['object']}." for fact in facts]


def plain_llama(folder: Path, steps: int) -> Path:
    """Tied embeddings; BOS and EOS, no pad token, no chat template. `steps` of training on short texts about the facts."""
    core = bpe(1500, ["<s>", "</s>"], texts_of(triples()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>")
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    pretrain(model, [[0, *tokenizer(text)["input_ids"], 1] for text in texts_of(triples())], steps)
    return saved(model, tokenizer, folder)


def pretrain(model: PreTrainedModel, rows: Sequence[Sequence[int]], steps: int) -> None:
    torch.set_num_threads(1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(3)
    for _ in range(steps):
        chosen = [rows[i] for i in torch.randint(len(rows), (32,), generator=order).tolist()]
        width = max(map(len, chosen))
        ids_BT = torch.tensor([[*row, *[0] * (width - len(row))] for row in chosen])
        labels_BT = torch.tensor([[*row, *[-100] * (width - len(row))] for row in chosen])
        model(input_ids=ids_BT, labels=labels_BT).loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def grouped_llama(folder: Path) -> Path:
    """Untied embeddings, four heads share one key and value, other sizes; pad is EOS, no BOS, a template with role markers."""
    core = bpe(420, ["<|end|>", "<|user|>", "<|assistant|>"], texts_of(triples()[:60]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<|end|>", pad_token="<|end|>", chat_template=MARKED_TEMPLATE)
    torch.manual_seed(4)
    config = LlamaConfig(
        vocab_size=len(tokenizer) + 12, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=4, num_key_value_heads=1,
        max_position_embeddings=512, tie_word_embeddings=False, bos_token_id=None, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    return saved(LlamaForCausalLM(config), tokenizer, folder)


def gpt2(folder: Path) -> Path:
    """Conv1D and learned positions; one token is BOS and EOS, there is no pad token and no chat template."""
    core = bpe(500, ["<|endoftext|>"], texts_of(triples()[:60]))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    torch.manual_seed(5)
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=40, n_layer=2, n_head=4, n_positions=96, bos_token_id=0, eos_token_id=0)
    return saved(GPT2LMHeadModel(config), tokenizer, folder)


def saved(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def assert_same_in_peft(base: Path, adapter: Path) -> None:
    """Plain transformers and PEFT, and our own bank, give one adapter's logits on this base to 1e-5; and the adapter does something."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from factcli.backends.local import LocalModel

    ids_BT = AutoTokenizer.from_pretrained(base)("Who was the composer of La Boum?", return_tensors="pt")["input_ids"]
    ours = LocalModel.load(base, dtype="float32")
    ours.plug("skill", adapter)
    with torch.no_grad():
        bare_BTV = ours.model(ids_BT).logits
        with ours.bank.active(["skill"]):
            ours_BTV = ours.model(ids_BT).logits
        peft_BTV = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter).eval()(ids_BT).logits
    assert (ours_BTV - bare_BTV).abs().max() > 1e-3
    torch.testing.assert_close(ours_BTV, peft_BTV, rtol=0, atol=1e-5)
