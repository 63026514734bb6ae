#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Since when sockets are in CLOSE_WAIT that come between two scans: the kernel is asked, for each of
the new ones while they are few, in a walk where they are many."""

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


def test_many_at_once(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7430, 3):
        check(tap, daemon, "many", "local", 7431, lambda: makers.close_wait(7431, MANY), MANY)
        lab.stop_well(tap, daemon)


lab.run(test_new_ones_are_asked_for, test_many_at_once)
