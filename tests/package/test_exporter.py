#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package twmon-exporter in a booted systemd: installed beside twmon it answers; purged, it has
never been there."""

import re

import packaged  # first: it knows where the other modules are
import guest
import machine
from packaged import EXPORTER, EXPORTER_UNITS, PACKAGE, RULES, RUNNING, UNITS, WAITING, Packaged
from scraper import SERVICE, SOCKET, leak_told, up

ADDRESS = "127.0.0.1:19865"


def install(tap, host, name):
    """Both, by apt; what is new then."""
    ports, running = host.listening(), host.running()
    host.apt("install", host.exporter, host.deb)
    tap.equal((host.states(EXPORTER_UNITS), host.states()), (WAITING, [("active", "enabled")] * 2),
              f"{name}: its socket is on, and twmond")
    new = host.running() - running - {"dbus.service"}  # which hooks of apt's wake
    tap.equal(sorted(new), sorted([*UNITS, SOCKET]), f"{name}: nothing else was started")
    tap.equal(sorted(set(host.listening()) - set(ports)), [ADDRESS], f"{name}: it listens on loopback alone")
    tap.equal(up(host), 1, f"{name}: who asks is answered")
    tap.equal(host.states(EXPORTER_UNITS), RUNNING, f"{name}: the service runs then")


def test_install(tap):
    with Packaged() as host:
        before = host.files()
        install(tap, host, "apt install")
        both = set(host.files())
        uid = re.search(r"(?m)^Uid:\s*(\d+)", host.exec("cat", f"/proc/{host.show(SERVICE, 'MainPID')}/status").stdout)
        tap.ok(int(uid[1]) >= 61184, "it has a user of systemd's", uid[1])
        host.configure()
        host.leak(8)
        host.wait_raised()
        tap.ok(leak_told(host), "a leak is told")
        tap.equal(host.dpkg("--verify", EXPORTER).stdout, "", "dpkg --verify finds nothing")
        tap.ok(host.read(RULES).startswith("# SPDX"), "the rules can be read by their path")

        host.apt("purge", EXPORTER)
        left = set(host.files())
        tap.equal(sorted(path for path in both - left if EXPORTER not in path), [],
                  "apt purge: its files go, and no other")
        tap.equal(sorted(path for path in left if EXPORTER in path), [], "apt purge: all of them")
        tap.equal((host.package_version(EXPORTER), ADDRESS in host.listening(), up(host) in (0, 1)),
                  (None, False, False), "apt purge: nobody listens")
        tap.equal((host.states(), bool(host.raised())), ([("active", "enabled")] * 2, True),
                  "apt purge: twmond goes on, and the alert stands")
        host.systemctl("stop", guest.LEAKY)
        host.apt("purge", PACKAGE)
        host.check_gone(tap, before, "apt purge of both")

        host.dpkg("-i", host.exporter, host.deb)
        host.systemctl("enable", "--now", SERVICE)
        tap.equal(up(host), 1, "dpkg -i, the service enabled by hand: who asks is answered")
        host.dpkg("--purge", EXPORTER, PACKAGE)
        host.check_gone(tap, before, "dpkg --purge of a service that was enabled by hand")


def test_choices(tap):
    """What the administrator has decided stays so."""
    with Packaged() as host:
        host.systemctl("mask", SOCKET, check=False)
        host.apt("install", host.deb, host.exporter)
        tap.equal((host.show(SOCKET, "ActiveState"), ADDRESS in host.listening()), ("inactive", False),
                  "masked before, it is installed and never started")
        host.systemctl("unmask", SOCKET)
        host.systemctl("enable", "--now", SOCKET)
        tap.equal(up(host), 1, "unmasked and enabled it answers")
        host.systemctl("disable", "--now", SOCKET)
        host.apt("install", host.newer, host.newer_exporter)
        tap.equal(host.states(EXPORTER_UNITS), [("inactive", "disabled")] * 2,
                  "disabled, it stays off over an upgrade")
        host.apt("remove", PACKAGE)
        tap.equal([host.exists(f"/usr/sbin/{name}") for name in ("twmond", EXPORTER)], [False, False],
                  "without twmon there is no exporter")


machine.run(test_install, test_choices)
