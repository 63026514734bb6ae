#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl against what is not twmond, or not a good one: a fake server that sends garbage, half
frames, errors, wrong types and hostile texts, that hangs, closes and drips. And against no server at
all: usage, messages, exit statuses, --once."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import threading
import time

import lab
from fake import MONITOR, Fake, clean, ctl, error, expect, frame, in_terminal

REPLY_MAX = 1024 * 1024
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b1m\r\n"

PORT = {"side": "local", "port": 7865, "listening": True, "configured": False, "ignored": False,
        "timeWait": 2, "closeWait": 120, "stuck": 100, "oldestSec": 11520, "oldestAtLeast": True}
ALERT = {"key": "close-wait-stuck:-:local:7865:-", "kind": "close-wait-stuck", "side": "local",
         "port": 7865, "severity": "warning", "state": "raised", "count": 100,
         "since": "2026-01-31T12:00:00.000Z", "sinceSec": 65, "oldestSec": 11520,
         "oldestAtLeast": True, "rule": "built-in", "advice": "Close what you open.",
         "owner": {"unit": "leaky.service", "uid": 1000, "byListener": False, "holders": True,
                   "processesTotal": 1, "processes": [{"pid": 812, "comm": "leaky", "fds": 25,
                                                       "fdLimit": 1024}]}}
SEEN = dict(ALERT, acknowledged={"uid": 33, "at": "2026-01-31T12:00:00.000Z", "comment": "known"})
EVENT = {"sequence": 7, "event": "raised", "at": "2026-01-31T12:00:00.000Z", "messageId": "0" * 32,
         "message": "local port 7865: 100 connections stuck", "alert": ALERT}
PENDING = dict(ALERT, port=9, state="pending", severity="critical", owner=None)
STATUS = {"version": "9.9", "pid": 7, "verdict": "warning", "summary": "LEAKING: local port 7865.",
          "since": "2026-01-31T12:00:00.000Z", "scannedAt": "2026-01-31T12:00:00.000Z",
          "partial": False, "scans": 3, "alertsRaised": 1, "alertsPending": 0,
          "intervalUsec": 10000000, "cost": {"messages": 5, "bytes": 9, "cpuUsec": 1250,
                                             "wallUsec": 1300, "retries": 0},
          "limitsHit": {"tracked": 12}, "clients": 1, "journalQueued": 0, "journalDelivered": True,
          "configuration": "built-in defaults"}
LISTED = {"ports": [PORT], "total": 1, "truncated": False, "partial": False,
          "scannedAt": "2026-01-31T12:00:00.000Z"}
GOOD = {"GetStatus": STATUS, "ListAlerts": {"alerts": [PENDING, ALERT], "total": 2,
                                            "truncated": False},
        "ListPorts": LISTED, "Reload": {}, "Acknowledge": {"alert": SEEN},
        "ListEvents": {"events": [EVENT], "lost": 0, "truncated": False}}
QUIET = dict(GOOD, GetStatus=dict(STATUS, verdict="ok", summary="No leak: 1 port watched.",
                                  alertsRaised=0, alertsPending=1),
             ListAlerts={"alerts": [PENDING], "total": 1, "truncated": False})


def when_terminal_goes(*args):
    """The exit status of twmonctl whose terminal is taken away once it has written something."""
    ours, theirs = pty.openpty()
    process = lab.spawn([lab.TWMONCTL, *args], stdin=subprocess.DEVNULL, stdout=theirs,
                        stderr=subprocess.DEVNULL)
    os.close(theirs)
    os.read(ours, 1)
    os.close(ours)
    try:
        return process.wait(10)
    except subprocess.TimeoutExpired:
        return lab.end(process) and "it went on"


# No server ---------------------------------------------------------------------------------------


def test_no_server(tap):
    path = lab.temp_dir() + "/none"
    for verb in "status", "ports":
        expect(tap, ctl(verb, "--socket", path), 3, ["not running", path, f"{verb} --once"],
               f"{verb} without twmond: 3, how to start it, and --once")
    for verb in "alerts", "watch", "reload":
        expect(tap, ctl(verb, "--socket", path), 3, ["not running", path],
               f"{verb} without twmond: 3 and how to start it")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path)
    dead.close()
    expect(tap, ctl("status", "--socket", path), 3, ["not running", "nobody serves"],
           "a socket that nobody serves: 3")
    for verb in "status", "alerts":
        lines = ctl(verb, "--socket", path).stderr.splitlines()
        tap.ok(len(lines) <= 3 and max(map(len, lines)) <= 80, f"{verb}: in short lines", lines)
    tap.equal(len(ctl("alerts", "--socket", path).stderr.splitlines()), 2, "two, without --once")
    commands = [line.rsplit(": ", 1)[-1] for line in ctl("status", "--socket", path).stderr.splitlines()[1:]]
    tap.equal(commands, [f"twmond --socket {path}", "twmonctl status --once"],
              "what is to be typed ends its line as it is typed")
    away = subprocess.run(["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /run && exec "$0" ports',
                           lab.TWMONCTL], capture_output=True, text=True, check=False, timeout=20)
    tap.equal([line.rsplit(": ", 1)[-1] for line in away.stderr.splitlines()[1:]],
              ["systemctl start twmond", "systemctl restart twmond.socket", "twmonctl ports --once"],
              "so it does without --socket")
    for other in __file__, lab.temp_dir():
        expect(tap, ctl("status", "--socket", other), 3, [other + " is not a socket", "--once"],
               "a path that is no socket: 3 and that it is none")
    result = ctl("version", "--json", "--socket", path)
    tap.ok(result.returncode == 0 and json.loads(result.stdout)["twmond"] is None,
           "version needs no twmond", result)


def test_usage(tap):
    for args, word in ([], "no verb"), (["frob"], "frob"), (["status", "--frob"], "--frob"), \
            (["ports", "0"], "65535"), (["ports", "--limit"], "--limit"), \
            (["status", "--socket", "/" + "x" * 107], "--socket"), (["alerts", "--once"], "--once"):
        result = ctl(*args)
        expect(tap, result, 2, [word, "twmonctl help"],
               f"wrong usage is 2 and a line that says it: {args}")
        topic = ["help", *[verb for verb in args[:1] if verb in ("status", "ports", "alerts")]]
        tap.equal(result.stderr.splitlines()[-1], f"Try: twmonctl {' '.join(topic)}", "and names a help")
        tap.equal(ctl(*topic).returncode, 0, "which there is")
    help_text = ctl("help")
    tap.ok(help_text.returncode == 0 and help_text.stdout == ctl("--help").stdout,
           "help and --help are the same", help_text)
    tap.equal(ctl("help", "ports").stdout, ctl("ports", "--help").stdout,
              "so are help VERB and VERB --help")
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([lab.TWMONCTL, "help"], stdout=full, stderr=subprocess.PIPE,
                                check=False, text=True)
    tap.ok(result.returncode == 1 and "No space" in result.stderr, "lost output is a failure",
           result)
    for lines in 1, 5000:  # whether it is the last write that fails, or one long before
        with Fake({"GetMetrics": {"text": "twmon_x 1\n" * lines}}) as fake, \
                open("/dev/full", "w", encoding="ascii") as full:
            result = subprocess.run([lab.TWMONCTL, "--socket", fake.path, "metrics"], stdout=full,
                                    stderr=subprocess.PIPE, check=False, text=True, timeout=20)
        tap.equal((result.returncode, result.stderr),
                  (1, "twmonctl: cannot write the output: No space left on device\n"),
                  f"of metrics of {lines} lines it is told why")


def test_default_path(tap):
    if os.path.exists("/run/twmon/control"):
        raise lab.Skip("a twmond of this host is running")
    with Fake(GOOD) as fake:
        directory = os.path.dirname(fake.path) + "/twmon"
        os.mkdir(directory)
        os.symlink(fake.path, directory + "/control")
        result = ctl("version", XDG_RUNTIME_DIR=os.path.dirname(fake.path))
        tap.ok("9.9" in result.stdout, "the user's own socket is found", result)


def test_once(tap):
    with socket.create_server(("127.0.0.1", 7865)) as server:
        made = []
        for _ in range(3):
            client = socket.create_connection(("127.0.0.1", 7865))
            made.append(server.accept()[0])
            client.close()
        result = ctl("ports", "--once", "--json", "7865")
        ports = json.loads(result.stdout)
        tap.ok(result.returncode == 0 and ports["partial"] is False and
               ports["ports"][0]["closeWait"] == 3, "ports --once counts 3 CLOSE_WAIT", result)
        lines = ctl("ports", "--once").stdout.splitlines()
        tap.ok(lines[0].startswith("One scan") and "scan" not in " ".join(lines[1:]),
               "of whose age nothing needs to be said", lines)
        result = ctl("status", "--once")
        tap.ok(result.returncode == 0 and "One scan, no history" in result.stdout.splitlines()[0]
               and "local:7865" in result.stdout, "status --once says what it is, exit 0", result)
        result = ctl("status", "--once", "--json")
        tap.equal(json.loads(result.stdout)["totals"]["closeWait"], 3, "and in JSON")
        for connection in made:
            connection.close()


# A good server -----------------------------------------------------------------------------------


def test_status(tap):
    with Fake(GOOD) as fake:
        result = fake.ctl("status")
        lines = result.stdout.splitlines()
        tap.ok(result.returncode == 1 and lines[0] == STATUS["summary"],
               "status: the verdict first, 1 while an alert is raised", result)
        text = result.stdout
        words = " ".join(text.split())
        tap.ok(0 < text.find("raised") < text.find("pending") < text.find("local:7865    yes"),
               "then raised alerts, pending ones, ports", text)
        tap.equal(text.count("Close what you open."), 1, "the same advice once")
        tap.ok("leaky.service (leaky, pid 812, 25 of 1024 descriptors, uid 1000)" in text and ">= 3h 12min" in text and
               "1min 5s" in text and "12 sockets without an age" in words and "1.2 ms" in words,
               "owner, lower bound, since, limits, cost", text)
        tap.ok("\033" not in text, "no colour in a pipe")
        result = fake.ctl("status", "--json")
        tap.ok(json.loads(result.stdout) == STATUS and result.returncode == 1 and
               result.stdout.count("\n") == 1, "--json is what twmond said, on one line", result)
    with Fake(QUIET) as fake:
        tap.equal(fake.ctl("status").returncode, 0, "a pending alert is no raised one: 0")


def test_limits(tap):
    limits = {"clientsRefused": 210, "clientsDropped": 1, "alerts": 2, "ports": 1, "tracked": 3,
              "malformed": 4, "journal": 5, "halfOpen": 1, "looksRefused": 7, "unsaved": 2,
              "history": 3,
              "newer": 6}
    status = dict(STATUS, limitsHit=limits, journalDelivered=False, journalQueued=1)
    with Fake(dict(QUIET, GetStatus=status)) as fake:
        text = " ".join(fake.ctl("status").stdout.split())
        tap.ok("limits hit: clients refused 210 times, clients dropped 1 time, "
               "2 alerts without room, 1 socket of ports without room, 3 sockets without an age, "
               "4 messages not understood, 5 journal entries lost, "
               "1 connection not seen for half-open, looks put off 7 times, "
               "2 ages not saved, 3 minutes missing from the history, newer 6; " in text,
               "limits are said in words", text)
        tap.ok("; no journal takes messages now, 1 waiting" in text,
               "and that the journal takes none", text)


def test_owners(tap):
    leaky = {"pid": 812, "comm": "leaky"}
    count, limit = {"fds": 25}, {"fds": 25, "fdLimit": 1024}

    def owner(unit="a.service", uid=1000, processes=(), **members):
        known = {"unit": unit, "uid": uid, "processes": processes, "processesTotal": 1,
                 "holders": True, "byListener": False, **members}
        return {name: value for name, value in known.items() if value is not None}

    for members, text in (
            (owner(processes=[leaky]), "a.service (leaky, pid 812, uid 1000)"),
            (owner(processes=[leaky | limit]),
             "a.service (leaky, pid 812, 25 of 1024 descriptors, uid 1000)"),
            (owner(processes=[leaky | count]), "a.service (leaky, pid 812, 25 descriptors, uid 1000)"),
            (owner(processes=[leaky | count | {"fdUnlimited": True}]),
             "a.service (leaky, pid 812, 25 descriptors without limit, uid 1000)"),
            (owner(uid=None, processes=[{"pid": 812}]), "a.service (pid 812)"),
            (owner(processes=[leaky | limit], processesTotal=4),
             "a.service (leaky, pid 812, 25 of 1024 descriptors, and 3 more processes, uid 1000)"),
            (owner(processes=[leaky], processesTotal=2),
             "a.service (leaky, pid 812, and 1 more process, uid 1000)"),
            (owner(processes=[leaky], processesTotal=4, holders=False),
             "a.service (leaky, pid 812, or one of 3 more processes, uid 1000)"),
            (owner(processes=[leaky], processesTotal=2, holders=False),
             "a.service (leaky, pid 812, or 1 more process, uid 1000)"),
            (owner(), "a.service (uid 1000)"), (owner(uid=None), "a.service"),
            (owner(uid=None, processes=None, byListener=True), "a.service, which listens"),
            (owner(processes=[leaky], userUnit=True, byListener=True),
             "a.service of a user (leaky, pid 812, uid 1000), which listens"),
            (owner(unit=None, processes=[leaky | limit]),
             "leaky (pid 812, 25 of 1024 descriptors, uid 1000), unit unknown"),
            (owner(unit=None, processes=[{"pid": 812}]),
             "pid 812, uid 1000, program and unit unknown"),
            (owner(unit=None, processes=None),
             "uid 1000, process and unit unknown (may be hidden from this twmond)"),
            ({}, "owner unknown")):
        alert = dict(ALERT, owner=members, stages={"unread": 2, "unclosed": 7, "unaccepted": 0})
        with Fake(dict(GOOD, ListAlerts={"alerts": [alert], "total": 1})) as fake:
            lines = fake.ctl("alerts").stdout.splitlines()
            tap.equal(lines[2:4], ["  " + text, "  7 unclosed, 2 unread"], f"{text}; and the stages")


def test_old_counts(tap):
    """The heading of ports tells what the numbers are worth."""
    ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 65))
    for members, text in (
            ({"failed": True, "scanError": "no netlink", "scannedAt": ago},
             "Cannot see now: no netlink. These counts are from 1min "),
            ({"failed": True, "scanError": "no netlink", "scannedAt": None, "ports": []},
             "Cannot see: no netlink. Nothing was seen since twmond started."),
            ({"failed": True}, "Cannot see now: the last scan failed. These counts are from "),
            ({"scanError": "it was interrupted"},
             "The last scan was not complete (it was interrupted): counts are lower bounds."),
            ({}, "The last scan was not complete: counts are lower bounds.")):
        with Fake(dict(GOOD, ListPorts={**LISTED, "partial": True, **members})) as fake:
            lines = fake.ctl("ports").stdout.splitlines()
            tap.ok(lines[0].startswith(text), text, lines)
            if "ports" in members:
                tap.equal(len(lines), 1, "and nothing else where nothing was seen")


def ago(hours, minutes):
    """Of that age, and for half a minute more of none that is shown otherwise."""
    then = time.time() - 3600 * hours - 60 * minutes - 20
    return time.strftime("%Y-%m-%dT%H:%M:%S.500Z", time.gmtime(then))


def test_scan_age(tap):
    """Below the tables of ports and alerts: how old the numbers are, in the words of status."""
    scanned, tw_count = ago(1, 12), dict(ALERT, kind="time-wait-count")
    steady = {"reason": "steady", "nextUsec": 27000000}
    estimate = {"timeWaitEstimated": True, "timeWaitAt": ago(2, 35)}
    port = dict(PORT, timeWaitEstimated=True)
    age, counted = "Last scan 1h 12min ago", r"TIME_WAIT counted 2h 35min ago, estimated \(~\) since"
    for name, schedule, totals, ports, alerts, pattern in (
            ("a quiet host", steady, {}, [PORT], [ALERT], age + r", next in 27s\."),
            ("a scan under way", {"nextUsec": 0, "reason": "due"}, {}, [PORT], [ALERT],
             age + r", next now\."),
            ("CPUBudget", {"nextUsec": 500000000, "reason": "budget"}, {}, [PORT], [ALERT],
             age + r", next in 8min 20s \(CPUBudget allows none before\)\."),
            ("an older twmond", None, None, [PORT], [ALERT], age + r"\."),
            ("an estimate", steady, estimate, [port], [tw_count],
             age + r", next in 27s; " + counted + r"\."),
            ("an estimate that others have joined", steady,
             dict(estimate, timeWait=7500, timeWaitNew=2930), [port], [tw_count],
             age + r", next in 27s; " + counted + "; of 7500 in all 2930 have come since, on ports "
             r"that the next count tells\."),
            ("an estimate of unknown age", steady, {"timeWaitEstimated": True}, [port], [tw_count],
             age + r", next in 27s; TIME_WAIT estimated \(~\)\."),
            ("an estimate that is not shown", steady, estimate, [], [ALERT],
             age + r", next in 27s\.")):
        status = dict(STATUS, scannedAt=scanned, schedule=schedule, totals=totals)
        with Fake(dict(GOOD, GetStatus=status, ListAlerts={"alerts": alerts, "total": 1},
                       ListPorts=dict(LISTED, ports=ports, scannedAt=scanned))) as fake:
            words = " ".join(fake.ctl("status").stdout.split())
            for verb in "ports", "alerts":
                result = fake.ctl(verb)
                last = result.stdout.splitlines()[-1]
                tap.ok(re.fullmatch(pattern, last) and not result.stderr, f"{verb}, {name}", result)
                pieces = re.split(r", (?=next)|; (?=TIME)| \(", last.strip(".")[1:])
                tap.ok(all(piece in words for piece in pieces), "as status says it", words)
    with Fake(dict(GOOD, ListAlerts={"alerts": []}, GetStatus=dict(STATUS, scannedAt=scanned))) \
            as fake:
        lines = fake.ctl("alerts").stdout.splitlines()
        tap.ok(len(lines) == 2 and re.fullmatch(age + r"\.", lines[1]), "where there is no alert, too",
               lines)
    with Fake(dict(GOOD, ListAlerts={"alerts": []}, GetStatus=dict(STATUS, scannedAt=None))) as fake:
        tap.equal(fake.ctl("alerts").stdout, "No alert is raised or pending.\nNo scan yet.\n",
                  "before the first scan nothing is known")


def only(method, reply, otherwise):
    """A server that replies to that method; to any other with those bytes, None: with the end."""
    def serve(connection, request):
        if request["method"] != MONITOR + method and not otherwise:
            return "close"
        connection.sendall(frame(reply) if request["method"] == MONITOR + method else otherwise)
        return None
    return serve


def test_scan_age_left_out(tap):
    """What the line about the scan's age must not say or cost."""
    status = dict(STATUS, scannedAt=ago(1, 11), schedule={"nextUsec": 27000000},
                  totals={"timeWaitEstimated": True, "timeWaitAt": ago(2, 35)})
    listed = dict(LISTED, scannedAt=ago(1, 12), ports=[dict(PORT, timeWaitEstimated=True)])
    last = r"Last scan 1h 12min ago; TIME_WAIT estimated \(~\)\."
    for name, answer in (("of another scan", frame(status)), ("an error", error("x.Y")),
                         ("garbage", b"x\0"), ("the end", None)):
        with Fake(only("ListPorts", listed, answer)) as fake:
            result = fake.ctl("ports")
            tap.ok(result.returncode == 0 and not result.stderr and
                   re.fullmatch(last, result.stdout.splitlines()[-1]),
                   f"a status that is no help, {name}: the age alone, and no failure", result)
    with Fake(dict(GOOD, GetStatus=dict(status, failed=True))) as fake:
        result = fake.ctl("alerts")
        tap.ok(result.returncode == 0 and "local:7865" in result.stdout and
               " scan " not in result.stdout, "alerts, the last scan failed: nothing of one before",
               result)
    with Fake(dict(GOOD, ListPorts=dict(listed, failed=True))) as fake:
        tap.ok("ast scan 1h" not in fake.ctl("ports").stdout,
               "once is enough: where the last scan failed, the heading says how old they are")
    with Fake(dict(GOOD, ListPorts={"ports": [], "partial": True})) as fake:
        tap.equal(fake.ctl("ports").stdout, "twmond has not scanned yet.\n",
                  "nothing was scanned: nothing is old")
    for verb, method in ("ports", "ListPorts"), ("alerts", "ListAlerts"):
        with Fake(GOOD) as fake:
            tap.equal(json.loads(fake.ctl(verb, "--json").stdout), GOOD[method],
                      f"{verb} --json is what it was")
            tap.equal(len(fake.requests), 1, "and asks nothing more")


def test_scan_age_fails(tap):
    """alerts without its last line: the rest is there, at once."""
    with Fake(GOOD) as fake:
        whole = fake.ctl("alerts").stdout.splitlines()[:-1]
    for name, status in ("an error", error("x.Y")), ("garbage", b"x\0"), ("the end", None):
        with Fake(only("ListAlerts", GOOD["ListAlerts"], status)) as fake:
            result = fake.ctl("alerts")
            tap.ok(result.returncode == 0 and not result.stderr and
                   result.stdout.splitlines() == whole,
                   f"alerts, a status that is no help, {name}: no age, and no failure", result)


def test_scan_age_stalls(tap):
    def stalls(connection, request):
        method = request["method"].removeprefix(MONITOR)
        if method != "GetStatus":
            connection.sendall(frame(GOOD[method]))
    for verb in "ports", "alerts":
        with Fake(stalls) as fake:
            process = lab.spawn([lab.TWMONCTL, verb, "--socket", fake.path],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL)
            before = time.monotonic()
            first = os.read(process.stdout.fileno(), 65536)
            took = time.monotonic() - before
            tap.ok(b"local:7865" in first and took < 3,
                   f"{verb}: a status that stalls holds back nothing", f"{took:.1f} s, {first}")
            tap.equal(process.wait(10), 0, "and is no failure")
            process.stdout.close()


def test_narrow(tap):
    words = "many words that say what it means and what to do about it, " * 5
    stages = ["unread", "unclosed", "eofUnread", "unaccepted"]
    alert = dict(ALERT, advice=words, stage="unclosed", stageAdvice=words, reason=words,
                 sinceSec=659, stages=dict.fromkeys(stages, 10**12),
                 owner=dict(ALERT["owner"], unit="x" * 90))
    status = dict(STATUS, summary="LEAKING: " + words, scanError=words, journalDelivered=False,
                  limitsHit=dict.fromkeys(["clientsRefused", "ports", "tracked", "alerts"], 10**6))
    port = dict(PORT, side="remote", port=65535)
    table = {"GetStatus": status, "ListAlerts": {"alerts": [alert], "total": 1},
             "ListPorts": dict(LISTED, ports=[port], total=1000, partial=True, scanError=words)}

    def answer(connection, request):
        method = request["method"].removeprefix(MONITOR)
        if method == "Watch":
            event = {"sequence": 1, "event": "raised", "at": "2026-01-31T12:00:00.000Z",
                     "message": words, "alert": alert}
            connection.sendall(frame({"sequence": 1, "event": event}))
            return "close"
        connection.sendall(frame(table[method]))
        return None
    runs = [["help", verb] for verb in ("status", "ports", "why", "destinations", "alerts",
                                     "watch", "reload", "version")]
    with Fake(answer) as fake:
        for args in runs + [["help"], ["alerts"], ["ports"], ["watch"]]:
            text, _ = in_terminal(*args, "--no-color", "--socket", fake.path)
            wide = [line for line in text.splitlines() if len(line) > 80]
            tap.ok(text and not wide, f"80 columns are enough for {args}", wide)
    with Fake(table) as fake:
        text, _ = in_terminal("status", "--no-color", "--socket", fake.path)
        wide = [line for line in text.splitlines() if len(line) > 80]
        tap.ok(text and not wide, "and for status", wide)
        lines = fake.ctl("status").stdout.splitlines()
        tap.equal(lines[0], status["summary"], "without a terminal the verdict is one line")
        wide = [line for line in lines[1:] if len(line) > 100 and "The last scan" not in line
                and "xxx" not in line]
        tap.equal(wide, [], "and prose takes 100 columns")


def test_terminal(tap):
    with Fake(GOOD) as fake:
        text, status = in_terminal("status", "--socket", fake.path)
        tap.ok(status == 1 and text.startswith("\033[33mLEAKING\033[0m"), "a terminal has colours",
               text)
        text, _ = in_terminal("alerts", "--socket", fake.path, columns=30)
        tap.ok("\n  leaky.service (leaky, pid 8…\n" in text, "a long owner is shortened", text)
        for args, variables in (["--no-color"], {}), ([], {"NO_COLOR": "1"}), ([], {"TERM": "dumb"}):
            text, _ = in_terminal("status", "--socket", fake.path, *args, **variables)
            tap.ok("\033" not in text and "LEAKING" in text, f"no colour: {args} {variables}", text)
        text, _ = in_terminal("status", "--socket", fake.path, NO_COLOR="")
        tap.ok("\033" in text, "an empty NO_COLOR means nothing")
        text, _ = in_terminal("alerts", "--socket", fake.path, "--no-color", columns=30, LC_ALL="C")
        tap.ok(text.isascii() and "..." in text, "ASCII alone where the locale is no UTF-8", text)
        text, _ = in_terminal("ports", "--json", "--socket", fake.path)
        tap.ok(json.loads(text) == LISTED and text.startswith('{\n  "ports": [\n    {\n      "'),
               "JSON is indented on a terminal", text)
        text, _ = in_terminal("alerts", "--json", "--socket", fake.path)
        tap.ok(json.loads(text) == GOOD["ListAlerts"] and "\n  " in text, "alerts too", text)


def many_ports(connection, request):
    """300 replies of 256 ports and one of the last 10; numbers get wider as they come."""
    del request
    for i in range(301):
        ports = [dict(PORT, port=1 + (i * 256 + j) % 65535, timeWait=10 ** (i // 40))
                 for j in range(256 if i < 300 else 10)]
        connection.sendall(frame({"ports": ports, "total": 76810, "truncated": i < 300,
                                  "partial": True, "scannedAt": "2026-01-31T12:00:00.000Z"},
                                 continues=i < 300))


def test_many_ports(tap):
    with Fake(many_ports) as fake:
        result = fake.ctl("ports", "--all", "--limit", "100000")
        lines = result.stdout.splitlines()
        tap.equal(fake.requests[0], {"method": MONITOR + "ListPorts", "more": True, "parameters":
                                     {"all": True, "limit": 100000}}, "ports asks with more")
        tap.ok("lower bounds" in lines[0], "a partial scan is said first")
        tap.equal(len(lines), 2 + 76810 + 1, "every port has its line")
        tap.equal({len(line) for line in lines[1:-1]}, {len(lines[1])}, "and all of them align")
        listed = json.loads(fake.ctl("ports", "--json").stdout)
        tap.ok(len(listed["ports"]) == 76810 and listed["truncated"] is False and
               listed["total"] == 76810 and listed["partial"] is True,
               "in JSON they are one list, the rest as in the last reply")
        reader = subprocess.run(f"{lab.TWMONCTL} --socket {fake.path} ports | head -1",
                                shell=True, capture_output=True, text=True, check=False)
        tap.equal(reader.stderr, "", "a reader that ends early is no error")


def events(connection, request):
    connection.sendall(frame({"sequence": 4, "missed": 2}, continues=True))
    for sequence in 5, 6:
        event = {"sequence": sequence, "event": "raised", "at": "2026-01-31T12:00:00.000Z",
                 "messageId": "0" * 32, "message": f"event {sequence}", "alert": ALERT}
        connection.sendall(frame({"sequence": sequence, "event": event}, continues=True))
    return "close" if request["parameters"].get("after") == 1 else None


def test_watch(tap):
    with Fake(events) as fake:
        result = fake.ctl("watch", "--after", "1")
        expect(tap, result, 3, ["closed the connection", "watch --after 6\n"],
               "watch: 3 when twmond goes away, and how to go on")
        lines = result.stdout.splitlines()
        tap.ok(len(lines) == 3 and lines[0].startswith("2 earlier events") and
               lines[1] == "2026-01-31T12:00:00.000Z  event 5", "one line per event", result)
        lines = fake.ctl("watch", "--after", "1", "--json").stdout.splitlines()
        tap.equal([json.loads(line).get("missed", json.loads(line)["sequence"]) for line in lines],
                  [2, 5, 6], "one object per line")
        process = lab.spawn([lab.TWMONCTL, "watch", "--socket", fake.path, "--after", "3"],
                            stdout=subprocess.PIPE, text=True)
        lines = [process.stdout.readline() for _ in range(3)]
        tap.ok("event 6" in lines[2], "events are written as they come", lines)
        tap.equal(lab.end(process, signal.SIGINT), 0, "Ctrl-C ends watch with 0")


def scans(connection, request):
    if request["method"] != MONITOR + "Watch":
        connection.sendall(frame(GOOD[request["method"].removeprefix(MONITOR)]))
        return
    event = {"sequence": 1, "event": "raised", "message": "x", "alert": ALERT}
    connection.sendall(frame({"sequence": 0}, continues=True))
    for parameters in {"scannedAt": "2026-01-31T12:00:00.000Z"}, {"event": event}, \
            {"scannedAt": "2026-01-31T12:00:10.000Z"}, {"scannedAt": "2026-01-31T12:00:20.000Z"}:
        connection.sendall(frame({"sequence": 1, **parameters}, continues=True))


def test_live(tap):
    with Fake(scans) as fake:
        result = fake.ctl("status", "--live", "--count", "2")
        tap.ok(result.returncode == 0 and result.stdout.count("LEAKING") == 2 and
               "\033" not in result.stdout,
               "--live: a table per scan, none for events and before the first scan; 0", result)
        lines = fake.ctl("status", "--live", "--count", "3", "--json").stdout.splitlines()
        tap.equal([json.loads(line) for line in lines], [STATUS] * 3, "in JSON a line each")
        text, _ = in_terminal("status", "--live", "--count", "2", "--socket", fake.path)
        tap.equal(text.count("\033[H\033[2J"), 2, "a terminal is cleared before each")
        process = lab.spawn([lab.TWMONCTL, "status", "--live", "--socket", fake.path],
                            stdout=subprocess.PIPE, text=True)
        process.stdout.readline()
        tap.equal(lab.end(process, signal.SIGINT), 0, "Ctrl-C ends it with 0")


def test_terminal_goes(tap):
    def answer(connection, request):
        if request["method"] != MONITOR + "Watch":
            connection.sendall(frame(GOOD[request["method"].removeprefix(MONITOR)]))
            return
        event = {"sequence": 1, "event": "raised", "message": "x", "alert": ALERT}
        while True:
            connection.sendall(frame({"sequence": 1, "event": event}, continues=True))
            connection.sendall(frame({"sequence": 1, "scannedAt": STATUS["scannedAt"]},
                                     continues=True))
            time.sleep(0.05)
    with Fake(answer) as fake:
        for args in ["status", "--live"], ["status", "--live", "--json"], ["watch"], \
                ["watch", "--json"]:
            tap.equal(when_terminal_goes(*args, "--socket", fake.path), 1,
                      f"{' '.join(args)} ends when its terminal is gone")


def test_refused(tap):
    path = lab.temp_dir() + "/control"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(16)

    def refuse():
        while True:
            connection, _ = listener.accept()
            connection.sendall(error(MONITOR + "TooManyClients"))
            connection.close()
    threading.Thread(target=refuse, daemon=True).start()
    for args in ["status"], ["ports"], ["alerts"], ["watch"], ["reload"], ["status", "--live"]:
        for _ in range(5):  # whoever is first: the end of the connection, or the request
            result = ctl(*args, "--socket", path)
            if result.returncode != 3 or "too many clients" not in result.stderr:
                break
        expect(tap, result, 3, ["too many clients at the moment; try again"],
               f"{' '.join(args)} where there is no room: 3 and why")
    result = ctl("version", "--socket", path)
    tap.ok(result.returncode == 0 and "too many clients" in result.stdout, "version says so, too",
           result)


def test_errors(tap):
    answers = {
        "an error of a configuration": (
            error(MONITOR + "ConfigurationInvalid", errors="a.conf:3: bad\na.conf:4: worse\x1b[m"),
            ["a.conf:3: bad\n", "a.conf:4: worse\\x1b", "keeps"]),
        "no permission": (error(MONITOR + "PermissionDenied"), ["only root"]),
        "an error that nobody knows": (error("x.Y\x1b[2J", why="\u202e"), ["x.Y\\x1b[2J"]),
    }
    for name, (answer, words) in answers.items():
        with Fake(answer) as fake:
            result = fake.ctl("reload")
            expect(tap, result, 1, words, f"reload, {name}: 1 and a message")
            tap.ok(clean(result.stderr), "and nothing unprintable", repr(result.stderr))
    with Fake(GOOD) as fake:
        tap.equal(fake.ctl("reload", "--json").stdout, "{}\n", "reload --json that went well")


def test_acknowledge(tap):
    with Fake(GOOD) as fake:
        result = fake.ctl("acknowledge", "7865")
        tap.ok(result.returncode == 0 and result.stdout == "acknowledged: close-wait-stuck (warning)"
               " of local:7865, leaky.service (leaky, pid 812)\n", "acknowledge PORT", result)
        tap.equal([request["method"].removeprefix(MONITOR) for request in fake.requests],
                  ["ListAlerts", "Acknowledge"], "asks which alerts there are first")
        tap.equal(fake.requests[-1]["parameters"], {"key": ALERT["key"], "undo": False},
                  "and then by the key")
        for words in ["9"], ["remote:7865"], ["host"], ["7865", "--undo"]:
            expect(tap, fake.ctl("acknowledge", *words), 1, ["no alert of "],
                   f"acknowledge {words}: 1, nothing is there")
        fake.requests.clear()
        fake.ctl("acknowledge", ALERT["key"], "--comment", "a b", "--undo")
        tap.equal([request.get("parameters") for request in fake.requests],
                  [{"key": ALERT["key"], "comment": "a b", "undo": True}], "a key needs no asking")
    for name, words in ("NoSuchAlert", ["neither raised nor pending"]), \
            ("NotRaised", ["pending"]), ("PermissionDenied", ["only root"]):
        with Fake(error(MONITOR + name, key=ALERT["key"])) as fake:
            expect(tap, fake.ctl("acknowledge", ALERT["key"]), 1, words, f"{name}: 1 and why")
    many = {"alerts": [SEEN, dict(SEEN, key="a", acknowledged=None), PENDING], "total": 300,
            "truncated": True}
    with Fake(dict(GOOD, ListAlerts=many)) as fake:
        tap.equal(len(fake.ctl("acknowledge", "local:7865").stdout.splitlines()), 2,
                  "a line for each raised alert of the port")
        tap.equal(len(fake.ctl("acknowledge", "7865", "--undo").stdout.splitlines()), 1,
                  "--undo: those that were acknowledged")
        tap.equal(fake.ctl("acknowledge", "7865").stderr, "", "all that are raised were listed")
        text = fake.ctl("alerts").stdout
        tap.equal(text.count("ago by uid 33: known\n"), 1, "alerts shows the comment")
    with Fake(dict(GOOD, ListAlerts=dict(many, alerts=[SEEN, SEEN]))) as fake:
        expect(tap, fake.ctl("acknowledge", "7865"), 0, ["only the worst 2 alerts"],
               "where not all of them were, it is said")


def test_percent(tap):
    """A number whose level is a percentage is one, and says of what."""
    full = dict(ALERT, kind="port-exhaustion", side="remote", port=5432, count=81, owner=None,
                destination={"source": "10.0.0.1", "address": "192.0.2.7", "port": 5432, "used": 810,
                             "reusable": 0, "usable": 1000, "errorMax": 0, "etaSec": 200})
    table = dict(ALERT, kind="time-wait-table", side="host", port=0, count=97, owner=None)
    with Fake(dict(GOOD, ListAlerts={"alerts": [full, table, ALERT], "total": 3})) as fake:
        text = fake.ctl("alerts").stdout
        for row in r"port-exhaustion +remote:5432 +81% ", r"time-wait-table +host +97% ", \
                   r"close-wait-stuck +local:7865 +100 ":
            tap.ok(re.search(row, text), row, text)
        tap.ok("towards 192.0.2.7 from 10.0.0.1: 810 of 1000 local ports, connect() fails in "
               "3min 20s\n" in text, "towards whom, and how long that goes", text)


def test_at_least(tap):
    """Of sockets beyond MaxTracked nobody knows the age: more may be stuck than the number says."""
    bound = {"stuckAtLeast": True, "closeWait": 120, "stuck": 100}
    count = dict(ALERT, **bound, kind="close-wait-count", port=9, count=77)
    alerts = {"alerts": [dict(ALERT, **bound), count], "total": 2, "truncated": False}
    fresh = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    status = dict(STATUS, scannedAt=fresh, schedule={"gapUsec": 10000000})
    listed = dict(LISTED, ports=[dict(PORT, **bound)], scannedAt=fresh)
    with Fake(dict(GOOD, GetStatus=status, ListAlerts=alerts, ListPorts=listed, GetHistory={},
                   ListDestinations={})) as fake:
        for verb, patterns in (
                ("ports", (r"local:7865 .* >= 100 ",)),
                ("alerts", (r"close-wait-stuck +local:7865 +>= 100 ", r"close-wait-count +local:9 +77 ")),
                ("check", (r"close-wait-stuck on local:7865: at least 100, ", r"close-wait-count on local:9: 77, ")),
                ("report", (r"Number *&gt;= 100", r"of them stuck: &gt;= 100", r"Number *77 "))):
            text = re.sub(r"(<[^>]*>|\s)+", " ", fake.ctl(verb).stdout)
            for pattern in patterns:
                tap.ok(re.search(pattern, text), f"{verb}: {pattern}", text[:6000])


def test_events(tap):
    events = [dict(EVENT, sequence=n, alert=dict(ALERT, port=port))
              for n, port in enumerate((7865, 9, 7865, 9))]
    with Fake(dict(GOOD, ListEvents={"events": events, "lost": 2, "truncated": True})) as fake:
        lines = fake.ctl("events").stdout.splitlines()
        tap.ok(len(lines) == 2 + 4 and lines[0].startswith("2 events made room") and
               "earlier ones" in lines[1], "events says what is missing", lines)
        tap.ok("  raised       close-wait-stuck  local port" in lines[-1], "and of which kind each is",
               lines[-1])
        tap.equal(len(fake.ctl("events", "9").stdout.splitlines()), 2 + 2, "of one port")
        result = fake.ctl("events", "local:9", "--last", "1", "--json")
        tap.equal([item["sequence"] for item in json.loads(result.stdout)["events"]], [3],
                  "its newest one")
        tap.equal(fake.requests[-1].get("parameters"), {}, "chosen here")
        fake.ctl("events", ALERT["key"], "--last", "3")
        tap.equal(fake.requests[-1]["parameters"], {"key": ALERT["key"], "limit": 3},
                  "those of a key by twmond")


# A bad server ------------------------------------------------------------------------------------


def drip(connection, request):
    del request
    while True:
        connection.sendall(b" ")
        time.sleep(0.5)


def endless(connection, request):
    del request
    while True:
        connection.sendall(b"x" * 65536)


def test_garbage(tap):
    whole = frame(STATUS)
    answers = {
        "no JSON": b"HTTP/1.1 400 Bad Request\r\n\r\n\0",
        "binary": bytes(range(255, -1, -1)),
        "an array": b"[]\0",
        "an empty frame": b"\0",
        "parameters that are a list": b'{"parameters":[1]}\0',
        "an error that is a number": b'{"error":1}\0',
        "a key twice": b'{"parameters":{},"parameters":{}}\0',
        "no UTF-8": b'{"parameters":{"summary":"\xff"}}\0',
        "a deep nest": b'{"parameters":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}\0",
        "no end": endless,
        "a reply above the limit": frame({"summary": "x" * REPLY_MAX}),
    }
    for name, answer in answers.items():
        with Fake(answer) as fake:
            for verb in "status", "ports":
                expect(tap, fake.ctl(verb), 3, ["protocol"], f"{verb}, {name}: 3 and why")

    def half(connection, _):
        connection.sendall(whole[:len(whole) // 2])
        return "close"
    for name, answer in ("half a frame", half), ("nothing", lambda *_: "close"):
        with Fake(answer) as fake:
            for verb in "status", "ports", "alerts", "watch", "reload":
                expect(tap, fake.ctl(verb), 3, ["closed the connection"],
                       f"{verb}, {name} and the end: 3 and why")


def test_slow(tap):
    hang = lambda connection, request: None
    for name, answer in ("hangs", hang), ("drips", drip):
        with Fake(answer) as fake:
            before = time.monotonic()
            expect(tap, fake.ctl("status"), 3, ["does not answer"], f"a server that {name}: 3")
            took = time.monotonic() - before
            tap.ok(4.5 < took < 8, "after 5 s", f"{took:.1f} s")
    full = socket.socket(socket.AF_UNIX)
    path = lab.temp_dir() + "/control"
    full.bind(path)
    full.listen(0)
    queued = []
    for _ in range(16):
        one = socket.socket(socket.AF_UNIX)
        one.setblocking(False)
        queued.append(one)
        try:
            one.connect(path)
        except BlockingIOError:
            break
    expect(tap, ctl("status", "--socket", path), 3, ["does not answer"],
           "a server that accepts nobody: 3")
    for one in queued + [full]:
        one.close()


def test_pieces(tap):
    def bytewise(connection, request):
        for byte in frame(GOOD[request["method"].removeprefix(MONITOR)]):
            connection.sendall(bytes([byte]))
    with Fake(bytewise) as fake:
        tap.equal(fake.ctl("status", "--json").stdout, json.dumps(STATUS, separators=(",", ":"))
                  + "\n", "a reply byte by byte is whole")


def twisted(value, depth=0):
    """Every value replaced by those of other types, one at a time."""
    others = [None, True, -1, 1.5, "", "x", HOSTILE, [], [1, "x", None, []], {}, {"a": {}}, 2**63 - 1]
    for key in list(value):
        for other in others:
            yield {**value, key: other}
        if isinstance(value[key], dict) and depth < 2:
            for inner in twisted(value[key], depth + 1):
                yield {**value, key: inner}


def test_wrong_types(tap):
    """One server, a different reply each time; the client never crashes and never lets a control
    character through."""
    bad = []
    current = {}
    with Fake(lambda connection, request: connection.sendall(
            frame(current["table"][request["method"].removeprefix(MONITOR)]))) as fake:
        tables = [(["status"], dict(GOOD, GetStatus=one)) for one in twisted(STATUS)]
        tables += [(["alerts"], dict(GOOD, ListAlerts={"alerts": [one], "total": 1}))
                   for one in twisted(ALERT)]
        tables += [(["ports"], dict(GOOD, ListPorts=dict(LISTED, ports=[one])))
                   for one in twisted(PORT)]
        tables += [(["events"], dict(GOOD, ListEvents={"events": [one]})) for one in twisted(EVENT)]
        tables += [(["alerts"], dict(GOOD, ListAlerts={"alerts": [one]})) for one in twisted(SEEN)]
        tables += [(["acknowledge", ALERT["key"]], dict(GOOD, Acknowledge={"alert": one}))
                   for one in twisted(SEEN)]
        for verb, method, reply in ("ports", "ListPorts", LISTED), \
                ("alerts", "ListAlerts", GOOD["ListAlerts"]), \
                ("events", "ListEvents", GOOD["ListEvents"]):
            tables += [([verb], dict(GOOD, **{method: one})) for one in twisted(reply)]
            tables += [([verb, "--json"], dict(GOOD, **{method: one})) for one in twisted(reply)]
        step = max(1, len(tables) // 250)
        for args, table in tables[::step] if step > 1 else tables:
            current["table"] = table
            result = fake.ctl(*args)
            text = result.stdout + result.stderr
            fine = json.loads(result.stdout) is not None if "--json" in args else clean(text)
            if result.returncode not in (0, 1) or result.stderr or not fine:
                bad.append((args, table, result.returncode, text))
    tap.ok(not bad, "wrong types and hostile texts anywhere: no crash, nothing unprintable",
           bad[:1])
    strange = {name: {key: HOSTILE for key in reply} for name, reply in GOOD.items()}
    with Fake(strange) as fake:
        text, _ = in_terminal("status", "--json", "--socket", fake.path)
        tap.ok(clean(text), "JSON on a terminal is plain ASCII", repr(text))
        text, _ = in_terminal("status", "--no-color", "--socket", fake.path)
        tap.ok(all(char == "\n" or char.isprintable() for char in text), "so is text printable",
               repr(text))


lab.run(test_no_server, test_usage, test_default_path, test_once, test_status, test_limits,
        test_owners, test_old_counts, test_scan_age, test_scan_age_left_out, test_scan_age_fails,
        test_scan_age_stalls, test_narrow, test_terminal, test_many_ports, test_watch, test_live,
        test_terminal_goes, test_refused, test_errors, test_acknowledge, test_percent, test_at_least, test_events, test_garbage,
        test_slow, test_pieces, test_wrong_types, limit=180)
