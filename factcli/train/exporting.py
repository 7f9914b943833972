"""Write a model with its adapters merged, or its adapters joined, and certify what was written.

What is certified is what other tools will compute: the files are read back as plain transformers (and PEFT) read them,
and their logits held against the base with the adapters beside it, in float32, over a fixed set of prompts.
"""

import gc
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.errors import TrainingError
from factcli.exportrows import LogitCheck
from factcli.train.adapters import AdapterBank
from factcli.train.base import dtype_of, load_model, load_tokenizer
from factcli.train.concatenating import JOINED, add_to_weights, concatenate

Number = Literal["float32", "bfloat16"]
SYSTEM_ERROR = re.compile(r"\(os error (\d+)\)")


@dataclass(frozen=True, slots=True)
class Text:
    """What was asked and answered, of the model's own data."""

    id: str
    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Request:
    """What to export. `parts`: name in the bank -> PEFT directory; `n_random` sequences of `n_tokens` tokens join the texts."""

    base: str
    parts: Mapping[str, Path]
    chat_template: str
    texts: Sequence[Text]
    n_random: int
    n_tokens: int
    seed: int
    tolerance: float


@dataclass(frozen=True, slots=True)
class Certificate:
    """What was measured. `float32`: the largest difference in float32; `made_of`: in a lower format, of which parts the difference comes."""

    checks: list[LogitCheck]
    float32: float
    made_of: Mapping[str, float]
    architecture: str

    @property
    def largest(self) -> float:
        return max(check.difference for check in self.checks)


@dataclass(frozen=True, slots=True)
class _Prompt:
    id: str
    source: Literal["data", "random"]
    ids: list[int]
    text: str


class _Original:
    """The base in float32 with the adapters beside it: what an export must equal. Logits are (T, V) float32 on the CPU, one per prompt."""

    def __init__(self, request: Request) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.tokenizer = load_tokenizer(request.base, request.chat_template)
        self.model = load_model(request.base, self.device, "float32")
        self.bank = AdapterBank(self.model)
        self.names = tuple(request.parts)
        for name, directory in request.parts.items():
            self.bank.load(name, directory, 0.0)
        self.prompts = _prompts(request, self.tokenizer, self.model)
        self.bare = logits_of(self.model, self.prompts)
        with self.bank.active(self.names):
            self.expected = logits_of(self.model, self.prompts)


def merge(request: Request, number: Number, folder: Path) -> Certificate:
    """A model directory with tokenizer and chat template, in the given number format."""
    original = _Original(request)
    model, tokenizer = original.model, original.tokenizer
    add_to_weights(original.bank, original.names)
    original.bank.detach()
    exact = _largest(logits_of(model, original.prompts), original.expected)
    _require(exact, request.tolerance, "the merged weights")
    with _writing(folder):
        model.to(dtype_of(number, original.device)).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    architecture = type(model).__name__
    del model, original.model, original.bank  # the copies that are read back need its room
    found = _read_back(folder, number, original)
    checks = _checks(original, found)
    if number == "float32":
        exact = _largest(found, original.expected)
        _require(exact, request.tolerance, "the model read back from disk")
        return Certificate(checks, exact, {}, architecture)
    return Certificate(checks, exact, _made_of(request, folder, number, original, found), architecture)


def _made_of(request: Request, folder: Path, number: Number, original: _Original, found: Sequence[Tensor]) -> dict[str, float]:
    """Largest differences: from rounding the weights alone, from computing with them in the format; and of the untouched base in it."""
    rounded = _read_back(folder, "float32", original)
    base = _read_back(request.base, number, original)
    return {
        "weights_rounded": _largest(rounded, original.expected),
        "computed_in_format": _largest(found, rounded),
        "base_in_format": _largest(base, original.bare),
    }


def join(request: Request, base_name: str, folder: Path) -> Certificate:
    """A PEFT directory with one adapter that is the sum of the parts, and the tokenizer with its chat template."""
    from peft import PeftModel

    original = _Original(request)
    concatenate(original.bank, original.names)
    with _writing(folder):
        original.bank.save(JOINED, folder, base_name)
        original.tokenizer.save_pretrained(folder)
    original.bank.detach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT asks transformers for what it calls otherwise by now: no news for a person
        plugged = PeftModel.from_pretrained(original.model, folder).eval()
    found = logits_of(plugged, original.prompts)
    largest = _largest(found, original.expected)
    _require(largest, request.tolerance, "the joined adapter, read back by PEFT,")
    return Certificate(_checks(original, found), largest, {}, type(original.model).__name__)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """A full disk is the OSError that it is: safetensors and tokenizers have the system's number in their words alone."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # tokenizers raise no narrower class
        if (number := SYSTEM_ERROR.search(str(error))) is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(folder)) from error


def _prompts(request: Request, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> list[_Prompt]:
    """The texts in the chat template, then random tokens; none longer than `n_tokens` or the model's positions."""
    positions = getattr(model.config, "max_position_embeddings", None) or request.n_tokens
    n_tokens = min(request.n_tokens, positions)
    prompts = []
    for text in request.texts:
        turns = [{"role": "user", "content": text.question}, {"role": "assistant", "content": text.answer}]
        written = str(tokenizer.apply_chat_template(turns, tokenize=False))
        ids = list(tokenizer(written, add_special_tokens=False)["input_ids"])[:n_tokens]
        prompts.append(_Prompt(f"{text.id}.logits", "data", ids, written))
    generator = torch.Generator().manual_seed(request.seed)
    for number in range(request.n_random):
        ids = torch.randint(model.config.vocab_size, (n_tokens,), generator=generator).tolist()
        prompts.append(_Prompt(f"random.{number}", "random", ids, ""))
    return [prompt for prompt in prompts if prompt.ids]


@torch.inference_mode()
def logits_of(model: torch.nn.Module, prompts: Sequence[_Prompt]) -> list[Tensor]:
    """One prompt at a time, so that nothing is padded."""
    device = next(model.parameters()).device
    return [model(input_ids=torch.tensor([prompt.ids], device=device)).logits[0].float().cpu() for prompt in prompts]


def _read_back(folder: Path | str, number: Number, original: _Original) -> list[Tensor]:
    gc.collect()
    return logits_of(load_model(str(folder), original.device, number), original.prompts)


def _difference(one_TV: Tensor, other_TV: Tensor) -> float:
    """Never a number where a logit is none: NaN would be lost in a maximum."""
    largest = float((one_TV - other_TV).abs().max())
    return largest if math.isfinite(largest) else math.inf


def _largest(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    return max(_difference(one, other) for one, other in zip(found, expected, strict=True))


def _checks(original: _Original, found: Sequence[Tensor]) -> list[LogitCheck]:
    return [
        LogitCheck(
            id=prompt.id,
            source=prompt.source,
            tokens=len(prompt.ids),
            moved=_difference(expected, bare),
            difference=_difference(got, expected),
            same_top=float((got.argmax(-1) == expected.argmax(-1)).float().mean()),
            text=prompt.text,
        )
        for prompt, bare, expected, got in zip(original.prompts, original.bare, original.expected, found, strict=True)
    ]


def _require(largest: float, tolerance: float, what: str) -> None:
    if not largest < tolerance:
        raise TrainingError(
            f"the logits of {what} differ by up to {largest:.3g} from those of base and adapters, need less than {tolerance:g} in float32",
            "larger logits round more: --set tolerance=1e-3 accepts more, and the certificate says so",
        )
