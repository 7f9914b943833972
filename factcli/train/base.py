"""Load a base model and its tokenizer from a directory or the hub."""

import importlib.util
import logging
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from factcli.basemodel import TOKENIZER_FILES, require_not_adapted
from factcli.errors import InputError
from factcli.train.template import settle_template

log = logging.getLogger(__name__)
FLASH_DTYPES = (torch.float16, torch.bfloat16)  # all that FlashAttention-2 takes: https://github.com/Dao-AILab/flash-attention


def attention_implementation(device: torch.device, dtype: torch.dtype) -> str:
    """Flash attention where it is installed and a GPU is there to run it in this number format, else torch's own."""
    can_run = device.type == "cuda" and dtype in FLASH_DTYPES
    return "flash_attention_2" if can_run and importlib.util.find_spec("flash_attn") is not None else "sdpa"


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """`auto` is bfloat16 on a GPU that computes in it, float32 elsewhere."""
    if name != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}[name]
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if has_bf16 else torch.float32


def load_model(base: str, device: torch.device, dtype: str = "auto", four_bit: bool = False, held: torch.device | None = None) -> PreTrainedModel:
    """The base, frozen, in training mode off (its own dropout stays off), on the device; or `held` elsewhere until it is in parts.

    `four_bit`: the linear modules of its layers as 4-bit NormalFloat, their scales quantised too (QLoRA, arXiv 2305.14314), computed
    in `dtype`; needs bitsandbytes.
    """
    require_not_adapted(Path(base))
    number = dtype_of(dtype, device)
    options = {"quantization_config": _nf4(number), "device_map": {"": device}} if four_bit else {}
    transformers_logging.disable_progress_bar()  # loading a small model is no news
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base,
            dtype=number,
            attn_implementation=attention_implementation(device, number),
            trust_remote_code=False,
            use_safetensors=True,
            **options,
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"cannot load a causal language model from {base!r}: {first_line(error)}",
            hint="need a Hugging Face directory with config.json and *.safetensors, or a hub name",
        ) from error
    model.requires_grad_(False)
    return _kept_packed(model.eval()) if four_bit else model.eval().to(held or device)


def _kept_packed(model: PreTrainedModel) -> PreTrainedModel:
    """On a CPU bitsandbytes packs the weights anew at the first pass of a module that does not train: the frozen base would change."""
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.train()
    return model


def _nf4(number: torch.dtype) -> BitsAndBytesConfig:
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=number)


def load_tokenizer(base: str, chat_template: str = "") -> PreTrainedTokenizerBase:
    """The base's tokenizer; `chat_template`, where given, replaces its own. One that has none gets the default."""
    folder = Path(base)
    if folder.is_dir() and not any((folder / name).is_file() for name in TOKENIZER_FILES):
        raise InputError(
            f"model directory {base} has no tokenizer",
            hint="save the model's tokenizer there: tokenizer.save_pretrained(directory) writes tokenizer.json",
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot load a tokenizer from {base!r}: {first_line(error)}") from error
    settle_template(tokenizer, chat_template)
    return tokenizer


def check_room(model: PreTrainedModel, n_tokens: int, what: str) -> None:
    """InputError where `what` is longer than the positions of the model: learned positions end there."""
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions and n_tokens > positions:
        raise InputError(f"{what} has {n_tokens} tokens, and this model has {positions} positions", hint=f"lower max_length to {positions} or less")


def first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
