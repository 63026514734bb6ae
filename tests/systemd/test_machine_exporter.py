#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmon-exporter as it is installed: its socket starts it, it may do nothing else, and restarts of twmond do
not show."""

import re
import threading

import guest
import machine
from guest import TWMON
from machine import lab
from scraper import SERVICE, SOCKET, fetch, up

SCRAPES, RESTARTS = 60, 5


def check_privileges(tap, host):
    status = dict(re.findall(r"^(\w+):\s*(.*)$",
                             host.exec("cat", f"/proc/{host.show(SERVICE, 'MainPID')}/status").stdout,
                             re.MULTILINE))
    tap.ok(0 not in map(int, status["Uid"].split()), "it is not root", status["Uid"])
    tap.equal((status["CapEff"], status["CapBnd"], status["NoNewPrivs"]), ("0" * 16, "0" * 16, "1"),
              "and has no privilege, nor can get one")


def test_exporter(tap):
    with guest.Guest() as host:
        host.wait_answer()
        host.systemctl("enable", "--now", SOCKET)
        tap.equal(host.show(SERVICE, "ActiveState"), "inactive", "nobody has come: it does not run")
        tap.equal(up(host), 1, "who comes starts it, and has an answer")
        tap.equal(host.show(SERVICE, "ActiveState"), "active", "READY=1 has arrived")
        check_privileges(tap, host)

        host.leak(8)
        host.wait_raised()
        status, text = fetch(host)
        tap.ok(re.search(r'^twmon_alert_info\{.*owner="leaky.service"\} 1$', text, re.MULTILINE),
               "a leak is told, and whose", text)
        results = []
        thread = threading.Thread(target=lambda: results.extend(up(host) for _ in range(SCRAPES)))
        thread.start()
        for number in range(RESTARTS):
            lab.must(lambda: len(results) >= number or not thread.is_alive(), "scrapes", 60)
            host.systemctl("restart", TWMON)
        thread.join()
        tap.equal(results, [1] * SCRAPES, f"{SCRAPES} scrapes, {RESTARTS} restarts of twmond: all up")

        host.systemctl("stop", TWMON, "twmond.socket")
        tap.equal(up(host), 0, "twmond is stopped: up 0")
        tap.equal(host.show(SERVICE, "ActiveState"), "active", "and it stays")
        host.systemctl("start", TWMON)
        tap.ok(lab.poll(lambda: up(host) == 1), "twmond is started: up 1")
        tap.equal(host.show(SERVICE, "NRestarts"), "0", "it was started once")
        said = host.exec("journalctl", "--no-pager", "-u", SERVICE).stdout
        tap.equal(re.findall("(?i).*(?:denied|not permitted|failed).*", said), [],
                  "nothing went wrong under the unit's restrictions")
        host.systemctl("stop", SERVICE, SOCKET)
        tap.equal(host.show(SERVICE, "Result"), "success", "systemctl stop ends it well")


machine.run(test_exporter)
