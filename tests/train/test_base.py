"""Loading a base model: what a directory must hold."""

import importlib.util
import shutil
from pathlib import Path

import pytest
import torch

from factcli.basemodel import resolve_base
from factcli.errors import InputError
from factcli.train.base import attention_implementation, dtype_of, load_model, load_tokenizer

CPU = torch.device("cpu")


def test_a_base_is_loaded_frozen(any_base: str) -> None:
    model = load_model(any_base, CPU)
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not model.training
    assert model.dtype == torch.float32


def test_a_directory_without_tokenizer_says_what_to_add(base: str, tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    shutil.copytree(base, folder)
    for path in folder.glob("*token*"):
        path.unlink()
    with pytest.raises(InputError, match="has no tokenizer") as caught:
        load_tokenizer(str(folder))
    assert "save_pretrained" in caught.value.hint


@pytest.mark.parametrize("file", ["tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model", "tokenizer_config.json"])
def test_any_kind_of_tokenizer_file_is_one_before_and_in_training(base: str, tmp_path: Path, file: str) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(base, folder)
    for path in folder.glob("*token*"):
        path.unlink()
    (folder / file).write_text("{}")
    assert resolve_base(str(folder), tmp_path).location == str(folder)
    said = ""
    try:
        load_tokenizer(str(folder))
    except InputError as error:  # `{}` need not load, but something is there
        said = error.message
    assert "has no tokenizer" not in said


def test_a_directory_without_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot load a causal language model"):
        load_model(str(tmp_path), CPU)


def test_pickled_weights_are_refused(base: str, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(base, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="cannot load"):
        load_model(str(folder), CPU)


def test_a_given_chat_template_replaces_the_tokenizers_own(base: str) -> None:
    assert load_tokenizer(base, "{{ messages }}").chat_template == "{{ messages }}"


@pytest.fixture
def _flash_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: find("json") if name == "flash_attn" else find(name, package))


@pytest.mark.usefixtures("_flash_installed")
def test_flash_attention_is_taken_where_installed_on_a_gpu() -> None:
    assert attention_implementation(torch.device("cuda"), torch.bfloat16) == "flash_attention_2"
    assert attention_implementation(torch.device("cuda"), torch.float16) == "flash_attention_2"
    assert attention_implementation(CPU, torch.bfloat16) == "sdpa"


@pytest.mark.usefixtures("_flash_installed")
def test_float32_on_a_gpu_does_without_flash_attention_which_does_not_take_it() -> None:
    assert attention_implementation(torch.device("cuda"), torch.float32) == "sdpa"


def test_no_flash_attention_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name, _package=None: None)
    assert attention_implementation(torch.device("cuda"), torch.bfloat16) == "sdpa"


def test_numbers_are_float32_on_a_cpu_unless_told() -> None:
    assert dtype_of("auto", CPU) == torch.float32
    assert dtype_of("bfloat16", CPU) == torch.bfloat16
