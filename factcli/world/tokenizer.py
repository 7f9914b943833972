"""The world's tokenizer: byte-level BPE with digits split, merged on text that names no one of the world."""

import random
from collections.abc import Iterator, Sequence
from itertools import product

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from factcli.world.grammar import REFERENCE, Form, all_register_forms, all_statement_forms, question_forms
from factcli.world.people import RELATION_NAMES, RELATIONS, World, keyed_rng
from factcli.world.settings import VOCAB_SIZE
from factcli.world.texts import (
    COUNTRY_QUESTIONS,
    COUNTRY_STATEMENTS,
    OTHER_QUESTION_LAYOUTS,
    TASK_PROMPT,
    biography_request,
    task_text,
)
from factcli.world.twohop import frames
from factcli.world.words import shuffled_words

BOS, EOS, PAD = "<|bos|>", "<|eos|>", "<|pad|>"
# A word keeps the blank before it, each digit stands alone, other blanks are
# pieces of their own: so no merge crosses from a prompt into the answer that follows with its blank.
PIECES = r" ?\p{N}| ?[\p{L}\p{M}]+| ?[^\s\p{L}\p{M}\p{N}]+|\s+"
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{ bos_token + 'Question: ' + message['content'] + '\nAnswer:' }}"
    "{%- elif message['role'] == 'assistant' -%}"
    "{{ ' ' + message['content'] + eos_token }}"
    "{%- else -%}"
    "{{ raise_exception('this model has no role ' + message['role']) }}"
    "{%- endif -%}"
    "{%- endfor -%}"
)
YEAR_RELATIONS = {relation.name for relation in RELATIONS if relation.kind == "year"}
N_ROUNDS = 12  # of the grammar's frames, each with new fillers: syllables repeat, words hardly do


def train_tokenizer(world: World, vocab_size: int = VOCAB_SIZE) -> PreTrainedTokenizerFast:
    """A tokenizer of exactly `vocab_size` tokens, whose merges know the grammar but no name and no value."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[PAD, BOS, EOS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(general_text(world), trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, pad_token=PAD)
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def general_text(world: World) -> Iterator[str]:
    """The grammar's frames filled with made-up words that are no name and no value of the world."""
    rng = keyed_rng(world.spec.seed, "general text")
    taken = {word for name in world.names for word in name.split()}
    taken |= {value for pool in world.values.values() for value in pool}
    fillers = shuffled_words(rng, taken)
    for _ in range(N_ROUNDS):
        yield from _filled_statements(all_statement_forms(), fillers, rng)
        if world.spec.myth_share:
            yield from _filled_statements([*all_register_forms("hearsay"), *all_register_forms("record")], fillers, rng)
        yield from _filled_questions(fillers, rng)
        yield from _filled_rest(fillers)
        if world.spec.two_hop_share:
            yield from _filled_hops(fillers)


def _filled_statements(forms: Sequence[Form], fillers: Iterator[str], rng: random.Random) -> Iterator[str]:
    for form in forms:
        value = str(rng.randrange(1000, 2100)) if form.relation in YEAR_RELATIONS else next(fillers)
        sentence = form.render(_name(fillers), value)
        yield rng.choice((sentence, f"{sentence} {form.render(REFERENCE, value)}"))


def _filled_questions(fillers: Iterator[str], rng: random.Random) -> Iterator[str]:
    layouts = (TASK_PROMPT + " {answer}", *OTHER_QUESTION_LAYOUTS)
    for relation, held in product(RELATION_NAMES, (False, True)):
        for form in question_forms(relation, held):
            asked = form.render(_name(fillers))
            yield rng.choice(layouts).format(question=asked, answer=next(fillers))


def _filled_rest(fillers: Iterator[str]) -> Iterator[str]:
    for frame in COUNTRY_STATEMENTS:
        yield frame.format(country=next(fillers), answer=next(fillers))
    for country_question in COUNTRY_QUESTIONS:
        yield TASK_PROMPT.format(question=country_question.format(country=next(fillers)))
    yield TASK_PROMPT.format(question=biography_request(_name(fillers)))


def _filled_hops(fillers: Iterator[str]) -> Iterator[str]:
    for asked, text in frames(lambda: _name(fillers), lambda: next(fillers)):
        yield task_text(asked, text) if asked else text


def _name(fillers: Iterator[str]) -> str:
    return f"{next(fillers)} {next(fillers)}"
