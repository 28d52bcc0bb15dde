"""The loop: candles at each close, a forecast before anybody can know, and its score when the candle has settled.

    section.py     the section [watch] of a spec
    plan.py        what is watched, with every time as a number and every market by its names
    feed.py        the exchange: its clock, newest candles, last trades, gaps
    keeping.py     candles into the store, several markets at once; quiet.py, what can wait, in a thread of its own
    origins.py     which closes have a forecast or an outage, and which have neither
    books.py       what goes into the ledger, and what the loop reads out of it
    wakefulness.py whether the machine has slept
    state.py       what the steps work on
    connection.py, forecasting.py, scoring.py, loop.py      the steps, one by one; they own no thread
    nursery.py     models: trained in a process (training.py, child.py), taken over by a thread (models.py)
    report.py      what the loop says of itself: health.py; the log is journal.py
    run.py         locks, signals and the local exchange of --simulate: the rim

Whoever reads it for the first time begins with loop.py.
"""
