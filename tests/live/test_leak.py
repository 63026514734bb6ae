#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""close-wait-leak: a server that forgets one connection after the other, long before there are
many; beside it a burst and an idle pool, which are none."""

import os
import re
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=2s
StuckWarning={stuck}
PoolIdle={pool}
[Alerts]
RaiseAfter=500ms
ClearAfter=1s
"""
LEAK = "close-wait-leak"
STUCK = "close-wait-stuck"
PAUSE = 1.2  # seconds between two leaked connections: 50 a minute


def forget_one(port, server):
    """The program reads end-of-file and does not close."""
    held = makers.close_wait(port, 1, server=server)
    assert held.sockets[0].recv(1) == b""
    return held.sockets[0]


def test_slow_leak(tap):
    with lab.Daemon(CONFIG.format(stuck="", pool="15min")) as daemon:
        watcher = lab.Watcher(daemon.socket)
        server = makers.listener(7801)
        burst = makers.close_wait(7802, 50)
        forgotten, began = [], time.monotonic()
        while time.monotonic() - began < 20 and not watcher.find("raised", LEAK, 7801):
            forgotten.append(forget_one(7801, server))
            time.sleep(PAUSE)
        took = time.monotonic() - began
        event = watcher.find("raised", LEAK, 7801) or {}
        alert = event.get("alert", {})
        tap.ok(event and len(forgotten) < 10,
               f"raised at {len(forgotten)} connections, after {took:.1f} s", event)
        tap.ok(alert.get("count", 0) >= 3, "at least three have outlived", alert)
        tap.equal(alert.get("stage"), "unclosed", "at the stage of the classic leak")
        rate = alert.get("ratePerMin", 0)
        tap.ok(20 <= rate <= 120, f"rate {rate:.0f} a minute, truly {60 / PAUSE:.0f}", alert)
        tap.equal(alert.get("leak", {}).get("patienceSec"), 2, "patience is StuckAfter")
        tap.ok("leaks about" in event.get("message", ""), "the sentence says so", event)
        row = daemon.ports()[("local", 7801)]
        tap.ok(row.get("ratePerMin", 0) > 0, "`ports` has the rate, too", row)
        for args in ["ports", "7801"], ["ports", "--once", "7801"]:
            text = daemon.ctl(*args).stdout
            tap.ok(f"pid {os.getpid()}, " in text and " descriptors" in text,
                   f"`{' '.join(args)}` says who it is", text)
        tap.ok("leaks about" not in text and "run out" not in text,
               "but one scan knows of no rate", text)
        text = daemon.ctl("ports", "7801").stdout
        tap.ok(re.search(r"leaks about \d+ connections a minute .*\n *descriptors run out in", text),
               "and how long that goes well", text)
        tap.equal(daemon.alert(LEAK, 7802), None, "a burst of 50 that stays is no leak")
        for sock in forgotten:
            sock.close()
        tap.ok(lab.poll(lambda: watcher.find("cleared", LEAK, 7801), 10),
               "closing them clears the alert")
        watcher.close()
        burst.reset()
        server.close()
        lab.stop_well(tap, daemon)


def test_idle_pool(tap):
    with lab.Daemon(CONFIG.format(stuck="5", pool="1h")) as daemon:
        pool = makers.close_wait_outgoing(7803, 6)
        local = makers.close_wait(7804, 6)
        tap.ok(daemon.wait_alert(STUCK, 7804, "raised", 10), "a server's six are stuck")
        row = daemon.ports()[("remote", 7803)]
        tap.equal((row["stuck"], row["stuckUsual"]), (6, 6), "a client's six may be an idle pool")
        tap.equal(daemon.alert(STUCK, 7803, "remote"), None, "and are no warning before PoolIdle")
        daemon.configure(CONFIG.format(stuck="5", pool="0"))
        daemon.ctl("reload")
        tap.ok(daemon.wait_alert(STUCK, 7803, "raised", 10, "remote"), "without it they are")
        pool.reset()
        local.reset()
        lab.stop_well(tap, daemon)


lab.run(test_slow_leak, test_idle_pool)
