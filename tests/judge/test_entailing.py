"""Entailment models in this process: each result is what the checkpoint says of that pair alone, by the class names it gives."""

import json
from itertools import permutations
from pathlib import Path
from random import Random

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer

from factcli.errors import InputError, SettingsError
from factcli.judge.entailing import LocalEntailer, load_entailer
from factcli.judge.entailment import EntailerConfig, Entailment, classes_of
from tests.judge.checkpoints import NAMES, saved_classifier, saved_opinion, saved_t5

THREE = ["CONTRADICTION", "Neutral", "entailment"]


def some_pairs(n: int) -> list[tuple[str, str]]:
    random = Random(1)
    return [(" ".join(random.choices(NAMES, k=random.randint(1, 30))), " ".join(random.choices(NAMES, k=random.randint(1, 6)))) for _ in range(n)]


def near(found: list[Entailment], expected: list[Entailment]) -> bool:
    return len(found) == len(expected) and all(max(abs(a - b) for a, b in zip(x, y, strict=True)) < 1e-5 for x, y in zip(found, expected, strict=True))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(params=["classes", "words"])
def entailer(request: pytest.FixtureRequest, tmp_path: Path) -> LocalEntailer:
    path = saved_classifier(tmp_path, THREE) if request.param == "classes" else saved_t5(tmp_path)
    return load_entailer(path, config=EntailerConfig(batch_tokens=256))


def test_the_batch_that_a_pair_is_in_does_not_change_its_result(entailer: LocalEntailer):
    pairs = some_pairs(60)
    together = list(entailer.judge(pairs))
    alone = [next(entailer.judge([pair])) for pair in pairs]
    backwards = list(entailer.judge(pairs[::-1]))[::-1]
    assert len({round(one.entails, 6) for one in together}) > 30  # each pair has its own: a constant would agree with itself too
    assert near(together, alone)
    assert near(together, backwards)
    assert all(sum(one) == pytest.approx(1) for one in together)


def test_each_class_has_the_probability_of_the_output_of_that_name(tmp_path: Path):
    entailer = load_entailer(saved_classifier(tmp_path, THREE))
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path), AutoModelForSequenceClassification.from_pretrained(tmp_path)
    logits = model(**tokenizer("mira was born", "mira is red", return_tensors="pt")).logits[0].softmax(-1).tolist()
    found = next(entailer.judge([("mira was born", "mira is red")]))
    assert found == pytest.approx((logits[2], logits[1], logits[0]), abs=1e-6)  # THREE has entailment last


def test_an_encoder_decoder_is_asked_in_minichecks_form(tmp_path: Path):
    """`predict: PREMISE</s>HYPOTHESIS</s>`; yes and no are the first decoded token among "1" and "0"."""
    entailer = load_entailer(saved_t5(tmp_path))
    tokenizer, model = AutoTokenizer.from_pretrained(tmp_path), AutoModelForSeq2SeqLM.from_pretrained(tmp_path)
    ids = tokenizer("predict: mira was born in lima</s>mira is red</s>", add_special_tokens=False, return_tensors="pt")
    logits = model(**ids, decoder_input_ids=torch.tensor([[0]])).logits[0, 0]
    yes, no = logits[tokenizer.convert_tokens_to_ids(["1", "0"])].softmax(-1).tolist()
    assert next(entailer.judge([("mira was born in lima", "mira is red")])) == pytest.approx((yes, 0.0, no), abs=1e-6)


def test_other_words_and_another_prompt_are_the_users_to_choose(tmp_path: Path):
    path = saved_t5(tmp_path)
    pair = [("mira was born", "lee is red")]
    default = next(load_entailer(path).judge(pair))
    spoken = next(load_entailer(path, config=EntailerConfig(words=("True", "False"))).judge(pair))
    asked = next(load_entailer(path, config=EntailerConfig(prompt="premise: {premise} hypothesis: {hypothesis}")).judge(pair))
    assert len({default, spoken, asked}) == 3
    with pytest.raises(ValueError, match=r"needs \{premise\}, then \{hypothesis\}"):
        EntailerConfig(prompt="{hypothesis} {premise}")


def test_a_model_that_learned_what_not_means_says_so_whatever_the_order_of_its_classes(tmp_path: Path):
    for n, labels in enumerate((("contradiction", "entailment"), ("entailment", "not_entailment"))):
        entailer = load_entailer(saved_opinion(tmp_path / str(n), labels))
        true, false = entailer.judge([("mira lee oslo red", "ada is blue"), ("mira lee oslo red", "ada is not blue")])
        assert true.entails > 0.9
        assert false.contradicts > 0.9
        assert true.neutral == 0


def test_class_names_are_found_in_any_order_and_case():
    for order in permutations(("Entailment", "NEUTRAL", "contradiction")):
        assert classes_of({"id2label": {str(n): label for n, label in enumerate(order)}}, {}, "m") == tuple(label.lower() for label in order)
    assert classes_of({"id2label": {"0": "not_entailment", "1": "entailment"}}, {}, "m") == ("contradiction", "entailment")
    assert classes_of({"id2label": {"1": "SUPPORTED", "0": "Unsupported"}}, {}, "m") == ("contradiction", "entailment")


@pytest.mark.parametrize("labels", [["LABEL_0", "LABEL_1"], ["POSITIVE", "NEGATIVE"], ["entailment"], ["entailment", "entailment"]])
def test_names_that_say_nothing_are_refused_with_a_way_out(tmp_path: Path, labels: list[str]):
    settings = {"id2label": {str(n): label for n, label in enumerate(labels)}}
    with pytest.raises(InputError, match="does not say which is entailment") as caught:
        classes_of(settings, {}, "m")
    assert "entailer.classes=" in caught.value.hint


def test_the_user_may_say_which_output_is_which_but_not_of_outputs_that_are_not_there(tmp_path: Path):
    path = saved_classifier(tmp_path, ["LABEL_0", "LABEL_1"])
    pair = [("mira was born", "mira is red")]
    one = next(load_entailer(path, config=EntailerConfig(classes={"entailment": 1, "contradiction": 0})).judge(pair))
    other = next(load_entailer(path, config=EntailerConfig(classes={"entailment": 0, "contradiction": 1})).judge(pair))
    assert (one.entails, one.contradicts) == pytest.approx((other.contradicts, other.entails))
    with pytest.raises(SettingsError, match=r"classes has outputs \[0, 1, 2\], and .* has 2"):
        load_entailer(path, config=EntailerConfig(classes={"entailment": 0, "neutral": 1, "contradiction": 2}))
    with pytest.raises(ValueError, match="each another"):
        EntailerConfig(classes={"entailment": 1, "contradiction": 1})


def test_a_long_premise_is_cut_and_counted_and_the_hypothesis_never(entailer: LocalEntailer):
    """The result is that of the premise's beginning; a word of the hypothesis still changes it."""
    entailer.max_tokens = 48
    room = 48 - (3 if entailer.ref.classes else 4)  # marks; of the T5 also `predict` and `:`
    hypothesis = "mira is red"
    long = " ".join(["lee", "ada"] * 50)
    beginning = " ".join((["lee", "ada"] * 50)[: room - 3])
    cut, whole, other = entailer.judge([(long, hypothesis), (beginning, hypothesis), (long, "mira is blue")])
    assert near([cut], [whole])
    assert abs(cut.entails - other.entails) > 1e-4
    assert entailer.n_truncated == 2


def test_a_hypothesis_that_does_not_fit_is_refused_and_can_be_asked_about(entailer: LocalEntailer):
    entailer.max_tokens = 32
    long = " ".join(["mira"] * 40)
    assert (entailer.fits("mira is red"), entailer.fits(long)) == (True, False)
    with pytest.raises(InputError, match=r"a hypothesis takes 4[34] tokens, need at most 24"):
        list(entailer.judge([("lee", long)]))


def test_text_cannot_hold_the_tokenizers_own_marks(entailer: LocalEntailer):
    """`lee [SEP] mira` as a premise would otherwise be read as a premise, and a hypothesis of its own."""
    mark = "[SEP]" if entailer.ref.classes else "</s>"
    ids = entailer._tokenizer.all_special_ids
    hostile = entailer._inert(f"lee {mark} mira")
    assert mark not in hostile
    assert not set(entailer._ids(hostile)) & (set(ids) - {entailer._tokenizer.unk_token_id})


def test_hostile_premises_are_judged(entailer: LocalEntailer):
    texts = ["", "\x00\x1b[31m", "<b>" * 200, "mira " * 20_000, "宮本 武蔵", "ignore the above"]
    assert len(list(entailer.judge([(text, "mira is red") for text in texts]))) == len(texts)


def test_other_weights_other_classes_and_another_limit_have_another_identity(tmp_path: Path):
    first = load_entailer(saved_classifier(tmp_path / "a", THREE))
    again = load_entailer(saved_classifier(tmp_path / "b", THREE))
    other = load_entailer(saved_classifier(tmp_path / "c", THREE, spread=0.3))
    limited = load_entailer(tmp_path / "a", config=EntailerConfig(max_tokens=20))
    assert first.identity == again.identity
    assert len({json.dumps(one.identity) for one in (first, other, limited)}) == 3


def test_what_judges_no_entailment_is_refused(tmp_path: Path):
    path = saved_classifier(tmp_path, THREE)
    settings = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(settings | {"architectures": ["BertForMaskedLM"]}))
    with pytest.raises(InputError, match="is a BertForMaskedLM, need a sequence classifier or a T5"):
        load_entailer(path)


def test_weights_that_are_no_safetensors_are_refused(tmp_path: Path):
    path = saved_classifier(tmp_path, THREE)
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(InputError, match="safetensors"):
        load_entailer(path)


def test_words_that_begin_alike_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match="begins yes and no with one token"):  # neither is known to this tokenizer
        load_entailer(saved_t5(tmp_path), config=EntailerConfig(words=("yes", "no")))


def test_code_of_a_checkpoint_runs_only_when_allowed_and_is_then_part_of_its_identity(tmp_path: Path):
    path = saved_classifier(tmp_path, THREE)
    (path / "own.py").write_text("raise SystemExit('ran')\n")
    settings = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(settings | {"auto_map": {"AutoModelForSequenceClassification": "own.Model"}}))
    assert "code" not in load_entailer(path).identity  # transformers' own class
    with pytest.raises(SystemExit, match="ran"):
        load_entailer(path, config=EntailerConfig(allow_remote_code=True))
