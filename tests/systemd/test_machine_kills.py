#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""SIGKILL at any moment, also right after something has changed: no request is lost that a retry
would not get, no alert is lost or told twice."""

import time

import guest
import machine
from clients import Clients, check_socket, pauses
from guest import TWMON
from machine import lab

CONNECTS = 5000
KILLS = 10
RETRY_SEC = 1


def test_kills(tap):
    chance = pauses(tap)
    with guest.Guest() as host:
        host.leak(8)
        since = host.wait_raised()["since"]
        raised = []
        with Clients(host, RETRY_SEC, CONNECTS) as clients:
            for number in range(KILLS):
                lab.must(lambda number=number: clients.asked >= number * CONNECTS / KILLS,
                         "clients that ask", 60)
                host.kill_and_wait()
                raised.append((host.raised() or {}).get("since"))
                time.sleep(chance.uniform(0, 0.3))
        tap.note(clients)
        tap.ok(clients.asked >= CONNECTS, f"{KILLS} SIGKILLs under {CONNECTS} connects", clients)
        tap.equal((clients.errors, clients.answered), ([], clients.asked),
                  f"every request is answered, or tried again within {RETRY_SEC} s")
        tap.equal(host.show(TWMON, "NRestarts"), str(KILLS), "each was followed by one restart")
        check_socket(tap, host, "SIGKILLs")
        tap.equal(raised, [since] * KILLS, "after each the alert is raised at once, as it was")
        host.wait_scans(6)
        tap.equal(host.history(), ["raised"], "and was told once")


def test_changes(tap):
    """Right after an alert was raised, and right after it was cleared."""
    with guest.Guest() as host:
        host.leak(8)
        lab.must(lambda: host.told("raised"), "the alert in the journal", guest.RAISE_SEC, 0.01)
        host.kill_and_wait()
        tap.ok(host.raised(), "SIGKILL right after it was told: the alert is raised")
        host.wait_scans(6)
        tap.equal(host.history(), ["raised"], "and is not told again")
        host.mend()
        lab.must(lambda: host.told("cleared"), "the alert's end in the journal", guest.CLEAR_SEC,
                 0.01)
        host.kill_and_wait()
        host.wait_scans(6)
        tap.equal((host.history(), host.alert()), (["raised", "cleared"], None),
                  "SIGKILL right after its end: cleared once, and it stays so")


machine.run(test_kills, test_changes)
