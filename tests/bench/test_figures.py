#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the benchmark does with what it has measured: medians, ratios, claims, tables."""

import copy
import json
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import claims
import figures
import rounds
import tables
from process import lab


def row(who, privileges, cpu, **more):
    summary = figures.summary([cpu, cpu, cpu])
    return {"who": who, "title": who, "privileges": privileges, "ratio": cpu / 10,
            "ratioSame": cpu / 10, "cpuMsec": summary, "userMsec": None, "systemMsec": None,
            "wallMsec": summary, "peakKiB": None, **more}


def minute(who, privileges, cpu):
    return {"who": who, "privileges": privileges, "title": who, "cpuMsec": cpu, "userMsec": 0.0,
            "systemMsec": cpu, "residentKiB": 4000, "peakKiB": 4100, "scans": 4.0}


def level(name, time_wait):
    return {"name": name, "rounds": 3, "foreign": 0, "timeWait": time_wait, "closeWait": time_wait // 10,
            "rows": [row("floor", "root", 10.0), row("twmond", "root", 10.4),
                     row("floor", "none", 8.0), row("twmond", "none", 8.3),
                     {"who": "ss", "title": "ss", "absent": True}],
            "userShare": [{"privileges": "root", "percent": 4.0, "userMsec": None, "rounds": 3},
                          {"privileges": "none", "percent": 4.5, "userMsec": None, "rounds": 3}]}


def minutes(name):
    return {"name": name, "minutes": 2, "warmSec": 60, "settled": True,
            "rows": [minute("twmond", "none", 4.0), minute("twmond", "root", 4.4),
                     minute("collectd", "root", 20.0), minute("node_exporter", "none", 80.0)]}


def good():
    """A result of which every claim holds."""
    return {
        "machine": {"date": "today", "twmond": "twmond 1", "revision": "r", "system": "s",
                    "kernel": "6", "processors": 2, "processor": "p", "memoryMiB": 1,
                    "buckets": 262144, "netAdmin": True, "loadBefore": 0.1, "loadAfter": 0.2,
                    "busyPercent": 9.0, "emptyMsec": 0.2, "stolenPercent": 0.0},
        "levels": [level("10k", 10_000), level("100k", 100_000), level("1M", 1_000_000)],
        "minutes": [minutes("quiet"), minutes("100k"), minutes("100k+established")],
        "growth": [{"timeWait": count, "residentKiB": 5000, "peakKiB": 5100,
                    "rows": level("", count)["rows"][:4]} for count in (0, 1_000_000)],
        "closeWaitMemory": [{"closeWait": count, "tracked": count, "peakKiB": 9000,
                             "residentKiB": 4000 + count * 60 // 1024}
                            for count in (0, 10_000, 100_000)],
        "latency": {"socket": {"calls": 9, "p50": 1.0, "p99": 2.0, "max": 3.0},
                    "command": {"calls": 9, "p50": 3.0, "p99": 19.0, "max": 21.0},
                    "notDuringADump": 1},
        "budget": {"skipped": None, "percent": 0.2, "seconds": 600, "scans": 3, "told": True,
                   "status": ""},
    }


def numbers(tap):
    tap.equal([figures.percentile(range(1, 101), share) for share in (0.5, 0.99, 1, 0)],
              [50, 99, 100, 1], "percentiles are values that were seen, by rank")
    tap.equal(figures.percentile([7], 0.99), 7, "the 99th of one is that one")
    tap.equal(figures.summary([3, 1, 2, 10]),
              {"median": 2.5, "min": 1, "max": 10, "rounds": 4}, "a summary")
    tap.equal(figures.summary([]), None, "of nothing, none")
    tap.equal(figures.ratio(1, 0), None, "nothing is divided by zero")
    tap.equal(figures.ratio(None, 2), None, "nor what is missing by anything")


def ratios(tap):
    drifting = {0: 10.0, 1: 20.0, 2: 40.0}
    tap.equal(figures.paired_ratio({key: 1.1 * value for key, value in drifting.items()},
                                   drifting), 1.1, "a machine that slows down does not change a ratio")
    tap.equal(figures.paired_ratio({0: 1, 2: 8, 5: 99}, {0: 2, 1: 7, 2: 4}), 1.25,
              "rounds that one of both lacks say nothing")
    tap.equal(figures.paired_ratio({0: 1}, {1: 1}), None, "without a common round there is none")


def turns(tap):
    order = []
    both = rounds.Rounds()

    def run(name):
        order.append(name)
        return {"cpuMsec": len(order)} if name != "fails" else None

    both.add("a", lambda: run("a"))
    both.add("b", lambda: run("b"), every=2)
    both.add("fails", lambda: run("fails"), every=9)
    both.run(4)
    tap.equal("".join(name[0] for name in order), "abf" "a" "ab" "a", "candidates take turns")
    tap.equal(list(both.figures("b", "cpuMsec")), [0, 2], "samples are those of their rounds")
    tap.equal(both.list("fails", "cpuMsec"), [], "what failed has no sample")
    tap.equal(both.drop("a", lambda sample: sample["cpuMsec"] == 1), 1, "one sample is dropped")
    tap.equal(list(both.figures("a", "cpuMsec")), [1, 2, 3], "... and no other")
    reverse = rounds.Rounds()
    order.clear()
    for name in "a", "b":
        reverse.add(name, lambda name=name: run(name))
    reverse.run(2)
    tap.equal(order, ["a", "b", "b", "a"], "the order turns round")


def break_one(path, value):
    """good(), with one figure changed: path leads there."""
    result = copy.deepcopy(good())
    place = result
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return result


BREAKS = [
    ("10k: a scan / the bare dump, both as root", ["levels", 0, "rows", 1, "ratioSame"], 1.06),
    ("1M: a scan / the bare dump, both without", ["levels", 2, "rows", 3, "ratioSame"], 1.051),
    ("100k: a scan without capabilities / the bare", ["levels", 1, "rows", 3, "ratio"], 1.01),
    ("100k: user time of a scan, as root", ["levels", 1, "userShare", 0, "percent"], 5.1),
    ("1M: user time of a scan, without", ["levels", 2, "userShare", 1, "percent"], 5.1),
    ("100k: CPU per minute / collectd", ["minutes", 1, "rows", 2, "cpuMsec"], 8.8),
    ("100k: CPU per minute / node_exporter", ["minutes", 1, "rows", 3, "cpuMsec"], 19.0),
    ("100k+established: CPU per minute / collectd", ["minutes", 2, "rows", 2, "cpuMsec"], 11.0),
    ("100k+established: CPU per minute / node", ["minutes", 2, "rows", 3, "cpuMsec"], 26.0),
    ("quiet host: CPU per minute", ["minutes", 0, "rows", 0, "cpuMsec"], 5.1),
    ("quiet host: resident memory", ["minutes", 0, "rows", 0, "residentKiB"], 4609),
    ("1M TIME_WAIT: resident", ["growth", 1, "residentKiB"], 7169),
    ("resident memory for each of 10,000", ["closeWaitMemory", 1, "residentKiB"], 4700),
    ("resident memory for each of 100,000", ["closeWaitMemory", 2, "residentKiB"], 10300),
    ("99 % of answers while 1M sockets are dumped: a call", ["latency", "socket", "p99"], 20.1),
    ("99 % of answers while 1M sockets are dumped: a run", ["latency", "command", "p99"], 20.1),
    ("CPUBudget", ["budget", "percent"], 0.26),
    ("... and status says", ["budget", "told"], False),
]


def judged(result):
    return {item["claim"]: item["verdict"] for item in claims.judge(result)}


def judgement(tap):
    verdicts = judged(good())
    tap.equal(set(verdicts.values()), {figures.PASS}, "a good result passes")
    tap.equal(figures.exit_status(claims.judge(good())), 0, "... and so does the run")
    for name, path, value in BREAKS:
        broken = break_one(path, value)
        failed = [text for text, verdict in judged(broken).items() if verdict == figures.FAIL]
        tap.ok(len(failed) == 1 and failed[0].startswith(name), f"alone fails: {name}", failed)
    tap.equal(figures.exit_status(claims.judge(break_one(*BREAKS[0][1:]))), 1,
              "one that fails makes the run fail")


def skipped(tap):
    result = {**good(), "levels": [], "minutes": [], "growth": [], "closeWaitMemory": [],
              "latency": None, "budget": {"skipped": "not asked for"}}
    found = claims.judge(result)
    tap.equal({item["verdict"] for item in found}, {figures.SKIP}, "what was not measured is skipped")
    tap.equal(len(found), len(claims.judge(good())), "... aloud: no line is missing")
    tap.ok(all(item["why"] for item in found), "... with a reason")
    tap.equal(figures.exit_status(found), 0, "... and does not fail")
    without = good()
    without["minutes"][1]["rows"][2] = {"who": "collectd", "title": "collectd", "absent": True}
    tap.equal([item["why"] for item in claims.judge(without) if item["verdict"] == figures.SKIP],
              ["no collectd here"], "a peer that is not installed is named")


def show(tap):
    tap.equal([tables.number(value) for value in (None, 1234567, 1234.5, 123.4, 12.34, 1.234,
                                                  0.1234, 0.0)],
              ["-", "1,234,567", "1,234", "123", "12.3", "1.23", "0.123", "0.000"], "numbers")
    result = good()
    result["claims"] = claims.judge(result)
    text = tables.text(result)
    tap.ok(all(line == line.rstrip() for line in text.splitlines()), "no blanks at ends of lines")
    tap.equal(len(re.findall(r"^PASS ", text, re.MULTILINE)), len(result["claims"]),
              "each claim is a line")
    tap.ok("Other namespaces" not in text and
           "had 5,000 sockets" in tables.text({**break_one(["levels", 0, "foreign"], 5000),
                                               "claims": []}),
           "sockets of others are told where they are many")
    tap.ok("not installed" in text, "a peer that is missing is shown")
    page = tables.page(result, "/nonexistent")
    tap.ok(page.endswith("## Instructions for each message\n\nNot measured.\n"),
           "without instructions the page says so", page[-200:])
    tap.equal({len(re.findall(r"(?<!\\)\|", line)) for line in page.splitlines()
               if line.startswith("| one reading")}, {12}, "rows have all columns")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"time_wait": 321}, file)
        file.flush()
        tap.ok("| TIME_WAIT | 321 |" in tables.page(result, file.name), "with them it has them")
    tap.equal(json.loads(json.dumps(result)), result, "a result is JSON")


lab.run_here(numbers, ratios, turns, judgement, skipped, show)
