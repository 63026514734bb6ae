#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""systemctl reload: a good configuration is in force when it returns, a wrong one is refused."""

import os
import re

import guest
import machine
from guest import CONFIG_FILE, TWMON
from machine import ROOT, lab

QUIET = guest.CONFIG.replace("StuckWarning=5", "StuckWarning=50")
GOOD = guest.CONFIG
BROKEN = GOOD.replace("StuckWarning=5", "StuckWarning=many")
DROPIN = ROOT + "/systemd/dropins/notify-reload.conf"
NOTIFY_RELOAD = 253  # the first systemd that has it


def line_of(text, start):
    """The number of the first line that begins so."""
    return next(number for number, line in enumerate(text.splitlines(), 1)
                if line.startswith(start))


def check_good(tap, host, name):
    """From levels that the leak does not reach to ones that it does."""
    pid = host.main_pid()
    tap.ok(not host.raised(), f"{name}: no alert at the old levels")
    host.put(CONFIG_FILE, GOOD)
    result = host.systemctl("reload", TWMON, check=False)
    tap.ok(result.returncode == 0, f"{name}: systemctl reload succeeds",
           f"{result}\n{host.said('.')}")
    alert = host.wait_raised()
    tap.equal((alert["warningLevel"], alert["rule"]),
              (5, f"{CONFIG_FILE}:{line_of(GOOD, 'StuckWarning')}"),
              f"{name}: the new level is in force")
    tap.equal(host.main_pid(), pid, f"{name}: in the same process")


def check_broken(tap, host):
    host.put(CONFIG_FILE, BROKEN)
    result = host.systemctl("reload", TWMON, check=False)
    tap.ok(result.returncode != 0, "broken: systemctl reload fails", result)
    where = f"{CONFIG_FILE}:{line_of(BROKEN, 'StuckWarning')}"
    tap.ok(lab.poll(lambda: host.said(re.escape(where)), 5), f"broken: the journal names {where}",
           host.said("."))
    tap.equal(host.show(TWMON, "ActiveState"), "active", "broken: twmond goes on")
    tap.equal((host.wait_raised()["warningLevel"], host.history()), (5, ["raised"]),
              "broken: by the old levels")
    host.put(CONFIG_FILE, QUIET)
    host.systemctl("reload", TWMON)
    host.wait_cleared()
    tap.equal(host.history(), ["raised", "cleared"], "mended: the next reload succeeds again")


def test_reload(tap):
    with guest.Guest(QUIET) as host:
        host.leak(8)
        lab.must(lambda: any(row["stuck"] == 8 for row in host.call("ListPorts")["ports"]),
                 "eight stuck sockets", 30)
        check_good(tap, host, "good")
        check_broken(tap, host)


def test_broken_start(tap):
    """What would be wrong for ever is not tried for ever."""
    with guest.Guest(BROKEN, start=False) as host:
        tap.ok(host.systemctl("start", TWMON, check=False).returncode != 0,
               "broken at the start: systemctl start fails")
        tap.equal((host.show(TWMON, "ActiveState"), host.show(TWMON, "ExecMainStatus"),
                   host.show(TWMON, "NRestarts")), ("failed", "78", "0"),
                  "with status 78, and is not repeated")
        tap.ok(host.said(r"test\.conf:\d+"), "the journal says where", host.said("."))
        host.put(CONFIG_FILE, GOOD)
        host.systemctl("restart", "twmond.socket", TWMON)
        tap.equal(host.show(TWMON, "ActiveState"), "active", "mended, it starts")


def test_notify_reload(tap):
    """The drop-in that is shipped for systemd 253 and later."""
    with guest.Guest(QUIET, {"notify-reload": lab.read_text(DROPIN)}, start=False) as host:
        if host.version() < NOTIFY_RELOAD:
            raise lab.Skip(f"systemd {host.version()} is older than {NOTIFY_RELOAD}")
        host.systemctl("start", TWMON)
        tap.equal(host.show(TWMON, "Type"), "notify-reload", f"{os.path.basename(DROPIN)} is used")
        host.leak(8)
        lab.must(lambda: any(row["stuck"] == 8 for row in host.call("ListPorts")["ports"]),
                 "eight stuck sockets", 30)
        check_good(tap, host, "notify-reload")
        tap.equal(host.show(TWMON, "ActiveState"), "active", "the reload has ended")


machine.run(test_reload, test_broken_start, test_notify_reload)
