"""`scripted:FILE`: answers by rules, for tests and for a first look at a stage without any model.

FILE is JSONL, one rule per line; the first whose `match` (a regular expression) is found in the prompt, or in the last
turn of a chat, answers:
    {"match": "born", "answer": "Hobart"}                     said to every sample
    {"match": "Who is (\\w+)", "answer": "\\1 is a baker."}    groups are filled in
    {"match": "colour", "answers": ["red", "blue"]}           sample 0, sample 1, and round again
    {"match": ".", "answer": "I", "outcome": "truncated"}     any outcome but failed
    {"match": "?", "answer": "True", "choices": {"True": -0.1, "False": -2.4}}    log-probabilities of words to choose from
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from factcli.artifact.manifest import sha256_of_file
from factcli.backends.bill import Usage
from factcli.backends.cache import Stored
from factcli.backends.choices import settled
from factcli.backends.keys import Endpoint, request_key
from factcli.backends.reading import Said
from factcli.backends.requests import Outcome, Request, Requests, Response, Token
from factcli.backends.responding import response_of
from factcli.errors import InputError

FIELDS = {"match", "answer", "answers", "outcome", "logprob", "choices"}
LETTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Rule:
    match: re.Pattern[str]
    answers: tuple[str, ...]
    outcome: Outcome
    logprob: float  # of every token
    choices: tuple[Token, ...] = ()  # alternatives to its first word


@dataclass(frozen=True, slots=True)
class ScriptedBackend:
    """Rules in the order of the file. A prompt that none matches has outcome failed."""

    endpoint: Endpoint
    rules: tuple[Rule, ...]
    usage: Usage

    def generate(self, requests: Requests) -> Iterator[Response]:
        """One response per request, in their order: there is never anything to wait for."""
        for request in requests:
            if not isinstance(request, Request):
                continue
            response = self._response(request)
            self.usage.requests += response.outcome != "failed"
            self.usage.outcomes[response.outcome] += 1
            yield response

    def _response(self, request: Request) -> Response:
        asked = request.prompt if isinstance(request.prompt, str) else request.prompt[-1].content
        key = request_key(request, self.endpoint)
        for rule in self.rules:
            found = rule.match.search(asked)
            if found:
                text = found.expand(rule.answers[request.sample % len(rule.answers)])
                told = Said(text, rule.outcome, "" if rule.outcome == "ok" else "as scripted", *_tokens(rule, request, asked, text), alternatives=rule.choices)
                said = settled(told, request)
                return response_of(request, key, Stored(said, _n_tokens(asked), _n_tokens(text)), 0.0, is_cached=False)
        return Response(request.id, "failed", cause="no rule matches", key=key)


def load_script(path: Path) -> ScriptedBackend:
    """Raises InputError that names the line which is no rule."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"script {path} cannot be read: {error}", "one JSON object per line: match, answer") from error
    rules = tuple(_rule(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())
    return ScriptedBackend(Endpoint((sha256_of_file(path),), "scripted"), rules, Usage())


def _rule(line: str, place: str) -> Rule:
    try:
        values: dict[str, Any] = json.loads(line)
        answers = tuple(values["answers"]) if "answers" in values else (values["answer"],)
        rule = Rule(re.compile(values["match"], re.DOTALL), answers, values.get("outcome", "ok"), float(values.get("logprob", -0.1)), _choices(values))
        is_rule = set(values) <= FIELDS and all(isinstance(text, str) for text in answers) and answers and rule.outcome in get_args(Outcome)[:-1]
    except (ValueError, KeyError, TypeError, re.error) as error:
        raise InputError(f"{place} is no rule: {error!r}", 'for example {"match": "born", "answer": "Hobart"}') from error
    if not is_rule:
        raise InputError(f"{place} is no rule: {line[:80]}", f"its fields are {', '.join(sorted(FIELDS))}")
    return rule


def _choices(values: dict[str, Any]) -> tuple[Token, ...]:
    return tuple(Token(text, float(logprob)) for text, logprob in dict(values.get("choices", {})).items())


def _n_tokens(text: str) -> int:
    return -(-len(text) // LETTERS_PER_TOKEN)


def _tokens(rule: Rule, request: Request, asked: str, text: str) -> tuple[tuple[Token, ...], tuple[Token, ...]]:
    """Of the answer and of the prompt, a letter each, where they are asked for."""
    said = tuple(Token(c, rule.logprob) for c in text) if request.wants_logprobs else ()
    return said, tuple(Token(c, rule.logprob if place else None) for place, c in enumerate(asked)) if request.wants_prompt_logprobs else ()
