"""`fact score consistency` as typed: who agrees with himself is known, nothing is dropped, and a kill loses nothing."""

import json
from pathlib import Path

import pytest

from factcli import rows as kinds
from factcli.artifact import Draft, Outcome, Plan, make, open_artifact
from factcli.config import Config, resolve
from factcli.resolving import recipe_file
from factcli.stages.score.consistency.settings import ConsistencyConfig
from factcli.topicrows import Reference, TopicQuestion, TopicSample
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

CITIES = ["Lima", "Rome", "Kyiv", "Oslo", "Bern", "Riga"]


class Nothing(Config):
    """Settings of data written by hand."""


def commit(root: Path, kind: str, name: str, tables: dict[str, list], inputs: dict | None = None) -> None:
    """Rows written by hand, as a version."""
    plan = Plan(f"by hand {kind}", 1, kind, name, Nothing(), inputs or {}, {table: type(found[0]) for table, found in tables.items()})

    def work(draft: Draft) -> Outcome:
        draft.write("all", 0, tables)
        return Outcome("by hand")

    make(plan, work, root)


def wiki_of(root: Path, *questions: tuple[str, str | None, list[str | None], list[str | None], str]) -> None:
    """(id, reference, samples with the document, samples without, split)."""
    tables: dict[str, list] = {"questions": [], "references": [], "samples": []}
    for id, reference, read, recalled, split in questions:
        tables["questions"].append(TopicQuestion(id, id.split(".")[0], "Title", "art", split, f"{id}.c", f"Where was {id} built?"))
        tables["references"].append(Reference(f"{id}.ref", id, True, reference, "" if reference else "no answer"))
        for mark, texts in (("d", read), ("s", recalled)):
            tables["samples"] += [TopicSample(f"{id}.{mark}{n}", id, mark == "d", n, text, "" if text else "empty") for n, text in enumerate(texts)]
    commit(root, "wiki", "wiki", tables)


def samples_of(folder: Path, n: int = 6, k: int = 3, *arguments: object) -> None:
    """n questions with k samples: of even ones all agree with the reference, of odd ones all differ from it and one another."""
    jsonl(folder / "p.jsonl", *({"prompt": f"Where was person {q} born?", "id": f"p{q}", "split": "train" if q < 2 * n / 3 else "test"} for q in range(n)))
    rules = [{"match": f"person {q} ", "answers": [CITIES[q % 6]] if q % 2 == 0 else CITIES[1 : k + 1]} for q in range(n)]
    jsonl(folder / "s.jsonl", *rules)
    made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", k, "--reference", *arguments)


def by_id(version: Path, table: str, column: str = "type") -> dict[str, object]:
    return {row["id"]: row[column] for row in rows(version, table)}


def test_where_samples_agree_on_what_is_right_and_scatter_otherwise_every_score_has_an_auroc_of_one(empty: Path) -> None:  # noqa: F811
    """Truth: what agrees is right. Of each scattered question sample 0 is the reference's own text, so S is 2/3: 1 - S = 1/3."""
    samples_of(empty)
    jsonl(empty / "l.jsonl", *({"id": f"p{q}", "truth": q % 2 == 0} for q in range(6)))
    version = made("score", "consistency", "--entailer", "lexical", "--labels", "l.jsonl")
    assert by_id(version, "question_types") == {f"p{q}": "known" if q % 2 == 0 else "unknown" for q in range(6)}
    assert by_id(version, "agreement", "n_clusters") == {f"p{q}": 1 if q % 2 == 0 else 3 for q in range(6)}
    scores = by_id(version, "scores", "value")
    assert scores["p1.selfcheck"] == pytest.approx(1 / 3)
    assert scores["p0.selfcheck"] == 1.0
    calibrated = {row["id"]: row for row in rows(version, "calibration")}
    for name in ("selfcheck", "bsdetector", "neg_semantic_entropy"):
        assert calibrated[f"{name}.prompt.all"]["auroc"] == 1.0
    assert calibrated["selfcheck.prompt.all"]["ece_width"] == pytest.approx((3 * 0 + 3 * 1 / 3) / 6)  # three 1.0 right; three 1/3 wrong
    assert {row["split"] for row in rows(version, "calibration")} == {"all", "train", "test"}
    assert manifest(version)["summary"]["types"] == {"known": 3, "unknown": 3}


def test_every_answer_and_prompt_has_a_row_of_each_score_in_the_order_of_the_samples(empty: Path) -> None:  # noqa: F811
    samples_of(empty, n=2)
    version = made("score", "consistency", "--entailer", "lexical")
    answers = [row["id"] for row in rows(version, "answers")]
    assert answers == [f"p{q}.{end}" for q in range(2) for end in ("ref", "s0", "s1", "s2")]
    for name in ("selfcheck", "bsdetector", "semantic_share"):
        assert [row["of"] for row in rows(version, "scores") if row["name"] == name and row["of"] in answers] == answers
    assert all((row["value"] is None) == bool(row["reason"]) for row in rows(version, "scores"))


def test_self_learnings_two_thresholds_sort_the_questions(empty: Path) -> None:  # noqa: F811
    """tau_L = tau_K = 0.5. a: read alike, recalled alike. b: read alike, recalled otherwise (2 of 3 differ: 2/3). c: the document's own
    samples contradict (2/3). d: recalled half and half (exactly 1/2: known, the rule is strict).
    """
    wiki_of(
        empty / "data",
        ("a.q", "Lima", ["Lima", "Lima"], ["Lima", "Lima", "Lima"], "train"),
        ("b.q", "Lima", ["Lima", "Lima"], ["Lima", "Rome", "Oslo"], "train"),
        ("c.q", "Lima", ["Lima", "Rome", "Oslo"], ["Lima", "Lima"], "train"),
        ("d.q", "Lima", ["Lima"], ["Lima", "Rome"], "train"),
        ("e.q", "Lima", [], [], "test"),
    )
    version = made("score", "consistency", "--entailer", "lexical", "--methods", "selfcheck", "--tau-l", 0.5, "--tau-k", 0.5)
    assert by_id(version, "question_types") == {"a.q": "known", "b.q": "unknown", "c.q": "filtered", "d.q": "known"}
    s = {row["id"]: (row["s_with_document"], row["s_without_document"]) for row in rows(version, "question_types")}
    assert s == {"a.q": (0, 0), "b.q": (0, pytest.approx(2 / 3)), "c.q": (pytest.approx(2 / 3), 0), "d.q": (0, 0.5)}
    assert by_id(version, "scores", "value")["c.q.selfcheck_with_document"] == pytest.approx(1 / 3)
    assert manifest(version)["inputs"]["answers"]["name"] == "wiki"
    assert manifest(version)["counts"]["left_out"] == {"without samples": 1}  # e, which is for test


def test_a_prompt_whose_answers_did_not_come_is_counted(empty: Path) -> None:  # noqa: F811
    """Person 1 is refused each time; of person 0 one of three answers is empty: it is no row, and the score says that it stands on two."""
    jsonl(empty / "p.jsonl", *({"prompt": f"Where was person {q} born?", "id": f"p{q}"} for q in range(2)))
    jsonl(empty / "s.jsonl", {"match": "person 0", "answers": ["Lima", " ", "Lima"]}, {"match": "person 1", "answer": "No.", "outcome": "refused"})
    made("synth", "samples", "--prompts", "p.jsonl", "--backend", "scripted:s.jsonl", "--samples", 3, "--reference", "--max-failed", 0.7)
    version = made("score", "consistency", "--entailer", "lexical")
    assert manifest(version)["counts"]["left_out"] == {"without samples": 1}
    assert [(row["n_units"], row["n_unscored"]) for row in rows(version, "scores") if row["id"] == "p0.selfcheck"] == [(2, 1)]


def test_an_empty_sample_keeps_its_place_and_its_question(empty: Path) -> None:  # noqa: F811
    """§7.49: one empty sample of three; c of the others is 0 and 1, S = 1/2. Without a reference there is no score, but a reason."""
    wiki_of(empty / "data", ("a.q", "Lima", ["Lima"], ["Lima", None, "Rome"], "train"), ("b.q", None, ["Lima"], ["Lima", "Rome"], "train"))
    version = made("score", "consistency", "--entailer", "lexical")
    scores = {row["id"]: (row["value"], row["reason"]) for row in rows(version, "scores")}
    assert scores["a.q.s0.selfcheck"] == (1.0, "")
    assert scores["a.q.s1.selfcheck"] == (None, "empty")
    assert scores["a.q.s2.selfcheck"] == (0.0, "")
    assert scores["a.q.selfcheck"] == (0.5, "")
    assert scores["b.q.selfcheck"] == (None, "no reference: no answer")
    assert scores["b.q.ref.selfcheck"] == (None, "no answer")
    assert scores["b.q.neg_semantic_entropy"][0] == pytest.approx(-0.693147, abs=1e-6)  # two clusters of one: ln 2
    types = {row["id"]: (row["type"], row["reason"]) for row in rows(version, "question_types")}
    assert types["b.q"] == ("unscored", "with the document: no reference: no answer")
    (n_units, n_unscored) = next((row["n_units"], row["n_unscored"]) for row in rows(version, "scores") if row["id"] == "a.q.selfcheck")
    assert (n_units, n_unscored) == (2, 1)


def test_samples_of_a_file_are_compared_with_one_another(empty: Path) -> None:  # noqa: F811
    """Two of three agree: pairs 0, 1, 1: c = 1/2, 1/2, 1; S = 2/3."""
    jsonl(empty / "a.jsonl", {"prompt": "Where?", "id": "q", "prompt_id": "q", "responses": ["Lima", "Lima", "Rome"]})
    version = made("score", "consistency", "--answers", "a.jsonl", "--entailer", "lexical", "--methods", "selfcheck")
    scores = by_id(version, "scores", "value")
    assert [scores[f"q.s{n}.selfcheck"] for n in range(3)] == pytest.approx([0.5, 0.5, 0.0])
    assert scores["q.selfcheck"] == pytest.approx(1 / 3)
    assert len(rows(version, "comparisons")) == 3  # each unordered pair once
    assert manifest(version)["summary"]["form"] == "all"


def world_of(folder: Path) -> None:
    """A world, data made from it, and samples of six questions: the split follows the person."""
    root = folder / "data"
    people = [kinds.Person(f"w.p{n}", f"Person {n}", "head", "train" if n < 2 else "dev" if n < 4 else "test", 9) for n in range(6)]
    facts = [kinds.Fact(f"w.p{n}.born", f"w.p{n}", "birthplace", CITIES[n]) for n in range(6)]
    asked = [
        kinds.Question(
            f"w.p{n}.born.q", "qa", f"Where was person {n} born?", (CITIES[n],), f"w.p{n}", f"Person {n}", "birthplace", "head", 9, False, people[n].split
        )
        for n in range(6)
    ]
    commit(root, "world", "world", {"people": people, "facts": facts, "questions": asked})
    chats = [
        kinds.Chat(f"w.p{n}.born.q0", "qa", f"Where was person {n} born?", CITIES[n], f"w.p{n}", (f"w.p{n}.born",), 0, False, "head", people[n].split)
        for n in range(6)
    ]
    commit(root, "synth", "qa", {"people": people, "facts": facts, "chats": chats}, {"world": open_artifact("world", root)})
    rules = [{"match": f"person {n} ", "answers": [CITIES[n]] * 3 if n % 2 == 0 else ["Paris", "Quito", "Tunis"]} for n in range(6)]
    jsonl(folder / "s.jsonl", *rules)
    made("synth", "samples", "--backend", "scripted:s.jsonl", "--samples", 3, "--set", "splits=[train,dev,test]")


def test_on_a_world_it_runs_as_typed_and_knows_the_truth(empty: Path) -> None:  # noqa: F811
    """Even people are answered right three times, odd ones wrong in three ways."""
    world_of(empty)
    ran = typed("score", "consistency")
    assert ran.code == 0, ran.err
    assert "entailer: lexical" in ran.err
    version = ran.made
    assert by_id(version, "question_types", "is_right") == {f"w.p{n}.born.q0": n % 2 == 0 for n in range(6)}
    calibrated = {row["id"]: row["auroc"] for row in rows(version, "calibration")}
    assert calibrated["selfcheck.prompt.all"] == calibrated["selfcheck.answer.all"] == 1.0
    assert set(manifest(version)["inputs"]) == {"answers", "synth", "world"}


def test_the_life_of_an_answer_leads_to_its_samples_comparisons_and_scores(empty: Path) -> None:  # noqa: F811
    samples_of(empty, n=2)
    made("score", "consistency", "--entailer", "lexical")
    told = typed("trace", "p1.s1").out
    for words in ("Kyiv", "p1.s1.selfcheck", "selfcheck = 0.0", "p1.ref.p1.s1.0", "p1.s1.p1.s2.-1"):
        assert words in told


def test_thresholds_are_chosen_on_dev_and_never_look_at_test(empty: Path) -> None:  # noqa: F811
    """Dev has person 2 (S = 0, right) and person 3 (S = 1, wrong): half-way is 0.5. Another answer to test questions moves nothing."""
    world_of(empty)
    version = made("score", "consistency", "--choose-on", "dev", "--tau-k", 0.9)
    chosen = {row["id"]: row for row in rows(version, "thresholds")}
    assert chosen["tau_k"]["value"] == pytest.approx(0.5)
    assert (chosen["tau_k"]["split"], chosen["tau_k"]["n"], chosen["tau_k"]["n_positive"]) == ("dev", 2, 1)
    assert chosen["tau_k"]["balanced_accuracy"] == 1.0
    assert not chosen["tau_l"]["chosen"]  # no reference has a truth
    without_test = made("score", "consistency", "--choose-on", "dev", "--set", "splits=[train,dev]", "--name", "fewer")
    assert {row["id"]: row["value"] for row in rows(without_test, "thresholds")}["tau_k"] == pytest.approx(0.5)


def test_comparisons_are_kept_unless_they_are_too_many(empty: Path) -> None:  # noqa: F811
    """Two questions: 3 + 3 against the reference, and 6 of the three that are not alike: 12 rows."""
    samples_of(empty, n=2)
    assert len(rows(made("score", "consistency", "--entailer", "lexical", "--set", "most_comparisons=12"), "comparisons")) == 12
    assert rows(made("score", "consistency", "--entailer", "lexical", "--set", "most_comparisons=11"), "comparisons") == []


def test_filter_size_keeps_the_least_known_questions(empty: Path) -> None:  # noqa: F811
    samples_of(empty)
    version = made("score", "consistency", "--entailer", "lexical", "--set", "filter_size=0.34")
    types = by_id(version, "question_types")
    assert [types[f"p{q}"] for q in (1, 3, 5)] == ["unknown", "filtered", "filtered"]  # all three have S = 2/3: the first by id


def test_a_dry_run_says_how_many_pairs_and_how_long(empty: Path) -> None:  # noqa: F811
    """Two questions. Agreeing: one sentence against one text: 1 pair. Scattered: 3 pairs, and 3 x 2 for clusters: 9. In all 10."""
    samples_of(empty, n=2)
    described = json.loads(typed("score", "consistency", "--entailer", "lexical", "--dry-run", "--json").out)
    assert described["cost"]["pairs"] == 10
    assert described["cost"]["time"].startswith("not known")
    version = made("score", "consistency", "--entailer", "lexical")
    assert manifest(version)["usage"]["pairs"] == 10


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("", 2, "no entailment model is given"),
        ("--entailer nlp:x", 2, "no entailer is called 'nlp:x'"),
        ("--entailer nli:nowhere/at/all", 3, "nowhere/at/all"),
        ("--entailer lexical --methods selfcheck,magic", 2, "methods"),
        ("--entailer lexical --methods selfcheck --set rule=clusters", 2, "needs semantic-entropy"),
        ("--entailer lexical --beta 0.5", 2, "no backend is given"),
        ("--entailer lexical --backend scripted:s.jsonl", 2, "--backend asks a model for its opinion"),
        ("--entailer lexical --choose-on dev", 2, "no truth is known"),
        ("--entailer lexical --choose-on test", 2, "choose_on"),
        ("--entailer lexical --set splits=[dev]", 3, "has no question with samples that the settings want"),
        ("--entailer lexical --labels none.jsonl", 3, "none.jsonl cannot be read"),
        ("nothing --entailer lexical", 3, "nothing is called 'nothing'"),
    ],
)
def test_what_cannot_be_is_told_in_two_lines(empty: Path, command: str, code: int, words: str) -> None:  # noqa: F811
    samples_of(empty, n=2)
    told(typed("score", "consistency", *command.split()), code, words)


def test_the_form_with_references_needs_references(empty: Path) -> None:  # noqa: F811
    jsonl(empty / "a.jsonl", {"prompt": "Where?", "responses": ["Lima", "Rome"]})
    told(typed("score", "consistency", "--answers", "a.jsonl", "--entailer", "lexical", "--form", "reference"), 2, "has no reference answers")
    told(typed("score", "consistency", "--entailer", "lexical"), 3, "there are no samples in data/")


def test_one_answer_to_each_prompt_is_told_before_anything_is_compared(empty: Path) -> None:  # noqa: F811
    """Two prompts of one response each, and an empty second one: nothing could have a score."""
    jsonl(empty / "a.jsonl", {"prompt": "Where?", "responses": ["Lima"]}, {"prompt": "When?", "responses": ["1947", " "]})
    told(typed("score", "consistency", "--answers", "a.jsonl", "--entailer", "lexical"), 3, "has one answer at most to each prompt")
    assert not list(empty.glob("data/consistency/v*"))


def test_the_recipe_has_self_learnings_numbers() -> None:
    """Spec §4.3 and §4.4: SelfCheck with (sentence, sample), tau_L 0.5, tau_K 0.8 of its script, beta 1, contradiction alone tells clusters apart."""
    found = resolve(ConsistencyConfig, [recipe_file("score", "consistency-self-learning")], (), {})
    assert (found.tau_l, found.tau_k, found.beta, found.premise) == (0.5, 0.8, 1.0, "sentence")
    assert (found.equivalence, found.entropy, found.rule, found.form, found.filter_size) == ("not_contradicted", "mean", "selfcheck", "reference", 1.0)
