"""Bases, adapters and pairs as `fact dpo` finds them, made in the folder in which it is typed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from factcli.answerrows import Pair
from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.basemodel import resolve_base
from factcli.config import Config, setting
from factcli.rows import Split
from factcli.train.adapters import AdapterBank

DATA = Path("data")
CITIES = ("Hobart", "Lima", "Oslo", "Quito", "Porto", "Turin", "Accra", "Davao")
SPECIAL = ("<pad>", "<s>", "</s>")


class Nothing(Config):
    """No settings but those that later stages look for."""

    method: str = setting("real", "As of fact sft.")
    chat_template: str = setting("", "Of the skill.")
    template: str = setting("model", "Of the skill, by name.")
    generation: Mapping[str, str] = setting({}, "Who answered.")


def tokenizer(vocab_size: int = 300) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = ["Where was the person born? In the city of Hobart."] * 3
    core.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def base_at(folder: str, kind: str = "llama", vocab_size: int = 300, seed: int = 0) -> str:
    """A tiny random model with its tokenizer, 128 positions; its directory."""
    spelled = tokenizer(vocab_size)
    torch.manual_seed(seed)
    if kind == "llama":
        model = LlamaForCausalLM(
            LlamaConfig(
                vocab_size=len(spelled), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                max_position_embeddings=128, initializer_range=0.2, bos_token_id=1, eos_token_id=2, pad_token_id=0,
            )
        )  # fmt: skip
    else:
        model = GPT2LMHeadModel(GPT2Config(vocab_size=len(spelled), n_embd=32, n_layer=2, n_head=4, n_positions=128, bos_token_id=1, eos_token_id=2))
    model.save_pretrained(folder)
    spelled.save_pretrained(folder)
    return folder


def skill_on(base: str, name: str = "skill", r: int = 4, chat_template: str = "", seed: int = 1, template: str = "model", recipe: str = "") -> Artifact:
    """An adapter that changes something, on a base directory. `recipe`: of the invented world that it comes from."""
    ref = resolve_base(base, DATA)
    plan = Plan("sft", 1, "skill", name, Nothing(chat_template=chat_template, template=template), dict(ref.inputs), {}, model=ref.identity)

    def work(draft: Draft) -> Outcome:
        bank = AdapterBank(AutoModelForCausalLM.from_pretrained(ref.location))
        vector = bank.add("skill", r, 2.0 * r, 0.0, seed).vector
        vector.data = torch.randn(vector.shape, generator=torch.Generator().manual_seed(seed)) * 0.05
        bank.save("skill", draft.folder("") / "adapter", ref.name)
        return Outcome("a skill of a test", {"base": ref.given, **({"recipe": recipe} if recipe else {})})

    return make(plan, work, DATA)[0]


def pair(
    n: int, *, chosen: str | None = None, rejected: str | None = None, split: Split = "train", margin: float | None = 0.5, prompt: str | None = None
) -> Pair:
    """Pair q<n>.p0-1 about person n."""
    right, wrong = (f"In {CITIES[(n + k) % 8]}." for k in (0, 3))
    asked = f"Where was person {n} born?" if prompt is None else prompt
    return Pair(
        f"q{n}.p0-1", f"q{n}", asked, right if chosen is None else chosen, wrong if rejected is None else rejected, "scores", split,
        margin=margin, chosen_id=f"q{n}.s0", rejected_id=f"q{n}.s1",
    )  # fmt: skip


def sixteen() -> list[Pair]:
    """Twelve pairs to train on and four to evaluate with."""
    return [pair(n, split="train" if n < 12 else "dev") for n in range(16)]


def pairs_of(pairs: Sequence[Pair], name: str = "pairs", inputs: Mapping[str, Artifact] | None = None, backend: str = "") -> Artifact:
    config = Nothing(generation={"backend": backend} if backend else {})
    plan = Plan("score pairs", 1, "pairs", name, config, dict(inputs or {}), {"pairs": Pair})

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, {"pairs": list(pairs)})
        return Outcome("pairs of a test")

    return make(plan, work, DATA, force=True)[0]


def samples_by(skill: Artifact | None, backend: str = "", name: str = "samples") -> Artifact:
    """Samples without rows: only their lineage counts here."""
    config = Nothing(generation={"backend": backend} if backend else {})
    plan = Plan("synth samples", 1, "samples", name, config, {"model": skill} if skill else {}, {})
    return make(plan, lambda _draft: Outcome("samples of a test"), DATA, force=True)[0]


def evaluation_by(backend: str, ground: Artifact, name: str = "evaluated") -> Artifact:
    """An evaluation without rows whose questions are about a ground, by whoever answers behind a backend; "": in this process."""
    config = Nothing(generation={"backend": backend} if backend else {})
    plan = Plan("eval popqa", 1, "eval", name, config, {"base": ground}, {})
    return make(plan, lambda _draft: Outcome("evaluation of a test"), DATA, force=True)[0]


def scores_of(samples: Artifact, name: str = "scores") -> Artifact:
    plan = Plan("score factscore", 1, "scores", name, Nothing(), {"answers": samples}, {})
    return make(plan, lambda _draft: Outcome("scores of a test"), DATA, force=True)[0]


def job_in(version_name: str) -> dict:
    """The only job file below data/<name>/.partial-*/work."""
    (path,) = (DATA / version_name).glob(".partial-*/work/preference.json")
    return json.loads(path.read_text())
