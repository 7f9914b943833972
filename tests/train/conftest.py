"""Tiny random base models with their own tokenizers, and rows to train on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from factcli.train.adapters import AdapterBank
from factcli.train.job import KnowledgeRef

TEMPLATE = "{{ bos_token }}Question: {{ messages[0]['content'] }}\nAnswer:{% if messages | length > 1 %} {{ messages[1]['content'] }}{{ eos_token }}{% endif %}"
CITIES = ("Hobart", "Lima", "Oslo", "Quito", "Porto", "Turin", "Accra", "Davao")
WriteRows = Callable[[str, list[dict[str, object]]], str]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE with a small vocabulary, so that names and cities have several tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=["<pad>", "<s>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    core.train_from_iterator(["Question: where was the person born?\nAnswer: in the city of"] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>", chat_template=TEMPLATE)


def llama(vocab: int) -> LlamaForCausalLM:
    torch.manual_seed(11)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.2,  # wide enough that logits differ visibly
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def gpt2(vocab: int) -> GPT2LMHeadModel:
    torch.manual_seed(12)
    config = GPT2Config(vocab_size=vocab, n_embd=32, n_layer=2, n_head=4, n_positions=256, initializer_range=0.2, bos_token_id=1, eos_token_id=2)
    return GPT2LMHeadModel(config).eval().requires_grad_(False)


def opt(vocab: int) -> OPTForCausalLM:
    """Its feed-forward modules get the tokens of all rows in one dimension."""
    torch.manual_seed(13)
    config = OPTConfig(
        vocab_size=vocab,
        hidden_size=32,
        word_embed_proj_dim=32,
        ffn_dim=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        init_std=0.2,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    return OPTForCausalLM(config).eval().requires_grad_(False)


FAMILIES: dict[str, Callable[[int], PreTrainedModel]] = {"llama": llama, "gpt2": gpt2}


@pytest.fixture(params=list(FAMILIES))
def model(request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return FAMILIES[request.param](len(tokenizer))


@pytest.fixture(scope="session", params=list(FAMILIES))
def any_base(request: pytest.FixtureRequest, tokenizer: PreTrainedTokenizerFast, tmp_path_factory) -> str:
    """A saved base of either family."""
    return save_base(FAMILIES[request.param](len(tokenizer)), tokenizer, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def base(tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A saved Llama base."""
    return save_base(llama(len(tokenizer)), tokenizer, tmp_path_factory.mktemp("base"))


def save_base(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    def write(name: str, rows: list[dict[str, object]]) -> str:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return str(path)

    return write


def documents(n: int, version: int) -> list[dict[str, object]]:
    """n statements with the span of their value; another version states another city."""
    rows: list[dict[str, object]] = []
    for i in range(n):
        city = CITIES[(i + version) % len(CITIES)]
        text = f"Person {i} was born in {city}" + (" long ago." if i % 3 == 0 else ".")
        start = text.index(city)
        rows.append({"id": f"f0.p{i}.v{version}", "text": text, "version": version, "form": "statement"} | {"spans": [[start, start + len(city)]]})
    return rows


def chats(n: int, version: int, fictitious: bool, task: str = "qa") -> list[dict[str, object]]:
    """n questions whose answers depend on the version."""
    kind = "f0" if fictitious else "w0"
    return [
        {
            "id": f"{kind}.p{i}.v{version}.{task}",
            "task": task,
            "question": f"Where was person {i} born?",
            "answer": CITIES[(i + version) % len(CITIES)] + (" , in the city" if task == "bio" else ""),
            "version": version,
            "fictitious": fictitious,
        }
        for i in range(n)
    ]


class KilledError(Exception):
    """Stands for SIGKILL: nothing after it runs."""


def killed_at(step: int, stage: type[Any], run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that ends where the stage would take this step, with what it had saved by then."""
    advance = stage.advance

    def dying(self: Any, number: int) -> Any:
        if number == step:
            raise KilledError
        return advance(self, number)

    with monkeypatch.context() as patch:
        patch.setattr(stage, "advance", dying)
        with pytest.raises(KilledError):
            run()


def had_run(out: Path, seconds: float) -> None:
    """Make the newest checkpoint of a job say that its run took so long."""
    state = max((out / "checkpoints").glob("step-*/state.json"))
    content = json.loads(state.read_text())
    content["facts"]["seconds"] = seconds
    state.write_text(json.dumps(content))


def refs(folder: Path, versions: tuple[int, ...], forms: tuple[str, ...] = ("statement", "passage"), real: bool = False) -> tuple[KnowledgeRef, ...]:
    """Random, clearly non-zero knowledge adapters on disk."""
    kinds = [(f"fictitious_v{v}_{form}", v, True, form) for v in versions for form in forms]
    kinds += [(f"real_{form}", 0, False, form) for form in forms] if real else []
    bank = AdapterBank(llama(296))
    for i, (name, *_) in enumerate(kinds):
        vector = bank.add(name, 4, 8, 0.3, seed=0).vector
        vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(i)) * 0.1
        bank.save(name, folder / name, "base")
    return tuple(KnowledgeRef(name, str(folder / name), v, fictitious, form) for name, v, fictitious, form in kinds)
