"""A model in a folder that reads 2,048 tokens of any text and prefers some answers to others, for benchmarks by likelihood."""

from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.basemodel import resolve_base
from factcli.stages.eval.subject import Subject
from tests.own_bases import bpe, saved, texts_of, triples


def long_llama(folder: Path) -> Path:
    """Weights of a wider draw than the usual, so that likelihoods differ between answers; a start token, no chat template."""
    core = bpe(600, ["<s>", "</s>"], texts_of(triples()))
    torch.manual_seed(7)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = LlamaConfig(vocab_size=600, max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, initializer_range=0.1, **sizes)
    return saved(LlamaForCausalLM(config), PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>"), folder)


def base_subject(folder: Path, root: Path) -> Subject:
    """The model itself, with nothing plugged in."""
    return Subject("base", resolve_base(str(folder), root))
