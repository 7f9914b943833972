"""The report of a large run in a real browser: how long it takes to open, to search and to scroll, and how large its file is."""

import base64
import gzip
import json
import random
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from factcli.artifact import Artifact, make
from factcli.judge.compare import Results
from factcli.progress import PlainReport
from factcli.rows import Answer, Claim, Fact, Person
from factcli.stages import report
from factcli.stages.sft import SftConfig
from tests.bench.madeup import SYLLABLES
from tests.chromium import DESKTOP, Chromium, chromium, where
from tests.stages.report_chain import Ground, make_eval, make_skill, make_synth, make_world

N_SUBJECTS = 500
N_CLAIMS = 12  # of a biography: 11.7 on average in FActScore's human labels
READY, PREPARED = (f"performance.getEntriesByName('items-{name}').length" for name in ("ready", "prepared"))
QUERIES = ("b", "ba", "bado", "lived", '"born in"', "nobodysaidthis", "head kofi 7", "q9")
COLUMNS = (
    "items", "file, MB", "as plain JSON, MB", "drawn, s", "first paint, ms", "can be used, ms", "search prepared, ms",
    "a filter or search, ms: middle, most", "longest frame of scrolling, ms",
)  # fmt: skip
SCROLLS = 60  # steps over the whole list, each drawn before the next


@dataclass(frozen=True)
class Opened:
    """One page in one browser. Times in milliseconds; of several the middle and the largest."""

    what: str
    megabytes: float
    plain_megabytes: float  # as JSON, not compressed
    drawn_s: float  # by the stage
    first_paint: float
    ready: float
    prepared: float
    filters: tuple[float, ...]
    longest_frame: float  # while scrolling


def table(n_items: int, n_models: int = 6, runs: int = 3) -> str:
    program = where()
    if program is None:
        return "no Chromium is installed: the page is not measured"
    rows = []
    for what, n_long in (("short answers", 0), ("a fifth long answers", n_items // 5), ("long answers", n_items)):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measured(Path(folder), program, what, n_items - n_long, n_long, n_models, runs))
    head = f"The page of {n_items:,} items and {n_models} models in headless Chromium, {runs} times opened.\n\n"
    return head + "| " + " | ".join(COLUMNS) + " |\n" + "| --- " * len(COLUMNS) + "|\n" + "\n".join(map(_line, rows))


def _line(o: Opened) -> str:
    times = f"{statistics.median(o.filters):.0f}, {max(o.filters):.0f}"
    figures = f"{o.megabytes:.1f} | {o.plain_megabytes:.1f} | {o.drawn_s:.1f} | {o.first_paint:.0f} | {o.ready:.0f} | {o.prepared:.0f}"
    return f"| {o.what} | {figures} | {times} | {o.longest_frame:.0f} |"


def measured(folder: Path, program: str, what: str, n_short: int, n_long: int, n_models: int, runs: int) -> Opened:
    page, drawn = make_page(folder, n_short, n_long, n_models)
    text = page.read_text(encoding="utf-8")
    (items,) = re.findall(r'id="items-packed">(.*?)<', text)
    plain = len(gzip.decompress(base64.b64decode(items))) + len(text) - len(items)
    opened = [opened_once(page, program) for _ in range(runs)]
    paint, ready, prepared, frame = (statistics.median(one[key] for one in opened) for key in ("paint", "ready", "prepared", "frame"))
    filters = tuple(value for one in opened for value in one["filters"])
    return Opened(what, len(text) / 1e6, plain / 1e6, drawn, paint, ready, prepared, filters, frame)


def opened_once(page: Path, program: str) -> dict:
    """A browser of its own each time, so that nothing is warm."""
    with chromium(program) as browser:
        browser.size(DESKTOP)
        browser.open(page, ready=f"{READY} && {PREPARED}")
        times = browser.evaluate(
            "({ paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,"
            " ready: performance.getEntriesByName('items-ready')[0].startTime, prepared: performance.getEntriesByName('items-prepared')[0].startTime })"
        )
        return {**times, "filters": _searched(browser), "frame": _scrolled(browser)}


def _searched(browser: Chromium) -> list[float]:
    """Each query typed as a whole, and one choice in a list; from the event to the last row drawn and laid out."""
    browser.evaluate("performance.clearMeasures()")
    settled = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    for query in QUERIES:
        text = json.dumps(query)
        browser.evaluate(f"(q => {{ q.value = {text}; q.dispatchEvent(new Event('input')); }})(document.getElementById('items-query')); {settled}")
    for id_, value in (("query", ""), ("change", "lost"), ("order", "spread")):
        kind = "input" if id_ == "query" else "change"
        browser.evaluate(f"(e => {{ e.value = {value!r}; e.dispatchEvent(new Event({kind!r})); }})(document.getElementById('items-{id_}')); {settled}")
    return list(browser.evaluate("performance.getEntriesByName('items-filter').map(entry => entry.duration)"))


def _scrolled(browser: Chromium) -> float:
    """The longest time between two frames while the list is scrolled from end to end, a row opened on the way."""
    browser.evaluate("document.getElementById('items-clear').click(); document.getElementById('items').scrollIntoView({ behavior: 'instant' })")
    return float(
        browser.evaluate(
            f"""new Promise(done => {{
              const list = document.getElementById("items-window");
              let [step, last, longest] = [0, performance.now(), 0];
              const frame = now => {{
                if (step > 1) longest = Math.max(longest, now - last);
                last = now;
                if (step++ > {SCROLLS}) return done(longest);
                if (step === 20) document.querySelectorAll(".asked button")[8].click();
                list.scrollTop = list.scrollHeight * step / {SCROLLS};
                requestAnimationFrame(frame);
              }};
              requestAnimationFrame(frame);
            }})"""
        )
    )


def make_page(folder: Path, n_short: int, n_long: int, n_models: int) -> tuple[Path, float]:
    """Evaluations committed as `fact eval world` commits them; the report of them, and the seconds that it took."""
    root = folder / "data"
    ground = Ground(tuple(Person(f"w0.p{n:04d}", _name(n), "head" if n % 2 else "tail", "test", 1000 - n) for n in range(N_SUBJECTS)))
    world = make_world(root, ground)
    synth = make_synth(root, world)
    said = {name: _results(ground, n_short, n_long, seed) for seed, name in enumerate(["base", *(f"model-{n}" for n in range(1, n_models))])}
    base = make_eval(root, "eval-base", world, said["base"])
    evals: list[Artifact] = [base]
    for name in list(said)[1:]:
        skill = make_skill(root, name, SftConfig(method="real"), world, synth)
        evals.append(make_eval(root, f"eval-{name}", world, said[name], skill, (base, said["base"])))
    plan = report.plan(report.ReportConfig(), evals, root, None)
    began = time.perf_counter()
    return make(plan, partial(_draw, plan, root), root)[0].file("report.html"), time.perf_counter() - began


def _draw(plan: report.Plan, root: Path, draft: report.Draft) -> report.Outcome:
    return report.work(plan, draft, root, PlainReport())


def _name(n: int) -> str:
    return f"{('Mira', 'Ada', 'Kofi', 'Ines')[n % 4]} {SYLLABLES[n // 4 % 70].capitalize()}{SYLLABLES[n % 67]}"


def _results(ground: Ground, n_short: int, n_long: int, seed: int) -> Results:
    rng = random.Random(seed)
    short = [_short(ground.people[n % N_SUBJECTS], n, rng) for n in range(n_short)]
    long = [_long(ground.people[n % N_SUBJECTS], n, ground.facts, rng) for n in range(n_long)]
    return Results(short, [answer for answer, _ in long], [claim for _, claims in long for claim in claims])


def _words(rng: random.Random, n: int) -> str:
    return " ".join("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(n))


def _short(person: Person, n: int, rng: random.Random) -> Answer:
    """A question of ordinary length: the same words for every model."""
    of_item = random.Random(n)
    question, gold = f"In which {_words(of_item, 6)} was {person.name} born in {n}?", _words(of_item, 2).capitalize()
    grade = rng.choices(("right", "wrong", "abstained"), (5, 4, 1))[0]
    text = {"right": gold, "wrong": _words(rng, 2).capitalize(), "abstained": "I do not know."}[grade]
    return Answer(f"q{n}.a0", f"q{n}", "qa", person.id, person.group, question, text, rng.random(), grade == "abstained", grade, grade == "right", (gold,))  # type: ignore[arg-type]


def _long(person: Person, n: int, facts: list[Fact], rng: random.Random) -> tuple[Answer, list[Claim]]:
    sentences = [f"{person.name.split()[0]} {_words(rng, 8)} lived." for _ in range(N_CLAIMS)]
    text = " ".join(sentences)
    id_, at, claims = f"b{n}.a0", 0, []
    for place, sentence in enumerate(sentences):
        verdict = rng.choices(("supported", "unsupported", "unscored"), (6, 3, 1))[0]
        evidence = rng.choice(facts).id if verdict != "unscored" else ""
        reason = "" if evidence else "no evidence"
        end = at + len(sentence)
        claims.append(Claim(f"{id_}.c{place}", id_, person.id, person.group, "birthplace", "x", sentence, at, end, rng.random(), verdict, reason, evidence))  # type: ignore[arg-type]
        at = end + 1
    question = f"Write a biography of {person.name}, number {n}."
    return Answer(id_, f"b{n}", "bio", person.id, person.group, question, text, 0.5, False, None, None), claims
