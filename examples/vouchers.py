#!/usr/bin/env python3
"""Vouchers: three prizes of 100 sat, each for whoever scans it first, and the claim of one of them, as
a player's wallet makes it.

    SATKEEP_KEY=<manager admin key> examples/vouchers.py [URL]

Uses nothing but Python's standard library.
"""

import json
import os
import sys
import urllib.parse
import urllib.request

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:5001"
MANAGER_KEY = os.environ["SATKEEP_KEY"]
PRIZE_SAT, VOUCHERS = 100, 3


def call(method, url, body=None, key=MANAGER_KEY):
    """Sends a request, and returns what the answer holds; a refusal raises its message."""
    headers = {"X-Api-Key": key} if key else {}
    request = urllib.request.Request(url, method=method, headers=headers)
    if body is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refusal:
        sys.exit(f"{method} {url}: {refusal.code} {json.load(refusal)['detail']}")


def decoded(lnurl):
    """The URL in an LNURL (LUD-01), which is bech32 without a limit of length."""
    values = ["qpzry9x8gf2tvdw0s3jn54khce6mua7l".index(char) for char in lnurl.lower()[len("lnurl1"):-6]]
    bits = "".join(f"{value:05b}" for value in values)
    return bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits) // 8 * 8, 8)).decode()


# The game: a link of three uses, each with a code of its own, for the QR codes on three prizes.
link = call("POST", f"{URL}/withdraw/api/v1/links", {
    "title": "Prize of the game",
    "min_withdrawable": PRIZE_SAT,
    "max_withdrawable": PRIZE_SAT,
    "uses": VOUCHERS,
    "wait_time": 1,
    "is_unique": True,
})
for code in link["lnurls"]:
    print(code)

# The winner's wallet scans one: it asks what the link pays, and hands over an invoice for that.
winner = call("POST", f"{URL}/usermanager/api/v1/users", {"user_name": "winner"})["wallets"][0]
offer = call("GET", decoded(link["lnurls"][0]), key=None)
order = {"out": False, "amount": offer["maxWithdrawable"] // 1000, "memo": offer["defaultDescription"]}
invoice = call("POST", f"{URL}/api/v1/payments", order, key=winner["inkey"])
claim = urllib.parse.urlencode({"k1": offer["k1"], "pr": invoice["payment_request"]})
separator = "&" if "?" in offer["callback"] else "?"
print(call("GET", f"{offer['callback']}{separator}{claim}", key=None))

balance = call("GET", f"{URL}/api/v1/wallet", key=winner["inkey"])["balance"] // 1000
left = call("GET", f"{URL}/withdraw/api/v1/links/{link['id']}")
print(f"winner: {balance} sat, vouchers left: {len(left['lnurls'])}")
