#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian package over its life in a booted systemd: upgraded, downgraded, removed, installed again."""

import packaged  # first: it knows where the other modules are
import guest
import machine
from clients import Clients, check_socket
from guest import SOCKET, STATE, TWMON
from machine import lab
from packaged import NEWER, UNITS, Packaged

DROPIN = "/etc/systemd/system/twmond.service.d/mine.conf"


def seen(host):
    alert = host.raised() or {}
    return {"since": alert.get("since"), "owner": alert.get("owner"), "history": host.history(),
            "sequence": host.sequence()}


def change(tap, host, version, deb):
    """To that version, up or down, under clients."""
    pid, inode = host.main_pid(), host.exec("stat", "-c", "%i", SOCKET).stdout
    with Clients(host, 0) as clients:
        host.dpkg("-i", deb)
        lab.must(lambda: host.main_pid() not in (0, pid), "the next twmond")
        host.wait_answer()
    tap.note(clients)
    tap.equal(host.package_version(), f"{version} install ok installed", f"{version} is installed")
    tap.equal((clients.errors, clients.answered), ([], clients.asked), f"{version}: no client is refused")
    tap.ok(clients.asked > 20, f"{version}: there were some all the time", clients)
    tap.equal(host.exec("stat", "-c", "%i", SOCKET).stdout, inode, f"{version}: the socket is the same")
    check_socket(tap, host, version)
    tap.equal(host.exec("readlink", f"/proc/{host.main_pid()}/exe").stdout.strip(), "/usr/sbin/twmond",
              f"{version}: what runs is what was installed")


def test_upgrade(tap):
    with Packaged() as host:
        host.apt("install", host.deb)
        old = host.package_version().split()[0]
        host.configure()
        host.put("/etc/twmon/twmon.conf", host.read("/etc/twmon/twmon.conf") + "# mine\n")
        host.leak(8)
        lab.must(lambda: (host.raised() or {}).get("owner"), "an alert with its owner", guest.RAISE_SEC)
        before = seen(host)
        tap.equal(before["history"], ["raised"], "a real leak is told of once")
        for version, deb in (NEWER, host.newer), (old, host.deb):
            change(tap, host, version, deb)
            tap.equal(seen(host), before, f"{version}: the alert stands at once, since when it did")
            host.wait_scans(6)
            tap.equal(seen(host), before, f"{version}: and is not told again")
        tap.ok(host.read("/etc/twmon/twmon.conf").endswith("# mine\n"), "the configuration is left alone")
        host.mend()
        host.wait_cleared()
        tap.equal(host.history(), ["raised", "cleared"], "mended: cleared, once")


def test_choices(tap):
    """What the administrator has decided stays so."""
    with Packaged() as host:
        host.apt("install", host.deb)
        host.put(DROPIN, "[Service]\nEnvironment=MINE=1\n")
        host.configure()
        host.systemctl("disable", "--now", *UNITS)
        host.apt("install", host.newer)
        tap.equal(host.states(), [("inactive", "disabled")] * 2, "disabled, it stays off over an upgrade")
        host.systemctl("enable", "--now", TWMON)
        host.leak(8)
        since = host.wait_raised()["since"]
        lab.must(lambda: host.exists(STATE + "/alerts"), "a state file", 30)

        host.put(guest.CONFIG_FILE, host.config + "Nonsense=1\n")
        result = host.exec(*packaged.ASK_NOTHING, "dpkg", "-i", host.deb, check=False, timeout=120)
        tap.equal((result.returncode, host.package_version().split()[1:]), (0, ["install", "ok", "installed"]),
                  "with a wrong configuration it is upgraded all the same")
        tap.ok(host.said("Nonsense"), "the journal says what is wrong")
        host.put(guest.CONFIG_FILE, host.config)
        host.systemctl("restart", *UNITS)
        host.wait_answer()
        tap.equal((host.raised() or {}).get("since"), since, "corrected: the alert stands since when it did")

        host.apt("remove", packaged.PACKAGE)
        tap.equal((host.exists("/run/twmon"), host.exists("/usr/sbin/twmond"), host.catalog_ids()),
                  (False, False, set()), "removed: nothing of it runs or can")
        tap.ok(host.exists(guest.CONFIG_FILE) and host.exists(STATE + "/alerts"),
               "removed: configuration and state stay")
        host.apt("install", host.deb)
        tap.equal(host.states(), [("active", "enabled")] * 2, "installed again: it is on")
        host.wait_answer()
        tap.equal((host.raised() or {}).get("since"), since, "installed again: the alert stands since when it did")
        host.apt("purge", packaged.PACKAGE)
        tap.equal([host.exists(path) for path in ("/etc/twmon", STATE, "/run/twmon", DROPIN)],
                  [False, False, False, True], "purged: nothing is left but the administrator's drop-in")


machine.run(test_upgrade, test_choices)
