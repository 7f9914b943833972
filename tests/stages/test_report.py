"""The report: the numbers on the page are those of the tables, whatever they are; hostile text stays text; equal inputs, equal page."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from factcli.artifact import Artifact, make, open_artifact
from factcli.errors import InputError
from factcli.progress import PlainReport
from factcli.stages import report
from factcli.stages.report.page import _environment
from tests.stages.report_chain import Chain, answers_of, make_chain, make_eval, make_popqa_eval, people, results_of

HOSTILE = ' <script>alert(1)</script>"><img src=x onerror=alert(2)>\u202eevil\x00'
VOID = {"meta", "img", "br", "link", "input", "hr"}


def draw(chosen: list[Artifact], root: Path, **settings: object) -> str:
    plan = report.plan(report.ReportConfig(**settings), chosen, root, None)  # type: ignore[arg-type]
    page, _ = make(plan, lambda draft: report.work(plan, draft, root, PlainReport()), root)
    return page.file("report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("report") / "data")


@pytest.fixture(scope="module")
def page(chain: Chain) -> str:
    return draw(chain.evals, chain.root)


class Outline(HTMLParser):
    """Tags with their attributes, the text of each section, and the rows of each table by its caption."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.section = ""
        self.text: dict[str, str] = {}
        self.tables: dict[str, dict[str, list[str]]] = {}
        self.listed: dict[str, list[list[str]]] = {}
        self._caption, self._row = "", [""]
        self.feed(page)
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append((tag, values))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = values["id"]
        if tag == "caption":
            self._caption = ""
        if tag == "tr":
            self._row = []
        if tag in ("th", "td"):
            self._row.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "tr":
            cells = [" ".join(cell.split()) for cell in self._row]
            self.tables.setdefault(" ".join(self._caption.split()), {})[cells[0]] = cells[1:]
            self.listed.setdefault(" ".join(self._caption.split()), []).append(cells)

    def handle_data(self, data: str) -> None:
        self.text[self.section] = self.text.get(self.section, "") + data
        if "caption" in self.open:
            self._caption += data
        elif {"td", "th"} & set(self.open):
            self._row[-1] += data + " "

    def rows_of(self, start: str) -> list[list[str]]:
        """Every row of a table, also where several have one head."""
        (found,) = [rows for caption, rows in self.listed.items() if caption.startswith(start)]
        return found

    def table(self, start: str) -> dict[str, list[str]]:
        (found,) = [rows for caption, rows in self.tables.items() if caption.startswith(start)]
        return found


def test_the_headline_is_what_the_answers_say(page: str):
    text = Outline(page).text[""]
    # of the base's 5 right answers sft-real keeps 3 and prereq-tune 4
    assert "plain fine-tuning keeps 60.0%" in text
    assert "and PREREQ-TUNE 80.0%" in text
    # 2 + 2 + 1 right of the 6 questions about the three people whom pre-training mentions
    assert re.search(r"has 83\.3% \(.*\) right, of 6 questions about 3 subjects, people that pre-training mentions", text)
    # +20 points, but of 3 people only: the interval holds 0, and the page says so
    assert re.search(r"no difference is shown between PREREQ-TUNE and plain fine-tuning \(SFT\): \+20\.0 points", text)


def test_accuracy_stands_by_group_with_the_base_first(page: str):
    rows = Outline(page).table("Questions right, of all")
    assert list(rows) == ["Model", "base, untouched", "SFT", "PREREQ-TUNE"]
    # n is the same for every model: it stands once, in the head of the column
    assert rows["Model"] == ["all n = 8 (4)", "seen n = 6 (3)", "head n = 4 (2)", "tail n = 2 (1)", "unseen n = 2 (1)"]
    shares = {model: [cell.split()[0] for cell in cells] for model, cells in rows.items() if model != "Model"}
    assert shares["base, untouched"] == ["62.5%", "83.3%", "100.0%", "50.0%", "0.0%"]  # 5/8, 5/6, 4/4, 1/2, 0/2
    assert shares["SFT"] == ["37.5%", "50.0%", "75.0%", "0.0%", "0.0%"]  # 3/8, 3/6, 3/4
    assert shares["PREREQ-TUNE"] == ["62.5%", "83.3%", "100.0%", "50.0%", "0.0%"]


def test_retention_and_extraction_are_those_of_the_answers(page: str):
    outline = Outline(page)
    kept, gained = outline.table("Kept, questions"), outline.table("Gained, questions")
    assert kept["PREREQ-TUNE"][0].split()[0] == "80.0%"
    assert gained["PREREQ-TUNE"][0].split()[0] == "33.3%"  # 1 of the 3 that the base has wrong
    assert gained["PREREQ-TUNE"][1].split()[0] == "100.0%"  # of 1 without the unseen person
    assert "base, untouched" not in kept  # it keeps all by definition


def test_a_biography_figure_never_stands_alone(page: str):
    rows = Outline(page).table("People that pre-training mentions.")
    assert [head.partition(" n = ")[0] for head in rows["Model"]] == ["claims per biography", "share of claims true", "true claims per biography"]
    assert [cell.split()[0] for cell in rows["SFT"]] == ["2.00", "50.0%", "1.00"]  # 3 people, 6 claims, 3 true
    equal = Outline(page).table("The same as numbers")
    # 6 claims of each: 50.0% against 83.3%
    assert [cell.split()[0] for cell in equal["SFT"][:3]] == ["6", "50.0%", "83.3%"]
    assert "+33.3" in equal["SFT"][3]


def test_differences_say_which_way_and_whether_they_show(page: str):
    rows = Outline(page).table("Questions right: PREREQ-TUNE minus")
    assert rows["SFT"][0].startswith("○ +25.0")  # 5/8 - 3/8; of 4 people
    assert rows["base, untouched"][0].startswith("○ 0.0")


def test_swap_and_memorisation_show_every_cell(page: str):
    outline = Outline(page)
    rows = outline.table("PREREQ-TUNE, out of sample")
    assert rows["Plugged in"] == [f"{task}, version {v} n = 240 (40)" for task in ("questions", "biographies") for v in (1, 2)]
    assert [cell.split()[0] for cell in rows["version 2, passage adapter"]] == ["1.2%", "83.1%", "1.2%", "83.1%"]
    assert rows["none (dropped)"][0].startswith("1.2%")
    memory = outline.table("Memorisation against chance")
    assert memory  # both rows are of one model: the last one is kept under its name
    assert "✓ yes" in outline.text["memorisation"]
    assert "✗ no, above" in outline.text["memorisation"]


def test_costs_stand_side_by_side(page: str):
    rows = Outline(page).table("Costs by method")
    assert rows["SFT"] == ["150", "152", "40", "3e-05", "400,000", "0", "400,000", "15.0 s"]
    assert rows["PREREQ-TUNE"][4:] == ["400,000", "800,000", "1,200,000", "41.0 s"]  # 15 + 26 s


def test_claims_are_marked_by_more_than_colour(page: str):
    marks = re.findall(r'<mark class="claim (\w+)"><span class="icon" aria-hidden="true">(.)</span><span class="spoken">\[([^:]*):\]', page)
    assert set(marks) == {("true", "✓", "true"), ("false", "✗", "false")}
    assert re.search(r"<bdi>[^<]*Pearl Prize\.</bdi><span class=\"ledger\"> \(true: <bdi>Opal</bdi>\)", page)


def test_short_answers_are_marked_right_and_wrong(page: str):
    marked = set(re.findall(r'<mark class="claim (\w+)">[^/]*</span>(?:<span[^/]*</span>)<bdi>(\w+)</bdi></mark>', page))
    assert marked == {("true", "Opal"), ("false", "Pearl")}  # an award is each sampled person's first question by id


def test_another_seed_draws_other_people(tmp_path: Path):
    from factcli.stages.report.collect import collect
    from factcli.stages.report.samples import draw_subjects

    chain = make_chain(tmp_path / "data", people("head", "head", "tail", "unseen", *["head"] * 8))
    benchmark = collect(chain.evals, None, chain.root).first
    assert len({tuple(draw_subjects(benchmark, 1, seed)) for seed in range(10)}) > 3


def test_the_lineage_drawing_has_every_ancestor_and_its_parents(page: str, chain: Chain):
    (drawing,) = re.findall(r'<svg[^>]*aria-label="Lineage\..*?</svg>', page, re.DOTALL)
    for name in ("world", "synth-bio", "knowledge", "sft-real", "prereq-tune", "eval-base", "eval-sft-real", "eval-prereq-tune"):
        artifact = open_artifact(name, chain.root)
        assert f">{artifact.ref}</text>" in drawing
        assert f">{artifact.digest[:8]}</text>" in drawing
    # world -> synth, eval-base; synth -> knowledge, sft-real; knowledge -> prereq-tune; each skill and eval-base -> its evaluation(s)
    assert drawing.count('class="arrow"') == 2 + 2 + 1 + 4
    assert Outline(page).table("The versions")["eval-sft-real@1"][2] == "world@1, sft-real@1, eval-base@1, synth-bio@1"


def test_the_page_needs_nothing_from_elsewhere(page: str):
    outline = Outline(page)
    assert not [tag for tag, _ in outline.tags if tag in ("link", "img", "iframe", "object", "base", "use", "image")]
    assert all(values["href"].startswith("#") for tag, values in outline.tags if tag == "a")
    assert not [values for _, values in outline.tags if set(values) & {"src", "srcset", "style", "onload", "onerror", "onclick"}]
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    (policy,) = [values["content"] for tag, values in outline.tags if values.get("http-equiv") == "Content-Security-Policy"]
    assert re.match(r"default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'", policy)


def test_every_drawing_has_a_text_and_every_table_a_caption(page: str):
    outline = Outline(page)
    drawings = [values for tag, values in outline.tags if tag == "svg"]
    assert all(values.get("aria-hidden") == "true" or values.get("aria-label") for values in drawings)
    assert sum(tag == "table" for tag, _ in outline.tags) == sum(tag == "caption" for tag, _ in outline.tags)
    ids = [values["id"] for _, values in outline.tags if "id" in values]
    assert len(ids) == len(set(ids))


def test_text_of_a_model_stays_text(tmp_path: Path):
    chain = make_chain(tmp_path / "data", real_tail=HOSTILE)
    page = draw(chain.evals, chain.root)
    outline = Outline(page)
    assert [values.get("type") for tag, values in outline.tags if tag in ("script", "img")] == ["text/plain", None]  # the items, packed, and the page's own
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "\u202e" not in page
    assert "\x00" not in page
    assert "could not be read" in outline.text[""]  # and the reader is warned of what is not judged


def test_a_hostile_name_is_escaped_in_drawings_too(tmp_path: Path):
    chain = make_chain(tmp_path / "data")
    results = results_of(chain.ground, lambda key: key[1] == "award")
    skill = open_artifact("sft-real", chain.root)
    plan = report.plan(report.ReportConfig(), chain.evals, chain.root, None)
    odd = make_eval(chain.root, "eval-odd", chain.world, results, skill, (chain.base, results_of(chain.ground, lambda _: True)), facts=chain.ground.facts)
    odd.manifest.summary["model"] = '<svg onload=x>"&'
    collected = report.collect([*plan.inputs.values(), odd], None, chain.root)
    page = report.render("t", "s", report.headline(collected, None), report.parts_of(collected, None, report.ReportConfig()))
    assert "<svg onload" not in page
    assert "&lt;svg onload=x&gt;" in page
    Outline(page)


def test_equal_inputs_give_equal_bytes(chain: Chain):
    plan = report.plan(report.ReportConfig(), chain.evals, chain.root, "twice")
    pages = [make(plan, lambda draft: report.work(plan, draft, chain.root, PlainReport()), chain.root, force=True)[0] for _ in range(2)]
    assert pages[0].digest == pages[1].digest


def test_without_the_clock_no_time_of_a_run_is_on_the_page(chain: Chain):
    page = draw(chain.evals, chain.root, clock=False)
    assert "15.0 s" not in page
    assert chain.base.manifest.created[:10] not in page


def test_missing_data_leave_a_sentence_behind(chain: Chain):
    page = draw([chain.base], chain.root)
    outline = Outline(page)
    for section in ("retention", "differences", "swap", "memorisation"):
        assert "Left out." in outline.text[section], section
    assert "What the models answer, and what of it is true" in outline.text[""]
    assert "base, untouched" in outline.table("Questions right, of all")


def test_popqa_alone_fills_the_page(chain: Chain):
    said = {name: answers_of(chain.ground, lambda key, own=own: key[1] in own) for name, own in (("base", RELATED), ("sft-real", ("award",)))}
    base = make_popqa_eval(chain.root, "popqa-base", chain.world, said["base"])
    tuned = make_popqa_eval(chain.root, "popqa-sft-real", chain.world, said["sft-real"], open_artifact("sft-real", chain.root))
    page = draw([base, tuned], chain.root)
    outline = Outline(page)
    assert outline.table("Kept, questions")["SFT"][0].split()[0] == "50.0%"  # of 8 right, the 4 about awards
    assert "have no biographies" in outline.text["biographies"]
    both = Outline(draw([*chain.evals, base, tuned], chain.root))
    assert "popqa" in both.text
    assert "50.0%" in both.text["popqa-retention"]


RELATED = ("birthplace", "award")


def test_the_newest_of_each_name_is_taken_and_the_base_comes_first(chain: Chain):
    newer = make_eval(chain.root, "eval-few", chain.world, results_of(chain.ground, lambda _: False), ask="few_shot")
    listed = [newer, chain.tuned, chain.real, chain.base]  # newest first
    assert [e.name for e in report.newest_of_each([*listed, chain.tuned])] == ["eval-base", "eval-few", "eval-prereq-tune", "eval-sft-real"]
    assert report.newest_of_each([]) == []


def test_evaluations_that_cannot_stand_in_one_table_are_refused(chain: Chain, tmp_path: Path):
    other = make_chain(tmp_path / "data", people("head", "head", "tail", "unseen", "unseen"))
    stranger = make_eval(other.root, "eval-other", other.world, results_of(other.ground, lambda _: True))
    with pytest.raises(InputError, match="eval-other@1 was asked other questions, or has another base model, than eval-base@1"):
        report.plan(report.ReportConfig(), [chain.base, stranger], chain.root, None)
    with pytest.raises(InputError, match="two different evaluations are called eval-base@1"):
        report.plan(report.ReportConfig(), [chain.base, other.base], chain.root, None)
    with pytest.raises(InputError, match="nothing to report"):
        report.plan(report.ReportConfig(), [], chain.root, None)


def test_the_base_that_a_model_was_held_against_joins_it(chain: Chain):
    plan = report.plan(report.ReportConfig(), [chain.real], chain.root, None)
    assert sorted(e.name for e in plan.inputs.values()) == ["eval-base", "eval-sft-real"]


def test_an_unknown_main_model_is_named_with_those_there_are(chain: Chain):
    with pytest.raises(InputError, match="no such model") as caught:
        draw(chain.evals, chain.root, main="gpt")
    assert "prereq-tune" in caught.value.hint


def test_another_model_can_be_the_main_one(chain: Chain):
    rows = Outline(draw(chain.evals, chain.root, main="sft-real")).table("Questions right: SFT minus")
    assert rows["PREREQ-TUNE"][0].startswith("○ −25.0")


def test_jinja_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match="jinja2") as caught:
        _environment()
    assert caught.value.hint == 'pip install "factcli[report]"'


def test_samples_do_not_depend_on_the_order_of_rows(chain: Chain):
    from factcli.stages.report.collect import collect
    from factcli.stages.report.samples import draw_subjects

    first = collect(chain.evals, None, chain.root).first
    last = collect(chain.evals[::-1], None, chain.root).first
    assert draw_subjects(first, 3, 0) == draw_subjects(last, 3, 0)
    groups = {person.id: person.group for person in chain.ground.people}
    assert [groups[subject] for subject in draw_subjects(first, 3, 0)] == ["head", "tail", "unseen"]
    assert len(draw_subjects(first, 99, 0)) == 4
