"""What the claims of an answer are held against: a ledger with the versions that are plugged in, or passages and a judge."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome
from factcli.flows.chat.evidence import JudgedClaim, PackJudging, ledger_of
from factcli.flows.chat.session import Session
from factcli.flows.chat.speaking import Spoken
from factcli.judge.verdicts.judges import judges_of
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.rows import Fact, Person
from factcli.stages.synth.settings import TABLES, BioConfig
from factcli.world.texts import biography, biography_request, question
from tests.backends.server import Server, running
from tests.flows.chat.said import ADAPTERS, Scripted
from tests.judge.verdicts.toy import PAGES, by_probability
from tests.stages.report_chain import commit, make_world, people

GROUND = people("head", "tail")
MIRA = GROUND.people[0]  # born in Hobart, won the Opal Prize
INVENTED = Person("f0.p0000", "Ruta Vela", "fictitious", "train", 0, True)
HOMES = {1: "Lima", 2: "Oslo"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    root = tmp_path_factory.mktemp("ledger")
    world = make_world(root, GROUND)
    facts = [Fact(f"{INVENTED.id}.v{v}.birthplace", INVENTED.id, "birthplace", home, v, True) for v, home in HOMES.items()]
    synth = commit(root, "synth bio", "synth", "bio", BioConfig(), {"world": world}, {"people": [INVENTED], "facts": facts}, TABLES, Outcome("invented"))
    return {"world": world, "synth": synth}


def said(text: str, confidence: float | None = 0.7) -> Spoken:
    return Spoken(text, lambda _start, _end: confidence)


def verdicts(claims: tuple[JudgedClaim, ...]) -> list[str]:
    return [claim.verdict for claim in claims]


def test_a_short_answer_is_held_against_the_fact_that_was_asked_for(sources: dict[str, Artifact]) -> None:
    judging, asked = ledger_of(sources), question("birthplace", MIRA.name, 0)
    (right,), (wrong,) = judging.judged(asked, said("I think Hobart"), ()), judging.judged(asked, said("Lima"), ())
    assert (right.verdict, right.text, right.confidence) == ("supported", f"{MIRA.name}, birthplace: Hobart", 0.7)
    assert wrong.verdict == "unsupported"
    assert wrong.evidence == (f"{MIRA.name}, birthplace: Hobart [{MIRA.id}.birthplace]",)


def test_a_question_may_be_typed_in_other_letters_and_without_its_mark(sources: dict[str, Artifact]) -> None:
    asked = question("birthplace", MIRA.name, 0).lower().rstrip("?.")
    assert verdicts(ledger_of(sources).judged(asked, said("Hobart"), ())) == ["supported"]


def test_a_biography_is_read_claim_by_claim(sources: dict[str, Artifact]) -> None:
    text = f"{biography({'birthplace': 'Hobart', 'award': 'Pearl'})} And more."
    found = ledger_of(sources).judged(biography_request(MIRA.name), said(text), ())
    assert verdicts(found) == ["supported", "unsupported", "no evidence"]
    assert found[2].reason == "unread"


def test_an_invented_person_is_judged_by_the_version_that_is_plugged_in(sources: dict[str, Artifact]) -> None:
    judging, asked = ledger_of(sources), question("birthplace", INVENTED.name, 0)
    assert [verdicts(judging.judged(asked, said("Lima"), versions))[0] for versions in ((1,), (2,), ())] == ["supported", "unsupported", "no evidence"]


def test_the_same_question_gets_each_versions_answer_and_each_is_supported(sources: dict[str, Artifact]) -> None:
    """The demonstration: knowledge is plugged in in turn, in one conversation; without it nothing holds the answer."""

    def knows(_question: str, knowledge: tuple[str, ...]) -> str:
        return next((home for version, home in HOMES.items() if f"fictitious_v{version}_statement" in knowledge), "Cairo")

    session = Session(Scripted(knows), ledger_of(sources), ADAPTERS)
    told = []
    for line in ("/with fictitious_v1_statement", "/with fictitious_v2_statement", "/without"):
        session.command(line)
        reply = session.ask(question("birthplace", INVENTED.name, 0))
        told.append((reply.answer, *verdicts(reply.claims)))
    assert told == [("Lima", "supported"), ("Oslo", "supported"), ("Cairo", "no evidence")]


def test_nobody_named_and_a_refusal_have_no_verdict(sources: dict[str, Artifact]) -> None:
    judging = ledger_of(sources)
    (claim,) = judging.judged("Where was anybody born?", said("Hobart"), ())
    assert (claim.verdict, claim.reason) == ("no evidence", "nobody is named whom the ledger knows")
    assert judging.judged(question("award", MIRA.name, 0), said("I don't know."), ()) == ()


def by_pack(url: str) -> PackJudging:
    config = JudgeConfig(judges=(f"http:m@{url}",), no_page="open")
    (judge,) = judges_of(config, Path())
    return PackJudging(PAGES, judge, config)  # type: ignore[arg-type]  # a server is a language model


def test_claims_are_held_against_passages_by_a_judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the page that the question names: born in Hobart is there, works as a pilot is not."""
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path))
    with running(Server(said=by_probability)) as server:
        text = "Mira Osei was born in the old town of Hobart. She works these days as a pilot."
        found = by_pack(server.url).judged("Who is Mira Osei?", said(text), ())
        assert [(claim.verdict, claim.text.split()[-1]) for claim in found] == [("supported", "Hobart."), ("unsupported", "pilot.")]
        assert found[0].evidence[0].startswith("Mira Osei: ")
        assert found[1].text.startswith("Mira Osei works")


def test_a_short_answer_is_a_claim_beside_its_question(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path))
    with running(Server(said=by_probability)) as server:
        (claim,) = by_pack(server.url).judged("Where was Lee Ada born?", said("Lima"), ())
    assert (claim.verdict, claim.text, claim.evidence[0]) == ("supported", "Where was Lee Ada born? Lima", "Lee Ada: Lee Ada was born in Lima.")


def test_a_judge_that_is_gone_leaves_the_claim_without_evidence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path))
    with running(Server(behave=lambda _n, _body: "400")) as server:
        (claim,) = by_pack(server.url).judged("Where was Lee Ada born?", said("Lima"), ())
    assert claim.verdict == "no evidence"
    assert "the judge gave no answer" in claim.reason
