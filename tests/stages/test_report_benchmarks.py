"""Other benchmarks on the page: what has no answers shows its figures, what failed is compared for nobody, probes break nothing."""

from pathlib import Path

import pytest

from factcli.artifact import Artifact, Outcome, open_artifact
from factcli.config import Config, setting
from factcli.errors import InputError
from factcli.evalrows import ItemScore
from factcli.judge.metrics import Metric
from factcli.stages import report
from factcli.stages.report.collect import collect
from factcli.stages.report.environment import environment_section
from factcli.stages.report.selective import risk_curve
from factcli.stats import RankedClaim
from tests.stages.report_chain import Chain, answers_of, commit, make_chain, make_popqa_eval, people
from tests.stages.test_report import Outline, draw
from tests.stages.test_report_items import unpacked


class Choosing(Config):
    """What the page reads of the settings of an evaluation by likelihood."""

    ask: str = setting("text", "How questions were put.")
    limit: int | None = setting(None, "Of the questions.")


def by_likelihood(chain: Chain, model: Artifact | None, shares: tuple[float, float], stage: str = "eval truthfulqa") -> Artifact:
    """TruthfulQA as `fact eval truthfulqa` leaves it: figures and items, no answers."""
    name = model.name if model else "base"
    metrics = [
        Metric(f"truthfulqa.{which}", group, share, share - 0.1, share + 0.1, 4, 4)
        for which, share in zip(("mc1", "mc2"), shares, strict=True)
        for group in ("all", "Law", "Food")
    ]
    items = [ItemScore(f"t{n}", "truthfulqa.mc1", f"t{n}", "Law" if n % 2 else "Food", float(n < 4 * shares[0]), 1.0) for n in range(4)]
    items += [ItemScore(f"t{n}", "truthfulqa.mc2", f"t{n}", "Law", 0.25 * n, 1.0) for n in range(4)]
    inputs = {"world": chain.world} | ({"model": model} if model else {})
    outcome = Outcome(name, {"model": name, "benchmark": "truthfulqa", "benchmark_version": 2})
    tables = {"items": ItemScore, "metrics": Metric}
    return commit(chain.root, stage, "eval", f"truthfulqa-{name}", Choosing(), inputs, {"items": items, "metrics": metrics}, tables, outcome)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return make_chain(tmp_path / "data")


def test_figures_by_likelihood_are_in_a_table_by_model_and_group(chain: Chain) -> None:
    real = open_artifact("sft-real", chain.root)
    outline = Outline(draw([*chain.evals, by_likelihood(chain, None, (0.25, 0.5)), by_likelihood(chain, real, (0.75, 0.6))], chain.root))
    assert all(" " not in values["id"] for _, values in outline.tags if "id" in values)
    rows = next(rows for caption, rows in outline.tables.items() if caption == "Over all items.")
    assert rows["Model"] == ["mc1 n = 4 (4)", "mc2 n = 4 (4)"]
    assert [cell.split()[0] for cell in rows["SFT"]] == ["75.0%", "60.0%"]
    assert [cell.split()[0] for cell in outline.table("Mc1, by group.")["base, untouched"]] == ["25.0%", "25.0%"]
    assert "Benchmark TruthfulQA (definition 2): scored item by item; 8 scores." in outline.text["measured"]


def test_items_without_an_answer_show_their_scores(chain: Chain) -> None:
    """Of four items SFT has the first three right by the first figure, the base one."""
    real = open_artifact("sft-real", chain.root)
    read = unpacked(draw([by_likelihood(chain, None, (0.25, 0.5)), by_likelihood(chain, real, (0.75, 0.6))], chain.root))
    assert read["items"]["id"] == ["t0", "t1", "t2", "t3"]
    assert [said["grade"] for said in read["said"]] == ["rwww", "rrrw"]
    assert read["said"][1]["text"][3] == "mc1 0.00, mc2 0.75"


def test_evaluations_by_likelihood_alone_fill_a_page(chain: Chain) -> None:
    outline = Outline(draw([by_likelihood(chain, None, (0.25, 0.5))], chain.root))
    assert "25.0%" in outline.text["figures"]


def test_a_question_whose_answer_failed_for_a_model_is_compared_for_none(chain: Chain) -> None:
    """All 8 right before; one of the 8 failed after, 3 of the other 7 are wrong: 4 of 7 kept."""
    before = answers_of(chain.ground, lambda _: True)
    after = answers_of(chain.ground, lambda key: key[1] == "award")
    base = make_popqa_eval(chain.root, "popqa-base", chain.world, before)
    tuned = make_popqa_eval(
        chain.root, "popqa-sft-real", chain.world, [a for a in after if a.question_id != "w0.p0000.birthplace.q"], open_artifact("sft-real", chain.root)
    )
    kept = Outline(draw([base, tuned], chain.root)).table("Kept, questions")
    assert kept["Model"][0] == "all n = 7 (4)"
    assert kept["SFT"][0].split()[0] == "57.1%"


def test_an_answer_that_nobody_scored_yet_is_refused_with_the_way_to_score_it(chain: Chain) -> None:
    written = commit(chain.root, "eval bio", "eval", "bio-base", Choosing(), {"world": chain.world}, {}, {"samples": ItemScore}, Outcome("10 answers"))
    with pytest.raises(InputError, match="bio-base@1 has no figures yet") as caught:
        report.plan(report.ReportConfig(), [chain.base, written], chain.root, None)
    assert "fact score factscore bio-base@1" in caught.value.hint
    assert report.newest_of_each([written, chain.tuned, chain.real, chain.base])[0].name == "eval-base"  # left out where nobody named it


def test_how_answers_were_decoded_is_part_of_a_models_name(chain: Chain) -> None:
    from factcli.stages.report.trained import label_of

    chain.real.manifest.summary["decode"] = "dola"
    assert label_of(chain.real, chain.root) == "SFT, dola"


def test_risk_falls_where_the_surest_are_right() -> None:
    """40 answers, the surer half right: nothing wrong until 50% is kept, then 1/3 of 75% (10 of 30) and 1/2 of all."""
    ranked = [RankedClaim(f"p{n}", f"a{n}", 1 - n / 40, n < 20) for n in range(40)]
    curve = dict(risk_curve(ranked))
    assert [curve[kept] for kept in (0.05, 0.5, 0.75, 1.0)] == [0, 0, pytest.approx(1 / 3), 0.5]
    assert risk_curve(ranked[:19]) == []


def test_risk_curves_stand_with_their_numbers(tmp_path: Path) -> None:
    """Of 24 answers the base has 11 wrong, all of them less sure than the 13 right ones."""
    chain = make_chain(tmp_path / "data", people("head", "head", "tail", "unseen", *["head"] * 4, *["unseen"] * 4))
    outline = Outline(draw(chain.evals, chain.root))
    rows = outline.table("Questions: share wrong of the surest, as numbers.")
    n_wrong = 1 + 2 * 5  # one of the tail person's, and all of five unseen people
    assert rows["base, untouched"] == ["0.0%", "0.0%", "27.8%", f"{100 * n_wrong / 24:.1f}%"]  # of 18: 13 right, 5 wrong


def test_settings_are_complete_and_what_differs_stands_in_a_table(chain: Chain) -> None:
    outline = Outline(draw(chain.evals, chain.root))
    differing = outline.table("What differs between the settings of fact sft.")
    assert differing["Version"] == ["method", "real_fraction"]
    assert differing["sft-real@1"] == ["real", "not set"]
    assert differing["prereq-tune@1"] == ["prereq", "0.25"]
    assert "fact sft (prereq-tune@1, sft-real@1): " in outline.text["settings"]
    assert "lora_r 64" in outline.text["settings"]


def test_code_and_machine_are_those_of_the_manifests(chain: Chain) -> None:
    chain.real.manifest.libraries["numpy"] = "1.0"
    rows = environment_section(collect([chain.real, chain.base], None, chain.root)).blocks[0].rows  # type: ignore[union-attr]
    told = {(cells[0].text, cells[1].text): cells[2].text for cells in rows}  # type: ignore[union-attr]
    assert told["numpy", "1.0"] == "eval-sft-real@1"
    assert told["python", str(chain.real.manifest.code["python"])] == "all"
    assert any(name == "machine" and "cores" in value for name, value in told)


def test_money_is_of_all_answers_that_a_version_stands_on(chain: Chain) -> None:
    """This run asked 2 anew for 0.10; the 10 answers in the artifact cost 0.50."""
    bought = {
        "requests": 2,
        "tokens_in": 200,
        "tokens_out": 20,
        "cost": 0.1,
        "all_answers": {"requests": 10, "tokens_in": 1000, "tokens_out": 100, "cost": 0.5},
    }
    asked = Outcome("asked", {"model": "base"}, usage=bought)
    metrics = [Metric("truthfulqa.mc1", "all", 0.5, None, None, 2, 2)]
    paid = commit(chain.root, "eval truthfulqa", "eval", "paid", Choosing(), {"world": chain.world}, {"metrics": metrics}, {"metrics": Metric}, asked)
    rows = Outline(draw([*chain.evals, paid], chain.root)).table("Costs by version.")
    assert rows["paid@1"][:6] == ["fact eval truthfulqa", "–", "10", "1,000", "100", "0.50"]
    assert rows["all"][5] == "0.50"


def test_a_benchmark_of_two_words_has_an_address_on_the_page(chain: Chain) -> None:
    judged = by_likelihood(chain, None, (0.25, 0.5), "eval truthfulqa generation")
    page = draw([*chain.evals, judged], chain.root)
    assert '<a href="#truthfulqa-generation">truthfulqa generation</a>' in page
    assert '<section id="truthfulqa-generation"' in page
