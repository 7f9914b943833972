"""Builds the untrained base model."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.world.settings import ModelSettings


def build_model(tokenizer: PreTrainedTokenizerFast, settings: ModelSettings, seed: int) -> LlamaForCausalLM:
    """An untrained Llama with tied embeddings, in float32 on the CPU; its weights depend on `seed` alone."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.n_layers,
        num_attention_heads=settings.n_heads,
        num_key_value_heads=settings.n_heads,
        max_position_embeddings=settings.max_tokens,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn on the CPU whatever the device
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
