"""`fact export` as typed: any adapters on any base become files that plain transformers and PEFT read, or a clear error says why not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from factcli.artifact import Artifact, Outcome, Plan, make, open_artifact
from factcli.basemodel import BaseModelRef, resolve_base
from factcli.chattemplates import text_of
from factcli.resolving import local_ref, pick_model
from factcli.stages.export.serving import outside_vllm, vllm_verdict
from tests import own_bases
from tests.artifact.processes import disk_of
from tests.chain import Folder
from tests.stages import exported
from tests.stages.exported import Drawn
from tests.stages.synth.typed import empty, made, manifest, rows, told, typed  # noqa: F401 - empty is a fixture
from tests.test_own_families import COMMIT, hub_cache  # noqa: F401 - a fixture

ASKED = "Who was the composer of La Boum?"
NARROW = {"tied llama": ("o_proj", "down_proj"), "grouped llama": "v_proj", "gpt2": "c_fc"}
# What another person runs, with nothing of ours: the logits of a directory, alone or with a PEFT directory on it.
PLAIN = """
import sys, torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer
base, merged, adapter, text, out = sys.argv[1:]

def logits(model, directory):
    tokenizer = AutoTokenizer.from_pretrained(directory)
    assert tokenizer.chat_template  # also where the base has none: the form that it was trained in goes with it
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return model.eval()(input_ids=ids).logits[0].float().contiguous()

load = AutoModelForCausalLM.from_pretrained
save_file({"merged": logits(load(merged), merged), "joined": logits(PeftModel.from_pretrained(load(base), adapter), adapter)}, out)
assert not [name for name in sys.modules if name.startswith("factcli")]
"""


def plain(base: str, merged: str, joined: str, folder: Path) -> dict[str, torch.Tensor]:
    """Logits of both exports, of a process that does not know of `fact`."""
    out = folder / "logits.safetensors"
    ran = subprocess.run([sys.executable, "-I", "-c", PLAIN, base, merged, joined, ASKED, str(out)], capture_output=True, text=True, cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return load_file(out)


def beside(base: BaseModelRef, *adapters: Path) -> torch.Tensor:
    """Logits of the base with the adapters beside it, in our own bank."""
    from factcli.backends.local import LocalModel

    model = LocalModel.load(base.location, dtype="float32")
    for number, adapter in enumerate(adapters):
        model.plug(f"a{number}", adapter)
    ids_BT = torch.tensor([model.tokenizer(ASKED)["input_ids"]])
    with torch.no_grad(), model.bank.active([f"a{number}" for number in range(len(adapters))]):
        return model.model(input_ids=ids_BT).logits[0]


def parts(empty: Path, family: str) -> tuple[BaseModelRef, Artifact, Artifact]:  # noqa: F811
    """A base directory, a skill adapter that was trained on data, and knowledge of another rank, scale and of other sites."""
    data = empty / "data"
    base = exported.directory(data, exported.BASES[family])
    skill = exported.skill(data, base, Drawn(4, 8.0), inputs={"synth": exported.data(data)})
    wide = {"fictitious_v1_statement": Drawn(3, 1.0, NARROW[family], 5), "fictitious_v2_statement": Drawn(3, 1.0, NARROW[family], 6)}
    return base, skill, exported.knowledge(data, base, wide)


@pytest.mark.slow
@pytest.mark.parametrize("family", list(exported.BASES))
def test_plain_transformers_reads_a_merged_model_and_plain_peft_a_joined_adapter(empty: Path, family: str) -> None:  # noqa: F811
    base, skill, knowledge = parts(empty, family)
    expected = beside(base, skill.file("adapter"), knowledge.file("adapters/fictitious_v1_statement"))
    assert (expected - beside(base)).abs().max() > 0.1
    for options, kind, copy in ((("--merge",), "model", "merged"), ((), "joined", "joined")):
        version = made("export", "skill", "--with", "knowledge:fictitious_v1_statement", *options, "--to", f"out/{copy}")
        assert manifest(version)["kind"] == kind
        assert [check["source"] for check in rows(version, "checks")] == ["data"] * 3 + ["random"] * 29
        assert max(check["difference"] for check in rows(version, "checks")) == manifest(version)["summary"]["largest_difference"] < 1e-4
        assert typed("verify", str(version)).code == 0
    found = plain(base.location, "out/merged", "out/joined", empty)
    for logits in found.values():
        torch.testing.assert_close(logits, expected, rtol=0, atol=1e-4)


def test_exports_are_artifacts_that_other_commands_take_by_name(empty: Path) -> None:  # noqa: F811
    """The joined adapter answers where it is named, and is never taken for the only skill there is; the merged model is a base."""
    data = empty / "data"
    parts(empty, "grouped llama")
    made("export", "skill", "--with", "knowledge:fictitious_v2_statement")
    made("export", "skill", "--merge")
    assert pick_model("skill-joined", data, False).kind == "joined"
    assert pick_model(None, data, False).name == "skill"
    assert set(local_ref("skill-joined", data).adapters) == {"skill"}
    assert local_ref("skill-merged", data).adapters == {}
    assert resolve_base("skill-merged", data).inputs["base"].kind == "model"
    assert "skill-joined@1" in typed("ls").out
    assert "largest_difference" in typed("show", "skill-merged").out
    assert "w0.p1.q.logits" in typed("trace", "w0.p1.q").out
    told(typed("sft", "--method", "real", "--synth", "skill-joined"), 3, "skill-joined@1 is a joined, but a synth is needed")


def test_the_same_export_is_not_made_twice_and_another_adapter_is_another(empty: Path) -> None:  # noqa: F811
    parts(empty, "gpt2")
    first = json.loads(typed("export", "skill", "--with", "knowledge:fictitious_v1_statement", "--json").out)
    again = json.loads(typed("export", "skill", "--with", "knowledge:fictitious_v1_statement", "--to", "out", "--json").out)
    other = json.loads(typed("export", "skill", "--with", "knowledge:fictitious_v2_statement", "--json").out)
    assert (first["reused"], again["reused"], again["ref"]) == (False, True, first["ref"])
    assert (other["reused"], other["ref"]) == (False, "skill-joined@2")
    assert (Path("out") / "adapter_config.json").is_file()


def test_an_exported_adapter_can_be_exported_again(empty: Path) -> None:  # noqa: F811
    """Joined, then merged: as merged at once."""
    base, skill, knowledge = parts(empty, "tied llama")
    made("export", "skill", "--with", "knowledge:fictitious_v1_statement")
    version = made("export", "skill-joined", "--merge")
    expected = beside(base, skill.file("adapter"), knowledge.file("adapters/fictitious_v1_statement"))
    torch.testing.assert_close(exported.logits(version / "model", ASKED), expected, rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["world", "model"])
def test_the_base_may_be_an_artifact(empty: Path, kind: str) -> None:  # noqa: F811
    base = exported.model(empty / "data", own_bases.grouped_llama, kind)
    skill = exported.skill(empty / "data", base)
    version = made("export", "skill", "--merge", "--dtype", "bfloat16", "--to", "out")
    assert manifest(version)["inputs"]["world" if kind == "world" else "base"]["name"] == "own"
    summary = manifest(version)["summary"]
    found = (exported.logits(version / "model", ASKED, dtype=torch.bfloat16) - beside(base, skill.file("adapter"))).abs().max()
    assert 1e-4 < found < 3 * summary["largest_difference"]  # another text than the certificate's: of its size
    card = Path("out/README.md").read_text(encoding="utf-8")
    assert "in bfloat16" in card
    assert f"Rounding the weights makes {summary['weights_rounded']:.3g}" in card


@pytest.mark.slow
def test_the_base_may_be_of_the_hub(hub_cache: Path) -> None:  # noqa: F811
    """Exported from the cache, by name and commit; PEFT and the card name both."""
    snapshot = hub_cache / f"home/hub/models--someone--tiny/snapshots/{COMMIT}"
    exported.skill(hub_cache / "data", BaseModelRef(f"someone/tiny@{COMMIT}", str(snapshot), {"name": "someone/tiny", "commit": COMMIT}))
    Folder(hub_cache).must("export", "skill", "--to", "out")
    config = json.loads((hub_cache / "out/adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["revision"]) == ("someone/tiny", COMMIT)
    card = (hub_cache / "out/README.md").read_text(encoding="utf-8")
    assert "base_model: someone/tiny" in card
    assert f'from_pretrained("someone/tiny", revision="{COMMIT}")' in card


def test_the_card_tells_lineage_certificate_licence_and_figures(empty: Path) -> None:  # noqa: F811
    _, skill, knowledge = parts(empty, "gpt2")
    plan = Plan("eval world", 1, "eval", "eval-skill", exported.MadeConfig(), {"model": skill}, {})
    make(plan, lambda _: Outcome("33.4% of | questions right"), empty / "data")
    version = made("export", "skill", "--with", "knowledge:fictitious_v1_statement", "--to", "out")
    card = Path("out/README.md").read_text(encoding="utf-8")
    for artifact in (skill, knowledge, open_artifact("texts", empty / "data"), open_artifact(version, empty / "data")):
        assert artifact.digest in card
    assert "| texts@1 | synth | fact synth bio | real | 0 |" in card
    assert "- eval-skill@1 of skill@1: 33.4% of \\| questions right" in card
    assert "license: unknown" in card
    assert "Licence: unknown" in card
    assert "GPT2LMHeadModel takes no adapters there: merge" in card
    assert str(empty) not in card
    assert "## Certificate" in (version / "README.md").read_text(encoding="utf-8")


def test_adapters_that_learned_beside_a_quantised_base_say_so(empty: Path) -> None:  # noqa: F811
    base = exported.directory(empty / "data", own_bases.gpt2)
    exported.skill(empty / "data", base, mode="qlora")
    (note,) = manifest(made("export", "skill", "--merge"))["summary"]["notes"]
    assert note.startswith("skill@1 learned beside a base of 4 bits")


def test_the_template_of_the_adapters_goes_with_them_and_two_are_refused(empty: Path) -> None:  # noqa: F811
    base = exported.directory(empty / "data", own_bases.grouped_llama)
    exported.skill(empty / "data", base, chat_template="{{ messages[0]['content'] }} one")
    exported.skill(empty / "data", base, Drawn(seed=2), "other", chat_template="{{ messages[0]['content'] }} two")
    told(typed("export", "skill", "--with", "other"), 3, "trained in different chat templates")
    version = made("export", "skill")
    assert (version / "adapter/chat_template.jinja").read_text() == "{{ messages[0]['content'] }} one"
    assert local_ref("skill-joined", empty / "data").chat_template.endswith("one")


def test_a_template_that_was_named_is_the_one_that_is_saved(empty: Path) -> None:  # noqa: F811
    base = exported.directory(empty / "data", own_bases.grouped_llama)
    exported.skill(empty / "data", base, template="llama2")
    version = made("export", "skill", "--merge")
    assert (version / "model/chat_template.jinja").read_text() == text_of("llama2")


def test_a_skill_in_its_bases_own_template_does_not_go_with_one_in_another(empty: Path) -> None:  # noqa: F811
    base = exported.directory(empty / "data", own_bases.grouped_llama)
    exported.skill(empty / "data", base, template="llama2")
    exported.skill(empty / "data", base, Drawn(seed=2), "other")
    told(typed("export", "skill", "--with", "other"), 3, "skill@1 and other@1 were trained in different chat templates")


def test_bad_input_is_told_before_anything_is_made(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    parts(empty, "gpt2")
    other = exported.model(data, own_bases.grouped_llama)
    exported.skill(data, other, name="foreign")
    (empty / "full").mkdir()
    (empty / "full/file").touch()
    told(typed("export", "own", "--merge"), 3, "it has no adapter to merge")
    told(typed("export", "texts"), 3, "a skill or joined or knowledge is needed")
    told(typed("export", "knowledge"), 3, "knowledge@1:fictitious_v1_statement, knowledge@1:fictitious_v2_statement")
    told(typed("export", "knowledge:fictitious_v1_statment"), 3, "did you mean 'fictitious_v1_statement'?")
    told(typed("export", "skill:one"), 3, "holds one adapter")
    told(typed("export", "skill", "--with", "foreign"), 3, "foreign@1 belongs to own@1, skill@1 to mine")
    told(typed("export", "skill", "--with", "skill@1"), 3, "is given twice")
    told(typed("export", "skill", "--dtype", "bfloat16"), 2, "--merge has number formats")
    told(typed("export", "skill", "--merge", "--dtype", "float8"), 2, "dtype")
    told(typed("export", "skill", "--set", "adapters=[x]"), 2, "cannot be set")
    told(typed("export", "skill", "--to", "full"), 3, "not an empty directory")
    told(typed("export", "skill", "--to", "data/out"), 3, "where artifacts are")
    assert not list(data.glob("*-joined")) + list(data.glob("*-merged"))


def test_a_quantised_base_and_one_that_has_changed_are_refused(empty: Path) -> None:  # noqa: F811
    data = empty / "data"
    base = exported.directory(data, own_bases.gpt2)
    exported.skill(data, base)
    config = Path(base.location) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"quantization_config": {"quant_method": "gptq"}}))
    told(typed("export", "skill", "--merge"), 3, "is not the model that skill@1 was made with")
    changed = resolve_base(base.location, data)
    plan = Plan("sft", 1, "skill", "quantised", exported.MadeConfig(), {}, {}, model=changed.identity)
    make(plan, lambda _: Outcome("made", {"base": changed.given}), data)
    told(typed("export", "quantised", "--merge"), 3, "mine is quantised (gptq)")


def test_a_dry_run_says_memory_and_makes_nothing(empty: Path) -> None:  # noqa: F811
    parts(empty, "gpt2")
    described = json.loads(typed("export", "skill", "--merge", "--to", "out", "--dry-run", "--json").out)
    assert described["cost"]["prompts"] == 32
    assert described["cost"]["memory_bytes"] > 4 * described["cost"]["base_parameters"]
    assert not Path("out").exists()
    assert not (empty / "data/skill-merged").exists()


def test_a_full_disk_leaves_nothing_half_copied_and_the_same_command_goes_on(empty: Path) -> None:  # noqa: F811
    parts(empty, "gpt2")
    made("export", "skill", "--merge")
    with disk_of(50_000):
        ran = typed("export", "skill", "--merge", "--to", "out")
    assert ran.code == 3
    assert "no space left" in ran.err
    assert not Path("out").exists()
    assert not list(empty.glob(".out*"))
    made("export", "skill", "--merge", "--to", "out")
    assert Path("out/model.safetensors").is_file()


@pytest.mark.parametrize("options", [("--merge",), ()])
def test_a_full_disk_while_the_files_are_written_commits_nothing(empty: Path, options: tuple[str, ...]) -> None:  # noqa: F811
    parts(empty, "gpt2")
    with disk_of(15_000):
        ran = typed("export", "skill", *options)
    assert ran.code == 3, ran.err
    assert "no space" in ran.err
    assert not list((empty / "data").glob("skill-*/v*"))
    made("export", "skill", *options)


def test_a_damaged_version_is_not_copied(empty: Path) -> None:  # noqa: F811
    parts(empty, "gpt2")
    file = made("export", "skill") / "adapter/adapter_model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    ran = typed("export", "skill", "--to", "out")
    assert ran.code == 3
    assert "has other bytes than were committed" in ran.err
    assert not Path("out").exists()


CONFIG = {"r": 24, "lora_alpha": 24, "target_modules": ["q_proj", "down_proj"], "bias": "none"}


@pytest.mark.parametrize(
    ("changes", "architecture", "words"),
    [
        ({"r": 513}, "LlamaForCausalLM", "rank 513"),
        ({"bias": "all"}, "LlamaForCausalLM", "bias all"),
        ({"modules_to_save": ["lm_head"]}, "LlamaForCausalLM", "modules_to_save"),
        ({"use_dora": True}, "LlamaForCausalLM", "use_dora"),
        ({"rank_pattern": {"q_proj": 2}}, "LlamaForCausalLM", "rank_pattern"),
        ({"target_modules": ["q_proj", "embed_tokens"]}, "Qwen3ForCausalLM", "module embed_tokens"),
        ({}, "GPT2LMHeadModel", "takes no adapters"),
    ],
)
def test_what_vllm_does_not_take_is_named(changes: dict, architecture: str, words: str) -> None:
    (found,) = outside_vllm(CONFIG | changes, architecture)
    assert words in found


def test_within_vllms_limits_the_smallest_allowed_rank_is_named() -> None:
    """Of 1, 8, 16, 32, ... the first that is 24 or more."""
    assert outside_vllm(CONFIG, "LlamaForCausalLM") == []
    assert vllm_verdict(CONFIG, "LlamaForCausalLM").endswith("--enable-lora --max-lora-rank 32")
    assert "its list of supported models says" in vllm_verdict(CONFIG, "OwnForCausalLM")
