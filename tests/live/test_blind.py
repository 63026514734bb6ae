#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scans that fail: `blind` is raised, nothing else is cleared, and it ends when they succeed again.
strace(1) makes the kernel's answers fail, as they do where tcp_diag is missing."""

import lab
import makers

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
BOUND = 1 + (3 + 1) * 1 + 1  # RaiseAfter + pause + Interval + 1 s
STUCK = "close-wait-stuck"


def failing(daemon, error):
    """Only the scanner calls recvmsg(2)."""
    return lab.Tracer(daemon, "-e", "trace=recvmsg", "-e", f"inject=recvmsg:error={error}")


def check_blind(tap, daemon, watcher):
    tap.ok(lab.poll(lambda: watcher.find("raised", "blind", 0), BOUND),
           "failing scans: blind is raised", watcher.replies)
    alert = daemon.alert("blind", 0, "host") or {}
    tap.equal((alert.get("severity"), alert.get("port")), ("critical", 0), "critical, of the host")
    tap.ok("CONFIG_INET_TCP_DIAG" in alert.get("reason", ""),
           "its reason names the kernel's option", alert)
    tap.ok(daemon.says("CONFIG_INET_TCP_DIAG"), "and stderr does", daemon.stderr())
    status = daemon.status()
    tap.equal((status["verdict"], status["partial"], status["failed"],
               bool(status.get("scanError"))), ("unknown", True, True, True),
              "`status` knows that it does not know")
    text = daemon.ctl("alerts").stdout
    tap.ok("blind" in text and "ast scan" not in text and "No scan" not in text,
           "`alerts` calls no scan the last that was not", text)
    tap.equal(daemon.ctl("status").returncode, 1, "and exits 1")
    tap.equal(daemon.ctl_json("ports")["partial"], True, "`ports` is marked as partial")


def test_blind(tap):
    with lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        held = makers.close_wait(7865, 6)
        tap.ok(lab.poll(lambda: watcher.find("raised", STUCK, 7865), 6), "6 sockets are stuck")
        with failing(daemon, "ENOENT"):
            check_blind(tap, daemon, watcher)
            held.reset()
            before = daemon.status()["scans"]
            lab.must(lambda: daemon.status()["scans"] >= before + 4, "four more scans")
            tap.equal((daemon.alert(STUCK, 7865) or {}).get("state"), "raised",
                      "failing scans clear no other alert, though the sockets are gone")
        tap.ok(lab.poll(lambda: watcher.find("cleared", "blind", 0), BOUND),
               "it sees again: blind is cleared", watcher.replies)
        tap.ok(lab.poll(lambda: watcher.find("cleared", STUCK, 7865), 6),
               "and so is what it sees gone", watcher.replies)
        tap.equal(daemon.status()["verdict"], "ok", "the verdict is ok again")
        tap.equal([item["event"] for item in watcher.events],
                  ["raised", "raised", "cleared", "cleared"], "nothing was said twice")
        watcher.close()
        lab.stop_well(tap, daemon)


def test_interrupted(tap):
    """Interrupted system calls and lost messages are tried again, and bounded."""
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7866, 37):
        daemon.wait_scan()
        with lab.Tracer(daemon, "-e", "trace=recvmsg", "-e", "inject=recvmsg:error=EINTR:when=1+3"):
            daemon.wait_scan()
            row = daemon.ports()[("local", 7866)]
            tap.equal((row["closeWait"], daemon.status()["partial"]), (37, False),
                      "every third recvmsg() interrupted: the counts are whole")
        for error in "ENOBUFS", "EINTR":
            with failing(daemon, error):
                lab.poll(lambda: daemon.status()["partial"], 5)
                status = daemon.status()
                tap.ok(status["partial"] and status.get("scanError"),
                       f"nothing but {error}: partial", status)
                tap.ok(daemon.ctl("ports").returncode == 0, f"nothing but {error}: `ports` answers")
            tap.ok(lab.poll(lambda: not daemon.status()["partial"], 5),
                   f"{error} over: whole again")
        tap.equal(daemon.ports()[("local", 7866)]["closeWait"], 37, "and the counts are right")
        lab.stop_well(tap, daemon)


lab.run(test_blind, test_interrupted)
