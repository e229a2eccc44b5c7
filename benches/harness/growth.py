"""Whether size matters: the same load on a young database and on one that years have filled,
in turn, so that a slow minute hits both."""

import pathlib
import statistics
import time

from . import load
from .processes import Satkeep
from .shapes import SHAPES, World

# What the young database holds.
YOUNG_PAYMENTS, YOUNG_ACCOUNTS = 10_000, 1_000
LISTED_MAX = 100_000
# As many wallets pay, and are paid.
WALLETS = 400
MEASURED = ("pay hot", "pay spread", "list of 20")


def filled(binaries, directory, url, payments, accounts):
    """A server on a filled database, and its world."""
    directory.mkdir(parents=True)
    server = Satkeep(binaries["satkeep"], directory, url)
    started = time.monotonic()
    listed, *wallets = server.load(binaries["loader"], accounts, payments, min(LISTED_MAX, payments // 2))
    print(f"{payments:,} payments of {accounts:,} wallets were loaded in {time.monotonic() - started:.0f} s", flush=True)
    return server, World(server, wallets[:WALLETS], wallets[-WALLETS:], listed)


def measure(store, binaries, directory, url_of, chosen, connections):
    """A row for each shape: its rate on the young database and on the grown one."""
    sizes = {"young": (YOUNG_PAYMENTS, YOUNG_ACCOUNTS), "grown": (chosen.payments, chosen.accounts)}
    sides, rates = {}, {}
    try:
        for age, (payments, accounts) in sizes.items():
            place = pathlib.Path(directory) / f"{store}-{age}"
            sides[age] = filled(binaries, place, url_of(store, place, age), payments, accounts)
        for round_ in range(chosen.rounds):
            for shape in MEASURED:
                for age, (server, world) in sides.items():
                    feed, once = SHAPES[shape](world, chosen.rate_max * chosen.seconds)
                    rate = load.run(server.url, feed, connections, chosen.seconds, once)["rate"]
                    print(f"{store}, {age}, round {round_ + 1}, {shape}: {rate:,.0f} a second", flush=True)
                    rates.setdefault((shape, age), []).append(rate)
        for age, (server, _) in sides.items():
            started = time.monotonic()
            server.audit()
            print(f"{store}, {age}: the audit passes, after {time.monotonic() - started:.0f} s", flush=True)
    finally:
        for server, _ in sides.values():
            server.stop()
    return [
        {"store": store, "shape": shape, "payments": chosen.payments, "accounts": chosen.accounts,
         "connections": connections, **{age: statistics.median(rates[shape, age]) for age in sizes}}
        for shape in MEASURED
    ]
