#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Since when sockets are in CLOSE_WAIT that come between two scans: the kernel is asked, for each of
the new ones while they are few, in a walk where they are many."""

import json
import subprocess
import time

import lab
import makers

INTERVAL = 1
STEADY = 3 * INTERVAL
CONFIG = f"""
[Scan]
Interval={INTERVAL}s
[CloseWait]
StuckAfter=10min
CountWarning=100000
"""
MANY = 1100  # UNDATED_MAX in lib/undated.h is 1024


def next_scan(daemon):
    before = daemon.status()["scans"]
    lab.must(lambda: daemon.status()["scans"] > before, "another scan", 10)


def settle(daemon):
    """Until scans are seldom, and the last one is just over."""
    lab.must(lambda: daemon.status()["schedule"]["reason"] == "steady", "nothing pending", 20)
    next_scan(daemon)


def check(tap, daemon, what, side, port, make, count):
    settle(daemon)
    with make():
        made = time.monotonic()
        next_scan(daemon)
        row = daemon.ports("--all").get((side, port), {})
        passed = time.monotonic() - made
        tap.equal(row.get("closeWait"), count, f"{what}: {count} in CLOSE_WAIT")
        tap.ok(passed >= 2 and row.get("oldestSec", -1) >= int(passed) - 1 and
               not row.get("oldestAtLeast"),
               f"{what}: dated {row.get('oldestSec')} s back, {passed:.1f} s later", row)


def test_new_ones_are_asked_for(tap):
    """IPv4, IPv6, IPv4 over IPv6; served here, and ours to others."""
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7400, 3):
        for number, kind in enumerate(filter(makers.have, makers.KINDS)):
            check(tap, daemon, kind, "local", 7410 + number,
                  lambda kind=kind, port=7410 + number: makers.close_wait(port, 5, kind), 5)
        check(tap, daemon, "never accepted", "local", 7420,
              lambda: makers.close_wait_unaccepted(7420, 4), 4)
        lab.stop_well(tap, daemon)


def test_all_are_not_asked(tap):
    """What a scan reads of each socket shows it: tcp_info has some 250 bytes."""
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7430, 500):
        lab.must(lambda: daemon.status()["totals"]["closeWait"] == 500, "they are counted")
        check(tap, daemon, "a few beside many", "local", 7431,
              lambda: makers.close_wait(7431, 5), 5)
        settle(daemon)
        cost = daemon.status()["cost"]
        tap.ok(cost["bytes"] < 200 * cost["messages"], "which are not asked for again", cost)
        lab.stop_well(tap, daemon)


def test_many_at_once(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7440, 3):
        check(tap, daemon, "many", "local", 7441, lambda: makers.close_wait(7441, MANY), MANY)
        lab.stop_well(tap, daemon)


def test_kernel_that_does_not_tell(tap):
    """Of single sockets: then it is asked of all."""
    kernel = lab.Kernel("refuse-one")
    with kernel.daemon(CONFIG) as daemon, makers.close_wait(7450, 3):
        lab.must(lambda: daemon.status()["totals"]["closeWait"] == 3, "they are counted")
        check(tap, daemon, "no answers", "local", 7451, lambda: makers.close_wait(7451, 5), 5)
        tap.ok(lab.poll(lambda: daemon.status()["totals"]["closeWait"] == 3, 10),
               "and none is left that has gone", daemon.status()["totals"])


def test_recording(tap):
    """It has the ages that were told: of few, and of many at once."""
    path = lab.temp_dir() + "/rec"
    config = CONFIG.replace("10min", "4s") + "StuckWarning=5\n[Alerts]\nRaiseAfter=1s\n"
    with lab.Daemon(config, "--record", path) as daemon:
        watcher = lab.Watcher(daemon.socket)
        for port, count in (7460, 6), (7461, MANY):
            settle(daemon)
            with makers.close_wait(port, count):
                lab.must(lambda port=port: watcher.find("raised", "close-wait-stuck", port),
                         "the alert", 20)
        watcher.close()
        live = [event["message"] for event in watcher.events if event["event"] == "raised"]
        lab.stop_well(tap, daemon)
    result = subprocess.run([lab.TWMONCTL, "replay", path, "--json", "--config", daemon.config],
                            capture_output=True, text=True, timeout=30, check=False)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    replayed = [line["event"]["message"] for line in lines
                if line.get("event", {}).get("event") == "raised"]
    tap.equal(replayed, live, f"a replay tells what was told: {live[:1]}")


lab.run(test_new_ones_are_asked_for, test_all_are_not_asked, test_many_at_once,
        test_kernel_that_does_not_tell, test_recording, limit=150)
