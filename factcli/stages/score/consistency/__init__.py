"""`fact score consistency`: how far answers drawn for one question agree, and what that says of what a model knows.

settings.py     ConsistencyConfig, the tables
sources.py      samples, wiki questions or a file -> questions with their answers
pairs.py        which texts the entailment model compares
reflecting.py   what a model thinks of its own answers
scoring.py      what was said of the pairs -> scores
finding.py      known and unknown questions, thresholds, calibration: what needs all questions
changing.py     what an earlier model knew and this one does not, and the other way round
stage.py        plan, cost, work
"""
