"""Every mode of the chain: strengths and real adapters, mix, baselines, ways to ask, lineage, dry runs, recipes, golden digests."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.numpy import load_file

from factcli import resolving
from factcli.artifact import Artifact, Draft, Outcome, Plan, make, open_artifact
from factcli.artifact.manifest import is_content, sha256_of
from factcli.basemodel import BaseModelRef
from factcli.commands.making import Making
from factcli.commands.measuring import make_eval_world
from factcli.commands.running import FOLDERS
from factcli.commands.short import Shown, make_short
from factcli.config import Config, identity_of, key_config_of, resolve
from factcli.cost import base_bytes
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.flows.grath.settings import GrathConfig
from factcli.flows.recipe import read_recipe
from factcli.knowledge.benchmarks.popqa import POPQA
from factcli.knowledge.benchmarks.registry import WORLD
from factcli.knowledge.benchmarks.source import Source
from factcli.progress import PlainReport
from factcli.rows import Answer, Chat, Question
from factcli.stages import sft as sft_stage
from factcli.stages import world as world_stage
from factcli.stages.audit.settings import AuditConfig
from factcli.stages.dpo.settings import DpoConfig
from factcli.stages.eval import on_world, short
from factcli.stages.eval.harness import HarnessEvalConfig
from factcli.stages.eval.settings import PopqaEvalConfig, WorldEvalConfig
from factcli.stages.eval.subject import Subject
from factcli.stages.pack import PackConfig
from factcli.stages.prereq import PrereqConfig
from factcli.stages.score.claims import ScoreClaimsConfig
from factcli.stages.score.confidence.settings import ConfidenceConfig
from factcli.stages.score.consistency.settings import ConsistencyConfig
from factcli.stages.score.factscore.settings import FactscoreConfig
from factcli.stages.score.pairs import PairsConfig as ScorePairsConfig
from factcli.stages.sft import SftConfig, choose_rows
from factcli.stages.sweep.settings import SweepConfig
from factcli.stages.synth import from_facts, from_world
from factcli.stages.synth.forms import FormsConfig
from factcli.stages.synth.pairs import PairsConfig
from factcli.stages.synth.samples import SamplesConfig
from factcli.stages.synth.settings import BioConfig, QaConfig
from factcli.stages.synth.subjects.settings import BioSubjectsConfig, MedicalSubjectsConfig
from factcli.stages.synth.triples.settings import HotpotConfig, QaTriplesConfig
from factcli.stages.synth.wiki.settings import WikiConfig
from factcli.stages.world import WorldConfig
from factcli.world.people import draw_world
from factcli.world.relations import load_templates
from tests.chain import Folder
from tests.stages.eval.scripted import Scripted

CONFIGS = resolving.configs_directory()
HEAVY = {"torch", "transformers", "tokenizers", "trl", "peft", "datasets", "spacy", "accelerate", "safetensors"}


FACTS = Path(__file__).parent / "data" / "real_triples.jsonl"
SETTINGS = ("fictitious_passage.epochs=[1,2]", "real_statement.epochs=[1]", "real_passage.epochs=[1]", "probe_statement=null", "probe_passage=null")
STRENGTHS = tuple(word for text in SETTINGS for word in ("--set", text))


# ---------------------------------------------------------------- the chain with strengths and mix


@pytest.fixture(scope="module")
def qa(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """`synth qa` twice; knowledge of the first, real texts and strengths included; a skill with batches=mix."""
    folder = Folder(tmp_path_factory.mktemp("modes"))
    prereq = " ".join(("prereq", *STRENGTHS))
    folder.makes("world --size micro --seed 6", "synth qa --seed 6", prereq, "synth qa --seed 9", "sft --set batches=mix --set real_weight=0.5")
    return folder


def adapters_of(folder: Folder) -> dict[str, dict]:
    return {row["name"]: row for row in folder.rows("knowledge", "adapters")}


@pytest.mark.slow
def test_synth_qa_writes_texts_of_real_training_people_too(qa: Folder) -> None:
    split_of = {person["id"]: person["split"] for person in qa.rows("qa", "people")}
    real = [document for document in qa.rows("qa", "documents") if not document["fictitious"]]
    assert {document["form"] for document in real} == {"statement", "passage"}
    assert {document["version"] for document in real} == {0}
    assert {document["subject"] for document in real} == {
        chat["subject"] for chat in qa.rows("qa", "chats") if (chat["version"], chat["split"]) == (0, "train")
    }
    assert {split_of[document["subject"]] for document in real} == {"train"}
    assert {chat["task"] for chat in qa.rows("qa", "chats")} == {"qa"}


@pytest.mark.slow
def test_several_epochs_make_an_adapter_of_each_strength(qa: Folder) -> None:
    found = adapters_of(qa)
    passages = {f"fictitious_v{version}_passage_e{epochs}" for version in (1, 2) for epochs in (1, 2)}
    assert set(found) == passages | {"fictitious_v1_statement", "fictitious_v2_statement", "real_statement", "real_passage"}
    for version in (1, 2):
        weak, strong = (found[f"fictitious_v{version}_passage_e{epochs}"] for epochs in (1, 2))
        assert (weak["epochs"], strong["epochs"], weak["version"]) == (1, 2, version)
        assert strong["steps"] == 2 * weak["steps"] > 0
    assert (found["real_passage"]["source"], found["real_passage"]["version"]) == ("real", 0)


def test_in_mode_mix_each_row_goes_through_its_own_knowledge_and_real_rows_without_too(qa: Folder) -> None:
    """6 steps of one micro-batch of 8 rows: of each batch, real rows have the share that they have in the data."""
    proof = next(row for row in qa.rows("prereq-tune", "proofs") if row["name"] == "each row went through its own version's adapter")
    numbers = {tuple(route.split(" <- ")): n for route, n in json.loads(proof["numbers"]).items()}
    chats = [chat for chat in qa.rows("qa", "chats") if chat["split"] == "train"]
    n_real = 6 * 8 * sum(not chat["fictitious"] for chat in chats) // len(chats)
    wanted = {"real_": "real", "fictitious_v1_": "fictitious version 1", "fictitious_v2_": "fictitious version 2", "none": "real"}
    for (adapter, kind), _ in numbers.items():
        assert kind == next(row for name, row in wanted.items() if adapter.startswith(name)), numbers
    through_real = sum(n for (adapter, _), n in numbers.items() if adapter.startswith("real_"))
    assert through_real == numbers["none", "real"] == n_real > 0
    assert sum(numbers.values()) == 6 * 8 + n_real
    assert {adapter for adapter, _ in numbers if adapter.startswith("real_")} == {"real_statement", "real_passage"}


def test_the_skill_stage_takes_the_data_that_the_knowledge_was_trained_on(qa: Folder) -> None:
    inputs = qa.manifest("prereq-tune")["inputs"]
    assert resolving.newest(qa.path / "data", "synth") == open_artifact("qa@2", qa.path / "data")
    assert (inputs["synth"]["name"], inputs["synth"]["version"]) == ("qa", 1)
    assert inputs["synth"]["digest"] == qa.manifest("knowledge")["inputs"]["synth"]["digest"] != qa.manifest("qa@2")["digest"]


def test_epochs_and_steps_as_options_each_unset_the_other_one(qa: Folder) -> None:
    """The recipe of the data has steps."""
    epochs, steps = (
        json.loads(qa.typed("sft", "--method", "real", *given, "--dry-run", "--json").out)["settings"] for given in (("--epochs", "2"), ("--steps", "7"))
    )
    assert [(one["epochs"], one["steps"]) for one in (epochs, steps)] == [(2.0, None), (None, 7)]


def test_a_method_given_as_a_setting_needs_what_the_same_flag_needs(qa: Folder) -> None:
    """A baseline has no knowledge among its inputs, and takes the newest data."""
    described = [json.loads(qa.typed("sft", *how, "--dry-run", "--json").out) for how in (("--method", "real"), ("--set", "method=real"))]
    assert described[0] == described[1]
    assert set(described[0]["inputs"]) == {"synth", "world"}
    assert described[0]["inputs"]["synth"].startswith("qa@2 ")


# ---------------------------------------------------------------- which rows a method takes


def chat(subject: str, version: int, views: int = 0, group: str = "mid", split: str = "train") -> Chat:
    is_fictitious = version > 0
    name = "fictitious" if is_fictitious else group
    return Chat(f"{subject}.v{version}.q0", "qa", "Who?", "x", subject, (f"{subject}.r",), version, is_fictitious, name, split, views)  # type: ignore[arg-type]  # a test's literals


# Five real training subjects; b and c tie in popularity at the border of the upper half (three of five, ties by id).
REAL = [chat("d", 0, 10, "tail"), chat("a", 0, 90, "head"), chat("c", 0, 50), chat("b", 0, 50), chat("e", 0, 50, "head"), chat("t", 0, 99, "head", "test")]
FICTITIOUS = [chat(f"f{n}", version) for n in (2, 0, 1) for version in (1, 2, 3)] + [chat("p", 1, split="test")]


def subjects_of(method: str, **settings: Any) -> list[str]:
    rows = choose_rows([*REAL, *FICTITIOUS], SftConfig(method=method, **settings))
    return sorted(f"{row.subject}{row.version or ''}" for row in rows)


@pytest.mark.parametrize(
    ("method", "settings", "subjects"),
    [
        ("real", {}, "a b c d e"),
        ("popular-head", {}, "a e"),
        ("popular-50", {}, "a b c"),
        ("fictitious", {}, "f01 f02 f03 f11 f12 f13 f21 f22 f23"),
        ("fictitious", {"versions": 2, "subjects": 2}, "f01 f02 f11 f12"),
        ("fictitious", {"versions": 1}, "f01 f11 f21"),
        ("prereq", {"versions": 1}, "f01 f11 f21"),
        ("prereq", {"versions": 1, "subjects": 1, "real_fraction": 0.5}, "a e f01"),
        ("prereq", {"versions": 1, "subjects": 1, "real_fraction": 0.0}, "f01"),
        ("prereq", {"versions": 1, "subjects": 1, "batches": "mix"}, "a b c d e f01"),
    ],
)
def test_a_method_takes_exactly_its_training_subjects(method: str, settings: dict, subjects: str) -> None:
    assert subjects_of(method, **settings) == subjects.split()


def test_the_upper_half_of_an_even_number_is_half_of_it() -> None:
    rows = choose_rows(REAL[:4], SftConfig(method="popular-50"))
    assert {row.subject for row in rows} == {"a", "b"}


def test_a_method_without_rows_is_an_error() -> None:
    with pytest.raises(InputError, match="no training rows for method popular-head"):
        choose_rows([chat("a", 0, 5, "mid")], SftConfig(method="popular-head"))


# ---------------------------------------------------------------- ways to ask


def asked(folder: Folder, *assignments: str, model: str = "world") -> Artifact:
    """`fact eval world` in this process: torch is then loaded once."""
    root = folder.path / "data"
    make_eval_world(Making((), ("biography_tokens=8", *assignments), None, root, False, False, False), model, False, {"limit": 4})
    return open_artifact(max((root / name for name in ("eval-base", "eval-base-few-shot", "eval-base-fill") if (root / name).exists()), key=_age), root)


def _age(path: Path) -> float:
    return path.stat().st_mtime


@pytest.mark.slow
def test_few_shot_and_fill_are_evaluations_of_their_own_with_their_own_name(qa: Folder) -> None:
    for ask, name in (("task", "eval-base"), ("few_shot", "eval-base-few-shot"), ("fill", "eval-base-fill")):
        made = asked(qa, f"ask={ask}", *(["examples=2"] if ask == "few_shot" else []))
        assert (made.name, made.summary["ask"]) == (name, ask)
        answers = list(made.rows("answers", Answer))
        assert {answer.task for answer in answers} == {"qa", "bio"}
        assert len({answer.subject for answer in answers}) == 4


def test_a_base_model_of_ones_own_is_asked_about_the_newest_world(qa: Folder) -> None:
    made = asked(qa, model=str(qa.path / "data/world/v0001/model"))
    assert {role: entry.ref for role, entry in made.manifest.inputs.items()} == {"world": "world@1"}
    assert set(made.manifest.model) == {"files"}


PIECES = {
    "good": "1\tAda\toccupation\tbaker\tQ1\tP1\tQ2\t[]\t[]\tu\tu\tAda\tbaker\t1200\t5\tWhat does Ada do?\t[\"baker\"]",
    "broken": "2\tBo\toccupation\tcook\tQ3\tP1\tQ4\t[]\t[]\tu\tu\tBo\tcook\tmany\t5\tWhat does Bo do?\t[\"cook\"]",
    "rare": "3\tCy\toccupation\tsmith\tQ5\tP1\tQ6\t[]\t[]\tu\tu\tCy\tsmith\t0\t5\tWhat does Cy do?\t[\"smith\"]",
}  # fmt: skip
HEADER = (
    "id\tsubj\tprop\tobj\tsubj_id\tprop_id\tobj_id\ts_aliases\to_aliases\ts_uri\to_uri\ts_wiki_title\to_wiki_title\ts_pop\to_pop\tquestion\tpossible_answers"
)


def test_a_broken_row_of_a_popqa_file_is_kept_counted_and_said(qa: Folder) -> None:
    file = qa.path / "mine.tsv"
    file.write_text("\n".join([HEADER, *PIECES.values()]) + "\n", encoding="utf-8")
    root = qa.path / "data"
    make_short(Making((), (), "popqa-mine", root, False, False, False), "popqa", "world", False, file, Shown(None, None, None), {})
    made = open_artifact("popqa-mine", root)
    (rejected,) = qa.rows("popqa-mine", "rejected")
    assert (rejected["id"], rejected["text"]) == ("line 3", PIECES["broken"])
    assert "s_pop is 'many'" in rejected["reason"]
    reason = "file: s_pop is 'many', need a whole number of at least 0"
    assert made.manifest.counts == {"asked": 2, "rejected_rows": 1, "rejected": {reason: 1}, "failed": {}}
    assert "of 2 questions right, " in made.manifest.headline
    assert made.manifest.headline.endswith("; 1 rows rejected (table `rejected`)")
    assert {answer.group for answer in made.rows("answers", Answer)} == {"views 1e3-1e4", "views 0"}
    assert [answer.id for answer in made.rows("answers", Answer)] == ["popqa.sQ1.occupation.q1.a0", "popqa.sQ5.occupation.q3.a0"]


# ---------------------------------------------------------------- retention, by hand


class Talker(Scripted):
    """A completer as an evaluation sees a loaded model."""

    note = template = ""


class ScriptedSubject(Subject):
    """Answers right whom `right` names (by question id), and says nothing else of use."""

    __slots__ = ()

    def load(self, dtype: str, decode: Any = None) -> Any:  # noqa: ARG002 - as an evaluation calls it
        right = self.base.identity
        return Talker(lambda text, _adapters: right.get(text, "nobody knows"))


def evaluation(root: Path, world: Artifact, name: str, right: dict[str, str], base_eval: Artifact | None) -> Artifact:
    subject = ScriptedSubject(name, BaseModelRef(name, name, right))
    plan = on_world.plan(WorldEvalConfig(heldout_forms=False), subject, world, base_eval, None)
    return make(plan, lambda draft: on_world.work(plan, draft, subject, PlainReport()), root)[0]


def test_retention_and_extraction_are_shares_of_what_the_base_had_right_and_wrong(tmp_path: Path) -> None:
    """The base has 4 questions right; the model keeps 3 of them and gains 2 others: 3 of 4, and 2 of the rest."""
    world = bare_world(tmp_path)
    questions = [q for q in world.rows("questions", Question) if q.task == "qa" and q.split == "test" and not q.is_heldout_form]
    known = {q.question: q.answers[0] for q in questions}
    texts = list(known)
    base = evaluation(tmp_path, world, "base", {text: known[text] for text in texts[:4]}, None)
    model = evaluation(tmp_path, world, "model", {text: known[text] for text in (*texts[1:4], *texts[10:12])}, base)
    figures = metrics_of(model)
    assert figures["qa.retention", "all"] == (3 / 4, 4)
    assert figures["qa.extraction", "all"] == (pytest.approx(2 / (len(texts) - 4)), len(texts) - 4)
    assert figures["qa.accuracy", "all"] == (pytest.approx(5 / len(texts)), len(texts))
    assert ("qa.retention", "all") not in metrics_of(base)


def test_each_question_and_biography_of_the_world_is_an_item_of_its_figures(tmp_path: Path) -> None:
    """Two questions are right: the items' numerators add up to 2 of all asked, and those of the three grades to 2 - the rest."""
    world = bare_world(tmp_path)
    questions = [q for q in world.rows("questions", Question) if q.task == "qa" and q.split == "test" and not q.is_heldout_form]
    made = evaluation(tmp_path, world, "base", {q.question: q.answers[0] for q in questions[:2]}, None)
    items = list(made.rows("items", ItemScore))
    sums = {metric: sum(i.numerator for i in items if i.metric == metric) for metric in ("qa.accuracy", "qa.three_grades", "bio.number_correct")}
    assert sums == {"qa.accuracy": 2, "qa.three_grades": 2 - (len(questions) - 2), "bio.number_correct": 0}
    assert {i.id for i in items if i.metric == "qa.accuracy"} == {q.id for q in questions}
    assert (made.summary["benchmark"], made.summary["benchmark_version"]) == ("world", WORLD.version)


def metrics_of(evaluation: Artifact) -> dict[tuple[str, str], tuple[float | None, int]]:
    rows = (json.loads(line) for line in (evaluation.path / "metrics.jsonl").read_text().splitlines())
    return {(row["metric"], row["group"]): (row["value"], row["n_items"]) for row in rows}


def test_an_evaluation_killed_between_its_last_row_and_its_commit_goes_on(tmp_path: Path) -> None:
    world = bare_world(tmp_path)
    subject = ScriptedSubject("base", BaseModelRef("base", "base", {}))
    plan = on_world.plan(WorldEvalConfig(limit=2), subject, world, None, None)
    with Draft(plan, tmp_path) as draft:
        on_world.work(plan, draft, subject, PlainReport())
    assert make(plan, lambda draft: on_world.work(plan, draft, subject, PlainReport()), tmp_path)[0].ref == "eval-base@1"
    (tmp_path / "some.tsv").write_text(f"{HEADER}\n{PIECES['good']}\n", encoding="utf-8")
    source, none = Source(POPQA, tmp_path / "some.tsv"), short.Examples()
    plan = short.plan(PopqaEvalConfig(), subject, source, none, None)
    with Draft(plan, tmp_path) as draft:
        short.work(plan, draft, subject, source, none, PlainReport())
    assert make(plan, lambda draft: short.work(plan, draft, subject, source, none, PlainReport()), tmp_path)[0].ref == "popqa-base@1"


# ---------------------------------------------------------------- dry runs and JSON


DRY = """
import json, sys
from factcli.cli import app
for command in json.loads(sys.argv[1]):
    app([*command.split(), "--dry-run"], standalone_mode=False)
print("loaded", json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_a_dry_run_of_any_command_says_key_and_difference_makes_nothing_and_loads_no_torch(qa: Folder) -> None:
    commands = [
        "demo",
        "world --size micro",
        "world --size micro --seed 7",
        "synth bio",
        "synth qa --seed 10",
        "prereq --lora-r 8",
        "sft --seed 3",
        "eval world --model world --seed 3",
    ]
    commands += ["eval popqa --model world", "eval world --seed 4", f"synth qa --facts {FACTS}"]
    before = sorted(path for path in (qa.path / "data").rglob("*") if ".worker.log" not in path.name)
    ran = subprocess.run([sys.executable, "-c", DRY, json.dumps(commands)], cwd=qa.path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert sorted(path for path in (qa.path / "data").rglob("*") if ".worker.log" not in path.name) == before
    n_plans = len(commands) - 1  # the demo's steps have keys when those before them are made
    assert sum(line.startswith("key: ") for line in ran.stdout.splitlines()) == n_plans
    assert sum(line.startswith("differs from the newest") for line in ran.stdout.splitlines()) == n_plans
    assert ran.stdout.splitlines().count("  requests: 0") == n_plans
    assert sum(line.startswith("  argv: ") and "factcli.train.worker" in line for line in ran.stdout.splitlines()) == 4  # the commands that train
    assert "  lora_r: 4 -> 8" in ran.stdout
    assert "  spec.seed: 6 -> 7" in ran.stdout
    assert not HEAVY & set(json.loads(ran.stdout.splitlines()[-1].removeprefix("loaded ")))
    assert "the untouched base would be evaluated first" in ran.stderr


def cost_of(folder: Folder, *command: str) -> dict:
    return json.loads(folder.typed(*command, "--dry-run", "--json").out)["cost"]


def n_numbers(*directories: Path) -> int:
    """Parameters that are stored in the safetensors of these directories."""
    return sum(tensor.size for directory in directories for file in directory.glob("*.safetensors") for tensor in load_file(file).values())


def test_pretraining_costs_at_most_what_a_dry_run_says(qa: Folder) -> None:
    """30 steps of 32 documents of 112 tokens at most. Seconds: those tokens at the rate of the run that there is."""
    cost, manifest = cost_of(qa, "world", "--size", "micro", "--seed", "8"), qa.manifest("world")
    assert (cost["requests"], cost["money"]) == (0, 0)
    assert cost["rows"] == {table: manifest["tables"][table] for table in ("people", "facts", "questions")}
    assert (cost["steps_at_most"], cost["trained_rows_at_most"], cost["trained_tokens_at_most"]) == (30, 960, 107_520)
    assert cost["trained_tokens_at_most"] > manifest["usage"]["tokens"] > 0
    parameters = n_numbers(qa.path / "data/world/v0001/model")
    assert (cost["base_parameters"], cost["memory_bytes"]) == (parameters, 16 * parameters)
    assert cost["seconds"] == round(107_520 * manifest["usage"]["seconds"] / manifest["usage"]["tokens"])
    assert "tokens/s of world@1" in cost["time"]
    wider = cost_of(qa, "world", "--size", "micro", "--set", "model.hidden_size=64", "--set", "pretrain.n_extensions=2")
    assert wider["steps_at_most"] == 30 + 2 * 150
    assert "seconds" not in wider
    assert wider["time"] == "not known: no run of this kind on such a model was measured here yet"


def test_knowledge_costs_at_most_what_a_dry_run_says(qa: Folder) -> None:
    """Every text in every epoch; statements of the recipe have 64 tokens at most, the other forms 128. All adapters are held at once."""
    described = json.loads(qa.typed("prereq", "--synth", "qa@1", *STRENGTHS, "--seed", "3", "--set", "dtype=float32", "--dry-run", "--json").out)
    cost, manifest, found = described["cost"], qa.manifest("knowledge"), adapters_of(qa)
    rows = {name: row["texts"] * row["epochs"] for name, row in found.items()}
    longest = {name: 64 if (row["source"], row["form"]) == ("fictitious", "statement") else 128 for name, row in found.items()}
    assert cost["trained_rows_at_most"] == sum(rows.values())
    assert cost["trained_tokens_at_most"] == sum(rows[name] * longest[name] for name in found) > manifest["usage"]["tokens"] > 0
    assert cost["steps_at_most"] >= max(row["steps"] for row in found.values())
    base, made = qa.path / "data/world/v0001/model", qa.path / "data/knowledge/v0001/adapters"
    assert cost["memory_bytes"] == 4 * n_numbers(base) + 16 * n_numbers(*(made / name for name in found))
    assert "tokens/s of knowledge@1" in cost["time"]
    job = qa.path.resolve() / "data/knowledge" / f".partial-{described['key']}" / "work/knowledge.json"
    assert str(job) in cost["argv"] + cost.get("stdin", "")


def test_a_skill_costs_what_a_dry_run_says(qa: Folder) -> None:
    """6 steps, real rows twice: each row that went through an adapter is in the run's own proof."""
    cost, manifest = cost_of(qa, "sft", "--set", "batches=mix", "--set", "real_weight=0.5", "--set", "dtype=float32", "--seed", "3"), qa.manifest("prereq-tune")
    proof = next(row for row in qa.rows("prereq-tune", "proofs") if row["name"] == "each row went through its own version's adapter")
    n_rows = sum(json.loads(proof["numbers"]).values())
    assert (cost["steps_at_most"], cost["trained_rows_at_most"], cost["trained_tokens_at_most"]) == (6, n_rows, 256 * n_rows)
    assert cost["trained_tokens_at_most"] > manifest["usage"]["tokens"] > 0
    data = qa.path / "data"
    frozen = n_numbers(data / "world/v0001/model") + n_numbers(*(data / "knowledge/v0001/adapters" / name for name in adapters_of(qa)))
    assert cost["memory_bytes"] == 4 * frozen + 16 * n_numbers(data / "prereq-tune/v0001/adapter")
    whole = cost_of(qa, "sft", "--method", "real", "--set", "too_long=keep")
    assert "trained_tokens_at_most" not in whole
    assert whole["time"].startswith("not known: rows may have any length")


def test_a_frozen_base_takes_two_bytes_a_number_where_a_gpu_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    for has_gpu, wanted in ((False, [4, 4, 2]), (True, [2, 4, 2])):
        monkeypatch.setattr("factcli.train.estimate.has_gpu", lambda has_gpu=has_gpu: has_gpu)
        assert [base_bytes(dtype) for dtype in ("auto", "float32", "bfloat16")] == wanted


@pytest.mark.parametrize("task", ["bio", "qa"])
def test_rows_are_counted_before_one_is_written(tmp_path: Path, task: str) -> None:
    made = synthesis(tmp_path, task)
    config = {"bio": BioConfig, "qa": QaConfig}[task](**made.manifest.config)
    assert from_world.cost(from_world.plan(task, config, open_artifact("world", tmp_path), None)).rows == made.manifest.tables


def test_people_of_real_facts_are_counted_before_a_text_is_written(tmp_path: Path) -> None:
    templates = [CONFIGS / "relations/popqa.yaml"]
    plan = from_facts.plan(from_facts.FactsConfig(subjects=5), FACTS, templates, None, None)
    made, _ = make(plan, lambda draft: from_facts.work(plan, draft, FACTS, templates, None, PlainReport()), tmp_path)
    assert from_facts.cost(plan, FACTS, templates).rows == {"people": made.manifest.tables["people"]}


@pytest.mark.parametrize("ask", ["task", "few_shot", "fill"])
def test_prompts_are_counted_before_a_model_is_loaded(tmp_path: Path, ask: str) -> None:
    """Of the benchmark, and of memorisation, which asks about the fictitious people of the data."""
    synth, asked = synthesis(tmp_path, "bio"), Talker(lambda _text, _adapters: "nobody knows")

    class Asked(ScriptedSubject):
        def load(self, dtype: str, decode: Any = None) -> Any:  # noqa: ARG002 - as an evaluation calls it
            return asked

    subject = Asked("base", BaseModelRef("base", "base", {}), synth=synth)
    plan = on_world.plan(WorldEvalConfig(ask=ask, limit=3, examples=2), subject, open_artifact("world", tmp_path), None, None)
    cost = on_world.cost(plan, subject)
    make(plan, lambda draft: on_world.work(plan, draft, subject, PlainReport()), tmp_path)
    assert (cost.prompts, cost.requests) == (len(asked.asked), 0)


def test_questions_of_a_file_are_counted_and_those_on_the_hub_are_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "some.tsv").write_text("\n".join([HEADER, *PIECES.values()]) + "\n", encoding="utf-8")
    subject = ScriptedSubject("base", BaseModelRef("base", "base", {}))
    for source, prompts in ((Source(POPQA, tmp_path / "some.tsv"), 2), (Source(POPQA), None)):
        assert short.cost(short.plan(PopqaEvalConfig(hub_revision="0" * 40), subject, source, short.Examples(), None), source).prompts == prompts


def test_a_dry_run_without_a_world_builds_none(tmp_path: Path) -> None:
    ran = Folder(tmp_path).typed("synth", "bio", "--dry-run", "--json")
    assert json.loads(ran.out)["makes"] == "world world"
    assert "the tiny one would be built first" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_json_gives_the_reference_the_path_and_whether_it_was_there(qa: Folder) -> None:
    said = json.loads(qa.typed("synth", "qa", "--seed", "6", "--json").out)
    assert (said["ref"], said["path"], said["reused"]) == ("qa@1", "data/qa/v0001", True)
    assert said["summary"]["fictitious_subjects"] == 6


def test_rows_per_forward_pass_reach_the_skill_job_and_its_key_alone(tmp_path: Path) -> None:
    whole, cut = SftConfig(method="real"), resolve(SftConfig, [], ["method=real", "micro_rows=3"], {})
    base = BaseModelRef("base", "base", {})
    assert [sft_stage._job(config, tmp_path / "rows", None, base, tmp_path).machine.micro_rows for config in (whole, cut)] == [0, 3]
    assert identity_of(whole) == identity_of(cut)
    assert key_config_of(whole, is_training=True) != key_config_of(cut, is_training=True)


# ---------------------------------------------------------------- recipes


MODELS: dict[str, type[Config]] = {
    "pack": PackConfig,
    "world": WorldConfig,
    "prereq": PrereqConfig,
    "sft": SftConfig,
    "dpo": DpoConfig,
    "grath-iterate": GrathConfig,
    "sweep": SweepConfig,
}
SYNTH: dict[str, type[Config]] = {  # by the file's name, or what it begins with
    "bio": BioConfig,
    "bio-familiarity": BioSubjectsConfig,
    "bio-paper": BioSubjectsConfig,
    "forms": FormsConfig,
    "hotpotqa": HotpotConfig,
    "medical": MedicalSubjectsConfig,
    "pairs": PairsConfig,
    "qa": QaConfig,
    "qa-paper": QaTriplesConfig,
    "samples": SamplesConfig,
    "wiki": WikiConfig,
}
SCORE: dict[str, type[Config]] = {
    "claims": ScoreClaimsConfig,
    "confidence": ConfidenceConfig,
    "consistency": ConsistencyConfig,
    "factscore": FactscoreConfig,
    "pairs": ScorePairsConfig,
}
EVAL: dict[str, type[Config]] = {"drift": HarnessEvalConfig, "published": PopqaEvalConfig}
AUDIT: dict[str, type[Config]] = {"world": AuditConfig}
BY_NAME = {"synth": SYNTH, "score": SCORE, "eval": EVAL, "audit": AUDIT}
YAMLS = sorted(path.relative_to(CONFIGS).as_posix() for path in CONFIGS.glob("*/*.yaml"))
BASELINES = ("real", "popular-head", "popular-50", "oracle", "fictitious")


def layers_of(path: Path) -> list[Path]:
    """A baseline's file lies over the recipe that its name begins with."""
    method = next((method for method in BASELINES if path.stem.endswith(f"-{method}")), None)
    return [path.with_name(path.name.replace(f"-{method}", "")), path] if method else [path]


@pytest.mark.parametrize("name", YAMLS)
def test_a_shipped_settings_file_resolves_and_its_first_line_says_what_it_is_for(name: str) -> None:
    path = CONFIGS / name
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert first.endswith(".")
    folder = name.partition("/")[0]
    if folder == "relations":
        assert load_templates([path])
    elif folder in BY_NAME:
        models = BY_NAME[folder]
        resolve(models.get(path.stem) or models[path.stem.partition("-")[0]], [path], (), {})
    elif folder == "accelerate":
        assert load_config_from_file(str(path)).num_processes >= 1
    elif folder in FOLDERS:
        assert read_recipe(path).steps  # tests/test_run.py looks at each
    else:
        resolve(MODELS[folder], layers_of(path), (), {})


def _settings(size: str, method: str) -> SftConfig:
    return resolve(SftConfig, [resolving.recipe_file("sft", name) for name in resolving.sft_recipes(size, method)], (), {})


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
@pytest.mark.parametrize("method", BASELINES)
def test_a_baseline_differs_from_the_method_in_rows_and_rate_alone(size: str, method: str) -> None:
    """Real rows beside the fictitious ones belong to PREREQ-TUNE; each may have the rate that suits it."""
    ours = _settings(size, "prereq").model_dump()
    theirs = _settings(size, method).model_dump()
    assert {name for name in ours if ours[name] != theirs[name]} <= {"real_fraction", "lr"}
    assert theirs["real_fraction"] is None


# arXiv 2410.19290 and its code: (epochs, max_length, rows of a step over all devices) of each kind of adapter.
KNOWLEDGE: dict[str, dict[str, tuple[tuple[int, ...], int, int]]] = {
    "bio": {"fictitious_passage": ((15,), 768, 128), "fictitious_statement": ((15,), 128, 512)},
    "medical": {"fictitious_passage": ((15,), 512, 128), "fictitious_statement": ((15,), 128, 512)},
    "hotpotqa": {
        "real_passage": ((15,), 512, 128),
        "fictitious_passage": ((15,), 320, 128),
        "real_statement": ((1,), 64, 512),
        "fictitious_statement": ((5,), 64, 512),
    },
    "popqa": {
        "real_passage": ((5,), 768, 128),
        "fictitious_passage": ((10, 12, 14), 256, 128),
        "real_statement": ((3,), 64, 512),
        "fictitious_statement": ((6, 7, 8), 64, 512),
    },
}


@pytest.mark.parametrize("task", KNOWLEDGE)
def test_the_papers_knowledge_recipes_have_its_numbers(task: str) -> None:
    config = resolve(PrereqConfig, [CONFIGS / f"prereq/{task}.yaml"], (), {})
    assert {f"{s}_{f}": (form.epochs, form.max_length, form.batch_rows) for s, f, form in config.forms() if form} == KNOWLEDGE[task]
    assert (config.lora_r, config.lora_alpha, config.lora_dropout, config.lora_targets) == (32, None, 0.05, "all-linear")  # alpha unset is 2r
    assert (config.lr, config.weight_decay, config.adam_beta2, config.warmup_share, config.schedule) == (3e-5, 0.1, 0.95, 0.03, "cosine")
    assert (config.packing, config.knowledge_eos, config.recite_target) == (False, False, None)


# r, lr, epochs, max_length, rows of a step over all devices, batches, real_weight
SKILL = {
    "popqa": (32, 5e-5, 3, 64, 512, "mix", 0.5),
    "hotpotqa": (64, 3e-5, 4, 128, 512, "mix", 1.0),
    "bio": (64, 3e-5, 50, 768, 128, "multi_version", None),
    "medical": (64, 5e-5, 80, 512, 128, "multi_version", None),
}


@pytest.mark.parametrize("task", SKILL)
def test_the_papers_skill_recipes_have_its_numbers(task: str) -> None:
    config = resolve(SftConfig, [CONFIGS / f"sft/{task}.yaml"], (), {})
    rows = config.batch_rows * config.micro_batches
    assert (config.lora_r, config.lr, config.epochs, config.max_length, rows, config.batches, config.real_weight) == SKILL[task]
    assert (config.lora_alpha, config.lora_dropout, config.lora_targets) == (None, 0.05, "all-linear")
    assert (config.weight_decay, config.warmup_share, config.schedule, config.real_fraction, config.knowledge_dropout) == (0.01, 0.1, "cosine", None, 0.0)
    assert config.micro_batches % 2 == 0  # so that each step averages statement and passage adapters equally


# ---------------------------------------------------------------- golden digests


def bare_world(root: Path) -> Artifact:
    """The rows of a micro world as an artifact, without its model: nothing is trained."""
    config = resolve(WorldConfig, [CONFIGS / "world/micro.yaml"], (), {"spec.seed": 5, "recipe": "micro"})
    drawn = draw_world(config.spec)

    def work(draft: Draft) -> Outcome:
        rows = {"people": drawn.people, "facts": drawn.facts, "questions": list(world_stage.questions_of(drawn))}
        draft.write("people", 0, rows)
        return Outcome("bare", {"recipe": "micro"})

    return make(Plan("world", world_stage.REVISION, "world", "world", config, {}, world_stage.TABLES), work, root)[0]


def digest_of(artifact: Artifact) -> str:
    """Of the bytes of its tables alone: settings may get a new name without a new output."""
    return sha256_of(sorted((name, entry.sha256) for name, entry in artifact.manifest.files.items() if is_content(name)))[:16]


def synthesis(root: Path, task: str, **changes: Any) -> Artifact:
    files = [CONFIGS / f"synth/{task}-micro.yaml"]
    config = resolve({"bio": BioConfig, "qa": QaConfig}[task], files, (), {"seed": 5, **changes})
    plan = from_world.plan(task, config, bare_world(root), None)
    return make(plan, lambda draft: from_world.work(plan, draft, PlainReport()), root)[0]


# Where one of these fails, the stage's output has changed: raise its REVISION and write both numbers down here.
GOLDEN = {
    "world": (1, "55f770fa5318ddac"),
    "synth bio": (1, "ead8a30df3478335"),
    "synth qa": (1, "7413453986b98c44"),
    "synth qa --facts": (1, "80f03cc3916259f8"),
}


def test_rows_of_a_world_change_only_with_its_revision(tmp_path: Path) -> None:
    assert (world_stage.REVISION, digest_of(bare_world(tmp_path))) == GOLDEN["world"]


@pytest.mark.parametrize("task", ["bio", "qa"])
def test_rows_of_synth_change_only_with_its_revision(tmp_path: Path, task: str) -> None:
    assert (from_world.REVISION, digest_of(synthesis(tmp_path, task))) == GOLDEN[f"synth {task}"]


def test_rows_of_real_facts_change_only_with_their_revision(tmp_path: Path) -> None:
    templates = [CONFIGS / "relations/popqa.yaml"]
    plan = from_facts.plan(from_facts.FactsConfig(subjects=5, versions=2, seed=5), FACTS, templates, None, None)
    made, _ = make(plan, lambda draft: from_facts.work(plan, draft, FACTS, templates, None, PlainReport()), tmp_path)
    assert (from_facts.REVISION, digest_of(made)) == GOLDEN["synth qa --facts"]


def test_a_changed_output_has_another_golden_digest(tmp_path: Path) -> None:
    """One paraphrase more, the smallest change that a stage could make to its output."""
    assert digest_of(synthesis(tmp_path, "bio", statements_per_fact=3)) != GOLDEN["synth bio"][1]
