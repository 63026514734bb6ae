#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl against what is not twmond, or not a good one: a fake server that sends garbage, half
frames, errors, wrong types and hostile texts, that hangs, closes and drips. And against no server at
all: usage, messages, exit statuses, --once."""

import fcntl
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
import threading
import time

import lab

MONITOR = "io.twmon.Monitor."
REPLY_MAX = 1024 * 1024
HOSTILE = "\x1b]0;owned\x07\x1b[2J\u202e\x9b1m\r\n"

PORT = {"side": "local", "port": 7865, "listening": True, "configured": False, "ignored": False,
        "timeWait": 2, "closeWait": 120, "stuck": 100, "oldestSec": 11520, "oldestAtLeast": True}
ALERT = {"key": "close-wait-stuck:-:local:7865:-", "kind": "close-wait-stuck", "side": "local",
         "port": 7865, "severity": "warning", "state": "raised", "count": 100,
         "since": "2026-01-31T12:00:00.000Z", "sinceSec": 65, "oldestSec": 11520,
         "oldestAtLeast": True, "rule": "built-in", "advice": "Close what you open.",
         "owner": {"unit": "leaky.service", "comm": "leaky", "pid": 812, "uid": 1000}}
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
        "ListPorts": LISTED, "Reload": {}}
QUIET = dict(GOOD, GetStatus=dict(STATUS, verdict="ok", summary="No leak: 1 port watched.",
                                  alertsRaised=0, alertsPending=1),
             ListAlerts={"alerts": [PENDING], "total": 1, "truncated": False})


def frame(parameters=None, **members):
    return json.dumps({"parameters": parameters or {}, **members}).encode() + b"\0"


def error(name, **parameters):
    return frame(parameters, error=name)


class Fake:
    """A server on a socket of its own. answer(connection, request) sends what it likes; a dict of
    parameters by method stands for a good daemon, bytes for the same answer to everything."""

    def __init__(self, answer):
        if isinstance(answer, dict):
            table = answer
            answer = lambda connection, request: connection.sendall(
                frame(table[request["method"].removeprefix(MONITOR)]))
        elif isinstance(answer, bytes):
            fixed = answer
            answer = lambda connection, request: connection.sendall(fixed)
        self.answer = answer
        self.requests = []
        self.path = lab.temp_dir() + "/control"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        with connection:
            try:
                while chunk := connection.recv(65536):
                    data += chunk
                    while b"\0" in data:
                        one, data = data.split(b"\0", 1)
                        self.requests.append(json.loads(one))
                        if self.answer(connection, self.requests[-1]) == "close":
                            return
            except OSError:
                return

    def ctl(self, *args, **options):
        return ctl("--socket", self.path, *args, **options)


def ctl(*args, timeout=20, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "XDG_RUNTIME_DIR"}
    return subprocess.run([lab.TWMONCTL, *args], capture_output=True, text=True, timeout=timeout,
                          errors="surrogateescape", check=False, env={**environment, **variables})


def expect(tap, result, status, words, name):
    """The exit status, the words on stderr, and no complaint of a sanitizer."""
    tap.ok(result.returncode == status and all(word in result.stderr for word in words) and
           not lab.SANITIZER.search(result.stderr), name,
           f"exit {result.returncode}, wanted {status} and {words}\n{result.stdout}"
           f"\n{result.stderr}")


def clean(text):
    """No byte that could drive a terminal."""
    return all(char == "\n" or " " <= char <= "~" for char in text)


def in_terminal(*args, columns=80, **variables):
    """What twmonctl writes to a terminal that wide, and its exit status."""
    environment = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
    environment.pop("NO_COLOR", None)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = lab.spawn([lab.TWMONCTL, *args], stdin=subprocess.DEVNULL, stdout=theirs,
                        stderr=subprocess.DEVNULL, env={**environment, **variables})
    os.close(theirs)
    data = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(ours)
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n"), process.wait(10)


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
    expect(tap, ctl("status", "--socket", __file__), 3, [], "a path that is no socket: 3")
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
        tap.ok(0 < text.find("raised") < text.find("pending") < text.find("local:7865    yes"),
               "then raised alerts, pending ones, ports", text)
        tap.equal(text.count("Close what you open."), 1, "the same advice once")
        tap.ok("leaky.service (leaky, pid 812, uid 1000)" in text and ">= 3h 12min" in text and
               "1min 5s" in text and "tracked 12" in text and "1.2 ms" in text,
               "owner, lower bound, since, limits, cost", text)
        tap.ok("\033" not in text, "no colour in a pipe")
        result = fake.ctl("status", "--json")
        tap.ok(json.loads(result.stdout) == STATUS and result.returncode == 1 and
               result.stdout.count("\n") == 1, "--json is what twmond said, on one line", result)
    with Fake(QUIET) as fake:
        tap.equal(fake.ctl("status").returncode, 0, "a pending alert is no raised one: 0")


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
        tap.equal(len(lines), 2 + 76810, "every port has its line")
        tap.equal({len(line) for line in lines[1:]}, {len(lines[1])}, "and all of them align")
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
        expect(tap, result, 3, ["closed the connection", "watch --after 6"],
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
        for verb, method, reply in ("ports", "ListPorts", LISTED), ("alerts", "ListAlerts",
                                                                    GOOD["ListAlerts"]):
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


lab.run(test_no_server, test_usage, test_default_path, test_once, test_status, test_terminal,
        test_many_ports, test_watch, test_live, test_errors, test_garbage, test_slow, test_pieces,
        test_wrong_types, limit=180)
