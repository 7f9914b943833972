"""Names of artifacts out of whatever models and files are called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.artifact.naming import as_name
from factcli.artifact.read import NAME


@pytest.mark.parametrize(
    ("text", "name"),
    [("bio-sft", "bio-sft"), ("meta-llama/Llama 3@x", "meta-llama-Llama-3-x"), ("../../etc", "etc"), ("", "unnamed"), ("Ł", "unnamed"), ("a" * 200, "a" * 100)],
)
def test_what_cannot_stand_in_a_name_is_a_dash(text: str, name: str) -> None:
    assert as_name(text) == name


@given(st.text())
def test_whatever_is_given_becomes_a_name(text: str) -> None:
    assert NAME.fullmatch(as_name(text))
