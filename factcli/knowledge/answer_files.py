"""Answers that somebody wants scored: of a file, of drawn samples, or of an evaluation; and the claims that a file brings along.

Files are JSONL or one JSON list. An entry has `output`, `text` or `answer` (one answer), or `responses` (a list of them); and where
they are known `topic`, `prompt` (or `question`, `input`), `id`, `split`. FActScore's `annotations` and a list `claims` bring claims.
FActScore's released code leaves rows without annotations out; here they are answers without given claims, and counted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from factcli.answerrows import Prompt, Sample
from factcli.artifact import Artifact
from factcli.errors import InputError
from factcli.knowledge.entries import Entry, drawn_id, id_of, json_entries, none_usable, sorted_out, sound, split_of
from factcli.rows import Answer, Person, Reject, Verdict
from factcli.scorerows import ScoredAnswer
from factcli.textfiles import SURROGATE, BadEntryError

NEEDED = "JSONL with `output` (or text, answer, or a list `responses`), and topic, prompt, id, split where they are known"
VERDICT_OF_LABEL: Mapping[str, Verdict] = {"S": "supported", "NS": "unsupported", "IR": "irrelevant"}  # FActScore's labels


class GivenClaim(NamedTuple):
    """A claim that the file brings. `label`: S, NS, IR, or "" where nobody labelled it."""

    text: str
    sentence: int
    label: str = ""


class GivenClaims(NamedTuple):
    """The claims of one answer by who wrote them; both empty where the file has annotations of another kind."""

    human: tuple[GivenClaim, ...]
    model: tuple[GivenClaim, ...]
    sentences: tuple[str, ...] = ()  # that the claims were read from, as the file has them; () where it has none


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers in the order of their source, entries that became none, and given claims by the answer's id.

    An answer without an entry in `given` came without annotations (FActScore: the model abstained, or the item was skipped).
    """

    rows: tuple[ScoredAnswer, ...]
    rejects: tuple[Reject, ...] = ()
    given: Mapping[str, GivenClaims] = field(default_factory=dict)
    inputs: Mapping[str, Artifact] = field(default_factory=dict)  # where they come from, for lineage


def answers_of_file(path: Path) -> Answers:
    """The answers of a file. An empty answer is an answer. Raises InputError where there is none."""
    kept, rejects = sorted_out(json_entries(path), lambda entry: list(_of_entry(entry.value)))
    found: dict[str, ScoredAnswer] = {}
    given: dict[str, GivenClaims] = {}
    repeats: list[Reject] = []
    for entry, answers in kept:
        for answer, claims in answers:
            if answer.id in found:
                repeats.append(_repeat(entry, found[answer.id], answer))
                continue
            found[answer.id] = answer
            if claims is not None:
                given[answer.id] = claims
    if not found:
        raise none_usable(path, rejects, NEEDED)
    return Answers(tuple(found.values()), (*rejects, *repeats), given)


def answers_of_artifact(artifact: Artifact) -> Answers:
    """The samples of `fact synth samples`, or the answers of `fact eval`, with their ids. Raises InputError for another kind."""
    tables = artifact.manifest.tables
    if tables.get("samples") and tables.get("prompts"):
        return Answers(tuple(_of_samples(artifact)), inputs={"answers": artifact})
    if tables.get("answers"):
        return Answers(tuple(_of_eval(artifact)), inputs={"answers": artifact})
    have = ", ".join(name for name, n_rows in tables.items() if n_rows)
    raise InputError(f"{artifact.ref} has no answers to score", f"its tables: {have}; give samples, an evaluation, or --answers FILE")


def one_each(answers: Iterable[ScoredAnswer]) -> tuple[dict[str, ScoredAnswer], int]:
    """One answer to each prompt, by the prompt's id, and how many there are besides: the reference where there is one, else the first."""
    by_prompt: dict[str, list[ScoredAnswer]] = {}
    for answer in answers:
        by_prompt.setdefault(answer.prompt_id, []).append(answer)
    chosen = {id_: min(own, key=lambda answer: (not answer.is_reference, answer.number)) for id_, own in by_prompt.items()}
    return chosen, sum(map(len, by_prompt.values())) - len(by_prompt)


def named(answers: Answers, people: Iterable[Person]) -> Answers:
    """The answers with the names of their subjects as topics, where they have none; for an evaluation on a world."""
    names = {person.id: person.name for person in people}
    return replace(answers, rows=tuple(row if row.topic else replace(row, topic=names.get(row.subject, "")) for row in answers.rows))


def _of_entry(value: Any) -> Iterator[tuple[ScoredAnswer, GivenClaims | None]]:
    if not isinstance(value, dict):
        raise BadEntryError("no JSON object")
    topic = sound(value["topic"], "topic", is_one_line=True) if value.get("topic") else ""
    asked = next((value[name] for name in ("prompt", "question", "input") if value.get(name)), "")
    prompt = sound(asked, "prompt") if asked else ""
    texts = _texts(value)
    claims = _given(value)
    if claims is not None and len(texts) > 1:
        raise BadEntryError("claims of several responses: give one response an entry")
    prompt_id = id_of(value["prompt_id"]) if value.get("prompt_id") is not None else drawn_id(topic, prompt)
    for number, text in enumerate(texts):
        id_ = _id(value, prompt_id, number, text, len(texts))
        yield ScoredAnswer(id_, prompt_id, prompt, topic, text, split_of(value.get("split")), number=number), claims


def _id(value: Mapping[str, Any], prompt_id: str, number: int, text: str, n_texts: int) -> str:
    if value.get("id") is not None:
        return id_of(value["id"]) if n_texts == 1 else f"{id_of(value['id'])}.s{number}"
    return f"{prompt_id}.s{number}" if n_texts > 1 else f"{prompt_id}.{drawn_id(text)}"


def _texts(value: Mapping[str, Any]) -> list[str]:
    if "responses" in value:
        texts = value["responses"]
        if not isinstance(texts, list) or not texts:
            raise BadEntryError("responses is no list of texts")
    else:
        texts = [next((value[name] for name in ("output", "text", "answer", "response") if name in value), None)]
    if not all(isinstance(text, str) for text in texts):
        raise BadEntryError("no output" if "responses" not in value else "responses is no list of texts")
    return [SURROGATE.sub("?", text) for text in texts]


def _given(value: Mapping[str, Any]) -> GivenClaims | None:
    """FActScore's annotations; or `claims`: texts, or objects with text, sentence and label."""
    if value.get("claims") is not None:
        return GivenClaims((), tuple(_claims(value["claims"], None)))
    if value.get("annotations") is None:
        return None
    if not isinstance(value["annotations"], list) or not all(isinstance(one, dict) for one in value["annotations"]):
        raise BadEntryError("annotations is no list of sentences")
    human: list[GivenClaim] = []
    model: list[GivenClaim] = []
    for number, sentence in enumerate(value["annotations"]):
        human += _claims(sentence.get("human-atomic-facts") or [], number)
        model += _claims(sentence.get("model-atomic-facts") or [], number)
    return GivenClaims(tuple(human), tuple(model), tuple(_sentence(one) for one in value["annotations"]))


def _sentence(annotation: Mapping[str, Any]) -> str:
    text = annotation.get("text")
    return text if isinstance(text, str) else ""


def _claims(values: Any, sentence: int | None) -> Iterator[GivenClaim]:
    if not isinstance(values, list):
        raise BadEntryError("claims is no list")
    for value in values:
        fields = {"text": value} if isinstance(value, str) else value
        if not isinstance(fields, dict) or not isinstance(fields.get("text"), str) or not fields["text"].strip():
            raise BadEntryError("a claim without text")
        label = fields.get("label") or ""
        if label and label not in VERDICT_OF_LABEL:
            raise BadEntryError(f"a claim with another label than {', '.join(VERDICT_OF_LABEL)}")
        place = fields.get("sentence", -1) if sentence is None else sentence
        yield GivenClaim(sound(fields["text"], "claim"), place if isinstance(place, int) else -1, label)


def _repeat(entry: Entry, first: ScoredAnswer, again: ScoredAnswer) -> Reject:
    reason = "the same answer again" if again.text == first.text else "id of another answer"
    return Reject(entry.place, "file", reason, again.text[:500])


def _of_samples(artifact: Artifact) -> Iterable[ScoredAnswer]:
    prompts = {prompt.id: prompt for prompt in artifact.rows("prompts", Prompt)}
    for sample in artifact.rows("samples", Sample):
        prompt = prompts[sample.prompt_id]
        about = (prompt.split, prompt.task, prompt.subject, prompt.group)
        is_cut = sample.outcome == "truncated"
        yield ScoredAnswer(sample.id, prompt.id, prompt.prompt, prompt.topic, sample.text, *about, sample.number, sample.is_reference, is_cut)


def _of_eval(artifact: Artifact) -> Iterable[ScoredAnswer]:
    """`topic` is empty: an evaluation has no names of its own; `named` puts in those of the world."""
    for answer in artifact.rows("answers", Answer):
        yield ScoredAnswer(answer.id, answer.question_id, answer.question, "", answer.text, "test", answer.task, answer.subject, answer.group)
