#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Alerts in a real journald: fields, catalog; a journald that is stopped, one that is missing."""

import os
import re
import resource
import signal
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=5
StuckCritical=50
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
KIND = "close-wait-stuck"
STEADY = 3
BOUND = 1 + 1 + 2 * 1 + 1  # StuckAfter + RaiseAfter + 2 x Interval + 1 s
CLEAR_BOUND = 1 + 4 * 1 + 1
WARNING, CRITICAL, NOTICE = "4", "2", "5"

# Every field of an alert, whatever its kind.
FIELDS = """TWMON_ALERT TWMON_EVENT TWMON_SEVERITY TWMON_SIDE TWMON_PORT TWMON_COUNT TWMON_STUCK
TWMON_OLDEST_SEC TWMON_OWNER_UNIT TWMON_OWNER_PID TWMON_OWNER_COMM TWMON_PROCESSES TWMON_FDS
TWMON_FD_LIMIT MESSAGE MESSAGE_ID PRIORITY
SYSLOG_IDENTIFIER""".split()


def catalog():
    """{message id: the names of the fields that its entry of the message catalog shows}"""
    with open(lab.ROOT + "/systemd/twmon.catalog", encoding="utf-8") as file:
        parts = re.split(r"^-- ([0-9a-f]{32})$", file.read(), flags=re.M)
    return {mid: set(re.findall(r"@(\w+)@", text)) for mid, text in zip(parts[1::2], parts[2::2])}


def find(journal, event, port):
    def found():
        entries = journal.entries(f"TWMON_EVENT={event}", f"TWMON_PORT={port}")
        return entries[0] if entries else None

    return found


def check_entry(tap, entry, event, priority, name):
    if not tap.ok(entry, f"{name}: it is in the journal"):
        return
    missing = [field for field in FIELDS if field not in entry]
    tap.equal(missing, [], f"{name}: no field is missing")
    tap.equal((entry.get("TWMON_EVENT"), entry.get("PRIORITY")), (event, priority),
              f"{name}: event and priority")
    shown = catalog().get(entry.get("MESSAGE_ID"))
    if tap.ok(shown is not None, f"{name}: the catalog knows its MESSAGE_ID", entry):
        tap.equal(sorted(shown - entry.keys()), [],
                  f"{name}: every field of its catalog text is sent")


def test_fields(tap):
    journal = lab.Journal()
    journal.start()
    with lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        held = makers.close_wait(7865, 6)
        entry = lab.poll(find(journal, "raised", 7865), BOUND)
        check_entry(tap, entry, "raised", WARNING, "raised")
        entry = entry or {}
        wanted = {"TWMON_ALERT": KIND, "TWMON_SEVERITY": "warning", "TWMON_SIDE": "local",
                  "TWMON_PORT": "7865", "TWMON_COUNT": "6", "TWMON_STUCK": "6",
                  "SYSLOG_IDENTIFIER": "twmond", "TWMON_OWNER_PID": str(os.getpid()),
                  "TWMON_PROCESSES": "1",
                  "TWMON_FD_LIMIT": str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])}
        tap.equal({key: entry.get(key) for key in wanted}, wanted, "raised: their values")
        tap.ok(re.fullmatch("[2-4]", entry.get("TWMON_OLDEST_SEC", "")), "raised: the oldest age",
               entry.get("TWMON_OLDEST_SEC"))
        event = lab.poll(lambda: watcher.find("raised", KIND, 7865), 2) or {}
        tap.equal((event.get("messageId"), event.get("message")),
                  (entry.get("MESSAGE_ID"), entry.get("MESSAGE")), "Watch has the same id and text")
        tap.equal(entry.get("_PID"), str(daemon.pid), "twmond itself sent it")
        more = makers.close_wait(7865, 50, server=held.listener)
        entry = lab.poll(find(journal, "escalated", 7865), BOUND)
        check_entry(tap, entry, "escalated", CRITICAL, "escalated")
        more.reset()
        held.close()
        entry = lab.poll(find(journal, "cleared", 7865), 2 * CLEAR_BOUND)
        check_entry(tap, entry, "cleared", NOTICE, "cleared")
        check_config_entries(tap, daemon, journal)
        watcher.close()
        lab.stop_well(tap, daemon)
    journal.stop()


def check_config_entries(tap, daemon, journal):
    daemon.configure("[Scan]\nInterval=never\n")
    daemon.signal(signal.SIGHUP)

    def rejected():
        return [entry for entry in journal.entries("SYSLOG_IDENTIFIER=twmond")
                if "twmon.conf:2" in entry["MESSAGE"]]

    entries = lab.poll(rejected, 3)
    tap.ok(entries and entries[0].get("MESSAGE_ID") in catalog(),
           "a rejected reload is in the journal, with file and line and a catalog entry", entries)
    daemon.configure(CONFIG)


def check_answers(tap, daemon, name):
    """The daemon answers within a second and goes on scanning."""
    began = time.monotonic()
    result = daemon.ctl("status")
    took = time.monotonic() - began
    tap.ok(result.returncode in (0, 1) and took < 1, f"{name}: `status` answers within a second",
           f"{took:.2f} s {result}")
    before = daemon.status()["scans"]
    tap.ok(lab.poll(lambda: daemon.status()["scans"] >= before + 2, 2 * STEADY + 3),
           f"{name}: scanning goes on",
           daemon.status())


def test_stopped_journald(tap):
    journal = lab.Journal()
    journal.start()
    with lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        journal.pause()
        tap.ok(journal.fill() > 0, "journald is stopped and its socket is full")
        with makers.close_wait(7900, 6), makers.close_wait(7901, 60):
            for port in 7900, 7901:
                tap.ok(lab.poll(lambda: watcher.find("raised", KIND, port), BOUND),
                       f"stopped: the alert of {port} is raised and Watch tells it",
                       watcher.replies)
            check_answers(tap, daemon, "stopped")
            tap.ok(daemon.status()["journalQueued"] >= 1, "stopped: `status` says what waits",
                   daemon.status())
        for port in 7900, 7901:
            tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, port), CLEAR_BOUND),
                   f"stopped: and the alert of {port} is cleared")
        journal.resume()
        for port in 7900, 7901:
            for event in "raised", "cleared":
                tap.ok(lab.poll(find(journal, event, port), 5),
                       f"continued: journald has {port} {event}")
        tap.ok(lab.poll(lambda: daemon.status()["journalQueued"] == 0, 3), "nothing waits any more")
        watcher.close()
        check_stop_while_stopped(tap, daemon, journal)
    journal.stop()


def check_stop_while_stopped(tap, daemon, journal):
    journal.pause()
    journal.fill()
    with makers.close_wait(7902, 6):
        lab.poll(lambda: daemon.status()["alertsRaised"] == 1, BOUND)
    began = time.monotonic()
    wrong = daemon.stop()
    took = time.monotonic() - began
    tap.ok(not wrong and took < 5, "SIGTERM ends twmond beside a stopped journald",
           f"{took} {wrong}")
    tap.ok(daemon.says(r"7902.*CLOSE_WAIT"), "and what journald never took stands on stderr",
           daemon.stderr())


def test_no_journald(tap):
    journal = lab.Journal()
    journal.stop()
    with lab.Daemon(CONFIG, foreground=False) as daemon, makers.close_wait(7910, 6):
        tap.ok(lab.poll(lambda: daemon.says(r"7910.*CLOSE_WAIT"), BOUND),
               "no journal: the alert stands on stderr, without --foreground", daemon.stderr())
        tap.equal(daemon.status()["journalDelivered"], False, "no journal: `status` knows")
        check_answers(tap, daemon, "no journal")
        journal.start()
        entry = lab.poll(find(journal, "raised", 7910), 5)
        check_entry(tap, entry, "raised", WARNING, "when journald appears")
        tap.ok(lab.poll(lambda: daemon.status()["journalDelivered"], 3), "and `status` knows")
        check_killed_journald(tap, daemon, journal)
        lab.stop_well(tap, daemon)
    journal.stop()


def test_stderr_that_nobody_reads(tap):
    """A stopped terminal or a stuck log pipe holds up neither the journal nor the end."""
    journal = lab.Journal()
    journal.start()
    out, into = os.pipe()
    os.set_blocking(into, False)
    try:
        while os.write(into, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(into, True)
    directory = lab.temp_dir()
    with open(directory + "/conf", "w", encoding="ascii") as file:
        file.write(CONFIG)
    daemon = lab.spawn([lab.TWMOND, "--foreground", "--config", directory + "/conf", "--socket",
                        directory + "/control"], stderr=into)
    with makers.close_wait(7912, 6):
        tap.ok(lab.poll(find(journal, "raised", 7912), BOUND + 2),
               "stderr is full: the alert is in the journal all the same")
    start = time.monotonic()
    status = lab.end(daemon, signal.SIGTERM, 10)
    tap.ok(status == 0 and time.monotonic() - start < 5, "stderr is full: SIGTERM ends twmond",
           (status, time.monotonic() - start))
    os.close(into)
    os.close(out)
    journal.stop()


def check_killed_journald(tap, daemon, journal):
    """Killed, journald leaves a socket file that nobody serves."""
    lab.end(journal.process)
    with makers.close_wait(7911, 6):
        tap.ok(lab.poll(lambda: daemon.says(r"7911.*CLOSE_WAIT"), BOUND),
               "journald killed: the alert stands on stderr", daemon.stderr())
        check_answers(tap, daemon, "journald killed")
        journal.start()
        tap.ok(lab.poll(find(journal, "raised", 7911), 5), "and is sent to the next journald")
    tap.equal(len(journal.entries("TWMON_EVENT=raised", "TWMON_PORT=7910")), 1,
              "nothing was sent twice")


lab.run(test_fields, test_stopped_journald, test_no_journald, test_stderr_that_nobody_reads)
