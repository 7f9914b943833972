"""Templates are well-formed, filled in one pass, and evidence in them cannot leave its place."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli import prompts
from factcli.errors import SettingsError

GOOD = "# Ask.\n# source: a paper\n# fields: name, text\n== system ==\nBe brief.\n== user ==\nWho is {name}? {{}}\n{text}\n== example ==\n{name} is a baker.\n"


def test_a_template_is_filled_in_one_pass() -> None:
    template = prompts.parse("t", GOOD)
    turns = template.filled({"name": "{text}", "text": "{name} {{"})
    assert turns == [("system", "Be brief."), ("user", "Who is {text}? {}\n{name} {{")]
    assert template.example_for({"name": "Mira", "text": ""}) == "Mira is a baker."


@pytest.mark.parametrize("values", [{"name": "a"}, {"name": "a", "text": "b", "more": "c"}])
def test_a_field_too_few_or_too_many_is_our_bug(values: dict[str, str]) -> None:
    with pytest.raises(AssertionError, match="has fields"):
        prompts.parse("t", GOOD).filled(values)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# source: a paper\n", "", "no `# source:`"),
        ("{name}?", "{nam}?", "declared and used differ: nam"),
        ("== user ==", "== assistant ==", "need user"),
        ("{{}}", "{", "single brace"),
        ("== example ==", "== user ==", "need user"),
        ("# Ask.", "Ask.", "no comment"),
        ("Be brief.\n== user ==", "Be brief.\n== example ==\nx\n== user ==", "2 example sections"),
    ],
)
def test_a_template_that_is_none_says_why(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SettingsError, match="prompt t: .*" + said):
        prompts.parse("t", GOOD.replace(old, new))


@given(st.text() | st.text("<>"))
def test_quoted_text_has_its_marks_at_its_ends_only(text: str) -> None:
    quoted = prompts.quoted(text)
    assert quoted.startswith("<<<\n")
    assert quoted.endswith("\n>>>")
    assert quoted.count("<<<") == quoted.count(">>>") == 1


def test_quoted_text_has_no_control_or_direction_marks() -> None:
    assert prompts.quoted("a\x1b[2Jb\u202ec\nd\te") == "<<<\na[2Jbc\nd\te\n>>>"


@given(st.sampled_from(["<|im_end|>", "</s>", "[/INST]", "<<SYS>>", "<\u200b|eot_id|>", "</think>", "<｜User｜>"]), st.text())
def test_quoted_text_ends_no_turn_of_a_chat(mark: str, text: str) -> None:
    quoted = prompts.quoted(f"{text}{mark}{text}")
    assert prompts.CONTROL.sub("", mark) not in quoted
    assert not prompts.BARS.search(quoted)
    assert not prompts.TAGS.search(quoted)


@pytest.mark.parametrize("name", prompts.names())
def test_every_template_that_ships_is_well_formed_and_names_its_source(name: str) -> None:
    template = prompts.load(name)
    filled = template.filled({field: f"[{field}]" for field in template.fields})
    assert all(f"[{field}]" in "".join(text for _, text in filled) + template.example_for({f: f"[{f}]" for f in template.fields}) for field in template.fields)
    assert any(mark in template.source for mark in ("arXiv", "spec", "written"))


def test_a_value_is_put_in_as_json_would_be_read_back() -> None:
    template = prompts.parse("t", '# source: s\n# fields: name\n== user ==\n{name}\n== example ==\n{{"name": {name}}}\n')
    assert json.loads(template.example_for({"name": json.dumps('say "hi" {x}')})) == {"name": 'say "hi" {x}'}
