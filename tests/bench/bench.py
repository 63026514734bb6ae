#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What twmond costs, beside the kernel's own dump and beside what people run instead.

    bench.py [--quick] [--budget] [--json PATH]     measures; 1: a claim does not hold
    bench.py --budget-only [--json PATH]            ten minutes under CPUBudget, into an earlier result
    bench.py --smoke                                some hundred sockets: does it still run?
    bench.py --doc JSON                             the page of an earlier result, on standard output

In private network and mount namespaces (by root's right, or by a user namespace): sockets are made
there and nowhere else, one situation after another, since the kernel's table is shared with others.
Everything that runs there dies with this process, and sockets with what holds them, or within a
minute. What is compared takes turns; what is printed is the median.
"""

import argparse
import json
import os
import subprocess
import sys

import claims
import figures
import machine
import minutes
import process
from process import lab
import scans
import sockets as made
import tables
import watched

_SEVERAL = {"ss": 2, "netstat": 3, "psutil": 3, "node_exporter": 1}
_SOME = {"ss": 6, "netstat": 9, "psutil": 9, "node_exporter": 3}
LEVELS = (  # TIME_WAIT, and a tenth of it in CLOSE_WAIT
    {"name": "10k", "timeWait": 10_000, "rounds": 81, "leastSec": 36, "every": _SOME},
    {"name": "100k", "timeWait": 100_000, "rounds": 25, "leastSec": 36,
     "every": {"ss": 4, "netstat": 6, "psutil": 6, "node_exporter": 2}},
    {"name": "1M", "timeWait": 1_000_000, "rounds": 9, "leastSec": 36,
     "every": {"ss": 4, "netstat": 4, "psutil": 8, "node_exporter": 2}},
)
QUICK = ({"name": "10k", "timeWait": 10_000, "rounds": 15, "leastSec": 26, "every": _SEVERAL},)
SMOKE = ({"name": "smoke", "timeWait": 500, "closeWait": 0, "rounds": 2, "leastSec": 0, "every": {}},)
GROWTH_BETWEEN = 300_000
GROWTH_ROUNDS = 5
ESTABLISHED = 100_000
CLOSE_WAIT_COUNTS = (0, 10_000, 100_000)
CLOSE_WAIT_SCANS = 4
LATENCY_CALLS = 300
LATENCY_LIMIT_SEC = 60
WARM_SEC = (60, 120)  # at least, at most
STILL_WARM_SEC = (35, 60)  # of what has watched before
MINUTES = 2
QUIET_MINUTES = 1
BUDGET_SEC = 600
BUDGET_CONFIG = "[Scan]\nCPUBudget=0.2%\n"
BUDGET_SOCKETS = 1_000_000
FEW = 10


def say(text):
    print(text, file=sys.stderr, flush=True)


def close_wait_memory(sockets):
    """Of daemons that have just begun, and have scanned some times."""
    found = []
    for count in CLOSE_WAIT_COUNTS:
        say(f"memory with {count:,} sockets in CLOSE_WAIT")
        crowd = sockets.add("close-wait", count)
        daemon = watched.Told(capabilities=False)
        for _ in range(CLOSE_WAIT_SCANS):
            daemon.scan()
        tracked = daemon.status()["totals"]["tracked"]
        now, peak = daemon.memory_kib()
        found.append({"closeWait": count, "tracked": tracked, "residentKiB": now, "peakKiB": peak})
        daemon.end()
        if crowd:
            crowd.end()
    return found


def latency(sockets, calls=LATENCY_CALLS):
    say("answers while sockets are dumped")
    sockets.keep()
    asked = watched.Latency()
    asked.measure(calls, LATENCY_LIMIT_SEC)

    def tell(taken):
        return {"calls": len(taken), "p50": figures.percentile(taken, 0.5),
                "p99": figures.percentile(taken, 0.99), "max": max(taken)} if taken else None

    return {"socket": tell(asked.calls), "command": tell(asked.commands),
            "notDuringADump": asked.others}


class Run:
    """Fills result, whose form is that of the JSON file."""

    def __init__(self):
        self.load = machine.Load()
        made.prepare_namespace()
        self.sockets = made.Sockets()
        empty = watched.floor(scans.STATES)["cpuMsec"]
        self.result = {"machine": {**machine.describe(), "emptyMsec": empty}, "levels": [], "growth": [], "minutes": [],
                       "closeWaitMemory": [], "latency": None,
                       "budget": {"skipped": "not asked for: make bench-budget (ten minutes)"}}

    def grow(self, count):
        say(f"{count:,} sockets in TIME_WAIT")
        self.result["growth"].append(scans.grow(self.sockets, count, GROWTH_ROUNDS))

    def level(self, level):
        close_wait = level.get("closeWait", level["timeWait"] // 10)
        say(f"{level['timeWait']:,} in TIME_WAIT, {close_wait:,} in CLOSE_WAIT")
        crowd = self.sockets.add("close-wait", close_wait)
        found = scans.compare(self.sockets, level)
        self.result["levels"].append({**found, "timeWait": level["timeWait"],
                                      "closeWait": close_wait})
        return crowd

    def minutes(self, watch, name, count, warm_sec):
        say(f"{count} minutes: {name}")
        self.result["minutes"].append(watch.measure(self.sockets, name, count, warm_sec))

    def quiet(self):
        crowd = self.sockets.add("established", FEW)
        watch = minutes.HostMinutes()
        self.minutes(watch, "quiet", QUIET_MINUTES, STILL_WARM_SEC)
        watch.end()
        crowd.end()

    def busy(self):
        watch = minutes.HostMinutes()
        self.minutes(watch, "100k", MINUTES, WARM_SEC)
        crowd = self.sockets.add("established", ESTABLISHED)
        self.minutes(watch, "100k+established", MINUTES, STILL_WARM_SEC)
        watch.end()
        crowd.end()

    def whole(self):
        self.quiet()
        self.result["closeWaitMemory"] = close_wait_memory(self.sockets)
        self.grow(0)
        for level in LEVELS:
            if level["name"] == "1M":
                self.grow(GROWTH_BETWEEN)
            self.grow(level["timeWait"])
            crowd = self.level(level)
            if level["name"] == "100k":
                self.busy()
            if level["name"] == "1M":
                self.result["latency"] = latency(self.sockets)
            crowd.end()

    def quick(self, levels):
        self.grow(0)
        for level in levels:
            self.grow(level["timeWait"])
            self.level(level)

    def budget(self):
        """With so many sockets, some in CLOSE_WAIT."""
        if not watched.knows_option("CPUBudget"):
            return {"skipped": "this twmond has no CPUBudget"}
        self.sockets.raise_time_wait(BUDGET_SOCKETS)
        crowd = self.sockets.add("close-wait", BUDGET_SOCKETS // 10)
        say(f"{BUDGET_SEC // 60} minutes under CPUBudget=0.2%")
        began = lab.time.monotonic()  # its first scan counts
        daemon = watched.Twmond(config=BUDGET_CONFIG, capabilities=False)
        self.sockets.wait(BUDGET_SEC - (lab.time.monotonic() - began))
        percent = daemon.cpu_msec() / 10 / (lab.time.monotonic() - began)
        status, text = daemon.status(), daemon.ctl("status").stdout
        daemon.end()
        crowd.end()
        return {"skipped": None, "percent": percent, "seconds": BUDGET_SEC,
                "scans": status["scans"], "status": text,
                "told": status["schedule"].get("delayUsec", 0) > 0 and
                        "Scans are stretched" in text and
                        "later than without a budget" in " ".join(text.split())}

    def finish(self):
        self.result["machine"].update(self.load.tell())
        return self.result


def write(path, result):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def read(path):
    return json.loads(lab.read_text(path))


def enter():
    """Starts this program again where its sockets disturb nobody."""
    if lab.INSIDE in os.environ:
        return
    command, reason = lab.how_to_unshare()
    if not command:
        sys.exit(f"bench: {reason}")
    os.environ[lab.INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def prepare():
    lab.hide_journald()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    process.raise_limits()
    for signal in lab.signal.SIGTERM, lab.signal.SIGHUP:
        lab.signal.signal(signal, lambda *_: sys.exit(130))


def attempt(run, what):
    """What was measured before something went wrong is worth telling; it is said, and fails."""
    try:
        what()
    except (OSError, RuntimeError, TimeoutError, subprocess.SubprocessError) as error:
        say(lab.traceback.format_exc())
        run.result["incomplete"] = str(error)


def measure(args):
    if args.budget_only and os.path.exists(args.json):
        result = read(args.json)
        result["budget"] = Run().budget()
        return result
    run = Run()
    if args.smoke or args.quick:
        attempt(run, lambda: run.quick(SMOKE if args.smoke else QUICK))
    elif not args.budget_only:
        attempt(run, run.whole)
    if args.budget or args.budget_only:
        run.result["budget"] = run.budget()
    return run.finish()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for option in "quick", "smoke", "budget", "budget-only":
        parser.add_argument("--" + option, action="store_true")
    parser.add_argument("--json", default=process.BUILD + "/bench.json")
    parser.add_argument("--doc", metavar="JSON")
    args = parser.parse_args()
    if args.doc:
        print(tables.page(read(args.doc), process.BUILD + "/instructions.json"), end="")
        return 0
    enter()
    prepare()
    try:
        result = measure(args)
    except KeyboardInterrupt:
        return 130
    result["claims"] = claims.judge(result)
    write(args.json, result)
    print(tables.text(result))
    return 1 if result.get("incomplete") else figures.exit_status(result["claims"])


if __name__ == "__main__":
    sys.exit(main())
