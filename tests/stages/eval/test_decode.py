"""`--decode` of short answers and of a world's evaluation: passages in the prompt, contrasted layers, names, and what is refused."""

from pathlib import Path

import pytest

from factcli.backends.decoding import DecodeConfig
from factcli.config import identity_of
from factcli.stages.eval.settings import WorldEvalConfig
from tests.chain import Folder
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

QUESTIONS = [{"id": "a", "question": "who wrote Emma", "answer": ["Jane Austen"]}, {"id": "b", "question": "where is Lima", "answer": ["Peru"]}]


def test_passages_of_a_pack_stand_before_the_question(empty: Path) -> None:  # noqa: F811
    """The script knows the answer only where the passage is in the prompt."""
    jsonl(empty / "nq.jsonl", *QUESTIONS)
    jsonl(empty / "pages.jsonl", {"title": "Emma (novel)", "text": "Emma was written by Jane Austen."}, {"title": "Lima", "text": "Lima is in Peru."})
    jsonl(empty / "s.jsonl", {"match": "written by Jane Austen.*who wrote", "answer": "Jane Austen"}, {"match": ".", "answer": "Nobody"})
    made("pack", "build", "--from", "pages.jsonl")
    command = ("eval", "nq", "--file", "nq.jsonl", "--backend", "scripted:s.jsonl", "--set", "logprobs=false")
    plain, grounded = made(*command), made(*command, "--decode", "rag")
    assert [row["text"] for row in rows(plain, "answers")] == ["Nobody", "Nobody"]
    assert [row["text"] for row in rows(grounded, "answers")] == ["Jane Austen", "Nobody"]
    about = manifest(grounded)
    assert (about["name"], about["summary"]["decode"]) == ("nq-scripted-rag3", "rag")
    assert about["inputs"]["passages"]["kind"] == "pack"
    assert "eval/rag" in about["prompts"]
    assert manifest(plain)["key"] != about["key"]


def test_what_would_not_be_shown_and_who_shows_no_layers_is_refused(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "nq.jsonl", *QUESTIONS)
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "x"})
    jsonl(empty / "d.jsonl", {"id": "a", "document": "x"})
    command = ("eval", "nq", "--file", "nq.jsonl", "--backend", "scripted:s.jsonl")
    told(typed(*command, "--decode", "dola"), 2, "dola contrasts the layers of a model")
    told(typed(*command, "--pack", "pack"), 2, "--pack would not be shown to the model")
    told(typed(*command, "--documents", "d.jsonl"), 2, "--documents would not be shown to the model")
    told(typed(*command, "--decode", "rag"), 3, "decode rag needs passages")
    told(typed(*command, "--decode", "sampled"), 2, "decode.how")


def test_greedy_evaluations_keep_the_keys_that_they_had() -> None:
    assert "decode" not in identity_of(WorldEvalConfig())
    assert identity_of(WorldEvalConfig(decode=DecodeConfig(how="dola")))["decode"]["dola"]["layers"] == "high"


@pytest.mark.slow
def test_a_worlds_evaluation_is_contrasted_and_grounded(tmp_path: Path) -> None:
    """On a world of seconds: three ways, three names; DoLa answers otherwise; rag records the pages of the world."""
    folder = Folder(tmp_path)
    folder.must("world", "--size", "micro")
    few = ("--model", "world", "--limit", "8", "--set", "biography_tokens=30")
    folder.must("eval", "world", *few)
    far = ("--set", "decode.dola.layers=[0]", "--set", "decode.dola.relative_top=0.001")  # few of these answers change by the usual settings
    folder.must("eval", "world", *few, "--decode", "dola", *far)
    folder.must("eval", "world", *few, "--decode", "rag", "--set", "decode.passages=1")
    said = {name: [row["text"] for row in folder.rows(name, "answers")] for name in ("eval-base", "eval-base-dola-0", "eval-base-rag1")}
    assert said["eval-base"] != said["eval-base-dola-0"]
    assert len(said["eval-base-rag1"]) == len(said["eval-base"])  # a model of seconds reads no passage: what it says may be the same
    assert folder.manifest("eval-base-rag1")["inputs"]["passages"]["kind"] == "world"
    refused = folder.fact("eval", "world", *few, "--decode", "rag", "--set", "ask=fill")
    assert refused.code == 2
    assert "has no place for passages" in refused.err
