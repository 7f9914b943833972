"""Chat templates by name: how a question and its answer become text, where the model's own way is not wanted.

model   the tokenizer's own; a tokenizer that has none is asked in the form of qa
qa      PREREQ-TUNE's (arXiv 2410.19290): BOS, `Question: ...`, `Answer: ...`, EOS; more turns stand apart by an empty line
llama2  Llama 2's: BOS, `[INST] ... [/INST] ...`, EOS for every pair of turns
zephyr  Zephyr's: `<|user|>` and `<|assistant|>` on lines of their own, EOS after every turn
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from factcli.errors import SettingsError, nearest

TemplateName = Literal["model", "qa", "llama2", "zephyr"]
NAMES: tuple[str, ...] = get_args(TemplateName)
# Marks that shall be one token each; those of llama2 were never tokens of their own.
MARKS: Mapping[str, tuple[str, ...]] = {"zephyr": ("<|system|>", "<|user|>", "<|assistant|>")}
PAD = "[PAD]"  # for a tokenizer without padding token, beside the marks (Self-Learning, spec §4.5)


@cache
def text_of(name: str) -> str:
    """The Jinja text of a template; "" for `model`, whose text is the tokenizer's."""
    if name not in NAMES:
        raise SettingsError(f"there is no chat template {name!r}{nearest(name, NAMES)}", f"templates: {', '.join(NAMES)}")
    return "" if name == "model" else (resources.files("factcli.prompts") / "chat" / f"{name}.jinja").read_text(encoding="utf-8")


def trained_in(config: Mapping[str, Any]) -> str:
    """The text of the template that the settings of a training run name or give; "" where it was the base's own, or the default."""
    return str(config.get("chat_template") or "") or text_of(str(config.get("template") or "model"))
