"""Entailment checkpoints made in a second: a random one of each form, and one that has learned what "not" does."""

from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

NAMES = ["mira", "osei", "lee", "ada", "hobart", "lima", "oslo", "red", "blue"]
WORDS = [*NAMES, "is", "was", "born", "in", "not", "a", "the", "predict", ":", ".", "1", "0", "True", "False", "premise", "hypothesis", "said"]
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def word_tokenizer(marks: list[str], max_length: int) -> PreTrainedTokenizerFast:
    """One token a word. Whatever it does not know is [UNK]."""
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate([*marks, *WORDS])}, unk_token=marks[1]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if "[CLS]" in marks:
        pair = "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1"
        tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", pair, [("[CLS]", marks.index("[CLS]")), ("[SEP]", marks.index("[SEP]"))])
        roles = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    else:
        roles = {"pad_token": "<pad>", "unk_token": "<unk>", "eos_token": "</s>"}
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=max_length, **roles)
    fast.model_input_names = ["input_ids", "token_type_ids", "attention_mask"] if "[CLS]" in marks else ["input_ids", "attention_mask"]
    return fast


def classifier(labels: list[str], positions: int = 48) -> BertForSequenceClassification:
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "max_position_embeddings": positions}
    config = BertConfig(
        vocab_size=len(MARKS) + len(WORDS), pad_token_id=0, id2label=dict(enumerate(labels)), label2id={n: i for i, n in enumerate(labels)}, **sizes
    )
    return BertForSequenceClassification(config)


def saved_classifier(folder: Path, labels: list[str], spread: float = 0.2) -> Path:
    """Random weights, large enough that every pair has its own result."""
    model = classifier(labels)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(spread * torch.randn_like(parameter))
    return _saved(folder, model, word_tokenizer(MARKS, 48))


def saved_opinion(folder: Path, labels: tuple[str, ...] = ("contradiction", "entailment")) -> Path:
    """Two classes. It has learned one thing: a hypothesis with "not" in it does not follow, any other does."""
    tokenizer, model, random = word_tokenizer(MARKS, 48), classifier(list(labels)), Random(0)
    steps = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(120):
        nots = [random.random() < 0.5 for _ in range(16)]
        pairs = [(" ".join(random.choices(NAMES, k=random.randint(3, 12))), f"{random.choice(NAMES)} is {'not ' * no}{random.choice(NAMES)}") for no in nots]
        batch = tokenizer([a for a, _ in pairs], [b for _, b in pairs], padding=True, return_tensors="pt")
        entails = labels.index("entailment")
        target = torch.tensor([1 - entails if no else entails for no in nots])
        steps.zero_grad()
        model(**batch, labels=target).loss.backward()
        steps.step()
    return _saved(folder, model, tokenizer)


def saved_t5(folder: Path) -> Path:
    torch.manual_seed(0)
    marks = ["<pad>", "<unk>", "</s>"]
    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2}
    model = T5ForConditionalGeneration(T5Config(vocab_size=len(marks) + len(WORDS), pad_token_id=0, eos_token_id=2, decoder_start_token_id=0, **sizes))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return _saved(folder, model, word_tokenizer(marks, 512))


def _saved(folder: Path, model: torch.nn.Module, tokenizer: PreTrainedTokenizerFast) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
