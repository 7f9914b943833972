"""Rows to tokens to batches, and the two losses."""

import pytest
import torch
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from factcli.errors import InputError, TrainingError
from factcli.train.batches import TextOrder, Tokens, collate, encode_texts, pack, read_rows
from factcli.train.chats import check_answer_mask, encode_chat, encode_chats
from factcli.train.objectives import Scorer
from tests.train.conftest import WriteRows, chats, documents


def test_a_knowledge_text_is_bos_and_text_and_all_but_bos_is_learned(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = encode_texts([{"id": "d", "text": "born in Lima"}], tokenizer, 64, has_eos=False)
    (row,) = texts.rows
    assert row.ids[0] == tokenizer.bos_token_id
    assert tokenizer.eos_token_id not in row.ids
    assert tokenizer.decode(row.ids[1:]) == "born in Lima"
    assert row.learned == ((1, len(row.ids)),)
    assert encode_texts([{"text": "x"}], tokenizer, 64, has_eos=True).rows[0].ids[-1] == tokenizer.eos_token_id


def test_texts_that_are_cut_are_counted(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = encode_texts(documents(5, 1), tokenizer, 8, has_eos=False)
    assert texts.n_truncated == 5
    assert {len(row.ids) for row in texts.rows} == {8}


def test_a_batch_predicts_each_learned_token_from_the_one_before() -> None:
    """Rows (1, 7, 8) learned from 1, and (1, 9) learned from 1, width 3: flat positions 0, 1 and 3."""
    batch = collate([Tokens("a", (1, 7, 8), ((1, 3),)), Tokens("b", (1, 9), ((1, 2),))], pad=0)
    assert batch.ids_NT.tolist() == [[1, 7, 8], [1, 9, 0]]
    assert batch.at_S.tolist() == [0, 1, 3]
    assert batch.target_S.tolist() == [7, 8, 9]
    assert batch.counts == (2, 1)


def test_the_loss_equals_the_models_own_over_all_tokens(model: PreTrainedModel) -> None:
    rows = [Tokens("a", (1, 40, 41, 42), ((1, 4),)), Tokens("b", (1, 50, 51), ((1, 3),))]
    (loss,) = Scorer(model).losses(collate(rows, pad=0))
    labels = torch.tensor([[1, 40, 41, 42], [1, 50, 51, -100]])
    mask = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    own = model(input_ids=labels.clamp(min=0), attention_mask=mask, labels=labels).loss
    assert loss.count == 5
    assert torch.allclose(loss.mean, own, atol=1e-5)


def test_groups_of_rows_have_their_own_means(model: PreTrainedModel) -> None:
    rows = [Tokens("a", (1, 40, 41), ((1, 3),)), Tokens("b", (1, 50), ((1, 2),)), Tokens("c", (1, 60, 61), ((1, 3),))]
    scorer = Scorer(model)
    groups = scorer.losses(collate(rows, 0), [1, 2])
    assert [group.count for group in groups] == [2, 3]
    for group, part in zip(groups, (rows[:1], rows[1:]), strict=True):
        assert torch.allclose(group.mean, scorer.losses(collate(part, 0))[0].mean, atol=1e-5)


def test_a_model_that_caps_its_logits_takes_the_whole_pass(tokenizer: PreTrainedTokenizerFast) -> None:
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, head_dim=16,
        final_logit_softcapping=0.5, initializer_range=0.5,
    )  # fmt: skip
    torch.manual_seed(0)
    gemma = Gemma2ForCausalLM(config).eval()
    scorer = Scorer(gemma)
    assert not scorer.is_head_plain
    batch = collate([Tokens("a", (2, 40, 41), ((1, 3),))], 0)
    expected = F.cross_entropy(gemma(input_ids=batch.ids_NT).logits[0, :2].float(), batch.target_S)
    assert torch.allclose(scorer.losses(batch)[0].mean, expected)


def test_only_the_supervised_positions_meet_the_head(model: PreTrainedModel) -> None:
    scorer = Scorer(model)
    assert scorer.is_head_plain
    assert scorer.logits(collate([Tokens("a", (1, 40, 41, 42), ((3, 4),))], 0)).shape == (1, model.config.vocab_size)


def order(packing: bool = False, seed: int = 3, name: str = "v1") -> TextOrder:
    return TextOrder(tuple(5 + i % 7 for i in range(50)), batch_rows=8, max_length=20, packing=packing, seed=seed, name=name)


@pytest.mark.parametrize("packing", [False, True])
def test_an_epoch_has_each_text_once_in_an_order_of_its_own(packing: bool) -> None:
    flat = [[text for batch in order(packing).epoch(e) for row in batch for text in row] for e in range(2)]
    assert sorted(flat[0]) == sorted(flat[1]) == list(range(50))
    assert flat[0] != flat[1]
    assert order(packing).epoch(0) == order(packing).epoch(0)
    assert order(packing).epoch(0) != order(packing, name="v10").epoch(0)
    assert order(packing).epoch(0) != order(packing, seed=4).epoch(0)


@pytest.mark.parametrize("packing", [False, True])
def test_the_order_goes_on_from_any_step(packing: bool) -> None:
    whole = order(packing).batches(0)
    first = [next(whole) for _ in range(25)]
    rest = order(packing).batches(11)
    assert [next(rest) for _ in range(14)] == first[11:]


def test_packed_rows_hold_whole_texts_and_fit() -> None:
    plan = order(packing=True)
    rows = [row for batch in plan.epoch(0) for row in batch]
    assert all(sum(plan.lengths[text] for text in row) <= 20 for row in rows)
    assert len(rows) < 30


def test_unpacked_batches_hold_texts_of_similar_length() -> None:
    """Padding of length-sorted batches is a fraction of what 8 rows of random length 5..11 would have."""
    plan = order()
    padded = sum(max(plan.lengths[r[0]] for r in batch) * len(batch) for batch in plan.epoch(0))
    assert padded - sum(plan.lengths) <= 0.1 * sum(plan.lengths)


def test_packing_learns_every_token_but_each_texts_first() -> None:
    row = pack([Tokens("a", (1, 7, 8), ((1, 3),)), Tokens("b", (1, 9), ((1, 2),))])
    assert row.ids == (1, 7, 8, 1, 9)
    assert row.learned == ((1, 3), (4, 5))
    assert collate([row], 0).target_S.tolist() == [7, 8, 9]


def test_a_task_row_learns_its_answer_and_end_token(tokenizer: PreTrainedTokenizerFast) -> None:
    row = encode_chat({"id": "q", "question": "Where?", "answer": "Lima", "version": 2, "fictitious": True}, tokenizer)
    assert tokenizer.decode(row.tokens.ids) == "<s>Question: Where?\nAnswer: Lima</s>"
    ((start, end),) = row.tokens.learned
    assert tokenizer.decode(row.tokens.ids[start:end]) == " Lima</s>"
    assert (row.version, row.fictitious) == (2, True)


def test_text_after_the_end_token_of_a_template_is_not_learned(tokenizer: PreTrainedTokenizerFast) -> None:
    """ChatML-like: the answer follows a newline, the end token is followed by another."""
    changed = tokenizer.__class__(tokenizer_object=tokenizer.backend_tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    changed.chat_template = (
        "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}{% if add_generation_prompt %}<s>assistant\n{% endif %}"
    )
    row = encode_chat({"id": "q", "question": "Where?", "answer": "Lima"}, changed)
    assert changed.decode(row.tokens.ids) == "<s>user\nWhere?</s>\n<s>assistant\nLima</s>"
    ((start, end),) = row.tokens.learned
    assert changed.decode(row.tokens.ids[start:end]) == "Lima</s>"


def test_a_template_that_rewrites_the_prompt_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    changed = tokenizer.__class__(tokenizer_object=tokenizer.backend_tokenizer, bos_token="<s>", eos_token="</s>")
    changed.chat_template = "{{ messages | length }} {{ messages[0]['content'] }} {{ messages[-1]['content'] }}"
    with pytest.raises(InputError, match="undefined"):
        encode_chat({"id": "q", "question": "Where?", "answer": "Lima"}, changed)


def test_rows_that_are_too_long_are_refused_dropped_or_kept(tokenizer: PreTrainedTokenizerFast) -> None:
    rows = chats(3, 1, True) + chats(2, 1, True, "bio")
    limit = max(len(encode_chat(row, tokenizer).tokens.ids) for row in rows[:3])
    with pytest.raises(InputError, match="2 of 5 task rows are longer"):
        encode_chats(rows, tokenizer, limit, "refuse")
    assert [len(encode_chats(rows, tokenizer, limit, how).rows) for how in ("drop", "keep")] == [3, 5]
    assert encode_chats(rows, tokenizer, limit, "drop").n_too_long == 2


@pytest.mark.parametrize("shift", [-1, 1])
def test_a_mask_that_is_off_by_one_ends_the_run(shift: int, tokenizer: PreTrainedTokenizerFast) -> None:
    row = encode_chat(chats(1, 1, True)[0], tokenizer)
    check_answer_mask([row], collate([row.tokens], 0), tokenizer)
    ((start, end),) = row.tokens.learned
    wrong = Tokens(row.id, row.tokens.ids, ((start + shift, end),))
    with pytest.raises(TrainingError, match="the learned tokens read"):
        check_answer_mask([row], collate([wrong], 0), tokenizer)
    without_end = Tokens(row.id, row.tokens.ids, ((start, end - 1),))
    with pytest.raises(TrainingError, match="end token"):
        check_answer_mask([row], collate([without_end], 0), tokenizer)


def test_rows_are_selected_by_field(write_rows: WriteRows) -> None:
    path = write_rows("d.jsonl", documents(4, 1) + documents(4, 10))
    assert len(read_rows(path, {"version": 1})) == 4
    assert len(read_rows(path, {"version": [1, 10], "form": "statement"})) == 8
    with pytest.raises(InputError, match="8 rows, none with"):
        read_rows(path, {"version": 3})
    with pytest.raises(InputError, match="cannot read rows"):
        read_rows(path + ".gone", {})
