"""A whole model on disk, as `save_pretrained` lays it out: configuration, safetensors, tokenizer, generation settings."""

import hashlib
from pathlib import Path

import torch
from safetensors import safe_open
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from factcli.errors import TrainingError


def write_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, directory: Path) -> Path:
    """The directory, from which plain transformers loads the same model; its tokenizer has the chat template that was trained in."""
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


def saved_digest(model: PreTrainedModel, directory: Path) -> str:
    """sha256 over names and bytes of the saved tensors. Raises TrainingError unless each is, to the bit, the one in memory."""
    held = model.state_dict()
    digest = hashlib.sha256()
    for file in sorted(directory.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            for name in sorted(tensors.keys()):
                saved = tensors.get_tensor(name)
                if name not in held or not torch.equal(saved, held[name].cpu()):
                    raise TrainingError(f"the saved tensor {name!r} is not the one that was trained")
                digest.update(name.encode() + saved.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
