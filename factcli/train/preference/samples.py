"""What the policy answers to dev prompts while it is trained: greedy, so that evaluations can be compared."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

import torch
from transformers import PreTrainedTokenizerBase

from factcli.preferencerows import EvalSample
from factcli.train.batches import chunks
from factcli.train.preference.pairs import PairRow
from factcli.train.preference.policy import Policy

PROMPTS_AT_ONCE = 16


def asked_of(dev: Sequence[PairRow], n: int) -> list[PairRow]:
    """The first pair of each of the first `n` dev prompts."""
    by_question: dict[str, PairRow] = {}
    for row in dev:
        by_question.setdefault(row.question_id, row)
    return list(by_question.values())[:n]


def answer_prompts(policy: Policy, tokenizer: PreTrainedTokenizerBase, rows: Sequence[PairRow], step: int, max_tokens: int) -> Iterator[Mapping[str, object]]:
    """An EvalSample per row. Leaves the model in training mode if it was."""
    was_training = policy.model.training
    policy.model.eval()
    for part in chunks(rows, PROMPTS_AT_ONCE):
        for row, ids in zip(part, greedy(policy, tokenizer, part, max_tokens), strict=True):
            text = tokenizer.decode(ids, skip_special_tokens=True).strip()
            yield asdict(EvalSample(f"{row.question_id}.s{step}", step, row.question_id, row.prompt, text, len(ids)))
    policy.model.train(was_training)


def greedy(policy: Policy, tokenizer: PreTrainedTokenizerBase, rows: Sequence[PairRow], max_tokens: int) -> list[list[int]]:
    """New ids of each row up to its end token, that left out."""
    pad, end = tokenizer.pad_token_id, tokenizer.eos_token_id
    width = max(len(row.prompt_ids) for row in rows)
    ids = torch.tensor([[pad] * (width - len(row.prompt_ids)) + list(row.prompt_ids) for row in rows])
    mask = torch.tensor([[0] * (width - len(row.prompt_ids)) + [1] * len(row.prompt_ids) for row in rows])
    device = next(policy.model.parameters()).device
    with torch.no_grad():
        made = policy.model.generate(
            input_ids=ids.to(device),
            attention_mask=mask.to(device),
            do_sample=False,
            num_beams=1,
            max_new_tokens=max_tokens,
            eos_token_id=end,
            pad_token_id=pad,
        )
    return [new[: new.index(end)] if end in new else new for new in made[:, width:].tolist()]
