#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""[Alerts] Start=: what a bus that is away, full or silent does to twmond, which is nothing. That
units are started, and how, is tests/unit/test-starter.c and tests/systemd/."""

import os
import re
import socket
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=300ms
[CloseWait]
StuckAfter=300ms
StuckWarning=5
[Alerts]
RaiseAfter=0s
ClearAfter=300ms
"""
START = "Start=test-alert@.service\n"
UNIT = r"test-alert@close\\x2dwait\\x2dstuck:\\x2d:local:7865:\\x2d\.service"
AWAY = "could not ask the service manager to start " + UNIT
ANSWER_SEC = 1
STOP_SEC = 2
TIMEOUT_SEC = 10  # STARTER_TIMEOUT_USEC


class Bus:
    """A place for a system bus, and at most a socket that somebody listens on: nobody answers."""

    def __init__(self, backlog=None):
        self.path = lab.temp_dir() + "/bus"
        self.sockets = []
        if backlog is not None:
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(self.path)
            listener.listen(backlog)
            listener.settimeout(10)
            self.sockets.append(listener)

    def environment(self):
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + self.path}

    def accept(self):
        connection = self.sockets[0].accept()[0]
        self.sockets.append(connection)
        return connection

    def fill(self):
        """Until the backlog has no room for another connection."""
        while True:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.setblocking(False)
            try:
                sock.connect(self.path)
            except BlockingIOError:
                sock.close()
                return
            self.sockets.append(sock)

    def close(self):
        for sock in self.sockets:
            sock.close()


def check_answers(tap, daemon, name):
    """Everything else goes on."""
    begin = time.monotonic()
    status = daemon.status()
    took = time.monotonic() - begin
    tap.ok(took < ANSWER_SEC, f"{name}: twmond answers within {ANSWER_SEC} s", took)
    tap.ok(lab.poll(lambda: daemon.status()["scans"] > status["scans"], 5),
           f"{name}: scans go on")


def check_stop(tap, daemon, name):
    begin = time.monotonic()
    lab.stop_well(tap, daemon, f"{name}: SIGTERM ends twmond with 0")
    took = time.monotonic() - begin
    tap.ok(took < STOP_SEC, f"{name}: within {STOP_SEC} s", took)


def start_of(daemon):
    return daemon.status().get("start") or {}


def told(daemon):
    return [line for line in daemon.stderr().splitlines() if re.search(AWAY, line)]


def test_absent(tap):
    bus = Bus()
    with lab.Daemon(CONFIG, env=bus.environment()) as daemon:
        tap.equal(start_of(daemon), {}, "GetStatus has no start where Start= is not set")
        tap.ok("Start:" not in daemon.ctl("status").stdout, "nor has `twmonctl status`")
        daemon.configure(CONFIG + START)
        daemon.call("Reload")
        tap.equal(start_of(daemon), {"unit": "test-alert@.service", "started": 0, "failed": 0,
                                     "dropped": 0, "waiting": 0, "reachable": True},
                  "it has after a reload")
        with makers.close_wait(7865, 6):
            tap.ok(lab.poll(lambda: told(daemon), 8), "no bus: that is said", daemon.stderr())
            tap.ok(daemon.says(AWAY + ": No such file or directory; alerts are still told in the "
                               "journal$"), "with what it means", told(daemon))
            tap.equal((start_of(daemon).get("waiting"), start_of(daemon).get("reachable")),
                      (1, False), "the start waits")
        with makers.close_wait(7866, 6):
            tap.ok(lab.poll(lambda: start_of(daemon).get("waiting") == 2, 8), "another one, too")
        lab.poll(lambda: daemon.says("7866.*cleared|cleared.*7866"), 5)
        tap.ok(re.search(r"^Start: 0 started, 0 failed, 0 dropped, 2 waiting; ",
                         daemon.ctl("status").stdout, re.MULTILINE),
               "`twmonctl status` shows it", daemon.ctl("status").stdout)
        tap.equal(len(told(daemon)), 1, "it was said once")
        check_answers(tap, daemon, "no bus")
        check_stop(tap, daemon, "no bus")


def test_silent(tap):
    bus = Bus(backlog=8)
    with lab.Daemon(CONFIG + START, env=bus.environment()) as daemon:
        with makers.close_wait(7865, 6):
            begin = time.monotonic()
            connection = bus.accept()
            connection.settimeout(5)
            tap.ok(connection.recv(64), "twmond says hello to the bus, which says nothing")
            while time.monotonic() < begin + 3:
                check_answers(tap, daemon, "a silent bus")
            tap.equal(told(daemon), [], "nothing is said yet")
            lab.poll(lambda: told(daemon), TIMEOUT_SEC)
            tap.ok(daemon.says(AWAY + ": Connection timed out; "), "then it is given up, and said",
                   daemon.stderr())
        check_answers(tap, daemon, "after a silent bus")
        lab.stop_well(tap, daemon)
    bus.close()


def test_stop(tap):
    """The end of twmond does not wait for the bus."""
    bus = Bus(backlog=8)
    with lab.Daemon(CONFIG + START, env=bus.environment()) as daemon:
        with makers.close_wait(7865, 6):
            bus.accept()
            check_stop(tap, daemon, "a silent bus")
    bus.close()


def test_full(tap):
    """connect() would wait for room in the backlog."""
    bus = Bus(backlog=0)
    bus.fill()
    with lab.Daemon(CONFIG + START, env=bus.environment()) as daemon:
        with makers.close_wait(7865, 6):
            tap.ok(lab.poll(lambda: told(daemon), 8), "a bus without room: that is said",
                   daemon.stderr())
            check_answers(tap, daemon, "a bus without room")
        check_stop(tap, daemon, "a bus without room")
    bus.close()


lab.run(test_absent, test_silent, test_stop, test_full)
