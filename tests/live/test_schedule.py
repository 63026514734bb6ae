#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""When twmond scans: seldom while nothing may be decided, at Interval while something may be, never
more often than CPUBudget allows; and what it says of TIME_WAIT sockets that it did not count."""

import re
import time

import lab
import makers

INTERVAL = 1
STEADY = 3 * INTERVAL
CONFIG = f"""
[Scan]
Interval={INTERVAL}s
[CloseWait]
StuckAfter=4s
StuckWarning=5
[Alerts]
RaiseAfter=2s
ClearAfter=2s
"""
# What a scan without TIME_WAIT sockets is worth: OBSERVER_TIME_WAIT_FEW and _USEC in lib/observe.h.
FEW = 4096
COUNTED_EVERY = 30


def scans_in(daemon, seconds):
    """Scans of so many seconds, begun right after one."""
    daemon.wait_scan()
    before = daemon.status()["scans"]
    time.sleep(seconds)
    return daemon.status()["scans"] - before


def reason(daemon):
    return daemon.status()["schedule"]["reason"]


def test_quiet(tap):
    with lab.Daemon(CONFIG) as daemon:
        lab.must(lambda: reason(daemon) == "steady", "a quiet host")
        scans = scans_in(daemon, 4 * STEADY)
        tap.ok(3 <= scans <= 5, f"nothing is there: {scans} scans in {4 * STEADY} s", scans)
        schedule = daemon.status()["schedule"]
        tap.equal(schedule["gapUsec"], STEADY * 1000000, "three intervals lie between them")
        text = " ".join(daemon.ctl("status").stdout.split())
        tap.ok("nothing is pending, or near a level" in text, "twmonctl status says why", text)
        lab.stop_well(tap, daemon)


def test_dense_until_decided(tap):
    """Sockets that get stuck are watched at Interval, and no more once the alert stands."""
    with lab.Daemon(CONFIG) as daemon:
        lab.must(lambda: reason(daemon) == "steady", "a quiet host")
        began = time.monotonic()
        held = makers.close_wait(7100, 8)
        tap.ok(daemon.wait_alert("close-wait-stuck", 7100, "raised", 20), "an alert is raised")
        took = time.monotonic() - began
        tap.ok(6 <= took <= 6 + 2 * INTERVAL + 2,
               f"after StuckAfter + RaiseAfter and two intervals at most: {took:.1f} s", took)
        tap.ok(lab.poll(lambda: reason(daemon) == "steady", 60),
               "raised and steady: scans are seldom again", daemon.status()["schedule"])
        scans = scans_in(daemon, 3 * STEADY)
        tap.ok(2 <= scans <= 4, f"{scans} scans in {3 * STEADY} s", scans)
        began = time.monotonic()
        held.reset()
        tap.ok(lab.poll(lambda: not daemon.alert("close-wait-stuck", 7100), 20), "it clears")
        took = time.monotonic() - began
        tap.ok(took <= STEADY + 2 + 2 * INTERVAL + 2,
               f"after a steady pause, ClearAfter and two intervals at most: {took:.1f} s", took)
        lab.stop_well(tap, daemon)


def test_time_wait_is_estimated(tap):
    """Many TIME_WAIT sockets while something is pending: counted every 30 s, estimated between."""
    config = CONFIG.replace("StuckAfter=4s", "StuckAfter=90s").replace("RaiseAfter=2s",
                                                                       "RaiseAfter=90s")
    config += "[TimeWait]\nCountWarning=100000\n[Port 7200]\nCloseWaitCountWarning=5\n"
    with lab.Daemon(config) as daemon:
        held = makers.close_wait(7200, 6)
        makers.time_wait(7201, 3000)
        makers.time_wait(7202, FEW + 500 - 3000)
        lab.must(lambda: reason(daemon) == "due", "something is pending")
        lab.must(lambda: daemon.status()["totals"]["timeWaitEstimated"], "an estimate", 20)

        def compared():
            before = lab.ss_count("time-wait")
            status, rows = daemon.status(), daemon.ports("--all")
            totals = status["totals"]
            return ((totals, rows, before)
                    if totals["timeWaitEstimated"] and lab.ss_count("time-wait") == before else None)

        totals, rows, wanted = lab.must(compared, "an estimate between equal counts", 20)
        tap.equal(totals["timeWait"], wanted, "the estimate is what ss counts")
        tap.equal((rows[("local", 7201)]["timeWait"], rows[("local", 7202)]["timeWait"]),
                  (3000, FEW + 500 - 3000), "port by port it is what there is")
        tap.ok(rows[("local", 7201)]["timeWaitEstimated"], "and marked")
        text = " ".join(daemon.ctl("status").stdout.split())
        tap.ok(re.search(r"TIME_WAIT counted .* ago, estimated \(~\) since", text)
               and "~3000" in text, "twmonctl status marks it, too", text)
        text = daemon.ctl("ports").stdout
        tap.ok(re.search(r"^Last scan (just now|\d+s ago), next (now|in \d+s); "
                         r"TIME_WAIT counted \d+s ago, estimated \(~\) since\.$",
                         text.splitlines()[-1]) and "~3000" in text, "so does ports", text)
        # more come on another port: until it is counted their sum is right, and no port has them
        makers.time_wait(7203, 700)
        wanted = lab.ss_count("time-wait")
        tap.ok(lab.poll(lambda: daemon.status()["totals"]["timeWait"] == wanted, 5),
               "those that have come since are in the sum", daemon.status()["totals"])
        fresh = daemon.status()["totals"]
        tap.ok(not fresh["timeWaitEstimated"] or 0 < fresh.get("timeWaitNew", 0) <= 700,
               "and told apart", fresh)
        row = daemon.ports("--all")[("local", 7201)]
        tap.ok(not row["timeWaitEstimated"] or row["timeWait"] <= 3000,
               "and no port is shown with them that has none", row)
        def estimated():
            ports = daemon.call("ListPorts", {"ports": [7201, 7203]})["ports"]
            rows = [row for row in ports if row["side"] == "local" and row["timeWaitEstimated"]]
            return ports if len(rows) == 2 else None

        reply = lab.must(estimated, "an estimate of both ports", COUNTED_EVERY + 10)
        tap.ok(all(row["timeWaitCounted"] == {7201: 3000, 7203: 0}[row["port"]]
                   for row in reply if row["side"] == "local" and row["timeWaitEstimated"]),
               "what was counted last is told beside", reply)
        line = daemon.ctl("check", "7201", "-c", "2999", "--metric", "time-wait").stdout
        tap.ok(re.search(r"CRITICAL - in TIME_WAIT on port 7201: 3000( \(counted \d+s ago\))?, ", line),
               "and decides a check", line)
        counted = totals["timeWaitAt"]
        began = time.monotonic()
        tap.ok(lab.poll(lambda: daemon.status()["totals"]["timeWaitAt"] != counted,
                        COUNTED_EVERY + 10), "they are counted again")
        tap.note(f"counted again after {time.monotonic() - began:.0f} s of waiting")

        def exact():
            rows = daemon.ports("--all")
            got = tuple(rows.get(("local", port), {}).get("timeWait") for port in (7202, 7203))
            return got == tuple(lab.ss_count("time-wait", local=port) for port in (7202, 7203))

        tap.ok(lab.poll(exact, COUNTED_EVERY + 10), "and then each port has its own")
        held.reset()
        lab.stop_well(tap, daemon)


def test_budget(tap):
    """A hundredth of a percent: the first scans eat what is saved up, then they are stretched."""
    config = "[Scan]\nInterval=100ms\nCPUBudget=0.01%\n[CloseWait]\nStuckAfter=1s\n"
    with makers.close_wait(7300, 300), lab.Daemon(config) as daemon:
        tap.ok(lab.poll(lambda: reason(daemon) == "budget", 30), "scans are stretched",
               daemon.status()["schedule"])
        status = daemon.status()
        schedule = status["schedule"]
        tap.equal(schedule["cpuBudgetPercent"], 0.01, "the budget is told")
        tap.ok(schedule["laterUsec"] > 0 and schedule["gapUsec"] > 300000, "by how much, too",
               schedule)
        tap.ok(schedule["gapUsec"] <= 600 * 1000000, "by ten minutes at most", schedule)
        tap.equal(schedule["delayUsec"], 2 * schedule["gapUsec"] - 300000 - 100000,
                  "and what delay of alerts that means")
        text = " ".join(daemon.ctl("status").stdout.split())
        tap.ok(re.search(r"CPUBudget=0\.01% allows the next one .* after the last", text)
               and "later than without a budget" in text,
               "twmonctl status says so, and what delay it means", text)
        for verb in "ports", "alerts":
            last = daemon.ctl(verb).stdout.splitlines()[-1]
            tap.ok(re.search(r"^Last scan .*, next in .* \(CPUBudget allows none before\)\.$", last),
                   f"{verb} why its numbers are old", last)
        tap.ok(daemon.status()["verdict"] != "unknown", "it is not overdue for that")
        daemon.configure(config.replace("0.01%", "off"))
        tap.equal(daemon.ctl("reload").returncode, 0, "CPUBudget=off is taken over")
        tap.ok(lab.poll(lambda: reason(daemon) != "budget", 10), "and ends it at once")
        lab.stop_well(tap, daemon)


lab.run(test_quiet, test_dense_until_decided, test_time_wait_is_estimated, test_budget, limit=150)
