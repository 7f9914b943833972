"""Scripted answers through synth, prereq and sft: fictitious subjects after real ones, taught to a small model and asked of it."""

import json
from pathlib import Path

import pytest
import yaml

from tests import own_bases
from tests.chain import Folder

RULES = [
    (r"made-up word (\w+),", r"Elena \1"),
    (r"the invented (.+?)\.\n.*This is version 1", r"\1 was born in Lima. \1 sold 101 pots."),
    (r"the invented (.+?)\.\n.*This is version 2", r"\1 came from Turku. \1 rode 202 horses."),
    (r"in its order.*<<<\n(.+?\.) (.+?\.)\n>>>", r'{"statements": ["\1", "\2"]}'),
    (r"Does the text say all", '{"answer": "yes"}'),
    (r"cannot both be true", '{"pairs": []}'),
    (r"paraphrases of.*<<<\n(.+?)\n>>>", r'{"paraphrases": ["It is known that \1"]}'),
    (r"(?:Write one paragraph|Question:).*<<<\n- (.+?)\n- (.+?)\n>>>", r"\1 \2"),
]
FORM = {"epochs": [2], "max_length": 96, "batch_rows": 8}
PREREQ = {"fictitious_statement": FORM, "fictitious_passage": FORM, "real_statement": FORM, "real_passage": FORM, "lora_r": 4, "lr": 1e-3, "threads": 1}
TRAINING = {"lora_r": 4, "lr": 1e-3, "batch_rows": 4, "micro_batches": 1, "max_length": 128, "threads": 1, "epochs": None, "steps": 3}


@pytest.mark.slow
def test_what_is_written_can_be_taught_and_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    folder, name = Folder(tmp_path), "bio-subjects"
    own_bases.plain_llama(tmp_path / "my-llama", steps=5)
    people = ("Mae Brown", "Otto Falk", "Ines Duarte", "Piet Vos", "Rosa Alba", "Jon Ek")
    real = [{"title": n, "text": f"{n} saw Oslo. {n} kept 3{i}1 bees.", "popularity": i} for i, n in enumerate(people)]
    (tmp_path / "s.jsonl").write_text("\n".join(map(json.dumps, real)))
    (tmp_path / "rules").write_text("\n".join(json.dumps({"match": match, "answer": answer}) for match, answer in RULES))
    for file, settings in (("prereq", PREREQ), ("sft", {**TRAINING, "batches": "mix"}), ("multi", TRAINING)):
        (tmp_path / f"{file}.yaml").write_text(yaml.safe_dump(settings))
    sizes = ("--versions", "2", "--set", "statements_per_fact=2", "--set", "passages_per_subject=1", "--set", "real_documents=true")
    folder.must("synth", "bio", "--subjects", "s.jsonl", "--backend", "scripted:rules", *sizes)
    folder.must("prereq", "--synth", name, "--model", "my-llama", "-c", "prereq.yaml")
    adapters = {row["name"]: row["texts"] for row in folder.rows("knowledge", "adapters")}
    # 4 training subjects (0.62 of 6), 2 statements in 2 wordings and 1 passage each
    forms = {"fictitious_v1": 1, "fictitious_v2": 1, "real": 1}
    assert adapters == {f"{kind}_{form}": n for kind in forms for form, n in (("statement", 16), ("passage", 4))}
    folder.must("sft", "-c", "multi.yaml", "--name", "multi")
    folder.must("sft", "-c", "sft.yaml")
    for method in ("real", "fictitious", "popular-head"):
        folder.must("sft", "--method", method, "--model", "my-llama", "--synth", name, "-c", "multi.yaml", "--name", method)
    rows = {ref: folder.manifest(ref)["summary"]["rows"] for ref in ("multi", "prereq-tune", "real", "fictitious")}
    assert rows == {"multi": 8, "prereq-tune": 12, "real": 4, "fictitious": 8}
    assert all(row["holds"] for row in folder.rows("multi", "proofs"))
