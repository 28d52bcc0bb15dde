"""An exchange on this machine, in fast time, whose prices this program draws: `coincast watch --simulate 60`.

    clock.py      time that runs so many times faster, and goes on after a restart
    prices.py     honest prices: the walks and echoes of `coincast simulate`, and the last trade between two closes
    venue.py      what one exchange does in its own way; `binance.py` is one
    server.py     HTTP on 127.0.0.1

The client is the one that asks real exchanges. The tests' exchange, which has more venues and every fault, is built on
the same parts.
"""
