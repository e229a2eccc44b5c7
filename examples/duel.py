#!/usr/bin/env python3
"""A duel for stakes: both players' money is held, then the winner gets the loser's stake, less the
house's share.

    SATKEEP_KEY=<manager admin key> examples/duel.py [URL]

Uses nothing but Python's standard library.
"""

import json
import os
import sys
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"
MANAGER_KEY = os.environ["SATKEEP_KEY"]
STAKE, HOUSE_PERCENT = 50, 10


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


def player(name, sats):
    """A new player's wallet, with some money."""
    user = call("POST", "/usermanager/api/v1/users", {"user_name": name})
    wallet = user["wallets"][0]
    order = {"from_wallet": house["id"], "to_wallet": wallet["id"], "amount": sats}
    call("POST", "/usermanager/api/v1/transfers", order)
    return wallet


house = call("GET", "/api/v1/wallet")
winner, loser = player("alice", 100), player("bob", 100)

# Both stakes are held, or neither: who cannot pay does not play. If this server dies before the duel
# is over, the holds expire after ten minutes, and both players have their money back.
duel = f"duel-{uuid.uuid4()}"
stakes = [
    {"wallet": wallet["id"], "amount": STAKE, "group": duel, "expires_in": 600, "memo": "stake"}
    for wallet in (winner, loser)
]
_, stake_of_loser = call("POST", "/usermanager/api/v1/holds", stakes, **{"Idempotency-Key": duel})
print("can be spent meanwhile:", call("GET", "/api/v1/wallet", key=winner["inkey"])["balance"] // 1000, "sat")

# The result, in one commit: the loser's stake is paid out, and every other hold of the group, which is
# the winner's own, is given back. The amount that is left out is what remains: the house's share.
settlement = {
    "captures": [{
        "hold": stake_of_loser["id"],
        "to": [
            {"wallet": winner["id"], "amount": STAKE * (100 - HOUSE_PERCENT) // 100},
            {"wallet": house["id"]},
        ],
    }],
    "group": duel,
}
for hold in call("POST", "/usermanager/api/v1/holds/settle", settlement, **{"Idempotency-Key": f"{duel}-end"}):
    print(f"{hold['state']}: {hold['captured'] // 1000} sat paid, {hold['released'] // 1000} sat given back")

balances = [call("GET", "/api/v1/wallet", key=wallet["inkey"])["balance"] // 1000 for wallet in (winner, loser)]
print(f"winner: {balances[0]} sat, loser: {balances[1]} sat")
