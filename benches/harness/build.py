"""The binaries that are measured, and measure."""

import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def build(debug):
    """Builds satkeep and all benches: their binaries, by name."""
    profile = [] if debug else ["--release"]
    benches = [argument for name in ("ceiling", "micro", "loader") for argument in ("--bench", name)]
    command = ["cargo", "build", "--locked", "--message-format=json", "--bin", "satkeep", *benches, *profile]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(text) for text in printed.splitlines()]
    return {m["target"]["name"]: m["executable"] for m in messages if m.get("executable")}
