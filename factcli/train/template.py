"""How a question and its answer become text: by the tokenizer's own chat template, by a given one, or by the default here.

Training and evaluation both get their tokenizer from base.load_tokenizer, which decides it in this one place.
"""

from typing import Literal

from transformers import PreTrainedTokenizerBase

Origin = Literal["own", "given", "default"]

# PREREQ-TUNE's form (arXiv 2410.19290): BOS, question, answer, EOS. Examples before a question stand apart by an empty
# line, with one BOS and no EOS between: text that a model without chat training may have seen.
DEFAULT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{ (bos_token or '') if loop.first else '\n\n' }}{{ 'Question: ' + message['content'] + '\nAnswer:' }}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{ ' ' + message['content'] }}{{ (eos_token or '') if loop.last else '' }}"
    "{%- else -%}"
    "{{ raise_exception('the default template has no role ' + message['role']) }}"
    "{%- endif -%}"
    "{%- endfor -%}"
)
DEFAULT_NOTE = "the model's tokenizer has no chat template: it is asked and trained in the form 'Question: ...\\nAnswer: ...'"


def settle_template(tokenizer: PreTrainedTokenizerBase, given: str = "") -> Origin:
    """Give the tokenizer its template in place, and say where that comes from."""
    if given:
        tokenizer.chat_template = given
        return "given"
    if not tokenizer.chat_template:
        tokenizer.chat_template = DEFAULT_TEMPLATE
    return "default" if tokenizer.chat_template == DEFAULT_TEMPLATE else "own"
