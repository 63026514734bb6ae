#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""[Alerts] Start=: a unit is started for what happens; without a bus that is said once."""

import guest
import machine
from guest import KIND, PORT, TWMON
from machine import lab

TEMPLATE = "seen@.service"
CONFIG = guest.CONFIG.replace("[Alerts]", f"[Alerts]\nStart={TEMPLATE}")
# Writes what it was started for, unescaped, into its own log.
SEEN = """[Service]
Type=oneshot
SyslogIdentifier=seen
ExecStart=/bin/echo started for %I
"""
BUS = ("dbus.socket", "dbus.service", "dbus-broker.service")


def with_template(host):
    host.put("/run/systemd/system/" + TEMPLATE, SEEN)
    host.systemctl("daemon-reload")
    host.systemctl("start", TWMON)


def started_for(host):
    return [entry["MESSAGE"] for entry in host.journal("-t", "seen")]


def test_start(tap):
    with guest.Guest(CONFIG, start=False) as host:
        if not host.exists("/usr/lib/systemd/system/dbus.socket"):
            raise lab.Skip("no D-Bus in this tree")
        host.systemctl("start", "dbus.socket")
        with_template(host)
        host.leak(8)
        key = host.wait_raised()["key"]
        tap.ok(lab.poll(lambda: started_for(host) == [f"started for {key}"], 15),
               "raised: the unit is started, once, for the alert's key", started_for(host))
        host.mend()
        host.wait_cleared()
        tap.ok(lab.poll(lambda: started_for(host) == [f"started for {key}"] * 2, 15),
               "cleared: and again", started_for(host))
        tap.equal(host.complaints("."), [], "nothing went wrong")


def test_shipped(tap):
    """The example that is installed logs."""
    with guest.Guest(CONFIG.replace(TEMPLATE, "twmon-alert@.service"), start=False) as host:
        if not host.exists("/usr/lib/systemd/system/dbus.socket"):
            raise lab.Skip("no D-Bus in this tree")
        host.systemctl("start", "dbus.socket", TWMON)
        host.leak(8)
        key = host.wait_raised()["key"]
        unit = "twmon-alert@" + host.exec("systemd-escape", key).stdout.strip() + ".service"
        tap.ok(lab.poll(lambda: host.journal(f"_SYSTEMD_UNIT={unit}"), 15),
               f"{unit} was started and has logged", host.journal("-u", "twmon-alert@*"))
        tap.equal(host.show(unit, "Result"), "success", "and ended well")


def test_no_bus(tap):
    with guest.Guest(CONFIG, start=False) as host:
        host.systemctl("mask", "--now", *BUS, check=False)
        tap.ok(not host.exists("/run/dbus/system_bus_socket") or
               host.show("dbus.socket", "ActiveState") != "active", "there is no bus")
        with_template(host)
        for _ in range(2):
            host.systemctl("restart", guest.LEAKY)
            host.leak(8)
            host.wait_raised()
            host.mend()
            host.wait_cleared()
        tap.ok(lab.poll(lambda: len(host.history()) == 4, 5), "without it alerts work as ever",
               host.history())
        complaints = host.complaints(r"(?i)\bbus\b|start|" + TEMPLATE)
        tap.equal(len(complaints), 1, f"that it is away is said once ({complaints})")
        tap.equal(host.told("raised")[0]["TWMON_ALERT"], KIND, "with what they say")
        tap.equal(host.history(PORT), ["raised", "cleared"] * 2, "and nothing twice")


machine.run(test_start, test_shipped, test_no_bus)
