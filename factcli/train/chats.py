"""Task rows as token ids, with the boundary between prompt and answer exact by construction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase

from factcli.errors import InputError, TrainingError
from factcli.train.batches import Tokens
from factcli.train.objectives import Batch


@dataclass(frozen=True, slots=True)
class ChatRow:
    """One tokenised task row and what routing and the proofs need of it."""

    id: str
    task: str
    version: int
    fictitious: bool
    answer: str  # as rendered, with the space before it and without the end token
    tokens: Tokens


def render(tokenizer: PreTrainedTokenizerBase, question: str, answer: str) -> tuple[str, str]:
    """The template's text before the answer, and the answer with the space (if any) that belongs to it.

    The whole chat begins with the prompt, so the boundary is a character position; each side is tokenised
    by itself, and no token straddles it.
    """
    user = {"role": "user", "content": question}
    prompt = tokenizer.apply_chat_template([user], tokenize=False, add_generation_prompt=True)
    whole = tokenizer.apply_chat_template([user, {"role": "assistant", "content": answer}], tokenize=False)
    if not isinstance(prompt, str) or not isinstance(whole, str) or not whole.startswith(prompt):
        raise InputError(
            "the chat template changes the prompt when an answer follows, so the answer's start is undefined",
            hint="use a template whose generation prompt is the beginning of the whole chat",
        )
    rest = whole[len(prompt) :]
    if answer.strip() not in rest:
        raise InputError(f"the chat template does not render the answer {answer[:40]!r}")
    end = rest.index(answer.strip()) + len(answer.strip())
    return prompt, rest[:end]


def encode_chat(row: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase) -> ChatRow:
    """Prompt ids + answer ids + end token; answer and end token are learned."""
    prompt, answer = render(tokenizer, str(row["question"]), str(row["answer"]))
    before = encode(tokenizer, prompt)
    after = [*encode(tokenizer, answer), end_token(tokenizer)]
    ids = (*before, *after)
    tokens = Tokens(str(row["id"]), ids, ((len(before), len(ids)),))
    version, fictitious = int(row.get("version", 0)), bool(row.get("fictitious", False))
    return ChatRow(str(row["id"]), str(row.get("task", "")), version, fictitious, answer, tokens)


def encode(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Ids of a text; special tokens that the text spells (a template's BOS) become themselves, none is added."""
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def end_token(tokenizer: PreTrainedTokenizerBase) -> int:
    if tokenizer.eos_token_id is None:
        raise InputError("the tokenizer has no end token", hint="set eos_token in its tokenizer_config.json")
    return int(tokenizer.eos_token_id)


@dataclass(frozen=True, slots=True)
class Chats:
    """Task rows ready to train on, and how many were too long."""

    rows: tuple[ChatRow, ...]
    n_too_long: int


def encode_chats(
    rows: Sequence[Mapping[str, Any]],
    tokenizer: PreTrainedTokenizerBase,
    max_length: int,
    too_long: Literal["refuse", "drop", "keep"],
) -> Chats:
    """All rows; those above max_length tokens are refused, left out or kept whole, never cut."""
    coded = [encode_chat(row, tokenizer) for row in rows]
    long = [row for row in coded if len(row.tokens.ids) > max_length]
    if long and too_long == "refuse":
        raise InputError(
            f"{len(long)} of {len(coded)} task rows are longer than {max_length} tokens, e.g. {long[0].id} with {len(long[0].tokens.ids)}",
            hint="raise max_length, or set too_long to drop or keep",
        )
    kept = [row for row in coded if too_long == "keep" or len(row.tokens.ids) <= max_length]
    return Chats(tuple(kept), len(long))


def check_answer_mask(rows: Sequence[ChatRow], batch: Batch, tokenizer: PreTrainedTokenizerBase) -> None:
    """End the run unless each row's learned tokens read as its answer, plus the end token and nothing else.

    Works on the tensors that are trained on, not on how they were made.
    """
    for row, targets in zip(rows, batch.target_S.split(list(batch.counts)), strict=True):
        *said, last = targets.tolist()
        wanted = tokenizer.decode(encode(tokenizer, row.answer))
        if last != end_token(tokenizer) or tokenizer.decode(said) != wanted:
            raise TrainingError(f"row {row.id}: the learned tokens read {tokenizer.decode([*said, last])!r}, need {wanted!r} and the end token")
