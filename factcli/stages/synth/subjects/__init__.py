"""`fact synth bio|medical --subjects FILE`: fictitious subjects written after real ones, bottom-up.

PREREQ-TUNE's data (arXiv 2410.19290, Fig. 2; its code has none of it): a real text -> K fictitious versions -> single
statements of each -> paraphrases and passages to learn from, and the task pair that uses exactly these statements.

settings.py   what can be chosen, with the paper's numbers
casting.py    who is real, in which split, who is written after whom, how familiar they are to become
inventing.py  a name, and K versions of the text
telling.py    from a text to statements, paraphrases, passages and the answer
stage.py      plan, cost, work
"""
