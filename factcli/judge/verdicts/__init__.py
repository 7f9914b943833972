"""Verdicts on claims: by language models with passages before them, by entailment models, by a world's ledger.

settings.py    JudgeConfig: what every judge goes by
judges.py      who judges: `http:...`, `local:...`, `scripted:...`, `nli:DIR`, `world`
showing.py     which passages are shown about which claim
quoting.py     how hostile text stands in a prompt
reading.py     from what a model said to a verdict, or to why there is none
asking.py      language models: one claim a request, or all claims of an answer
deciding.py    judges without a backend: entailment models and ledgers
filling.py     fill_verdicts, imagine_verdicts: resumable units, one bill
combining.py   several judges: one verdict, and how far they agree
"""
