#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A pulled cable: connections that stay established for ever are found, those with keepalive end by
themselves, and living peers that do not read are left alone. And a peer that closes its half, which
keepalive does not notice."""

import os
import re
import socket
import time

import cable
import lab
import makers

INTERVAL, SILENT_AFTER, RAISE_AFTER, CLEAR_AFTER = 0.5, 4, 1, 1
# TCP_KEEPIDLE, _INTVL, _CNT. Slow: a dead peer is noticed when it would have been alerted for long.
SLOW, FAST = (SILENT_AFTER + 2, 1, 3), (1, 1, 2)
SLACK = 2  # coarse timers, starting twmonctl and reading its answer

IDLE, SENDING, ALIVE, UNREAD, QUIET = range(7901, 7906)
CONFIG = f"""
[Scan]
Interval={INTERVAL}s
[HalfOpen]
SilentAfter={SILENT_AFTER}s
[Alerts]
RaiseAfter={RAISE_AFTER}s
ClearAfter={CLEAR_AFTER}s
""" + "".join(f"[Port {port}]\nHalfOpenWarning=2\n"
              for port in (IDLE, SENDING, ALIVE, UNREAD, QUIET))
BOUND = SILENT_AFTER + SILENT_AFTER / 2 + RAISE_AFTER + 2 * INTERVAL + SLACK

KIND = "half-open"


def noticed_after(idle, interval, probes):
    return idle + interval * probes


def use_keepalive(sock, values):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT
    for option, value in zip(options, values):
        sock.setsockopt(socket.IPPROTO_TCP, option, value)


def notices_sec():
    return noticed_after(*(int(lab.get_sysctl("net.ipv4.tcp_keepalive_" + name)[0])
                           for name in ("time", "intvl", "probes")))


def check_half_open(tap, alert, name, **wanted):
    counts = alert.get("halfOpen", {})
    tap.equal({key: counts.get(key) for key in wanted}, wanted, f"{name}: counted as what they are")
    tap.equal((alert.get("side"), alert.get("severity"), alert.get("count")),
              ("local", "warning", 2), f"{name}: a warning about two of the local port")
    tap.ok(SILENT_AFTER <= counts.get("oldestSilentSec", 0) <= BOUND,
           f"{name}: with how long it has been silent", alert)
    tap.equal(counts.get("keepaliveNoticesSec"), notices_sec(),
              f"{name}: and when the default would notice")
    tap.equal(alert.get("silentAfterSec"), SILENT_AFTER, f"{name}: and SilentAfter")
    tap.ok("SO_KEEPALIVE" in alert.get("advice", ""), f"{name}: and what to do", alert)


def check_owner(tap, daemon, port, name):
    owner = lab.poll(lambda: (daemon.alert(KIND, port) or {}).get("owner"), 5) or {}
    tap.equal([process["pid"] for process in owner.get("processes", [])], [os.getpid()],
              f"{name}: the process that holds them")


def check_pulled(tap, daemon, watcher, pulled):
    counts = {IDLE: {"established": 2, "silent": 2, "unanswered": 0, "keepalive": 0},
              SENDING: {"established": 2, "silent": 0, "unanswered": 2, "keepalive": 0}}
    for port, name in (IDLE, "idle"), (SENDING, "sending"):
        event = lab.poll(lambda: watcher.find("raised", KIND, port), BOUND + 5) or {"seen": 0}
        took = event["seen"] - pulled
        tap.ok(SILENT_AFTER + RAISE_AFTER - 0.1 <= took <= BOUND,
               f"{name}: raised {SILENT_AFTER + RAISE_AFTER} to {BOUND:g} s after the cable was "
               "pulled",
               f"after {took:.1f} s: {watcher.events}")
        check_half_open(tap, event.get("alert", {}), name, **counts[port])
        check_owner(tap, daemon, port, name)
    for port, words in ((IDLE, f"nothing came for {SILENT_AFTER}s or longer"),
                        (SENDING, "2 get no answer to what is sent again and again")):
        said = f"{port}: 2 of 2 established connections may be half-open: {words}.*; 0 of 2 use"
        tap.ok(lab.poll(lambda: daemon.says(said), 3),
               f"{port}: said in words", daemon.stderr())
    text = " ".join(daemon.ctl("alerts").stdout.split())
    tap.ok(re.search(f"2 established: 2 silent for {SILENT_AFTER}s or longer, 0 unans", text) and
           "0 use keepalive, the default would notice a dead peer after" in text,
           "`alerts` shows the keepalive coverage", text)


def check_plugged_in(tap, watcher, line, clients):
    """What was sent arrives, and peers that speak are not silent."""
    line.plug_in()

    def speak():
        for sock in clients:
            sock.send(b"x")
        return watcher.find("cleared", KIND, SENDING)

    tap.ok(lab.poll(speak, 20, 0.5), "the cable is back and the peers speak: cleared",
           watcher.events)


def test_pulled_cable(tap):
    with cable.Cable() as line, lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        alive = line.connections(ALIVE, 2)
        for sock in alive[2]:
            use_keepalive(sock, SLOW)
        idle, sending = line.connections(IDLE, 2), line.connections(SENDING, 2)
        line.pull()
        pulled = time.monotonic()
        for sock in sending[2]:
            sock.send(b"x")
        tap.equal(lab.ss_count("established", local=ALIVE), 2,
                  "with keepalive: established at first")
        check_pulled(tap, daemon, watcher, pulled)
        tap.ok(lab.poll(lambda: lab.ss_count("established", local=ALIVE) == 0,
                        noticed_after(*SLOW) + SLACK), "and gone by themselves")
        tap.equal(lab.ss_count("established", local=IDLE), 2, "those without stay established")
        check_plugged_in(tap, watcher, line, sending[1])
        for sock in idle[2]:
            sock.close()
        tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, IDLE), SILENT_AFTER + BOUND),
               "idle: cleared when the server has closed them", watcher.events)
        told = [(item["event"], item["alert"]["port"]) for item in watcher.events]
        tap.equal(sorted(told), sorted((word, port) for word in ("raised", "cleared")
                                       for port in (IDLE, SENDING)), "and nothing else was told")
        watcher.close()
        lab.stop_well(tap, daemon)


def test_living_peers(tap):
    """A peer that does not read answers. One that is only quiet cannot be told from a dead one."""
    with cable.Cable() as line, lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        unread, quiet = line.connections(UNREAD, 2), line.connections(QUIET, 2)
        for sock in unread[2]:
            makers.fill(sock)
        filled = time.monotonic()
        tap.ok(lab.poll(lambda: watcher.find("raised", KIND, QUIET), BOUND),
               "living and quiet: raised, for it may be half-open", watcher.events)
        tap.ok(daemon.says(f"{QUIET}: 2 of 2 .* may be half-open"), "which is what the text says",
               daemon.stderr())
        advice = (daemon.alert(KIND, QUIET) or {}).get("advice", "")
        tap.ok("living peer that has nothing to say looks the same" in advice, "and the advice",
               advice)
        lab.poll(lambda: time.monotonic() - filled >= 2 * BOUND, 2 * BOUND)
        tap.equal(lab.ss_count("established", local=UNREAD), 2, "living, its window closed: there")
        tap.equal([item["alert"]["port"] for item in watcher.events], [QUIET], "and never told")
        tap.equal(daemon.alert(KIND, UNREAD), None, "nor pending")
        for sock in quiet[1]:
            sock.send(b"x")
        tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, QUIET), SILENT_AFTER + SLACK),
               "quiet no more: cleared", watcher.events)
        for sock in unread[1] + unread[2]:
            sock.close()
        watcher.close()
        lab.stop_well(tap, daemon)


def test_closed_half(tap):
    """The end-of-file is read and ignored. Keepalive asks whether the peer lives, and it does."""
    config = CONFIG + "[CloseWait]\nStuckAfter=1s\nStuckWarning=2\n"
    with cable.Cable() as line, lab.Daemon(config) as daemon:
        for port, keepalive in (7906, False), (7907, True):
            name = "with keepalive" if keepalive else "without keepalive"
            server, clients, accepted = line.connections(port, 2)
            for sock in accepted if keepalive else []:
                use_keepalive(sock, FAST)
            for sock, client in zip(accepted, clients):
                client.shutdown(socket.SHUT_WR)
                tap.equal(sock.recv(1), b"", f"{name}: the server reads 0 bytes and ignores that")
            closed = time.monotonic()
            alert = daemon.wait_alert("close-wait-stuck", port, "raised", 8) or {}
            tap.equal((alert.get("stage"), alert.get("stages", {}).get("unclosed")),
                      ("unclosed", 2), f"{name}: CLOSE_WAIT, stage unclosed")
            enough = 2 * noticed_after(*FAST)
            lab.poll(lambda: time.monotonic() - closed >= enough, enough)
            daemon.wait_scan()
            row = daemon.ports()[("local", port)]
            tap.equal((row["closeWait"], row["stages"]["unclosed"]), (2, 2),
                      f"{name}: still there, when it would have ended a dead one")
            makers.Held(clients + accepted, server).close()
        lab.stop_well(tap, daemon)


lab.run(test_pulled_cable, test_living_peers, test_closed_half, limit=170)
