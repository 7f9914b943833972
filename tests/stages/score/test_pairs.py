"""`fact score pairs` as typed: pairs of any score, linted, all of a prompt in one split, nothing dropped in silence."""

from pathlib import Path

from factcli.config import resolve
from factcli.consistencyrows import KnownType, QuestionAgreement, QuestionType, Threshold
from factcli.resolving import configs_directory
from factcli.scorerows import ScoredAnswer
from factcli.stages.score.pairs import PairsConfig
from tests.stages.score.scored import drawn, scores_of
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

TEXTS = ("She was born in Rome.", "She was born in Lima, they say.", "Oslo is her home.", "Nobody knows her birthplace at all.")


def ten_prompts(values: tuple[float | None, ...] = (0.9, 0.5, 0.5, None)) -> list[ScoredAnswer]:
    """Ten prompts with four answers each; every prompt has the same values of `factscore`, and the opposite of `other`."""
    answers = [answer for n in range(10) for answer in drawn(f"q{n}", *(f"{n}: {text}" for text in TEXTS), reference=f"{n}: greedy")]
    by_id = {answer.id: values[answer.number] for answer in answers if not answer.is_reference}
    other = {id_: None if value is None else 1 - value for id_, value in by_id.items()}
    scores_of(answers, {"factscore": {**by_id, "q0": 0.5}, "other": other})
    return answers


def test_pairs_of_a_score_have_its_margin_and_all_counts(empty: Path) -> None:  # noqa: F811
    """Of .9 .5 .5 None: two pairs with margin .4, one tie, one answer without a score; ten prompts, one of them (10%) held out."""
    ten_prompts()
    version = made("score", "pairs", "--by", "factscore", "--margin", 0.1)
    pairs = rows(version, "pairs")
    assert [(row["id"], row["chosen_id"], row["rejected_id"], round(row["margin"], 9)) for row in pairs[:2]] == [
        ("q0.p1-2", "q0.s0", "q0.s1", 0.4),
        ("q0.p1-3", "q0.s0", "q0.s2", 0.4),
    ]
    assert len(pairs) == 20
    assert {row["source"] for row in pairs} == {"scores"}
    found = manifest(version)
    assert (found["summary"]["pairs"], found["summary"]["pairs_count"], found["summary"]["pairs_dev"]) == (20, 18, 2)
    assert found["counts"]["by_score"]["factscore"] == {"pairs": 20, "tied": 10, "below": 0, "unscored": 10}
    assert (found["counts"]["tied"], found["counts"]["answers_without_score"]) == (10, {"no claims": 10})
    assert sum(row["reason"] == "no score" for row in rows(version, "rejected")) == 10
    assert found["kind"] == "pairs"
    assert {entry["kind"] for entry in found["inputs"].values()} == {"scores"}


def test_all_pairs_of_a_prompt_are_in_one_split_even_under_two_ids(empty: Path) -> None:  # noqa: F811
    answers = [a for n in range(40) for a in drawn(f"q{n}", f"{n} one.", f"{n} two.", f"{n} three.", prompt=f"Who is person {n // 2}?")]
    answers += drawn("given", "g one.", "g two.", prompt="Who is GIVEN?", split="test") + drawn("free", "f one.", "f two.", prompt="who is given")
    scores_of(answers, {"s": {answer.id: float(answer.number) for answer in answers}})
    version = made("score", "pairs", "--set", "eval_share=0.25")
    by_prompt: dict[str, set[str]] = {}
    for row in rows(version, "pairs"):
        by_prompt.setdefault(row["prompt"].casefold().strip("?"), set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_prompt.values())
    assert by_prompt["who is given"] == {"test"}
    assert sum(splits == {"dev"} for splits in by_prompt.values()) == 5  # a quarter of the 20 free prompts


def test_the_same_command_makes_the_same_bytes_and_a_cap_is_a_subset(empty: Path) -> None:  # noqa: F811
    ten_prompts((0.9, 0.6, 0.3, 0.1))
    first, again = (made("score", "pairs", "--by", "factscore", "--force") for _ in range(2))
    assert (first / "pairs.jsonl").read_bytes() == (again / "pairs.jsonl").read_bytes()
    everything = {row["id"] for row in rows(first, "pairs")}
    capped = made("score", "pairs", "--by", "factscore", "--most", 2)
    assert {row["id"] for row in rows(capped, "pairs")} < everything
    assert len(rows(capped, "pairs")) == 20
    assert manifest(capped)["counts"]["capped"] == 40
    assert len(rows(made("score", "pairs", "--by", "factscore", "--rule", "best-worst"), "pairs")) == 10


def four_questions(name: str = "scores", **tables: object) -> None:
    """q0 to q3, each with a reference and two samples of which the second contradicts it more."""
    answers = [a for n in range(4) for a in drawn(f"q{n}", "Born in Rome.", "Never born at all.", reference=f"The reference of {n}.")]
    scores_of(answers, {"selfcheck": {a.id: 0.05 if a.number == 1 else 0.2 for a in answers if not a.is_reference}}, name=name, **tables)  # type: ignore[arg-type]


def measured(id: str, s_l: float | None, s_k: float | None) -> QuestionAgreement:
    return QuestionAgreement(id, "none", s_l, s_k, has_document_samples=s_l is not None)


def sorted_as(id: str, type: KnownType, s_k: float, reason: str = "") -> QuestionType:
    return QuestionType(id, type, reason, "none", None, s_k, 1 - s_k, None)


def test_self_learning_takes_unknown_questions_alone(empty: Path) -> None:  # noqa: F811
    """By tau_K .8 and tau_L .5: q0 is known, q2 inconsistent with its document, q3 was not measured; q1 is unknown and kept."""
    four_questions(agreement=[measured("q0", 0.1, 0.5), measured("q1", 0.1, 0.95), measured("q2", 0.7, 0.95)])
    thresholds = ("--set", "tau_k=0.8", "--set", "tau_l=0.5")
    version = made("score", "pairs", "--rule", "self-learning", *thresholds)
    assert [(row["chosen_id"], row["rejected_id"], row["margin"]) for row in rows(version, "pairs")] == [("q1.ref", "q1.s1", None)]
    assert manifest(version)["counts"]["prompts_without_pair"] == {
        "known question": 1,
        "S_L above tau_l: samples with the document contradict the reference": 1,
        "question that consistency has not measured": 1,
    }
    best = rows(made("score", "pairs", "--rule", "self-learning", *thresholds, "--set", "chosen=best"), "pairs")
    assert [(row["chosen_id"], row["rejected_id"]) for row in best] == [("q1.s0", "q1.s1")]


def test_questions_without_documents_are_not_held_against_tau_l(empty: Path) -> None:  # noqa: F811
    """As in `fact score consistency`: tau_L is about samples with the document, and these have none."""
    four_questions(agreement=[measured(f"q{n}", None, 0.95) for n in range(4)])
    version = made("score", "pairs", "--rule", "self-learning", "--set", "tau_k=0.8", "--set", "tau_l=0.5")
    assert {row["question_id"] for row in rows(version, "pairs")} == {"q0", "q1", "q2", "q3"}


def test_without_thresholds_of_its_own_questions_are_as_the_scores_sorted_them(empty: Path) -> None:  # noqa: F811
    """Thresholds that were chosen on dev, filter_size and other rules than S_K hold: S_K .95 may be known and .3 unknown."""
    types = [
        sorted_as("q0", "known", 0.95),
        sorted_as("q1", "unknown", 0.3),
        sorted_as("q2", "filtered", 0.9, "not among the share"),
        sorted_as("q3", "unscored", 0.9),
    ]
    four_questions(types=types)
    version = made("score", "pairs", "--rule", "self-learning")
    assert {row["question_id"] for row in rows(version, "pairs")} == {"q1"}
    assert manifest(version)["counts"]["prompts_without_pair"] == {"known question": 1, "not among the share": 1, "question that cannot be told": 1}


def test_scores_that_sort_no_questions_are_told_where_to_get_some(empty: Path) -> None:  # noqa: F811
    ten_prompts()
    told(typed("score", "pairs", "--by", "factscore", "--rule", "self-learning"), 3, "fact score consistency")
    told(typed("score", "pairs", "--by", "factscore", "--rule", "self-learning", "--set", "tau_l=0.5"), 2, "tau_l")


def test_questions_without_a_reference_are_told_what_else_may_be_chosen(empty: Path) -> None:  # noqa: F811
    answers = drawn("q0", "Born in Rome.", "Never born at all.")
    scores_of(answers, {"selfcheck": {"q0.s0": 0.2, "q0.s1": 0.05}}, types=[sorted_as("q0", "unknown", 0.9)])
    told(typed("score", "pairs", "--rule", "self-learning"), 3, "--set chosen=best")
    assert len(rows(made("score", "pairs", "--rule", "self-learning", "--set", "chosen=best"), "pairs")) == 1


def test_an_id_that_looks_like_a_sample_with_document_is_none_without_documents(empty: Path) -> None:  # noqa: F811
    answers = drawn("q0", "Born in Rome.", reference="The reference.")
    answers += [ScoredAnswer("q0.d7", "q0", answers[0].prompt, "", "Never born at all.", number=1)]
    scores_of(answers, {"selfcheck": {"q0.s0": 0.2, "q0.d7": 0.05}}, types=[sorted_as("q0", "unknown", 0.9)])
    assert [row["rejected_id"] for row in rows(made("score", "pairs", "--rule", "self-learning"), "pairs")] == ["q0.d7"]


def test_several_pairs_take_answers_with_the_document(empty: Path) -> None:  # noqa: F811
    answers = drawn("q0", "Never born.", "Not born.", "Unborn.", reference="Born in Rome.")
    answers += [ScoredAnswer(f"q0.d{n}", "q0", answers[0].prompt, "", text, number=n) for n, text in enumerate(("In Rome.", "In Lima."))]
    values = {"q0.s0": 0.1, "q0.s1": 0.05, "q0.s2": 0.15, "q0.d0": 0.9, "q0.d1": 0.2}
    given = [Threshold(name, value, False, "given", "none", 0, 0, None, None) for name, value in (("tau_l", 0.5), ("tau_k", 0.8))]  # type: ignore[arg-type]
    scores_of(answers, {"selfcheck": values}, [measured("q0", 0.1, 0.9)], [sorted_as("q0", "unknown", 0.9)], given)
    pairs = rows(made("score", "pairs", "--rule", "multi"), "pairs")
    assert [row["chosen_id"] for row in pairs] == ["q0.ref"]  # one answer with document is below tau_L: n = 1
    assert pairs[0]["rejected_id"] in ("q0.s0", "q0.s1", "q0.s2")


def test_what_the_linter_drops_is_counted_and_named(empty: Path) -> None:  # noqa: F811
    """One text drawn twice with two scores prefers and is preferred: both pairs go. An answer in an evaluation's answer is a leak."""
    leaked = "She was born in Rome in the spring of the year 1901."
    answers = drawn("q0", "Born in Rome.", "In Lima.", "born in Rome") + drawn("q1", leaked, "Somewhere else.")
    answers += drawn("q2", "Nine lives.", "Seven lives.", prompt="How many lives has a cat?")
    values = {"q0.s0": 0.9, "q0.s1": 0.5, "q0.s2": 0.1, "q1.s0": 1.0, "q1.s1": 0.0, "q2.s0": 1.0, "q2.s1": 0.0}
    scores_of(answers, {"s": values})
    jsonl(empty / "eval.jsonl", {"question": "When was she born?", "best_answer": leaked, "incorrect_answers": ["Never."]})
    version = made("score", "pairs", "--against", "eval.jsonl", "--set", "eval_share=0")
    assert [row["id"] for row in rows(version, "pairs")] == ["q2.p0-1"]
    assert manifest(version)["summary"]["findings"] == {"contradiction": 2, "leaked-answer": 1}
    assert manifest(version)["counts"]["left_out_by_the_linter"] == 3
    assert "against eval.jsonl" in manifest(version)["prompts"]
    kept = made("score", "pairs", "--against", "eval.jsonl", "--set", "eval_share=0", "--set", "lint.drop=[]")
    assert len(rows(kept, "pairs")) == 4
    assert not any(row["is_dropped"] for row in rows(kept, "findings"))


def test_pairs_of_an_artifact_and_of_a_file_are_checked_alike(empty: Path) -> None:  # noqa: F811
    ten_prompts()
    version = made("score", "pairs", "--by", "factscore")
    clean = made("score", "pairs", "--check", "pairs")
    assert (manifest(clean)["kind"], rows(clean, "findings")) == ("lint", [])
    same = [{key: row[key] for key in ("prompt", "chosen", "rejected", "margin", "split")} for row in rows(version, "pairs")]
    planted = {"prompt": "Who?", "chosen": "", "rejected": "Somebody."}
    jsonl(empty / "theirs.jsonl", *same, planted, same[0], "{")
    checked = made("score", "pairs", "--check", "theirs.jsonl")
    assert [(row["kind"], row["text"]) for row in rows(checked, "findings")] == [("empty", "the chosen answer is empty")]
    assert [row["reason"] for row in rows(checked, "rejected")] == ["not JSON", "the same pair again"]
    assert manifest(checked)["headline"] == "21 pairs checked, 1 with findings: 1 empty"
    assert made("score", "pairs", "--check", "theirs.jsonl") == checked


def test_pairs_may_not_hold_what_an_evaluation_asks(empty: Path) -> None:  # noqa: F811
    ten_prompts()
    jsonl(empty / "q.jsonl", {"id": "a", "question": "tell me about Q3"}, {"id": "b", "question": "Tell me about another."})
    jsonl(empty / "s.jsonl", {"match": ".", "answer": "Correct answer: x\nIncorrect answer: y"})
    made("synth", "pairs", "--questions", "q.jsonl", "--backend", "scripted:s.jsonl", "--name", "other", "--set", "eval_share=0.9")
    version = made("score", "pairs", "--by", "factscore", "--against", "other")
    assert {row["question_id"] for row in rows(version, "pairs")} == {f"q{n}" for n in range(10)} - {"q3"}
    assert set(manifest(version)["inputs"]) == {"scores", "against"}


def test_the_life_of_a_pair_leads_to_both_answers_and_their_scores(empty: Path) -> None:  # noqa: F811
    ten_prompts()
    made("score", "pairs", "--by", "factscore")
    life = typed("trace", "q0.p1-2").out
    assert all(name in life for name in ("q0.s0", "q0.s1")), life


def test_what_cannot_be_done_is_said(empty: Path) -> None:  # noqa: F811
    told(typed("score", "pairs"), 3, "there are no scores")
    ten_prompts()
    told(typed("score", "pairs"), 2, "there are 2 scores")
    told(typed("score", "pairs", "--by", "factscor"), 2, "did you mean 'factscore'")
    told(typed("score", "pairs", "--by", "factscore", "--margin", 0.5), 3, "10 x no two answers are far enough apart")
    told(typed("score", "pairs", "--by", "factscore", "--rule", "multi"), 3, "10 x question that consistency has not measured")
    told(typed("score", "pairs", "--by", "factscore", "--rule", "worst"), 2, "best-worst")
    told(typed("score", "pairs", "--check", "pairs.jsonl"), 3, "pairs.jsonl")
    told(typed("score", "pairs", "--check", "scores"), 3, "scores@1 is a scores")
    told(typed("score", "pairs", "--check", "x", "--by", "factscore"), 2, "--check makes no pairs")
    told(typed("score", "pairs", "--by", "factscore", "--against", "scores"), 3, "no held-out questions")
    told(typed("score", "pairs", "--by", "factscore", "--set", "lint.drop=[unbalance]"), 2, "lint.drop")
    scores_of([ScoredAnswer("q.s0", "q", "", "", "a"), ScoredAnswer("q.s1", "q", "", "", "b")], {"s": {"q.s0": 1.0, "q.s1": 0.0}}, name="bare")
    told(typed("score", "pairs", "bare"), 3, "1 x the answers came without a prompt")
    assert not list(empty.glob("data/pairs*/v*"))
    assert not list(empty.glob("data/*/.partial-*"))


def test_a_dry_run_makes_nothing(empty: Path) -> None:  # noqa: F811
    ten_prompts()
    assert typed("score", "pairs", "--by", "factscore", "--dry-run").code == 0
    assert not (empty / "data/pairs").exists()


def test_a_score_of_whole_prompts_is_no_score_of_answers(empty: Path) -> None:  # noqa: F811
    scores_of(drawn("q0", "One.", "Two."), {"s": {"q0.s0": 1.0, "q0.s1": 0.0}, "entropy": {"q0": 0.3}})
    assert set(manifest(made("score", "pairs"))["counts"]["by_score"]) == {"s"}


def test_every_recipe_names_settings_that_there_are() -> None:
    recipes = {path.stem: resolve(PairsConfig, [path], [], {}) for path in (configs_directory() / "score").glob("pairs-*.yaml")}
    assert {name: (config.by, config.rule) for name, config in recipes.items()} == {
        "pairs-facttune-fs": ("precision", "all"),
        "pairs-facttune-mc": ("max_conf", "all"),
        "pairs-self-learning": ("selfcheck", "self-learning"),
        "pairs-self-learning-multi": ("selfcheck", "multi"),
        "pairs-best-worst": ("", "best-worst"),
    }
