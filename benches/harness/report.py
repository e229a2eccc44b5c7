"""Tables for people, and JSON for programs."""

import platform
import subprocess


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


def markdown(report):
    lines = [f"Measured {report['date']} with `{report['command']}`.", ""]
    lines += [f"- {name}: {value}" for name, value in report["machine"].items()]
    lines += ["", row(["store", "shape", "connections", "a second", "p50 ms", "p99 ms", "p99.9 ms", "server cores", "wrk cores"])]
    lines.append(row(["---"] * 9))
    for result in report["results"]:
        lines.append(row([
            result["store"], result["shape"], str(result["connections"]), number(result["rate"]), number(result["p50"]),
            number(result["p99"]), number(result["p999"]), f"{result['server_cores']:.2f}", f"{result['generator_cores']:.2f}",
        ]))
    lines += ["", row(["yardstick", "a second"]), row(["---"] * 2)]
    lines += [row([name, number(value)]) for name, value in report["yardsticks"].items()]
    lines += ["", row(["peak memory of satkeep", "MiB"]), row(["---"] * 2)]
    lines += [row([store, number(value)]) for store, value in report["peak_mib"].items()]
    lines += ["", row(["ratio", "", "target"]), row(["---"] * 3)]
    lines += [row([ratio["name"], f"{ratio['value']:.2f}", ratio["target"]]) for ratio in report["ratios"]]
    return "\n".join(lines) + "\n"


def ratios(results, yardsticks):
    """What the targets speak of, as far as it was measured."""
    at = {(r["store"], r["shape"], r["connections"]): r for r in results}
    connections = max((c for _, _, c in at if c <= 64), default=0)
    found = []

    def compare(name, value, yardstick, target):
        if value and yardstick:
            found.append({"name": name, "value": value / yardstick, "target": target})

    def rate(store, shape):
        return at.get((store, shape, connections), {}).get("rate")

    top = yardsticks.get(f"HTTP ceiling, {connections} connections")
    compare("pay hot, PostgreSQL / pgbench hot", rate("postgres", "pay hot"), yardsticks.get("pgbench, hot, 64 clients"), "at least 3")
    compare("pay spread, PostgreSQL / pgbench spread", rate("postgres", "pay spread"), yardsticks.get("pgbench, spread, 64 clients"), "")
    for store in ("sqlite", "postgres"):
        compare(f"pay hot, {store} / HTTP ceiling", rate(store, "pay hot"), top, "at least 0.35")
        compare(f"pay hot / pay spread, {store}", rate(store, "pay hot"), rate(store, "pay spread"), "at least 0.9")
        compare(f"pay hot with webhook / without, {store}", rate(store, "pay hot with webhook"), rate(store, "pay hot"), "at least 0.7")
        compare(f"wallet, {store} / HTTP ceiling", rate(store, "wallet"), top, "at least 0.6")
        compare(f"status, {store} / HTTP ceiling", rate(store, "status"), top, "at least 0.6")
        hot = at.get((store, "pay hot", connections), {})
        compare(f"p99 / p50 of pay hot, {store}", hot.get("p99"), hot.get("p50"), "at most 4")
    return found
