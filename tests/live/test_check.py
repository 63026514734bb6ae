#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl check as a monitoring system calls it: a live leak through every state, the thresholds of
the guidelines, negate(1) of the Monitoring Plugins around it, and twmonds that are away, blind, late,
slow or hostile. Each answer is one line of the form that the guidelines prescribe, and nothing is on
standard error."""

import json
import os
import re
import signal
import socket
import subprocess
import time

import lab
from fake import Fake, ctl, error
import makers

STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]
RANGE = r"(?:@?(?:(?:~|-?\d+(?:\.\d+)?):)?(?:-?\d+(?:\.\d+)?)?)"
PERF = re.compile(rf"[a-z_]+=(?:U|\d+(?:\.\d+)?(?:s|%)?)(?:;{RANGE};{RANGE};0(?:;100)?)")
LINE = re.compile(r"TWMON (OK|WARNING|CRITICAL|UNKNOWN) - ([^|\n]+?)(?: \| ([^|\n]+))?\n")
CONFIG = """[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=3
StuckCritical=8
[Alerts]
RaiseAfter=0s
"""
PORT = 7865
NEGATE = next((path for path in ("/usr/lib/nagios/plugins/negate", "/usr/lib64/nagios/plugins/negate",
                                 "/usr/lib/monitoring-plugins/negate") if os.path.exists(path)), None)

ALERT = {"key": "close-wait-stuck:-:local:7865:-", "kind": "close-wait-stuck", "side": "local",
         "port": PORT, "severity": "warning", "state": "raised", "count": 100, "oldestSec": 11520,
         "oldestAtLeast": True}


def now(offset=0.0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + offset))


def answers(alerts=(), ports=(), **members):
    status = {"verdict": "ok", "scannedAt": now(), "partial": False, "schedule": {"gapUsec": 10000000},
              "totals": {"stuck": 3, "closeWait": 4, "timeWait": 5, "timeWaitAt": now()}, **members}
    return {"GetStatus": status,
            "ListAlerts": {"alerts": list(alerts), "total": len(alerts), "truncated": False},
            "ListPorts": {"ports": list(ports), "total": len(ports), "truncated": False}}


def shape(result):
    """What is wrong with how it answered, or nothing."""
    line = LINE.fullmatch(result.stdout)
    if not line:
        return "no such line"
    if STATES.index(line[1]) != result.returncode:
        return "the word is not the exit status"
    if line[3] and not all(PERF.fullmatch(item) for item in line[3].split(" ")):
        return "performance data of another form"
    return result.stderr and "something on standard error"


def expect(tap, result, state, words, name):
    """state: a word of STATES; words: patterns that the line has."""
    wrong = shape(result)
    tap.ok(not wrong and STATES[result.returncode] == state and
           all(re.search(word, result.stdout) for word in words), f"{state}: {name}",
           f"{wrong or ''}\nexit {result.returncode}, wanted {state} and {words}\n{result.stdout}"
           f"{result.stderr}")


# Against twmond ----------------------------------------------------------------------------------


def test_live(tap):
    with lab.Daemon(CONFIG) as daemon, makers.listener(PORT) as server:
        expect(tap, daemon.ctl("check"), "OK", ["no alert is raised", r"\balerts=0;;;0 stuck=0;"],
               "a quiet host")
        leaked = [makers.close_wait(PORT, 4, server=server)]
        lab.must(lambda: daemon.wait_alert("close-wait-stuck", PORT, "raised", 10), "the alert")
        for args in (), (str(PORT),), (f"local:{PORT}",), (f"close-wait-stuck:-:local:{PORT}:-",):
            expect(tap, daemon.ctl("check", *args), "WARNING",
                   [f"close-wait-stuck on local:{PORT}: 4", r"pid \d+", r"\balerts=1;;;0"],
                   f"a leak, asked with {args}")
        for args in (f"remote:{PORT}",), ("9",):
            expect(tap, daemon.ctl("check", *args), "OK", ["no alert is raised about"],
                   f"not of {args}")
        expect(tap, daemon.ctl("check", "host"), "OK",
               [r"no host-wide alert is raised \(alerts of ports: 1\); stuck in CLOSE_WAIT: 4"],
               "of the host as a whole, while a port has one")
        held(tap, daemon)
        negated(tap, daemon)
        leaked.append(makers.close_wait(PORT, 6, server=server))
        lab.must(lambda: daemon.ctl("check").returncode == 2, "CRITICAL", 15)
        expect(tap, daemon.ctl("check", str(PORT)), "CRITICAL", [f"local:{PORT}: 10"], "it grew")
        late(tap, daemon)
        away(tap, daemon)
        for held_open in leaked:
            held_open.close()


def held(tap, daemon):
    """The four connections against every form of a threshold; ss(8) is the oracle of the number."""
    count = lab.ss_count("close-wait", local=PORT)
    tap.equal(count, 4, "ss counts four")
    for args, state, words in (
            (["-w", "4"], "OK", ["stuck=4;4;;0"]),
            (["-w", "3"], "WARNING", ["stuck=4;3;;0", "warning is 3"]),
            (["-w", "3", "-c", "3"], "CRITICAL", ["stuck=4;3;3;0"]),
            (["-w", "5:"], "WARNING", ["stuck=4;5:;;0"]),
            (["-c", "~:3"], "CRITICAL", ["critical is ~:3"]),
            (["-c", "@4:4"], "CRITICAL", ["stuck=4;;@4:4;0"]),
            (["-w", "@5:9"], "OK", ["stuck=4;@5:9;;0"]),
            (["-w", "3", "--metric", "close-wait"], "WARNING", ["close_wait=4;3;;0"]),
            (["-c", "0", "--metric", "oldest"], "CRITICAL", [r"oldest=[1-9]\d*s;;0;0"]),
            (["-c", "9", "--metric", "time-wait"], "OK", ["time_wait=0;;9;0"])):
        for port in [], [str(PORT)], [f"local:{PORT}"]:
            expect(tap, daemon.ctl("check", *port, *args), state, words, " ".join(port + args))
    expect(tap, daemon.ctl("check", "-c", "95", "--metric", "time-wait-table"), "OK",
           [r"time_wait_table=0\.\d%;;95;0;100"], "the table of TIME_WAIT")
    expect(tap, daemon.ctl("check", f"remote:{PORT}", "-w", "0"), "OK", ["stuck=0;0;;0"],
           "the other side has none")


def negated(tap, daemon):
    """The real negate(1) runs it, finds its word, and turns the states round."""
    if not NEGATE:  # no reason to leave out what comes after it
        tap.skip("negate", "negate of the Monitoring Plugins is missing")
        return

    def negate(*args, options=("-s",)):
        return subprocess.run([NEGATE, *options, "--", lab.TWMONCTL, "--socket", daemon.socket,
                               "check", *args], capture_output=True, text=True, timeout=30,
                              check=False)

    expect(tap, negate("-c", "3"), "OK", ["stuck in CLOSE_WAIT: 4"], "negate makes CRITICAL OK")
    expect(tap, negate("-c", "4"), "CRITICAL", ["stuck in CLOSE_WAIT: 4"], "negate makes OK CRITICAL")
    expect(tap, negate("-w", "3"), "WARNING", ["stuck=4;3;;0"], "negate leaves WARNING")
    expect(tap, negate("--frob"), "UNKNOWN", ["no option --frob"], "negate leaves UNKNOWN")
    expect(tap, negate("-w", "3", options=("-s", "-w", "CRITICAL")), "CRITICAL", ["stuck=4;3;;0"],
           "negate makes WARNING CRITICAL where it is told to")
    expect(tap, negate("--frob", options=("-s", "--unknown", "CRITICAL")), "CRITICAL", ["--frob"],
           "and UNKNOWN likewise")
    daemon.signal(signal.SIGSTOP)
    began = time.monotonic()
    result = negate("-t", "1", options=("-s", "-t", "5"))
    daemon.signal(signal.SIGCONT)
    expect(tap, result, "UNKNOWN", ["no answer within 1s"], "the check is the first to give up")
    tap.ok(time.monotonic() - began < 4, "and soon", f"{time.monotonic() - began} s")


def late(tap, daemon):
    """twmond stopped: nothing in it can answer."""
    daemon.signal(signal.SIGSTOP)
    for args, least, most, words in (["-t", "500ms"], 0.4, 3, ["no answer within 500ms"]), \
            (["-t", "1"], 0.9, 4, ["no answer within 1s"]), \
            ([], 4, 9, ["does not answer"]):
        began = time.monotonic()
        result = daemon.ctl("check", *args)
        took = time.monotonic() - began
        expect(tap, result, "UNKNOWN", words, f"a twmond that hangs, {args}")
        tap.ok(least <= took <= most, f"within the time, {args}", f"{took:.1f} s")
    daemon.signal(signal.SIGCONT)


def away(tap, daemon):
    lab.end(daemon.process)
    expect(tap, daemon.ctl("check"), "UNKNOWN", ["not running", daemon.socket], "a twmond that died")
    expect(tap, daemon.ctl("check", "--socket", daemon.socket + "x"), "UNKNOWN", ["no socket"],
           "a twmond that never was")
    tap.ok(shape(ctl("check", "--socket", __file__)) == "", "a path that is no socket")


# Usage, and answers of others --------------------------------------------------------------------


def test_usage(tap):
    for args in ["--frob"], ["-w"], ["-w", "20:10"], ["-c", "x"], ["0"], ["80", "81"], \
            ["--metric", "oldest"], ["-w", "1", "host"], ["--limit", "3"], ["-t", "0"]:
        expect(tap, ctl("check", *args), "UNKNOWN", [], f"wrong usage: {args}")
    expect(tap, ctl("--frob", "check"), "UNKNOWN", ["no option"], "wrong before the verb")
    for home in "/root:10", "/home/admin:", "/var/lib/nagios:5":
        expect(tap, ctl("check", "--socket", "/x", "-c", home), "UNKNOWN", ["critical", "shell", "quote"],
               f"a range that a shell has expanded: {home}")
    expect(tap, ctl("check", "-c", "/root"), "UNKNOWN", ["quoted, for the shell. ~:10"], "another path")
    shell = subprocess.run(["bash", "-c", '"$0" check --socket /x -c ~:10', lab.TWMONCTL], check=False,
                           capture_output=True, text=True, timeout=20, env={**os.environ, "HOME": "/root"})
    expect(tap, shell, "UNKNOWN", ["so quote it"], "as bash gives it")
    for option in "--help", "-h", "--version", "-V":
        result = ctl("check", option)
        tap.ok(result.returncode == 3 and result.stdout and not result.stderr,
               f"check {option} is UNKNOWN, as the guidelines have it", result)
    tap.equal(ctl("--version").returncode, 0, "of twmonctl itself it is no check")
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([lab.TWMONCTL, "check", "--socket", "/x"], stdout=full, check=False,
                                stderr=subprocess.DEVNULL)
    tap.equal(result.returncode, 3, "a line that is lost is UNKNOWN")


def test_what_is_not_known(tap):
    wrong = error("io.twmon.Monitor.TooManyClients")
    for answer, words, name in (
            (answers(scannedAt=None), ["seen nothing yet"], "no scan yet"),
            (answers(failed=True, verdict="unknown", scanError="EPERM"), ["cannot see: EPERM"],
             "the last scan failed"),
            (answers(scannedAt=now(-61)), ["has not looked for 1min"], "too old"),
            (answers(scannedAt=now(-301), schedule={"gapUsec": 150000000}), ["5min"],
             "too old, though scans are rare"),
            (answers([dict(ALERT, kind="blind", side="host", port=0, reason="no tcp_diag module")]),
             ["blind: no tcp_diag module"], "blind"),
            (wrong, ["TooManyClients"], "too many clients"), (b"{}\0", ["nothing"], "nothing"),
            (b"garbage\0", ["protocol"], "garbage"), (lambda *_: "close", ["closed"], "the end")):
        with Fake(answer) as fake:
            expect(tap, fake.ctl("check"), "UNKNOWN", words, name)
    with Fake(answers(scannedAt=now(-200), schedule={"gapUsec": 150000000})) as fake:
        expect(tap, fake.ctl("check"), "OK", [], "old, as scans that rare may be")
    with Fake(answers(partial=True)) as fake:
        expect(tap, fake.ctl("check"), "OK", ["did not see everything"], "partial, by the alerts")
        expect(tap, fake.ctl("check", "-w", "9"), "UNKNOWN", ["did not see everything"],
               "partial, and a number is wanted")
    with Fake(answers(totals={"stuck": 3, "closeWait": 4, "timeWait": 0})) as fake:
        expect(tap, fake.ctl("check", "-w", "9", "--metric", "time-wait"), "UNKNOWN",
               ["time_wait=U;9;;0"], "a number that was never counted")
    with Fake(answers(ports=[{"side": "local", "port": 80, "closeWait": 2}])) as fake:
        expect(tap, fake.ctl("check", "-w", "9", "--metric", "oldest", "80"), "UNKNOWN",
               ["oldest in CLOSE_WAIT on port 80: unknown", "oldest=U;9;;0"], "an unknown age")


def test_owner_is_of_the_side(tap):
    """A service of this host is not to blame for the connections to the same port elsewhere."""
    owner = {"byListener": True, "processes": [{"pid": 545, "comm": "httpd"}]}
    other = {"processes": [{"pid": 812, "comm": "crawler"}]}
    idle = {"side": "local", "port": PORT, "stuck": 0, "closeWait": 0, "timeWait": 0, "owner": owner}
    busy = dict(idle, side="remote", stuck=7, closeWait=8, timeWait=9, oldestSec=60, owner=other)
    quiet = dict(idle, side="remote", owner=None)
    for ports, metric, words in (
            ([idle, busy], "stuck", "crawler"), ([busy, idle], "oldest", "crawler"),
            ([idle, busy], "close-wait", "crawler"), ([idle, busy], "time-wait", ""),
            ([idle, dict(quiet, timeWait=9)], "time-wait", ""), ([idle, quiet], "stuck", ""),
            ([dict(idle, timeWait=5), quiet], "time-wait", "httpd"),
            ([dict(idle, stuck=5), dict(quiet, stuck=2)], "stuck", "httpd")):
        with Fake(answers(ports=ports)) as fake:
            result = fake.ctl("check", str(PORT), "-w", "1:", "--metric", metric)
        named = re.search(r"\((pid \d+)\)", result.stdout)
        tap.ok(not shape(result) and bool(named) == bool(words) and words in result.stdout,
               f"{metric} names {words or 'nobody'}", result.stdout)


def test_estimate(tap):
    """An estimate of TIME_WAIT gives no port more than it had: what was counted last decides."""
    def estimated(ago, counted, **members):
        totals = {"stuck": 0, "closeWait": 0, "timeWait": 1586, "timeWaitEstimated": True,
                  "timeWaitAt": now(-ago), **({} if counted is None else {"timeWaitCounted": counted})}
        port = {"side": "remote", "port": PORT, **totals}
        return answers(ports=[port, dict(port, side="local", timeWait=0, timeWaitEstimated=False)],
                       totals=totals, **members)

    for port in [], [str(PORT)]:
        args = ["check", *port, "-w", "1000", "-c", "2000", "--metric", "time-wait"]
        for answer, state, words, name in (
                (estimated(12, 3000), "CRITICAL", [": 3000 .counted 1[23]s ago.", "time_wait=3000;"],
                 "more were counted than are estimated"),
                (estimated(12, 900), "OK", [": 900 .counted 1[23]s ago.", "time_wait=900;"],
                 "fewer were counted"),
                (estimated(12, None), "UNKNOWN", ["unknown", "time_wait=U;"], "nobody has counted"),
                (estimated(61, 900), "UNKNOWN", ["unknown .counted 1min", "time_wait=U;"], "long ago"),
                (estimated(700, 900, schedule={"gapUsec": 600000000}), "OK",
                 ["counted 11min 4.s ago", "time_wait=900;"], "long ago, as scans that rare may be")):
            with Fake(answer) as fake:
                expect(tap, fake.ctl(*args), state, words, f"an estimate: {name}, {port}")
    with Fake(estimated(12, 3000)) as fake:
        expect(tap, fake.ctl("check"), "OK", ["in TIME_WAIT: 3000 .counted", "time_wait=3000;;;0"],
               "beside the alerts it is the count as well")


def test_slow(tap):
    """A byte now and then, and a queue that is full."""
    def drip(connection, _):
        for _ in range(100):
            connection.sendall(b" ")
            time.sleep(0.1)

    with Fake(drip) as fake:
        began = time.monotonic()
        expect(tap, fake.ctl("check", "-t", "1"), "UNKNOWN", ["no answer within 1s"], "a dripping one")
        tap.ok(time.monotonic() - began < 4, "in time")
    path = lab.temp_dir() + "/full"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX) for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(path)
        began = time.monotonic()
        expect(tap, ctl("check", "--socket", path, "-t", "1"), "UNKNOWN", ["no answer within 1s"],
               "a full queue")
        tap.ok(time.monotonic() - began < 4, "in time as well")
        for one in waiting:
            one.close()


def test_hostile_names(tap):
    comm = "a|b'c\"d`e$f\n<g>&h\x1b[2J\u202e;i"
    owner = {"unit": comm, "processes": [{"pid": 812, "comm": comm}]}
    alerts = [dict(ALERT, owner=owner, kind=comm)] * 9 + [dict(ALERT, state="pending",
                                                               severity="critical")]
    with Fake(answers(alerts)) as fake:
        result = fake.ctl("check")
        expect(tap, result, "WARNING", [r"a\\x7cb\\x27c\\x22d\\x60e\\x24f\\x0a\\x3cg\\x3e\\x26h",
                                        "and 6 more", "alerts=9;;;0"], "pipes and quotes in names")
        text = LINE.fullmatch(result.stdout)
        tap.ok(text and not set(text[2]) & set("|'\"`$&<>") and text[2].isprintable(),
               "are harmless", result)
        value = json.loads(fake.ctl("check", "--json").stdout)
        tap.ok(value["state"] == "WARNING" and value["text"] == (text and text[2]) and
               value["perfdata"] == (text and text[3]), "--json has the same", value)
    huge = dict(ALERT, kind="k" * 100000)
    with Fake(answers([huge])) as fake:
        result = fake.ctl("check")
        expect(tap, result, "WARNING", ["kkk", "alerts=1;;;0"], "a text without end")
        tap.ok(len(result.stdout) < 3000, "is cut", len(result.stdout))


lab.run(test_usage, test_what_is_not_known, test_owner_is_of_the_side, test_estimate, test_slow, test_hostile_names,
        test_live, limit=180)
