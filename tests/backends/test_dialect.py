"""Servers that refuse some words of a request are asked in others, and what they taught is kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from factcli.backends.completions import Turn
from factcli.backends.dialect import payload
from factcli.backends.requests import Request, Sampling
from factcli.backends.strict import strict_schema
from tests.backends.server import Server, running
from tests.backends.test_http import Form, asked, backend, by_id

RIGHT = {"message": {"content": '{"name": "Mira", "year": 1962}'}}
# As OpenAI words it.
UNSUPPORTED = {
    "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "type": "invalid_request_error",
    "param": "max_tokens",
    "code": "unsupported_parameter",
}


def no_max_tokens(body: dict[str, Any]) -> dict[str, Any] | None:
    return UNSUPPORTED if "max_tokens" in body and "messages" in body else None


def taking(*forms: str | None) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """A server that takes these types of response_format; None: a request without one."""

    def refuses(body: dict[str, Any]) -> dict[str, Any] | None:
        form = body.get("response_format", {}).get("type")
        return None if form in forms else {"message": f"response_format.type: Input should be one of {forms}", "type": "BadRequestError"}

    return refuses


def test_a_model_that_refuses_max_tokens_is_asked_with_max_completion_tokens_from_then_on(tmp_path: Path):
    with running(Server(refuses=no_max_tokens)) as server:
        used = backend(server, tmp_path)
        assert {response.outcome for response in by_id(used.generate(asked(30))).values()} == {"ok"}
        refused = [body for body in server.bodies if "max_tokens" in body]
        assert 1 <= len(refused) <= 4  # those that were sent before the first refusal came: the first limit is 4
        assert [body["max_completion_tokens"] for body in server.bodies if body not in refused] == [16] * 30
    assert (used.usage.requests, used.usage.retries, used.usage.cost_unconfirmed) == (30, {}, 0)


def test_a_text_keeps_max_tokens(tmp_path: Path):
    with running(Server(refuses=no_max_tokens)) as server:
        used = backend(server, tmp_path)
        requests = [*asked(5), Request("t", "Mira was", Sampling(3))]
        assert {response.outcome for response in by_id(used.generate(requests)).values()} == {"ok"}
    assert [body["max_tokens"] for body in server.bodies if "prompt" in body] == [3]


def test_a_limit_that_is_too_large_under_either_name_is_a_failure_and_teaches_nothing(tmp_path: Path):
    """As vLLM words it, for a request whose limit is beyond the context: both names are in it."""
    too_large = {"message": "'max_tokens' or 'max_completion_tokens' is too large: 9000. This model's maximum context length is 4096 tokens"}
    with running(Server(refuses=lambda body: too_large if 9000 in body.values() else None)) as server:
        used = backend(server, tmp_path)
        large = Request("large", (Turn("user", "Who?"),), Sampling(9000))
        found = by_id(used.generate([large]))["large"]
        assert (found.outcome, found.cause[:34], server.n) == ("failed", "400: 'max_tokens' or 'max_completi", 2)
        assert by_id(used.generate(asked(1)))["r0"].outcome == "ok"
    assert "max_tokens" in server.bodies[-1]


@pytest.mark.parametrize(
    ("takes", "tried"),
    [
        (("json_schema",), ["strict"]),
        (("json_object",), ["strict", "json_schema", "json_object"]),
        ((None,), ["strict", "json_schema", "json_object", None]),
    ],
)
def test_a_server_that_takes_no_schema_is_asked_more_loosely_and_the_answer_still_validated(tmp_path: Path, takes: tuple, tried: list):
    with running(Server(refuses=taking(*takes), said=lambda _body: RIGHT)) as server:
        used = backend(server, tmp_path, json_asks=1)
        one = by_id(used.generate(asked(1, schema=Form)))["r0"]
        assert (one.outcome, one.parsed) == ("ok", Form(name="Mira", year=1962))
        assert [named(body) for body in server.bodies] == tried
        assert by_id(used.generate([Request("w", (Turn("user", "x"),), Sampling(9), schema=Other)]))["w"].outcome == "invalid"
    assert used.usage.retries == {}


def named(body: dict[str, Any]) -> str | None:
    form = body.get("response_format", {})
    return "strict" if form.get("json_schema", {}).get("strict") else form.get("type")


def test_what_one_request_taught_the_next_in_the_run_knows(tmp_path: Path):
    with running(Server(refuses=taking("json_object"), said=lambda _body: RIGHT)) as server:
        by_id(backend(server, tmp_path).generate(asked(20, schema=Form)))
        refused = [body for body in server.bodies if named(body) != "json_object"]
    assert len(server.bodies) - len(refused) == 20
    assert len(refused) <= 8  # two by each of the first four


def refusing(parameter: str, message: str, value: object = None) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    """A server that refuses a parameter, or one value of it, in these words."""

    def refuses(body: dict[str, Any]) -> dict[str, Any] | None:
        is_there = parameter in body and (value is None or body[parameter] == value)
        return {"message": message, "type": "invalid_request_error", "param": parameter} if is_there else None

    return refuses


# As OpenAI's reasoning models, TGI, and servers that check their fields with pydantic word it.
NOT_ZERO = "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is supported."
POSITIVE = "Input validation error: `temperature` must be strictly positive"
NO_SEED = "Unrecognized request argument supplied: seed"
NO_STOP = "Unsupported parameter: 'stop' is not supported with this model."


@pytest.mark.parametrize(("message", "sent"), [(NOT_ZERO, None), (POSITIVE, 0.01)])
@pytest.mark.parametrize("prompt", ["Mira was", (Turn("user", "Who?"),)])
def test_a_server_that_refuses_temperature_zero_is_asked_as_greedily_as_it_takes(tmp_path: Path, message: str, sent: float | None, prompt: Any):
    with running(Server(refuses=refusing("temperature", message, 0.0))) as server:
        used = backend(server, tmp_path)
        requests = [Request("greedy", prompt, Sampling(9)), Request("drawn", prompt, Sampling(9, temperature=0.7, seed=1))]
        assert {response.outcome for response in by_id(used.generate(requests)).values()} == {"ok"}
        assert sorted(str(body.get("temperature")) for body in server.bodies if body.get("temperature") != 0) == sorted(["0.7", str(sent)])


def test_another_temperature_than_the_only_one_is_a_failure_and_not_left_out(tmp_path: Path):
    with running(Server(refuses=refusing("temperature", NOT_ZERO))) as server:
        found = by_id(backend(server, tmp_path).generate([Request("a", "x", Sampling(9, temperature=0.7)), Request("b", "x", Sampling(9, temperature=1.0))]))
    assert (found["a"].outcome, found["b"].outcome) == ("failed", "ok")
    assert "'temperature' does not support" in found["a"].cause


def test_a_seed_that_is_refused_is_left_out_from_then_on_in_the_next_call_too(tmp_path: Path):
    with running(Server(refuses=refusing("seed", NO_SEED))) as server:
        used = backend(server, tmp_path)
        for n in range(2):
            said = by_id(used.generate([Request("r", f"Mira {n}", Sampling(9, temperature=1.0, seed=1))]))
            assert said["r"].outcome == "ok"
        assert ["seed" in body for body in server.bodies] == [True, False, False]


def test_where_stop_strings_are_refused_or_overlooked_answers_end_at_them_all_the_same(tmp_path: Path):
    """`Lima. \nQ:` ends before the line break; its tokens that begin before the 6th letter stay."""
    tokens = ["Li", "ma", ".", "\n", "Q", ":"]
    said = {"text": "Lima.\nQ:", "finish_reason": "length", "logprobs": {"tokens": tokens, "token_logprobs": [-1.0] * 6, "text_offset": [0, 2, 4, 5, 6, 7]}}
    for refuses in (refusing("stop", NO_STOP), None):
        with running(Server(refuses=refuses, said=lambda _body: said)) as server:
            request = Request("r", "Where?", Sampling(9, stop=("Q:", "\n")), wants_logprobs=True)
            answer = by_id(backend(server, tmp_path / str(refuses is None)).generate([request]))["r"]
            assert (answer.text, answer.outcome, [token.text for token in answer.tokens]) == ("Lima.", "ok", ["Li", "ma", "."])
            assert server.n == (2 if refuses else 1)


def test_a_refusal_that_only_speaks_of_a_parameter_teaches_nothing(tmp_path: Path):
    """The row's own words are in the refusal: without the seed it is refused all the same, so the next row is sent with it."""
    refuses = lambda body: {"message": f"no 'seed' or 'temperature': {body['prompt']}"} if "bad" in body["prompt"] else None  # noqa: E731
    with running(Server(refuses=refuses)) as server:
        used = backend(server, tmp_path)
        assert by_id(used.generate([Request("r", "bad", Sampling(9, seed=1))]))["r"].outcome == "failed"
        assert by_id(used.generate([Request("r", "good", Sampling(9, seed=1))]))["r"].outcome == "ok"
    assert (server.bodies[-1]["seed"], server.bodies[-1]["temperature"]) == (1, 0.0)


def test_a_repetition_penalty_is_sent_where_it_is_set() -> None:
    assert payload(Request("r", "x", Sampling(9, repetition_penalty=1.1)), "m")["repetition_penalty"] == 1.1
    assert "repetition_penalty" not in payload(Request("r", "x", Sampling(9)), "m")


# ---------------------------------------------------------------- strict schemas


class Place(BaseModel):
    """Where."""

    city: str = Field(description="its name", min_length=1)
    kind: Literal["town", "village"] = "town"


class Other(BaseModel):
    places: list[Place]
    first: Place | None = None
    default: int = Field(3, description="a field that is called like a word of the schema")


def test_a_strict_schema_is_closed_needs_all_fields_and_has_no_defaults():
    place = {
        "description": "Where.",
        "properties": {
            "city": {"description": "its name", "minLength": 1, "title": "City", "type": "string"},
            "kind": {"enum": ["town", "village"], "title": "Kind", "type": "string"},
        },
        "required": ["city", "kind"],
        "title": "Place",
        "type": "object",
        "additionalProperties": False,
    }
    assert strict_schema(Other) == {
        "$defs": {"Place": place},
        "properties": {
            "places": {"items": {"$ref": "#/$defs/Place"}, "title": "Places", "type": "array"},
            "first": {"anyOf": [{"$ref": "#/$defs/Place"}, {"type": "null"}]},
            "default": {"description": "a field that is called like a word of the schema", "title": "Default", "type": "integer"},
        },
        "required": ["places", "first", "default"],
        "title": "Other",
        "type": "object",
        "additionalProperties": False,
    }


class Mapping(BaseModel):
    names: dict[str, int]


class Pair(BaseModel):
    pair: tuple[int, str]


class Anything(BaseModel):
    what: Any


class Open(BaseModel, extra="allow"):
    name: str


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Pet(BaseModel):
    pet: Cat | Dog = Field(discriminator="kind")


class Tree(BaseModel):
    children: list["Tree"]


@pytest.mark.parametrize("loose", [Mapping, Pair, Anything, Open, Pet, Tree])
def test_a_form_that_strict_mode_cannot_say_is_sent_as_a_plain_schema(tmp_path: Path, loose: type[BaseModel]):
    assert strict_schema(loose) is None
    with running(Server(refuses=taking(None))) as server:
        by_id(backend(server, tmp_path, json_asks=1).generate(asked(1, schema=loose)))
    assert [named(body) for body in server.bodies] == ["json_schema", "json_object", None]
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == loose.model_json_schema()
