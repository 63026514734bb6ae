#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Many alerts at once on a host whose processes hold many descriptors: looking for the owners delays
neither the scans nor the end."""

import os
import resource
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=4
[Alerts]
RaiseAfter=500ms
"""
PORTS = range(7600, 7664)
CROWD = 4  # processes


def crowd():
    """Processes with as many descriptors as they may have; ended by closing what is returned."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    out, into = os.pipe()
    pids = []
    for _ in range(CROWD):
        if (pid := os.fork()) == 0:
            os.close(into)
            null = os.open("/dev/null", os.O_RDONLY)
            try:
                while len(os.listdir("/proc/self/fd")) < limit - 200:
                    for _ in range(100):
                        os.dup(null)
            finally:
                os.read(out, 1)  # until the parent closes its end
                os._exit(0)
        pids.append(pid)
    os.close(out)
    return into, pids


def test_many_owners(tap):
    into, pids = crowd()
    held = [makers.close_wait(port, 4) for port in PORTS]
    try:
        with lab.Daemon(CONFIG) as daemon:
            watcher = lab.Watcher(daemon.socket, after=0)  # the first may have been told by now
            before, start = daemon.status()["scans"], time.monotonic()
            tap.ok(lab.poll(lambda: len(watcher.events) >= len(PORTS), 20),
                   f"{len(PORTS)} alerts at once are told", len(watcher.events))
            lab.poll(lambda: time.monotonic() - start > 6, 10)
            seconds, scans = time.monotonic() - start, daemon.status()["scans"] - before
            tap.ok(scans >= seconds, f"the scans go on meanwhile: {scans} in {seconds:.0f} s")
            named = sum("pid" in (item["alert"].get("owner") or {}) for item in watcher.events)
            tap.note(f"{named} of {len(watcher.events)} alerts named their process")
            watcher.close()
            start = time.monotonic()
            lab.stop_well(tap, daemon)
            tap.ok(time.monotonic() - start < 3, "and SIGTERM need not wait",
                   time.monotonic() - start)
    finally:
        os.close(into)
        for pid in pids:
            os.waitpid(pid, 0)
        for sockets in held:
            sockets.reset()


lab.run(test_many_owners)
