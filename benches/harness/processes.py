"""Processes that are measured: satkeep, its ceiling, and a PostgreSQL of their own."""

import glob
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request


class Process:
    """A process whose processor time and peak memory are told."""

    def __init__(self, arguments, log, environment=None, cwd=None):
        self.arguments = arguments
        self.cwd = cwd
        self.log = pathlib.Path(log)
        self.environment = environment or {}
        self.start()

    def start(self):
        with open(self.log, "w") as output:
            self.child = subprocess.Popen(
                self.arguments, stdout=output, stderr=subprocess.STDOUT, cwd=self.cwd,
                env={**os.environ, **self.environment},
            )

    def wait_for(self, pattern, seconds=30):
        """The first group of a line of its log, once it is there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = re.search(pattern, self.log.read_text())
            if found:
                return found.group(1)
            if self.child.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"it does not start:\n{self.log.read_text()}")

    def cpu_seconds(self):
        """What all of its threads have used, those that have ended among them, to the nanosecond."""
        # The number that clock_getcpuclockid(3) gives for a process.
        return time.clock_gettime(~self.child.pid << 3 | 2)

    def peak_mib(self):
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) / 1024

    def stop(self):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(60)


class Satkeep(Process):
    """A fresh server on a fresh database."""

    def __init__(self, binary, directory, url):
        self.binary = binary
        environment = {
            "SATKEEP_DATA_DIR": f"{directory}/data",
            "SATKEEP_DATABASE_URL": url,
            "SATKEEP_BOOTSTRAP_SATS": "1000000000",
            "SATKEEP_LISTEN": "127.0.0.1:0",
            "SATKEEP_WEBHOOK_ALLOW_PRIVATE": "true",
            # All wallets are one manager's.
            "SATKEEP_STREAMS_PER_TENANT": "5000",
        }
        super().__init__([binary, "serve"], f"{directory}/satkeep.log", environment)
        # Its first start tells these, once.
        self.user = self.wait_for(r"manager user id: (\w+)")
        self.admin = self.wait_for(r"manager admin key: (\w+)")
        self.invoice = self.wait_for(r"manager invoice key: (\w+)")

    def start(self):
        super().start()
        self.url = self.wait_for(r"listening on (http[^;]*);")

    def load(self, loader, accounts, payments, listed):
        """Fills the database while the server is down. Some of the new wallets: first the one
        that has `listed` of the payments."""
        self.stop()
        printed = subprocess.run(
            [loader, "--data-dir", self.environment["SATKEEP_DATA_DIR"],
             "--database-url", self.environment["SATKEEP_DATABASE_URL"],
             "--accounts", str(accounts), "--payments", str(payments), "--listed", str(listed)],
            check=True, stdout=subprocess.PIPE, text=True,
        ).stdout
        self.start()
        return [json.loads(line) for line in printed.splitlines()]

    def call(self, method, path, key, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"X-Api-Key": key}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def wallets(self, count):
        """New wallets, one for each of so many new users."""
        users = (self.call("POST", "/usermanager/api/v1/users", self.admin, {"user_name": f"u{n}"}) for n in range(count))
        return [user["wallets"][0] for user in users]

    def audit(self):
        """The ledger must hold after whatever was measured."""
        subprocess.run(
            [self.binary, "audit"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **self.environment}
        )


class Receiver(Process):
    """What webhooks are sent to."""

    def __init__(self, directory):
        script = pathlib.Path(__file__).with_name("receiver.py")
        super().__init__([sys.executable, str(script)], f"{directory}/receiver.log")
        self.url = self.wait_for(r"listening on (\S+)")


class Ceiling(Process):
    """The server that does nothing."""

    KEY = "0" * 32

    def __init__(self, binary, directory):
        super().__init__([binary, "127.0.0.1:0"], f"{directory}/ceiling.log")
        self.url = self.wait_for(r"listening on (\S+)")


class Postgres:
    """A throw-away PostgreSQL with durable defaults, on the same disk."""

    def __init__(self, directory):
        self.bin = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
        self.directory = pathlib.Path(directory) / "pg"
        self.directory.mkdir()
        self.as_user = []
        if os.getuid() == 0:
            # Its server refuses to run as root.
            shutil.chown(self.directory, "postgres", "postgres")
            self.as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        self.run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D", f"{self.directory}/data")
        self.server = subprocess.Popen(
            [*self.as_user, f"{self.bin}/postgres", "-D", f"{self.directory}/data", "-k", str(self.directory),
             "-c", "listen_addresses=", "-c", "max_connections=300"],
            cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        while subprocess.run([f"{self.bin}/pg_isready", "-q", "-h", str(self.directory)]).returncode != 0:
            time.sleep(0.1)

    def run(self, program, *arguments, stdin=None):
        """Runs one of PostgreSQL's own programs, and answers what it printed."""
        return subprocess.run(
            [*self.as_user, f"{self.bin}/{program}", *arguments],
            cwd="/", input=stdin, check=True, capture_output=True, text=True,
        ).stdout

    def sql(self, text, database="postgres"):
        return self.run("psql", "-qAt", "-h", str(self.directory), "-U", "postgres", "-d", database, "-v", "ON_ERROR_STOP=1", stdin=text)

    def create(self, name):
        """A fresh database: its URL."""
        self.sql(f"DROP DATABASE IF EXISTS {name}")
        self.sql(f"CREATE DATABASE {name}")
        return f"postgres:///{name}?user=postgres&host={self.directory}"

    def stop(self):
        self.server.send_signal(signal.SIGINT)
        self.server.wait(60)
