#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""How the counts of a port went, and what a restart, a SIGKILL, a bad file and a full disk leave of
it. The wall clock is a preloaded one: a day passes at once."""

import datetime
import json
import os
import signal
import time

import lab
import makers

CONFIG = """[Scan]
Interval=1s
CPUBudget=off
[CloseWait]
StuckAfter=2s
StuckWarning=5
StuckCritical=100
LeakArrivals=
[Alerts]
RaiseAfter=1s
"""
CLOCK = lab.ROOT + "/build/clock-shim.so"
PORT = 7300


class Clocked:
    """twmonds over one state directory, and their clock."""

    def __init__(self, state=None):
        lab.need(CLOCK)
        lab.need(lab.RELEASE)
        self.directory = lab.temp_dir()
        self.state = state or self.directory + "/kept"
        self.shift = 0
        self.set(0)

    def set(self, seconds):
        """The clock is so far ahead of the host's from now on."""
        self.shift = seconds
        with open(self.directory + "/new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(self.directory + "/new", self.directory + "/clock")

    def daemon(self, config=CONFIG):
        environment = dict(os.environ, LD_PRELOAD=CLOCK, CLOCK_SHIM=self.directory + "/clock")
        return lab.Daemon(config, "--state-dir", self.state, binary=lab.RELEASE, env=environment)

    def path(self, name="history"):
        return self.state + "/" + name


def side(daemon, **parameters):
    """The local side of the port's history."""
    reply = daemon.call("GetHistory", {"port": PORT, **parameters})
    found = next((one for one in reply["sides"] if one["side"] == "local"), None)
    return reply, found


def stuck(daemon, **parameters):
    """What is known of stuck sockets, newest last."""
    _, found = side(daemon, **parameters)
    return [n for n in found["stuck"]["last"] if n is not None] if found else []


def times(reply):
    """When each step begins."""
    start = datetime.datetime.fromisoformat(reply["startsAt"].replace("Z", "+00:00"))
    return [start.timestamp() + i * reply["stepSec"]
            for i in range(len(reply["sides"][0]["stuck"]["max"]))]


def until(daemon, wanted, what, **parameters):
    return lab.must(lambda: wanted(stuck(daemon, **parameters)), what, 15, 0.2)


def last_line(daemon):
    """Of the newest minute, of which nothing is known before its first scan."""
    return daemon.ctl("history", str(PORT), "--csv").stdout.splitlines()[-1]


def test_a_leak(tap):
    with Clocked().daemon() as daemon, makers.close_wait(PORT, 12) as _:
        makers.time_wait(PORT + 1, 3)
        tap.equal(lab.ss_count("close-wait", PORT), 12, "ss: 12 in CLOSE_WAIT")
        until(daemon, lambda numbers: numbers[-1:] == [12], "12 stuck")
        lab.must(lambda: daemon.alert("close-wait-stuck", PORT)["state"] == "raised", "an alert")
        lab.must(lambda: side(daemon)[1]["severity"][-1] == "warning", "the alert in the history", 15)
        reply, found = side(daemon, sinceSec=600)
        tap.equal(reply["stepSec"], 10, "the last hour by 10 s")
        tap.equal(found["closeWait"]["max"][-1], 12, "CLOSE_WAIT as ss has it")
        tap.ok(None in found["stuck"]["last"] and found["stuck"]["last"][0] is None,
               "before twmond was there, nothing is known", found["stuck"]["last"])
        text = daemon.ctl("history", str(PORT), "--since", "5min").stdout
        tap.ok("stuck: 12 at most, 12 last" in text and "alerts" in text and "w" in text,
               "twmonctl draws it", text)
        text = daemon.ctl("history", str(PORT), "--csv").stdout
        tap.ok(lab.poll(lambda: last_line(daemon).endswith(",12,12,0,0,0,0,warning"), 10),
               "and tells it: 12 stuck at most, and last", text)
        reply = daemon.call("GetHistory", {"port": 9})
        tap.equal(reply["sides"][0]["stuck"]["last"][-1], 0, "a port without sockets: zero")
        tap.ok("missing" not in reply, "nothing is missing")
        lab.stop_well(tap, daemon)


def test_sigkill_and_days(tap):
    clocked = Clocked()
    sockets = makers.close_wait(PORT, 7)
    with clocked.daemon() as daemon:
        until(daemon, lambda numbers: numbers[-1:] == [7], "7 stuck")
        clocked.set(60)  # that minute is over
        lab.must(lambda: os.path.getsize(clocked.path()) > 64, "a minute in the file", 10)
        time.sleep(0.2)
        lab.end(daemon.process, signal.SIGKILL)
    clocked.set(1200)
    with clocked.daemon() as daemon:
        _, found = side(daemon)
        numbers = found["stuck"]["max"]
        known = [i for i, n in enumerate(numbers) if n == 7]
        tap.ok(known and None in numbers[known[0]:], "SIGKILL: the minute before is there, and a gap",
               numbers)
        until(daemon, lambda numbers: numbers[-1:] == [7], "7 stuck again")
        sockets.close()
        until(daemon, lambda numbers: numbers[-1:] == [0], "they are gone")
        tap.ok(not daemon.stop(), "it ends well")
    for days, step in ((0.9, 60), (3, 600), (29, 3600)):
        clocked.set(1200 + int(days * 86400))
        with clocked.daemon() as daemon:
            reply, found = side(daemon, sinceSec=int(days * 86400) + 7200, points=720)
            tap.ok(found and 7 in found["stuck"]["max"] and reply["stepSec"] >= step,
                   f"{days} days later: by {step} s", reply)
    clocked.set(1200 + 32 * 86400)
    with clocked.daemon() as daemon:
        reply, _ = side(daemon, sinceSec=32 * 86400)
        tap.ok(all(7 not in found["stuck"]["max"] for found in reply["sides"]),
               "32 days later it is gone")
        tap.ok(os.path.getsize(clocked.path()) < 8 << 20, "the file stays below 8 MiB")


def test_restart_tells_the_same(tap):
    """Before a restart and after it: what is known by minutes is not told by ten seconds."""
    clocked = Clocked()
    with clocked.daemon() as daemon:
        sockets = makers.close_wait(PORT, 7)
        until(daemon, lambda numbers: numbers[-1:] == [7], "7 stuck")
        clocked.set(60)
        until(daemon, lambda numbers: numbers[-1:] == [7], "7 stuck a minute later", sinceSec=20)
        reply, _ = side(daemon, sinceSec=600, points=720)
        tap.equal(reply["stepSec"], 10, "a twmond that has been there all the time: by 10 s")
        sockets.close()
        until(daemon, lambda numbers: numbers[-1:] == [0], "they are gone")
        clocked.set(120)
        until(daemon, lambda numbers: numbers[-1:] == [0], "and still are", sinceSec=20)
        before, ours = side(daemon, sinceSec=1800, points=32)
        tap.ok(not daemon.stop(), "it ends well")
    clocked.set(420)  # five minutes of which nobody knows
    with clocked.daemon() as daemon:
        lab.must(lambda: side(daemon)[1]["stuck"]["last"][-1] == 0, "a scan", 15)
        reply, found = side(daemon, sinceSec=900, points=720)
        tap.equal(reply["stepSec"], 60, "after a restart: by minutes, as what was before is known")
        known = {at: found["stuck"]["last"][i] for i, at in enumerate(times(reply))}
        was = {at: ours["stuck"]["last"][i] for i, at in enumerate(times(before))
               if ours["stuck"]["last"][i] is not None}
        tap.equal({at: known.get(at) for at in was}, was, "the minutes before are the same")
        between = [number for at, number in known.items() if max(was) < at][1:-2]
        tap.ok(len(between) >= 2 and between == [None] * len(between),
               "and where nobody looked is a gap", known)
        text = daemon.ctl("history", str(PORT), "--since", "15min").stdout
        tap.ok("a column is 1min" in text, "the chart says so", text)
        reply, _ = side(daemon, sinceSec=60, points=720)
        tap.equal(reply["stepSec"], 10, "what is only of now: by 10 s")
        lab.stop_well(tap, daemon)


def begins_anew(tap, clocked, suffix, name):
    with clocked.daemon() as daemon:
        daemon.call("GetHistory", {"port": PORT, "sinceSec": 86400})
        lab.must(lambda: daemon.says("history"), "a line about it")
        lines = [line for line in daemon.stderr().splitlines() if "/history" in line]
        tap.ok(len(lines) == 1 and f"kept as history.{suffix}" in lines[0] and
               "begins anew" in lines[0], f"{name}: one line says so", daemon.stderr())
        tap.ok(os.path.exists(clocked.path("history." + suffix)), f"{name}: it is kept")
        lab.stop_well(tap, daemon, f"{name}: watching goes on")


def test_bad_files(tap):
    clocked = Clocked()
    with clocked.daemon() as daemon:
        daemon.stop()
    with open(clocked.path(), "r+b") as file:
        file.seek(20)
        file.write(b"\xff\xff")
    begins_anew(tap, clocked, "damaged", "a damaged header")
    with open(clocked.path(), "wb") as file:
        file.write(b"Dear diary, ")
    begins_anew(tap, clocked, "foreign", "a file of others")
    with clocked.daemon() as daemon, makers.close_wait(PORT, 7):
        until(daemon, lambda numbers: numbers[-1:] == [7], "7 stuck")
        clocked.set(60)  # that minute is over
        lab.must(lambda: os.path.getsize(clocked.path()) > 64, "a minute in the file", 10)
        daemon.stop()
    clocked.set(1200)
    with clocked.daemon() as daemon:
        tap.ok(7 in side(daemon, sinceSec=86400)[1]["stuck"]["max"], "what is good is told")
        daemon.stop()
    size = os.path.getsize(clocked.path())
    with open(clocked.path(), "r+b") as file:
        file.seek(64)
        file.write(os.urandom(size - 64))
    with clocked.daemon() as daemon:
        reply, _ = side(daemon, sinceSec=86400)
        tap.ok(all(n in (None, 0) for found in reply["sides"] for n in found["stuck"]["max"]),
               "damaged rows are gaps", reply)
        tap.ok(not daemon.says("history"), "and nothing to be told", daemon.stderr())


def test_disk_full(tap):
    state = lab.temp_dir()
    lab.mount("-t", "tmpfs", "-o", "size=2m", "tmpfs", state)
    clocked = Clocked(state)
    with clocked.daemon() as daemon, open(state + "/filler", "wb") as filler, \
            makers.close_wait(PORT, 6):
        try:
            while True:
                filler.write(b"x" * 4096)
                filler.flush()
        except OSError:
            pass
        until(daemon, lambda numbers: numbers[-1:] == [6], "6 stuck")
        clocked.set(60)
        lab.must(lambda: daemon.status()["limitsHit"].get("history"), "a lost minute", 10)
        line = lab.poll(lambda: daemon.says("history failed"), 10)
        tap.ok(line and "No space left" in line and "watching goes on" in line,
               "a full disk is said", daemon.stderr())
        tap.ok(stuck(daemon)[-1] == 6, "watching goes on, with the last hour")
        os.truncate(state + "/filler", 0)
        clocked.set(120)
        lab.must(lambda: daemon.says("history is written again"), "it is written again", 10)
        tap.ok(True, "and that it is over")
        lab.stop_well(tap, daemon)


def test_named_ports(tap):
    """33 other ports are worse; what is asked for is kept all the same, until it is not."""
    named = CONFIG + "[Ports]\nHistoryPorts=" + str(PORT) + "\n"
    with Clocked().daemon(named) as daemon:
        held = [makers.close_wait(PORT + 100 + i, 2) for i in range(33)]
        held.append(makers.close_wait(PORT, 1))
        until(daemon, lambda numbers: numbers[-1:] == [1], "1 stuck, of a port that is named")
        daemon.configure(CONFIG)
        daemon.call("Reload")
        lab.must(lambda: side(daemon, sinceSec=300)[1]["leftOut"], "its place given back", 10)
        _, found = side(daemon, sinceSec=300)
        numbers = found["stuck"]["last"]
        tap.ok(numbers[-2] is None and numbers[-1] in (None, 1),
               "a reload gives its place back: unknown, not zero, but for what is now", numbers)
        lab.must(lambda: side(daemon, sinceSec=300)[1]["stuck"]["last"][-1] == 1, "the present count")
        text = daemon.ctl("history", str(PORT), "--since", "5min").stdout
        tap.ok("stuck: 1 at most, 1 last" in text and "HistoryPorts=" in text and
               "nothing is known." in text, "twmonctl says why", text)
        text = daemon.ctl("history", "9", "--since", "5min").stdout
        tap.ok("stuck: none was seen in the time that is known" in text and
               "No alert about it was raised in the time that is known." in text and
               "HistoryPorts=" in text, "of another port as well", text)
        for item in held:
            item.reset()
        lab.stop_well(tap, daemon)


def test_named_side(tap):
    named = CONFIG + "[Ports]\nHistoryPorts=remote:" + str(PORT) + "\n"
    with Clocked().daemon(named) as daemon:
        daemon.call("GetStatus")
        reply = daemon.call("GetHistory", {"port": PORT})
        tap.equal([one["side"] for one in reply["sides"]], ["remote"], "the side that is configured")
        lab.stop_well(tap, daemon)


def test_bad_calls(tap):
    with lab.Daemon(CONFIG) as daemon:
        for parameters in ({}, {"port": 0}, {"port": 80, "sinceSec": 0}, {"port": 80, "points": 1}):
            try:
                daemon.call("GetHistory", parameters)
                tap.ok(False, f"{parameters} is refused")
            except lab.VarlinkError as error:
                tap.equal(error.name, "org.varlink.service.InvalidParameter",
                          f"{json.dumps(parameters)} is refused")
        with makers.close_wait(PORT, 2):
            until(daemon, lambda numbers: numbers[-1:] == [2], "2 stuck")
        lab.stop_well(tap, daemon)


if __name__ == "__main__":
    lab.run(test_a_leak, test_sigkill_and_days, test_restart_tells_the_same, test_bad_files, test_disk_full, test_named_ports, test_named_side,
            test_bad_calls,
            limit=150)
