"""What changed between two models, and the training rows near it: by hand on a few answers, claims and rows."""

from factcli.artifact import Outcome
from factcli.config import Config
from factcli.judge.changes import changes_of, falsehoods_dropped, relation_of, results_of
from factcli.judge.compare import Results
from factcli.judge.traininglookup import TrainingLookup
from factcli.judge.trainingrows import TrainingRow
from factcli.rows import Answer, Claim
from factcli.scorerows import AnswerClaim, ClaimVerdict, ScoredAnswer
from tests.stages.report_chain import commit


def qa(n: int, text: str, grade: str) -> Answer:
    return Answer(f"p0.r{n}.q.a0", f"p0.r{n}.q", "qa", "p0", "head", f"Question {n}?", text, 0.5, grade == "abstained", grade, None)  # type: ignore[arg-type]


def asked(*answers: Answer) -> Results:
    return Results(list(answers), [], [])


def told(*claims: tuple[str, str, str]) -> Results:
    """One biography whose claims are (relation, value, verdict)."""
    bio = Answer("p0.bio.a0", "p0.bio", "bio", "p0", "head", "Write.", "text", 0.5, False, None, None)
    rows = [
        Claim(f"p0.bio.a0.c{n}", bio.id, "p0", "head", relation, value, f"{relation} {value}.", 0, 1, 0.9, verdict, "", "")  # type: ignore[arg-type]
        for n, (relation, value, verdict) in enumerate(claims)
    ]
    return Results([], [bio], rows)


def seen(model: Results, baseline: Results) -> list[tuple[str, str, str, str]]:
    return [(change.change, change.claim, change.before, change.after) for change in changes_of(model, baseline)]


def test_answers_that_turn_right_are_gained_wrong_ones_lost_and_new_falsehoods_invented():
    base = asked(qa(0, "Pearl", "wrong"), qa(1, "Lima", "right"), qa(2, "I don't know", "abstained"), qa(3, "Rome", "wrong"), qa(4, "x", "wrong"))
    now = asked(qa(0, "Opal", "right"), qa(1, "Oslo", "wrong"), qa(2, "Bern", "wrong"), qa(3, "rome.", "wrong"), qa(4, "I don't know", "abstained"))
    assert seen(now, base) == [
        ("gained", "Opal", "Pearl", "Opal"),
        ("lost", "Lima", "Lima", "Oslo"),
        ("invented", "Oslo", "Lima", "Oslo"),
        ("invented", "Bern", "I don't know", "Bern"),  # q3 says the same falsehood as before, q4 says none
    ]


def test_a_right_answer_that_falls_silent_is_lost_and_nothing_is_invented():
    assert seen(asked(qa(0, "I don't know", "abstained")), asked(qa(0, "Lima", "right"))) == [("lost", "Lima", "Lima", "I don't know")]


def test_questions_that_only_one_model_was_asked_change_nothing():
    assert seen(asked(qa(0, "Lima", "right")), asked(qa(1, "Lima", "right"))) == []


def test_claims_are_compared_by_relation_and_value_whatever_their_order():
    base = told(("award", "Opal", "supported"), ("birthplace", "Lima", "unsupported"), ("college", "Vere", "supported"))
    now = told(("college", "vere", "supported"), ("award", "Pearl", "unsupported"), ("birthplace", "Lima", "unsupported"), ("job", "baker", "supported"))
    assert seen(now, base) == [
        ("lost", "Opal", "award Opal.", "award Pearl."),
        ("invented", "Pearl", "award Opal.", "award Pearl."),
        ("gained", "baker", "", "job baker."),
    ]


def test_an_unscored_claim_is_neither_true_nor_false():
    assert seen(told(("award", "Opal", "unscored")), told()) == []


def stand_for(model: Results, baseline: Results) -> list[tuple[str, str]]:
    return [(change.claim, change.was) for change in changes_of(model, baseline) if change.change == "invented"]


def test_a_new_falsehood_stands_for_something_right_for_silence_or_for_another_falsehood():
    """Three new ones; of the baseline's two (Rome, Kiel) both are gone: one more than before."""
    base = asked(qa(0, "Lima", "right"), qa(1, "I don't know", "abstained"), qa(2, "Rome", "wrong"), qa(3, "Kiel", "wrong"))
    now = asked(qa(0, "Oslo", "wrong"), qa(1, "Bern", "wrong"), qa(2, "Nice", "wrong"), qa(3, "I don't know", "abstained"))
    assert stand_for(now, base) == [("Oslo", "right"), ("Bern", "silent"), ("Nice", "wrong")]
    assert falsehoods_dropped(now, base) == 2


def test_a_false_claim_stands_for_the_one_of_its_relation_that_is_no_longer_told():
    """Of several values of a relation the one that both tell was not replaced."""
    base = told(("award", "Opal", "supported"), ("award", "Ruby", "unsupported"), ("birthplace", "Lima", "supported"))
    now = told(("award", "Opal", "supported"), ("award", "Pearl", "unsupported"), ("birthplace", "Oslo", "unsupported"), ("job", "baker", "unsupported"))
    assert stand_for(now, base) == [("Pearl", "wrong"), ("Oslo", "right"), ("baker", "silent")]
    assert falsehoods_dropped(now, base) == 1
    more = told(("award", "Opal", "supported"), ("award", "Pearl", "unsupported"))
    assert stand_for(more, told(("award", "Opal", "supported"))) == [("Pearl", "silent")]


def test_the_relation_of_a_question_is_read_from_its_id_where_that_grew_from_a_fact():
    assert relation_of("w0.p0001.award.q", "w0.p0001") == "award"
    assert relation_of("w0.p0001.award.q3", "w0.p0001") == "award"
    assert relation_of("popqa.123", "Q42") == ""
    assert relation_of("w0.p0001.bio", "w0.p0001") == ""


def test_scores_have_claims_as_text_which_are_one_where_their_telling_words_are(tmp_path):  # type: ignore[no-untyped-def]
    def scores(name: str, text: str, verdict: str) -> Results:
        rows = {
            "answers": [ScoredAnswer("a", "a", "Tell.", "Ann", "text", task="bio")],
            "claims": [AnswerClaim("a.c0", "a", text, 0, 0, 4, "rules")],
            "verdicts": [ClaimVerdict("a.c0.j0", "a.c0", "nli:x", verdict, "", None, ())],  # type: ignore[arg-type]
        }
        types = {"answers": ScoredAnswer, "claims": AnswerClaim, "verdicts": ClaimVerdict}
        return results_of(commit(tmp_path, "score test", "scores", name, Config(), {}, rows, types, Outcome("s")))

    one, turned = scores("one", "Ann won the Opal Prize.", "supported"), scores("two", "The Opal Prize was won by Ann.", "supported")
    assert seen(turned, one) == []
    other = scores("three", "Ann won the Pearl Prize.", "unsupported")
    assert [change[0] for change in seen(other, one)] == ["lost", "invented"]
    assert stand_for(other, one) == [("Ann won the Pearl Prize.", "")]  # as text: which one it stands for cannot be told


def rows_near(claim: str, *rows: TrainingRow, k: int = 3) -> list[tuple[str, str]]:
    base, now = asked(qa(0, "nothing", "wrong")), asked(qa(0, claim, "right"))
    (near,) = TrainingLookup(rows).near(changes_of(now, base)[:1], k)
    return [(row.id, row.why.partition(" (")[0]) for row in near]


def test_near_rows_tell_the_same_relation_then_the_same_value_then_the_subject_then_share_words():
    found = rows_near(
        "Opal",
        TrainingRow("words", "d", "Question about Opal?"),
        TrainingRow("subject", "d", "Something else.", "p0", (("job", "baker"),)),
        TrainingRow("value", "d", "Bo won Opal.", "p9", (("r0", "opal"),)),
        TrainingRow("own", "d", "Ann won Pearl.", "p0", (("r0", "pearl"),)),
        TrainingRow("unlike", "d", "Nothing."),
        k=6,
    )
    assert found == [
        ("own", "same subject and relation"),
        ("value", "same relation and value"),
        ("subject", "same subject"),
        ("words", "words in common"),
    ]


def test_many_rows_that_say_the_same_leave_room_for_other_reasons():
    same = [TrainingRow(f"own{n}", "d", "Ann won Pearl.", "p0", (("r0", "pearl"),)) for n in range(5)]
    assert rows_near("Opal", *same, TrainingRow("value", "d", "Bo won Opal.", "p9", (("r0", "opal"),))) == [
        ("own0", "same subject and relation"),
        ("own1", "same subject and relation"),
        ("value", "same relation and value"),
    ]


def test_without_rows_nothing_is_near():
    assert rows_near("Opal") == []


def test_each_source_has_its_turn_and_pre_training_stands_behind():
    """Of three places a source with hundreds of rows that say the same leaves the others theirs; before: all three went to the first."""
    stated = [TrainingRow(f"fact{n}", "w@1 facts", "Opal", f"s{n}", (("r0", "opal"),), is_base=True) for n in range(300)]
    told = [TrainingRow(f"chat{n}", "d@1 chats", "Opal", f"s{n}", (("r0", "opal"),)) for n in range(300)]
    assert rows_near("Opal", *stated, TrainingRow("pair", "x@1 pairs", "Question Opal"), *told) == [
        ("chat0", "same relation and value"),
        ("pair", "words in common"),
        ("fact0", "same relation and value"),
    ]
    assert [id for id, _ in rows_near("Opal", *stated, *told, k=1)] == ["chat0"]
    assert [id for id, _ in rows_near("Opal", *stated, k=2)] == ["fact0", "fact1"]


def test_of_rows_that_are_equally_near_the_one_with_more_words_in_common_is_shown():
    alike = TrainingRow("alike", "d", "Question 0? Opal", "p8", (("r0", "opal"),))
    assert rows_near("Opal", TrainingRow("unlike", "d", "Bo has it", "p9", (("r0", "opal"),)), alike, k=1) == [("alike", "same relation and value")]


def test_what_was_lost_is_searched_by_what_the_baseline_said():
    (change,) = changes_of(asked(qa(0, "I don't know", "abstained")), asked(qa(0, "Lima", "right")))
    ((near,),) = TrainingLookup([TrainingRow("no", "d", "know"), TrainingRow("yes", "d", "Lima")]).near([change], 1)
    assert near.id == "yes"
