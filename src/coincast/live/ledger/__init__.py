"""The ledger: every live forecast, its score and every outage, each entry hash-chained to the one before.

    entry.py         an entry and its hash
    schema.py        the table in SQLite, its versions, opening a file; writer.py: one writer at a time
    ledger.py        open, append, read
    forecast.py      what a live forecast is, and when it is late
    entering.py      the door: forecasts and outages
    measures.py      what a closed candle says of a forecast; scoring.py: scores
    line.py, book.py losses so far, each entry read once; running.py: the verdicts of now
    tables.py        as tables; record.py: the track record; export.py: as files;
                     glance.py: what is shown first
    verification.py  is it what it was? rules.py: and does it make sense? anchor.py: a line that proves it later
    offers.py        forecasts made elsewhere; inbox.py: on their way to the process that writes; submission.py: either

Times are milliseconds since 1970 UTC, as whole numbers; in tables they are `Datetime("ms", "UTC")`.
"""

from coincast.live.ledger.anchor import Anchor, make_anchor, read_anchor
from coincast.live.ledger.book import MISSING, Due
from coincast.live.ledger.entering import REASONS, append_forecast, append_outage, live_forecasts
from coincast.live.ledger.entry import KINDS, Entry, Head
from coincast.live.ledger.export import export_ledger
from coincast.live.ledger.forecast import Entered, LiveForecast, LiveStep, default_allowance, target_times
from coincast.live.ledger.glance import Glance, glance
from coincast.live.ledger.inbox import Taken, hand_over, take_inbox
from coincast.live.ledger.ledger import Ledger
from coincast.live.ledger.offers import Offer, Offers, enter_offer, read_offers
from coincast.live.ledger.record import TrackRecord, track_record
from coincast.live.ledger.running import CAUTION, Running, running
from coincast.live.ledger.scoring import append_score, due
from coincast.live.ledger.tables import forecast_table, newest_forecasts, outage_table, score_table
from coincast.live.ledger.verification import Fault, Verification, verify
from coincast.live.ledger.writer import WrittenElsewhere

__all__ = [
    "CAUTION",
    "KINDS",
    "MISSING",
    "REASONS",
    "Anchor",
    "Due",
    "Entered",
    "Entry",
    "Fault",
    "Glance",
    "Head",
    "Ledger",
    "LiveForecast",
    "LiveStep",
    "Offer",
    "Offers",
    "Running",
    "Taken",
    "TrackRecord",
    "Verification",
    "WrittenElsewhere",
    "append_forecast",
    "append_outage",
    "append_score",
    "default_allowance",
    "due",
    "enter_offer",
    "export_ledger",
    "forecast_table",
    "glance",
    "hand_over",
    "live_forecasts",
    "make_anchor",
    "newest_forecasts",
    "outage_table",
    "read_anchor",
    "read_offers",
    "running",
    "score_table",
    "take_inbox",
    "target_times",
    "track_record",
    "verify",
]
