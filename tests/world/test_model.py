import math
from collections import Counter
from dataclasses import replace

import pytest
import torch

from factcli.errors import DivergedError
from factcli.world.model import Pretrainer, build_model, measure_base, run, show_question
from factcli.world.model.loop import IGNORED, next_token_loss, pack_documents, rate_share
from factcli.world.model.measure import Probe, exact_matches, gate_facts, question_probe
from factcli.world.settings import ModelSettings, PretrainSettings

TINY = ModelSettings(hidden_size=32, n_layers=1, n_heads=2, intermediate_size=64)
SHORT = PretrainSettings(steps=4, extension_steps=2, n_extensions=1, documents_per_step=8, warmup_steps=2, gate_every_steps=2)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def model(tokenizer):
    return build_model(tokenizer, TINY, seed=0)


def weights(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def are_equal(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_a_model_depends_on_its_seed_alone_and_ties_its_embeddings(tokenizer, model):
    torch.manual_seed(99)
    assert are_equal(weights(model), weights(build_model(tokenizer, TINY, seed=0)))
    assert not are_equal(weights(model), weights(build_model(tokenizer, TINY, seed=1)))
    assert model.lm_head.weight is model.model.embed_tokens.weight


def test_packing_places_every_document_whole_and_once():
    documents = [[1, 10, 2], [1, 20, 21, 22, 2], [1, 30, 31, 2]]
    batch = pack_documents(documents, row_tokens=8, pad_id=0)
    # longest first: 5 and 3 tokens fill the first row, 4 tokens begin the second, 4 pads end it
    assert batch.ids_BT.tolist() == [[1, 20, 21, 22, 2, 1, 10, 2], [1, 30, 31, 2, 0, 0, 0, 0]]
    assert batch.positions_BT.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2], [0, 1, 2, 3, 0, 1, 2, 3]]
    x = IGNORED
    assert batch.labels_BT.tolist() == [[20, 21, 22, 2, x, 10, 2, x], [30, 31, 2, x, x, x, x, x]]


def test_a_document_longer_than_a_row_is_cut():
    assert pack_documents([[1, 5, 6, 7, 2]], row_tokens=3, pad_id=0).ids_BT.tolist() == [[1, 5, 6]]


def test_packed_documents_do_not_see_each_other(model):
    documents = [[1, 300, 301, 302, 2], [1, 400, 401, 2], [1, 500, 2]]
    apart = [pack_documents([document], row_tokens=len(document), pad_id=0) for document in documents]
    sizes = [len(document) - 1 for document in documents]
    mean = sum(next_token_loss(model, batch).item() * n for batch, n in zip(apart, sizes, strict=True)) / sum(sizes)
    packed = next_token_loss(model, pack_documents(documents, row_tokens=16, pad_id=0)).item()
    assert packed == pytest.approx(mean, rel=1e-5)


def test_an_untrained_models_loss_is_near_that_of_a_uniform_guess(model, tokenizer):
    batch = pack_documents([list(range(3, 100))], row_tokens=128, pad_id=0)
    assert next_token_loss(model, batch).item() == pytest.approx(math.log(len(tokenizer)), rel=0.05)


def test_the_rate_warms_up_and_falls_to_near_zero_in_each_phase():
    settings = replace(SHORT, steps=10, warmup_steps=2, extension_steps=4, extension_rate_share=0.5)
    # ten steps: 1/2, 2/2 by warm-up, then 8/9, 7/9, ... 1/9; extensions begin at half: 0.5, 0.375, 0.25, 0.125
    shares = [rate_share(step, settings) for step in range(14)]
    assert shares == pytest.approx([1 / 2, 1, 8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9, 0.5, 0.375, 0.25, 0.125])


def test_pretraining_that_misses_the_gate_goes_on_to_the_limit(model, tokenizer, world):
    events = []
    result = run(Pretrainer(model, tokenizer, world, replace(SHORT, gate_accuracy=1.0)), events.append)
    assert (result.ended_by, result.steps) == ("limit", 6)  # 4 + one extension of 2
    assert [event["step"] for event in events if event["event"] == "gate"] == [0, 2, 4, 6]


def test_pretraining_that_passes_the_gate_stops_at_the_end_of_a_phase(model, tokenizer, world):
    result = run(Pretrainer(model, tokenizer, world, replace(SHORT, gate_accuracy=0.0)), lambda _: None)
    assert (result.ended_by, result.steps) == ("gate", 4)  # not at 0 or 2, where the rate is still high


@pytest.mark.parametrize("settings", [TINY, ModelSettings(hidden_size=24, n_layers=3, n_heads=2, intermediate_size=40)])
def test_the_parameters_told_beforehand_are_those_of_the_model(tokenizer, settings):
    assert settings.n_parameters == sum(parameter.numel() for parameter in build_model(tokenizer, settings, 0).parameters())


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tokenizer, world, tmp_path):
    whole = Pretrainer(build_model(tokenizer, TINY, 0), tokenizer, world, SHORT)
    losses = [whole.train_step() for _ in range(4)]
    first = Pretrainer(build_model(tokenizer, TINY, 0), tokenizer, world, SHORT)
    for _ in range(2):
        first.train_step()
    torch.save(first.state_dict(), tmp_path / "state.pt")
    second = Pretrainer(build_model(tokenizer, TINY, 5), tokenizer, world, SHORT)
    second.load_state_dict(torch.load(tmp_path / "state.pt"))
    assert [second.train_step() for _ in range(2)] == losses[2:]
    assert are_equal(weights(second.model), weights(whole.model))
    assert (second.step, second.n_tokens) == (whole.step, whole.n_tokens)


def test_the_gate_asks_head_people_of_train_and_dev_only(world):
    people = [world.person[fact.subject] for fact in gate_facts(world, 66)]
    assert Counter(person.group for person in people) == {"head": 66 * 6}
    assert {person.split for person in people} == {"train", "dev"}


def test_exact_match_agrees_with_greedy_decoding(model, tokenizer, world):
    prompts = [question_probe(tokenizer, world, fact).prompt for fact in world.facts[:40]]
    probes = []
    for i, prompt in enumerate(prompts):
        ids = torch.tensor([prompt])
        for _ in range(3):
            ids = torch.cat([ids, model(ids).logits[:, -1].argmax(-1, keepdim=True)], dim=1)
        answer = ids[0, len(prompt) :].tolist()
        if i % 2:  # every other answer is spoilt in its last token
            answer[-1] = (answer[-1] + 1) % len(tokenizer)
        probes.append(Probe(prompt, tuple(answer)))
    assert exact_matches(model, probes, batch_size=7) == [i % 2 == 0 for i in range(40)]


def test_a_question_probe_is_the_tasks_form_with_its_end(tokenizer, world):
    fact = world.facts[0]
    probe = question_probe(tokenizer, world, fact)
    text = tokenizer.decode(probe.prompt + probe.answer, clean_up_tokenization_spaces=False)
    assert text.startswith("<|bos|>Question: ")
    assert text.endswith(f"\nAnswer: {fact.value}<|eos|>")


def test_measured_rows_count_every_fact_once_per_probe(model, tokenizer, world):
    rows = measure_base(model, tokenizer, world)
    for probe in ("question", "cloze"):
        assert sum(row["n"] for row in rows if row["probe"] == probe) == len(world.facts)
    assert {row["group"] for row in rows} == {"head", "mid", "tail", "unseen", "demo"}
    assert all(0 <= row["accuracy"] <= 1 for row in rows)


def test_the_shown_question_is_asked_of_a_head_person_with_its_truth(model, tokenizer, world):
    shown = show_question(model, tokenizer, world)
    assert shown["truth"] in {fact.value for fact in gate_facts(world, 66)}
    assert shown["question"]


def test_pretraining_that_comes_apart_names_its_documents_and_changes_no_weight(tokenizer, world, monkeypatch):
    """The second step, of 8 documents a step: numbers 8 to 15."""
    trainer = Pretrainer(build_model(tokenizer, TINY, 0), tokenizer, world, replace(SHORT, documents_per_step=8))
    trainer.train_step()
    before = weights(trainer.model)
    monkeypatch.setattr("factcli.world.model.loop.cross_entropy", lambda logits, _labels: logits.sum() * torch.nan)
    with pytest.raises(DivergedError, match=r"came apart at step 2: the loss is nan, .* of the documents 8 to 15"):
        trainer.train_step()
    assert are_equal(weights(trainer.model), before)
