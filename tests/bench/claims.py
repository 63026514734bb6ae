# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the figures must show. Pure: reads a result (see bench.py) and says PASS, FAIL or SKIP.

Ratios are of what was measured side by side in one run: absolute figures are the machine's.
"""

from figures import claim, ratio

SCAN_RATIO_MAX = 1.05
USER_PERCENT_MAX = 5
USER_FROM = 100_000  # TIME_WAIT sockets
MINUTE_RATIO_MAX = {"100k": {"collectd": 0.45, "node_exporter": 0.2},
                    "100k+established": {"collectd": 0.35, "node_exporter": 0.15}}
QUIET_MSEC_MAX = 5
QUIET_KIB_MAX = 4.5 * 1024
MILLION_KIB_MAX = 7 * 1024
TRACKED_BYTES_MAX = 64
LATENCY_MSEC_MAX = 20
BUDGET_PERCENT_MAX = 0.25
LEVELS = ("10k", "100k", "1M")


def find(rows, who, privileges):
    return next((row for row in rows if row["who"] == who and not row.get("absent") and
                 row["privileges"] == privileges), None)


def named(items, name):
    return next((item for item in items if item["name"] == name), None)


def _of(row, key):
    return row[key] if row else None


def _scan_claims(result):
    for name in LEVELS:
        level = named(result["levels"], name)
        rows = level["rows"] if level else []
        for privileges, text in ("root", "both as root"), ("none", "both without capabilities"):
            yield claim(f"{name}: a scan / the bare dump, {text}",
                        _of(find(rows, "twmond", privileges), "ratioSame"), SCAN_RATIO_MAX)
        yield claim(f"{name}: a scan without capabilities / the bare dump as root",
                    _of(find(rows, "twmond", "none"), "ratio"), 1)
        if level and level["timeWait"] < USER_FROM or name == LEVELS[0]:
            continue
        for privileges, text in ("root", "as root"), ("none", "without capabilities"):
            share = next((item for item in level["userShare"]
                          if item["privileges"] == privileges), None) if level else None
            yield claim(f"{name}: user time of a scan, {text}", _of(share, "percent"),
                        USER_PERCENT_MAX, "%")


def _minute_claims(result):
    for name, wanted in MINUTE_RATIO_MAX.items():
        minutes = named(result["minutes"], name)
        for peer, most in wanted.items():
            got, why = None, "not measured"
            if minutes:
                theirs = find(minutes["rows"], peer, "none" if peer == "node_exporter" else "root")
                ours = find(minutes["rows"], "twmond", "none")
                got, why = ratio(ours["cpuMsec"], _of(theirs, "cpuMsec")), f"no {peer} here"
            yield claim(f"{name}: CPU per minute / {peer}'s", got, most, why=why)
    quiet = named(result["minutes"], "quiet")
    yield claim(f"quiet host: CPU per minute, a table of {result['machine']['buckets']} buckets",
                quiet and find(quiet["rows"], "twmond", "none")["cpuMsec"], QUIET_MSEC_MAX, "ms")


def _memory_claims(result):
    memory = {item["closeWait"]: item["residentKiB"] for item in result["closeWaitMemory"]}
    growth = {item["timeWait"]: item["residentKiB"] for item in result["growth"]}
    quiet = named(result["minutes"], "quiet")
    yield claim("quiet host: resident memory",
                quiet and find(quiet["rows"], "twmond", "none")["residentKiB"], QUIET_KIB_MAX, "KiB")
    yield claim("1M TIME_WAIT: resident memory", growth.get(1_000_000), MILLION_KIB_MAX, "KiB")
    for count in 10_000, 100_000:
        got = None
        if count in memory:
            got = (memory[count] - memory[0]) * 1024 / count
        yield claim(f"resident memory for each of {count:,} tracked CLOSE_WAIT sockets", got,
                    TRACKED_BYTES_MAX, "bytes")


def _latency_claims(result):
    latency = result["latency"]
    for key, text in ("socket", "a call of GetStatus"), ("command", "a run of twmonctl status"):
        yield claim(f"99 % of answers while 1M sockets are dumped: {text}",
                    latency and latency[key] and latency[key]["p99"], LATENCY_MSEC_MAX, "ms")


def _budget_claims(result):
    budget = result["budget"]
    why = budget["skipped"]
    yield claim("CPUBudget=0.2%, 1M sockets, ten minutes: share of one CPU", budget.get("percent"),
                BUDGET_PERCENT_MAX, "%", why)
    told = budget.get("told")
    yield claim("... and status says what was stretched", None if told is None else int(not told),
                0, "missing", why)


def judge(result):
    """[claim], in the order in which they are printed."""
    return [item for claims in (_scan_claims, _minute_claims, _memory_claims, _latency_claims,
                                _budget_claims) for item in claims(result)]
