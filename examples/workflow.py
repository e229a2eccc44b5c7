#!/usr/bin/env python3
"""The workflow of a game: a user with a wallet, an invoice of its, a payment, the balance.

    SATKEEP_KEY=<manager admin key> examples/workflow.py [URL]

Uses nothing but Python's standard library.
"""

import json
import os
import sys
import urllib.request
import uuid

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"
MANAGER_KEY = os.environ["SATKEEP_KEY"]


def call(method, path, key, body=None, **headers):
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


# A user with a wallet. The name of the request makes a retry safe: it is carried out once.
user = call(
    "POST", "/usermanager/api/v1/users", MANAGER_KEY,
    {"user_name": "player", "wallet_name": "player's wallet"},
    **{"Idempotency-Key": str(uuid.uuid4())},
)
wallet = user["wallets"][0]
print(f"user {user['id']} has the wallet {wallet['id']}")

# An invoice of 21 sat: the invoice key can receive, and not spend.
invoice = call("POST", "/api/v1/payments", wallet["inkey"], {"out": False, "amount": 21, "memo": "prize"})

# The manager pays it.
payment = call(
    "POST", "/api/v1/payments", MANAGER_KEY, {"out": True, "bolt11": invoice["bolt11"]},
    **{"Idempotency-Key": f"prize-{invoice['payment_hash']}"},
)
print(f"paid {payment['payment_hash']}: {payment['status']}")

# Both sides see it. A wallet's balance is in msat.
seen = call("GET", f"/api/v1/payments/{invoice['payment_hash']}", wallet["inkey"])
balance = call("GET", "/api/v1/wallet", wallet["inkey"])["balance"]
print(f"paid: {seen['paid']}, balance: {balance // 1000} sat")
