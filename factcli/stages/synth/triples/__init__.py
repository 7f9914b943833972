"""`fact synth qa|hotpotqa --facts FILE --backend ...`: fictitious triples drawn from real ones, texts and questions by a model.

Top-down, as in PREREQ-TUNE's short QA (arXiv 2410.19290): the triple comes first, so each text is checked against it.

settings.py   what can be chosen, with the paper's numbers
reading.py    the file of triples, its real subjects, and those that are invented after them
texts.py      statements, passages and questions of triples, each checked
qa.py         questions about one fact
pairs.py      two facts that meet in an entity, or are compared
hotpotqa.py   questions over two facts
"""
