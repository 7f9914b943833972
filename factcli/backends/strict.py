"""A pydantic model's JSON schema as OpenAI's strict mode takes it, where that can say it.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every object is closed and needs all its
fields, there are no defaults, a reference stands alone, and the whole is an object.
"""

from functools import cache
from typing import Any

from pydantic import BaseModel

# What a strict schema may hold. Bounds and patterns are kept: a server that refuses them is asked without `strict`.
PLAIN = {"title", "description", "type", "enum", "const", "format", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
PLAIN |= {"multipleOf", "minItems", "maxItems", "minLength", "maxLength"}
LEFT_OUT = {"default", "examples"}


class LooseError(Exception):
    """The form holds something that strict mode has no words for."""


@cache
def strict_schema(schema: type[BaseModel]) -> dict[str, Any] | None:
    """None where the form is looser than that: open mappings, tuples, `Any`, unions told apart by a field, a form that holds itself."""
    try:
        whole = _strict(schema.model_json_schema())
    except LooseError:
        return None
    return whole if whole.get("type") == "object" else None


def _strict(node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node and "$defs" not in node:
        return {"$ref": node["$ref"]}
    if not {"type", "anyOf", "enum", "const"} & set(node):
        raise LooseError  # anything at all
    strict = {word: _value(word, value) for word, value in node.items() if word not in LEFT_OUT}
    if node.get("type") == "object":
        if "properties" not in node:
            raise LooseError  # a mapping
        strict |= {"additionalProperties": False, "required": list(node["properties"])}
    if node.get("type") == "array" and "items" not in node:
        raise LooseError
    return strict


def _value(word: str, value: Any) -> Any:
    if word in ("properties", "$defs"):
        return {name: _strict(node) for name, node in value.items()}
    if word == "items":
        return _strict(value)
    if word == "anyOf":
        return [_strict(node) for node in value]
    if word in PLAIN or word == "required" or (word == "additionalProperties" and value is False):
        return value
    raise LooseError
