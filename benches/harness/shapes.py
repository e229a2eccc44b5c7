"""What is asked of a server: one class for each shape of load."""

import itertools

from . import load

CREATE = {"out": False, "amount": 1, "memo": "Payment/Tip from service/game"}
PAYMENTS = "/api/v1/payments"
TRANSFERS = "/usermanager/api/v1/transfers"
HOLDS = "/usermanager/api/v1/holds"
# Holds that are settled together.
SETTLED = 100


class World:
    """Wallets with money, and invoices that wait to be paid."""

    def __init__(self, server, payees, payers=(), listed=None, webhook=None):
        """Of wallets that are there; the manager's own one gives the payers money."""
        self.server, self.payees, self.payers, self.listed, self.webhook = server, payees, payers, listed, webhook
        if payers:
            legs = [{"from_wallet": self.manager_wallet(), "to_wallet": w["id"], "amount": 1_000_000} for w in payers]
            server.call("POST", TRANSFERS, server.admin, legs)
        self.held = []
        self.open = []
        self.hooked = []
        self.paid = []
        self.newest = {}

    def manager_wallet(self):
        return self.server.call("GET", "/api/v1/wallet", self.server.admin)["id"]

    def creates(self, order=None):
        return [load.line(w["inkey"], "POST", PAYMENTS, order or CREATE) for w in self.payees]

    def invoices_with_webhook(self, count):
        """The same, each with a webhook."""
        while len(self.hooked) < count:
            load.run(self.server.url, self.creates({**CREATE, "webhook": self.webhook}), 64, 2)
            for wallet in self.payees:
                self.collect(wallet)
        taken, self.hooked = self.hooked[:count], self.hooked[count:]
        return taken

    def invoices(self, count):
        """So many invoices that nobody has paid: (text, payee's key, hash)."""
        while len(self.open) < count:
            load.run(self.server.url, self.creates(), 16, 2)
            for wallet in self.payees:
                self.collect(wallet)
        taken, self.open = self.open[:count], self.open[count:]
        self.paid.extend(taken[:1000])
        return taken

    def holds(self, count):
        """So many holds of a sat of the payers' that nobody has settled: their ids."""
        payers = itertools.cycle(self.payers)
        while len(self.held) < count:
            orders = [{"wallet": next(payers)["id"], "amount": 1, "expires_in": 86_400} for _ in range(1000)]
            self.held += [hold["id"] for hold in self.server.call("POST", HOLDS, self.server.admin, orders)]
        taken, self.held = self.held[:count], self.held[count:]
        return taken

    def collect(self, wallet):
        """Takes in what a wallet has issued since the last look: its newest payments, page by page."""
        last = self.newest.get(wallet["id"])
        # What the load had under way at its end may still come, and move rows to the next page.
        seen = set()
        for offset in itertools.count(0, 1000):
            page = self.server.call("GET", f"{PAYMENTS}?limit=1000&offset={offset}", wallet["inkey"])
            if page and offset == 0:
                self.newest[wallet["id"]] = page[0]["payment_hash"]
            for payment in page:
                if payment["payment_hash"] == last:
                    return
                if payment["status"] == "pending" and payment["payment_hash"] not in seen:
                    seen.add(payment["payment_hash"])
                    waiting = self.hooked if payment["webhook"] else self.open
                    waiting.append((payment["bolt11"], wallet["inkey"], payment["payment_hash"]))
            if len(page) < 1000:
                return


def pay(key, invoice):
    return load.line(key, "POST", PAYMENTS, {"out": True, "bolt11": invoice[0]})


def create(world, _count):
    return world.creates(), False


def pay_hot(world, count):
    return [pay(world.server.admin, invoice) for invoice in world.invoices(count)], True


def pay_hot_with_webhook(world, count):
    return [pay(world.server.admin, invoice) for invoice in world.invoices_with_webhook(count)], True


def pay_spread(world, count):
    payers = itertools.cycle(wallet["adminkey"] for wallet in world.payers)
    return [pay(key, invoice) for key, invoice in zip(payers, world.invoices(count))], True


def transfer(world, _count):
    """Without an invoice, from the manager's wallet."""
    legs = ({"from_wallet": world.manager_wallet(), "to_wallet": payee["id"], "amount": 1} for payee in world.payees)
    return [load.line(world.server.admin, "POST", TRANSFERS, leg) for leg in legs], False


def place_hold(world, _count):
    orders = ({"wallet": payer["id"], "amount": 1, "expires_in": 86_400} for payer in world.payers)
    return [load.line(world.server.admin, "POST", HOLDS, order) for order in orders], False


def capture_hold(world, count):
    """Holds of all payers, to one payee."""
    terms = {"to_wallet": world.payees[0]["id"]}
    return [load.line(world.server.admin, "POST", f"{HOLDS}/{hold}/capture", terms) for hold in world.holds(count)], True


def settle_holds(world, count):
    """So many of them at once, to one payee."""
    to = [{"wallet": world.payees[0]["id"]}]
    holds = iter(world.holds(max(count // SETTLED, 1) * SETTLED))
    settlements = ([{"hold": hold, "to": to} for hold in group] for group in zip(*[holds] * SETTLED))
    return [load.line(world.server.admin, "POST", f"{HOLDS}/settle", {"captures": some}) for some in settlements], True


def wallet(world, _count):
    return [load.line(w["inkey"], "GET", "/api/v1/wallet") for w in world.payees], False


def status(world, _count):
    if not world.paid:
        world.invoices(100)
    return [load.line(key, "GET", f"{PAYMENTS}/{payment_hash}") for _, key, payment_hash in world.paid], False


def listing(world, _count):
    return [load.line(world.listed["inkey"], "GET", f"{PAYMENTS}?limit=20")], False


def mixed(world, count):
    """60 % status, 25 % create, 15 % pay."""
    day = []
    statuses = itertools.cycle(status(world, 0)[0])
    creates = itertools.cycle(world.creates())
    payments = iter(pay_hot(world, count * 15 // 100 + 1)[0])
    for _ in range(count // 20):
        day += [next(statuses) for _ in range(12)] + [next(creates) for _ in range(5)] + [next(payments) for _ in range(3)]
    return day, True


WITH_WEBHOOK = "pay hot with webhook"
SETTLE = f"settle {SETTLED} holds"
# What fills the ledger's queue sooner than a payment does: one tenant may have some 3,000 movements
# in it, and more are refused.
CONNECTIONS_MAX = {SETTLE: 16}

SHAPES = {
    "create": create,
    "pay hot": pay_hot,
    "pay spread": pay_spread,
    "transfer": transfer,
    "place hold": place_hold,
    "capture hold": capture_hold,
    SETTLE: settle_holds,
    "wallet": wallet,
    "status": status,
    "list of 20": listing,
    "mixed day": mixed,
    # Last: what it leaves in the outbox goes on beside whatever comes after it.
    WITH_WEBHOOK: pay_hot_with_webhook,
}
