"""What --backend may say, and how a request is named."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from factcli.artifact.manifest import sha256_of
from factcli.backends.completions import Turn
from factcli.backends.keys import Endpoint, key_parts, request_key
from factcli.backends.requests import Request, Sampling
from factcli.backends.retrying import Patience, retry_after_s, verdict_of
from factcli.backends.spec import HttpSpec, LocalSpec, ScriptedSpec, parse_spec
from factcli.errors import InputError, SettingsError


class Form(BaseModel):
    name: str


class OtherForm(BaseModel):
    names: list[str]


REQUEST = Request("r0", (Turn("system", "Be short."), Turn("user", "Who?")), Sampling(16, 0.7, 0.9, 3, ("\n",)))
HERE = Endpoint(("http://a/v1", "http://b/v1"), "m", "r1")


def test_each_form_of_a_spec_is_read():
    assert parse_spec("local:world@2") == LocalSpec("world@2")
    assert parse_spec("scripted:answers.jsonl") == ScriptedSpec(Path("answers.jsonl"))
    assert parse_spec("http:org/m@b@http://b:1/v1/,http://a:1/v1") == HttpSpec(
        "org/m@b", ("http://b:1/v1", "http://a:1/v1"), ("http://a:1/v1", "http://b:1/v1")
    )
    assert parse_spec("http:m@lab", {"lab": ["http://a/v1"]}) == HttpSpec("m", ("http://a/v1",), ("lab",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("htp:m@http://a/v1", "did you mean 'http'"),
        ("scripted", "scripted:FILE"),
        ("http:m", "need http:MODEL@URL"),
        ("http:m@labb", "did you mean 'lab'"),
        ("http:m@ftp://a", "is not a base URL"),
        ("http:m@http://user:pa55@a/v1", "holds a user, password or query"),
        ("http:m@http://a/v1?api_key=pa55", "holds a user, password or query"),
    ],
)
def test_a_wrong_spec_is_refused_with_the_nearest_form_and_without_its_secret(text: str, words: str):
    with pytest.raises(SettingsError) as caught:
        parse_spec(text, {"lab": ["http://a/v1"]})
    assert words in caught.value.message + caught.value.hint
    assert "pa55" not in caught.value.message + caught.value.hint


def test_answers_bought_before_a_field_was_added_are_found_again():
    """Keys as they were before repetition_penalty came; where it is set the key is another."""
    assert request_key(REQUEST, HERE) == "e796263b4ef8d306f0f678f1f8054d8e57a406107fe90d26641b3596c4f0a5e2"
    assert request_key(Request("r", "Mira was", Sampling(9)), HERE) == "4bba17c856a5ced9ceb77476c3fa28465a52c0098d2072606ae96f39ec79cc76"


def test_the_key_knows_neither_the_row_nor_the_order_of_replicas():
    key = request_key(REQUEST, HERE)
    assert request_key(replace(REQUEST, id="r1"), HERE) == key
    assert request_key(REQUEST, replace(HERE, place=HERE.place[::-1])) == key


SAMPLING = REQUEST.sampling
CHANGED = [
    replace(REQUEST, prompt="Who?"),
    replace(REQUEST, prompt=(Turn("system", "Be brief."), *REQUEST.prompt[1:])),
    replace(REQUEST, prompt=REQUEST.prompt[::-1]),
    *(
        replace(REQUEST, sampling=replace(SAMPLING, **change))
        for change in ({"max_tokens": 17}, {"temperature": 0.0}, {"top_p": 1.0}, {"seed": 4}, {"seed": None}, {"stop": ()}, {"repetition_penalty": 1.1})
    ),
    replace(REQUEST, sample=1),
    replace(REQUEST, wants_logprobs=True),
    replace(REQUEST, wants_prompt_logprobs=True),
    replace(REQUEST, schema=Form),
    replace(REQUEST, schema=OtherForm),
    replace(REQUEST, adapters=("skill",)),
]


def test_every_field_that_changes_the_answer_changes_the_key():
    keys = {request_key(request, HERE) for request in [REQUEST, *CHANGED]}
    keys |= {request_key(REQUEST, replace(HERE, **change)) for change in ({"place": ("lab",)}, {"model": "n"}, {"revision": "r2"})}
    assert len(keys) == 1 + len(CHANGED) + 3


@given(st.permutations(sorted(key_parts(REQUEST, HERE).items(), key=lambda item: item[0])))
def test_the_order_of_names_does_not_change_the_key(items: list):
    assert sha256_of(dict(items)) == request_key(REQUEST, HERE)


@given(st.text(max_size=5), st.text(max_size=5), st.integers(0, 2), st.integers(0, 2))
def test_two_requests_share_a_key_only_if_they_ask_the_same(first: str, second: str, sample: int, other: int):
    keys = request_key(Request("a", first, Sampling(9), sample), HERE), request_key(Request("b", second, Sampling(9), other), HERE)
    assert (keys[0] == keys[1]) == ((first, sample) == (second, other))


def test_half_a_character_is_named_with_its_row():
    with pytest.raises(InputError, match="request 'r7' holds half a character"):
        request_key(Request("r7", "a\ud800", Sampling(9)), HERE)


def test_samples_and_repeated_asks_draw_with_seeds_of_their_own():
    seeds = {replace(REQUEST, sample=sample).seed_of_try(ask) for sample in range(4) for ask in range(3)}
    assert len(seeds) == 12
    assert REQUEST.seed_of_try() == 3
    assert replace(REQUEST, sampling=Sampling(1)).seed_of_try(2) is None


def test_the_retry_table_is_as_written():
    assert {status: verdict_of(status) for status in (400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 504, 529)} == {
        **dict.fromkeys((400, 401, 403, 404, 422), "never"),
        **dict.fromkeys((408, 409, 500, 502, 503, 504, 529), "again"),
        429: "slower",
    }
    assert verdict_of(429, "insufficient_quota") == "never"


def test_retry_after_is_read_as_seconds_and_as_a_date():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert retry_after_s("7.5") == 7.5
    assert retry_after_s("Fri, 02 Jan 2026 03:04:35 GMT", now) == 30
    assert retry_after_s("Fri, 02 Jan 2026 03:04:00 GMT", now) == 0  # over already
    assert [retry_after_s(value, now) for value in (None, "", "soon", "inf")] == [None] * 4


def test_waits_are_drawn_below_a_doubling_bound():
    patience, random = Patience(first_wait_s=1, longest_wait_s=6), Random(0)
    bounds = [max(patience.wait_s(n, random) for _ in range(200)) for n in (1, 2, 3, 4, 9)]
    assert [round(bound + 0.1) for bound in bounds] == [1, 2, 4, 6, 6]
