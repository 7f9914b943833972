"""How likely a model in this process is to say each of a few words next: the tokens are its own tokenizer's."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from factcli.backends.local import LocalModel


def forms_of(model: LocalModel, choice: str) -> list[list[int]]:
    """Token ids of the ways to begin an answer with `choice`: each spelling that is one token, with or without a blank before it;
    where there is none, the word as it is written, token by token."""
    spelled = dict.fromkeys(f"{blank}{text}" for text in (choice, choice.lower(), choice.upper()) for blank in ("", " "))
    by_text = [_ids(model, text) for text in spelled]
    unknown = model.tokenizer.unk_token_id
    single = [ids for ids in by_text if len(ids) == 1 and ids[0] != unknown]
    whole = [_ids(model, text) for text in (choice, f" {choice}")]
    return [list(ids) for ids in dict.fromkeys(map(tuple, single or whole)) if ids]


def longest_form(model: LocalModel, choices: Sequence[str]) -> int:
    """Tokens of the longest."""
    return max(len(ids) for choice in choices for ids in forms_of(model, choice))


@torch.inference_mode()
def choice_logprobs(model: LocalModel, prompts: Sequence[Sequence[int]], choices: Sequence[str], adapters: Sequence[str]) -> Iterator[dict[int, list[float]]]:
    """Per prompt of token ids the log-probability of each choice as the next word, by the number of the prompt, batch after batch."""
    forms = [forms_of(model, choice) for choice in choices]
    for rows in model.batches(prompts, longest_form(model, choices)):
        ids_BT = torch.tensor([list(prompts[row]) for row in rows], device=model.model.device)
        with model.bank.active(list(adapters)):
            first_BV = _logprobs(model, ids_BT, 1)[:, 0]
            summed_CB = [torch.stack([_form(model, ids_BT, first_BV, ids) for ids in ways]).logsumexp(0) for ways in forms]
        values_BC = torch.stack(summed_CB, dim=-1).clamp(max=0.0).tolist()
        yield dict(zip(rows, values_BC, strict=True))


def _form(model: LocalModel, ids_BT: Tensor, first_BV: Tensor, ids: Sequence[int]) -> Tensor:
    """(B,) log-probability of these tokens after each prompt."""
    if len(ids) == 1:
        return first_BV[:, ids[0]]
    form_BF = torch.tensor([list(ids)], device=ids_BT.device).expand(len(ids_BT), -1)
    logps_BFV = _logprobs(model, torch.cat([ids_BT, form_BF[:, :-1]], dim=1), len(ids))
    return logps_BFV.gather(-1, form_BF[..., None])[..., 0].sum(-1)


def _logprobs(model: LocalModel, ids_BT: Tensor, n_kept: int) -> Tensor:
    """(B, n_kept, V) of what follows the last tokens."""
    return model.model(input_ids=ids_BT, use_cache=False, logits_to_keep=n_kept).logits[:, -n_kept:].double().log_softmax(-1)


def _ids(model: LocalModel, text: str) -> list[int]:
    return list(model.tokenizer(text, add_special_tokens=False)["input_ids"])
