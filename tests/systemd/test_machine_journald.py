#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""journald goes and comes back, the clock is set: alerts are neither lost nor doubled."""

import datetime
import time

import guest
import machine
from guest import TWMON
from machine import lab

JOURNALD = ("systemd-journald.socket", "systemd-journald-dev-log.socket",
            "systemd-journald.service")
HOUR_SEC = 3600
SHIFT_FILE = "/run/clock-shift"
SHIM = f"""[Service]
Environment=LD_PRELOAD=/usr/local/lib/clock-shim.so CLOCK_SHIM={SHIFT_FILE}
"""


def check_journald(tap, host, name, meanwhile):
    host.systemctl("stop", *JOURNALD)
    tap.ok(host.systemctl("is-active", JOURNALD[2], check=False).stdout.strip() != "active",
           f"{name}: journald is stopped")
    host.leak(8)
    host.wait_raised()
    meanwhile()
    tap.ok(host.raised(), f"{name}: the alert is raised")
    host.systemctl("start", *JOURNALD)
    tap.ok(lab.poll(lambda: host.told("raised"), 20, 0.2), f"{name}: the next journald is told")
    host.wait_scans(6)
    tap.equal(host.history(), ["raised"], f"{name}: exactly once")
    host.mend()
    host.wait_cleared()
    tap.ok(lab.poll(lambda: host.history() == ["raised", "cleared"], 5), f"{name}: and of its end",
           host.history())


def test_stopped(tap):
    with guest.Guest() as host:
        check_journald(tap, host, "journald stopped", lambda: None)


def test_stopped_restart(tap):
    with guest.Guest() as host:
        check_journald(tap, host, "journald stopped, twmond restarted", host.restart)


def test_stopped_kill(tap):
    with guest.Guest() as host:
        check_journald(tap, host, "journald stopped, twmond killed", host.kill_and_wait)


def test_stopped_twice(tap):
    """What is started while journald is away has /dev/null as stderr: nobody reads that."""
    with guest.Guest() as host:
        def twice():
            host.restart()
            host.restart()

        check_journald(tap, host, "journald stopped, twmond restarted twice", twice)


def off_by(host):
    """Seconds between what twmond takes for now and what it is."""
    scanned = datetime.datetime.fromisoformat(host.status()["scannedAt"].replace("Z", "+00:00"))
    return scanned.timestamp() - time.time()


def set_clock(tap, host, shift_sec):
    host.put(SHIFT_FILE, str(shift_sec))
    tap.ok(lab.poll(lambda: abs(off_by(host) - shift_sec) < 60, 10),
           f"the clock is set to {shift_sec:+d} s", off_by(host))


def check_clock(tap, host, shift_sec, wanted):
    """A clock that is set while an alert is raised, and one restart under it."""
    name = f"{shift_sec:+d} s"
    host.systemctl("restart", guest.LEAKY)
    host.leak(8)
    host.wait_raised()
    set_clock(tap, host, shift_sec)
    host.wait_scans(6)
    alert = host.raised()
    tap.ok(alert and alert["sinceSec"] < 120 and alert["oldestSec"] < 120,
           f"{name}: ages are what they were", alert)
    host.restart()
    host.wait_scans(6)
    tap.equal(host.history(), [*wanted, "raised"], f"{name}: nothing is lost or doubled")
    host.mend()
    host.wait_cleared()
    lab.poll(lambda: len(host.history()) > len(wanted) + 1, 5)
    tap.equal(host.history(), [*wanted, "raised", "cleared"], f"{name}: and its end is told once")


def test_clock(tap):
    with guest.Guest(units={"clock": SHIM}, start=False) as host:
        host.put(SHIFT_FILE, "0")
        host.systemctl("start", TWMON)
        host.wait_answer()
        check_clock(tap, host, HOUR_SEC, [])
        check_clock(tap, host, -HOUR_SEC, ["raised", "cleared"])


machine.run(test_stopped, test_stopped_restart, test_stopped_kill, test_stopped_twice, test_clock)
