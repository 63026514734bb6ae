#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The release build under valgrind: clients, alerts, reloads, an end by SIGTERM; no error, no leak,
no descriptor left."""

import re
import signal

import lab
import makers

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=5
PoolIdle=0
[TimeWait]
CountWarning=5
[Alerts]
RaiseAfter=1s
ClearAfter=1s
[Port 7002]
StuckWarning=
"""
MONITOR = "io.twmon.Monitor"
ERROR_CODE = 99


def valgrind(log):
    return ["valgrind", f"--error-exitcode={ERROR_CODE}", "--leak-check=full",
            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect",
            "--track-fds=yes", f"--log-file={log}"]


def clients(daemon):
    for method in "GetStatus", "ListPorts", "ListAlerts":
        daemon.call(method)
    for method in "NoSuch", "Watch":
        try:
            daemon.call(method)
        except lab.VarlinkError:
            pass  # what it answers is for another test
    with lab.Varlink(daemon.socket) as connection:
        list(connection.stream(MONITOR + ".ListPorts", {"all": True, "ports": [7000, 1]}))
        connection.send(b"no JSON\0" + b"[" * 1000)
        connection.reply()


def scenario(tap, daemon):
    watcher = lab.Watcher(daemon.socket)
    clients(daemon)
    held = makers.close_wait(7000, 6)
    with makers.close_wait_outgoing(7001, 6), makers.close_wait_unaccepted(7002, 6):
        makers.time_wait(7003, 6)
        for kind, port in (("close-wait-stuck", 7000), ("close-wait-stuck", 7001),
                           ("time-wait-count", 7003)):
            tap.ok(lab.poll(lambda: watcher.find("raised", kind, port), 15),
                   f"{kind} of {port} is raised", watcher.replies)
        clients(daemon)
        daemon.configure("[Scan]\nInterval=never\n")
        daemon.signal(signal.SIGHUP)
        tap.ok(lab.poll(lambda: daemon.says(r"twmon\.conf:2"), 10), "a bad reload is refused")
        daemon.configure(CONFIG.replace("CountWarning=5", "CountWarning="))
        daemon.call("Reload")
        tap.ok(lab.poll(lambda: watcher.find("cleared", "time-wait-count", 7003), 10),
               "a good one clears what it removes", watcher.replies)
    held.close()
    tap.ok(lab.poll(lambda: watcher.find("cleared", "close-wait-stuck", 7000), 15),
           "the server closes: cleared", watcher.replies)
    watcher.close()


def check_log(tap, text):
    """Descriptors that the daemon was started with may stay, and the one socket that libsystemd
    opens to the journal and keeps for the life of the process."""
    allowed = re.compile(r"<inherited from parent>|: sd_journal_sendv ")
    blocks = re.split(r"(?m)^(?===\d+== (?:Open |\d|[A-Z]))", text)
    left = [block for block in blocks
            if re.match(r"==\d+== Open ", block) and not allowed.search(block)]
    tap.ok("FILE DESCRIPTORS:" in text and not left, "no descriptor is left open", "".join(left))
    errors = [line for line in text.splitlines()
              if re.search(r"Invalid (read|write|free)|uninitialised|are definitely lost", line)]
    tap.equal(errors, [], "no error and no leak")


def start_journald(tap):
    try:
        journal = lab.Journal()
        journal.start()
    except lab.Skip as skip:
        tap.note(f"without a journal: {skip}")
        return None
    return journal


def test_valgrind(tap):
    lab.need("valgrind")
    lab.need(lab.RELEASE, "the release build")
    journal = start_journald(tap)
    log = lab.temp_dir() + "/valgrind"
    with lab.Daemon(CONFIG, binary=lab.RELEASE, wrap=valgrind(log), wait=40) as daemon:
        scenario(tap, daemon)
        with lab.Varlink(daemon.socket) as connection:  # one client is there at the end
            connection.call(MONITOR + ".GetStatus")
            wrong = daemon.stop(20)
        tap.ok(not wrong, f"SIGTERM ends it with 0 (valgrind says {ERROR_CODE} after an error)",
               f"{wrong}\n{lab.read_text(log)}")
        check_log(tap, lab.read_text(log))
    if journal:
        journal.stop()


def test_bad_starts(tap):
    """Ends before the loop free what they have made, too."""
    lab.need("valgrind")
    lab.need(lab.RELEASE, "the release build")
    for name, config, path, code in (
            ("a bad configuration", "[Scan]\nInterval=never\n", None, 78),
            ("a socket path that is too long", "", "/tmp/" + "x" * 200, 1)):
        log = lab.temp_dir() + "/valgrind"
        with lab.Daemon(config, binary=lab.RELEASE, wrap=valgrind(log), wait=0,
                        **({"socket": path} if path else {})) as daemon:
            lab.poll(lambda: daemon.process.poll() is not None, 20)
            tap.equal(daemon.process.poll(), code, f"{name}: exit status {code}")
            check_log(tap, lab.read_text(log))


lab.run(test_valgrind, test_bad_starts)
