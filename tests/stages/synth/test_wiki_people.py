"""`fact synth wiki --world`: people of a world as topics; their questions keep the world's ids, so that answers can be judged by the ledger."""

from collections import Counter
from pathlib import Path

from factcli.artifact import open_artifact
from factcli.stages.synth.wiki.people import asked_of
from factcli.stages.synth.wiki.settings import WikiConfig
from tests.stages.synth.drawn_world import made_world
from tests.stages.synth.typed import empty, jsonl, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture

TERSE = ("--set", "terse=true", "--set", "mixture=false")
# With the passage it reads: what stands before "College" or "Prize"; without one it always says the same.
SAYS = [{"match": "(?s)<<<.* (\\w+) College\\..*>>>", "answer": "\\1"}, {"match": "<<<", "answer": "Unread"}, {"match": ".", "answer": "Guess"}]


def asked(folder: Path, *more: object) -> Path:
    jsonl(folder / "s.jsonl", *SAYS)
    return made("synth", "wiki", "--world", "world", "--backend", "scripted:s.jsonl", "--samples", 3, *TERSE, *more)


def test_every_fact_of_the_chosen_people_is_asked_with_and_without_a_passage_that_states_it(empty: Path) -> None:  # noqa: F811
    _, world = made_world(empty / "data")
    version = asked(empty)
    train = [person for person in world.people if person.split == "train"]
    questions = rows(version, "questions")
    assert {row["id"] for row in questions} == {f"{fact.id}.q" for person in train for fact in world.facts_of(person.id).values()}
    chunks = {row["id"]: row["text"] for row in rows(version, "chunks")}
    values = {f"{fact.id}.q": fact.value for fact in world.facts}
    assert all(values[row["id"]] in chunks[row["chunk_id"]] for row in questions)
    assert Counter(row["with_document"] for row in rows(version, "samples")) == {True: 18 * len(train), False: 18 * len(train)}
    colleges = {row["question_id"]: row["text"] for row in rows(version, "references") if ".college.q" in row["id"]}
    assert colleges == {f"{person.id}.college.q": world.facts_of(person.id)["college"].value for person in train}


def test_a_person_can_have_several_short_passages_and_a_question_that_of_its_fact(empty: Path) -> None:  # noqa: F811
    """6 facts at 4 a passage are two passages."""
    _, world = made_world(empty / "data")
    version = asked(empty, "--topics", 2, "--set", "facts_per_chunk=4")
    chunks = {row["id"]: row["text"] for row in rows(version, "chunks")}
    assert sorted({id.rpartition(".")[2] for id in chunks}) == ["c0", "c1"]
    values = {f"{fact.id}.q": fact.value for fact in world.facts}
    per_chunk = Counter(row["chunk_id"].rpartition(".")[2] for row in rows(version, "questions") if values[row["id"]] in chunks[row["chunk_id"]])
    assert per_chunk == {"c0": 8, "c1": 4}


def test_fewer_people_than_there_are_are_drawn_by_the_seed(empty: Path) -> None:  # noqa: F811
    """The first of a world are all of its best known group: of 30 draws of 2 one at least has somebody of another, and half of them differ."""
    _, world = made_world(empty / "data")
    train = [person.id for person in world.people if person.split == "train"]
    artifact = open_artifact("world", empty / "data")
    draws = {tuple(topic.id for topic, _ in asked_of(artifact, WikiConfig(topics=2, seed=seed))) for seed in range(30)}
    assert len(draws) > 15
    assert {len(draw) for draw in draws} == {2}
    assert all(list(draw) == [id for id in train if id in draw] for draw in draws)
    assert any(world.person[id].group != world.person[train[0]].group for draw in draws for id in draw)
    everybody = [topic.id for topic, _ in asked_of(artifact, WikiConfig(topics=10_000))]
    assert everybody == train


def test_terse_prompts_are_the_forms_that_were_taught_and_show_no_demonstrations(empty: Path) -> None:  # noqa: F811
    """The origin of each answer names its template; teaching asks what answering asks, and 0 of the examples have the document."""
    made_world(empty / "data")
    version = asked(empty, "--topics", 2, "--set", "mixture=true", "--set", "with_document_each=0")
    assert {row["prompt"] for row in rows(version, "origins")} == {"wiki/terse_read", "wiki/terse_recall"}
    assert set(manifest(version)["prompts"]) == {"wiki/terse_read", "wiki/terse_recall"}
    assert [(row["with_document"], row["answer"]) for row in rows(version, "mixture")] == [(False, "Guess")] * 12


def test_questions_that_the_samples_agree_on_are_told_from_others_and_truth_is_known(empty: Path) -> None:  # noqa: F811
    """The scripted model reads colleges and always guesses "Guess": its samples contradict every reference, so all 6 x people are unknown."""
    _, world = made_world(empty / "data")
    asked(empty, "--topics", 2)
    version = made("score", "consistency")
    types = rows(version, "question_types")
    assert Counter(row["type"] for row in types) == {"unknown": 12}
    assert {row["is_right"] for row in types} == {False}
    pairs = made("score", "pairs", "--set", "by=selfcheck", "--set", "rule=self-learning")
    found = {row["question_id"]: (row["chosen"], row["rejected"]) for row in rows(pairs, "pairs") if ".college.q" in row["question_id"]}
    people = {row["id"].split(".college")[0] for row in types if ".college.q" in row["id"]}
    assert found == {f"{id}.college.q": (world.facts_of(id)["college"].value, "Guess") for id in people}


def test_nobody_to_ask_about_and_two_sources_are_told(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    jsonl(empty / "s.jsonl", *SAYS)
    command = ("synth", "wiki", "--world", "world", "--backend", "scripted:s.jsonl")
    told(typed(*command, "--set", 'people=["none"]'), 3, "has nobody of split none to ask about")
    told(typed(*command, "--own", "open"), 2, "--own MODE and --world REF is given")
    told(typed("synth", "wiki", "--own", "open", "--backend", "scripted:s.jsonl", "--set", "terse=true"), 2, "no terse words")


def test_another_seed_writes_another_passage_of_the_same_facts(empty: Path) -> None:  # noqa: F811
    made_world(empty / "data")
    texts = {row["id"]: row["text"] for row in rows(asked(empty, "--seed", 1), "chunks")}
    others = {row["id"]: row["text"] for row in rows(asked(empty, "--seed", 2), "chunks")}
    assert texts.keys() == others.keys()
    assert texts != others


def test_what_the_next_model_forgot_and_learned_is_told(empty: Path) -> None:  # noqa: F811
    """Two people, 12 questions. The first model knows both birthplaces; the next one of them and both colleges: 1 of 2 forgotten, 2 of 10 learned."""
    _, world = made_world(empty / "data")
    asked(empty, "--topics", 2, "--name", "empty-headed")
    first, second = (world.person[row["id"]] for row in rows(empty / "data" / "empty-headed" / "v0001", "topics"))
    texts = {row["id"]: row["question"] for row in rows(empty / "data" / "empty-headed" / "v0001", "questions")}
    values = {f"{fact.id}.q": fact.value for fact in world.facts}
    read = [{"match": f"(?s)<<<.*\n{rule(text)}$", "answer": values[id]} for id, text in texts.items()]

    def model_that_knows(file: str, *known: str) -> tuple[str, str]:
        recalled = [{"match": f"^{rule(texts[id])}$", "answer": values[id]} for id in known]
        jsonl(empty / file, *read, *recalled, {"match": ".", "answer": "Guess"})
        return ("--backend", f"scripted:{file}")

    wiki = ("synth", "wiki", "--questions", "empty-headed", "--samples", 3, *TERSE)
    births = [f"{person.id}.birthplace.q" for person in (first, second)]
    made(*wiki, *model_that_knows("one.jsonl", *births), "--name", "one")
    made(*wiki, *model_that_knows("two.jsonl", births[0], *(f"{person.id}.college.q" for person in (first, second))), "--name", "two")
    made("score", "consistency", "one", "--name", "before")
    version = made("score", "consistency", "two", "--before", "before")
    told_changes = manifest(version)["summary"]["changes"]
    assert told_changes["compared"] == 12
    assert (told_changes["known_forgotten"]["share"], told_changes["known_forgotten"]["n"]) == (0.5, 2)
    assert (told_changes["unknown_learned"]["share"], told_changes["unknown_learned"]["n"]) == (0.2, 10)
    changed = {row["id"]: (row["before"], row["after"]) for row in rows(version, "changes")}
    assert changed[births[1]] == ("known", "unknown")
    made("score", "pairs", "before", "--by", "selfcheck", "--rule", "self-learning", "--name", "of-before")
    told(typed("score", "consistency", "two", "--before", "of-before"), 3, "pairs")


def rule(text: str) -> str:
    """A question as a pattern that fits it alone."""
    return text.replace("?", "[?]").replace(".", "[.]")
