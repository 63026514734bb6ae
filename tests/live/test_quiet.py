#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What twmond costs while nothing is asked: resident memory, and nothing but its scans wakes it."""

import collections
import os
import re
import time

import lab
import makers

INTERVAL = 5
STEADY = 3 * INTERVAL
WATCH_SEC = 45
QUIET_KIB_MAX = 4.5 * 1024  # of which the libraries alone take about 3
AFTER_KIB_MAX = 5 * 1024
CONFIG = f"""
[Scan]
Interval={INTERVAL}s
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
FAST = CONFIG.replace(f"Interval={INTERVAL}s", "Interval=1s")

# System calls in which a thread waits.
WAITS = "epoll_wait,epoll_pwait,epoll_pwait2,poll,ppoll,select,pselect6,futex,clock_nanosleep," \
        "nanosleep,rt_sigtimedwait,pause"
# One line of strace -f -ttt -T: the thread, when the call began, its name, how long it took.
LINE = re.compile(r"^(\d+)\s+(\d+\.\d+) (?:<\.\.\. )?(\w+)(?:\(| resumed).*<(\d+\.\d+)>$")
# A wait that was this short was not asleep (a lock that another thread was about to release).
ASLEEP_SEC = 0.001


def test_memory(tap):
    lab.need(lab.RELEASE, "the release build")
    with lab.Daemon(FAST, binary=lab.RELEASE) as daemon:
        watcher = lab.Watcher(daemon.socket)
        daemon.wait_scan()
        quiet = lab.rss_kib(daemon.pid)
        tap.ok(quiet < QUIET_KIB_MAX, "with no sockets less than 4.5 MiB are resident",
               f"{quiet} KiB")
        held = makers.close_wait(7865, 3000)
        makers.time_wait(7866, 3000)
        tap.ok(lab.poll(lambda: watcher.find("raised", "close-wait-stuck", 7865), 10),
               "3,000 sockets are stuck")
        for args in ("ports", "--all"), ("status",), ("alerts",), ("reload",):
            for _ in range(10):
                daemon.ctl(*args)
        with_sockets = lab.rss_kib(daemon.pid)
        held.reset()
        tap.ok(lab.poll(lambda: watcher.find("cleared", "close-wait-stuck", 7865), 10),
               "and closed again")
        watcher.close()
        after = lab.rss_kib(daemon.pid)
        tap.ok(after < AFTER_KIB_MAX, "after alerts, reloads and clients less than 5 MiB are resident",
               f"{after} KiB")
        tap.note(f"resident: {quiet} KiB, {with_sockets} KiB with the sockets, {after} KiB after them")
        lab.stop_well(tap, daemon)


def test_descriptors(tap):
    with lab.Daemon(CONFIG) as daemon:
        before = daemon.steady_fds()
        for number in range(100):
            with lab.Varlink(daemon.socket) as connection:
                if number % 3 == 0:
                    next(connection.stream("io.twmon.Monitor.Watch"))
                elif number % 3 == 1:
                    list(connection.stream("io.twmon.Monitor.ListPorts"))
        tap.ok(lab.poll(lambda: lab.fd_count(daemon.pid) <= before, 5),
               "100 clients came and went: no descriptor is left",
               f"{lab.fd_count(daemon.pid)}, before: {before}")
        lab.stop_well(tap, daemon)


def wake_ups(text):
    """{thread: how often it came back from a wait in which it had been asleep}, and the calls."""
    waits, calls = collections.Counter(), collections.Counter()
    names = set(WAITS.split(","))
    for line in text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        thread, _, name, took = match.groups()
        calls[name] += 1
        if name in names and float(took) >= ASLEEP_SEC:
            waits[thread] += 1
    return waits, calls


def start_journald(tap):
    """The journald, and how often the writer may wake up beside it."""
    try:
        journal = lab.Journal()
        journal.start()
    except lab.Skip as skip:
        tap.note(f"{skip}: the journal writer tries again every second")
        return None, WATCH_SEC + 1
    return journal, 1


def test_idle(tap):
    """Nothing but scans wakes the threads: the scanner once for each, the loop once for each, the
    journal writer not at all. One more of each is allowed: attaching interrupts a wait."""
    lab.need(lab.RELEASE, "the release build")
    journal, writer_bound = start_journald(tap)
    with lab.Daemon(CONFIG, binary=lab.RELEASE) as daemon, makers.close_wait(7870, 6):
        tap.ok(daemon.wait_alert("close-wait-stuck", 7870, "raised", 3 * INTERVAL),
               "an alert stands")
        lab.must(lambda: daemon.status()["clients"] <= 1, "no other client")
        lab.must(lambda: daemon.status()["schedule"]["reason"] == "steady", "a steady alert", 30)
        before = daemon.status()["scans"]
        with lab.Tracer(daemon, "-ttt", "-T", "-e", "trace=!recvmsg") as tracer:
            began = time.monotonic()
            lab.poll(lambda: time.monotonic() - began >= WATCH_SEC, WATCH_SEC + 5, 1)
        text = lab.read_text(tracer.path)
        scans = daemon.status()["scans"] - before
        waits, calls = wake_ups(text)
        tap.ok(WATCH_SEC // STEADY - 1 <= scans <= WATCH_SEC // STEADY + 1,
               f"{scans} scans in {WATCH_SEC} s with Interval={INTERVAL}s", scans)
        for tid in sorted(os.listdir(f"/proc/{daemon.pid}/task")):
            name = lab.read_text(f"/proc/{daemon.pid}/task/{tid}/comm").strip()
            # two things are saved after a scan: what was told, and how old sockets are
            bound = {"twmond-journal": writer_bound, "twmond-state": 2 * scans + 1}.get(
                name, scans + 1)
            tap.ok(waits[tid] <= bound, f"{name} was woken at most {bound} times: {waits[tid]}",
                   text[-3000:])
        tap.ok(sum(waits.values()) >= scans, "which were seen at all", waits)
        tap.note(f"calls: {dict(calls.most_common(12))}")
        lab.stop_well(tap, daemon)
    if journal:
        journal.stop()


lab.run(test_memory, test_descriptors, test_idle, limit=120)
