"""The micro-benchmarks: criterion's own estimates of what the parts cost."""

import json
import os
import pathlib
import subprocess


def run(binary, directory, url, quick=False):
    """Runs them, against a PostgreSQL by URL too, and answers a row for each. With `quick`
    each is only tried, which gives no estimates."""
    home = pathlib.Path(directory) / "criterion"
    environment = {**os.environ, "CRITERION_HOME": str(home), "SATKEEP_BENCH_POSTGRES": url}
    subprocess.run([binary, "--test" if quick else "--bench"], check=True, env=environment)
    return [row(path.parent) for path in sorted(home.glob("*/*/new/benchmark.json"), key=lambda path: path.stat().st_mtime)]


def row(directory):
    """One benchmark: the median's time in ns, and elements a second."""
    what = json.loads((directory / "benchmark.json").read_text())
    ns = json.loads((directory / "estimates.json").read_text())["median"]["point_estimate"]
    return {
        "group": what["group_id"], "name": what["function_id"], "ns": ns,
        "rate": what["throughput"]["Elements"] * 1e9 / ns,
    }
