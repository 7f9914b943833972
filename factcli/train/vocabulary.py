"""New tokens for a model whose every parameter is trained."""

from collections.abc import Sequence

import torch
from tokenizers import AddedToken
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.chattemplates import PAD


def missing_tokens(tokenizer: PreTrainedTokenizerBase, marks: Sequence[str]) -> list[str]:
    """The marks that are no tokens of their own."""
    known = tokenizer.get_vocab()
    return [mark for mark in marks if mark not in known]


def add_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, marks: Sequence[str]) -> list[str]:
    """Make each mark one token, and add a padding token to a tokenizer without one; gives what was new.

    Rows of new tokens, in the input embeddings and in an output head of its own, are the mean of the old tokens' rows, which stay
    as they are to the bit. No marks, no change: a template that needs none keeps the model's vocabulary.
    """
    if not marks:
        return []
    n_old = len(tokenizer)
    new = missing_tokens(tokenizer, marks)
    tokenizer.add_tokens([AddedToken(mark, special=True, normalized=False) for mark in new])
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": PAD})
        model.config.pad_token_id = tokenizer.pad_token_id
        if model.generation_config is not None:
            model.generation_config.pad_token_id = tokenizer.pad_token_id
        new.append(PAD)
    if len(tokenizer) > model.get_input_embeddings().weight.shape[0]:
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for table_VH in _tables(model):
        fill_with_mean(table_VH, n_old, len(tokenizer))
    return new


def fill_with_mean(table_VH: Tensor, n_old: int, n_all: int) -> None:
    """Rows n_old .. n_all - 1 become the mean of the rows before them, summed in float64."""
    with torch.no_grad():
        table_VH[n_old:n_all] = table_VH[:n_old].double().mean(0).to(table_VH.dtype)


def _tables(model: PreTrainedModel) -> list[Tensor]:
    """What has a row (or a number) per token: input embeddings; where the head is not tied to them, its weight; its bias."""
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings().weight
    if head is None:
        return [embedding]
    own = [] if head.weight is embedding else [head.weight]
    bias = getattr(head, "bias", None)
    return [embedding, *own, *([] if bias is None else [bias])]
