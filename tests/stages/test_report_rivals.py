"""Controls and rivals on the page: none passes for the method itself, nor for plain fine-tuning."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome, open_artifact
from factcli.config import Config
from factcli.rows import Chat
from factcli.stages.report.collect import collect
from factcli.stages.report.trained import CONTROLS, RIVALS, label_of, method_of, skill_of
from factcli.stages.sft import SftConfig
from tests.stages.report_chain import Chain, commit, make_chain, make_eval, make_skill, results_of


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "data")


def evaluated(chain: Chain, name: str, config: SftConfig, synth: Artifact | None = None) -> Artifact:
    data, knowledge = (open_artifact(one, chain.root) for one in ("synth-bio", "knowledge"))
    skill = make_skill(chain.root, name, config, chain.world, synth or data, knowledge if config.method == "prereq" else None)
    said = results_of(chain.ground, lambda key: key[1] == "award")
    return make_eval(chain.root, f"eval-{name}", chain.world, said, skill, (chain.base, said))


def test_a_control_is_another_method_under_its_own_name_and_never_the_main_model(chain: Chain) -> None:
    settings = {
        "prereq-tune-wrong-version": SftConfig(control="wrong-version"),
        "prereq-tune-shuffled": SftConfig(control="shuffled"),
        "a-first-in-the-alphabet": SftConfig(control="absent", real_fraction=0.5),
        "prereq-tune-real": SftConfig(knowledge_of="real"),
    }
    found = [evaluated(chain, name, config) for name, config in settings.items()]
    assert [method_of(skill_of(one, chain.root)) for one in found] == ["prereq, wrong-version", "prereq, shuffled", "prereq, absent", "prereq, real"]
    assert {method_of(skill_of(one, chain.root)) for one in found} <= set(CONTROLS)
    assert [label_of(one, chain.root) for one in found[:2]] == ["control: wrong version", "control: shuffled"]
    for chosen in ([*chain.evals, *found], [chain.base, *found, chain.tuned]):
        page = collect(chosen, None, chain.root).world
        assert page is not None
        assert page.main is not None
        assert page.main.label == "PREREQ-TUNE"
        assert page.evaluations[-1] is page.main
    alone = collect([chain.base, *found], None, chain.root).world
    assert alone is not None
    assert alone.main is None


def test_rivals_are_not_plain_fine_tuning(chain: Chain) -> None:
    chats = [Chat("q.self", "qa", "Where?", "There", "p", (), 0, False, "head", "train")]
    own = commit(chain.root, "synth beliefs", "beliefs", "flame", Config(), {}, {"chats": chats}, {"chats": Chat}, Outcome("made"))
    found = [
        evaluated(chain, "oracle", SftConfig(method="oracle")),
        evaluated(chain, "sft-real-distilled", SftConfig(method="real", distill=1.0)),
        evaluated(chain, "sft-flame", SftConfig(method="real", mix={"flame": 1}), own),
    ]
    assert tuple(method_of(skill_of(one, chain.root)) for one in found) == RIVALS
    assert [label_of(one, chain.root) for one in found] == ["oracle filter", "self-distillation", "FLAME"]
    page = collect([*chain.evals, *found], None, chain.root).world
    assert page is not None
    assert [one.label for one in page.of_method("real")] == ["SFT"]
