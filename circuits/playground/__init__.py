"""The playground, a page in the browser: `python -m circuits play`, or `make play`.

Read in this order: `gallery` and `choices` (which circuit is shown), `soft_units` (its units as sigmoids), `members`
and `runs` (networks that learn it, recorded step by step), `learned_circuits` (read back from networks), `pictures`,
`frames`, `charts` and `row_tables` (what the page shows), `app` (the page: cells of marimo, which call the others).
"""
