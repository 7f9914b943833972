"""From templates to requests, and from their answers to where a row came from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import BaseModel

from factcli import prompts
from factcli.backends.completions import Prompt, Turn
from factcli.backends.requests import SEEDS, Request, Response, Sampling
from factcli.prompts import Template
from factcli.rows import Origin, Reject


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks with templates. Every draw is seeded by (seed, id, template), so a resumed run asks what the first one did."""

    templates: Mapping[str, Template]
    model: str
    seed: int
    is_chat: bool = True
    adapters: tuple[str, ...] = ()

    def ask(
        self,
        template: str,
        id: str,
        values: Mapping[str, str],
        max_tokens: int,
        temperature: float = 0.0,
        top_p: float = 1.0,
        sample: int = 0,
        schema: type[BaseModel] | None = None,
        stop: Sequence[str] = (),
        wants_logprobs: bool = False,
        repetition_penalty: float | None = None,
        choices: Sequence[str] = (),
    ) -> Request:
        """The request for the row `id`; its own id is `TEMPLATE ROW`. Greedy ones have no seed: two rows that ask the same then share an answer."""
        chosen = self.templates[template]
        turns = chosen.filled(values)
        prompt: Prompt = tuple(Turn(role, text) for role, text in turns) if self.is_chat else as_text(turns)
        seed = seed_of(self.seed, id, template) if temperature > 0 else None
        sampling = Sampling(max_tokens, temperature, top_p, seed, tuple(stop), repetition_penalty)
        example = chosen.example_for(values)
        asked = Request(f"{template} {id}", prompt, sampling, sample, wants_logprobs, schema=schema, adapters=self.adapters, example=example)
        return replace(asked, choices=tuple(choices)) if choices else asked

    def origin(self, id: str, table: str, template: str, response: Response) -> Origin:
        """Where the row `id` of `table` comes from."""
        return Origin(id, table, template, self.templates[template].sha256, self.model, response.key)


def load_templates(names: Sequence[str]) -> dict[str, Template]:
    """By name; their digests belong in the Plan's prompts."""
    return {name: prompts.load(name) for name in names}


def digests(templates: Mapping[str, Template]) -> dict[str, str]:
    """Name -> sha256, for a Plan."""
    return {name: template.sha256 for name, template in templates.items()}


def as_text(turns: Sequence[tuple[str, str]]) -> str:
    """For a model that only continues text: the turns with a blank line between, ending where the answer begins."""
    return "\n\n".join(text for _, text in turns) + "\n"


def seed_of(*parts: object) -> int:
    """A seed that every run draws alike."""
    digest = hashlib.sha256(" ".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def rejected(id: str, step: str, reason: str, text: str, response: Response | None = None) -> Reject:
    """A part of an answer that became no row."""
    return Reject(id, step, reason, text, response.key if response else "")
