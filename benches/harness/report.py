"""Tables for people, and JSON for programs."""

import platform
import subprocess

from .growth import YOUNG_PAYMENTS
from .shapes import CONNECTIONS_MAX, SETTLE, SETTLED


def machine():
    """What was measured on."""
    def first_line(*command):
        lines = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
        return lines[0] if lines else "unknown"

    with open("/proc/cpuinfo") as info:
        models = [row.split(":", 1)[1].strip() for row in info if row.startswith("model name")]
    return {
        "processor": f"{len(models)} x {models[0] if models else platform.machine()}",
        "kernel": platform.release(),
        "postgresql": first_line("psql", "--version"),
        "commit": first_line("git", "rev-parse", "--short", "HEAD"),
    }


def row(cells):
    return "| " + " | ".join(cells) + " |"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def table(header, rows):
    """A table with an empty line before it; nothing where there are no rows."""
    rows = list(rows)
    return ["", row(header), row(["---"] * len(header)), *(row(cells) for cells in rows)] if rows else []


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{ns / size:.2f} {unit}"
    return f"{ns:.0f} ns"


def markdown(report):
    lines = [f"Measured {report['date']} with `{report['command']}`.", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += table(
        ["store", "shape", "connections", "a second", "p50 ms", "p99 ms", "p99.9 ms", "server cores", "wrk cores"],
        ([r["store"], r["shape"], str(r["connections"]), number(r["rate"]), number(r["p50"]), number(r["p99"]),
          number(r["p999"]), f"{r['server_cores']:.2f}", f"{r['generator_cores']:.2f}"] for r in report["results"]),
    )
    lines += table(["yardstick", "a second"], ([name, number(value)] for name, value in report["yardsticks"].items()))
    lines += table(
        ["micro-benchmark", "", "one takes", "elements a second"],
        ([m["group"], m["name"], duration(m["ns"]), number(m["rate"])] for m in report["micro"]),
    )
    lines += table(
        ["store", "shape", f"{YOUNG_PAYMENTS:,} payments", "grown", "payments", "wallets", "ratio"],
        ([g["store"], g["shape"], number(g["young"]), number(g["grown"]), f"{g['payments']:,}", f"{g['accounts']:,}",
          f"{g['grown'] / g['young']:.2f}"] for g in report["growth"]),
    )
    lines += table(
        ["figure", "", "target", ""],
        ([r["name"], f"{r['value']:.2f}", r["target"], r["reached"]] for r in report["ratios"]),
    )
    return "\n".join(lines) + "\n"


def usual(connections):
    """The number of connections that the targets speak of: 64, or the next below."""
    return max((c for c in connections if c <= 64), default=min(connections))


class Figures:
    """What the targets speak of, as far as it was measured."""

    def __init__(self):
        self.found = []

    def add(self, name, value, at_least=None, at_most=None):
        if value is None:
            return
        target, reached = "", ""
        if at_least is not None:
            target, reached = f"at least {at_least}", "reached" if value >= at_least else "not reached"
        if at_most is not None:
            target, reached = f"at most {at_most}", "reached" if value <= at_most else "not reached"
        self.found.append({"name": name, "value": value, "target": target, "reached": reached})

    def ratio(self, name, value, yardstick, **target):
        self.add(name, value / yardstick if value and yardstick else None, **target)


def ratios(report):
    """Every row of the table of targets that this run can tell."""
    at = {(r["store"], r["shape"], r["connections"]): r for r in report["results"]}
    connections = usual([c for _, _, c in at] or [64])
    yardsticks = report["yardsticks"]
    micro = {(m["group"], m["name"]): m["rate"] for m in report["micro"]}
    figures = Figures()

    def rate(store, shape):
        return at.get((store, shape, connections), {}).get("rate")

    top = yardsticks.get(f"HTTP ceiling, {connections} connections")
    hot, spread = yardsticks.get("pgbench, hot, 64 clients"), yardsticks.get("pgbench, spread, 64 clients")
    figures.ratio("pay hot, postgres / pgbench hot", rate("postgres", "pay hot"), hot, at_least=3)
    figures.ratio("pay spread, postgres / pgbench spread", rate("postgres", "pay spread"), spread)
    for store in ("sqlite", "postgres"):
        paying = at.get((store, "pay hot", connections), {})
        figures.ratio(f"pay hot, {store} / HTTP ceiling", rate(store, "pay hot"), top, at_least=0.35)
        figures.ratio(f"pay hot / pay spread, {store}", rate(store, "pay hot"), rate(store, "pay spread"), at_least=0.9)
        hooked = rate(store, "pay hot with webhook")
        figures.ratio(f"pay hot with webhook / without, {store}", hooked, rate(store, "pay hot"), at_least=0.7)
        moved, captured = rate(store, "transfer"), rate(store, "capture hold")
        figures.ratio(f"transfer / pay hot, {store}", moved, rate(store, "pay hot"))
        figures.ratio(f"place hold / pay hot, {store}", rate(store, "place hold"), rate(store, "pay hot"))
        figures.ratio(f"place hold / transfer, {store}", rate(store, "place hold"), moved)
        figures.ratio(f"capture hold / pay hot, {store}", captured, rate(store, "pay hot"))
        figures.ratio(f"capture hold / transfer, {store}", captured, moved)
        settled = at.get((store, SETTLE, min(connections, CONNECTIONS_MAX[SETTLE])), {}).get("rate")
        figures.ratio(f"holds captured by {SETTLE} / capture hold, {store}", settled and settled * SETTLED, captured)
        signed, issued = micro.get(("invoice", "sign")), micro.get(("invoice", "issue"))
        figures.ratio(f"create, {store} / signatures", rate(store, "create"), signed, at_least=0.6)
        figures.ratio(f"create, {store} / whole invoices issued by one core", rate(store, "create"), issued)
        figures.ratio(f"wallet, {store} / HTTP ceiling", rate(store, "wallet"), top, at_least=0.6)
        figures.ratio(f"status, {store} / HTTP ceiling", rate(store, "status"), top, at_least=0.6)
        figures.ratio(f"p99 / p50 of pay hot, {store}", paying.get("p99"), paying.get("p50"), at_most=4)
    for grown in report["growth"]:
        name = f"{grown['shape']}, {grown['store']}, {grown['payments']:,} / {YOUNG_PAYMENTS:,} payments"
        figures.ratio(name, grown["grown"], grown["young"], at_least=0.9)
    for store, peak in report["peak_mib"].items():
        figures.add(f"peak memory in MiB, {store}", peak, at_most=64)
    figures.add("processor time in ms from start to first answer, empty SQLite", report.get("start_cpu_ms"), at_most=100)
    return figures.found
