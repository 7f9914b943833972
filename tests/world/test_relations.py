"""Templates of relations: what ships, what a user may add, what is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factcli.errors import SettingsError
from factcli.world.relations import fill, load_templates, sentence

ROOT = Path(__file__).parents[2]
POPQA = ROOT / "configs" / "relations" / "popqa.yaml"
TEMPLATES = load_templates([POPQA])
AUTHOR = {
    "kind": "work",
    "questions": ["Who made {subject}?", "By whom is {subject}?"],
    "statements": ["{subject} is from {object}", "the maker of {subject} is {object}", "{subject} arose with {object}"],
}


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load_yaml(path: Path, content: object) -> dict:
    return load_templates([write(path, yaml.safe_dump(content))])


def test_all_of_popqas_relations_ship_with_enough_forms():
    assert set(TEMPLATES) == {
        "occupation", "place of birth", "genre", "father", "country", "producer", "director", "capital of", "screenwriter",
        "composer", "color", "religion", "sport", "author", "mother", "capital",
    }  # fmt: skip
    for relation in TEMPLATES.values():
        assert len(relation.questions) >= 3
        assert len(relation.clauses) >= 6
        assert len(relation.statements) == len(relation.openings) * len(relation.clauses)


def test_the_first_question_form_is_popqas_own():
    assert fill(TEMPLATES["occupation"].questions[0], "George Rankin") == "What is George Rankin's occupation?"
    assert fill(TEMPLATES["capital of"].questions[0], "Dhaka") == "What is Dhaka the capital of?"


def test_no_statement_up_to_its_value_is_the_beginning_of_another():
    prefixes = [fill(form.partition("{object}")[0], "Ada") for relation in TEMPLATES.values() for form in relation.statements]
    assert len(prefixes) == 16 * 24
    assert not [(one, other) for one in prefixes for other in prefixes if one is not other and other.startswith(one)]


def test_a_template_is_filled_in_one_pass():
    assert fill("{subject} is {object}", "{object} {x}", "{subject}}") == "{object} {x} is {subject}}"


@given(st.text(min_size=1), st.text(min_size=1))
@settings(max_examples=50)
def test_any_subject_and_value_stand_unchanged_in_the_sentence(subject, value):
    assert sentence("by law, {subject} owns {object}", subject, value).removesuffix(".") == f"By law, {subject} owns {value}".removesuffix(".")


def test_a_sentence_has_one_full_stop_and_leaves_the_subjects_first_letter():
    assert sentence("{subject} was directed by {object}", "eXistenZ", "Gene Fowler Jr.") == "eXistenZ was directed by Gene Fowler Jr."
    assert sentence("the sport of {subject} is {object}", "Ada", "luge") == "The sport of Ada is luge."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kin": "work"}, r"relations\.maker has the unknown key 'kin'; did you mean 'kind'"),
        ({"kind": "wrok"}, r"relations\.maker\.kind is 'wrok', need one of .*did you mean 'work'"),
        ({"questions": ["Who made {subject}?"]}, r"relations\.maker\.questions needs a list of at least 2"),
        ({"questions": ["Who made it?", "By whom is {subject}?"]}, r"relations\.maker\.questions\[0\] is 'Who made it\?', need \{subject\} once"),
        ({"questions": ["Who made {subject}?", "Who made {subject}?"]}, r"questions\[0\] is the same as .*questions\[1\]"),
        ({"statements": ["{object} made {subject}", *AUTHOR["statements"][1:]]}, r"statements\[0\] .* need \{subject\} before \{object\} once"),
        ({"statements": ["{subject} is from {{object}}", *AUTHOR["statements"][1:]]}, r"statements\[0\] .* no other brace"),
        ({"statements": [*AUTHOR["statements"], "{subject} is {object}"]}, r"statements\[3\] after '' is the beginning of .*statements\[0\]"),
        ({"statements": ["{subject} is\nfrom {object}", *AUTHOR["statements"][1:]]}, r"statements\[0\] is .* need a text on one line"),
    ],
)
def test_a_wrong_template_is_refused_by_file_and_entry(tmp_path, change, message):
    path = tmp_path / "mine.yaml"
    assert load_yaml(path, {"relations": {"maker": AUTHOR}})["maker"].mention == "this work"
    with pytest.raises(SettingsError, match=message) as error:
        load_yaml(path, {"relations": {"maker": {**AUTHOR, **change}}})
    assert str(path) in error.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("relations: {a: {}, a: {}}", "'a' is given twice"),
        ("relations: [", "is not YAML"),
        ("relation: {}", "unknown key 'relation'; did you mean 'relations'"),
        ("openings: ['']", "has no 'relations'"),
        ("relations: {maker: {kind: work}}", r"relations\.maker has no 'questions'"),
        ("relations: []", "relations is list, need a mapping"),
        ("openings: ['{subject}']\nrelations: {}", r"openings\[0\] .* no brace"),
        ("relations: {Maker: {}}", "is not a relation's name"),
    ],
)
def test_a_wrong_template_file_is_refused(tmp_path, text, message):
    with pytest.raises(SettingsError, match=message):
        load_templates([write(tmp_path / "mine.yaml", text)])


def test_a_missing_template_file_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load_templates([tmp_path / "none.yaml"])


def test_a_users_file_adds_relations_but_may_not_repeat_or_shadow_one(tmp_path):
    mine = tmp_path / "mine.yaml"
    load_yaml(mine, {"relations": {"maker": AUTHOR}})
    assert set(load_templates([POPQA, mine])) == {*TEMPLATES, "maker"}
    load_yaml(mine, {"relations": {"author": AUTHOR}})
    with pytest.raises(SettingsError, match=r"mine\.yaml: relations\.author is also in .*popqa\.yaml"):
        load_templates([POPQA, mine])
    load_yaml(mine, {"relations": {"maker": {**AUTHOR, "questions": ["Who wrote {subject}?", "By whom is {subject}?"]}}})
    with pytest.raises(SettingsError, match=r"is the same as"):
        load_templates([POPQA, mine])
