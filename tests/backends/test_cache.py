"""The response cache: what is stored is found, who asks holds a lease, and a damaged file is repaired, never trusted."""

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

import pytest

from factcli.backends import cacheview
from factcli.backends.cache import Cache, Stored
from factcli.backends.cachefile import FILE, cache_directory, require_local_disk
from factcli.backends.reading import Said
from factcli.backends.requests import Token
from factcli.errors import InputError, SettingsError


def stored(text: str, outcome: str = "ok") -> Stored:
    return Stored(Said(text, outcome, "", (Token(" é", -0.5),), (Token("a", None), Token("b", -1.0)), 3, 2), 3, 2)  # type: ignore[arg-type]


def fill(directory: Path, n: int) -> None:
    with contextlib.closing(Cache(directory)) as cache:
        for i in range(n):
            cache.put(f"{i:064x}", "m", stored(f"answer {i} " + "x" * 200))


class Clock:
    """Wall time that stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_what_is_put_is_got_by_everybody_with_all_it_has(tmp_path: Path):
    with contextlib.closing(Cache(tmp_path)) as one, contextlib.closing(Cache(tmp_path)) as other:
        one.put("k", "m", stored("Hobart", "truncated"))
        assert other.get("k") == stored("Hobart", "truncated")
        assert other.get("l") is None


def test_a_key_is_leased_to_one_until_it_is_stored_released_or_expired(tmp_path: Path):
    clock = Clock()
    one, other = Cache(tmp_path, clock), Cache(tmp_path, clock)
    assert [one.claim("a", 10), other.claim("a", 10), one.claim("a", 10)] == ["mine", "others", "mine"]
    one.release("a")
    assert other.claim("a", 10) == "mine"
    other.put("a", "m", stored("x"))
    assert one.claim("a", 10) == "stored"
    assert one.claim("b", 10) == "mine"
    clock.now_s += 39
    assert other.claim("b", 10) == "others"  # 10 s and the margin of 30 s
    clock.now_s += 2
    assert other.claim("b", 10) == "mine"


def test_only_what_is_not_ok_and_older_is_claimed_again(tmp_path: Path):
    with contextlib.closing(Cache(tmp_path)) as cache:
        cache.put("good", "m", stored("x"))
        cache.put("cut", "m", stored("x", "truncated"))
        later = cache.now() + 1
        assert [cache.claim(key, 1, later) for key in ("good", "cut")] == ["stored", "mine"]
        assert (cache.get("cut", later), cache.get("good", later)) == (None, stored("x"))
        assert cache.claim("cut", 1) == "stored"


def test_an_invalid_answer_that_is_asked_for_again_is_kept_but_not_found(tmp_path: Path):
    invalid = Stored(stored("no JSON", "invalid").said, 6, 4, asks=2)
    with contextlib.closing(Cache(tmp_path)) as one, contextlib.closing(Cache(tmp_path)) as other:
        assert one.claim("k", 10) == "mine"
        one.keep("k", "m", invalid)
        assert (one.get("k"), one.kept("k"), other.claim("k", 10)) == (None, invalid, "others")
        one.release("k")
        assert (other.claim("k", 10), other.kept("k")) == ("mine", invalid)
        other.put("k", "m", invalid)
        assert (one.get("k"), one.kept("k")) == (invalid, None)


def claim_and_die(directory: Path) -> None:
    assert Cache(directory).claim("k", 1000) == "mine"
    os._exit(9)


def test_the_lease_of_a_dead_process_is_taken_over_at_once(tmp_path: Path):
    child = multiprocessing.get_context("fork").Process(target=claim_and_die, args=(tmp_path,))
    child.start()
    child.join()
    with contextlib.closing(Cache(tmp_path)) as cache:
        assert cache.claim("k", 10) == "mine"


def kept_after(directory: Path, whole: bytes, n_bytes: int) -> int:
    """Answers that are found once the file was cut to `n_bytes`; each found one is whole."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / FILE).write_bytes(whole[:n_bytes])
    with contextlib.closing(Cache(directory)) as cache:
        found = [cache.get(f"{i:064x}") for i in range(300)]
        assert all(answer is None or answer == stored(f"answer {i} " + "x" * 200) for i, answer in enumerate(found))
        cache.put("new", "m", stored("goes on"))
        assert cache.get("new") == stored("goes on")
    return sum(answer is not None for answer in found)


def test_a_file_cut_anywhere_is_set_aside_and_the_run_goes_on(tmp_path: Path):
    fill(tmp_path / "whole", 300)
    whole = (tmp_path / "whole" / FILE).read_bytes()
    random = Random(0)
    lengths = [0, 1, 16, 99, 100, 512, len(whole) - 1, len(whole) - 4096, *(random.randrange(len(whole)) for _ in range(12))]
    for n_bytes in lengths:
        kept_after(tmp_path / "cut", whole, n_bytes)
        aside = [path for path in (tmp_path / "cut").glob("*.damaged-*") if not path.name.endswith(("-wal", "-shm"))]
        assert len(aside) == (n_bytes > 0), n_bytes
    assert kept_after(tmp_path / "cut", whole, len(whole) - 4096) > 0
    assert kept_after(tmp_path / "cut", whole, len(whole)) == 300


def test_a_torn_wal_loses_its_torn_end_only(tmp_path: Path):
    """A copy of the files of an open cache, its WAL cut at several places: the checkpointed answers are there, and a beginning of the others."""
    fill(tmp_path / "open", 5)
    cache = Cache(tmp_path / "open")
    for i in range(5, 25):
        cache.put(f"{i:064x}", "m", stored(f"{i}"))
    files = {path.name: path.read_bytes() for path in (tmp_path / "open").glob(f"{FILE}*") if not path.name.endswith("-shm")}
    cache.close()
    wal = files[f"{FILE}-wal"]
    for n_bytes in (0, 31, 32, 5000, len(wal) // 2, len(wal) - 1, len(wal)):
        copy = tmp_path / str(n_bytes)
        copy.mkdir()
        (copy / FILE).write_bytes(files[FILE])
        (copy / f"{FILE}-wal").write_bytes(wal[:n_bytes])
        with contextlib.closing(Cache(copy)) as torn:
            found = [torn.get(f"{i:064x}") is not None for i in range(25)]
        assert found == sorted(found, reverse=True)
        assert all(found[:5])
        assert all(found) == (n_bytes == len(wal))
        assert not list(copy.glob("*.damaged-*"))


def test_garbage_in_place_of_the_file_is_set_aside(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    (tmp_path / FILE).write_bytes(b"\x80pickle" * 1000)
    with contextlib.closing(Cache(tmp_path)) as cache:
        assert cache.get("k") is None
    assert "was damaged" in caplog.text
    assert [path.read_bytes()[:7] for path in tmp_path.glob("*.damaged-*")] == [b"\x80pickle"]


def test_an_answer_that_is_no_json_counts_as_absent(tmp_path: Path):
    with contextlib.closing(Cache(tmp_path)) as cache:
        cache.put("k", "m", stored("x"))
        cache._connection.execute("UPDATE answers SET said = '{\"said\": ['")
        assert cache.get("k") is None
        assert cache.claim("k", 1) == "mine"


def test_a_cache_of_another_schema_is_refused_and_left_alone(tmp_path: Path):
    fill(tmp_path, 1)
    with contextlib.closing(sqlite3.connect(tmp_path / FILE)) as connection:
        connection.execute("PRAGMA user_version=7")
    with pytest.raises(SettingsError, match="has schema 7"):
        Cache(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize("kind", ["nfs4", "lustre", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/home {tmp_path} {kind} rw 0 0\n")
    with pytest.raises(SettingsError, match=f"network file system \\({kind}\\)") as caught:
        require_local_disk(tmp_path / "fact", mounts)
    assert "FACT_CACHE_DIR" in caught.value.hint
    require_local_disk(Path("/elsewhere"), mounts)


def test_the_directory_is_the_one_of_the_environment_or_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("FACT_CACHE_DIR", raising=False)
    assert cache_directory() == tmp_path / "fact"
    monkeypatch.setenv("FACT_CACHE_DIR", str(tmp_path / "own"))
    assert cache_directory() == tmp_path / "own"


def test_prune_deletes_what_meets_every_condition_and_view_counts_the_rest(tmp_path: Path):
    clock = Clock()
    with contextlib.closing(Cache(tmp_path, clock)) as cache:
        for key, model, outcome in (("a", "m", "ok"), ("b", "m", "truncated"), ("c", "n", "truncated")):
            cache.put(key, model, stored("x", outcome))
    assert cacheview.prune(tmp_path, "30d", "m", "truncated") == 1
    assert {entry.model: entry.by_outcome for entry in cacheview.view(tmp_path).models} == {"m": {"ok": 1}, "n": {"truncated": 1}}
    with pytest.raises(SettingsError, match="nothing says which"):
        cacheview.prune(tmp_path, None, None, None)
    with pytest.raises(SettingsError, match="did you mean 'truncated'"):
        cacheview.prune(tmp_path, None, None, "truncate")
    with pytest.raises(SettingsError, match="--older-than '30'"):
        cacheview.prune(tmp_path, "30", None, None)


def test_merge_takes_what_is_missing_and_what_is_better(tmp_path: Path):
    with contextlib.closing(Cache(tmp_path / "here")) as here, contextlib.closing(Cache(tmp_path / "there")) as there:
        for cache, texts in ((here, {"a": "ok", "b": "truncated", "c": "ok"}), (there, {"a": "truncated", "b": "ok", "d": "refused"})):
            for key, outcome in texts.items():
                cache.put(key, "m", stored(str(cache.directory.name), outcome))
    assert cacheview.merge(tmp_path / "here", tmp_path / "there" / FILE) == 2
    with contextlib.closing(Cache(tmp_path / "here")) as here:
        assert {key: (answer.said.text, answer.said.outcome) for key in "abcd" if (answer := here.get(key))} == {
            "a": ("here", "ok"),
            "b": ("there", "ok"),
            "c": ("here", "ok"),
            "d": ("there", "refused"),
        }


def test_merging_what_is_no_cache_takes_nothing(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("nothing of ours" * 100)
    with pytest.raises(InputError, match="no response cache"):
        cacheview.merge(tmp_path / "here", tmp_path / "notes.txt")
    with pytest.raises(InputError, match="there is no cache file"):
        cacheview.merge(tmp_path / "here", tmp_path / "gone.sqlite3")
