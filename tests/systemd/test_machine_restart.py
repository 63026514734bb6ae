#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients of a twmond that is restarted and killed, with its socket unit and without."""

import random
import re
import threading
import time

import guest
import machine
from guest import SOCKET, TWMON

CLIENTS = 8
CONNECTS = 5000
RESTARTS = KILLS = 10
RETRY_SEC = 1
PAUSE_SEC = 0.005
HESITATION_SEC = 0.03  # between connecting and asking; of every other client

CONFIG = "[Scan]\nInterval=1s\n"


class Clients:
    """Threads that connect, ask and leave, until they are stopped and have done so often enough."""

    def __init__(self, host, retry_sec, minimum=0):
        self.host, self.retry_sec, self.minimum = host, retry_sec, minimum
        self.asked = self.answered = self.retried = self.slowest = 0
        self.errors = []
        self.lock = threading.Lock()
        self.stopped = False
        self.threads = [threading.Thread(target=self._work, args=[number % 2 * HESITATION_SEC],
                                         daemon=True) for number in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        for thread in self.threads:
            thread.join(60)

    def _work(self, hesitation_sec):
        while not self.stopped or self.asked < self.minimum:
            self._ask(hesitation_sec)
            time.sleep(PAUSE_SEC)

    def _attempt(self, hesitation_sec):
        with self.host.connect() as connection:
            time.sleep(hesitation_sec)
            connection.call("io.twmon.Monitor.GetStatus")

    def _ask(self, hesitation_sec):
        """One request, tried again for retry_sec after its first failure."""
        began = time.monotonic()
        failed, error, retries = None, None, 0
        while failed is None or time.monotonic() - failed < self.retry_sec:
            try:
                self._attempt(hesitation_sec)
                error = None
                break
            except (OSError, EOFError) as caught:
                error = repr(caught)
                failed = failed or time.monotonic()
                retries += 1
                time.sleep(0.05)
        with self.lock:
            self.asked += 1
            self.retried += retries > 0
            self.slowest = max(self.slowest, time.monotonic() - began)
            if error:
                self.errors.append(error)
            else:
                self.answered += 1

    def __str__(self):
        return (f"{self.answered} of {self.asked} answered, {self.retried} after a retry, "
                f"the slowest in {self.slowest:.1f} s; {self.errors[:5]}")


def check_socket(tap, host, name):
    tap.equal((host.show("twmond.socket", "ActiveState"), host.show(TWMON, "ActiveState")),
              ("active", "active"), f"{name}: the socket unit and the service are active")


def test_restarts(tap):
    with guest.Guest(CONFIG) as host:
        inode = host.exec("stat", "-c", "%i", SOCKET).stdout
        with Clients(host, 0) as clients:
            for _ in range(RESTARTS):
                host.systemctl("restart", TWMON)
                time.sleep(random.uniform(0, 0.3))
        tap.note(clients)
        tap.equal((clients.errors, clients.answered), ([], clients.asked),
                  f"{RESTARTS} restarts: no client is refused or dropped")
        tap.ok(clients.asked >= 20 * RESTARTS, "there were some all the time", clients)
        check_socket(tap, host, "restarts")
        tap.equal(host.exec("stat", "-c", "%i", SOCKET).stdout, inode, "it is the same socket")


def test_kills(tap):
    with guest.Guest(CONFIG) as host:
        with Clients(host, RETRY_SEC, CONNECTS) as clients:
            for _ in range(KILLS):
                host.kill_and_wait()
                time.sleep(random.uniform(0, 0.3))
        tap.note(clients)
        tap.ok(clients.asked >= CONNECTS, f"{KILLS} SIGKILLs under {CONNECTS} connects", clients)
        tap.equal((clients.errors, clients.answered), ([], clients.asked),
                  f"every request is answered, or tried again within {RETRY_SEC} s")
        tap.equal(host.show(TWMON, "NRestarts"), str(KILLS), "each was followed by one restart")
        check_socket(tap, host, "SIGKILLs")


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


machine.run(test_restarts, test_kills, test_alone)
