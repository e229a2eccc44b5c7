#!/usr/bin/env python3
"""A sale whose price is split: 90 % for the creator, 10 % for the house. The price is held when it is
ordered, and paid to both at once when it is delivered.

    SATKEEP_KEY=<manager admin key> examples/split_payout.py [URL]

Uses nothing but Python's standard library.
"""

import json
import os
import sys
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"
MANAGER_KEY = os.environ["SATKEEP_KEY"]
PRICE, CREATOR_PERCENT = 215, 90


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


def wallet_of(name):
    return call("POST", "/usermanager/api/v1/users", {"user_name": name})["wallets"][0]


house = call("GET", "/api/v1/wallet")["id"]
buyer, creator = wallet_of("buyer"), wallet_of("creator")
call("POST", "/usermanager/api/v1/transfers", {"from_wallet": house, "to_wallet": buyer["id"], "amount": 500})

# Ordered: the buyer has the money still, and cannot spend it otherwise.
order = f"order-{uuid.uuid4()}"
terms = {"wallet": buyer["id"], "amount": PRICE, "expires_in": 7 * 86_400, "memo": "a song", "extra": {"order": order}}
hold = call("POST", "/usermanager/api/v1/holds", terms, **{"Idempotency-Key": order})
wallet = call("GET", "/api/v1/wallet", key=buyer["inkey"])
print(f"buyer: {wallet['balance'] // 1000} sat to spend, {wallet['balance_held'] // 1000} sat held")

# Delivered: both are paid, or neither. Whole sats are paid, and what is left over is the house's.
terms = {"to": [{"wallet": creator["id"], "amount": PRICE * CREATOR_PERCENT // 100}, {"wallet": house}]}
sold = call("POST", f"/usermanager/api/v1/holds/{hold['id']}/capture", terms, **{"Idempotency-Key": f"{order}-paid"})
parts = [capture["amount_sat"] for capture in sold["captures"]]
balances = [call("GET", "/api/v1/wallet", key=wallet["inkey"])["balance"] // 1000 for wallet in (buyer, creator)]
print(f"creator: {parts[0]} sat, house: {parts[1]} sat")
print(f"buyer: {balances[0]} sat, creator: {balances[1]} sat")
