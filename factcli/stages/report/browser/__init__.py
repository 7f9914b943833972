"""Every item of the page's evaluations, to be searched and filtered in the reader's browser, from a file and without a server.

section.py  the section of the page
items.py    evaluations -> items and what each model said to them, claims and evidence included
scored.py   long answers that a judge scored -> the same
duels.py    answers that a judge compared in pairs -> the same
packed.py   items -> the columns that travel inside the page
rows.js     search, filters, order and the window of rows that is drawn: no DOM
opened.js   an opened item: each answer in full, claims marked, evidence
page.js     the controls, the rows, keys, addresses
begin.js    what runs when the page has loaded
browser.css how it looks
"""
