"""`fact export`: adapters merged into their base, or joined into one, for other tools; with a certificate and a model card.

parts.py   what is exported, and whether it fits together     stage.py   plan, cost, work
serving.py what vLLM takes                                    card.py    the model card, and the copy for other tools
"""
