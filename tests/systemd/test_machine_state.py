#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What twmond knows outlives it: nothing is lost, nothing is told twice."""

import time

import guest
import machine
from guest import TWMON
from machine import lab

SLACK_SEC = 2
HOLD_SEC = 12

PENDING = guest.CONFIG.replace("RaiseAfter=500ms", f"RaiseAfter={HOLD_SEC}s")


def seen(host):
    """What must be the same after a restart, and how old it is."""
    alert = host.raised()
    return {"alert": alert, "sequence": host.sequence(), "history": host.history(),
            "at": time.monotonic()}


def check_same(tap, host, before, name):
    """Right after a start, and again when it has had the time to raise it anew."""
    alert = host.raised()
    if tap.ok(alert, f"{name}: the alert is raised at once", host.call("ListAlerts")):
        tap.equal(alert["since"], before["alert"]["since"], f"{name}: since when it was")
        elapsed = time.monotonic() - before["at"]
        wanted = before["alert"]["oldestSec"] + elapsed - SLACK_SEC
        tap.ok(alert.get("oldestSec", 0) >= wanted, f"{name}: its oldest connection is as old",
               f"{alert.get('oldestSec')} s, wanted {wanted:.0f} s")
        tap.equal(alert.get("owner"), before["alert"]["owner"], f"{name}: and it has its owner")
    host.wait_scans(6)
    tap.equal(host.history(), before["history"], f"{name}: nothing is told again")
    tap.equal(host.sequence(), before["sequence"], f"{name}: the sequence numbers go on")


def test_restart(tap):
    with guest.Guest() as host:
        host.leak(8)
        host.wait_raised()
        host.mend()
        host.wait_cleared()
        host.leak(8)
        host.wait_raised()
        time.sleep(3)
        before = seen(host)
        tap.equal((before["history"], before["sequence"]), (["raised", "cleared", "raised"], 3),
                  "before: told once")
        for name, function in (("restart", host.restart), ("SIGKILL", host.kill_and_wait),
                               ("daemon-reexec and restart", lambda: reexec(host))):
            function()
            check_same(tap, host, before, name)
        host.systemctl("stop", TWMON)
        host.systemctl("start", TWMON)
        host.wait_answer()
        check_same(tap, host, before, "stop and start")
        check_stopped_meanwhile(tap, host, before)


def reexec(host):
    host.systemctl("daemon-reexec")
    host.restart()


def check_stopped_meanwhile(tap, host, before):
    """What ends while nobody watches is told by the next twmond."""
    host.systemctl("stop", TWMON)
    host.mend()
    host.systemctl("start", TWMON)
    host.wait_cleared()
    host.wait_scans()
    tap.equal(host.history(), [*before["history"], "cleared"],
              "mended while stopped: cleared, once")
    tap.ok(host.sequence() > before["sequence"], "with the next sequence number")


def test_pending(tap):
    """A hold time goes on where it was."""
    with guest.Guest(PENDING) as host:
        host.leak(8)
        lab.must(host.alert, "a pending alert", 10)
        began = time.monotonic()
        since = host.alert()["since"]
        time.sleep(HOLD_SEC / 2)
        host.restart()
        alert = host.alert() or {}
        tap.equal((alert.get("state"), alert.get("since")), ("pending", since),
                  "a pending alert is still pending, since then")
        host.wait_raised(timeout=HOLD_SEC * 2)
        took = time.monotonic() - began
        tap.ok(HOLD_SEC - 1 <= took < HOLD_SEC * 1.4, "and raised when its time has come",
               f"after {took:.1f} s")


def test_acknowledged(tap):
    with guest.Guest() as host:
        host.leak(8)
        key = host.wait_raised()["key"]
        result = host.exec("twmonctl", "acknowledge", key, check=False)
        tap.equal(result.returncode, 0, "twmonctl acknowledge")
        before = host.raised().get("acknowledged")
        if not tap.ok(before and before["uid"] == 0, "the alert shows it", host.raised()):
            return
        for name, function in ("restart", host.restart), ("SIGKILL", host.kill_and_wait):
            function()
            tap.equal((host.raised() or {}).get("acknowledged"), before, f"{name}: still")


machine.run(test_restart, test_pending, test_acknowledged)
