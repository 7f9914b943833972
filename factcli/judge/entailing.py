"""An entailment model in this process: pairs in batches of like length, each result what it would be alone.

Own runner instead of a pipeline: pairs of a chunk are sorted by length, so that little is padded, equal pairs are computed
once, and what a long premise loses is counted. The text of a pair cannot hold a special token of the tokenizer.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from factcli.errors import InputError
from factcli.judge.entailment import EntailerConfig, EntailerRef, Entailment, by_class, entailer_ref
from factcli.train.base import dtype_of, first_line

CHUNK = 2048  # pairs sorted by length together; more would only make the first result later
LEAST_PREMISE = 8  # tokens: a premise of fewer says nothing
UNBOUNDED = 1_000_000  # tokenizers without a limit give a number far above this
WORDS_TOKENS = 2048  # MiniCheck's T5 was trained on inputs up to this; T5 has no positions that end
OFFSET_FAMILIES = ("roberta", "camembert", "longformer", "mpnet")  # their first position is that of the padding token, plus one


def load_entailer(
    model: str | Path | EntailerRef, revision: str | None = None, config: EntailerConfig | None = None, root: Path = Path("data")
) -> "LocalEntailer":
    """The entailment model that a directory or a hub name holds. `config` and `root` are those of a ref that is given."""
    ref = model if isinstance(model, EntailerRef) else entailer_ref(model, config or EntailerConfig(), root, revision)
    device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if ref.config.device == "auto" else ref.config.device)
    kind = AutoModelForSequenceClassification if ref.classes else AutoModelForSeq2SeqLM
    location, terms = ref.loading
    transformers_logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(location, **terms)
        loaded = kind.from_pretrained(location, dtype=dtype_of(ref.config.dtype, device), use_safetensors=True, **terms)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot load an entailment model from {ref.base.given!r}: {first_line(error)}", "need safetensors and a tokenizer") from error
    return LocalEntailer(ref, loaded.requires_grad_(False).eval().to(device), tokenizer)


class LocalEntailer:
    """A loaded checkpoint. `n_truncated` counts the pairs whose premise was cut so far."""

    def __init__(self, ref: EntailerRef, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.ref = ref
        self.n_truncated = 0
        self._model = model
        self._tokenizer = tokenizer
        self._config = ref.config
        self.max_tokens = ref.config.max_tokens or self._room()
        self._answers = () if ref.classes else self._answer_ids()

    @property
    def identity(self) -> dict[str, str]:
        return self.ref.identity

    def judge(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Entailment]:
        """One result per (premise, hypothesis), in their order. Raises InputError for a hypothesis that does not fit."""
        for first in range(0, len(pairs), CHUNK):
            chunk = [(self._inert(premise), self._inert(hypothesis)) for premise, hypothesis in pairs[first : first + CHUNK]]
            alone = list(dict.fromkeys(chunk))
            found = dict(zip(alone, self._judged(alone), strict=True))
            yield from (found[pair] for pair in chunk)

    def fits(self, hypothesis: str) -> bool:
        """Whether there is room for the hypothesis and some premise."""
        return self._n_fixed(self._inert(hypothesis)) + LEAST_PREMISE <= self.max_tokens

    @torch.inference_mode()
    def _judged(self, pairs: Sequence[tuple[str, str]]) -> list[Entailment]:
        inputs = self._encoded_classes(pairs) if self.ref.classes else [self._encoded_words(*pair) for pair in pairs]
        found: dict[int, Entailment] = {}
        for rows in self._batches([len(one["input_ids"]) for one in inputs]):
            batch = self._tokenizer.pad([inputs[row] for row in rows], return_tensors="pt").to(self._model.device)
            found |= dict(zip(rows, self._probabilities(batch), strict=True))
        return [found[row] for row in range(len(pairs))]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Rows from short to long, as many together as the budget allows once all are padded to the longest."""
        batch: list[int] = []
        for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
            if batch and (len(batch) + 1) * lengths[row] > self._config.batch_tokens:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    def _probabilities(self, batch: Any) -> list[Entailment]:
        if self.ref.classes:
            shares_BC = self._model(**batch).logits.double().softmax(-1)
            return [by_class(row, self.ref.classes) for row in shares_BC.tolist()]
        start_B1 = torch.full((len(batch["input_ids"]), 1), self._model.config.decoder_start_token_id, device=self._model.device)
        logits_BV: Tensor = self._model(**batch, decoder_input_ids=start_B1).logits[:, 0].double()
        shares_B2 = logits_BV[:, list(self._answers)].softmax(-1)
        return [Entailment(yes, 0.0, no) for yes, no in shares_B2.tolist()]

    def _encoded_classes(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, list[int]]]:
        """Token ids and whatever else the model takes, per pair."""
        premises, hypotheses = zip(*pairs, strict=True)
        whole = self._tokenizer(list(premises), list(hypotheses), verbose=False)
        rows = [{name: list(values[row]) for name, values in whole.items()} for row in range(len(pairs))]
        for row, pair in enumerate(pairs):
            if len(rows[row]["input_ids"]) > self.max_tokens:
                self._require_room(pair[1])
                self.n_truncated += 1
                cut = self._tokenizer(*pair, truncation="only_first", max_length=self.max_tokens)
                rows[row] = {name: list(values) for name, values in cut.items()}
        return rows

    def _encoded_words(self, premise: str, hypothesis: str) -> dict[str, list[int]]:
        """As the whole prompt is cut into tokens: what stands after the premise begins at a special token or a blank."""
        head, tail = self._config.prompt.split("{premise}")
        ids, after = self._ids(head + premise), self._after(tail, hypothesis)
        if len(ids) + len(after) > self.max_tokens:
            self._require_room(hypothesis)
            self.n_truncated += 1
            ids = ids[: self.max_tokens - len(after)]
        return {"input_ids": ids + after, "attention_mask": [1] * (len(ids) + len(after))}

    def _after(self, tail: str, hypothesis: str) -> list[int]:
        filled = tail.replace("{separator}", str(self._tokenizer.eos_token)).replace("{hypothesis}", hypothesis)
        return [*self._ids(filled), int(self._tokenizer.eos_token_id)]

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])

    def _n_fixed(self, hypothesis: str) -> int:
        """Tokens of all but the premise."""
        if self.ref.classes:
            return len(self._ids(hypothesis)) + int(self._tokenizer.num_special_tokens_to_add(pair=True))
        head, tail = self._config.prompt.split("{premise}")
        return len(self._ids(head)) + len(self._after(tail, hypothesis))

    def _require_room(self, hypothesis: str) -> None:
        if self._n_fixed(hypothesis) + LEAST_PREMISE > self.max_tokens:
            raise InputError(
                f"a hypothesis takes {self._n_fixed(hypothesis)} tokens, need at most {self.max_tokens - LEAST_PREMISE} for this model: {hypothesis[:60]!r}",
                "a hypothesis is never cut: split it into sentences",
            )

    def _room(self) -> int:
        """Tokens that the model holds."""
        if not self.ref.classes:
            return WORDS_TOKENS
        config = self._model.config
        positions = int(getattr(config, "max_position_embeddings", 0) or UNBOUNDED)
        if any(family in config.model_type for family in OFFSET_FAMILIES):
            positions -= int(config.pad_token_id or 0) + 1
        return min(int(self._tokenizer.model_max_length), positions, UNBOUNDED)

    def _answer_ids(self) -> tuple[int, int]:
        """The tokens in which yes and no begin, as this tokenizer cuts them."""
        (yes, *_), (no, *_) = (self._ids(word) or [-1] for word in self._config.words)
        if yes == no or -1 in (yes, no):
            raise InputError(
                f"{self.ref.base.given} begins {' and '.join(self._config.words)} with one token",
                'name other words: --set entailer.words=\'["True", "False"]\'',
            )
        return int(yes), int(no)

    def _inert(self, text: str) -> str:
        """The text with a blank inside whatever the tokenizer would take for a token of its own."""
        return self._special.sub(lambda match: f"{match[0][0]} {match[0][1:]}", text) if self._special.pattern else text

    @cached_property
    def _special(self) -> "re.Pattern[str]":
        tokens = sorted((str(token) for token in self._tokenizer.all_special_tokens if len(str(token)) > 1), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, tokens)))
