#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package twmon-exporter in a booted systemd: installed beside twmon it answers, over an upgrade as
well; purged, it has never been there."""

import re

import packaged  # first: it knows where the other modules are
import guest
import machine
from machine import lab
from packaged import EXPORTER, EXPORTER_UNITS, NEWER, PACKAGE, UNITS, Packaged
from scraper import SERVICE, SOCKET, Scrapes, fetch, up

ADDRESS = "127.0.0.1:19865"
WAITING = [("inactive", "disabled"), ("active", "enabled")]  # the service, and the socket that starts it
RUNNING = [("active", "disabled"), ("active", "enabled")]
RULES = f"/usr/share/doc/{EXPORTER}/twmon.rules.yml"


def leak_told(host):
    """The alert of the leak, as the exporter tells it."""
    found = re.search(r'^twmon_alert_info\{[^}]*port="%d"[^}]*\} 1$' % guest.PORT, fetch(host)[1], re.MULTILINE)
    return found and found[0]


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
        install(tap, host, "old")
        leaking(host)
        change(tap, host, "twmon alone", host.newer)
        tap.equal([host.package_version(name).split()[0] for name in (PACKAGE, EXPORTER)],
                  [NEWER, packaged.built(EXPORTER).split("_")[1]], "twmon alone: the exporter need not be upgraded")
        host.dpkg("-i", host.deb)
        host.wait_answer()
        change(tap, host, "both", host.newer_exporter, host.newer)
        tap.equal(host.package_version(EXPORTER), f"{NEWER} install ok installed", "both: it is upgraded")


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


machine.run(test_install, test_upgrade, test_choices, test_split)
