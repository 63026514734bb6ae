#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A twmond that is restarted, with its socket unit under clients, and without it."""

import re
import time

import guest
import machine
from clients import Clients, check_socket, pauses
from guest import SOCKET, TWMON

RESTARTS = 10

CONFIG = "[Scan]\nInterval=1s\n"


def test_restarts(tap):
    chance = pauses(tap)
    with guest.Guest(CONFIG) as host:
        inode = host.exec("stat", "-c", "%i", SOCKET).stdout
        with Clients(host, 0) as clients:
            for _ in range(RESTARTS):
                host.systemctl("restart", TWMON)
                time.sleep(chance.uniform(0, 0.3))
        tap.note(clients)
        tap.equal((clients.errors, clients.answered), ([], clients.asked),
                  f"{RESTARTS} restarts: no client is refused or dropped")
        tap.ok(clients.asked >= 20 * RESTARTS, "there were some all the time", clients)
        check_socket(tap, host, "restarts")
        tap.equal(host.exec("stat", "-c", "%i", SOCKET).stdout, inode, "it is the same socket")


def test_alone(tap):
    """Without the socket unit twmond binds its own. A drop-in cannot take a dependency away, so this
    is what `systemctl edit --full` makes."""
    with guest.Guest(CONFIG, start=False) as host:
        unit = host.read("/usr/lib/systemd/system/" + TWMON)
        alone = re.sub(r"(?m)^(Requires|After)=twmond\.socket\n|^Also=.*\n", "", unit)
        tap.equal(len(unit.splitlines()) - len(alone.splitlines()), 3, "the unit without its socket")
        host.put("/etc/systemd/system/" + TWMON, alone)
        host.systemctl("mask", "--now", "twmond.socket")
        host.systemctl("start", TWMON)
        mode = host.exec("stat", "-c", "%a", SOCKET).stdout.strip()
        tap.equal(mode, "666", "without the socket unit: its socket is for everybody")
        host.wait_answer()
        tap.equal(host.run("twmonctl", "status", properties=["User=nobody"]).stderr, "",
                  "and answers nobody")
        for name, function in ("SIGKILL", host.kill_and_wait), ("restart", host.restart):
            function()
            tap.equal(host.status()["pid"], host.main_pid(), f"{name}: the next one binds it again")
        host.systemctl("stop", TWMON)
        tap.ok(not host.exists(SOCKET), "its end removes it")


machine.run(test_restarts, test_alone)
