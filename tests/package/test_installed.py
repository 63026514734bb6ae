#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package twmon in a booted systemd: installed, it runs; purged, it has never been there."""

import json

import packaged  # first: it knows where the other modules are
import guest
import machine
from guest import STATE
from machine import lab
from packaged import EXPORTER_UNITS, UNITS, Packaged


def check_up(tap, host, name):
    tap.equal(host.states(), [("active", "enabled")] * 2, f"{name}: service and socket are on, and enabled")
    host.wait_answer()
    answer = json.loads(host.exec("twmonctl", "--json", "status").stdout)
    tap.equal(answer["pid"], host.main_pid(), f"{name}: twmonctl is answered")
    tap.equal(host.complaints("."), [], f"{name}: twmond has nothing to complain about")
    tap.equal(host.said("(?i)failed|denied|not permitted|unknown"), [], f"{name}: nor has systemd")


def test_install(tap):
    with Packaged() as host:
        before, ports = host.files(), host.listening()
        tap.equal((host.catalog_ids(), host.package_version()), (set(), None), "nothing is there")
        host.apt("install", host.deb)
        check_up(tap, host, "apt install")
        tap.equal(host.listening(), ports, "it listens on no port")
        tap.equal(host.catalog_ids(), set(guest.catalog()), "journalctl knows every message")
        tap.equal(host.dpkg("--verify", packaged.PACKAGE).stdout, "", "dpkg --verify finds nothing")
        new = sorted(path for path in host.files() if path not in before)
        tap.ok({"/etc/twmon/twmon.conf", STATE, "/run/twmon/control", "/usr/sbin/twmond"} <= set(new),
               f"the {len(new)} new files are seen", new)
        host.apt("purge", packaged.PACKAGE)
        host.check_gone(tap, before, "apt purge")

        running = host.running()
        host.dpkg("-i", host.deb)
        check_up(tap, host, "dpkg -i")
        tap.equal(sorted(host.running() - running), sorted(UNITS), "nothing else was started")
        host.configure()
        host.leak(8)
        host.wait_raised()
        host.systemctl("stop", guest.LEAKY)
        lab.must(lambda: host.exists(STATE + "/alerts"), "a state file", 30)
        host.dpkg("--purge", packaged.PACKAGE)
        host.check_gone(tap, before, "dpkg --purge of one that was configured and has told of a leak")


POLICY = "/usr/sbin/policy-rc.d"
NO_SYSTEMD = "mount -t tmpfs none /run && exec env DEBIAN_FRONTEND=noninteractive dpkg"


def test_not_started(tap):
    """Where nothing is to be started: a policy says so, or an image is built and no systemd runs."""
    both = [packaged.PACKAGE, packaged.EXPORTER]
    units = [*UNITS, EXPORTER_UNITS[1]]
    with Packaged() as host:
        before = host.files()
        host.put(POLICY, "#!/bin/sh\nexit 101\n")
        host.exec("chmod", "755", POLICY)
        host.dpkg("-i", host.deb, host.exporter)
        tap.equal(host.states(units), [("inactive", "enabled")] * 3,
                  "policy-rc.d forbids it: installed, not started")
        host.exec("rm", POLICY)
        host.dpkg("--purge", *both)
        host.check_gone(tap, before, "purged, never started")

        host.exec("unshare", "-m", "sh", "-c", f"{NO_SYSTEMD} -i {host.deb} {host.exporter}",
                  timeout=packaged.INSTALL_SEC)
        tap.equal(host.systemctl("is-enabled", *units).stdout.split(), ["enabled"] * 3,
                  "without systemd it can be installed, and will be on at the next boot")
        host.exec("unshare", "-m", "sh", "-c", f"{NO_SYSTEMD} --purge {' '.join(both)}",
                  timeout=packaged.INSTALL_SEC)
        host.systemctl("daemon-reload")
        host.check_gone(tap, before, "purged without systemd")


machine.run(test_install, test_not_started)
