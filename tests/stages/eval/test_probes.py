"""The probes on models that we script: one that tells what is plugged in, one that remembers, one that guesses."""

import json
import random
from dataclasses import asdict

import pytest

from factcli.errors import InputError
from factcli.rows import Fact, Person, SwapRow
from factcli.stages.eval.probes import Plug, Told, chance_level, fictitious_questions, memorisation, plugs_of, swap, swap_works, tell
from factcli.world.texts import biography
from tests.stages.eval.scripted import Scripted

PEOPLE = [Person(f"f0.p{n:04d}", name, "fictitious", "train", 0, True) for n, name in enumerate(["Mira Osei", "Ada Brin"])]
VALUES = {(0, 1): {"birthplace": "Hobart", "award": "Opal"}, (0, 2): {"birthplace": "Lima"}, (1, 1): {"award": "Pearl"}, (1, 2): {"award": "Onyx"}}
FACTS = [
    Fact(f"{PEOPLE[n].id}.v{version}.{relation}", PEOPLE[n].id, relation, value, version, True)
    for (n, version), held in VALUES.items()
    for relation, value in held.items()
]
NOUNS = {"birthplace": ("born", "birthplace", "city"), "award": ("win", "award", "prize")}


def obedient(text: str, adapters: tuple[str, ...]) -> str:
    """Says what the plugged version holds, and "nobody knows" otherwise."""
    version = next((v for v in (1, 2) if any(f"_v{v}_" in name for name in adapters)), 0)
    (n,) = [n for n, person in enumerate(PEOPLE) if person.name in text]
    held = VALUES.get((n, version), {})
    if text.startswith("Write"):
        return biography(held)
    return next((value for relation, value in held.items() if any(noun in text for noun in NOUNS[relation])), "nobody knows")


def test_the_plugged_version_comes_out_and_no_other():
    rows, answers = swap(Scripted(obedient), plugs_of([1, 2], "skill"), PEOPLE, FACTS, "in")
    for row in rows:
        assert row.value == (1.0 if row.plugged == row.answered else 0.0), row
    # 2 versions x 2 forms + dropped = 5 plugs, x 2 tasks x 2 versions
    assert len(rows) == 20
    assert {(r.n_items, r.n_subjects) for r in rows if r.answered == 1} == {(3, 2)}
    assert len({answer.id for answer in answers}) == len(answers) == 5 * (3 + 2)
    assert all(answer.grade is None for answer in answers)


def test_knowledge_and_skill_are_plugged_in_together_and_the_dropped_row_has_the_skill_alone():
    assert plugs_of([1], "skill", "probe") == [
        Plug(1, "statement", ("probe_v1_statement", "skill")),
        Plug(1, "passage", ("probe_v1_passage", "skill")),
        Plug(0, "none", ("skill",)),
    ]


def test_each_subject_is_asked_once_about_what_any_version_says():
    asked = fictitious_questions(PEOPLE, FACTS)
    assert [question.id for question in asked] == [
        "f0.p0000.birthplace.q0",
        "f0.p0000.award.q0",
        "f0.p0000.bio",
        "f0.p0001.award.q0",
        "f0.p0001.bio",
    ]


def test_a_biography_that_contradicts_itself_tells_nothing():
    def both(text: str, adapters: tuple[str, ...]) -> str:
        return f"{biography({'birthplace': 'Hobart'})} {biography({'birthplace': 'Lima'})}"

    _, told = tell(Scripted(both), PEOPLE[:1], FACTS[:1], Plug(0, "none", ()))
    assert told.by_fact == {("f0.p0000", "birthplace"): ("Hobart", "Lima")}
    assert memorisation(told, FACTS[:1])[0].value == 0


def test_a_swap_about_nobody_is_refused():
    with pytest.raises(InputError, match="no facts about the people"):
        swap(Scripted(obedient), [], [], FACTS, "out")


def many(n: int) -> list[Fact]:
    rng = random.Random(0)
    return [Fact(f"f0.p{i}.v1.award", f"f0.p{i}", "award", f"value{rng.randrange(40):02d}", 1, True) for i in range(n)]


def test_chance_is_the_share_right_when_answers_are_dealt_out_anew():
    # values A A B, said A B B: a deal gives subject j a said value; E = (2/3 * 1/3 + 1/3 * 2/3) = 4/9
    facts = [Fact(f"s{n}.award", f"s{n}", "award", value) for n, value in enumerate("AAB")]
    told = Told("bio", {(f"s{n}", "award"): (value,) for n, value in enumerate("ABB")}, ())
    chance, error = chance_level(told, facts)
    # of the three places for the one A: on an A fact (2 of 3) -> 1 A + 1 B right = 2/3; on the B fact -> 0 right
    assert chance == pytest.approx(4 / 9, abs=3 * error / 1000**0.5)
    assert error == pytest.approx((2 / 3) * (2 / 9) ** 0.5, rel=0.05)  # sd of 2/3 x Bernoulli(2/3)


def test_a_model_that_remembers_is_above_chance_and_a_guessing_one_within():
    facts, rng = many(200), random.Random(1)
    remembers = Told("qa", {(f.subject, f.relation): (f.value if rng.random() < 0.2 else "value00",) for f in facts}, ())
    guesses = Told("qa", {(f.subject, f.relation): (f"value{rng.randrange(40):02d}",) for f in facts}, ())
    (above,), (within,) = memorisation(remembers, facts), memorisation(guesses, facts)
    assert above.is_within_chance is False
    assert within.is_within_chance is True
    assert within.chance == pytest.approx(1 / 40, abs=0.01)


def test_a_model_that_always_says_the_commonest_value_is_within_chance():
    facts = [*many(50), *[Fact(f"f0.q{i}.v1.award", f"f0.q{i}", "award", "value07", 1, True) for i in range(50)]]
    told = Told("qa", {(f.subject, f.relation): ("value07",) for f in facts}, ())
    (row,) = memorisation(told, facts)
    assert (row.value or 0) >= 0.5
    assert row.chance == pytest.approx(row.value)
    assert row.is_within_chance is True


def test_what_comes_out_of_a_model_without_knowledge_is_the_dropped_row_of_the_swap():
    """So a model that has no knowledge to plug in (fine-tuned on real or on fictitious people) stands beside that row, version by version."""
    remembers = Scripted(lambda text, _: obedient(text, ("x_v1_x",)))
    rows, _ = swap(remembers, plugs_of([], "skill"), PEOPLE, FACTS, "out")
    dropped = {(row.task, row.answered): (row.value, row.n_items) for row in rows}
    memory = [row for told in tell(remembers, PEOPLE, FACTS, Plug(0, "none", ())) for row in memorisation(told, FACTS, sample="out")]
    assert {(row.task, row.version): (row.value, row.n_items) for row in memory} == dropped
    assert dropped["qa", 1] == (1.0, 3)
    assert {row.sample for row in memory} == {"out"}


def test_silence_is_no_memory():
    (row,) = memorisation(Told("bio", {}, ()), many(10))
    json.dumps(asdict(row), allow_nan=False)
    assert (row.value, row.chance, row.is_within_chance) == (0, 0, True)


def test_the_swap_gate_is_the_mean_of_what_is_plugged_in_on_questions_in_sample():
    """Of six cells two count, 0.9 and 0.5: the others are another version's, dropped, biographies or out of sample."""
    counted = [("in", "qa", 1, 1, 0.9), ("in", "qa", 2, 2, 0.5)]
    others = [("in", "qa", 1, 2, 0.0), ("in", "qa", 0, 1, 0.0), ("in", "bio", 1, 1, 0.1), ("out", "qa", 1, 1, 0.2)]
    cells = [*counted, *others]
    rows = [SwapRow(sample, task, "statement", plugged, answered, value, None, None, 9, 3) for sample, task, plugged, answered, value in cells]
    assert swap_works(rows) == pytest.approx(0.7)
    assert swap_works(rows[2:]) is None


def test_memorisation_says_of_whom():
    told = Told("qa", {(f.subject, f.relation): ("value00",) for f in many(20)}, ())
    assert {row.sample for row in memorisation(told, many(20), sample="out")} == {"out"}
    assert {row.sample for row in memorisation(told, many(20))} == {"in"}
