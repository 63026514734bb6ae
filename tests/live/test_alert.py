#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The life of an alert on real sockets: pending, raised, escalated, cleared, told everywhere; and
what a reload does to it."""

import os
import re
import signal
import time

import lab
import makers

INTERVAL, STUCK_AFTER, RAISE_AFTER, CLEAR_AFTER = 1, 3, 2, 3
SLACK = 1  # for starting twmonctl and reading its answer

CONFIG = f"""
[Scan]
Interval={INTERVAL}s
[CloseWait]
StuckAfter={STUCK_AFTER}s
StuckWarning=5
StuckCritical=100
[Alerts]
RaiseAfter={RAISE_AFTER}s
ClearAfter={CLEAR_AFTER}s
"""
RAISE_BOUND = STUCK_AFTER + RAISE_AFTER + 2 * INTERVAL + SLACK
CLEAR_BOUND = CLEAR_AFTER + 4 * INTERVAL + SLACK  # a socket is gone after two scans without it

KIND = "close-wait-stuck"


def check_status(tap, daemon, code, verdict, name):
    result = daemon.ctl("status")
    tap.equal(result.returncode, code, f"{name}: `twmonctl status` exits {code}")
    tap.equal(daemon.ctl_json("status").get("verdict"), verdict,
              f"{name}: the verdict is {verdict}")
    return result.stdout


def check_raised(tap, daemon, watcher, gone):
    alert = daemon.wait_alert(KIND, 7865, "raised", RAISE_BOUND + 5)
    took = time.monotonic() - gone
    tap.ok(alert and took <= RAISE_BOUND, f"raised within {RAISE_BOUND} s of the clients' leaving",
           f"after {took:.1f} s: {alert}")
    tap.ok(took >= STUCK_AFTER + RAISE_AFTER - 0.1, "and not before StuckAfter + RaiseAfter", took)
    alert = alert or {}
    tap.equal([alert.get(key) for key in ("side", "port", "severity", "count", "stuck")],
              ["local", 7865, "warning", 6, 6], "`alerts --json` names side, port, severity, count")
    age = alert.get("oldestSec") or 0
    tap.ok(abs(age - took) <= 2 * INTERVAL + SLACK, "and the oldest age", f"{age} after {took}")
    tap.ok(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", alert.get("since", "")),
           "and since when, as RFC 3339", alert)
    owner = lab.poll(lambda: (daemon.alert(KIND, 7865) or {}).get("owner"), 3) or {}
    tap.equal([process["pid"] for process in owner.get("processes", [])], [os.getpid()],
              "and the process that holds the sockets")
    event = lab.poll(lambda: watcher.find("raised", KIND, 7865), 2)
    tap.ok(event and event["alert"]["count"] == 6, "Watch streams it", watcher.replies)
    text = event["message"] if event else "?"
    line = lab.poll(lambda: daemon.says(r"7865.*\b6\b.*CLOSE_WAIT"), 2)
    tap.ok(line and text in line, "stderr has it, in the same words", f"{text}\n{daemon.stderr()}")
    tap.ok(re.search(r"oldest (>= )?\d+s", text), "the text names the oldest age", text)
    return event


def test_life(tap):
    with lab.Daemon(CONFIG) as daemon:
        check_status(tap, daemon, 0, "ok", "before")
        watcher = lab.Watcher(daemon.socket)
        held = makers.close_wait(7865, 6)
        gone = time.monotonic()
        alert = daemon.wait_alert(KIND, 7865, "pending", STUCK_AFTER + 2 * INTERVAL + SLACK)
        took = time.monotonic() - gone
        tap.ok(alert, f"pending within {STUCK_AFTER + 2 * INTERVAL + SLACK} s",
               daemon.ctl("alerts"))
        tap.ok(took >= STUCK_AFTER - 0.1, "and not before StuckAfter", took)
        check_status(tap, daemon, 0, "ok", "pending")
        tap.equal(watcher.events, [], "a pending alert is told to nobody")
        raised = check_raised(tap, daemon, watcher, gone)
        screen = check_status(tap, daemon, 1, "warning", "raised")
        tap.ok("7865" in screen.splitlines()[0] or "leak" in screen.splitlines()[0].lower()
               or "stuck" in screen.splitlines()[0].lower(),
               "the first line of `status` answers whether anything is leaking", screen)
        check_cleared(tap, daemon, watcher, held)
        names = [item["event"] for item in watcher.events]
        tap.equal(names, ["raised", "cleared"], "nothing was said twice")
        check_replay(tap, daemon, raised)
        watcher.close()
        lab.stop_well(tap, daemon)


def check_cleared(tap, daemon, watcher, held):
    held.close()
    closed = time.monotonic()
    event = lab.poll(lambda: watcher.find("cleared", KIND, 7865), CLEAR_BOUND + 5)
    took = time.monotonic() - closed
    tap.ok(event and CLEAR_AFTER - 0.1 <= took <= CLEAR_BOUND,
           f"cleared {CLEAR_AFTER} to {CLEAR_BOUND} s after the server closed", f"{took:.1f}")
    tap.equal(daemon.alert(KIND, 7865), None, "`alerts` no longer lists it")
    check_status(tap, daemon, 0, "ok", "cleared")
    tap.ok(lab.poll(lambda: daemon.says(r"7865.*cleared"), 2), "stderr says so", daemon.stderr())


def check_replay(tap, daemon, raised):
    late = lab.Watcher(daemon.socket, after=0)
    tap.ok(lab.poll(lambda: len(late.events) == 2, 3) and
           late.find("raised", KIND, 7865)["message"] == raised["message"],
           "Watch(after: 0) replays both events", late.replies)
    late.close()


def test_few_are_no_alert(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7866, 4):
        lab.poll(lambda: daemon.ports().get(("local", 7866), {}).get("stuck") == 4, RAISE_BOUND)
        daemon.wait_scan()
        tap.equal(daemon.ports()[("local", 7866)]["stuck"], 4, "4 are shown as stuck")
        tap.equal(daemon.alert(KIND, 7866), None, "which is below StuckWarning: no alert")
        lab.stop_well(tap, daemon)


def test_old_sockets(tap):
    """Sockets older than the daemon are dated by the kernel: no new StuckAfter to wait for."""
    idle = makers.connections(7868, 6)
    with makers.close_wait(7867, 6), makers.Held(idle[2], idle[0]):
        made = time.monotonic()
        lab.poll(lambda: time.monotonic() - made >= 2, 3)  # twice what counts as agreeing
        for sock in idle[1]:
            sock.close()
        lab.poll(lambda: time.monotonic() - made >= 2 + STUCK_AFTER + RAISE_AFTER, 10)
        with lab.Daemon(CONFIG) as daemon:
            began = time.monotonic()
            bound = RAISE_AFTER + 2 * INTERVAL + SLACK
            for port, wanted, name in ((7867, False, "who left at once: the age is known"),
                                       (7868, True, "who was silent first: a lower bound")):
                alert = daemon.wait_alert(KIND, port, "raised", bound)
                took = time.monotonic() - began
                tap.ok(alert and took <= bound, f"{port} is raised within {bound} s of the start",
                       took)
                alert = alert or {}
                tap.equal(bool(alert.get("oldestAtLeast")), wanted, f"clients {name}")
                tap.ok((alert.get("oldestSec") or 0) >= STUCK_AFTER + RAISE_AFTER,
                       f"{port}: the age counts from before the start", alert)
            lab.stop_well(tap, daemon)


def test_counts_and_escalation(tap):
    config = CONFIG + """
[Port 7870]
CountWarning=10
CountCritical=30
StuckWarning=
StuckCritical=
[Port remote:7871]
CountWarning=8
"""
    config = config.replace("[Alerts]", "[TimeWait]\nCountWarning=20\nCountCritical=40\n[Alerts]")
    bound = RAISE_AFTER + 2 * INTERVAL + SLACK
    with lab.Daemon(config) as daemon:
        watcher = lab.Watcher(daemon.socket)
        held = makers.close_wait(7870, 12)
        outgoing = makers.close_wait_outgoing(7871, 9)
        makers.time_wait(7872, 21)
        tap.ok(lab.poll(lambda: watcher.find("raised", "close-wait-count", 7870), bound),
               "close-wait-count is raised for local 7870", watcher.replies)
        tap.ok(lab.poll(lambda: watcher.find("raised", "close-wait-count", 7871), bound),
               "close-wait-count is raised for remote 7871", watcher.replies)
        tap.ok(lab.poll(lambda: watcher.find("raised", "time-wait-count", 7872), bound),
               "time-wait-count is raised for local 7872", watcher.replies)
        remote = daemon.alert("close-wait-count", 7871, "remote") or {}
        tap.equal((remote.get("count"), remote.get("severity")), (9, "warning"), "9 of remote 7871")
        more = makers.close_wait(7870, 20, server=held.listener)
        makers.time_wait(7872, 20)
        for kind, port in ("close-wait-count", 7870), ("time-wait-count", 7872):
            event = lab.poll(lambda: watcher.find("escalated", kind, port), bound)
            tap.ok(event and event["alert"]["severity"] == "critical",
                   f"{kind} escalates to critical", watcher.replies)
        check_status(tap, daemon, 1, "critical", "escalated")
        more.reset()
        event = lab.poll(lambda: watcher.find("deescalated", "close-wait-count", 7870), CLEAR_BOUND)
        tap.ok(event and event["alert"]["severity"] == "warning",
               "close-wait-count goes back to warning when the number falls", watcher.replies)
        tap.equal(daemon.alert(KIND, 7870), None, "an exception with empty levels turns stuck off")
        held.reset()
        outgoing.reset()
        for port in 7870, 7871:
            tap.ok(lab.poll(lambda: watcher.find("cleared", "close-wait-count", port), CLEAR_BOUND),
                   f"close-wait-count of {port} is cleared", watcher.replies)
        watcher.close()
        lab.stop_well(tap, daemon)


def test_reload(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7875, 6):
        watcher = lab.Watcher(daemon.socket)
        tap.ok(daemon.wait_alert(KIND, 7875, "raised", RAISE_BOUND), "raised with StuckWarning=5")
        daemon.configure(CONFIG + "[Scan]\nInterval=never\n")
        result = daemon.ctl("reload")
        tap.ok(result.returncode not in (0, 3) and re.search(r"\.conf:\d+:", result.stderr),
               "a bad file: `twmonctl reload` fails and names file and line", result)
        daemon.signal(signal.SIGHUP)
        tap.ok(lab.poll(lambda: daemon.says(r"\.conf:\d+:"), 3), "SIGHUP: stderr names them too",
               daemon.stderr())
        daemon.wait_scan()
        tap.equal((daemon.alert(KIND, 7875) or {}).get("state"), "raised",
                  "the old configuration and its alert stay")
        tap.equal([item["event"] for item in watcher.events], ["raised"], "and nothing is said")
        tap.ok(".conf:" in daemon.status().get("configurationErrors", "") and
               re.search(r"an older one is in\s+force", daemon.ctl("status").stdout),
               "`status` says that it is not in force", daemon.ctl("status").stdout)
        check_new_levels(tap, daemon, watcher)
        tap.equal(daemon.status().get("configurationErrors"), None, "... and no more when one is")
        watcher.close()
        lab.stop_well(tap, daemon)


def check_new_levels(tap, daemon, watcher):
    daemon.configure(CONFIG.replace("StuckCritical=100", "StuckCritical=6"))
    tap.equal(daemon.ctl("reload").returncode, 0, "`twmonctl reload` with new levels succeeds")
    tap.ok(lab.poll(lambda: watcher.find("escalated", KIND, 7875), RAISE_BOUND),
           "StuckCritical=6 escalates it", watcher.replies)
    daemon.configure(CONFIG.replace("StuckWarning=5", "StuckWarning=")
                     .replace("StuckCritical=100", "StuckCritical="))
    daemon.signal(signal.SIGHUP)
    event = lab.poll(lambda: watcher.find("cleared", KIND, 7875), 2 * INTERVAL + SLACK)
    tap.ok(event, "SIGHUP with the rule removed clears it at once", watcher.replies)
    tap.ok(event and re.search("rule|configur", event.get("reason") or ""),
           "and says that this is the reason", event)
    check_status(tap, daemon, 0, "ok", "rule removed")
    daemon.configure(CONFIG + "[Ports]\nIgnore=7875\n")
    tap.equal(daemon.ctl("reload").returncode, 0, "reload with the port ignored")
    lab.poll(lambda: (daemon.ports("7875").get(("local", 7875)) or {}).get("ignored"), 5)
    tap.equal((daemon.ports("7875").get(("local", 7875)) or {}).get("closeWait"), 6,
              "an ignored port is counted")
    tap.equal(daemon.alert(KIND, 7875), None, "and not judged")


def test_the_graver_one_comes_first(tap):
    """A leak is what people ask about, unless something worse is raised."""
    config = CONFIG + "[Port 7880]\nCloseWaitCountCritical=3\n"
    with lab.Daemon(config) as daemon, makers.close_wait(7879, 6):
        tap.ok(daemon.wait_alert(KIND, 7879, "raised", RAISE_BOUND + 5), "a leak is raised")
        text = check_status(tap, daemon, 1, "warning", "a leak")
        tap.ok(text.startswith("LEAKING: local port 7879"), "which status answers with", text)
        with makers.close_wait(7880, 4):
            tap.ok(daemon.wait_alert("close-wait-count", 7880, "raised", 20),
                   "so is a critical alert")
            text = check_status(tap, daemon, 1, "critical", "both")
            tap.ok(text.startswith("CRITICAL: local port 7880"), "which comes first", text)


lab.run(test_life, test_few_are_no_alert, test_old_sockets, test_counts_and_escalation, test_reload,
        test_the_graver_one_comes_first, limit=90)
