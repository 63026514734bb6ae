#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the kernel counts for the host: how connections end and what the counters say about it, the
table of TIME_WAIT with its limit, FIN_WAIT2 apart from it, and how fast a port's connections are
closed."""

import re
import socket
import struct
import threading
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[Alerts]
RaiseAfter=1s
ClearAfter=2s
"""
PATIENT = CONFIG.replace("RaiseAfter=1s", "RaiseAfter=1h")
TABLE = "time-wait-table"
BUCKETS = "net.ipv4.tcp_max_tw_buckets"
COUNTERS = ("abortOnClose", "abortOnData", "abortOnLinger", "abortOnTimeout")


def linger(sock, seconds):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, seconds))


def endings(daemon):
    """After a scan that began after this call."""
    daemon.wait_scan()
    return lab.must(lambda: daemon.status().get("endings"), "two scans to compare")


def close_all(port, count, prepare=lambda ours, theirs: None):
    """So many connections that the server is the first to close, after prepare() of each."""
    server = makers.listener(port)
    for _ in range(count):
        ours = makers.client(port)
        theirs = server.accept()[0]
        prepare(ours, theirs)
        theirs.close()
        ours.close()
    server.close()


def leave_unread(ours, theirs):
    ours.send(b"x")
    theirs.recv(1, socket.MSG_PEEK)


def check_ending(tap, daemon, name, port, prepare, **wanted):
    """wanted: by how much which counter grows; timeWait: how many sockets are left."""
    count = 40
    before, tables = endings(daemon), lab.sockstat("tw")
    close_all(port, count, prepare)
    after = endings(daemon)
    left = wanted.pop("timeWait", 0)
    moved = {key: after[key] - before[key] for key in COUNTERS if after[key] != before[key]}
    tap.equal(moved, wanted, f"{name}: counters")
    tap.equal(lab.sockstat("tw") - tables, left, f"{name}: left in TIME_WAIT by the kernel")
    row = daemon.ports("--all").get(("local", port), {})
    tap.equal(row.get("timeWait", 0), left, f"{name}: left in TIME_WAIT by twmonctl")
    return after


def test_endings(tap):
    with lab.Daemon(CONFIG) as daemon:
        tap.equal(endings(daemon).get("reading"), None, "at first there is nothing to read")
        reset = check_ending(tap, daemon, "SO_LINGER {1,0}", 7301,
                             lambda ours, theirs: linger(theirs, 0), abortOnData=40)
        reading = reset.get("reading", "")
        tap.ok("aborts high, TIME_WAIT low" in reading and "SO_LINGER 0" in reading
               and "unread" not in reading, "SO_LINGER {1,0}: the reading says so", reset)
        text = daemon.ctl("status").stdout
        tap.ok("\nReading: aborts high, TIME_WAIT low" in text, "... and so does `status`", text)
        tap.ok(re.search(r"^Endings in \d+s: TCPAbortOnData 40 \(\d+\.\d\d/s\)\.$", text, re.M),
               "... with the counter that moved, and its rate", text)
        tap.ok("TIME_WAIT table" not in text, "... nothing about a table that is empty", text)
        unread = check_ending(tap, daemon, "unread data", 7302, leave_unread, abortOnClose=40)
        tap.ok("closes with unread data (40)" in unread.get("reading", ""),
               "unread data: the reading says so", unread)
        check_ending(tap, daemon, "SO_LINGER {1,5}", 7303,
                     lambda ours, theirs: linger(theirs, 5), timeWait=40)
        check_ending(tap, daemon, "default close", 7304,
                     lambda ours, theirs: None, timeWait=40)
        lab.stop_well(tap, daemon)
    with lab.Daemon(CONFIG) as daemon:
        check_ending(tap, daemon, "default close", 7305, lambda ours, theirs: None, timeWait=40)
        tap.equal(endings(daemon).get("reading"), None, "default close alone: no reading")
        text = daemon.ctl("status").stdout
        tap.ok("Endings" not in text, "... and no line of `status`", text)
        lab.stop_well(tap, daemon)


def test_accept_queue(tap):
    server = makers.listener(7311, backlog=1)
    with lab.Daemon(CONFIG) as daemon:
        before = endings(daemon)["listenOverflows"]
        clients = []
        for _ in range(30):
            clients.append(socket.socket())
            clients[-1].setblocking(False)
            clients[-1].connect_ex(("127.0.0.1", 7311))
        after = endings(daemon)
        tap.ok(after["listenOverflows"] >= before + 10, "ListenOverflows has moved", after)
        tap.ok("accept queues overflow" in after.get("reading", ""), "the reading says so", after)
        lab.stop_well(tap, daemon)
    for sock in clients:
        sock.close()
    server.close()


def table(daemon):
    daemon.wait_scan()
    return daemon.status()["timeWaitTable"]


def test_fin_wait2(tap):
    """Mini-sockets both, with one limit, and two different things."""
    with lab.Daemon(CONFIG) as daemon:
        before = lab.ss_count("time-wait")
        with makers.close_wait(7321, 25):  # its clients are in FIN_WAIT2
            lab.must(lambda: lab.ss_count("fin-wait-2") == 25, "25 in FIN_WAIT2")
            makers.time_wait(7322, 10)
            got = lab.must(lambda: (t := table(daemon))["finWait2"] == 25 and t, "25 in finWait2")
            tap.equal((got["used"], got["timeWait"], got["finWait2"]),
                      (before + 35, before + 10, 25), "35 more: 10 in TIME_WAIT, 25 in FIN_WAIT2")
            tap.equal(got["used"], lab.sockstat("tw"), "together as many as sockstat says")
            tap.equal(got["max"], int(lab.get_sysctl(BUCKETS)[0]), "with the live limit")
            tap.equal(daemon.status()["totals"]["timeWait"], before + 10, "totals have the 10 alone")
        lab.stop_well(tap, daemon)


def test_table(tap):
    """tcp_max_tw_buckets lowered to what is there and room for 100 more."""
    usual, used = lab.get_sysctl(BUCKETS)[0], lab.sockstat("tw")
    lab.set_sysctl(BUCKETS, used + 100)
    warn = -(-used * 100 // (used + 100)) + 10  # above what is there already
    config = CONFIG + f"[TimeWait]\nTableWarning={warn}%\nTableCritical=99%\n"
    with lab.Daemon(config) as daemon:
        watcher = lab.Watcher(daemon.socket)
        daemon.wait_scan()
        tap.equal(daemon.alert(TABLE, 0, "host"), None, f"{used} of {used + 100}: no alert")
        makers.time_wait(7331, 60)
        alert = daemon.wait_alert(TABLE, 0, "raised", 10, "host") or {}
        tap.equal((alert.get("severity"), alert.get("count")),
                  ("warning", (used + 60) * 100 // (used + 100)), "60 more: a warning, in percent")
        tap.equal(alert.get("timeWaitTable", {}).get("overflows"), 0, "nothing has overflowed")
        close_all(7332, 60)
        event = lab.poll(lambda: watcher.find("escalated", TABLE, 0)) or {"alert": {}}
        found = event["alert"].get("timeWaitTable", {})
        tap.equal(event["alert"].get("severity"), "critical", "60 more: critical")
        tap.ok(found.get("overflows", 0) > 0, "because some found no room", event)
        tap.equal((found.get("used"), found.get("max")), (used + 100, used + 100), "it is full")
        tap.equal(endings(daemon)["timeWaitOverflow"], 20, "20 found no room, as is told")
        text = daemon.ctl("status").stdout
        tap.ok(f"TIME_WAIT table: {used + 100} of {used + 100} in use; 20 connections found no "
               "room in it in " in text, "`status` has it in one line", text)
        tap.ok(f"{used + 100} of {used + 100} in use\n" in daemon.ctl("alerts").stdout,
               "`alerts` as well")
        tap.ok("tcp_max_tw_buckets" in " ".join(text.split()), "and what to do", text)
        lab.set_sysctl(BUCKETS, usual)
        tap.ok(lab.poll(lambda: watcher.find("cleared", TABLE, 0)), "the limit raised: it clears")
        watcher.close()
        lab.stop_well(tap, daemon)


def test_overflow_at_once(tap):
    """Whatever RaiseAfter is; what happened before twmond came is not told."""
    usual = lab.get_sysctl(BUCKETS)[0]
    lab.set_sysctl(BUCKETS, max(100, lab.sockstat("tw")))
    close_all(7341, 100)
    config = PATIENT + "[TimeWait]\nTableWarning=\nTableCritical=100%\n"
    with lab.Daemon(config) as daemon:
        daemon.wait_scan()
        alert = daemon.alert(TABLE, 0, "host") or {}
        tap.equal(alert.get("state"), "pending", "full before twmond came: RaiseAfter holds")
        close_all(7342, 1)
        alert = daemon.wait_alert(TABLE, 0, "raised", 5, "host") or {}
        tap.equal(alert.get("severity"), "critical", "one connection without room: critical at once")
        tap.ok(daemon.says("this host: critical, 1 connection found no room in the TIME_WAIT table "
                           "since the last look, now it is "), "and said", daemon.stderr())
        lab.set_sysctl(BUCKETS, usual)
        lab.stop_well(tap, daemon)


def keep_closing(port, per_sec, seconds):
    """The server closes first, at a constant rate."""
    server = makers.listener(port)
    start = time.monotonic()
    for number in range(int(per_sec * seconds)):
        time.sleep(max(0.0, start + number / per_sec - time.monotonic()))
        # Ports of its own: one that is taken by chance again would end the TIME_WAIT before.
        ours = makers.client(port, source_port=12000 + port % 10 * 2000 + number)
        theirs = server.accept()[0]
        theirs.close()
        ours.close()
    server.close()


def test_closing(tap):
    """Who closes, and how fast, against known rates."""
    rates = {7351: 4, 7352: 30}
    with lab.Daemon(CONFIG) as daemon:
        threads = [threading.Thread(target=keep_closing, args=(port, rate, 59))
                   for port, rate in rates.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = daemon.ports("--all")
        for port, rate in rates.items():
            got = rows[("local", port)].get("closesPerSec", 0)
            tap.ok(abs(got - rate) <= 0.04 * rate, f"{rate} a second are told within 4 %: {got:.2f}")
        text = daemon.ctl("ports", "7352").stdout.replace("close ~", "close ")  # estimated, perhaps
        tap.ok(f"first to close {rows[('local', 7352)]['closesPerSec']:.1f} connections a second"
               in text, "`ports PORT` says so", text)
        tap.equal([key for key, row in rows.items() if key[0] == "remote" and "closesPerSec" in row],
                  [], "the clients, who closed second, close nothing")
        lab.stop_well(tap, daemon)


def test_closes_at_least(tap):
    """Where connect() takes over TIME_WAIT, what is left of them is too few, and that is said."""
    saved = [(name, lab.get_sysctl(name)) for name in
             ("net.ipv4.ip_local_port_range", "net.ipv4.tcp_tw_reuse")]
    lab.set_sysctl("net.ipv4.ip_local_port_range", "40000 40019")
    lab.set_sysctl("net.ipv4.tcp_tw_reuse", 1)
    with lab.Daemon(CONFIG) as daemon:
        daemon.wait_scan()
        server = makers.listener(7353)
        closed, end = 0, time.monotonic() + 8
        while time.monotonic() < end:
            try:
                client = socket.create_connection(("127.0.0.1", 7353))
            except OSError:  # none of the ports has rested for a second yet
                time.sleep(0.1)
                continue
            theirs = server.accept()[0]
            client.close()
            theirs.close()
            closed += 1
        server.close()
        daemon.wait_scan()
        rows = daemon.ports("--all")
        row = rows.get(("remote", 7353), {})
        tap.ok(closed > 40, f"{closed} connections over 20 ports", closed)
        tap.ok(row.get("closesPerSec", 0) * 55 <= 20 and row.get("closesAtLeast") is True,
               "20 TIME_WAIT are left, and the rate is called a lower bound", row)
        lines = daemon.ctl("ports").stdout.splitlines()
        tap.ok(any(line.startswith("remote:7353") and ">= 0." in line for line in lines),
               "in the table, too", lines)
        lab.stop_well(tap, daemon)
    for name, value in saved:
        lab.set_sysctl(name, " ".join(value))


if __name__ == "__main__":
    lab.run(test_endings, test_accept_queue, test_fin_wait2, test_table, test_overflow_at_once,
            test_closes_at_least, test_closing, limit=170)
