"""What travels inside the page for its browser of items: every item, each model's answer, and no text that could break out."""

import base64
import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factcli.stages.report import browser
from factcli.stages.report.browser.items import MOST_CHARACTERS, Item, Items, JudgedClaim, Reply, clipped_text
from factcli.stages.report.browser.packed import columns, packed
from factcli.stages.report.text import stretches
from factcli.stages.report.view import Key
from tests.stages.report_chain import Chain, answers_of, make_chain, make_popqa_eval
from tests.stages.test_report import Outline, draw

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)> javascript:alert(3) \"' \x1b[31m \u202eevil\u2028\u2029 \x00"


def unpacked(page: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="text/plain" id="items-packed">(.*?)</script>', page, re.DOTALL)
    read = json.loads(gzip.decompress(base64.b64decode(text, validate=True)))
    assert isinstance(read, dict)
    return read


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    return make_chain(tmp_path_factory.mktemp("items") / "data")


@pytest.fixture(scope="module")
def page(chain: Chain) -> str:
    return draw(chain.evals, chain.root)


def one(question: str = "Where?", text: str = "Hobart", **reply: Any) -> Items:
    """One item that one model answered right."""
    said = Reply("right", text, 0.5, "q1.a0", **reply)
    return Items({"SFT": Key("SFT", 2)}, {"q1": Item("q1", "world", "head", question, "Hobart")}, {"SFT": {"q1": said}})


def test_every_item_is_there_with_what_each_model_said(page: str) -> None:
    """The base first, the main model beside it. Four people, two questions and a biography each. The base has
    the unseen person's two questions and one of the tail's wrong."""
    read = unpacked(page)
    assert [model["label"] for model in read["models"]] == ["base, untouched", "PREREQ-TUNE", "SFT"]
    assert [model["main"] for model in read["models"]] == [False, True, False]
    assert len(read["items"]["id"]) == 12
    base = read["said"][0]
    assert base["grade"] == "rrrrrwwwcccc"
    assert base["text"][:2] == ["Hobart", "Opal"]
    assert base["confidence"][:6] == [900, 900, 900, 900, 900, 400]
    assert read["items"]["gold"][:2] == ["Hobart", "Opal"]
    assert [read["strings"][place] for place in read["items"]["group"]] == ["head"] * 4 + ["tail"] * 2 + ["unseen"] * 2 + ["head"] * 2 + ["tail", "unseen"]


def test_a_claim_carries_its_verdict_and_the_evidence_for_it(page: str) -> None:
    """SFT tells the second head person's prize wrong: the ledger has Opal."""
    read = unpacked(page)
    cut, claims = read["said"][2]["long"]["9"]
    assert [part[1:] for part in cut if len(part) > 1] == [[0], [1]]
    assert [claim[1] for claim in claims] == [0, 1]
    assert read["strings"][claims[1][2]] == "The ledger: award is Opal (w0.p0001.award)"
    assert "".join(part[0] for part in cut).endswith("won the Pearl Prize.")


def test_the_page_says_how_many_items_and_offers_their_groups(page: str) -> None:
    outline = Outline(page)
    assert "12 items, each with what every model said" in outline.text["items"]
    values = [values["value"] for tag, values in outline.tags if tag == "option"]
    assert {"world", "head", "tail", "unseen", "gained", "lost"} <= set(values)
    assert "Browsing needs JavaScript, which does not run here." in outline.text["items"]


def test_items_of_two_benchmarks_with_one_id_stay_apart(tmp_path: Path) -> None:
    """PopQA's format is asked about the same facts: its 8 questions have the ids of the world's."""
    chain = make_chain(tmp_path / "data")
    popqa = make_popqa_eval(chain.root, "popqa-base", chain.world, answers_of(chain.ground, lambda _: True))
    read = unpacked(draw([*chain.evals, popqa], chain.root))
    assert len(read["items"]["id"]) == len(set(read["items"]["id"])) == 20
    assert [read["strings"][place] for place in read["items"]["benchmark"]].count("PopQA's format") == 8
    assert read["said"][0]["grade"][12:] == "rrrrrrrr"
    assert read["said"][1]["grade"][12:] == "--------"  # PREREQ-TUNE was not asked


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_can_leave_the_element_that_holds_it(question: str, answer: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/]+=*", packed(one(question + HOSTILE, answer + HOSTILE)))


def test_what_could_hide_or_turn_text_is_made_visible() -> None:
    read = columns(one(HOSTILE, HOSTILE))
    for text in (read["items"]["question"][0], read["said"][0]["text"][0]):
        assert not {"\x1b", "\u202e", "\x00"} & set(text)
        assert "\N{REPLACEMENT CHARACTER}evil" in text


def test_equal_items_give_equal_bytes() -> None:
    assert packed(one()) == packed(one())


def test_an_answer_of_a_megabyte_is_cut_and_says_so() -> None:
    cut = clipped_text("x" * 1_000_000)
    assert cut.startswith("x" * MOST_CHARACTERS + "…")
    assert "980,000 characters left out" in cut
    assert clipped_text("x" * MOST_CHARACTERS) == "x" * MOST_CHARACTERS


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-1, 40), st.integers(-1, 40)), max_size=5))
def test_stretches_are_the_whole_text_each_with_the_spans_that_cover_it(text: str, spans: list[tuple[int, int]]) -> None:
    parts = list(stretches(text, spans))
    assert "".join(part for part, _ in parts) == text
    at = 0
    for part, places in parts:
        assert part
        covering = {n for n, (start, end) in enumerate(spans) if max(start, 0) <= at and at + len(part) <= end}
        assert set(places) == covering
        at += len(part)


def test_the_only_script_that_may_run_is_the_pages_own(page: str) -> None:
    outline = Outline(page)
    kinds = [values.get("type", "own") for tag, values in outline.tags if tag == "script"]
    assert kinds == ["text/plain", "own"]
    (policy,) = [values["content"] for tag, values in outline.tags if values.get("http-equiv") == "Content-Security-Policy"]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", policy)
    assert "unsafe" not in policy


def test_the_script_puts_text_on_the_page_in_no_way_but_as_text() -> None:
    written = browser.packed.script()
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "createContextualFragment", "DOMParser"):
        assert way not in written


CHECKS = """
const items = new Items(JSON.parse(process.argv[1]));
const asked = (query, more = {}) => items.found({ query, benchmark: "", group: "", model: 0, grade: "", change: "", differ: false, order: "", ...more });
console.log(JSON.stringify(%s));
"""


def in_node(expression: str, items: Items) -> Any:
    """What rows.js makes of it, outside a browser."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    source = (Path(browser.__file__).parent / "rows.js").read_text(encoding="utf-8") + CHECKS % expression
    told = subprocess.run([node, "-e", source, json.dumps(columns(items))], capture_output=True, text=True, check=True)
    return json.loads(told.stdout)


def several() -> Items:
    """q0 to q3: SFT right, right, wrong, true in 1 of 2 claims; DPO wrong, right, abstained, true in 2 of 2."""
    asked = ["Where was José Osei born?", "Where was Ada Brin born?", "What did Ada win?", "Tell me of Kofi."]
    listed = {f"q{n}": Item(f"q{n}", "world" if n < 3 else "bio", "head" if n % 2 else "tail", question, "") for n, question in enumerate(asked)}

    def long(*verdicts: Any) -> Reply:
        claims = tuple(JudgedClaim("c", verdict, "", "", None) for verdict in verdicts)
        return Reply("claims", "", 0.5, "a", (("Kofi was born. ", (0,)), ("And won.", (1,))), claims)

    first = [Reply("right", "Hobart", 0.4, "a"), Reply("right", "Lima", 0.9, "a"), Reply("wrong", "Pearl", 0.6, "a"), long("supported", "unsupported")]
    second = [Reply("wrong", "Oslo", 0.4, "a"), Reply("right", "Lima", 0.9, "a"), Reply("abstained", "", 0.6, "a"), long("supported", "supported")]
    replies = {label: dict(zip(listed, said, strict=True)) for label, said in (("SFT", first), ("DPO", second))}
    return Items({"SFT": Key("SFT", 0), "DPO": Key("DPO", 1)}, listed, replies)


def test_search_finds_all_words_in_any_order_without_accents_or_case() -> None:
    queries = 'asked("BORN jose"), asked(\'"ada brin"\'), asked(\'"brin ada"\'), asked("lima"), asked("won."), asked("q2"), asked("")'
    assert in_node(f"[{queries}]", several()) == [[0], [1], [], [1], [3], [2], [0, 1, 2, 3]]


def test_filters_narrow_by_what_they_say() -> None:
    """Against SFT, DPO loses q0 and gains a claim of q3; q1 is the same in both, q2 scores 0 in both and is told otherwise."""
    filters: list[dict[str, Any]] = [{"group": "head"}, {"benchmark": "bio"}, {"grade": "a"}, {"change": "lost"}, {"change": "gained"}, {"differ": True}]
    wanted = ", ".join(f'asked("", {json.dumps({"model": 1, **chosen})})' for chosen in filters)
    assert in_node(f"[{wanted}]", several()) == [[1, 3], [3], [2], [0], [3], [0, 2, 3]]


def test_orders_put_what_they_say_first() -> None:
    """Confidence of SFT 0.4, 0.9, 0.6, 0.5; scores 1, 1, 0, 0.5; the models' scores differ by 1, 0, 0, 0.5."""
    wanted = ", ".join(f'asked("", {{ order: "{order}" }})' for order in ("", "surest", "unsurest", "worst", "spread", "question"))
    orders = [[0, 1, 2, 3], [1, 2, 3, 0], [0, 3, 2, 1], [2, 3, 0, 1], [0, 3, 1, 2], [3, 2, 1, 0]]
    assert in_node(f"[{wanted}]", several()) == orders


def test_totals_are_of_the_items_shown() -> None:
    """All: SFT has 2 of 3 right and 1 of 2 claims true. Of q2 alone: DPO abstained, which is not right."""
    all_of, one_of = in_node("[items.totals(0, [0, 1, 2, 3]), items.totals(1, [2])]", several())
    assert all_of == {"right": 2, "graded": 3, "supported": 1, "judged": 2, "won": 0, "pairs": 0}
    assert one_of == {"right": 0, "graded": 1, "supported": 0, "judged": 0, "won": 0, "pairs": 0}


def test_the_window_holds_the_rows_that_are_seen() -> None:
    """Rows of 50 px in 200 px of height, 2 more each way. Row 3 open, its panel 300 px: it ends at 4 x 50 + 300 = 500."""
    shut = in_node("[windowOf(100, 1000, 200, 50, -1, 0, 2), topOf(7, 50, -1, 0)]", several())
    assert shut == [{"first": 18, "last": 27}, 350]  # rows 20 to 24 touch it
    opened = in_node("[windowOf(100, 300, 200, 50, 3, 300, 2), windowOf(100, 500, 200, 50, 3, 300, 2), topOf(3, 50, 3, 300), topOf(4, 50, 3, 300)]", several())
    assert opened == [{"first": 1, "last": 7}, {"first": 2, "last": 11}, 150, 500]
