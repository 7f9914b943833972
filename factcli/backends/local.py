"""A Hugging Face model in this process: greedy completions (or DoLa's) with the adapters that are asked for plugged in.

Prompts of one length share a batch, so nothing is padded and positions are right in every architecture.
Own loop instead of `generate`: as fast (on two cores 2,400 short answers take 1.1 s and 400 biographies 1.6 s),
it drops finished rows, keeps one probability per token instead of all logits, and takes no sampling
settings from the model's directory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase

from factcli.backends.completions import Completion, Prompt
from factcli.backends.contrasting import Dola
from factcli.backends.decoding import DolaConfig
from factcli.backends.drawing import Draw, choose
from factcli.errors import InputError, SettingsError
from factcli.train.adapters import AdapterBank
from factcli.train.base import load_model, load_tokenizer
from factcli.train.template import DEFAULT_NOTE, settle_template

BATCH_TOKENS = 32_768  # rows x (prompt + new tokens); larger batches are slower on two cores, 273 biographies fit
SHARED_TOKENS = 512  # tokens that a beginning shared by all rows of a batch must save to be read by itself: a step costs as much
BATCH_LOGITS = 64_000_000  # rows x vocabulary, 256 MB as float32


@dataclass(slots=True)
class _Path:
    """The tokens of one row so far."""

    ids: list[int] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    finished: bool = False


class LocalModel:
    """A base model, its tokenizer and a bank of adapters."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, chat_template: str = "") -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.template = settle_template(tokenizer, chat_template)
        self.note = DEFAULT_NOTE if self.template == "default" else ""  # what a person should know of how it is asked
        self.bank = AdapterBank(model)
        self._dola: Dola | None = None

    @classmethod
    def load(cls, base: str | Path, device: str = "auto", dtype: str = "auto", chat_template: str = "") -> "LocalModel":
        """From a directory or a hub name; InputError without safetensors or tokenizer. No remote code is run."""
        place = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        tokenizer = load_tokenizer(str(base), chat_template)  # first: it fails in no time
        return cls(load_model(str(base), place, dtype), tokenizer, chat_template)

    def plug(self, name: str, directory: str | Path) -> None:
        """Load an adapter directory under `name`; it acts only where `adapters` names it."""
        self.bank.load(name, Path(directory))

    def contrast(self, config: DolaConfig) -> None:
        """From here on, answers that have no draws of their own are decoded by DoLa; SettingsError for a layer that there is not."""
        self._dola = Dola(self.model, config)

    @property
    def is_contrasted(self) -> bool:
        """Whether `contrast` was called."""
        return self._dola is not None

    def complete(self, prompts: Sequence[Prompt], max_new_tokens: int, stop: Sequence[str] = (), adapters: Sequence[str] = ()) -> list[Completion]:
        """One completion per prompt, in their order: greedy, or by DoLa after `contrast`."""
        return self.continue_ids(self.encode_all(prompts), max_new_tokens, stop, adapters)

    def encode(self, prompt: Prompt) -> list[int]:
        """Token ids: a chat through the tokenizer's template, plain text after the start token."""
        return self.encode_all([prompt])[0]

    def encode_all(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        """The same of many at once: a call of the tokenizer costs several times what a short prompt in it does."""
        if not prompts:
            return []
        found = self.tokenizer([self._as_text(prompt) for prompt in prompts], add_special_tokens=False)["input_ids"]
        start = [] if self.tokenizer.bos_token_id is None else [int(self.tokenizer.bos_token_id)]
        return [[*start, *ids] if isinstance(prompt, str) else list(ids) for prompt, ids in zip(prompts, found, strict=True)]

    def _as_text(self, prompt: Prompt) -> str:
        if isinstance(prompt, str):
            return prompt
        return str(self.tokenizer.apply_chat_template([turn._asdict() for turn in prompt], tokenize=False, add_generation_prompt=True))

    def continue_ids(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        stop: Sequence[str] = (),
        adapters: Sequence[str] = (),
        draws: Sequence[Draw] | None = None,
    ) -> list[Completion]:
        """One completion per prompt of token ids, in their order: greedy, or as the draw of each row says."""
        found = {row: said for batch in self.continued_ids(prompts, max_new_tokens, stop, adapters, draws) for row, said in batch.items()}
        return [found[row] for row in range(len(prompts))]

    def continued_ids(
        self,
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        stop: Sequence[str] = (),
        adapters: Sequence[str] = (),
        draws: Sequence[Draw] | None = None,
    ) -> Iterator[dict[int, Completion]]:
        """The same by the number of their prompt, batch after batch."""
        if max_new_tokens < 1:
            raise SettingsError(f"max_new_tokens is {max_new_tokens}, need at least 1")
        for rows in self.batches(prompts, max_new_tokens):
            with self.bank.active(list(adapters)), torch.inference_mode():
                paths = self._extend([prompts[row] for row in rows], max_new_tokens, stop, None if draws is None else [draws[row] for row in rows])
                batch = {row: self._completion(path, stop) for row, path in zip(rows, paths, strict=True)}
            yield batch

    def batches(self, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> Iterator[list[int]]:
        """Rows of one prompt length together, as many as the budgets allow."""
        by_length: dict[int, list[int]] = {}
        for row, prompt in enumerate(prompts):
            by_length.setdefault(len(prompt), []).append(row)
        for length, rows in sorted(by_length.items()):
            n_logits = self.model.config.vocab_size * (1 + (len(self._dola.layers) if self._dola else 0))
            n_rows = max(1, min(BATCH_TOKENS // (length + max_new_tokens), BATCH_LOGITS // n_logits))
            yield from (rows[first : first + n_rows] for first in range(0, len(rows), n_rows))

    def room(self, prompt_length: int, max_new_tokens: int) -> int:
        """New tokens that fit the model's positions; a completion cut there is not `finished`."""
        positions = getattr(self.model.config, "max_position_embeddings", None) or prompt_length + max_new_tokens
        if not 0 < prompt_length < positions:
            raise InputError(f"a prompt has {prompt_length} tokens, need 1 to {positions - 1} for this model")
        return min(max_new_tokens, positions - prompt_length)

    def _extend(self, prompts: Sequence[Sequence[int]], max_new_tokens: int, stop: Sequence[str], draws: list[Draw] | None) -> list[_Path]:
        paths = [_Path() for _ in prompts]
        live = paths
        inputs_BT = torch.tensor([list(prompt) for prompt in prompts], device=self.model.device)
        n_steps = self.room(inputs_BT.shape[1], max_new_tokens)
        inputs_BT, cache = self._after_shared(inputs_BT)
        dola = self._dola if draws is None else None
        if dola is not None:
            draws = dola.draws(prompts)
            inputs_BT, cache = self._all_but_last(inputs_BT, cache)
        for _ in range(n_steps):
            cache, logits_BV, scores_BV = self._forward(inputs_BT, cache, dola)
            probability_B, chosen_B = self._next(logits_BV, scores_BV, draws)
            self._record(live, chosen_B, probability_B, stop)
            kept = [place for place, path in enumerate(live) if not path.finished]
            if not kept:
                break
            if len(kept) < len(live):
                kept_K = torch.tensor(kept, device=chosen_B.device)
                cache.batch_select_indices(kept_K)
                live, chosen_B = [live[place] for place in kept], chosen_B[kept_K]
                draws = None if draws is None else [draws[place] for place in kept]
            inputs_BT = chosen_B[:, None]
        return paths

    def _forward(self, inputs_BT: Tensor, cache: Cache | None, dola: Dola | None) -> tuple[Cache, Tensor, Tensor]:
        """The cache that the next step goes on from, and of each row's next token the logits and the scores that it is chosen by."""
        output = self.model(input_ids=inputs_BT, past_key_values=cache, use_cache=True, logits_to_keep=1, output_hidden_states=dola is not None)
        logits_BV = output.logits[:, -1].float()
        return output.past_key_values, logits_BV, logits_BV if dola is None else dola.scores(logits_BV, output.hidden_states)

    def _after_shared(self, inputs_BT: Tensor) -> tuple[Tensor, Cache | None]:
        """What is left of the prompts after the tokens that all begin with, and the cache of those, which are read once for all rows.

        Examples before each question are most of a few-shot prompt. Short beginnings of few rows are not worth a step of their own.
        """
        n_rows, length = inputs_BT.shape
        n_shared = min(int((inputs_BT == inputs_BT[0]).all(0).cumprod(0).sum()), length - 1)
        if (n_rows - 1) * n_shared < SHARED_TOKENS:
            return inputs_BT, None
        cache = self.model(input_ids=inputs_BT[:1, :n_shared], use_cache=True, logits_to_keep=1).past_key_values
        if not hasattr(cache, "batch_repeat_interleave"):
            return inputs_BT, None
        cache.batch_repeat_interleave(n_rows)
        return inputs_BT[:, n_shared:], cache

    def _all_but_last(self, inputs_BT: Tensor, cache: Cache | None) -> tuple[Tensor, Cache | None]:
        """The last token of each prompt, and the cache of those before it: the hidden states of a whole prompt would fill the memory."""
        if inputs_BT.shape[1] == 1:
            return inputs_BT, cache
        output = self.model(input_ids=inputs_BT[:, :-1], past_key_values=cache, use_cache=True, logits_to_keep=1)
        return inputs_BT[:, -1:], output.past_key_values

    def _next(self, logits_BV: Tensor, scores_BV: Tensor, draws: Sequence[Draw] | None) -> tuple[Tensor, Tensor]:
        """The probability (the model's own, by the logits) and the id of each row's next token (by the scores)."""
        if draws is None:
            values = logits_BV.softmax(-1).max(-1)
            return values.values, values.indices
        chosen_B = choose(scores_BV, draws)
        return logits_BV.softmax(-1).gather(-1, chosen_B[:, None])[:, 0], chosen_B

    def _record(self, live: Sequence[_Path], chosen_B: Tensor, probability_B: Tensor, stop: Sequence[str]) -> None:
        for path, token, probability in zip(live, chosen_B.tolist(), probability_B.tolist(), strict=True):
            if token in self._end_ids:
                path.finished = True
                continue
            path.ids.append(token)
            path.probabilities.append(probability)
            path.finished = self._has_stop(path.ids, stop)

    def _has_stop(self, ids: Sequence[int], stop: Sequence[str]) -> bool:
        newest = self._piece(ids[-1])
        if not any(end[-1] in newest for end in stop):  # decoding every row at every step would cost as much as the model
            return False
        reach = max(map(len, stop)) + 3  # tokens: each has a character, but for parts of one in UTF-8
        tail = self._text(ids[-reach:])
        return any(end in tail for end in stop)

    def _text(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    @cached_property
    def _end_ids(self) -> frozenset[int]:
        """The tokenizer's end token, and those of the model's own generation settings (Llama 3 has two)."""
        own = getattr(self.model.generation_config, "eos_token_id", None)
        listed = own if isinstance(own, list) else [own]
        return frozenset(int(token) for token in (self.tokenizer.eos_token_id, *listed) if token is not None)

    def _completion(self, path: _Path, stop: Sequence[str]) -> Completion:
        text = self._text(path.ids)
        starts = self._starts(path.ids, text)
        found = [place for place in (text.find(end) for end in stop) if place >= 0]
        n_kept = sum(start < min(found) for start in starts) if found else len(starts)
        text = text[: min(found)] if found else text
        return Completion(text, tuple(path.ids[:n_kept]), tuple(path.probabilities[:n_kept]), tuple(starts[:n_kept]), path.finished)

    def _starts(self, ids: Sequence[int], text: str) -> list[int]:
        """Where each token's characters begin in the decoded text."""
        if "".join(map(self._piece, ids)) != text:
            # A character spread over byte tokens: its beginnings decode to one or more marks, so lengths may shrink.
            lengths = [len(self._text(ids[:n])) for n in range(len(ids) + 1)]
            return [*accumulate(reversed(lengths), min)][:0:-1]
        return [0, *accumulate(len(self._piece(token)) for token in ids[:-1])] if ids else []

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._text([token])
        return self._pieces[token]

    @cached_property
    def _pieces(self) -> dict[int, str]:
        return {}
