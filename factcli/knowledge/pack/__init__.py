"""Knowledge packs: pages of an encyclopedia (or any texts with titles), found by title and searched by words.

records.py, sources.py, dump.py, markup.py   pages out of JSONL, Parquet, Wikipedia dumps
words.py, passages.py                        how text is cut: tokens, words, passages
names.py, lookup.py                          when two spellings mean one page; finding it
store.py                                     the SQLite file: pages, names, passages, words
bm25.py, within.py, dense.py                 search: open corpus, within a page, by embeddings
building.py, opening.py                      everything together, written and read
"""

from factcli.knowledge.pack.opening import Pack, open_pack

__all__ = ["Pack", "open_pack"]
