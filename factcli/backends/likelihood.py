"""How likely a model in this process is to say given texts, with the adapters that are asked for plugged in.

Tokens are cut as the lm-evaluation-harness cuts them (lm_eval/api/model.py, TemplateLM): context and text are encoded
together and the context's own tokens taken off; blanks that end the context go to the text; the tokenizer adds the
special tokens that it adds by default; what is longer than the model's positions loses its beginning.

What contexts have in common is computed once: a primer before all of them, then each context for all its texts. Contexts
of one length share a batch, so that nothing is padded before the texts and positions are right in every architecture; a
model whose cache is no plain one is given each text with its whole context.

Legend: B contexts, K texts, T tokens, V vocabulary.
"""

import copy
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from factcli.backends.continuations import Continuation, Likelihood
from factcli.backends.local import BATCH_LOGITS, BATCH_TOKENS, LocalModel
from factcli.errors import InputError
from factcli.train import chats

PLAIN_LAYERS = (DynamicLayer, DynamicSlidingWindowLayer)  # of a cache whose rows can be repeated
LONGEST_DEFAULT = 2048  # tokens of a model that does not say how many positions it has; the harness takes the same
SCORED_LOGITS = 16_000_000  # turned into float64 at once, 128 MB


class Coded(NamedTuple):
    """Token ids of a context, at least one, and of the text after it, at least one."""

    context: tuple[int, ...]
    text: tuple[int, ...]
    is_cut: bool = False


class _Group(NamedTuple):
    """A context and distinct texts after it."""

    context: tuple[int, ...]
    texts: tuple[tuple[int, ...], ...]

    @property
    def width(self) -> int:
        return max(map(len, self.texts))


class _Found(NamedTuple):
    logprob: float
    is_greedy: bool


def likelihoods(model: LocalModel, asked: Sequence[Continuation], adapters: Sequence[str] = ()) -> list[Likelihood]:
    """One per continuation, in their order."""
    return likelihoods_of_ids(model, [code(model, one) for one in asked], adapters)


def likelihoods_of_ids(model: LocalModel, coded: Sequence[Coded], adapters: Sequence[str] = ()) -> list[Likelihood]:
    """The same for token ids; what is asked twice is computed once."""
    groups: dict[tuple[int, ...], dict[tuple[int, ...], None]] = {}
    for one in coded:
        groups.setdefault(one.context, {})[one.text] = None
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], _Found] = {}
    with model.bank.active(list(adapters)), torch.inference_mode():
        for batch in _scored(model, [_Group(context, tuple(texts)) for context, texts in groups.items()]):
            found.update(batch)
    each = [found[one.context, one.text] for one in coded]
    return [Likelihood(value.logprob, value.is_greedy, len(one.text), one.is_cut) for one, value in zip(coded, each, strict=True)]


def code(model: LocalModel, asked: Continuation) -> Coded:
    """The ids of both, as the harness has them. Raises InputError for a text of no tokens or of more than the model's positions."""
    context, text = asked
    if not context:
        before, after = [prefix_token(model)], encode(model, text, is_inside=True)
        if after[:1] == before:
            after = after[1:]
    else:
        n_blanks = len(context) - len(context.rstrip())
        context, text = context[: len(context) - n_blanks], context[len(context) - n_blanks :] + text
        before = encode(model, context)
        after = encode(model, context + text)[len(before) :]
    return fitted(model, before, after, asked.text)


def code_chat(model: LocalModel, question: str, answer: str) -> Coded:
    """The ids of an answer to a question in the model's chat template, as training has them: each side by itself, nothing added."""
    prompt, rendered = chats.render(model.tokenizer, question, answer)
    return fitted(model, chats.encode(model.tokenizer, prompt), chats.encode(model.tokenizer, rendered), answer)


def fitted(model: LocalModel, before: Sequence[int], after: Sequence[int], text: str) -> Coded:
    """The last tokens that the model has positions for; the last of all is predicted and takes none."""
    room = positions(model)
    if not before or not 0 < len(after) <= room:
        raise InputError(f"the text {text[:60]!r} has {len(after)} tokens, need 1 to {room} for this model, after a context of at least one token")
    n_left = room + 1 - len(after)
    return Coded(tuple(before[-n_left:]), tuple(after), len(before) > n_left)


def encode(model: LocalModel, text: str, is_inside: bool = False) -> list[int]:
    """Token ids. `is_inside`: of a text that begins nothing, so that no special token is added."""
    begins = text.startswith(model.tokenizer.decode([prefix_token(model)]))
    return list(model.tokenizer.encode(text, **({"add_special_tokens": False} if is_inside or begins else {})))


def prefix_token(model: LocalModel) -> int:
    """What stands before a document: the start token, or the end token of a tokenizer that has none."""
    start, end = model.tokenizer.bos_token_id, model.tokenizer.eos_token_id
    if start is None and end is None:
        raise InputError("the tokenizer has neither a start token nor an end token", "set bos_token or eos_token in its tokenizer_config.json")
    return int(end if start is None else start)


def positions(model: LocalModel) -> int:
    """Tokens that the model can read at once."""
    config = getattr(model.model.config, "text_config", None) or model.model.config
    named = (getattr(config, name, None) for name in ("n_positions", "max_position_embeddings", "n_ctx"))
    return next((int(value) for value in named if value is not None), LONGEST_DEFAULT)


_Batch = dict[tuple[tuple[int, ...], tuple[int, ...]], _Found]


def _scored(model: LocalModel, groups: Sequence[_Group]) -> Iterator[_Batch]:
    """By (context, text), batch after batch."""
    prefix = _shared(groups)
    is_repeated = bool(prefix) or any(len(group.texts) > 1 for group in groups)
    begun = _begun(model, prefix) if is_repeated else None
    if begun is None:
        yield from _whole(model, groups)
        return
    for batch in _batches(model, groups):
        yield _after_contexts(model, batch, len(prefix), begun.cache)


def _shared(groups: Sequence[_Group]) -> tuple[int, ...]:
    """The tokens that all contexts begin with, but the last of any."""
    if len(groups) < 2:
        return ()
    contexts = [group.context[:-1] for group in groups]
    pairs = zip(min(contexts), max(contexts), strict=False)  # in the order of their tokens the first and the last differ soonest
    return tuple(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


class _Begun(NamedTuple):
    cache: Cache | None  # of the shared prefix; None: there is no prefix


def _begun(model: LocalModel, prefix: Sequence[int]) -> _Begun | None:
    """The prefix as read by the model. None where the model's cache cannot be shared."""
    output = model.model(input_ids=torch.tensor([list(prefix) or [0]], device=model.model.device), use_cache=True, logits_to_keep=1)
    cache: Any = getattr(output, "past_key_values", None)
    if type(cache) is not DynamicCache or any(type(layer) not in PLAIN_LAYERS for layer in cache.layers):
        return None
    return _Begun(cache if prefix else None)


def _batches(model: LocalModel, groups: Sequence[_Group]) -> Iterator[list[_Group]]:
    """Groups whose contexts have one length, as many as the budgets allow; one with too many texts is divided."""
    batch: list[_Group] = []
    for group in sorted(_pieces(model, groups), key=lambda group: (len(group.context), group.width)):
        more = [*batch, group]
        if batch and (len(group.context) != len(batch[0].context) or not _fits(model, more)):
            yield batch
            more = [group]
        batch = more
    if batch:
        yield batch


def _pieces(model: LocalModel, groups: Sequence[_Group]) -> Iterator[_Group]:
    for group in groups:
        texts = iter(sorted(group.texts, key=len))
        while part := tuple(islice(texts, max(1, _most_texts(model, len(group.context), group.width)))):
            yield _Group(group.context, part)


def _fits(model: LocalModel, groups: Sequence[_Group]) -> bool:
    width = max(group.width for group in groups)
    return sum(len(group.texts) for group in groups) <= _most_texts(model, len(groups[0].context), width)


def _most_texts(model: LocalModel, n_before: int, width: int) -> int:
    return min(BATCH_TOKENS // (n_before + width), BATCH_LOGITS // (width * model.model.config.get_text_config().vocab_size))


def _after_contexts(model: LocalModel, groups: Sequence[_Group], n_shared: int, begun: Cache | None) -> _Batch:
    """Each context is read once, then all its texts after it."""
    device = model.model.device
    cache = None if begun is None else copy.deepcopy(begun)
    if cache is not None:
        cache.batch_select_indices(torch.zeros(len(groups), dtype=torch.long, device=device))
    rest_BT = torch.tensor([group.context[n_shared:] for group in groups], device=device)
    output = model.model(input_ids=rest_BT, past_key_values=cache, use_cache=True, logits_to_keep=1)
    keys = [(place, text) for place, group in enumerate(groups) for text in group.texts]
    rows_K = torch.tensor([place for place, _ in keys], device=device)
    logits_KTV = output.logits[:, -1:][rows_K]
    width = max(len(text) for _, text in keys)
    if width > 1:
        output.past_key_values.batch_select_indices(rows_K)
        texts_KT = _padded([text[:-1] for _, text in keys], width - 1, device)
        more = model.model(input_ids=texts_KT, past_key_values=output.past_key_values, use_cache=True).logits
        logits_KTV = torch.cat([logits_KTV, more], dim=1)
    values = _summed(logits_KTV, [text for _, text in keys], [0] * len(keys))
    return {(groups[place].context, text): value for (place, text), value in zip(keys, values, strict=True)}


def _whole(model: LocalModel, groups: Sequence[_Group]) -> Iterator[_Batch]:
    """Every text with its whole context, padded after its end: what comes later changes nothing before it in a causal model."""
    rows = sorted(((group.context, text) for group in groups for text in group.texts), key=lambda row: len(row[0]) + len(row[1]))
    vocabulary = model.model.config.get_text_config().vocab_size
    first = 0
    while first < len(rows):
        n_rows = 1
        while first + n_rows < len(rows):
            longest = sum(map(len, rows[first + n_rows]))
            if (n_rows + 1) * longest > min(BATCH_TOKENS, BATCH_LOGITS // vocabulary):
                break
            n_rows += 1
        yield _whole_batch(model, rows[first : first + n_rows])
        first += n_rows


def _whole_batch(model: LocalModel, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> _Batch:
    length = max(len(context) + len(text) for context, text in rows) - 1  # the last token is only predicted
    ids_BT = _padded([(*context, *text)[:-1] for context, text in rows], length, model.model.device)
    n_skipped = min(len(context) for context, _ in rows) - 1
    logits_BTV = model.model(input_ids=ids_BT, use_cache=False, logits_to_keep=length - n_skipped).logits[:, n_skipped - length :]
    values = _summed(logits_BTV, [text for _, text in rows], [len(context) - 1 - n_skipped for context, _ in rows])
    return dict(zip(rows, values, strict=True))


def _padded(rows: Sequence[Sequence[int]], width: int, device: torch.device) -> Tensor:
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)


def _summed(logits_BTV: Tensor, texts: Sequence[Sequence[int]], starts: Sequence[int]) -> list[_Found]:
    """Of each row its text, whose first token is predicted at its start. In float64: float32 sums lose the sixth digit."""
    n_rows, width, vocabulary = logits_BTV.shape
    ids = [[*[0] * start, *text, *[0] * (width - start - len(text))] for text, start in zip(texts, starts, strict=True)]
    ids_BT = torch.tensor(ids, device=logits_BTV.device)
    step = max(1, SCORED_LOGITS // (n_rows * vocabulary))
    parts = [_logprobs(logits_BTV[:, at : at + step], ids_BT[:, at : at + step]) for at in range(0, width, step)]
    logps_BT = torch.cat([logps for logps, _ in parts], dim=1).cpu()
    greedy_BT = torch.cat([greedy for _, greedy in parts], dim=1).cpu()
    spans = [slice(start, start + len(text)) for text, start in zip(texts, starts, strict=True)]
    return [_Found(float(logps_BT[row, span].sum()), bool(greedy_BT[row, span].all())) for row, span in enumerate(spans)]


def _logprobs(logits_BTV: Tensor, ids_BT: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) log-probability of these tokens, and whether each is the likeliest."""
    exact_BTV = logits_BTV.double()
    logps_BT = exact_BTV.gather(-1, ids_BT[..., None])[..., 0] - exact_BTV.logsumexp(-1)
    return logps_BT, exact_BTV.argmax(-1) == ids_BT
