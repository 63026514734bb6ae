#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state directory that cannot be written is said once. The descriptors that the service manager
keeps hold what matters."""

import time

import guest
import machine
from guest import STATE, TWMON
from machine import lab


def check_disk(tap, host, name):
    """Over a state directory that takes nothing."""
    host.systemctl("start", TWMON)
    host.leak(8)
    host.wait_raised()
    tap.ok(lab.poll(lambda: host.complaints(STATE), 10), f"{name}: said", host.said("."))
    time.sleep(4)
    complaints = host.complaints(STATE)
    tap.equal(len(complaints), 1, f"{name}: once ({complaints})")
    since = host.raised()["since"]
    for what, function in (("restart", host.restart), ("another", host.restart),
                           ("SIGKILL", host.kill_and_wait)):
        function()
        alert = host.raised()
        tap.equal((alert or {}).get("since"), since, f"{name}, {what}: the alert is still raised")
    host.wait_scans(6)
    tap.equal(host.history(), ["raised"], f"{name}: and was told once")
    host.mend()
    host.wait_cleared()
    tap.ok(lab.poll(lambda: host.history() == ["raised", "cleared"], 5), f"{name}: watching goes on",
           host.history())


def check_saved(tap, host):
    """The files alone hold it: a stop ends what is stored with the service manager."""
    before, history = host.raised(), host.history()
    host.systemctl("stop", TWMON)
    tap.equal(host.show(TWMON, "NFileDescriptorStore"), "0", "stopped: nothing else is kept")
    size = int(host.exec("stat", "-c", "%s", STATE + "/alerts", check=False).stdout or 0)
    tap.ok(size > 0, "the alerts are in their file", host.exec("ls", "-la", STATE).stdout)
    complaints = host.complaints(STATE)
    host.systemctl("start", TWMON)
    host.wait_answer()
    tap.equal((host.raised() or {}).get("since"), before["since"],
              "started: the alert is raised, as it was")
    tap.equal(host.complaints(STATE), complaints, "and the file was whole")
    host.wait_scans(6)
    tap.equal(host.history(), history, "nothing is told again")


def mount_state(host, options):
    """The service manager makes what is bound read-only writable again, a file system it cannot."""
    host.exec("mkdir", "-p", STATE)
    host.exec("mount", "-t", "tmpfs", "-o", options, "tmpfs", STATE)


def test_read_only(tap):
    with guest.Guest(start=False) as host:
        mount_state(host, "ro,mode=750")
        check_disk(tap, host, "read-only")


def test_full(tap):
    with guest.Guest(start=False) as host:
        mount_state(host, "size=16k,mode=750")
        host.exec("dd", "if=/dev/zero", f"of={STATE}/filler", "bs=4k", "count=4")
        check_disk(tap, host, "full")
        host.exec("rm", STATE + "/filler")
        host.leak(8)
        host.wait_raised()
        tap.ok(lab.poll(lambda: host.said("the state is saved again"), 10),
               "room again: that it works again is said", host.said("."))
        check_saved(tap, host)


machine.run(test_read_only, test_full)
