import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from factcli.world.texts import TASK_PROMPT, PretrainingTexts, task_text
from factcli.world.tokenizer import general_text, train_tokenizer

plain_text = st.text(min_size=1).map(str.strip).filter(bool)


def test_at_least_80_percent_of_values_have_two_or_more_tokens(world, tokenizer):
    values = [value for pool in world.values.values() for value in pool]
    lengths = [len(tokenizer.encode(f" {value}", add_special_tokens=False)) for value in values]
    assert sum(length >= 2 for length in lengths) / len(lengths) >= 0.8
    assert sum(lengths) / len(lengths) < 3.5  # and short: years have four digits, words about two pieces


def test_names_are_short_and_none_is_one_token(world, tokenizer):
    lengths = [len(tokenizer.encode(f" {word}", add_special_tokens=False)) for p in world.people for word in p.name.split()]
    assert 1.9 < sum(lengths) / len(lengths) < 2.5


def test_no_name_or_value_is_in_the_text_that_merges_are_learned_from(world):
    taken = {word for name in world.names for word in name.split()}
    taken |= {v for relation, pool in world.values.items() if "year" not in relation for v in pool}
    seen = {word.strip("?.,:") for line in general_text(world) for word in line.replace("'s", " ").split()}
    assert not taken & seen
    assert "born" in seen


def test_no_token_holds_two_digits(tokenizer):
    assert not [token for token in tokenizer.get_vocab() if sum(c.isdigit() for c in token) > 1]


def test_the_vocabulary_has_exactly_the_size_asked_for(world, tokenizer):
    assert len(tokenizer) == 704
    assert len(train_tokenizer(world, 640)) == 640


def test_bos_eos_and_pad_are_distinct_tokens(tokenizer):
    ids = {tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id}
    assert len(ids) == 3
    assert None not in ids


def test_the_chat_template_is_the_tasks_form(tokenizer):
    chat = [{"role": "user", "content": "Who?"}]
    prompt = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    assert prompt == tokenizer.bos_token + "Question: Who?\nAnswer:"
    assert prompt == tokenizer.bos_token + TASK_PROMPT.format(question="Who?")
    whole = tokenizer.apply_chat_template([*chat, {"role": "assistant", "content": "Mira"}], tokenize=False)
    assert whole == tokenizer.bos_token + "Question: Who?\nAnswer: Mira" + tokenizer.eos_token
    assert whole == tokenizer.bos_token + task_text("Who?", "Mira") + tokenizer.eos_token


def test_an_unknown_role_is_an_error(tokenizer):
    with pytest.raises(Exception, match="no role system"):
        tokenizer.apply_chat_template([{"role": "system", "content": "x"}], tokenize=False)


@given(plain_text, plain_text)
def test_prompt_and_answer_encoded_apart_equal_both_encoded_together(tokenizer, question, answer):
    prompt = TASK_PROMPT.format(question=question)
    apart = [*tokenizer.encode(prompt, add_special_tokens=False), *tokenizer.encode(f" {answer}", add_special_tokens=False)]
    assert apart == tokenizer.encode(f"{prompt} {answer}", add_special_tokens=False)


@given(st.text())
def test_any_text_survives_encoding_and_decoding(tokenizer, text):
    ids = tokenizer.encode(text, add_special_tokens=False)
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_it_saves_and_loads_as_an_ordinary_tokenizer(world, tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    texts = [PretrainingTexts(world, 0).document(i) for i in random.Random(0).sample(range(9999), 50)]
    assert loaded(texts)["input_ids"] == tokenizer(texts)["input_ids"]
    assert loaded.chat_template == tokenizer.chat_template
    assert (loaded.bos_token_id, loaded.eos_token_id, loaded.pad_token_id) == (1, 2, 0)


def test_training_again_gives_the_same_tokenizer(world, tokenizer):
    assert train_tokenizer(world).get_vocab() == tokenizer.get_vocab()
