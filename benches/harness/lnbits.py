"""LNbits from PyPI, with a wallet that pretends (FakeWallet), asked as satkeep is."""

import http.server
import json
import pathlib
import socket
import subprocess
import sys
import threading
import urllib.request

from .processes import Process

VERSION = "1.6.0"
# Its bolt11 names no upper bound of bitstring, and does not work with the newest.
REQUIREMENTS = [f"lnbits=={VERSION}", "bitstring<5"]
CREDIT_SATS = 1_000_000
# From here on it refuses: far above what it can do.
RATE_LIMIT = "1000000"


def install(venv):
    """Installs it from PyPI. It wants Python 3.10 to 3.12."""
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([f"{venv}/bin/pip", "install", "--quiet", *REQUIREMENTS], check=True)


class Price(http.server.BaseHTTPRequestHandler):
    """Tells LNbits what a bitcoin costs. It wants to know once a minute, and asks a dozen
    places in the Internet; where they cannot be reached it would ask before every payment."""

    def do_GET(self):
        answer = json.dumps({"rates": {"median": 100_000.0}}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Lnbits(Process):
    """A fresh LNbits on a fresh database, as it comes, but for the rate limit and for where it
    learns a price. One process, as it comes."""

    def __init__(self, venv, directory, database_url):
        self.directory = pathlib.Path(directory)
        for name in ("data/logs", "extensions/extensions", "data/wasm_extensions"):
            (self.directory / name).mkdir(parents=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.prices = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Price)
        threading.Thread(target=self.prices.serve_forever, daemon=True).start()
        environment = {
            "LNBITS_PRICE_AGGREGATOR_URL": f"http://127.0.0.1:{self.prices.server_port}",
            "LNBITS_BACKEND_WALLET_CLASS": "FakeWallet", "LNBITS_ADMIN_UI": "true",
            "LNBITS_DATA_FOLDER": str(self.directory / "data"), "LNBITS_EXTENSIONS_PATH": str(self.directory / "extensions"),
            "LNBITS_RATE_LIMIT_NO": RATE_LIMIT, "LNBITS_RATE_LIMIT_UNIT": "second", "PYTHONUNBUFFERED": "1",
            **({"LNBITS_DATABASE_URL": database_url} if database_url else {}),
        }
        command = [f"{venv}/bin/uvicorn", "lnbits.__main__:app", "--loop", "uvloop", "--host", "127.0.0.1", "--port", str(port)]
        # Its pages are looked for where it is started.
        package, = pathlib.Path(venv).glob("lib/python*/site-packages/lnbits")
        (self.directory / "lnbits").symlink_to(package)
        super().__init__(command, self.directory / "lnbits.log", environment, cwd=self.directory)
        self.url = self.wait_for(r"Uvicorn running on (http://[\d.:]+)", 120)
        self.pay_master()

    def stop(self):
        super().stop()
        self.prices.shutdown()

    def call(self, method, path, key, body=None, token=None):
        headers = {"Content-Type": "application/json"}
        headers |= {"X-Api-Key": key} if key else {}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def pay_master(self):
        """Gives the wallet that pays everybody its money, as the super user."""
        login = {"username": "benchmark", "password": "benchmark-only", "password_repeat": "benchmark-only"}
        token = self.call("PUT", "/api/v1/auth/first_install", None, login)["access_token"]
        payer = self.wallets(1)[0]
        self.call("PUT", "/users/api/v1/balance", None, {"id": payer["id"], "amount": CREDIT_SATS}, token)
        self.admin = payer["adminkey"]

    def wallets(self, count):
        """New wallets, one for each of so many new users."""
        return [self.call("POST", "/api/v1/account", None, {"name": f"w{n}"}) for n in range(count)]
