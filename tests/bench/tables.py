# SPDX-License-Identifier: LGPL-2.1-or-later
"""A result of the benchmark as a text for a terminal, and as the page docs/performance.md.

Pure but for the instructions, which are another target's file. Both forms show the same
sections: a title, a few words, a table.
"""

import json
import os

import peers

_NOTHING = "-"
_FEW = 1000
_PRIVILEGES = {"root": "root", "none": "no capability"}


def number(value, digits=3):
    """So many significant digits at the most, no exponent."""
    if value is None:
        return _NOTHING
    if isinstance(value, int) or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    places = digits
    while places > 0 and abs(value) >= 10 ** (digits - places):
        places -= 1
    return f"{value:.{max(places, 1)}f}"


def times(value):
    return _NOTHING if value is None else f"{value:.2f} x"


def mib(kib):
    return _NOTHING if kib is None else f"{kib / 1024:.1f}"


def _median(summary):
    return summary["median"] if summary else None


def _range(summary):
    return f"{number(summary['min'])}-{number(summary['max'])}" if summary else _NOTHING


def _per_minute(row):
    period = peers.PERIODS.get(row["who"])
    median = _median(row["cpuMsec"])
    return None if period is None or median is None else median * 60 / period


def _scan_row(row):
    if row.get("absent"):
        return [row["title"], "not installed"] + [_NOTHING] * 9
    return [row["title"], _PRIVILEGES[row["privileges"]], number(_median(row["cpuMsec"])),
            _range(row["cpuMsec"]), number(_median(row["userMsec"])),
            number(_median(row["systemMsec"])), number(_median(row["wallMsec"])),
            times(row["ratio"]), times(row["ratioSame"]), mib(_median(row["peakKiB"])),
            number(_per_minute(row))]


_SCAN_HEAD = ["one reading", "as", "CPU ms", "from-to", "user", "system", "wall ms",
              "to root's dump", "same rights", "peak MiB", "CPU ms/min"]


def _level(level):
    shares = ", ".join(f"{share['percent']:.1f} % ({_PRIVILEGES[share['privileges']]}, "
                       f"{share['rounds']} scans)"
                       for share in level["userShare"] if share["percent"] is not None)
    other = sum(row.get("otherRequests", 0) for row in level["rows"])
    words = (f"{level['timeWait']:,} sockets in TIME_WAIT, {level['closeWait']:,} in CLOSE_WAIT; "
             f"{level['rounds']} rounds, candidates in turns. User time of a scan, which is all but "
             f"its system calls, each timed: {shares}.")
    if (level.get("foreign") or 0) > _FEW:
        words += (f" Other namespaces had {level['foreign']:,} sockets besides, which every walk "
                  "passes, so that ratios are nearer to 1.")
    if other:
        words += f" {other} scans asked for other sockets and are left out."
    return f"{level['name']}: one reading", words, _SCAN_HEAD, list(map(_scan_row, level["rows"]))


def _minute_row(row, rows):
    if row.get("absent"):
        return [row["title"], "not installed"] + [_NOTHING] * 7
    ours = next(item for item in rows if item["who"] == "twmond")
    return [row["title"], _PRIVILEGES[row["privileges"]], number(row["cpuMsec"]),
            number(row["userMsec"]), number(row["systemMsec"]), number(row.get("scans")),
            times(ours["cpuMsec"] / row["cpuMsec"] if row["cpuMsec"] else None),
            mib(row["residentKiB"]), mib(row["peakKiB"])]


_MINUTE_HEAD = ["a minute", "as", "CPU ms", "user", "system", "scans", "twmond/this", "MiB",
                "peak MiB"]


def _minutes(item):
    words = (f"Minutes: {item['minutes']}, after {item['warmSec']} s to warm up; collectd reads every "
             "10 s, node_exporter is scraped every 15 s; all at the same time. User and system are "
             "sampled by the kernel.")
    if not item["settled"]:
        words += " An alert was still pending, so twmond scanned at its faster pace."
    return (f"{item['name']}: CPU of a minute", words, _MINUTE_HEAD,
            [_minute_row(row, item["rows"]) for row in item["rows"]])


def _growth(result):
    rows = []
    for item in result["growth"]:
        found = {(row["who"], row["privileges"]): row for row in item["rows"]}
        rows.append([f"{item['timeWait']:,}"] + [
            number(_median(found[who, privileges]["cpuMsec"]))
            for who in ("floor", "twmond") for privileges in ("root", "none")] + [
            times(found["twmond", "root"]["ratioSame"]), times(found["twmond", "none"]["ratioSame"]),
            times(found["twmond", "none"]["ratio"]), mib(item["residentKiB"]),
            mib(item["peakKiB"])])
    return ("growth with TIME_WAIT alone",
            "CPU ms of one reading; ratios are medians of each round's; memory of a twmond that has "
            "just begun.",
            ["TIME_WAIT", "dump, root", "dump, none", "twmond, root", "twmond, none", "root/root",
             "none/none", "none/root", "MiB", "peak MiB"], rows)


def _close_wait(result):
    base = result["closeWaitMemory"][0]["residentKiB"]
    rows = [[f"{item['closeWait']:,}", number(item["tracked"]), number(item["residentKiB"]),
             number(item["peakKiB"]),
             number((item["residentKiB"] - base) * 1024 / item["closeWait"])
             if item["closeWait"] else _NOTHING] for item in result["closeWaitMemory"]]
    return ("memory with CLOSE_WAIT alone", "Of a twmond that has just begun.",
            ["CLOSE_WAIT", "tracked", "resident KiB", "peak KiB", "bytes each"], rows)


def _latency(result):
    latency = result["latency"]
    rows = [[text, number(latency[key]["calls"]), number(latency[key]["p50"]),
             number(latency[key]["p99"]), number(latency[key]["max"])]
            for key, text in (("socket", "GetStatus over the control socket"),
                              ("command", "twmonctl status, from its start to its end"))
            if latency[key]]
    return ("answers while sockets are dumped",
            "1,000,000 in TIME_WAIT and 100,000 in CLOSE_WAIT, scans back to back, no capability. "
            "Calls that began during a scan; the benchmark makes both, in turns, ms.",
            ["call", "calls", "p50", "p99", "most"], rows)


def _budget(result):
    budget = result["budget"]
    if budget["skipped"]:
        return "CPUBudget", f"Not measured: {budget['skipped']}.", [], []
    return ("CPUBudget", f"CPUBudget=0.2% and 1,000,000 sockets, for {budget['seconds']} s.",
            ["scans", "% of one CPU"], [[number(budget["scans"]), number(budget["percent"])]])


def _claims(result):
    rows = [[item["verdict"], item["claim"],
             item["why"] if item["got"] is None else f"{number(item['got'], 4)} {item['unit']}",
             f"<= {number(item['wanted'])} {item['unit']}"] for item in result["claims"]]
    return "what must be shown", "", ["", "claim", "seen", "wanted"], rows


def sections(result):
    found = [_level(level) for level in result["levels"]]
    found += [_minutes(item) for item in result["minutes"]]
    found += [make(result) for make, key in ((_growth, "growth"), (_close_wait, "closeWaitMemory"),
                                             (_latency, "latency")) if result[key]]
    return found + [_budget(result)]


def _machine(result):
    it = result["machine"]
    return [
        f"{it['date']}: {it['twmond']}, revision {it['revision'] or 'unknown'}",
        f"{it['system']}, Linux {it['kernel']}, {it['processors']} x {it['processor']}, "
        f"{it['memoryMiB']:,} MiB",
        f"the kernel's table of connections has {number(it['buckets'])} buckets, an empty "
        f"dump took {number(it.get('emptyMsec'))} ms (more than 1: others had many sockets); root here "
        f"{'has' if it['netAdmin'] else 'lacks'} CAP_NET_ADMIN",
        f"load average {it['loadBefore']:.2f} before, {it['loadAfter']:.2f} after; processors "
        f"{it['busyPercent']:.0f} % busy, {it['stolenPercent']:.1f} % stolen meanwhile",
        *([f"INCOMPLETE: {result['incomplete']}"] if result.get("incomplete") else []),
    ]


def _columns(head, rows):
    """Lines with the columns below each other: the first to the left, the others as they are."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    is_text = [any(row[i][:1].isalpha() for row in rows) for i in range(len(head))]
    for row in table:
        yield "  ".join(cell.ljust(width) if text else cell.rjust(width)
                        for cell, width, text in zip(row, widths, is_text)).rstrip()


def text(result):
    lines = _machine(result)
    for title, words, head, rows in [*sections(result), _claims(result)]:
        lines += ["", title.upper(), *([words] if words else []), *_columns(head, rows)]
    return "\n".join(lines)


def _markdown_table(head, rows):
    if not rows:
        return []
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    return ["", "| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in escaped)]


MESSAGES = {"time_wait": "TIME_WAIT", "close_wait": "CLOSE_WAIT",
            "close_wait_info": "CLOSE_WAIT with tcp_info"}


def _instructions(path):
    """What `make bench-instructions` has written there: {message: instructions}."""
    lines = ["", "## Instructions for each message", ""]
    if not os.path.exists(path):
        return lines + ["Not measured."]
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    return lines + ["From the bytes of a dump to the counts of a port and the ledger, by valgrind "
                    "(`make bench-instructions`): the same at every run."] + _markdown_table(
        ["message", "instructions"],
        [[MESSAGES.get(name, name), number(count)] for name, count in found.items()])


def page(result, instructions):
    lines = ["# What twmond costs", "",
             "Written by `make bench-doc` from the last run of `make bench`. Ratios of what was "
             "measured side by side are what is claimed: the milliseconds are this machine's.", "",
             *(f"- {line}" for line in _machine(result))]
    for title, words, head, rows in [_claims(result), *sections(result)]:
        lines += ["", f"## {title[0].upper()}{title[1:]}", *(["", words] if words else []),
                  *_markdown_table(head, rows)]
    return "\n".join(lines + _instructions(instructions)) + "\n"
