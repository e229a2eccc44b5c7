#!/usr/bin/env python3
"""Two tournaments with entry fees: one is cancelled, and everybody has the fee back; the other is
played, and the prizes are paid from the fees.

    SATKEEP_KEY=<manager admin key> examples/tournament.py [URL]

Uses nothing but Python's standard library.
"""

import json
import os
import sys
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"
MANAGER_KEY = os.environ["SATKEEP_KEY"]
FEE, PRIZES = 20, [60, 30, 10]


def call(method, path, body=None, key=MANAGER_KEY, **headers):
    """Sends a request, and returns what the answer holds; a refusal raises its message."""
    request = urllib.request.Request(URL + path, method=method, headers={"X-Api-Key": key, **headers})
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{method} {path}: {refusal.code} {json.load(refusal)['detail']}")


def enter(cup, wallet):
    """Holds the fee of one who enters: a day at most."""
    order = {"wallet": wallet["id"], "amount": FEE, "group": cup, "expires_in": 86_400, "memo": "entry fee"}
    return call("POST", "/usermanager/api/v1/holds", order, **{"Idempotency-Key": f"{cup}-{wallet['id']}"})


def prizes(fees, winners):
    """What to capture: each prize is taken from as many fees as it needs."""
    captures = [{"hold": fee["id"], "to": [], "left": FEE} for fee in fees]
    waiting = iter(captures)
    source = next(waiting)
    for winner, prize in zip(winners, PRIZES):
        while prize > 0:
            if source["left"] == 0:
                source = next(waiting)
            part = min(prize, source["left"])
            source["to"].append({"wallet": winner["id"], "amount": part})
            source["left"] -= part
            prize -= part
    return [{"hold": capture["hold"], "to": capture["to"]} for capture in captures if capture["to"]]


def balances():
    return [call("GET", "/api/v1/wallet", key=wallet["inkey"])["balance"] // 1000 for wallet in players]


house = call("GET", "/api/v1/wallet")["id"]
users = [call("POST", "/usermanager/api/v1/users", {"user_name": f"player {n}"}) for n in range(1, 6)]
players = [user["wallets"][0] for user in users]
gifts = [{"from_wallet": house, "to_wallet": wallet["id"], "amount": 50} for wallet in players]
call("POST", "/usermanager/api/v1/transfers", gifts)

# The first one is cancelled: one call gives all fees back.
cup = f"cup-{uuid.uuid4()}"
for wallet in players:
    enter(cup, wallet)
print("entered:", balances())
given_back = call("POST", "/usermanager/api/v1/holds/settle", {"group": cup}, **{"Idempotency-Key": f"{cup}-end"})
print(f"cancelled, {len(given_back)} fees given back:", balances())

# The second one is played: all fees become prizes, in one commit.
cup = f"cup-{uuid.uuid4()}"
fees = [enter(cup, wallet) for wallet in players]
settlement = {"captures": prizes(fees, winners=players), "group": cup}
paid = call("POST", "/usermanager/api/v1/holds/settle", settlement, **{"Idempotency-Key": f"{cup}-end"})
print(f"played, {sum(hold['captured'] for hold in paid) // 1000} sat paid:", balances())
