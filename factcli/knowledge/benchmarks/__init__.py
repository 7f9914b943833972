"""The benchmarks that `fact eval` knows: what each asks, from where, in which version of its definition.

benchmark.py  what a benchmark is           source.py    where its items come from: a file, an artifact, the hub
tables.py     files, entry by entry         cells.py     lists and numbers in cells, read as data
hub.py        data sets on the hub, pinned  registry.py  all benchmarks by name
short.py      short answers                 popqa.py     PopQA, which worlds write too
choices.py    answers to choose from        primer.py    what TruthfulQA asks before each question
halueval.py   an answer to judge            texts.py      texts to read
"""
