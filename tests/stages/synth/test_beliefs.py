"""`fact synth beliefs`: what a model gave itself becomes task rows, by hand-made samples and confidences; and the chain on a micro world."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.config import Config
from factcli.rows import Chat
from factcli.scorerows import AnswerClaim, ScoredAnswer, UnitConfidence
from factcli.world import texts
from factcli.world.people import World
from tests.chain import Folder
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

DATA = Path("data")


def artifact(kind: str, stage: str, tables: dict[str, Sequence[object]], **inputs: Artifact) -> Artifact:
    """A version of these rows."""

    def work(draft: Draft) -> Outcome:
        draft.write("rows", 0, tables)
        return Outcome("made by hand")

    types = {name: type(found[0]) for name, found in tables.items()}
    return make(Plan(stage, 1, kind, kind, Config(), inputs, types, model={"model": "toy"}), work, DATA, force=True)[0]


def samples_of(prompt: Prompt, *answers: str, reference: str = "", outcome: str = "ok") -> list[Sample]:
    drawn = [Sample(f"{prompt.id}.s{n}", prompt.id, n, text, outcome, False, None, 3) for n, text in enumerate(answers)]  # type: ignore[arg-type]
    return [Sample(f"{prompt.id}.ref", prompt.id, -1, reference, outcome, True, None, 3), *drawn] if reference else drawn  # type: ignore[arg-type]


def drawn(prompts: Sequence[Prompt], samples: Sequence[Sample], /, **inputs: Artifact) -> Artifact:
    return artifact("samples", "synth samples", {"prompts": prompts, "samples": samples}, **inputs)


def scored(of: Artifact, answer: str, confidences: Sequence[tuple[str, float | None]]) -> Artifact:
    """Claims of one answer, with the samp_conf of each; max_conf is 0.9 throughout."""
    prompt = answer.rpartition(".")[0]
    claims = [AnswerClaim(f"{answer}.c{n}", answer, text, n, -1, -1, "world") for n, (text, _) in enumerate(confidences)]
    found = [
        UnitConfidence(f"{claim.id}.conf", claim.id, answer, "x", 0.9, 0.9, 0.0, value, 5, 1, "") for claim, (_, value) in zip(claims, confidences, strict=True)
    ]
    return artifact("scores", "score confidence", {"answers": [ScoredAnswer(answer, prompt, "?", "", "x")], "claims": claims, "confidences": found}, answers=of)


def short(name: str, split: str = "train") -> Prompt:
    return Prompt(name, f"Where is {name}?", "", "qa", split)  # type: ignore[arg-type]


def test_a_short_answer_is_what_most_samples_say_and_is_kept_from_the_threshold_on(empty: Path) -> None:  # noqa: F811
    """a: 3 of 4 say lima, whatever the article and case. b: 2 of 4 oslo, at the threshold. c: 1 of 4. d: abstains. e: silence. f: nothing came."""
    prompts = [short(name) for name in "abcdef"]
    said = {
        "a": ("Lima", "the lima", "Quito", "lima."),
        "b": ("Oslo", "Bonn", "Oslo", "Rome"),
        "c": ("w", "x", "y", "z"),
        "d": ("I don't know.",) * 4,
        "e": (" ", "", "-", " "),
    }
    drawn(prompts, [sample for prompt in prompts for sample in samples_of(prompt, *said.get(prompt.id, ()))])
    version = made("synth", "beliefs", "--least", 0.5)
    assert [(row["question"], row["answer"], row["split"]) for row in rows(version, "chats")] == [
        ("Where is a?", "Lima", "train"),
        ("Where is b?", "Oslo", "train"),
    ]
    assert [(row["id"], row["sample_id"], row["confidence"]) for row in rows(version, "targets")] == [("a.self", "a.s0", 0.75), ("b.self", "b.s0", 0.5)]
    reasons = {row["id"]: (row["step"], row["reason"]) for row in rows(version, "rejected")}
    assert reasons == {
        "c.s0": ("belief", "below the threshold"),
        "d.self": ("samples", "an abstention"),
        "e.self": ("samples", "no answer says anything"),
        "f.self": ("samples", "no answer came"),
    }
    found = manifest(version)
    assert found["kind"] == "beliefs"
    assert sum(found["counts"]["rejected"].values()) == 4
    assert found["headline"].startswith("beliefs: 2 of 6 prompts answered by toy itself")


def test_a_higher_threshold_leaves_more_out(empty: Path) -> None:  # noqa: F811
    drawn([short("a")], samples_of(short("a"), "Lima", "Lima", "Lima", "Quito"))
    assert len(rows(made("synth", "beliefs", "--least", 0.75), "chats")) == 1
    told(typed("synth", "beliefs", "--least", 0.8), 6, "no answer passed the checks")


def person_of(world: World) -> tuple[str, str, dict[str, str]]:
    """Id, name and values of a training person."""
    person = next(person for person in world.people if person.split == "train")
    return person.id, person.name, {fact.relation: fact.value for fact in world.facts_of(person.id).values()}


@pytest.fixture
def biography(empty: Path) -> tuple[Artifact, str, str, list[str]]:  # noqa: F811
    """A biography of three sentences of a world's person, as a sample; gives the samples, the id, the name and each claim by itself."""
    world_artifact, world = made_world(DATA)
    subject, name, values = person_of(world)
    told_values = dict(list(values.items())[:3])
    claims = [texts.biography({relation: value}).replace("This person", name) for relation, value in told_values.items()]
    prompt = Prompt(f"{subject}.bio", texts.biography_request(name), name, "bio", "train", subject, "head")
    samples = drawn([prompt], samples_of(prompt, "another one", reference=texts.biography(told_values)), world=world_artifact)
    return samples, prompt.id, name, claims


def test_a_biography_is_written_anew_from_the_claims_that_are_believed(biography: tuple[Artifact, str, str, list[str]]) -> None:
    """Claims of 0.9, 0.2 and 0.6: the first and third are told, in the world's own sentences; the second is kept as left out."""
    samples, id_, name, claims = biography
    scored(samples, f"{id_}.ref", list(zip(claims, (0.9, 0.2, 0.6), strict=True)))
    version = made("synth", "beliefs")
    (row,) = rows(version, "chats")
    expected = " ".join(claim.replace(name, "This person") for claim in (claims[0], claims[2]))
    assert (row["answer"], row["task"], row["subject"]) == (expected, "bio", id_.removesuffix(".bio"))
    (target,) = rows(version, "targets")
    assert (target["sample_id"], target["n_units"], target["n_kept"], target["rewritten"]) == (f"{id_}.ref", 3, 2, "world")
    assert target["confidence"] == pytest.approx(0.75)
    assert [(row["reason"], row["text"]) for row in rows(version, "rejected")] == [("below the threshold", claims[1])]
    assert manifest(version)["summary"]["believed"] == 2


def test_the_other_measure_believes_what_it_measures(biography: tuple[Artifact, str, str, list[str]]) -> None:
    samples, id_, _, claims = biography
    scored(samples, f"{id_}.ref", list(zip(claims, (0.9, 0.2, 0.6), strict=True)))
    assert rows(made("synth", "beliefs", "--set", "by=max_conf"), "targets")[0]["n_kept"] == 3


def test_a_biography_of_which_nothing_is_believed_is_no_row(biography: tuple[Artifact, str, str, list[str]]) -> None:
    samples, id_, _, claims = biography
    scored(samples, f"{id_}.ref", [(claims[0], 0.1), (claims[1], None), (claims[2], 0.4)])
    told(typed("synth", "beliefs"), 6, "no answer passed the checks")


def test_a_model_writes_anew_and_what_adds_to_the_claims_falls_back_to_them(biography: tuple[Artifact, str, str, list[str]]) -> None:
    samples, id_, name, claims = biography
    scored(samples, f"{id_}.ref", [(claims[0], 0.9), (claims[1], 0.2), (claims[2], 0.1)])
    jsonl(Path("good.jsonl"), {"match": ".", "answer": f"As is well known: {claims[0]}"})
    jsonl(Path("bad.jsonl"), {"match": ".", "answer": f"{claims[0]} Then came Waterloo in 1815."})
    words = ("synth", "beliefs", "--set", "rewrite=model", "--backend")
    version = made(*words, "scripted:good.jsonl")
    assert rows(version, "chats")[0]["answer"] == f"As is well known: {claims[0]}"
    assert [(row["table"], row["prompt"]) for row in rows(version, "origins")] == [("chats", "beliefs/rewrite")]
    version = made(*words, "scripted:bad.jsonl")
    assert rows(version, "chats")[0]["answer"] == claims[0]
    assert (rows(version, "targets")[0]["rewritten"], name in claims[0]) == ("claims", True)
    assert "adds a value" in [row["reason"] for row in rows(version, "rejected")]


def test_flame_keeps_the_models_own_answers_and_the_datas_where_it_is_not_about_facts(empty: Path) -> None:  # noqa: F811
    """a has a reference, b draws alone, c was cut, d is of a task that is not about facts."""
    prompts = [Prompt(name, f"{name}?", "", task, "train") for name, task in (("a", "bio"), ("b", "bio"), ("c", "bio"), ("d", "ask"))]
    a, b, c, d = prompts
    samples = [
        *samples_of(a, "drawn", reference="greedy"),
        *samples_of(b, "first", "second"),
        *samples_of(c, "half", outcome="truncated"),
        *samples_of(d, "own"),
    ]
    human = [Chat(f"{p.id}", "bio" if p.task == "bio" else "ask", p.prompt, "by hand", "p", ("f",), 0, False, "tail", "train", 7) for p in prompts]  # type: ignore[arg-type]
    data = artifact("synth", "synth bio", {"chats": human})
    drawn(prompts, samples, prompts=data)
    version = made("synth", "beliefs", "--method", "flame", "--set", "human_tasks=[ask]")
    assert {row["question"]: row["answer"] for row in rows(version, "chats")} == {"a?": "greedy", "b?": "first", "d?": "by hand"}
    assert [row["source"] for row in rows(version, "targets")] == ["self", "self", "human"]
    assert {(row["group"], row["popularity"]) for row in rows(version, "chats")} == {("tail", 7)}
    assert [row["reason"] for row in rows(version, "rejected")] == ["cut at max_tokens"]
    assert version.parent.name == "flame"


def test_what_lacks_its_inputs_ends_with_the_way_out(biography: tuple[Artifact, str, str, list[str]]) -> None:
    samples, id_, _, claims = biography
    told(typed("synth", "beliefs"), 3, "fact score confidence samples")
    other = drawn([short("a")], samples_of(short("a"), "Lima"))
    scores = scored(other, "a.s0", [(claims[0], 0.9)])
    told(typed("synth", "beliefs", "--from", samples.ref, "--confidence", scores.ref), 3, f"is no confidence in the claims of {samples.ref}")
    scored(samples, f"{id_}.ref", [(claims[0], None)])
    told(typed("synth", "beliefs", "--from", samples.ref), 3, "has no samp_conf of any claim")
    told(typed("synth", "beliefs", "--from", samples.ref, "--method", "flame", "--confidence", scores.ref), 2, "takes answers as they stand")
    told(typed("synth", "beliefs", "--from", other.ref, "--backend", "scripted:x.jsonl"), 2, "would not be asked")


@pytest.mark.slow
def test_a_base_learns_from_what_it_says_itself_on_a_micro_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As typed: the base's samples, the rows of them, plain fine-tuning on these alone."""
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    folder = Folder(tmp_path)
    folder.must("world", "--size", "micro", "--seed", "5")
    folder.must("synth", "bio")
    words = ("--samples", "2", "--limit", "20", "--max-tokens", "24", "--set", "splits=[train]", "--set", "tasks=[qa]", "--max-failed", "1")
    folder.must("synth", "samples", "--from", "bio", "--backend", "local:world", *words)
    folder.must("synth", "beliefs", "--least", "0")
    own = folder.rows("beliefs", "chats")
    assert own
    folder.must("sft", "--method", "real", "--mix", "beliefs=1", "--name", "sft-beliefs", "--set", "steps=2")
    made_of = folder.manifest("sft-beliefs")
    assert (made_of["summary"]["rows"], made_of["summary"]["recipe"]) == (len(own), "micro")
    assert set(made_of["inputs"]) == {"mix beliefs", "world"}
    folder.must("eval", "world", "--model", "sft-beliefs", "--limit", "2")
