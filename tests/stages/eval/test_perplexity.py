"""Perplexity: every token once, windows as the harness cuts them, rates by hand, plain text and an artifact's own documents."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from factcli.artifact import Artifact, Outcome, Plan, make
from factcli.config import Config
from factcli.errors import InputError, SettingsError
from factcli.evalrows import ItemScore, is_lower_better
from factcli.judge.metrics import Metric
from factcli.knowledge.benchmarks.source import Source
from factcli.knowledge.benchmarks.texts import PERPLEXITY, TextItem
from factcli.likelihoodrows import ScoredText
from factcli.progress import PlainReport
from factcli.rows import Document
from factcli.stages.eval import perplexity as stage
from factcli.stages.eval.perplexity import PerplexityConfig, items_of, metrics_of, score, windows
from tests.stages.eval.likely import base_subject, long_llama


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return long_llama(tmp_path_factory.mktemp("model"))


def evaluated(root: Path, model: Path, source: Source[TextItem], **settings: Any) -> Artifact:
    subject = base_subject(model, root)
    plan = stage.plan(PerplexityConfig(dtype="float32", **settings), subject, source, None)
    return make(plan, lambda draft: stage.work(plan, draft, subject, source, PlainReport()), root)[0]


def file_of(tmp_path: Path, *rows: dict[str, Any]) -> Source[TextItem]:
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return Source(PERPLEXITY, path)


@given(st.integers(0, 60), st.integers(1, 12), st.integers(1, 12))
def test_windows_score_every_token_once_and_read_no_more_than_there_is_room_for(n_tokens: int, n_positions: int, stride: int) -> None:
    cut = list(windows(n_tokens, n_positions, min(stride, n_positions)))
    assert [token for one in cut for token in range(one.scored, one.end)] == list(range(n_tokens))
    for one in cut:
        assert one.end - one.first - 1 <= n_positions  # all but the last are read
        assert one.first < one.scored  # something stands before what is scored
        assert one.first == -1 or one.end - one.first - 1 == n_positions  # as much as there is room for


@pytest.mark.parametrize("n_tokens", [1, 7, 8, 9, 16, 17, 30])
def test_with_a_stride_of_all_positions_the_windows_are_those_of_the_harness(n_tokens: int) -> None:
    utils = pytest.importorskip("lm_eval.utils")
    tokens, start = list(range(100, 100 + n_tokens)), 0
    theirs = [utils.make_disjoint_window(one) for one in utils.get_rolling_token_windows(tokens, start, max_seq_len=8, context_len=1)]
    ours = [([start] * (one.first < 0) + tokens[max(0, one.first) : one.scored], tokens[one.scored : one.end]) for one in windows(n_tokens, 8, 8)]
    assert ours == [(list(before), list(after)) for before, after in theirs]


def test_a_long_text_is_the_sum_of_its_tokens_given_what_was_read(model: Path) -> None:
    local = base_subject(model, model).load("float32")
    local.model.config.max_position_embeddings = 16
    text = "Owls eat mice and voles by night, and ants have six legs each. " * 3
    ids = local.tokenizer(text, add_special_tokens=False)["input_ids"]
    expected = 0.0
    for one in windows(len(ids), 16, 4):
        read = [0] * (one.first < 0) + ids[max(0, one.first) : one.end]
        with torch.inference_mode():
            logps_TV = local.model(torch.tensor([read[:-1]])).logits[0].double().log_softmax(-1)
        n_scored = one.end - one.scored
        expected += float(logps_TV[-n_scored:].gather(1, torch.tensor(read[-n_scored:])[:, None]).sum())
    (found,) = score(local, [], [TextItem("t", text, "all", "t")], 4)
    assert found.logprob == pytest.approx(expected, abs=1e-4)
    assert (found.n_tokens, found.n_words, found.n_bytes, found.n_windows) == (len(ids), len(text.split()), len(text), 1 + math.ceil((len(ids) - 16) / 4))


def test_rates_by_hand() -> None:
    """Two texts: 8 bits in 4 bytes, 2 words, 1 token, and 2 bits in 1 byte, 1 word, 1 token: 10 bits in 5 bytes, 3 words, 2 tokens."""
    texts = [ScoredText("a", "a", "all", -8 * math.log(2), 1, 2, 4, 1), ScoredText("b", "b", "all", -2 * math.log(2), 1, 1, 1, 1)]
    found = {metric.metric: metric.value for metric in metrics_of(texts)}
    assert found["text.bits_per_byte"] == pytest.approx(2)
    assert found["text.word_perplexity"] == pytest.approx(2 ** (10 / 3))
    assert found["text.perplexity"] == pytest.approx(2**5)
    assert sum(item.numerator for one in texts for item in items_of(one) if item.metric == "text.bits_per_byte") == pytest.approx(10)
    assert all(is_lower_better(item.metric) for item in items_of(texts[0]))


def test_a_file_of_texts_by_group_and_subject(tmp_path: Path, model: Path) -> None:
    rows = [{"text": "Owls eat mice.", "group": "birds", "subject": "owl"}, {"text": "Ants have legs.", "group": "insects"}, {"text": " "}]
    made = evaluated(tmp_path, model, file_of(tmp_path, *rows))
    metrics = {(metric.metric, metric.group): metric for metric in made.rows("metrics", Metric)}
    assert metrics["text.bits_per_byte", "all"].n_items == 2
    assert {group for _, group in metrics} == {"all", "birds", "insects"}
    assert [text.subject == "owl" for text in made.rows("texts", ScoredText)] == [True, False]
    assert "1 entries of the file rejected" in made.manifest.headline
    assert {item.metric for item in made.rows("items", ItemScore)} == {"text.bits_per_byte", "text.nats_per_word", "text.nats_per_token"}


def test_plain_text_is_one_text(tmp_path: Path, model: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("Owls eat mice.\n\nAnts, too, have legs.\n", encoding="utf-8")
    (text,) = evaluated(tmp_path, model, Source(PERPLEXITY, path)).rows("texts", ScoredText)
    assert (text.id, text.n_bytes) == ("book.txt", 38)


def test_without_a_file_an_artifact_s_documents_are_read_the_real_ones_apart(tmp_path: Path, model: Path) -> None:
    documents = [Document(f"d{n}", f"Owl {n} eats mice.", "statement", f"p{n}", (), n, bool(n)) for n in range(2)]
    plan = Plan("synth bio", 1, "synth", "bio", Config(), {}, {"documents": Document})

    def work(draft: Any) -> Outcome:
        draft.write("all", 0, {"documents": documents})
        return Outcome("two documents")

    bio, _ = make(plan, work, tmp_path)
    assert PERPLEXITY.own is not None
    assert PERPLEXITY.own.is_in(bio)
    made = evaluated(tmp_path, model, Source(PERPLEXITY, artifact=bio))
    assert {text.group for text in made.rows("texts", ScoredText)} == {"real statement", "fictitious statement"}
    assert made.manifest.inputs["questions"].digest == bio.digest


def test_no_texts_at_all_and_none_usable_are_told(tmp_path: Path, model: Path) -> None:
    with pytest.raises(SettingsError, match="there are no texts"):
        stage.plan(PerplexityConfig(), base_subject(model, tmp_path), Source(PERPLEXITY), None)
    with pytest.raises(InputError, match="there is no text"):
        evaluated(tmp_path, model, file_of(tmp_path, {"text": ""}))


@pytest.mark.slow
def test_whole_texts_have_the_harness_own_likelihood(tmp_path: Path, model: Path) -> None:
    instance = pytest.importorskip("lm_eval.api.instance")
    from lm_eval.models.huggingface import HFLM

    local = base_subject(model, tmp_path).load("float32")
    local.model.config.max_position_embeddings = 16
    texts = ["Owls eat mice and voles by night, and ants have six legs each. " * 2, "A short one."]
    harness = HFLM(pretrained=local.model, tokenizer=local.tokenizer, batch_size=2, softmax_dtype="float64")
    theirs = harness.loglikelihood_rolling([instance.Instance("loglikelihood_rolling", {}, (text,), n) for n, text in enumerate(texts)], disable_tqdm=True)
    ours = score(local, [], [TextItem(text, text, "all", text) for text in texts], 16)
    assert [one.logprob for one in ours] == pytest.approx(theirs, abs=1e-4)
