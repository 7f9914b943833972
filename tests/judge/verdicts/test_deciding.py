"""Judges that ask nobody: entailment models on passages, and the ledger of a world."""

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from factcli.artifact import Artifact, Draft, Outcome, Plan, make
from factcli.backends.settings import GenerationConfig
from factcli.config import Config
from factcli.errors import InputError, SettingsError
from factcli.judge.ledger import ABSTAINED, NO_ENTRY, UNREAD
from factcli.judge.verdicts.combining import agreement, by_claim
from factcli.judge.verdicts.deciding import NOBODY, TOO_LONG
from factcli.judge.verdicts.filling import Matter
from factcli.judge.verdicts.settings import JudgeConfig
from factcli.resolving import local_ref
from factcli.rows import Fact, Person
from factcli.scorerows import ClaimVerdict
from factcli.world.grammar import biography_form, statement_forms
from tests.backends.server import Server, running
from tests.backends.test_local import tiny_tokenizer
from tests.judge.checkpoints import saved_opinion
from tests.judge.verdicts.toy import MATTER, Pages, answer, by_probability, claims_of, judged, verdicts_of

PERSON = "w0.p0042"
FACTS = [Fact(f"{PERSON}.{name}", PERSON, name, value) for name, value in (("birthplace", "Hobart"), ("college", "Sefton"), ("occupation", "baker"))]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "cache"))
    torch.set_num_threads(1)


@pytest.fixture
def world(tmp_path: Path) -> Artifact:
    people = [Person(PERSON, "Mira Osei", "head", "test", 9)]
    plan = Plan("world", 1, "world", "world", Config(), {}, {"people": Person, "facts": Fact})

    def work(draft: Draft) -> Outcome:
        draft.write("people", 0, {"people": people, "facts": FACTS})
        return Outcome("one person")

    return make(plan, work, tmp_path / "worlds")[0]


def said(relation: str, value: str, who: str = "Mira Osei") -> str:
    return biography_form(relation).render(who, value)


def by_world(world: Artifact, folder: Path, matter: Matter) -> list[tuple[str, str, tuple[str, ...]]]:
    made = judged(JudgeConfig(judges=("world",)), folder / "data", matter, world)
    return [(row.verdict, row.reason, row.evidence) for row in made.rows("verdicts", ClaimVerdict)]


def test_the_ledger_judges_what_the_grammar_reads_and_nothing_else(world: Artifact, tmp_path: Path):
    one = answer("a", "mira osei")  # by name, however it is spelled
    texts = [
        said("birthplace", "Hobart"),
        said("birthplace", "Lima").rstrip("."),  # a claim may have lost its full stop
        said("college", "Sefton", "this person"),
        said("award", "Opal"),
        f"{said('birthplace', 'Hobart')} {said('college', 'Lindon')}",
        "Mira Osei likes the sea.",
        f"{said('birthplace', 'Hobart')} And she likes the sea.",
        "",
        said("birthplace", "Hobart", "Lee Ada"),
    ]
    found = by_world(world, tmp_path, Matter((one,), {one.id: claims_of(one, *texts)}))
    assert found == [
        ("supported", "", (f"{PERSON}.birthplace",)),
        ("unsupported", "", (f"{PERSON}.birthplace",)),
        ("supported", "", (f"{PERSON}.college",)),
        ("unscored", NO_ENTRY, ()),
        ("unsupported", "", (f"{PERSON}.college",)),
        ("unscored", UNREAD, ()),
        ("unscored", UNREAD, ()),
        ("unscored", UNREAD, ()),
        ("unscored", UNREAD, ()),
    ]


def test_every_form_of_a_true_statement_is_supported(world: Artifact, tmp_path: Path):
    one = answer("a", "", subject=PERSON)
    texts = [form.render("Mira Osei", fact.value) for fact in FACTS for form in statement_forms(fact.relation)]
    assert len(texts) > 50
    assert {verdict for verdict, *_ in by_world(world, tmp_path, Matter((one,), {one.id: claims_of(one, *texts)}))} == {"supported"}


def test_the_value_of_a_short_answer_is_compared(world: Artifact, tmp_path: Path):
    """The question's id is the fact's with a suffix: that says which fact is asked for."""
    one = answer(f"{PERSON}.birthplace.q", "", task="qa", subject=PERSON)
    one = type(one)(one.id, f"{PERSON}.birthplace.q", one.prompt, "", "Hobart", task="qa", subject=PERSON)
    texts = ["Hobart", "in the city of hobart.", "Lima", "I don't know", said("college", "Lindon")]
    found = by_world(world, tmp_path, Matter((one,), {one.id: claims_of(one, *texts)}))
    assert [(verdict, reason) for verdict, reason, _ in found] == [
        ("supported", ""),
        ("supported", ""),
        ("unsupported", ""),
        ("irrelevant", ABSTAINED),
        ("unsupported", ""),
    ]


def test_a_topic_that_the_world_does_not_know_is_unscored(world: Artifact, tmp_path: Path):
    one = answer("a", "Lee Ada")
    assert by_world(world, tmp_path, Matter((one,), {one.id: claims_of(one, "Lee Ada was born in the city of Lima.")})) == [("unscored", NOBODY, ())]
    with pytest.raises(InputError, match="the judge `world` needs a world"):
        judged(JudgeConfig(judges=("world",)), tmp_path / "none")


# ---------------------------------------------------------------- entailment models


def test_an_entailment_model_holds_each_claim_against_each_passage(tmp_path: Path):
    """The model has learned that a hypothesis with "not" in it does not follow; the best passage decides."""
    path = saved_opinion(tmp_path / "nli")
    one, other = answer("a", "mira"), answer("b", "nobody")
    claims = {one.id: claims_of(one, "ada is blue", "ada is not blue", "ada " * 60), other.id: claims_of(other, "lee is red")}
    matter = Matter((one, other), claims, Pages({"mira": ["mira lee oslo", "ada red"]}))
    made = judged(JudgeConfig(judges=(f"nli:{path}",)), tmp_path / "data", matter)
    rows = list(made.rows("verdicts", ClaimVerdict))
    assert [(row.verdict, row.reason, len(row.evidence)) for row in rows] == [
        ("supported", "", 2),
        ("unsupported", "", 2),
        ("unscored", TOO_LONG, 0),
        ("unscored", "no page", 0),
    ]
    assert rows[0].judge == "nli:nli"
    assert rows[0].probability is not None
    assert rows[0].probability > 0.9
    assert made.manifest.usage == {"premises_cut": 0}


def test_an_entailment_model_needs_passages(tmp_path: Path):
    path = saved_opinion(tmp_path / "nli")
    config = JudgeConfig(judges=(f"nli:{path}",), evidence="none")
    with pytest.raises(SettingsError, match="nli:nli judges by passages, and evidence is none"):
        judged(config, tmp_path / "data")
    with pytest.raises(SettingsError, match="nli:nli judges by passages, and no evidence is given"):
        judged(config.model_copy(update={"evidence": "passages"}), tmp_path / "data", Matter(MATTER.answers, MATTER.claims))


def test_units_that_are_there_are_not_judged_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The second of three groups cannot be read: the first is kept, and the next run goes on after it."""
    path = saved_opinion(tmp_path / "nli")
    monkeypatch.setattr("factcli.judge.verdicts.filling.TOGETHER", 2)
    searched: list[str] = []

    class Failing(Pages):
        is_ill = True

        def find_page(self, topic: str):
            searched.append(topic)
            if topic == "c" and Failing.is_ill:
                raise InputError("the pack is damaged")
            return super().find_page(topic)

    ones = [answer(name, name) for name in "abcd"]
    matter = Matter(ones, {one.id: claims_of(one, "ada is blue") for one in ones}, Failing({name: ["mira lee oslo"] for name in "abcd"}))
    with pytest.raises(InputError, match="damaged"):
        judged(JudgeConfig(judges=(f"nli:{path}",)), tmp_path / "data", matter)
    Failing.is_ill = False
    searched.clear()
    assert set(verdicts_of(judged(JudgeConfig(judges=(f"nli:{path}",)), tmp_path / "data", matter)).values()) == {"supported"}
    assert "c" in searched


def test_a_model_in_this_process_judges_by_the_tokens_of_its_own_tokenizer(tmp_path: Path):
    """A tiny random model with room for the prompt: its verdicts are what its log-probabilities say, and are kept."""
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer()
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 4096}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), eos_token_id=2, bos_token_id=1, **sizes))
    model.save_pretrained(tmp_path / "lm")
    tokenizer.save_pretrained(tmp_path / "lm")
    config = JudgeConfig(judges=(f"local:{tmp_path / 'lm'}",), least_mass=0.0)
    made = judged(config, tmp_path / "data", find_local=lambda ref: local_ref(ref, tmp_path / "data"))
    rows = [row for row in made.rows("verdicts", ClaimVerdict) if row.reason != "no page"]
    assert len(rows) == 6
    assert all(row.judge == "local:lm" and row.probability is not None for row in rows)
    assert all((row.verdict == "supported") == ((row.probability or 0) > 0.5) for row in rows)
    strict = judged(config.model_copy(update={"least_mass": 0.5, "otherwise": "unscored"}), tmp_path / "data", find_local=lambda ref: local_ref(ref, tmp_path))
    assert {row.reason for row in strict.rows("verdicts", ClaimVerdict)} == {"neither True nor False is likely", "no page"}
    assert strict.manifest.usage["cached"] == 6


def test_judges_of_every_kind_stand_side_by_side(world: Artifact, tmp_path: Path):
    one = answer("a", "Mira Osei")
    texts = [said("birthplace", "Hobart"), said("birthplace", "Lima"), "Mira Osei likes Hobart"]
    matter = Matter((one,), {one.id: claims_of(one, *texts)}, Pages({"Mira Osei": ["Born in Hobart."]}))
    with running(Server(said=by_probability)) as server:
        names = ("world", f"nli:{saved_opinion(tmp_path / 'nli')}", f"http:m@{server.url}")
        made = judged(JudgeConfig(judges=names, generation=GenerationConfig(max_failed=0)), tmp_path / "data", matter, world)
    rows = by_claim(made.rows("verdicts", ClaimVerdict))
    assert [[row.verdict for row in of_claim if not row.judge.startswith("nli")] for of_claim in rows.values()] == [
        ["supported", "supported"],
        ["unsupported", "unsupported"],
        ["unscored", "supported"],
    ]
    found = agreement(rows, ["world", "nli:nli", names[2]])
    assert [(row.first, row.n_claims, row.n_left_out, row.raw) for row in found if row.second == names[2]] == [
        ("world", 2, 1, 1.0),
        ("nli:nli", 3, 0, pytest.approx(2 / 3)),
    ]
    assert made.manifest.inputs["world"].digest == world.digest
