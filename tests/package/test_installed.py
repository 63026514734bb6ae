#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package in a booted systemd: installed, it runs; purged, it has never been there."""

import json
import subprocess

import packaged  # first: it knows where the other modules are
import guest
import machine
from guest import STATE, TWMON
from machine import lab
from packaged import UNITS, Packaged


def listening(host):
    """By the host's ss: a tree need not have one."""
    command = ["nsenter", "-t", str(host.pid), "-n", "ss", "-Hlntu"]
    return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())


def check_up(tap, host, name):
    tap.equal(host.states(), [("active", "enabled")] * 2, f"{name}: service and socket are on, and enabled")
    host.wait_answer()
    answer = json.loads(host.exec("twmonctl", "--json", "status").stdout)
    tap.equal(answer["pid"], host.main_pid(), f"{name}: twmonctl is answered")
    tap.equal(host.complaints("."), [], f"{name}: twmond has nothing to complain about")
    tap.equal(host.said("(?i)failed|denied|not permitted|unknown"), [], f"{name}: nor has systemd")


def check_gone(tap, host, before, name):
    tap.equal(host.package_version(), None, f"{name}: dpkg knows nothing of it")
    after = host.files()
    tap.equal(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)), [],
              f"{name}: every file of the system is as it was")
    loaded = host.systemctl("list-units", "--all", "--plain", "--no-legend", "twmon*").stdout
    tap.equal(loaded, "", f"{name}: systemd knows no unit of it")
    tap.equal(host.catalog_ids(), set(), f"{name}: nor journalctl a message")
    tap.ok("twmond\n" not in host.processes() and "systemd\n" in host.processes(), f"{name}: nothing runs",
           host.processes())


def test_install(tap):
    with Packaged() as host:
        before, ports = host.files(), listening(host)
        tap.equal((host.catalog_ids(), host.package_version()), (set(), None), "nothing is there")
        host.apt("install", host.deb)
        check_up(tap, host, "apt install")
        tap.equal(listening(host), ports, "no port is open")
        tap.equal(host.catalog_ids(), set(guest.catalog()), "journalctl knows every message")
        tap.equal(host.dpkg("--verify", packaged.PACKAGE).stdout, "", "dpkg --verify finds nothing")
        new = sorted(path for path in host.files() if path not in before)
        tap.ok({"/etc/twmon/twmon.conf", STATE, "/run/twmon/control", "/usr/sbin/twmond"} <= set(new),
               f"the {len(new)} new files are seen", new)
        host.apt("purge", packaged.PACKAGE)
        check_gone(tap, host, before, "apt purge")

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
        check_gone(tap, host, before, "dpkg --purge of one that was configured and has told of a leak")


POLICY = "/usr/sbin/policy-rc.d"
NO_SYSTEMD = "mount -t tmpfs none /run && exec env DEBIAN_FRONTEND=noninteractive dpkg "


def test_not_started(tap):
    """Where nothing is to be started: a policy says so, or an image is built and no systemd runs."""
    with Packaged() as host:
        before = host.files()
        host.put(POLICY, "#!/bin/sh\nexit 101\n")
        host.exec("chmod", "755", POLICY)
        host.dpkg("-i", host.deb)
        tap.equal(host.states(), [("inactive", "enabled")] * 2, "policy-rc.d forbids it: installed, not started")
        host.exec("rm", POLICY)
        host.dpkg("--purge", packaged.PACKAGE)
        check_gone(tap, host, before, "purged, never started")

        host.exec("unshare", "-m", "sh", "-c", NO_SYSTEMD + "-i " + host.deb, timeout=packaged.INSTALL_SEC)
        tap.equal(host.systemctl("is-enabled", *UNITS).stdout.split(), ["enabled"] * 2,
                  "without systemd it can be installed, and will be on at the next boot")
        host.exec("unshare", "-m", "sh", "-c", NO_SYSTEMD + "--purge " + packaged.PACKAGE,
                  timeout=packaged.INSTALL_SEC)
        host.systemctl("daemon-reload")
        check_gone(tap, host, before, "purged without systemd")


machine.run(test_install, test_not_started)
