"""The load: wrk with a script of ours, because every invoice can be paid only once."""

import json
import pathlib
import resource
import subprocess
import tempfile

# What separates the requests of a feed; no request has it in it.
SEPARATOR = "\x01"

# Reads whole requests from a feed and sends them in turn as they are: once each, or over and
# over. To put them together here would cost the generator more than half of its time.
SCRIPT = """
local feed = {}
for request in io.open("%(feed)s"):read("*a"):gmatch("[^\\1]+") do feed[#feed + 1] = request end
local next = 0
function request()
    next = next + 1
    if next > #feed then
        if %(once)s then
            -- What may still be sent before the end must not be refused.
            wrk.thread:stop()
            return "GET /api/v1/health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n"
        end
        next = 1
    end
    return feed[next]
end
function done(summary, latency, _)
    io.write(string.format('RESULT {"requests":%%d,"seconds":%%f,"refused":%%d,"broken":%%d,"p50":%%f,"p99":%%f,"p999":%%f}\\n',
        summary.requests, summary.duration / 1e6, summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3))
end
"""


def line(key, method, path, body=None):
    """One request of a feed."""
    text = "" if body is None else json.dumps(body)
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-Api-Key: {key}", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(text)}", "", text])


def run(url, feed, connections, seconds, once=False, may_refuse=False):
    """Sends the feed over so many connections, and tells what came of it (times in ms). The
    rate counts successes alone; unless there may be others, one that is none is an error."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory)
        (path / "feed").write_bytes(SEPARATOR.join(feed).encode())
        (path / "load.lua").write_text(SCRIPT % {"feed": path / "feed", "once": "true" if once else "false"})
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        printed = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", str(path / "load.lua"), url],
            check=True, capture_output=True, text=True,
        ).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(next(text for text in printed.splitlines() if text.startswith("RESULT "))[7:])
    if (result["refused"] or result["broken"]) and not may_refuse:
        raise RuntimeError(f"not every answer was the success that was expected:\n{printed}")
    result["rate"] = (result["requests"] - result["refused"]) / result["seconds"]
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    result["generator_cores"] = spent / result["seconds"]
    return result
