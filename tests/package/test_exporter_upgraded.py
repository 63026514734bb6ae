#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package twmon-exporter upgraded in a booted systemd, under scrapes: with twmon, without it, and from
the package that once had both."""

import packaged  # first: it knows where the other modules are
import guest
import machine
from machine import lab
from packaged import EXPORTER, EXPORTER_UNITS, NEWER, PACKAGE, RULES, RUNNING, Packaged
from scraper import SERVICE, SOCKET, Scrapes, leak_told


def change(tap, host, name, *debs):
    """Installs those, under scrapes. The exporter that answers is the one that is installed."""
    started, pid = host.show(SOCKET, "ActiveEnterTimestampMonotonic"), host.main_pid()
    alert = leak_told(host), host.raised()["since"], host.history()
    with Scrapes(host) as scrapes:
        lab.must(lambda: scrapes.results, "a scrape")
        host.dpkg("-i", *debs)
        lab.must(lambda: host.main_pid() not in (0, pid), "the next twmond")
        count = len(scrapes.results)
        lab.must(lambda: len(scrapes.results) > count + 5, "scrapes of what is installed now", 60)
    tap.ok(len(scrapes.results) > 10 and set(scrapes.results) == {1},
           f"{name}: {len(scrapes.results)} scrapes, every one answered, with twmon_up 1", scrapes.results)
    tap.equal(host.show(SOCKET, "ActiveEnterTimestampMonotonic"), started, f"{name}: the socket stayed open")
    tap.equal(host.exec("readlink", f"/proc/{host.show(SERVICE, 'MainPID')}/exe").stdout.strip(),
              "/usr/sbin/twmon-exporter", f"{name}: what runs is what was installed")
    host.wait_scans(3)
    tap.equal((leak_told(host), host.raised()["since"], host.history()), alert,
              f"{name}: the alert stands, since when it did, and is not told again")


def leaking(host):
    host.configure()
    host.leak(8)
    lab.must(lambda: (host.raised() or {}).get("owner"), "an alert with its owner", guest.RAISE_SEC)
    lab.must(lambda: leak_told(host), "an alert told by the exporter")


def test_upgrade(tap):
    with Packaged() as host:
        host.apt("install", host.exporter, host.deb)
        leaking(host)
        change(tap, host, "twmon alone", host.newer)
        tap.equal([host.package_version(name).split()[0] for name in (PACKAGE, EXPORTER)],
                  [NEWER, packaged.built(EXPORTER).split("_")[1]], "twmon alone: the exporter need not be upgraded")
        host.dpkg("-i", host.deb)
        host.wait_answer()
        change(tap, host, "both", host.newer_exporter, host.newer)
        tap.equal(host.package_version(EXPORTER), f"{NEWER} install ok installed", "both: it is upgraded")


def test_split(tap):
    """From the package that had both, the exporter switched on by hand."""
    with Packaged() as host:
        before = host.files()
        host.dpkg("-i", host.single)
        tap.equal(host.states(EXPORTER_UNITS), [("inactive", "disabled")] * 2, "single: the exporter is off")
        host.systemctl("enable", "--now", SOCKET)
        leaking(host)
        change(tap, host, "split", host.exporter, host.deb)
        tap.equal(host.states(EXPORTER_UNITS), RUNNING, "split: its socket is on")
        owners = host.exec("dpkg", "-S", "/usr/sbin/twmon-exporter", RULES).stdout.split()[::2]
        tap.equal((owners, host.dpkg("--verify", PACKAGE, EXPORTER).stdout), ([EXPORTER + ":"] * 2, ""),
                  "split: its files are its package's, whole")
        tap.ok(not host.exists(f"/usr/share/doc/{PACKAGE}/twmon.rules.yml"), "split: and none is left over")
        host.systemctl("stop", guest.LEAKY)
        host.apt("purge", PACKAGE, EXPORTER)
        host.check_gone(tap, before, "split, and purged")


machine.run(test_upgrade, test_split)
