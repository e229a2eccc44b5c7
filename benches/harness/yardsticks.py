"""What satkeep is compared with, in the same run and on the same disk."""

import os
import pathlib
import re
import statistics
import tempfile
import time

from . import load
from .processes import Ceiling, Satkeep

SCHEMA = """
CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE entries (id bigserial PRIMARY KEY, account int NOT NULL, amount bigint NOT NULL);
INSERT INTO accounts SELECT n, 1000000000 FROM generate_series(1, 1000) AS n;
"""

# Two updates, two inserts, one commit: the least that a transfer is.
TRANSFER = """
\\set from {payer}
\\set to random(2, 1000)
BEGIN;
UPDATE accounts SET balance = balance - 1 WHERE id = least(CAST(:from AS int), CAST(:to AS int));
UPDATE accounts SET balance = balance + 1 WHERE id = greatest(CAST(:from AS int), CAST(:to AS int));
INSERT INTO entries (account, amount) VALUES (:from, -1);
INSERT INTO entries (account, amount) VALUES (:to, 1);
COMMIT;
"""


def pgbench(postgres, payer, clients, seconds):
    """Transfers a second in plain SQL; one payer is hot, a random one is spread."""
    postgres.create("yardstick")
    postgres.sql(SCHEMA + "VACUUM ANALYZE;", "yardstick")
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(TRANSFER.format(payer=payer))
        script.flush()
        os.chmod(script.name, 0o644)
        printed = postgres.run(
            "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds), "-f", script.name,
            "-h", str(postgres.directory), "-U", "postgres", "yardstick",
        )
    return float(re.search(r"tps = ([\d.]+)", printed).group(1))


def flushes(directory, seconds):
    """How often a second the disk takes 4 KiB and says that it has them."""
    page = b"x" * 4096
    with tempfile.NamedTemporaryFile(dir=directory) as file:
        started, count = time.monotonic(), 0
        while time.monotonic() - started < seconds:
            os.write(file.fileno(), page)
            os.fdatasync(file.fileno())
            count += 1
        return count / (time.monotonic() - started)


def ceiling(binary, directory, connections, seconds):
    """Requests a second where nothing is done for them."""
    server = Ceiling(binary, directory)
    order = {"out": True, "bolt11": "lnbc" + "q" * 300}
    try:
        return load.run(server.url, [load.line(Ceiling.KEY, "POST", "/", order)], connections, seconds)
    finally:
        server.stop()


def start_cpu_ms(binary, directory, times):
    """What a server uses from its start on an empty SQLite, a first manager with money made on
    the way, to its first answer: ms of processor time, of all threads; the median."""
    used = []
    for number in range(times):
        place = pathlib.Path(directory) / f"start-{number}"
        place.mkdir()
        server = Satkeep(binary, place, f"sqlite://{place}/satkeep.sqlite")
        try:
            server.call("GET", "/api/v1/health", "")
            used.append(server.cpu_seconds() * 1000)
        finally:
            server.stop()
    return statistics.median(used)
