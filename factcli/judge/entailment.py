"""Whether one text follows from another: what entailment models say, who says it, and which checkpoint that is. No torch here.

A checkpoint is of one of two forms, told by its config.json:
classes   a sequence classifier whose classes have names: entailment, contradiction and perhaps neutral, in any order
words     an encoder-decoder that answers with one of two words (MiniCheck, arXiv 2404.10774: "1" and "0")
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args

from pydantic import field_validator

from factcli.artifact.manifest import sha256_of, sha256_of_file
from factcli.basemodel import BaseModelRef, resolve_base
from factcli.config import Config, setting
from factcli.errors import InputError, SettingsError

Class = Literal["entailment", "neutral", "contradiction"]
# Names that checkpoints give their classes, by what the name begins with once blanks and marks are taken out. First match wins.
CLASS_NAMES: Mapping[str, Class] = {
    "notentail": "contradiction",  # of two classes: all that does not follow
    "nonentail": "contradiction",
    "unsupport": "contradiction",
    "notsupport": "contradiction",
    "contradict": "contradiction",
    "refut": "contradiction",
    "entail": "entailment",
    "support": "entailment",
    "neutral": "neutral",
}
COMMIT = re.compile(r"[0-9a-f]{40}")
WAY_OUT_OF_CLASSES = "say which output is which, e.g. --set entailer.classes='{entailment: 0, neutral: 1, contradiction: 2}'"


class Entailment(NamedTuple):
    """Probabilities that sum to 1. `neutral` is 0 for models with two classes."""

    entails: float
    neutral: float
    contradicts: float


class Entailer(Protocol):
    """An entailment model. `identity` (digests and class names) belongs in the key of what it judges."""

    @property
    def identity(self) -> dict[str, str]: ...

    def judge(self, pairs: Sequence[tuple[str, str]]) -> Iterator[Entailment]:
        """One result per (premise, hypothesis), in the order given; batches are made by length inside.

        A long premise is cut, a hypothesis never: InputError for one that does not fit.
        """
        ...

    def fits(self, hypothesis: str) -> bool:
        """Whether there is room for the hypothesis and some premise."""
        ...


class EntailerConfig(Config):
    """Settings of an entailment model in this process."""

    classes: dict[Class, int] = setting({}, "Number of the output of each class, for a checkpoint that does not name them.")
    words: tuple[str, str] = setting(("1", "0"), "Answers for yes and no, for an encoder-decoder.")
    prompt: str = setting("predict: {premise}{separator}{hypothesis}", "What an encoder-decoder reads; {separator} is its end token.")
    max_tokens: int | None = setting(None, "Tokens of premise and hypothesis together; unset takes what the model holds.", ge=16)
    allow_remote_code: bool = setting(False, "Run code that comes with the checkpoint; a hub name must then be pinned to a commit.")
    dtype: Literal["float32", "bfloat16", "auto"] = setting("float32", "Number format; in bfloat16 the last digits depend on the batch.", "numerics")
    device: str = setting("auto", "auto, cpu or cuda.", "operational")
    batch_tokens: int = setting(16_384, "Tokens of a batch, padding included.", "operational", ge=64)

    @field_validator("classes")
    @classmethod
    def _are_two_or_three(cls, value: dict[Class, int]) -> dict[Class, int]:
        if value and (len(set(value.values())) < len(value) or not {"entailment", "contradiction"} <= set(value)):
            raise ValueError("classes: give the outputs of entailment, contradiction and, where there is one, neutral, each another")
        return value

    @field_validator("prompt")
    @classmethod
    def _has_both_texts(cls, value: str) -> str:
        fields = re.findall(r"\{(\w*)\}", value)
        if [field for field in fields if field != "separator"] != ["premise", "hypothesis"]:
            raise ValueError("prompt: needs {premise}, then {hypothesis}, and may have {separator} besides")
        return value


@dataclass(frozen=True, slots=True)
class EntailerRef:
    """A checkpoint, known before it is loaded. `classes`: of each output; empty for one that answers in words."""

    base: BaseModelRef
    classes: tuple[Class, ...]
    config: EntailerConfig
    code: str = ""  # digest of the checkpoint's own code, or its commit, where that is run

    @property
    def identity(self) -> dict[str, str]:
        """Strings for a key: digest of the weights or commit of the hub, form, classes, and what cuts a premise."""
        inputs = {role: artifact.digest for role, artifact in self.base.inputs.items()}
        spoken = {} if self.classes else {"words": " ".join(self.config.words), "prompt": self.config.prompt}
        ran = {"code": self.code} if self.code else {}
        weights = sha256_of([dict(self.base.identity), inputs])
        return {"weights": weights, "classes": " ".join(self.classes) or "words", "max_tokens": str(self.config.max_tokens), **spoken, **ran}

    @property
    def loading(self) -> tuple[str, dict[str, Any]]:
        """What transformers loads it from, and on what terms. Code of the hub is fetched by transformers itself, by name and commit."""
        if not self.code or Path(self.base.given).is_dir():
            return self.base.location, {"trust_remote_code": bool(self.code)}
        return str(self.base.identity["name"]), {"trust_remote_code": True, "revision": self.code}


def entailer_ref(model: str | Path, config: EntailerConfig, root: Path, revision: str | None = None) -> EntailerRef:
    """What `model` names: a directory, or a hub name with its revision. Raises InputError for what judges no entailment."""
    base = resolve_base(f"{model}@{revision}" if revision else str(model), root)
    if base.inputs:
        raise InputError(f"{model} is a language model of this project, not an entailment model", "give a directory or hub name of one")
    code = _code(base, config, revision or str(model).partition("@")[2])
    settings = json.loads((Path(base.location) / "config.json").read_text(encoding="utf-8"))
    if settings.get("is_encoder_decoder") and _architecture(settings).endswith("ForConditionalGeneration"):
        return EntailerRef(base, (), config, code)
    if not _architecture(settings).endswith("SequenceClassification") and not code:
        raise InputError(
            f"{model} is a {_architecture(settings) or 'model that does not say of what kind'}, need a sequence classifier or a T5",
            "a language model judges with --judge local:REF",
        )
    return EntailerRef(base, classes_of(settings, config.classes, str(model)), config, code)


def classes_of(settings: Mapping[str, Any], given: Mapping[Class, int], name: str) -> tuple[Class, ...]:
    """The class of each output, by the names in config.json or as the user says. Raises InputError where names say nothing."""
    named = settings.get("id2label") or {str(place): f"LABEL_{place}" for place in range(int(settings.get("num_labels", 2)))}
    labels = [label for _, label in sorted(named.items(), key=lambda item: int(item[0]))]
    if given:
        if sorted(given.values()) != list(range(len(labels))):
            raise SettingsError(f"classes has outputs {sorted(given.values())}, and {name} has {len(labels)}", WAY_OUT_OF_CLASSES)
        return tuple(sorted(given, key=given.__getitem__))
    found = [_class_of(str(label)) for label in labels]
    classes = tuple(one for one in found if one is not None)
    if len(classes) < len(labels) or len(set(classes)) < len(classes) or not {"entailment", "contradiction"} <= set(classes):
        raise InputError(f"{name} calls its classes {', '.join(map(str, labels))}: that does not say which is entailment", WAY_OUT_OF_CLASSES)
    return classes


def by_class(probabilities: Sequence[float], classes: Sequence[Class]) -> Entailment:
    """The outputs of a classifier, by name."""
    value = dict.fromkeys(get_args(Class), 0.0) | dict(zip(classes, probabilities, strict=True))
    return Entailment(value["entailment"], value["neutral"], value["contradiction"])


def _class_of(label: str) -> Class | None:
    bare = re.sub(r"[\W_]", "", label.casefold())
    return next((meant for start, meant in CLASS_NAMES.items() if bare.startswith(start)), None)


def _architecture(settings: Mapping[str, Any]) -> str:
    return str((settings.get("architectures") or [""])[0])


def _code(base: BaseModelRef, config: EntailerConfig, revision: str) -> str:
    """What pins the checkpoint's own code; "" where none is run. Raises SettingsError for a hub name that may change."""
    if not config.allow_remote_code:
        return ""
    if Path(base.given).is_dir():
        return sha256_of([(path.name, sha256_of_file(path)) for path in sorted(Path(base.location).glob("*.py"))])
    if not COMMIT.fullmatch(revision):
        raise SettingsError(f"{base.given} would run code that may change", "pin it: NAME@COMMIT, 40 hexadecimal digits, after reading that code")
    return revision
