"""The page in a real browser: items are searched, opened and walked through; hostile text stays text; it looks the same without scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from factcli.stages.report.browser.items import Item, Items, Reply
from factcli.stages.report.browser.packed import packed
from factcli.stages.report.headline import Headline
from factcli.stages.report.page import render
from factcli.stages.report.view import Browser, Key, Part, Section
from tests.chromium import DESKTOP, PHONE, Chromium, chromium, where
from tests.stages.report_chain import make_chain
from tests.stages.test_report import draw
from tests.stages.test_report_items import HOSTILE

READY = "performance.getEntriesByName('items-ready').length"
SETTLED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
EVIDENCE = "document.getElementById('items-evidence').checkVisibility()"
SHOWN = "[...document.querySelectorAll('.item')].sort((a, b) => a.dataset.place - b.dataset.place).map(row => row.querySelector('.asked').innerText)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    program = where()
    if program is None:
        pytest.skip("no Chromium is installed")
    with chromium(program) as started:
        yield started


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("browser")
    chain = make_chain(made / "data")
    path = made / "report.html"
    path.write_text(draw(chain.evals, chain.root), encoding="utf-8")
    return path


@pytest.fixture
def tab(browser: Chromium, page: Path) -> Chromium:
    """The page as it opens on a desktop."""
    browser.scripts(True)
    browser.media()
    browser.size(DESKTOP)
    browser.events.clear()
    browser.open(page, ready=READY)
    return browser


def chosen(tab: Chromium, **values: str) -> None:
    """Chooses in lists by the text that a reader sees."""
    for name, text in values.items():
        found = f"[...document.getElementById('items-{name}').options].find(option => option.text === {text!r}).selected = true"
        tab.evaluate(f"{found}; document.getElementById('items-{name}').dispatchEvent(new Event('change'))")


def typed(tab: Chromium, text: str) -> None:
    tab.evaluate("document.getElementById('items-query').focus()")
    tab.call("Input.insertText", text=text)
    tab.evaluate(SETTLED)


def told(tab: Chromium, selector: str) -> str:
    return str(tab.evaluate(f"document.querySelector({selector!r})?.innerText ?? ''"))


def test_all_items_are_listed_and_counted(tab: Chromium) -> None:
    assert told(tab, "#items-found") == "12 of 12 items"
    assert tab.evaluate(SHOWN)[0] == "Where was Mira Osei born?"
    assert "62.5% right" in told(tab, ".head:nth-child(3)")  # 5 of the base's 8
    assert tab.said("Runtime.exceptionThrown") == []


def test_typing_narrows_the_list(tab: Chromium) -> None:
    typed(tab, "ines opal")
    assert tab.evaluate(SHOWN) == ["What did Ines Osei win?"]  # whose accepted answer is Opal
    assert told(tab, "#items-found") == "1 of 12 items"
    typed(tab, " nobody")
    assert told(tab, "#items-found") == "0 of 12 items: nothing passes all filters"


def test_what_a_model_lost_is_one_choice_away(tab: Chromium) -> None:
    """PREREQ-TUNE has the tail person's birthplace wrong, which the base has right, and their award right; in their biography too, one for one."""
    chosen(tab, change="lost")
    assert tab.evaluate(SHOWN) == ["Where was Kofi Osei born?"]
    chosen(tab, model="SFT")
    assert len(tab.evaluate(SHOWN)) == 4  # two questions, and a claim in each of two biographies
    tab.evaluate("document.getElementById('items-clear').click()")
    assert len(tab.evaluate(SHOWN)) == 12


def test_an_opened_item_shows_claims_with_sign_underline_and_evidence(tab: Chromium) -> None:
    tab.open(Path(tab.evaluate("location.pathname")), "#item=w0.p0001.bio", READY)
    assert "Write a biography of Ada Osei." in told(tab, ".panel-item h3")
    wrong = ".panel-item .claim.false"
    assert tab.evaluate(f"getComputedStyle(document.querySelector({wrong!r})).textDecorationStyle") == "wavy"
    assert told(tab, wrong).startswith("✗")
    assert not tab.evaluate(EVIDENCE)
    tab.evaluate(f"document.querySelector({wrong!r}).focus()")
    tab.evaluate(SETTLED)
    assert "The ledger: award is Opal (w0.p0001.award)" in told(tab, "#items-evidence")
    box = tab.evaluate("(b => [b.left, b.right, b.top, b.bottom])(document.getElementById('items-evidence').getBoundingClientRect())")
    assert box[0] >= 0
    assert box[1] <= DESKTOP[0]
    assert box[2] >= 0
    assert box[3] <= DESKTOP[1]


def test_evidence_shows_on_hover_and_on_a_tap(tab: Chromium) -> None:
    tab.open(Path(tab.evaluate("location.pathname")), "#item=w0.p0001.bio", READY)
    x, y = tab.evaluate("(b => [b.left + 40, b.top + 8])(document.querySelector('.panel-item .claim').getClientRects()[0])")
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert "birthplace is Hobart" in told(tab, "#items-evidence")
    tab.call("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1)
    assert not tab.evaluate(EVIDENCE)
    tab.size(PHONE, is_phone=True)
    tab.evaluate(SETTLED)
    tab.evaluate("(claim => { claim.scrollIntoView({ block: 'center', behavior: 'instant' }); claim.click(); })(document.querySelector('.panel-item .claim'))")
    assert tab.evaluate(EVIDENCE)
    assert "birthplace is Hobart" in told(tab, "#items-evidence")


def test_keys_go_through_the_items(tab: Chromium) -> None:
    tab.press("/")
    assert tab.evaluate("document.activeElement.id") == "items-query"
    focused = "document.activeElement.closest('.item')?.dataset.place"
    for key, place in (("ArrowDown", "0"), ("ArrowDown", "1"), ("End", "11"), ("ArrowUp", "10"), ("Home", "0"), ("ArrowDown", "1")):
        tab.press(key)
        assert tab.evaluate(focused) == place, key
    tab.press("Enter")
    assert told(tab, ".panel-item h3") == "What did Mira Osei win?"
    assert tab.evaluate("location.hash") == "#item=w0.p0000.award.q"
    tab.press("Escape")
    assert told(tab, ".panel-item h3") == ""
    assert tab.evaluate(focused) == "1"
    assert tab.evaluate("location.hash") == ""


def test_a_link_opens_its_item_though_a_filter_hides_it(tab: Chromium) -> None:
    typed(tab, "award")
    tab.evaluate("location.hash = '#item=w0.p0002.birthplace.q'")
    tab.evaluate(SETTLED)
    assert told(tab, ".panel-item h3") == "Where was Kofi Osei born?"
    assert told(tab, "#items-found") == "12 of 12 items"
    tab.evaluate("location.hash = '#item=nobody%'")
    tab.evaluate(SETTLED)
    assert told(tab, "#items-found") == "The address names an item that is not on this page."


def test_of_ten_thousand_items_only_those_that_are_seen_are_drawn(browser: Chromium, tmp_path: Path) -> None:
    """A window of 44 rem, 704 px, has room for 14 rows of 52 px; twice 6 are drawn beyond it."""
    items = Items({"SFT": Key("SFT", 2)})
    items.items = {f"q{n}": Item(f"q{n}", "world", "head", f"Who is number {n}?", str(n)) for n in range(10_000)}
    items.replies = {"SFT": {f"q{n}": Reply("right", str(n), 0.5, f"q{n}.a0") for n in range(10_000)}}
    path = tmp_path / "many.html"
    section = Section("items", "Every item", blocks=(Browser(packed(items), 10_000, tuple(items.models.values()), ("world",), ("head",)),))
    path.write_text(render("t", "s", Headline("t", "", (), (), "", ()), [Part("Answers", (section,))]), encoding="utf-8")
    browser.scripts(True)
    browser.size(DESKTOP)
    browser.open(path, ready=READY)
    assert told(browser, "#items-found") == "10,000 of 10,000 items"
    for place in (5_000, 9_999, 0):
        browser.evaluate(f"document.getElementById('items-window').scrollTop = {place} * 52")
        browser.evaluate(SETTLED)
        shown = browser.evaluate(SHOWN)
        assert f"Who is number {place}?" in shown
        assert len(shown) <= 14 + 2 + 2 * 6
    typed(browser, "9876")
    assert browser.evaluate(SHOWN) == ["Who is number 9876?"]


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_page_is_never_wider_than_its_window(tab: Chromium, size: tuple[int, int]) -> None:
    tab.size(size, is_phone=size == PHONE)
    tab.evaluate(SETTLED)
    tab.evaluate("document.querySelectorAll('.asked button')[9].click()")
    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert tab.evaluate("document.querySelector('.panel-item').getBoundingClientRect().right") <= size[0]


def test_without_scripts_all_but_browsing_is_there(browser: Chromium, page: Path) -> None:
    browser.scripts(True)
    browser.open(page, ready=READY)
    before = browser.evaluate("document.querySelectorAll('main table:not(#items table), main svg[role=img]').length")
    browser.scripts(False)
    browser.call("Page.navigate", url="about:blank")
    browser.call("Page.navigate", url=page.resolve().as_uri())
    shown = "document.getElementById('items-needs')?.checkVisibility() && !document.getElementById('items-browser').checkVisibility()"
    while not browser.evaluate(f"Boolean({shown}) && document.readyState === 'complete'"):
        pass
    assert browser.evaluate("document.querySelectorAll('main table:not(#items table), main svg[role=img]').length") == before
    browser.scripts(True)


def test_on_paper_there_is_a_line_where_the_browser_was(tab: Chromium) -> None:
    tab.media("print")
    assert not tab.evaluate("document.getElementById('items-browser').checkVisibility()")
    assert told(tab, ".on-paper") == "12 items can be searched where this page is open in a browser."
    tab.media()


def test_hostile_output_makes_no_element_and_runs_nothing(browser: Chromium, tmp_path: Path) -> None:
    """Model output of every kind that has broken pages, a megabyte of it among them, in biographies that are opened and pointed at."""
    chain = make_chain(tmp_path / "data", real_tail=HOSTILE + "<b>" * 350_000)
    path = tmp_path / "report.html"
    path.write_text(draw(chain.evals, chain.root, samples=0), encoding="utf-8")
    browser.scripts(True)
    browser.events.clear()
    browser.open(path, "#item=w0.p0000.bio", READY)
    browser.evaluate("document.querySelectorAll('.panel-item .claim').forEach(claim => claim.focus())")
    typed(browser, "<script>alert(1)")
    assert told(browser, "#items-found") == "4 of 12 items"  # it is found as text, in every biography of one model
    strange = "document.querySelectorAll('img, b, iframe, [onerror], [onload], a[href^=javascript]:not([href^=\"#\"])').length"
    assert browser.evaluate(strange.replace("img, b,", "img, .panel-item dd b,")) == 0
    assert browser.evaluate("document.scripts.length") == 2
    assert "<script>alert(1)</script>" in told(browser, ".panel-item")
    assert "characters left out" in told(browser, ".panel-item")
    assert browser.said("Page.javascriptDialogOpening") == []
    assert browser.said("Runtime.exceptionThrown") == []
    assert browser.said("Log.entryAdded") == []  # nothing even tried, or the policy would have said so


def test_an_injected_script_is_refused_by_the_policy(browser: Chromium, page: Path, tmp_path: Path) -> None:
    """As if escaping had failed: the page's policy is a second wall."""
    broken = tmp_path / "broken.html"
    broken.write_text(
        page.read_text(encoding="utf-8").replace("</main>", "<script>window.was = 1</script><img src=x onerror='window.was = 2'></main>"), "utf-8"
    )
    browser.scripts(True)
    browser.events.clear()
    browser.open(broken, ready=READY)
    assert browser.evaluate("window.was === undefined")
    assert any("Content Security Policy" in entry["entry"]["text"] for entry in browser.said("Log.entryAdded"))


def test_a_damaged_page_says_what_is_wrong(browser: Chromium, page: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.html"
    damaged.write_text(page.read_text(encoding="utf-8").replace('id="items-packed">H4sI', 'id="items-packed">AAAA'), "utf-8")
    browser.scripts(True)
    browser.open(damaged, ready="document.getElementById('items-needs').textContent.includes('could not be unpacked')")
    assert not browser.evaluate("document.getElementById('items-browser').checkVisibility()")
