#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A twmond that hangs is restarted by the watchdog, and who asked meanwhile is answered.

twmond has a watchdog that is too short renewed to 30 s and three intervals, so that is how long it
takes at the least: most of this suite's time is waiting.
"""

import time

import guest
import machine
from guest import TWMON
from machine import lab

RENEWED_USEC = 3 * 500 * 1000 + 30 * 1000000
UNIT = "[Service]\nWatchdogSec=3s\n"


def test_watchdog(tap):
    with guest.Guest(units={"watchdog": UNIT}) as host:
        host.leak(8)
        host.wait_raised()
        pid = host.main_pid()
        time.sleep(4)
        tap.equal((host.main_pid(), host.show(TWMON, "NRestarts")), (pid, "0"),
                  "a watchdog shorter than a few intervals does not end it")
        host.kill("STOP")
        began = time.monotonic()
        with host.connect(60) as waiting:
            waiting.send({"method": "io.twmon.Monitor.GetStatus"})
            tap.ok(lab.poll(lambda: host.main_pid() not in (0, pid), 60, 0.5),
                   "SIGSTOP: the watchdog has it restarted",
                   host.systemctl("status", TWMON, check=False).stdout)
            took = time.monotonic() - began
            tap.note(f"after {took:.1f} s")
            tap.ok(took < RENEWED_USEC / 1e6 + 10, "in the time that it asked for, or little more", took)
            tap.equal(waiting.take()["pid"], host.main_pid(), "who asked meanwhile is answered")
        tap.equal(len(host.said("(?i)watchdog timeout")), 1, "the journal says why")
        tap.equal(host.show(TWMON, "NRestarts"), "1", "one restart is enough")
        host.wait_answer()
        host.wait_raised()
        tap.equal(host.show("twmond.socket", "ActiveState"), "active", "and the leak is seen again")


machine.run(test_watchdog)
