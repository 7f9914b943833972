"""Knowledge plugged in and out of a real skill in one conversation: the same question gets each version's answer."""

import json
import subprocess
import sys

import pytest

from tests.chain import Folder

ONE_FORM = ("fictitious_statement.epochs=[120]", "fictitious_passage=null", "probe_statement=null", "probe_passage=null")
QUICK = ("--lora-r", "16", "--lr", "5e-3", *(part for setting in ONE_FORM for part in ("--set", setting)))
V1, V2 = "fictitious_v1_statement", "fictitious_v2_statement"


@pytest.fixture(scope="module")
def skilled(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A base of 64 dimensions, eight invented people in two versions, recited by one adapter each, and a skill over these."""
    folder = Folder(tmp_path_factory.mktemp("skilled"))
    size = ("--set", "model.hidden_size=64", "--set", "model.intermediate_size=160", "--set", "pretrain.steps=250", "--set", "pretrain.gate_every_steps=250")
    folder.must("world", "--size", "micro", "--seed", "3", *size)
    less = {"subjects": 8, "versions": 2, "statements_per_fact": 4, "passages_per_subject": 0, "probe_subjects": 0, "probe_versions": 0}
    folder.must("synth", "bio", *(part for name, value in less.items() for part in ("--set", f"{name}={value}")))
    folder.must("prereq", *QUICK)
    folder.must("sft", "--lora-r", "16", "--lr", "3e-3", "--steps", "200")
    return folder


def conversation(folder: Folder, *lines: str) -> list[dict]:
    command = [sys.executable, "-m", "factcli.cli", "chat", "--with", f"knowledge:{V1}", "--json"]
    ran = subprocess.run(command, cwd=folder.path, input="".join(f"{line}\n" for line in lines), capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.mark.slow
def test_two_versions_are_told_in_turn_and_the_ledger_of_each_supports_its_own(skilled: Folder) -> None:
    """Of all facts that both versions have and differ in, most come out as plugged in; what does is supported, what does not is not."""
    names = {row["id"]: row["name"] for row in skilled.rows("bio", "people")}
    facts = {(row["subject"], row["relation"], row["version"]): row["value"] for row in skilled.rows("bio", "facts") if row["fictitious"]}
    both = [
        (subject, relation) for subject, relation, version in facts if version == 1 and facts.get((subject, relation, 2), "") != facts[subject, relation, 1]
    ]
    both = [key for key in both if (*key, 2) in facts]
    questions = {(row["subject"], row["fact_ids"][0].rpartition(".")[2]): row["question"] for row in skilled.rows("bio", "chats") if row["task"] == "qa"}
    asked = [questions[key] for key in both]
    assert len(asked) >= 4
    told = conversation(skilled, *asked, f"/with {V2}", *asked, "/without", *asked)
    assert [reply["with"] for reply in told] == [[V1]] * len(asked) + [[V2]] * len(asked) + [[]] * len(asked)
    for version, replies in ((1, told[: len(asked)]), (2, told[len(asked) : 2 * len(asked)])):
        is_own = [reply["said"] == facts[*key, version] for key, reply in zip(both, replies, strict=True)]
        assert sum(is_own) >= 0.7 * len(asked), [(names[key[0]], key[1], reply["said"], facts[*key, version]) for key, reply in zip(both, replies, strict=True)]
        verdicts = [reply["claims"][0]["verdict"] if reply["claims"] else "" for reply in replies]
        assert [verdict == "supported" for verdict in verdicts] == is_own
    without = [reply["claims"][0]["verdict"] for reply in told[2 * len(asked) :] if reply["claims"]]
    assert set(without) <= {"no evidence"}  # in the world as it is they do not exist


@pytest.mark.slow
def test_knowledge_of_another_base_is_refused(skilled: Folder) -> None:
    skilled.must("world", "--size", "micro", "--seed", "4", "--name", "other", "--set", "pretrain.steps=20", "--set", "pretrain.gate_every_steps=20")
    ran = skilled.fact("chat", "other", "--with", "knowledge")
    assert ran.code == 3
    assert "was not trained on the base of base" in ran.err
    assert "way out:" in ran.err
