"""`fact audit`: what of a fine-tuning set a model knows before it is trained on it, and what training on the rest would do.

rows.py      the rows of a data set, and which of them can be asked    asking.py   one row asked again and again
stage.py     the whole                                                 telling.py  shares, and what they mean
keeping.py   the data set without what is to be left out
"""
