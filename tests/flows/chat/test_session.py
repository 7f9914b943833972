"""What a conversation remembers, what its commands do, and when an answer is withheld."""

from collections.abc import Callable
from typing import Any

import pytest

from factcli.errors import InputError
from factcli.flows.chat.evidence import NoJudging
from factcli.flows.chat.session import Session, Thresholds
from tests.flows.chat.said import ADAPTERS, Scripted

V1, V2 = "fictitious_v1_statement", "fictitious_v2_statement"


def begun(script: Callable[[str, tuple[str, ...]], str] = lambda *_: "Hobart", **settings: Any) -> Session:
    confidence = settings.pop("confidence", 0.9)
    return Session(Scripted(script, confidence), NoJudging(), ADAPTERS, **settings)


def test_each_question_is_asked_alone_unless_turns_are_wanted():
    alone, remembering = begun(), begun(n_turns=1)
    for session in (alone, remembering):
        for question in ("one?", "two?", "three?"):
            session.ask(question)
    assert [turn.content for turn in alone.speaker.asked[-1]] == ["three?"]
    assert [(turn.role, turn.content) for turn in remembering.speaker.asked[-1]] == [("user", "two?"), ("assistant", "Hobart"), ("user", "three?")]


def test_knowledge_is_plugged_in_and_out_between_two_questions():
    session = begun(lambda _question, knowledge: knowledge[0] if knowledge else "nothing")
    said = [session.ask("who?").said]
    for line in (f"/with {V1}", f"/with {V2}", "/without"):
        session.command(line)
        said.append(session.ask("who?").said)
    assert said == ["nothing", V1, V2, "nothing"]


def test_several_are_plugged_in_together_and_a_part_of_a_name_will_do():
    session = begun()
    session.command("/with v1_passage + v2")
    assert session.plugged == ("fictitious_v1_passage", V2)


@pytest.mark.parametrize("line", ["/with v1", "/with nothing_like_it", "/wiht v1", "/"])
def test_a_mistake_is_said_with_a_way_out_and_changes_nothing(line: str) -> None:
    session = begun(plugged=(V2,))
    notice = session.command(line)
    assert notice.lines[0].startswith("error: ")
    assert notice.lines[1].startswith("  way out: ")
    assert session.plugged == (V2,)
    assert not notice.is_end


def test_without_knowledge_with_says_how_to_begin():
    session = Session(Scripted(lambda *_: "x"), NoJudging())
    assert "--with KNOWLEDGE" in session.command("/with").lines[0]
    with pytest.raises(InputError, match="no knowledge to plug in"):
        session.plug("v1")


def test_the_list_marks_what_is_plugged_in():
    session = begun(plugged=(V1,))
    assert session.command("/with").lines == (f"* {V1}", f"  {V2}", "  fictitious_v1_passage", "  real_v0_statement")


def test_quit_ends_and_help_names_every_command():
    assert begun().command("/quit").is_end
    assert {line.split()[0] for line in begun().command("/help").lines} == {"/with", "/without", "/why", "/help", "/quit"}


@pytest.mark.parametrize(("confidence", "type_", "answer"), [(0.9, "certain", "Hobart"), (0.5, "unsure", "Hobart"), (0.49, "unknown", "I don't know.")])
def test_an_answer_below_the_lower_threshold_is_withheld(confidence: float, type_: str, answer: str) -> None:
    session = begun(confidence=confidence, thresholds=Thresholds(0.8, 0.5))
    reply = session.ask("where?")
    assert (reply.type, reply.answer, reply.said, reply.typed_by) == (type_, answer, "Hobart", "threshold")
    assert ("withheld: Hobart" in session.command("/why").lines[0]) is (type_ == "unknown")


def test_without_a_probability_the_words_decide():
    reply = begun(lambda *_: "I think Hobart", confidence=None, thresholds=Thresholds(0.8, 0.5)).ask("where?")
    assert (reply.type, reply.typed_by, reply.answer) == ("unsure", "words", "I think Hobart")


def test_a_refusal_in_the_models_own_words_is_left_as_it_is():
    reply = begun(lambda *_: "I don't know anything about her.", thresholds=Thresholds(0.8, 0.5)).ask("where?")
    assert (reply.type, reply.typed_by, reply.is_withheld) == ("unknown", "words", False)


def test_why_before_the_first_question_says_so():
    assert begun().command("/why").lines == ("nothing was asked yet",)
