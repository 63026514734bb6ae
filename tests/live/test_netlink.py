#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Answers that a healthy kernel does not give, made by a preloaded shim (netlink-shim.c): a kernel
without tcp_diag, one that refuses the one-walk request, a table that changes under every dump,
datagrams that end too early."""

import time

import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=500ms
ClearAfter=500ms
[Port 8080]
StuckWarning=4
"""


def status_when(daemon, condition):
    """The first status for which the condition holds, or the last one."""
    last = {}

    def holds():
        nonlocal last
        try:
            last = daemon.status()
        except (OSError, EOFError):
            return False
        return condition(last)

    lab.poll(holds, 10)
    return last


def test_no_tcp_diag(tap):
    kernel = lab.Kernel("enoent")
    with kernel.daemon(CONFIG) as daemon:
        status = status_when(daemon, lambda s: s["scans"] >= 2)
        tap.equal(status.get("verdict"), "unknown", "no tcp_diag from the start: the verdict is unknown")
        tap.ok("CONFIG_INET_TCP_DIAG" in status.get("scanError", ""), "the reason names the option",
               status)
        tap.ok(status.get("scannedAt") is None and "totals" not in status,
               "nothing was ever seen: no time, no zeros", status)
        reply = daemon.ctl_json("ports", "--all")
        tap.equal((reply["ports"], reply["failed"]), ([], True), "nor a port, configured or not")
        kernel.say("pass")
        status = status_when(daemon, lambda s: s["verdict"] == "ok")
        tap.equal((status["verdict"], status["totals"]["closeWait"]), ("ok", 0),
                  "it appears: blind is cleared, all is well")
        lab.stop_well(tap, daemon)


def test_failed_scan_repeats_old_counts(tap):
    kernel = lab.Kernel("pass")
    with kernel.daemon(CONFIG) as daemon, makers.close_wait(7865, 6):
        status_when(daemon, lambda s: s.get("totals", {}).get("closeWait") == 6)
        kernel.say("enoent")
        status = status_when(daemon, lambda s: s["partial"])
        seen = status["scannedAt"]
        row = daemon.ports()[("local", 7865)]
        tap.equal((status["totals"]["closeWait"], row["closeWait"]), (6, 6),
                  "a failed scan shows the last counts, not zeros")
        before = status["scans"]
        status = status_when(daemon, lambda s: s["scans"] >= before + 3)
        tap.equal(status["scannedAt"], seen, "with the time at which they were seen")
        lab.stop_well(tap, daemon)


def test_two_requests(tap):
    kernel = lab.Kernel("refuse-legacy")
    with kernel.daemon(CONFIG) as daemon, makers.close_wait(7865, 6), makers.close_wait(7866, 5, "v6"), \
            makers.close_wait(7867, 4, "mapped"):
        status = status_when(daemon, lambda s: s.get("totals", {}).get("closeWait") == 15)
        tap.equal((status["partial"], status["totals"]["closeWait"]), (False, 15),
                  "the one-walk request refused: two by family see everything")
        lab.stop_well(tap, daemon)


def check_partial(tap, word, what, reason):
    kernel = lab.Kernel("pass")
    with kernel.daemon(CONFIG) as daemon:
        held = makers.close_wait(7865, 6)
        tap.ok(daemon.wait_alert("close-wait-stuck", 7865, "raised", 10), f"{what}: raised before")
        tap.ok(not daemon.call("ListDestinations")["partial"], f"{what}: a look was whole before")
        kernel.say(word)
        held.reset()
        before = daemon.status()["scans"]
        status = status_when(daemon, lambda s: s["scans"] >= before + 8)
        tap.ok(status["partial"] and reason in status["scanError"], f"{what}: partial, and why",
               status)
        tap.equal(daemon.alert("close-wait-stuck", 7865)["state"], "raised",
                  f"{what}: clears nothing, though the sockets are gone")
        tap.ok(daemon.wait_alert("blind", 0, "raised", 10, side="host"), f"{what}: blind is raised")
        time.sleep(1.05)  # who asks the same within a second shares one look
        tap.ok(daemon.call("ListDestinations")["partial"], f"{what}: a look says so, too")
        tap.equal(daemon.alert("blind", 0, "host")["severity"], "warning", f"{what}: as a warning")
        kernel.say("pass")
        tap.ok(lab.poll(lambda: not daemon.ctl_json("alerts")["alerts"], 10),
               f"{what}: all is cleared when it is over")
        lab.stop_well(tap, daemon)


def test_interrupted_dumps(tap):
    check_partial(tap, "interrupt", "every dump interrupted", "interrupted 4 times")


def test_cut_datagrams(tap):
    check_partial(tap, "cut", "every datagram cut", "in a row")


def test_messages_not_understood(tap):
    kernel = lab.Kernel("pass")
    with kernel.daemon(CONFIG) as daemon, makers.close_wait(7865, 6):
        status_when(daemon, lambda s: s.get("totals", {}).get("closeWait") == 6)
        kernel.say("garble")
        status = status_when(daemon, lambda s: s["partial"])
        tap.ok("not understood" in status.get("scanError", "") and
               status["limitsHit"].get("malformed"), "messages of an unknown family: partial, and why",
               status)
        tap.equal(status["cost"]["retries"], 0, "and not asked for again in the same scan")
        lab.stop_well(tap, daemon)


lab.run(test_no_tcp_diag, test_failed_scan_repeats_old_counts, test_two_requests,
        test_interrupted_dumps, test_cut_datagrams, test_messages_not_understood)
