#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that leaks at each stage: never accepts; stops reading with data pending; never polls;
reads end-of-file and does not close. And sockets that were in CLOSE_WAIT before twmond started."""

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
ClearAfter=500ms
"""
STUCK = "close-wait-stuck"
BEFORE = 20  # seconds in CLOSE_WAIT before the daemon starts
WORDS = {"unaccepted": "never accepted", "unread": "stopped reading", "eofUnread": "does not poll",
         "unclosed": "descriptor leak"}


def unaccepted(port):
    return makers.close_wait_unaccepted(port, 4)


def unread(port):
    server, clients, accepted = makers.connections(port, 4)
    for sock in clients:
        sock.sendall(b"x" * 1000)
        sock.close()
    return makers.Held(accepted, server)


def eof_unread(port):
    return makers.close_wait(port, 4)


def unclosed(port):
    held = makers.close_wait(port, 4)
    for sock in held.sockets:
        assert sock.recv(1) == b""
    return held


def check_stage(tap, daemon, port, stage):
    name = {"eofUnread": "eof-unread"}.get(stage, stage)
    alert = daemon.wait_alert(STUCK, port, "raised", 10) or {}
    wanted = {key: 4 if key == stage else 0 for key in WORDS}
    tap.equal(alert.get("stages"), wanted, f"{name}: four of them")
    tap.equal(alert.get("stage"), name, f"{name}: named")
    tap.ok(WORDS[stage] in alert.get("stageAdvice", ""), f"{name}: with its own advice", alert)
    tap.equal(daemon.ports()[("local", port)]["stages"], wanted, f"{name}: in `ports`, too")
    # looked up when the alert is raised: `alerts` has it a moment later
    owner = lab.poll(lambda: (daemon.alert(STUCK, port) or {}).get("owner"), 3) or {}
    process = (owner.get("processes") or [{}])[0]
    tap.equal((process.get("pid"), process.get("comm")),
              (os.getpid(), lab.read_text("/proc/self/comm").strip()), f"{name}: by this process")
    tap.equal(process.get("fdLimit"), resource.getrlimit(resource.RLIMIT_NOFILE)[0],
              f"{name}: with its limit of descriptors")
    tap.ok(abs(process.get("fds", 0) - lab.fd_count(os.getpid())) <= 8,
           f"{name}: and how many it has", process)
    text = daemon.ctl("alerts").stdout
    tap.ok(f"4 {name}" in text and WORDS[stage] in " ".join(text.split()), f"{name}: `alerts` says so",
           text)


def test_stages(tap):
    makers_of = {"unaccepted": unaccepted, "unread": unread, "eofUnread": eof_unread,
                 "unclosed": unclosed}
    with lab.Daemon(CONFIG) as daemon:
        held = []
        for port, (stage, make) in enumerate(makers_of.items(), 7701):
            held.append(make(port))
            check_stage(tap, daemon, port, stage)
        for sockets in held:
            sockets.reset()
        lab.stop_well(tap, daemon)


def test_older_than_the_daemon(tap):
    with makers.close_wait(7710, 4):
        time.sleep(BEFORE)
        with lab.Daemon(CONFIG) as daemon:
            row = daemon.ports()[("local", 7710)]
            tap.ok(row["oldestSec"] >= BEFORE - 2, "dated by the kernel: as old as they are", row)
            tap.equal(row["stuck"], 4, "and stuck at the first scan")
            lab.stop_well(tap, daemon)


lab.run(test_stages, test_older_than_the_daemon, limit=90)
