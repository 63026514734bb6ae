#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl why and destinations against a fake twmond, and why --try against real sockets: what it
says must be what bind() and listen() of a program then do."""

import contextlib
import json
import socket
import subprocess
import time

import lab
import makers
from fake import MONITOR, Fake, clean, ctl, error, expect, frame, in_terminal

OWNER = {"unit": "leaky.service", "uid": 33, "byListener": False, "holders": True,
         "processesTotal": 1, "processes": [{"pid": 812, "comm": "leaky", "fds": 25,
                                             "fdLimit": 1024}]}
TIME_WAIT = {"what": "time-wait", "address": "127.0.0.1", "state": "TIME-WAIT", "count": 1,
             "freeInSec": 58, "reuseHelps": "if-set"}
LISTENER = {"what": "listener", "address": "0.0.0.0", "state": "LISTEN", "count": 1,
            "reuseHelps": "no", "owner": OWNER}
STUCK = {"what": "connections", "address": "127.0.0.1", "state": "CLOSE-WAIT", "count": 12,
         "reuseHelps": "if-set", "owner": OWNER}


def judged(address, family, blockers, **members):
    known = {"address": address, "family": family, "canBind": not blockers, "freeInSec": None,
             "blockedBy": blockers, **members}
    return {name: value for name, value in known.items() if value is not None}


FREE = judged("::", "ipv6", [], canBindReuse=True, canBindReusePort=True, freeInSec=0)
ONE_SHOT = {
    "port": 7865, "seenAt": "2026-01-31T12:00:00.000Z", "partial": False, "canBind": False,
    "freeInSec": 58, "blockedBy": [TIME_WAIT],
    "binds": [judged("0.0.0.0", "ipv4", [TIME_WAIT], freeInSec=58),
              judged("::", "dual", [TIME_WAIT], freeInSec=58), FREE],
    "listeners": [], "listenersTotal": 0, "bound": 0,
    "connections": [{"side": "local", "total": 1, "states": {"timeWait": 1}, "orphans": 0,
                     "timeWaitLastSec": 58}],
    "ephemeral": False, "reserved": False, "privileged": False,
    "advice": ["Set SO_REUSEADDR on the listening socket before bind(), in every run of the "
               "program: then TIME_WAIT does not keep it from starting again.",
               "SO_LINGER with 0 is the wrong cure: it sends a reset, and drops what was not sent. "
               "tcp_fin_timeout does nothing for TIME_WAIT, which lasts 60 s."]}
BLOCKERS = [LISTENER, STUCK, TIME_WAIT]
BUSY = dict(
    ONE_SHOT, freeInSec=None, canBindReuse=False, blockedBy=BLOCKERS,
    binds=[judged("0.0.0.0", "ipv4", BLOCKERS, canBindReuse=False),
           judged("::", "dual", BLOCKERS, canBindReuse=False), FREE],
    listeners=[{"address": "0.0.0.0", "family": "ipv4", "backlog": 3, "backlogMax": 128,
                "owner": OWNER}], listenersTotal=1,
    connections=[{"side": "local", "total": 228, "orphans": 1, "timeWaitLastSec": 58,
                  "states": {"established": 214, "timeWait": 2, "closeWait": 12},
                  "stages": {"unclosed": 12, "unread": 0, "eofUnread": 0, "unaccepted": 0},
                  "oldestSec": 11520, "oldestAtLeast": True, "owner": OWNER,
                  "halfOpen": {"established": 214, "keepalive": 0, "busy": 0, "silent": 0,
                               "unanswered": 0, "keepaliveNoticesSec": 7875}}])
DESTINATIONS = {
    "destinations": [{"source": "10.0.0.5", "address": "10.0.0.9", "port": 5432, "used": 25000,
                      "reusable": 0, "usable": 28229, "errorMax": 0, "usedPercent": 88.6,
                      "burnPerMin": 120.0, "etaSec": 1614, "owner": OWNER},
                     {"source": "fd00::1", "address": "fd00::2", "port": 443, "used": 17,
                      "reusable": 3, "usable": 28229, "errorMax": 2, "usedPercent": 0.06}],
    "total": 7, "seenAt": "2026-01-31T12:00:00.000Z", "partial": False, "errorMax": 2,
    "portFirst": 32768, "portLast": 60999, "reservedPorts": 3, "usable": 28229}


def words(text):
    return " ".join(text.split())


# A fake twmond -----------------------------------------------------------------------------------


def test_one_shot(tap):
    with Fake({"GetPort": ONE_SHOT}) as fake:
        result = fake.ctl("why", "7865")
        lines = result.stdout.splitlines()
        tap.equal(fake.requests[0], {"method": MONITOR + "GetPort", "parameters": {"port": 7865}},
                  "why asks for the port")
        tap.ok(result.returncode == 0 and lines[:2] == [
            "7865: bind() fails: 1 connection in TIME_WAIT holds it, free in 58s",
            "  with SO_REUSEADDR: works if the old listener had it set, too; else free in 58s "
            "(twmonctl why 7865 --try settles it)"], "the verdict first, both cases, 0", result)
        tap.ok("listening  nobody" in lines and
               "local      1 connection: 1 TIME_WAIT (gone in 58s)" in lines and
               "port       not ephemeral; no socket is bound without listening" in lines,
               "no listener, the connections, the port", result.stdout)
        tap.ok("0.0.0.0      no     if set        if set            58s" in lines and
               ":: alone     yes    yes           yes               now" in lines,
               "a table of verdicts", result.stdout)
        text, _ = in_terminal("why", "7865", "--no-color", "--socket", fake.path)
        tall, wide = len(text.splitlines()), max(map(len, text.splitlines()))
        tap.ok(tall <= 24 and wide <= 80, "one screen of 24 x 80", f"{tall} x {wide}\n{text}")
        text, _ = in_terminal("why", "7865", "--socket", fake.path)
        tap.ok(text.startswith("\033[1;31m7865: bind() fails\033[0m: 1 conn"), "in colour", text)
        result = fake.ctl("why", "7865", "--json")
        tap.equal(json.loads(result.stdout), ONE_SHOT, "--json is what twmond said")
        fake.ctl("why", "7865", "0:0::ffff:10.0.0.9")
        tap.equal(fake.requests[-1]["parameters"], {"port": 7865, "address": "10.0.0.9"},
                  "an address is asked for in its usual form")


def test_busy(tap):
    with Fake({"GetPort": BUSY}) as fake:
        text = fake.ctl("why", "7865").stdout
        lines = text.splitlines()
        tap.equal(lines[:2], ["7865: bind() fails: leaky.service (leaky, pid 812) listens on 0.0.0.0",
                              "  with SO_REUSEADDR: fails, too"], "who listens, first of all")
        for line in ("held by    12 connections in CLOSE_WAIT on 127.0.0.1; SO_REUSEADDR: if set "
                     "there; leaky.service (leaky, pid 812) and perhaps others",
                     "listening  0.0.0.0, backlog 3 of 128: leaky.service (leaky, pid 812, 25 of "
                     "1024 descriptors, uid 33)",
                     "local      228 connections: 214 ESTABLISHED, 12 CLOSE_WAIT (12 unclosed, "
                     "oldest >= 3h 12min), 2 TIME_WAIT (gone in 58s); 1 orphan",
                     "           0 of 214 connections use keepalive; the default would notice a "
                     "dead peer after 2h 11min"):
            tap.ok(line in lines, line, text)
        text, _ = in_terminal("why", "7865", "--no-color", "--socket", fake.path)
        tall, wide = len(text.splitlines()), max(map(len, text.splitlines()))
        tap.ok(tall <= 24 and wide <= 80, "one screen of 24 x 80", f"{tall} x {wide}\n{text}")


def test_others(tap):
    """What was asked for is free, another kind of address is not."""
    six = dict(LISTENER, address="::1")
    many = [six, dict(six, what="bound", state="CLOSE", count=2),
            dict(six, what="client", state="ESTAB"), TIME_WAIT, STUCK]
    with Fake({"GetPort": dict(
            ONE_SHOT, canBind=True, canBindReuse=True, blockedBy=[], freeInSec=0, binds=[
                judged("0.0.0.0", "ipv4", [], canBindReuse=True, freeInSec=0),
                judged("::", "dual", many, canBindReuse=False)])}) as fake:
        lines = fake.ctl("why", "7865").stdout.splitlines()
        tap.equal(lines[:2], ["7865: bind() to 0.0.0.0 works: nothing holds it there; to :: it fails: leaky.service "
                              "(leaky, pid 812) listens on ::1", ""], "it works, and there it does not")
        tap.ok("\n".join(lines).find(
            ":: and IPv4  no     no            if set              -\n"
            "  held by 1 listener on ::1\n  held by 2 sockets bound to ::1, not listening\n"
            "  held by 1 outgoing connection in ESTABLISHED on ::1\n  and 2 more\n") > 0,
               "and below the other stands why not", lines)


def test_unknown(tap):
    dual = {"address": "::", "family": "dual", "blockedBy": []}
    older = dict(ONE_SHOT, canBind=None, freeInSec=None, bound=None, blockedBy=[], binds=[dual])
    for members, texts in (
            ({}, ["7865: bind() works, unless a socket is bound to it without listening, which this "
                  "kernel does not show (twmonctl why 7865 --try settles it)",
                  ":: and IPv4 - - - -", "sockets bound without listening: unknown"]),
            ({"partial": True}, ["some sockets may have been missed",
                                 "The look was not complete"]),
            ({"listeners": None, "ephemeral": None}, ["listening unknown",
                                                      "ephemeral or not is unknown"])):
        with Fake({"GetPort": {**older, **members}}) as fake:
            result = fake.ctl("why", "7865")
            tap.ok(result.returncode == 0 and all(text in words(result.stdout) for text in texts),
                   f"what is unknown is said: {list(members) or 'an older kernel'}", result)
    with Fake({"GetPort": {}}) as fake:
        result = fake.ctl("why", "7865")
        tap.ok(result.returncode == 0 and "unknown whether bind() works" in result.stdout,
               "nothing is known of an empty reply", result)


def test_failures(tap):
    path = lab.temp_dir() + "/none"
    expect(tap, ctl("why", "7865", "--socket", path), 3,
           ["not running", "twmonctl why 7865 --try"], "why without twmond: 3, and what helps")
    expect(tap, ctl("destinations", "--socket", path), 3, ["not running"],
           "destinations without twmond: 3")
    with Fake(error(MONITOR + "LookUnavailable", reason="too many looks")) as fake:
        expect(tap, fake.ctl("why", "7865"), 1, ["cannot look", "too many looks", "try again"],
               "LookUnavailable: 1 and the reason")
        result = fake.ctl("why", "7865", "--try")
        tap.ok(result.returncode == 0 and "bind() works" in result.stdout and
               "too many looks" in result.stderr, "with --try bind() answers", result)
    again(tap)
    retry_time(tap)
    with Fake(error("org.varlink.service.MethodNotFound", method="x")) as fake:
        expect(tap, fake.ctl("destinations"), 1, ["older"], "a twmond that knows no such method: 1")


def again(tap):
    """Refused because of too many looks, it asks again: for 3 seconds in all."""
    def answer(connection, _):
        refusals.append(time.monotonic())
        connection.sendall(frame(ONE_SHOT) if len(refusals) > wanted else error(
            MONITOR + "LookUnavailable", reason="too many looks", retryAfterSec=1))

    wanted, refusals = 1, []
    with Fake(answer) as fake:
        result = fake.ctl("why", "7865")
        tap.ok(result.returncode == 0 and not result.stderr and len(refusals) == 2 and
               1 <= refusals[1] - refusals[0] < 3, "too many looks: asked again a second later",
               result)
    wanted, refusals = 100, []
    with Fake(answer) as fake:
        expect(tap, fake.ctl("why", "7865"), 1, ["too many looks", "twmonctl why 7865 --try"],
               "not for ever; and then --try is named")
        tap.ok(len(refusals) == 4 and refusals[-1] - refusals[0] < 5, "four times in 3 seconds",
               refusals)
        expect(tap, fake.ctl("destinations"), 1, ["too many looks"], "destinations does the same")


def retry_time(tap):
    """A look that is refused for longer than twmonctl waits: it says when it is worth another try."""
    for sec, text in ((12, "in 12s"), (100, "in 1min 40s"), (3600, "in 1h"), (0, "later"),
                      (-1, "later"), ("12", "later"), (None, "later")):
        with Fake(error(MONITOR + "LookUnavailable", reason="too dear", retryAfterSec=sec)) as fake:
            for args in ["why", "7865"], ["destinations"]:
                result = fake.ctl(*args)
                tap.ok(result.returncode == 1 and result.stderr.splitlines()[0] ==
                       "twmonctl: twmond cannot look at the sockets now: too dear; try again " + text,
                       f"{args[0]}: retryAfterSec {sec} is said as {text!r}", result)
    with Fake(error(MONITOR + "LookUnavailable", reason="x", retryAfterSec=2**63 - 1)) as fake:
        expect(tap, fake.ctl("destinations"), 1, ["try again in "], "for ever is no crash")
    with Fake(error(MONITOR + "LookUnavailable", reason="too dear", retryAfterSec=12)) as fake:
        result = fake.ctl("why", "7865", "--try")
        tap.ok(result.returncode == 0 and "try again in 12s" in result.stderr,
               "with --try it is said, too", result)


def test_hostile(tap):
    hostile = "\x1b]0;owned\x07\u202e\r\n"
    bad = []
    for base, method, args in ((BUSY, "GetPort", ["why", "7865"]),
                               (BUSY, "GetPort", ["why", "7865", "--try"]),
                               (DESTINATIONS, "ListDestinations", ["destinations"])):
        current = {}
        with Fake(lambda connection, _, current=current: connection.sendall(
                frame(current["reply"]))) as fake:
            for reply in list(twisted(base, hostile))[len(args) % 2::2]:
                current["reply"] = reply
                result = fake.ctl(*args, LC_ALL="C")
                if result.returncode != 0 or result.stderr or not clean(result.stdout):
                    bad.append((result, reply))
    tap.ok(not bad, "wrong types and hostile texts anywhere: no crash, nothing unprintable", bad[:1])


def twisted(value, hostile):
    """Each member, and each of the first of every array, replaced by a few that it must not be."""
    for key, old in value.items():
        for other in None, -1, 1e300, hostile, [], [1, None, hostile, {}], {}, True:
            yield {**value, key: other}
        inner = old[0] if isinstance(old, list) and old else old
        if isinstance(inner, dict):
            for one in twisted(inner, hostile) if key in ("blockedBy", "connections", "halfOpen",
                                                          "destinations", "binds") else ():
                yield {**value, key: [one] if isinstance(old, list) else one}


def test_destinations(tap):
    with Fake({"ListDestinations": DESTINATIONS}) as fake:
        result = fake.ctl("destinations", "--limit", "2")
        lines = result.stdout.splitlines()
        tap.equal(fake.requests[0]["parameters"], {"limit": 2}, "destinations asks with its limit")
        tap.ok(result.returncode == 0 and lines == [
            "More destinations than can be told apart: counts may be up to 2 too great.",
            "DESTINATION    SOURCE    USED/USABLE    %  PER MIN  TIME LEFT",
            "10.0.0.9:5432  10.0.0.5  25000/28229   89     +120  26min 54s",
            "  leaky.service (leaky, pid 812, 25 of 1024 descriptors, uid 33) and perhaps others",
            "[fd00::2]:443  fd00::1      17/28229  0.1        -          -",
            "  3 more in TIME_WAIT, which connect() takes over",
            "  at most; may be up to 2 fewer",
            "The worst 2 of 7 destinations.",
            "Local ports 32768 to 60999, 3 reserved; usable towards each destination: 28229."],
               "a table, and what it is worth", result.stdout)
        result = fake.ctl("destinations", "--json")
        tap.ok(json.loads(result.stdout) == DESTINATIONS and fake.requests[-1]["parameters"] == {},
               "--json is what twmond said", result)
        long = dict(DESTINATIONS["destinations"][0], address="fd00:1111:2222:3333:4444:5555:6666:7777",
                    source="fd00:1111:2222:3333:4444:5555:6666:8888")
    with Fake({"ListDestinations": dict(DESTINATIONS, destinations=[long])}) as fake:
        text, _ = in_terminal("destinations", "--no-color", "--socket", fake.path)
        tap.ok(max(map(len, text.splitlines())) <= 80 and "25000/28229" in text,
               "80 columns are enough: addresses are cut, numbers are not", text)
    full = {key: value for key, value in DESTINATIONS["destinations"][0].items()
            if key not in ("burnPerMin", "etaSec")}
    full.update(used=28229, usedPercent=100.0)
    with Fake({"ListDestinations": dict(DESTINATIONS, destinations=[full])}) as fake:
        line = fake.ctl("destinations").stdout.splitlines()[2]
        tap.ok(line.split()[-3:] == ["100", "-", "none"], "no port is left, so no time is", line)
    empty = {"destinations": [], "total": 0, "partial": False, "errorMax": 0}
    for members, texts in (
            ({"portFirst": 32768, "portLast": 60999, "reservedPorts": 0, "usable": 28232}, [
                "No outgoing connection was seen: no local port is in use.",
                "Local ports 32768 to 60999, 0 reserved; usable towards each destination: 28232."]),
            ({"partial": True}, [
                "The look was not complete: counts are lower bounds.",
                "Unknown which local ports are in use.",
                "The range of local ports is unknown."])):
        with Fake({"ListDestinations": {**empty, **members}}) as fake:
            tap.equal(fake.ctl("destinations").stdout.splitlines(), texts,
                      "nothing in use" if "portFirst" in members else "nothing found, nothing known")


def test_closes(tap):
    port = {"side": "local", "port": 7865, "listening": True, "timeWait": 2, "closeWait": 0,
            "stuck": 0}
    for rate, shown in (None, "-"), (0.0167, "0.02"), (3.25, "3.2"), (1234.5, "1234"), \
            (0.001, "< 0.01"), (-1, "-"), ("x", "-"):
        one = port if rate is None else dict(port, closesPerSec=rate)
        with Fake({"ListPorts": {"ports": [one], "total": 1, "scannedAt": "x"}}) as fake:
            row = fake.ctl("ports").stdout.splitlines()[1]
            tap.ok(row.endswith("2  " + shown.rjust(8)), f"closes per second: {rate} is {shown}",
                   row)
    for rate, shown in (1.8, ">= 1.8"), (12345.6, ">= 12346"), (0.001, ">= 0.00"):
        one = dict(port, port=65535, side="remote", closesPerSec=rate, closesAtLeast=True)
        with Fake({"ListPorts": {"ports": [one], "total": 1, "scannedAt": "x"}}) as fake:
            row = fake.ctl("ports").stdout.splitlines()[1]
            tap.ok(row.endswith("2  " + shown.rjust(8)) and len(row) <= 80,
                   f"at least so many: {shown}", row)
    one = dict(port, closesPerSec=1.8, closesAtLeast=True, timeWaitEstimated=True)
    with Fake({"ListPorts": {"ports": [one], "total": 1, "scannedAt": "x"}}) as fake:
        lines = fake.ctl("ports", "7865").stdout.splitlines()
        tap.ok(lines[1].endswith("~2      ~1.8") and
               lines[2].startswith("  this host is the first to close ~1.8 connections a second"),
               "what is taken from estimated TIME_WAIT is marked, in the row and below it", lines)


# Real sockets ------------------------------------------------------------------------------------

QUESTIONS = (("0.0.0.0", "ipv4"), ("::", "dual"), ("::", "ipv6"), ("127.0.0.1", "ipv4"),
             ("::1", "ipv6"), ("127.0.0.2", "ipv4"))
REUSE, REUSE_PORT = socket.SO_REUSEADDR, socket.SO_REUSEPORT


def make(address, family, option=0):
    sock = socket.socket(socket.AF_INET if family == "ipv4" else socket.AF_INET6)
    if option:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
    if family != "ipv4":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, family == "ipv6")
    return sock


def bound(address, family, port, option=0):
    sock = make(address, family, option)
    sock.bind((address, port))
    return sock


def listening(address, family, port, option=0):
    sock = bound(address, family, port, option)
    sock.listen(8)
    return sock


def works(address, family, port, option=0):
    """What a program would find that binds and listens."""
    try:
        listening(address, family, port, option).close()
    except OSError:
        return False
    return True


def connected(port, option, close):
    """A connection whose listener is gone; close: which of both ends, in that order."""
    server = listening("127.0.0.1", "ipv4", port, option)
    client = socket.create_connection(("127.0.0.1", port))
    ends = {"client": client, "server": server.accept()[0]}
    server.close()
    for name in close:
        ends.pop(name).close()
    return list(ends.values())


def situations():
    """(name, how to make it): sockets to keep open while bind() is asked."""
    yield "nothing", lambda port: []
    for option, name in (0, ""), (REUSE, ", SO_REUSEADDR"), (REUSE_PORT, ", SO_REUSEPORT"):
        for address, family in QUESTIONS[:5]:
            yield f"{address} {family} listens{name}", lambda port, args=(address, family, option): [
                listening(*args[:2], port, args[2])]
        yield f"bound{name}", lambda port, option=option: [bound("0.0.0.0", "ipv4", port, option)]
    for option, name in (0, ""), (REUSE, ", SO_REUSEADDR"):
        for state, close in (("ESTABLISHED", []), ("CLOSE_WAIT", ["client"]),
                             ("FIN_WAIT2", ["server"]), ("TIME_WAIT", ["server", "client"])):
            yield state + name, lambda port, option=option, close=close: connected(port, option,
                                                                                   close)
    yield "a client has it", lambda port: [listening("127.0.0.1", "ipv4", 7000, REUSE),
                                           makers.client(7000, source_port=port)]


def tried(port, address=""):
    result = ctl("why", str(port), *([address] if address else []), "--try", "--json", "--socket",
                 "/nonexistent")
    if result.returncode != 0 or "not running" not in result.stderr:
        raise RuntimeError(result)
    return json.loads(result.stdout)


def test_try(tap):
    port = 7865
    for name, start in situations():
        port += 1
        wrong, unknown = [], 0
        with contextlib.ExitStack() as stack:
            for sock in start(port):
                stack.enter_context(sock)
            for asked, family in QUESTIONS:
                said = tried(port, asked)
                for row in said["binds"]:
                    wanted = [works(row["address"], row["family"], port, option)
                              for option in (0, REUSE)]
                    got = [row.get("canBind"), row.get("canBindReuse")]
                    unknown += got.count(None)
                    if got != wanted or row.get("tried") is not True:
                        wrong.append((row, wanted))
                main = next(row for row in said["binds"] if (row["address"], row["family"]) ==
                            (asked, "dual" if asked == "::" else family))
                if any(said.get(key) != main.get(key) for key in
                       ("canBind", "canBindReuse", "tryError", "tryErrorReuse", "freeInSec")):
                    wrong.append(said)
        tap.ok(not wrong and unknown == 0, f"--try agrees with bind() and listen(): {name}",
               wrong[:2])


ROWS = [{"address": address, "family": family} for address, family in QUESTIONS[:3]]


def answers(port):
    """What each real bind() of the port is answered. Those with SO_REUSEPORT leave traces of their
    own: the first is the one that another's would let pass."""
    return {(question, option): works(*question, port, option) for option in (REUSE_PORT, REUSE, 0)
            for question in sorted(QUESTIONS, key=lambda question: question[1])}


def test_no_trace(tap):
    """After --try, with everything tried that may be, the kernel allows what it would have."""
    port = 9000
    for name, start in situations():
        if name == "a client has it":
            continue
        seen = []
        for tries in False, True:
            port += 1
            with contextlib.ExitStack() as stack, Fake({"GetPort": {"binds": ROWS}}) as fake:
                for sock in start(port):
                    stack.enter_context(sock)
                for address, _ in QUESTIONS if tries else ():
                    result = fake.ctl("why", str(port), address, "--try", "--json")
                    said = json.loads(result.stdout)
                    if result.returncode != 0 or not all("tried" in row for row in said["binds"]):
                        raise RuntimeError(result)
                seen.append(answers(port))
        differ = {key: (seen[0][key], seen[1][key]) for key in seen[0] if seen[0][key] != seen[1][key]}
        tap.equal(differ, {}, f"--try leaves no trace: {name}")


def test_what_is_tried(tap):
    known = {"canBind": True, "canBindReuse": True}
    client = {"connections": [{"side": "client", "total": 1, "states": {"established": 1}}]}

    def tried_rows(reply, *args):
        with Fake({"GetPort": reply}) as fake:
            said = json.loads(fake.ctl("why", "7899", *args, "--try", "--json").stdout)
            return [(row["address"], row["family"]) for row in said.get("binds", ()) if "tried" in row]

    decided = [dict(row, **known) for row in ROWS]
    tap.equal(tried_rows({**known, "binds": decided}), [QUESTIONS[0]], "what was asked for")
    tap.equal(tried_rows({**known, "binds": decided[:2] + ROWS[2:]}), [QUESTIONS[0], QUESTIONS[2]],
              "and what is open")
    tap.equal(tried_rows({"canBind": False, "canBindReuse": False, "binds": decided}),
              list(QUESTIONS[:3]), "all, where what twmond said has changed")
    tap.equal(tried_rows({}, "127.0.0.1"), [("127.0.0.1", "ipv4"), ("::", "dual")],
              "of what nothing is known, what leaves no trace")
    with Fake({"GetPort": {**known, **client, "binds": decided}}) as fake:
        result = fake.ctl("why", "7899", "--try")
        tap.ok(result.returncode == 0 and "not tried: the answer is certain" in result.stderr and
               "Tried" not in result.stdout, "beside a client's connection, nothing that is known",
               result)
    tap.equal(tried_rows({**client, "binds": ROWS}), [], "nor what would probably work")
    held = {"blockedBy": [{"what": "client", "address": "127.0.0.1", "state": "ESTAB", "count": 1,
                           "reuseHelps": "if-set"}]}
    tap.equal(tried_rows({**client, **held, "binds": [dict(row, **held) for row in ROWS]}),
              list(QUESTIONS[:3]), "but what is open, for something is in the way")


def test_other_namespace(tap):
    """bind() elsewhere says nothing about the sockets that twmond sees."""
    with listening("0.0.0.0", "ipv4", 7898), lab.Daemon() as daemon:
        command = ["unshare", "-n", lab.TWMONCTL, "--socket", daemon.socket, "why", "7898", "--try"]
        if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
            tap.skip("another network namespace", "unshare(1) cannot make one")
            return
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        tap.ok(result.returncode == 0 and "I am in another network namespace than twmond" in
               result.stderr and result.stdout.startswith("7898: bind() fails: ") and
               "listening  0.0.0.0" in result.stdout and "in the way" not in result.stdout.split(
                   "\n- ")[0] and "--try settles" not in result.stdout,
               "from another network namespace --try tries nothing, and says so", result)
        said = json.loads(subprocess.run(command + ["--json"], capture_output=True, text=True,
                                         check=False).stdout)
        tap.ok(said["canBind"] is False and "tried" not in said, "nor in JSON", said)
        said = daemon.ctl_json("why", "7898", "--try")
        tap.ok(said.get("tried") is True, "in the same one it does", said)
        lab.stop_well(tap, daemon)


def test_try_text(tap):
    with listening("0.0.0.0", "ipv4", 7865, REUSE):
        result = ctl("why", "7865", "--try", "--socket", "/nonexistent")
        tap.ok(result.stdout.startswith("7865: bind() fails: EADDRINUSE (Address already in use)\n"
                                        "  with SO_REUSEADDR: fails, too\n") and
               "bind() without listen(), each socket closed at once" in result.stdout and
               "twmond alone" in result.stdout, "without twmond: what was tried, and what is unknown",
               result)
    result = ctl("why", "7865", "10.99.0.1", "--try", "--socket", "/nonexistent")
    tap.ok("10.99.0.1:7865: bind() fails: EADDRNOTAVAIL (Cannot assign" in result.stdout,
           "an address that this host does not have", result)
    text = lab.as_nobody(lambda: ctl("why", "80", "--try", "--socket", "/nonexistent").stdout)
    if text:
        tap.ok("80: bind() fails: EACCES (Permission denied), this user may not" in text and
               "0.0.0.0      no     no            no                  -" in text,
               "a port that only the privileged may take, whatever the option", text)
    else:
        tap.skip("a privileged port", "no other user here")
    left = subprocess.run(["ss", "-Htan", "sport = :7865"], capture_output=True, text=True,
                          check=True).stdout
    tap.equal(left, "", "nothing is left behind")


def test_try_merged(tap):
    """What twmond could not know is settled, what it knows beside stays."""
    for option, reuse, text in (REUSE, True, "with SO_REUSEADDR: works\n"), \
            (0, False, "with SO_REUSEADDR: fails, too\n"):
        port = 7870 + option
        connected(port, option, ["server", "client"])
        with Fake({"GetPort": dict(ONE_SHOT, port=port)}) as fake:
            said = json.loads(fake.ctl("why", str(port), "--try", "--json").stdout)
            row = said["binds"][0]
            tap.ok((said["canBind"], said["canBindReuse"], said["tried"]) == (False, reuse, True) and
                   (row["canBind"], row["canBindReuse"], row["tried"]) == (False, reuse, True) and
                   (said["freeInSec"], said["blockedBy"]) == (58, [TIME_WAIT]) and
                   said["tryError"] == "EADDRINUSE" and ("tryErrorReuse" in said) != reuse,
                   f"TIME_WAIT: settled, the rest as twmond said: {reuse}", said)
            result = fake.ctl("why", str(port), "--try")
            tap.ok(result.stdout.startswith(f"{port}: bind() fails: 1 connection in TIME_WAIT holds "
                                            f"it, free in 58s\n  {text}") and
                   "--try settles" not in result.stdout and
                   not result.stderr, "and the text says so", result)
    with Fake({"GetPort": ONE_SHOT}) as fake:
        said = json.loads(fake.ctl("why", "7865", "--try", "--json").stdout)
        tap.ok((said["canBind"], said["canBindReuse"], said["freeInSec"], said["blockedBy"]) ==
               (True, True, 0, []), "what has gone since the look blocks nothing", said)


lab.run(test_one_shot, test_busy, test_others, test_unknown, test_failures, test_hostile, test_destinations,
        test_closes, test_try, test_no_trace, test_what_is_tried, test_other_namespace, test_try_text,
        test_try_merged, limit=180)
