#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl top in a real terminal, tmux's: what stands on the screen, keys, sizes, a twmond that goes
away, and the terminal afterwards."""

import os
import re
import shlex
import signal
import socket
import subprocess
import time
import unicodedata

import fake
import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=3
[Alerts]
RaiseAfter=500ms
"""
PORT = 7865
UTF8 = {"LC_ALL": "C.UTF-8"}
BLOCKS = "▁▂▃▄▅▆▇█"


class Terminal:
    """A tmux of its own with one window, in which a command runs. Around it the terminal's settings
    are kept; its exit status follows."""

    def __init__(self, command, columns=80, rows=24, variables=None):
        lab.need("tmux")
        self.directory = lab.temp_dir()
        self.socket = self.directory + "/tmux"
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("TMUX", "NO_COLOR", "XDG_RUNTIME_DIR")}
        self.server = lab.spawn(["tmux", "-D", "-S", self.socket, "-f", "/dev/null"],
                                env={**environment, **UTF8})
        lab.must(lambda: os.path.exists(self.socket), "tmux's socket")
        words = " ".join(f"{key}={shlex.quote(value)}"
                         for key, value in {**UTF8, **(variables or {})}.items())
        script = (f"cd {self.directory}; stty -g >before; "
                  f"env {words} sh -c 'echo $$ >pid; exec \"$@\" 2>stderr' sh {shlex.join(command)}; "
                  "echo $? >status; stty -g >after.new; mv after.new after; exec sleep 1000")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows), script)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.end(self.server)

    def tmux(self, *args):
        return subprocess.run(["tmux", "-S", self.socket, *args], capture_output=True, text=True,
                              check=True, timeout=10).stdout

    def text(self):
        return self.tmux("capture-pane", "-p")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def shows(self, pattern, timeout=10):
        """The screen, once the pattern is somewhere on it; None."""
        def look():
            text = self.text()
            return text if re.search(pattern, text, re.MULTILINE) else None

        return lab.poll(look, timeout, 0.1)

    def read(self, name):
        path = f"{self.directory}/{name}"
        return lab.read_text(path).strip() if os.path.exists(path) else None

    def pid(self):
        return int(lab.must(lambda: self.read("pid"), "a pid"))

    def ended(self, timeout=10):
        """(exit status, is the terminal as it was), or None while it goes on."""
        if not lab.poll(lambda: self.read("after"), timeout):
            return None
        modes = self.tmux("display-message", "-p", "#{alternate_on} #{cursor_flag} #{keypad_flag} "
                                                   "#{keypad_cursor_flag}")
        same = self.read("before") == self.read("after") and modes.split() == ["0", "1", "0", "0"]
        return int(self.read("status")), same


def top(path, *args, **options):
    return Terminal([lab.TWMONCTL, "--socket", path, "top", *args], **options)


def width(line):
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else not unicodedata.combining(char)
               for char in line)


def row_of(text, port):
    return next((line for line in text.splitlines() if re.search(rf"(local|remote):{port}\b", line[:16])), "")


def order_of(text):
    return [int(number) for number in re.findall(r"^. (?:local|remote):(\d+) ", text, re.MULTILINE)]


def quit_well(tap, terminal, name):
    terminal.keys("q")
    tap.equal(terminal.ended(), (0, True), name)
    tap.ok(not lab.SANITIZER.search(terminal.read("stderr") or ""), "nothing for the sanitizers",
           terminal.read("stderr"))


# A real twmond and a real leak --------------------------------------------------------------------


def test_leak(tap):
    leak, other = makers.close_wait(PORT, 12), makers.close_wait_outgoing(5432, 2)
    makers.time_wait(8080, 5, keep_listening=True)
    with lab.Daemon(CONFIG) as daemon, top(daemon.socket) as terminal:
        lab.must(lambda: daemon.alert("close-wait-stuck", PORT), "the alert", 20)
        text = terminal.shows(rf"^[wC] local:{PORT} .*[{BLOCKS}]") or terminal.text()
        tap.note(text)
        row = row_of(text, PORT)
        tap.ok(re.search(rf"[wC] local:{PORT} +12 +12 +.*s +.* 0 ", row), "80x24: the leak", row)
        tap.ok(any(block in row for block in BLOCKS), "its curve", row)
        tap.ok(row_of(text, 5432).split()[1:3] == ["2", "2"], "a port of others", text)
        tap.ok("LEAKING" in text or "eaking" in text.splitlines()[0], "the verdict first", text)
        tap.ok(re.search(rf"^local:{PORT}.*pid {os.getpid()}.*12 eof-unread", text, re.MULTILINE),
               "who the selected one is, and at what stage", text)
        tap.ok(text.rstrip().splitlines()[-1].startswith("q quit"), "the keys last", text)
        page(tap, terminal)
        for columns, rows in (200, 50), (40, 10), (80, 24):
            terminal.resize(columns, rows)
            text = terminal.shows(rf"local:{PORT}") or ""
            lines = text.splitlines()
            tap.ok(lab.poll(lambda: "q quit" in terminal.text().splitlines()[rows - 1]) and
                   all(width(line) <= columns for line in lines),
                   f"{columns}x{rows}: from the first line to the last", terminal.text())
            if columns == 200:
                tap.ok(lab.poll(lambda: "pid" in row_of(terminal.text(), PORT)), "with the owner",
                       terminal.text())
        quit_well(tap, terminal, "q leaves the terminal as it was")
        lab.stop_well(tap, daemon)
    leak.reset()
    other.reset()


def page(tap, terminal):
    """The page of the port that is selected."""
    terminal.keys("Enter")
    text = terminal.shows("^listening +127.0.0.1") or terminal.text()
    tap.note(text)
    for what, pattern in (("owner", rf"pid {os.getpid()}, \d+ of \d+ descriptors"),
                          ("stage", "12 eof-unread"),
                          ("curve", f"CLOSE_WAIT, a column is 30s(.|\n)*[{BLOCKS}]"),
                          ("peers", r"peers +127\.0\.0\.1: 12, 12 in CLOSE_WAIT$"),
                          ("what holds it", "held by +12 connections in CLOSE_WAIT")):
        tap.ok(re.search(pattern, text, re.MULTILINE), f"the page: {what}", text)
    terminal.keys("NPage")
    tap.ok(terminal.shows("^local +12 connections: 12 CLOSE_WAIT"), "the page: connections",
           terminal.text())
    terminal.keys("End")
    tap.ok(terminal.shows("close-wait-stuck: "), "its end: the advice", terminal.text())
    terminal.keys("Escape")
    tap.ok(terminal.shows(f"^. local:{PORT}"), "Esc: the list", terminal.text())
    for _ in range(30):  # to 8080, wherever it is
        if "\nlocal:8080" in terminal.text():
            break
        terminal.keys("Down")
        time.sleep(0.1)
    terminal.keys("Enter")
    tap.ok(terminal.shows("the last TIME_WAIT is gone in (1min|5?[0-9]s)"), "TIME_WAIT left",
           terminal.text())
    terminal.keys("BSpace")
    tap.ok(terminal.shows(f"^. local:{PORT}"), "Backspace: the list", terminal.text())
    terminal.keys("Home")


def test_away(tap):
    leak = makers.close_wait(PORT, 4)
    first = lab.Daemon(CONFIG)
    with top(first.socket) as terminal:
        terminal.shows(f"local:{PORT} +4 ")
        lab.end(first.process)
        text = terminal.shows("^OLD .*twmond is not running") or terminal.text()
        tap.ok("OLD (from " in text and f"local:{PORT} " in text,
               "twmond is killed: that is said, and the last picture stays", text)
        terminal.keys("?")
        tap.ok(terminal.shows("sort by CLOSE_WAIT"), "keys are taken meanwhile", terminal.text())
        terminal.keys("?")
        text = terminal.shows(r"^OLD \(from ([3-9]s|\d\ds|\dmin.*) ago\)")
        tap.ok(text, "how old it is", terminal.text())
        with lab.Daemon(CONFIG, socket=first.socket) as second:
            leak.close(1)
            text = terminal.shows(rf"local:{PORT} +3 ") or terminal.text()
            tap.ok("trying again" not in text, "another twmond: new numbers, and no word of it", text)
            quit_well(tap, terminal, "q")
            lab.stop_well(tap, second)
    leak.reset()


def test_hangs(tap):
    """One that is stopped takes connections, and answers nothing."""
    with lab.Daemon(CONFIG) as daemon, top(daemon.socket) as terminal:
        terminal.shows("twmond|port")
        os.kill(daemon.pid, signal.SIGSTOP)
        try:
            text = terminal.shows(r"^OLD .*does not answer") or terminal.text()
            tap.ok("does not answer" in text, "twmond hangs: that is said", text)
            seen = [terminal.text() for _ in range(20) if not time.sleep(0.4)]
            tap.ok(all("OLD (from" in text for text in seen), "and goes on being said",
                   next((text for text in seen if "OLD (from" not in text), ""))
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        tap.ok(lab.poll(lambda: "OLD (from" not in terminal.text(), 15), "until it answers", terminal.text())
        quit_well(tap, terminal, "q")
        lab.stop_well(tap, daemon)


# Everything else with one that answers what we like ----------------------------------------------


def port(number, side="local", **members):
    return {"side": side, "port": number, "listening": True, "configured": False, "ignored": False,
            "timeWait": 0, "timeWaitEstimated": False, "closeWait": 1, "stuck": 0, "stuckUsual": 0,
            "stages": {"unaccepted": 0, "unread": 0, "eofUnread": 0, "unclosed": 1}, **members}


def answers(ports, alerts=(), **status):
    return {"GetStatus": {"verdict": "ok", "summary": "All is well.", "scans": 1,
                          "scannedAt": "2026-01-31T12:00:00Z", **status},
            "ListPorts": {"ports": ports, "total": len(ports),
                          "scannedAt": "2026-01-31T12:00:00Z"},
            "ListAlerts": {"alerts": list(alerts), "total": len(alerts)},
            "GetHistory": {"port": 1, "startsAt": "2026-01-31T11:59:00Z", "stepSec": 10,
                           "sides": []},
            "GetPort": {"port": 1, "seenAt": "2026-01-31T12:00:00Z", "connections": []}}


FOUR = [port(1, closeWait=9, stuck=2, oldestSec=5), port(2, closeWait=5, stuck=5, oldestSec=6),
        port(3, "remote", closeWait=1, stuck=1, oldestSec=900),
        port(4, closeWait=4, stuck=1, oldestSec=4, ratePerMin=12.5)]


def test_sort(tap):
    with fake.Fake(answers(FOUR)) as server, top(server.path, "--sort", "age") as terminal:
        terminal.shows("local:1 ")
        tap.equal(order_of(terminal.text()), [3, 2, 1, 4], "--sort age")
        for key, wanted in (("c", [1, 2, 4, 3]), ("t", [2, 1, 4, 3]), ("r", [4, 2, 1, 3]),
                            ("a", [3, 2, 1, 4]), ("s", [4, 2, 1, 3]), ("s", [1, 2, 4, 3])):
            terminal.keys(key)
            tap.ok(lab.poll(lambda: order_of(terminal.text()) == wanted), f"key {key}",
                   f"{terminal.text()}\nwanted {wanted}")
        tap.ok(">CLOSE_WAIT" in terminal.text(), "the title says by what", terminal.text())
        terminal.keys("Home", "j", "j", "Up")
        tap.ok(terminal.shows("^local:2: 1 unclosed"), "j and arrows move", terminal.text())
        time.sleep(2.5)
        methods = [request["method"].removeprefix(fake.MONITOR) for request in server.requests]
        tap.ok(methods.count("ListPorts") == 1 and methods.count("ListAlerts") == 1 and
               methods.count("GetHistory") <= 4 and "GetPort" not in methods,
               "without a scan nothing is asked again but the status", methods)
        quit_well(tap, terminal, "q")
    bound = port(1, closeWait=1234567, stuck=1234567, stuckAtLeast=True, oldestSec=5)
    with fake.Fake(answers([bound])) as server, top(server.path) as terminal:
        tap.ok(terminal.shows("local:1 .* 1234567 +>= 1234567 +5s "), "a number that may be more is told so",
               terminal.text())
        quit_well(tap, terminal, "q")


def test_ends(tap):
    with fake.Fake(answers(FOUR)) as server:
        for name, wanted in ("TERM", 143), ("HUP", 129), ("QUIT", 131), ("INT", 0):
            with top(server.path) as terminal:
                tap.ok(terminal.shows("local:1 "), f"before SIG{name}", terminal.text())
                os.kill(terminal.pid(), getattr(lab.signal, "SIG" + name))
                tap.equal(terminal.ended(), (wanted, True), f"SIG{name}: the terminal as it was")
        with top(server.path) as terminal:
            terminal.shows("local:1 ")
            terminal.keys("C-c")
            tap.equal(terminal.ended(), (0, True), "Ctrl-C")


def test_sizes(tap):
    with fake.Fake(answers([port(n) for n in range(1, 301)])) as server:
        with top(server.path, columns=1, rows=1) as terminal:
            for columns, rows in (1, 1), (2, 1), (1, 24), (80, 2), (13, 5), (80, 3), (300, 1):
                terminal.resize(columns, rows)
                for keys in ("Down",), ("End",), ("Enter",), ("PPage", "NPage"), ("Escape",), ("?", "?"):
                    terminal.keys(*keys)
                time.sleep(0.2)
                tap.ok(terminal.read("status") is None, f"{columns}x{rows}: goes on",
                       (terminal.text(), terminal.read("stderr")))
            before = cpu_seconds(terminal.pid())
            time.sleep(2)
            used = cpu_seconds(terminal.pid()) - before
            tap.ok(used < 0.5, f"and does not spin: {used:.2f} s in 2 s")
            terminal.resize(80, 24)
            tap.ok(terminal.shows("q quit"), "80x24 again", terminal.text())
            terminal.keys("Home")
            tap.ok(terminal.shows("local:1 "), "at the first", terminal.text())
            terminal.keys("End")
            tap.ok(terminal.shows("local:300 "), "at the last", terminal.text())
            quit_well(tap, terminal, "q")


def cpu_seconds(pid):
    fields = lab.read_text(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_hostile(tap):
    evil = "\033]2;evil\007\033[31m\u202ename\n\udcff".encode("utf-8", "replace").decode()
    owner = {"unit": evil, "byListener": False, "holders": True, "processesTotal": 1,
             "processes": [{"pid": 7, "comm": evil, "fds": 1, "fdLimit": 10}]}
    alert = {"key": evil, "kind": evil, "side": "local", "port": 1, "severity": "critical",
             "state": "raised", "clearing": False, "count": 3, "since": evil, "sinceSec": 1,
             "owner": owner, "advice": evil, "stageAdvice": evil, "stage": evil, "rule": evil}
    table = answers([port(1, owner=owner)], [alert], summary=evil, verdict=evil)
    table["GetPort"]["advice"] = [evil]
    table["GetPort"]["listeners"] = [{"address": evil, "family": evil, "backlog": 1,
                                      "backlogMax": 2, "owner": owner}]
    table["GetPort"]["listenersTotal"] = 1
    for locale in "C.UTF-8", "C":
        with fake.Fake(table) as server, top(server.path, columns=160,
                                             variables={"LC_ALL": locale}) as terminal:
            title = terminal.tmux("display-message", "-p", "#{pane_title}")
            text = terminal.shows(r"^C local:1 .*\\x1b\]2;evil") or terminal.text()
            tap.ok(r"\x1b]2;evil\x07\x1b[31m" in text, f"{locale}: names are escaped", text)
            tap.ok(locale != "C" or (fake.clean(text) and "#" in row_of(text, 1)),
                   "without UTF-8 everything is ASCII, the curve too", text)
            terminal.keys("Enter")
            text = terminal.shows(r"listening +\\x1b") or terminal.text()
            tap.ok(r"\x1b]2;evil" in text and "\u202e" not in text, "on the page as well", text)
            tap.equal(terminal.tmux("display-message", "-p", "#{pane_title}"), title,
                      "nothing has reached the terminal")
            quit_well(tap, terminal, "q")


def test_refusals(tap):
    table = answers([port(1)])
    state = {"looks": 0}

    def answer(connection, request):
        method = request["method"].removeprefix(fake.MONITOR)
        if method == "GetPort" and state["looks"] == 0:
            state["looks"] += 1
            connection.sendall(fake.error(fake.MONITOR + "LookUnavailable", reason="too many",
                                          retryAfterSec=2))
        elif method == "GetHistory":
            connection.sendall(fake.error(fake.MONITOR + "HistoryUnavailable", reason="disk"))
        else:
            connection.sendall(fake.frame(table[method]))

    with fake.Fake(answer) as server, top(server.path) as terminal:
        terminal.shows("local:1 ")
        terminal.keys("Enter")
        tap.ok(terminal.shows("too many; this tries again in 2s"), "a look is refused",
               terminal.text())
        tap.ok(terminal.shows("All its sockets"), "and comes later", terminal.text())
        quit_well(tap, terminal, "q")


def asked_for(server, method):
    return sum(request["method"] == fake.MONITOR + method for request in server.requests)


def test_bad_servers(tap):
    table = answers([port(1)])
    for name, wrong, words in (
            ("does not answer", b"", "twmond does not answer"),
            ("sends what is no Varlink", b"HTTP/1.1 400\r\n\0", "not its protocol"),
            ("sends more than it is asked for", "more", "not its protocol"),
            ("closes", None, "closed the connection"),
            ("is full", fake.error(fake.MONITOR + "TooManyClients"), "too many clients"),
            ("knows less", fake.error("org.varlink.service.MethodNotFound"), "MethodNotFound")):
        state = {"wrong": False}

        def answer(connection, request, state=state, wrong=wrong):
            if not state["wrong"]:
                connection.sendall(fake.frame(table[request["method"].removeprefix(fake.MONITOR)]))
            elif wrong is None:
                return "close"
            elif wrong == "more":
                connection.sendall(fake.frame(table["GetStatus"]) * 50)
            else:
                connection.sendall(wrong)
            return None

        with fake.Fake(answer) as server, top(server.path) as terminal:
            lab.must(lambda: asked_for(server, "GetHistory"), "the first question for history")
            terminal.shows("local:1 ")
            state["wrong"] = True
            text = terminal.shows(f"^OLD .*{words}", 15) or terminal.text()
            tap.ok(words in text and "local:1 " in text, f"one that {name}", text)
            terminal.keys("?")
            tap.ok(terminal.shows("sort by the next", 3), "keys are taken", terminal.text())
            before = asked_for(server, "GetHistory")
            state["wrong"] = False
            terminal.keys("?")
            tap.ok(lab.poll(lambda: "trying again" not in terminal.text()), "and it may mend its ways",
                   terminal.text())
            tap.ok(name == "knows less" or  # that one has stayed connected
                   lab.poll(lambda: asked_for(server, "GetHistory") > before),
                   "what went on meanwhile is asked for", server.requests)
            quit_well(tap, terminal, "q")


def test_full_queue(tap):
    """One that takes no connections any more, as if it were stopped: a key is not kept waiting."""
    table, state = answers(FOUR), {"closes": False}

    def answer(connection, request):
        connection.sendall(fake.frame(table[request["method"].removeprefix(fake.MONITOR)]))
        return "close" if state["closes"] else None

    with fake.Fake(answer) as server, top(server.path) as terminal, \
            socket.socket(socket.AF_UNIX) as full:
        terminal.shows("local:1 ")
        os.unlink(server.path)
        full.bind(server.path)
        full.listen(0)
        waiting = fill(server.path)
        state["closes"] = True
        tap.ok(terminal.shows("^OLD .*closed the connection"), "the connection ends", terminal.text())
        time.sleep(2)  # it has tried again
        started = time.monotonic()
        quit_well(tap, terminal, "q")
        took = time.monotonic() - started
        tap.ok(took < 2, f"at once: {took:.1f} s")
        for connection in waiting:
            connection.close()


def fill(path):
    """Connections until there is no room for another one."""
    waiting = []
    while len(waiting) < 100:
        waiting.append(socket.socket(socket.AF_UNIX))
        waiting[-1].setblocking(False)
        try:
            waiting[-1].connect(path)
        except BlockingIOError:
            return waiting
    raise AssertionError("a queue without an end")


def test_nonsense(tap):
    for name, table in (
            ("ports that are none", {"ports": [1, None, {"side": "local"}, {"port": -1}]}),
            ("no ports", {}), ("great numbers", {"ports": [port(
                1, closeWait=(1 << 63) - 1, stuck=(1 << 63) - 1, oldestSec=(1 << 63) - 1,
                timeWait=(1 << 63) - 1, ratePerMin=1e300, timeWaitEstimated=True)]})):
        good = answers([port(1)])
        good["ListPorts"] = table
        good["GetHistory"] = {"startsAt": "9999-01-01T00:00:00Z", "stepSec": 0, "sides": [{}]}
        with fake.Fake(good) as server, top(server.path) as terminal:
            tap.ok(terminal.shows("All is well"), f"{name}: goes on", terminal.text())
            terminal.keys("Enter")
            time.sleep(0.3)
            tap.ok(all(width(line) <= 80 for line in terminal.text().splitlines()), "in its place",
                   terminal.text())
            quit_well(tap, terminal, "q")


# Where there is no screen ------------------------------------------------------------------------


def refused(tap, result, why, name):
    lines = result.stderr.splitlines()
    tap.ok(result.returncode == 1 and len(lines) == 1 and why in lines[0] and not result.stdout and
           "twmonctl ports" in lines[0] and "twmonctl watch" in lines[0], name,
           f"{result.returncode}\n{result.stdout}{result.stderr}")


def on_terminal(command, **variables):
    """Its exit status and all that it writes, on a terminal that script(1) makes."""
    environment = {key: value for key, value in os.environ.items() if key != "TERM"}
    result = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=20, check=False,
                            env={**environment, **variables})
    return subprocess.CompletedProcess(command, result.returncode, "",
                                       result.stdout.replace("\r\n", "\n"))


def test_no_screen(tap):
    with fake.Fake(answers(FOUR)) as server:
        refused(tap, server.ctl("top", TERM="xterm"), "standard", "in a pipe")
        command = f"{lab.TWMONCTL} --socket {server.path} top"
        refused(tap, on_terminal(command, TERM="dumb"), "no cursor to move", "TERM=dumb")
        refused(tap, on_terminal("unset TERM; " + command), "TERM is not set", "TERM unset")
        refused(tap, on_terminal(command, TERM="no-such"), "not known here", "TERM=no-such")
        refused(tap, on_terminal(command + " </dev/null", TERM="xterm"), "input is no terminal",
                "standard input is none")
        refused(tap, on_terminal(command + " >/dev/null", TERM="xterm"), "output is no terminal",
                "standard output is none")
        tap.equal(server.requests, [], "twmond was not even asked")
        fake.expect(tap, server.ctl("--json", "top"), 2, ["no JSON", "twmonctl --json ports"], "--json")
        fake.expect(tap, server.ctl("top", "--sort", "size"), 2, ["count, stuck, age or rate"],
                    "--sort by something else")
    result = on_terminal(f"{lab.TWMONCTL} --socket {lab.temp_dir()}/none top", TERM="xterm")
    tap.ok(result.returncode == 3 and "twmond is not running" in result.stderr and
           "\033" not in result.stderr, "no twmond to begin with: 3, and no screen",
           (result.returncode, result.stderr))


if __name__ == "__main__":
    lab.run(test_leak, test_away, test_hangs, test_sort, test_ends, test_sizes, test_hostile,
            test_refusals, test_bad_servers, test_full_queue, test_nonsense, test_no_screen, limit=300)
