"""Claims of answers: taken apart by a model or by rules, given with the file, or read by a world's grammar.

What the scores call, in this order:
    settings.ClaimsConfig                      the group that a score's settings nest, as `claims`
    abstention.marked(answers, config)         the answers with `abstention` filled in; those that abstain get no claims
    filling.TABLES                             claims, origins, rejected: merge into the tables of the Plan
    filling.pinned(config)                     what a Plan's prompts must hold: templates, demonstrations, the sentence splitter
    filling.imagined_claims(answers, config, who)   what a model would cost; an empty estimate where none is asked
    filling.fill_claims(draft, answers, given, config, who, report)   writes one unit per answer, `claims {answer.id}`

`who` is None but for source model. `given` is Answers.given. Rows of the table `claims` are AnswerClaim, in the order of the answers.
An answer without a claim has a row in `rejected` whose step is `claims`, and whose reason says why.

settings.py    the settings               splitting.py  sentences with their places
rules/         no model                   asking.py     a model, its form and demonstrations; parsing.py: its lists
repairs.py     what a model adds          subject.py    pronouns to names
marks.py       duplicate, trivial, copied abstention.py who declines to answer
reading.py     given claims, and a world's grammar
"""
