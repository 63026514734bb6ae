#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every port of the host in use, on both sides: no reply above its limit, no port left out, and the
memory given back when the sockets are gone. And, while their minute passes: idle clients go."""

import os
import resource
import socket
import time

import lab

CONFIG = "[Scan]\nInterval=2s\n"
MONITOR = "io.twmon.Monitor"
LIST = MONITOR + ".ListPorts"
FRAME_MAX = 1 << 20
ROWS_MIN = 65536
SLACK_KIB = 2048
# The only ephemeral ports, so that every other one can be a service or a client's own choice.
FIRST, LAST = 64000, 65535
IDLE_SEC = 60  # of a client that says nothing
MAKE_SEC = 35
TIME_WAIT_SEC = 64  # 60, and the kernel's timers are coarse


def use_port(port):
    """TIME_WAIT at remote PORT, by a client that closes first, and at local PORT, by the server."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen(2)
    for server_first in False, True:
        client = socket.socket()
        client.connect(("127.0.0.1", port))
        accepted = server.accept()[0]
        for sock in (accepted, client) if server_first else (client, accepted):
            sock.close()
    server.close()


def use_ports(share, shares):
    """In a child: every port but the ephemeral ones, of this share of them. Its pid."""
    if (pid := os.fork()) == 0:
        code = 1
        try:
            for port in range(1 + share, FIRST, shares):
                use_port(port)
            code = 0
        finally:
            os._exit(code)
    return pid


def fill():
    """2 x 63,999 TIME_WAIT sockets; and as many ports."""
    lab.set_sysctl("net.ipv4.ip_local_port_range", f"{FIRST} {LAST}")
    lab.set_sysctl("net.ipv4.tcp_max_tw_buckets", 200000)
    children = [use_ports(share, 2) for share in range(2)]
    return [os.waitpid(pid, 0)[1] for pid in children] == [0, 0]


def rows_of(replies):
    return {(row["side"], row["port"]): row for reply in replies for row in reply["ports"]}


def check_stream(tap, daemon):
    with lab.Varlink(daemon.socket) as connection:
        rows = rows_of(connection.stream(LIST, {"all": True}))
        tap.ok(connection.largest <= FRAME_MAX, "ListPorts with more: no reply above 1 MiB",
               connection.largest)
        for side in "local", "remote":
            got = sum(row["timeWait"] == 1 for key, row in rows.items() if key[0] == side)
            tap.equal(got, FIRST - 1, f"every {side} port is there with its socket")
        limited = rows_of(connection.stream(LIST, {"limit": 5000}))
        tap.equal(len(limited), 5000, "limit is honoured across replies")
    with lab.Varlink(daemon.socket) as connection:
        reply = connection.call(LIST, {"all": True, "limit": 100000})
        tap.ok(connection.largest <= FRAME_MAX, "ListPorts without more: no reply above 1 MiB",
               connection.largest)
        tap.equal((len(reply["ports"]), reply["truncated"]), (1000, True),
                  "but 1,000 ports, and that they are not all")
        tap.equal(reply["total"], len(rows), "and how many there are")
        connection.largest = 0
        connection.call(MONITOR + ".GetStatus")
        tap.ok(connection.largest <= 1 << 16, "GetStatus stays small", connection.largest)


def check_commands(tap, daemon):
    rows = daemon.ports("--all")
    tap.ok(len(rows) >= ROWS_MIN, f"`ports --all --json`: at least {ROWS_MIN} rows", len(rows))
    for args in ("ports",), ("ports", "--all"), ("status",), ("status", "--json"):
        began = time.monotonic()
        result = daemon.ctl(*args)
        took = time.monotonic() - began
        tap.ok(result.returncode == 0 and not result.stderr and took < 60,
               f"`{' '.join(args)}` succeeds", f"{took:.1f} s {result.returncode} {result.stderr}")
    totals = daemon.status()["totals"]
    tap.equal((totals["timeWait"], totals["closeWait"]), (2 * (FIRST - 1), 0), "`status`: totals")
    tap.equal(daemon.status()["limitsHit"], {}, "and no limit was hit")


def slow_reader(path):
    """Has asked for everything and does not read."""
    connection = lab.Varlink(path)
    connection.send({"method": LIST, "parameters": {"all": True}, "more": True})
    return connection


def closed(connection):
    connection.socket.setblocking(False)
    try:
        return connection.socket.recv(1) == b""
    except BlockingIOError:
        return False


def check_gone(tap, daemon, before):
    """The sockets' minute passes; so does that of idle clients."""
    began = time.monotonic()
    with lab.Varlink(daemon.socket) as idle:
        idle.call(MONITOR + ".GetStatus")
        watcher = lab.Watcher(daemon.socket)
        lab.must(lambda: lab.sockstat("tw") == 0, "the end of TIME_WAIT", TIME_WAIT_SEC + 5, 0.5)
        tap.ok(lab.poll(lambda: closed(idle), IDLE_SEC + 10 - (time.monotonic() - began), 0.5),
               f"a client that is idle for {IDLE_SEC} s is closed", time.monotonic() - began)
        tap.ok(time.monotonic() - began >= IDLE_SEC - 1, "and not earlier")
        tap.ok(watcher.is_alive(), "one that watches is not")
        watcher.close()
    tap.ok(lab.poll(lambda: daemon.status()["totals"]["timeWait"] == 0, 10), "the sockets are gone")
    daemon.wait_scan()
    lab.poll(lambda: lab.rss_kib(daemon.pid) <= before + SLACK_KIB, 5)
    after = lab.rss_kib(daemon.pid)
    tap.ok(after <= before + SLACK_KIB, "and the memory is back to within 2 MiB of before",
           f"{after} KiB, before: {before} KiB")
    return after


def test_many_ports(tap):
    lab.need(lab.RELEASE, "the release build")
    with lab.Daemon(CONFIG, binary=lab.RELEASE) as daemon:
        for args in ("ports", "--all"), ("status",):
            daemon.ctl(*args)
        daemon.wait_scan()
        before = lab.rss_kib(daemon.pid)
        began = time.monotonic()
        tap.ok(fill(), f"{2 * (FIRST - 1)} sockets are made")
        if time.monotonic() - began > MAKE_SEC:
            raise lab.Skip(f"making the sockets took more than {MAKE_SEC} s: the first ones expire")
        daemon.wait_scan()
        check_stream(tap, daemon)
        reader = slow_reader(daemon.socket)
        check_commands(tap, daemon)
        reader.close()
        peak = lab.rss_kib(daemon.pid)
        after = check_gone(tap, daemon, before)
        tap.note(f"resident: {before} KiB before, {peak} KiB with all ports, {after} KiB after; "
                 f"this test's own peak: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss} KiB")
        lab.stop_well(tap, daemon)


lab.run(test_many_ports, limit=170)
