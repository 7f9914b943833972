"""How a question and its answer become text: by the tokenizer's own chat template, by a given one, or by the default here.

Training and evaluation both get their tokenizer from base.load_tokenizer, which decides it in this one place.
"""

from typing import Literal

from transformers import PreTrainedTokenizerBase

from factcli.chattemplates import text_of

Origin = Literal["own", "given", "default"]

DEFAULT_TEMPLATE = text_of("qa")  # text that a model without chat training may have seen, examples before a question too
DEFAULT_NOTE = "the model's tokenizer has no chat template: it is asked and trained in the form 'Question: ...\\nAnswer: ...'"


def settle_template(tokenizer: PreTrainedTokenizerBase, given: str = "") -> Origin:
    """Give the tokenizer its template in place, and say where that comes from."""
    if given:
        tokenizer.chat_template = given
        return "given"
    if not tokenizer.chat_template:
        tokenizer.chat_template = DEFAULT_TEMPLATE
    return "default" if tokenizer.chat_template == DEFAULT_TEMPLATE else "own"
