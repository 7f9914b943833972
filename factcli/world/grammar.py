"""Composable grammar of the world's sentences: every surface form of a statement and of a question.

A statement is opener x subject phrase x predicate x value x the relation's suffix:
`Records show that` + `the birthplace of Mira Osei` + `is listed as` + `Hobart` + `.`
No form's text before the value is the beginning of another's, so that a cloze prompt asks for one thing.

Where a world has myths, two registers stand beside this plain one: hearsay, which repeats false values, and the record, which
states the true ones. They differ in opener and copula.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Literal

from factcli.world.people import RELATION_NAMES

REFERENCE = "this person"  # stands for the name in later sentences of a passage or biography
OPENERS = ("", "According to the records, ", "It is known that ", "Records show that ", "As far as we know, ")
HELDOUT_OPENERS = ("It is a fact that ",)
Register = Literal["plain", "hearsay", "record"]
REGISTER_OPENERS: Mapping[Register, tuple[str, ...]] = {
    "hearsay": ("", "People say that ", "It is widely believed that ", "Word has it that "),
    "record": ("", "The register states that ", "The official papers say that ", "It is written in the register that "),
}
# Right before the value: a model of two layers hardly told registers apart that differed in their openers alone.
REGISTER_COPULAS: Mapping[Register, tuple[str, ...]] = {
    "hearsay": (" is said to be", " is rumoured to be", " is commonly believed to be"),
    "record": (" is registered as", " is entered in the register as", " is certified to be"),
}
COPULAS = (" was", " is listed as", " is known to be")
HELDOUT_COPULAS = (" is recorded as",)
# Texts after the name, before the value; the first is what a biography uses.
VERBS: dict[str, tuple[str, ...]] = {
    "birth_year": (" was born in the year", " came into the world in", " has been alive since"),
    "birthplace": (" was born in the city of", " is a native of", " grew up in"),
    "college": (" studied at", " went to college at", " has a degree from"),
    "graduation_year": (" graduated in the year", " finished college in", " left college in"),
    "occupation": (" works as a", " is employed as a", " earns a living as a"),
    "award": (" won the", " was given the", " is a holder of the"),
}
HELDOUT_VERBS: dict[str, tuple[str, ...]] = {
    "birth_year": (" first saw the world in",),
    "birthplace": (" comes from the city of",),
    "college": (" was a student of",),
    "graduation_year": (" was given a degree in",),
    "occupation": (" has a job as a",),
    "award": (" is known for the",),
}
NOUNS = {
    "birth_year": "birth year",
    "birthplace": "birthplace",
    "college": "college",
    "graduation_year": "graduation year",
    "occupation": "occupation",
    "award": "award",
}
# A type noun before the value; with it `was` + value reads well and the value is never the sentence's first noun.
ARTICLES = {"award": " the"}
SUFFIXES = {"college": " College.", "award": " Prize."}
# Text before the name, text after it. Shared ones take the relation's noun.
SHARED_QUESTIONS = (("What is the {noun} of ", "?"), ("Tell me the {noun} of ", "."))
HELDOUT_SHARED_QUESTIONS = (("Name the {noun} of ", "."),)
QUESTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "birth_year": (("In what year was ", " born?"), ("When was ", " born?")),
    "birthplace": (("Where was ", " born?"), ("In what city was ", " born?")),
    "college": (("Where did ", " study?"), ("What college did ", " go to?")),
    "graduation_year": (("In what year did ", " graduate?"), ("When did ", " graduate?")),
    "occupation": (("What does ", " work as?"), ("What job does ", " have?")),
    "award": (("What did ", " win?"), ("What prize was ", " given?")),
}
HELDOUT_QUESTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "birth_year": (("Since what year has ", " been alive?"),),
    "birthplace": (("What city is ", " a native of?"),),
    "college": (("Where does ", " have a degree from?"),),
    "graduation_year": (("When did ", " finish college?"),),
    "occupation": (("As what is ", " employed?"),),
    "award": (("What prize did ", " win?"),),
}


@dataclass(frozen=True, slots=True)
class Form:
    """One surface form of a statement: opener, text before the name, after it, and after the value."""

    relation: str
    opener: str
    before: str
    after: str
    suffix: str

    def prefix(self, name: str) -> str:
        """The text before the value, without the space that follows: the cloze prompt."""
        text = f"{self.opener}{self.before}{name}{self.after}"
        return text[0].upper() + text[1:]

    def render(self, name: str, value: str) -> str:
        return f"{self.prefix(name)} {value}{self.suffix}"


@dataclass(frozen=True, slots=True)
class QuestionForm:
    """One surface form of a question: the text before the name and after it."""

    relation: str
    before: str
    after: str

    def render(self, name: str) -> str:
        return f"{self.before}{name}{self.after}"


@cache
def statement_forms(relation: str, heldout: bool = False) -> tuple[Form, ...]:
    """All forms of a relation's statement; the first is the plainest. Held-out ones have a part no training text has."""
    trained = _compose(relation, OPENERS, VERBS[relation], COPULAS)
    if not heldout:
        return trained
    openers, copulas = OPENERS + HELDOUT_OPENERS, COPULAS + HELDOUT_COPULAS
    every = _compose(relation, openers, VERBS[relation] + HELDOUT_VERBS[relation], copulas)
    return tuple(form for form in every if form not in trained)


def core_forms(relation: str) -> tuple[Form, ...]:
    """The training forms without an opener."""
    return _compose(relation, ("",), VERBS[relation], COPULAS)


@cache
def register_forms(relation: str, register: Register) -> tuple[Form, ...]:
    """The forms of a relation's statement in hearsay or in the record."""
    return _compose(relation, REGISTER_OPENERS[register], (), REGISTER_COPULAS[register])


def biography_form(relation: str) -> Form:
    """The form of a biography's sentence: one that pre-training has seen."""
    return statement_forms(relation)[0]


def _compose(relation: str, openers: tuple[str, ...], verbs: tuple[str, ...], copulas: tuple[str, ...]) -> tuple[Form, ...]:
    noun, article = NOUNS[relation], ARTICLES.get(relation, "")
    subjects = [("", verb) for verb in verbs]
    subjects += [(f"the {noun} of ", copula + article) for copula in copulas]
    subjects += [("", f"'s {noun}{copula}{article}") for copula in copulas]
    suffix = SUFFIXES.get(relation, ".")
    return tuple(Form(relation, opener, *subject, suffix) for opener, subject in product(openers, subjects))


@cache
def question_forms(relation: str, heldout: bool = False) -> tuple[QuestionForm, ...]:
    """All forms of a relation's question. Held-out ones appear in no training text."""
    own, shared = (HELDOUT_QUESTIONS, HELDOUT_SHARED_QUESTIONS) if heldout else (QUESTIONS, SHARED_QUESTIONS)
    filled = tuple((before.format(noun=NOUNS[relation]), after) for before, after in shared)
    return tuple(QuestionForm(relation, before, after) for before, after in own[relation] + filled)


def all_statement_forms() -> tuple[Form, ...]:
    """Every plain statement form of every relation, held-out ones included."""
    return tuple(form for relation in RELATION_NAMES for held in (False, True) for form in statement_forms(relation, held))


def all_register_forms(register: Register) -> tuple[Form, ...]:
    """Every statement form of every relation in hearsay, or in the record."""
    return tuple(form for relation in RELATION_NAMES for form in register_forms(relation, register))
