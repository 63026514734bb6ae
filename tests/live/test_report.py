#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl report: the page about a real leak, names that would like to be markup, answers that are
missing, and output that gets lost.

How the page looks is seen in a browser, which is too much to ask of a test.
"""

import html.parser
import json
import os
import pty
import re
import subprocess
import xml.etree.ElementTree

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
PORT = 7871
EVIL = "<script>x()</script>\"'&\033[2J\u202egpj\u0085\ufeff"
SHOWN = "<script>x()</script>\"'&\\x1b[2J\\xe2\\x80\\xaegpj\\xc2\\x85\\xef\\xbb\\xbf"
LOCALES = {"LC_ALL": "C.UTF-8", "TZ": "UTC-2"}


class Page(html.parser.HTMLParser):
    """What a browser would find: elements, attributes, and the text outside of style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.style = [], [], [], ""
        self.feed(text)
        self.close()
        self.text = re.sub(r"\s+", " ", "".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        if self.tags[-1:] == ["style"] and not self.style:
            self.style = data
        else:
            self.words.append(data)

    def handle_endtag(self, tag):
        self.words.append(" ")


def check_page(tap, text, name):
    """It is XML, and nothing in it runs, loads or is a raw byte. The Page."""
    try:
        xml.etree.ElementTree.fromstring(text)
        wrong = ""
    except xml.etree.ElementTree.ParseError as error:
        wrong = str(error)
    tap.ok(text.startswith("<!DOCTYPE html>\n<html lang=\"en\">") and not wrong,
           f"{name}: well-formed", wrong)
    page = Page(text)
    doors = [(tag, attribute, value) for tag, attribute, value in page.attributes
             if attribute.startswith("on") or attribute in ("href", "src", "style", "xlink:href")]
    tap.ok(not doors and not {"script", "link", "img", "iframe", "a", "object"} & set(page.tags),
           f"{name}: nothing that runs, loads or links", doors)
    tap.ok("<script" not in text and "http://" not in text and "https://" not in text and
           "url(" not in page.style and "@import" not in page.style, f"{name}: no outside resource")
    tap.ok(("meta", "content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes and
           "prefers-color-scheme: dark" in page.style and "@media print" in page.style,
           f"{name}: says that itself; has colours for the dark, and a form for paper")
    raw = [char for char in text
           if ord(char) < 32 and char != "\n" or 0x7f <= ord(char) < 0xa0 or
           0xd800 <= ord(char) < 0xe000 or char in "\u202e\ufeff"]
    tap.ok(not raw, f"{name}: no control character, no byte that is not UTF-8", raw)
    return page


def counts(numbers):
    return {"min": numbers, "max": numbers, "last": numbers}


def history(n=240):
    rising = [None if i < 20 else i for i in range(n)]
    return {"startsAt": "2026-01-31T22:30:00.000Z", "stepSec": 360, "sides": [{
        "side": "local", "closeWait": counts(rising), "stuck": counts(rising),
        "timeWait": counts([0] * n), "timeWaitEstimated": [False] * n,
        "severity": ["none"] * (n - 40) + ["warning"] * 30 + ["critical"] * 10}]}


def owner(text):
    return {"unit": text, "byListener": False, "holders": True, "processesTotal": 2, "uid": 33,
            "processes": [{"pid": 7, "comm": text, "fds": 9, "fdLimit": 10},
                          {"pid": 8, "comm": text, "fdUnlimited": True}]}


def alert(text="x", port=80, **members):
    return {"key": text, "kind": "close-wait-stuck", "side": "local", "port": port,
            "severity": "warning", "state": "raised", "clearing": False, "count": 12,
            "since": "2026-01-31T22:30:00.000Z", "sinceSec": 60, "closeWait": 12, "stuck": 12,
            "oldestSec": 61, "stages": {"unclosed": 12}, "warningLevel": 3, "rule": text,
            "owner": owner(text), "stage": text, "stageAdvice": text, "advice": text, "reason": text,
            "acknowledged": {"uid": 0, "at": text, "comment": text}, **members}


def answers(text="x"):
    """Of a twmond whose every text is that one."""
    port = {"side": "local", "port": 80, "closeWait": 12, "stuck": 12, "timeWait": 0,
            "listening": True, "oldestSec": 61, "stages": {"unclosed": 12}, "owner": owner(text)}
    return {
        "GetStatus": {"version": text, "verdict": text, "summary": text, "since": text, "pid": 1,
                      "scannedAt": "2026-01-31T22:30:00.000Z", "scanError": text, "scans": 3,
                      "configuration": text, "configurationErrors": text + "\n" + text,
                      "limitsHit": {text: 3}, "clients": 1, "journalQueued": 0,
                      "state": {"written": 1, "failures": 2, "error": text},
                      "start": {"unit": text}, "endings": {"windowSec": 60, "reading": text},
                      "timeWaitTable": {"used": 5, "max": 100, "usedPercent": 5.0}},
        "ListAlerts": {"alerts": [alert(text)], "total": 1, "truncated": False},
        "ListPorts": {"ports": [port], "total": 1, "scannedAt": text, "scanError": text,
                      "failed": True},
        "GetHistory": {**history(), "missing": text},
        "ListEvents": {"events": [{"event": text, "at": text, "message": text,
                                   "alert": alert(text)}], "lost": 2, "truncated": True},
        "ListDestinations": {"destinations": [{"source": text, "address": text, "port": 80,
                                               "used": 1, "reusable": 2, "errorMax": 3,
                                               "owner": owner(text)}], "total": 3},
    }


def pages(text):
    return fake.Fake(answers(text))


# ---- the real thing -----------------------------------------------------------------------------


def set_name(name):
    with open("/proc/self/comm", "wb") as file:
        file.write(name)


def test_leak(tap):
    with lab.Daemon(CONFIG) as daemon:
        held = makers.close_wait(PORT, 5)
        tap.ok(daemon.wait_alert("close-wait-stuck", PORT, "raised", 15), "a leak is raised")
        lab.must(lambda: [count for count in daemon.call("GetHistory", {"port": PORT, "sinceSec": 60})
                          ["sides"][0]["stuck"]["max"] if count], "history of it", 30)
        result = daemon.ctl("report", "--since", "1min")
        tap.equal((result.returncode, result.stderr), (0, ""), "a report is a success")
        page = check_page(tap, result.stdout, "a leak")
        stage = daemon.alert("close-wait-stuck", PORT)["stageAdvice"]
        for what in (f"close-wait-stuck on local:{PORT}", f"pid {os.getpid()}, ", "eof-unread", stage,
                     os.uname().release, os.uname().nodename, "Raised", "TIME_WAIT table: ",
                     "ip_local_port_range", "tcp_max_tw_buckets", "Running since", "raised",
                     f"127.0.0.1:{PORT}"):
            tap.ok(what in page.text, f"it says: {what[:60]}", page.text)
        tap.ok("-- " not in page.text and "(null)" not in page.text, "and no (null)", page.text)
        areas = [value for tag, name, value in page.attributes
                 if (tag, name) == ("path", "d") and re.fullmatch(r"(M\d+ 1000(V\d+H\d+)+V1000Z)+",
                                                                  value)]
        tap.ok(len(areas) >= 2, "a curve with CLOSE_WAIT and stuck", page.attributes)
        tap.ok(("rect", "class", "mark-w") in page.attributes, "and the alert below it")
        replies = daemon.ctl_json("report")
        tap.ok(replies["alerts"]["alerts"] and replies["status"]["version"] and replies["history"],
               "--json: what twmond said", replies.keys())
        check_port(tap, daemon)
        check_name(tap, daemon)
        held.reset()
        lab.stop_well(tap, daemon)


def check_port(tap, daemon):
    other = check_page(tap, daemon.ctl("report", "9").stdout, "a port with nothing to say")
    tap.ok("No alert is raised or pending about the ports that were asked for" in other.text and
           f"close-wait-stuck on local:{PORT}" not in other.text and "local:9" in other.text,
           "PORT leaves the alerts of others out", other.text)
    tap.ok("The host as a whole: " in other.text, "the verdict is not about that port", other.text)
    tap.ok("no alert about it was raised in the time that is known" in other.text,
           "of a twmond that is young little is known", other.text)
    same = Page(daemon.ctl("report", str(PORT)).stdout)
    tap.ok(f"close-wait-stuck on local:{PORT}" in same.text, "but not its own")
    local = check_page(tap, daemon.ctl("report", f"local:{PORT}").stdout, "local:PORT")
    tap.ok(f"close-wait-stuck on local:{PORT}" in local.text and f"remote:{PORT}" not in local.text and
           f"local port {PORT}" in events_of(local), "local:PORT is that side", local.text)
    remote = check_page(tap, daemon.ctl("report", f"remote:{PORT}").stdout, "remote:PORT")
    tap.ok(f"local:{PORT}" not in remote.text and f"local port {PORT}" not in events_of(remote),
           "remote:PORT leaves the alerts, rows, curves and events of the other side out", remote.text)


def events_of(page):
    return page.text.rpartition("Events")[2]


def check_name(tap, daemon):
    """A process calls itself what it likes: 15 bytes. What is no text is "?" to twmond already."""
    before = lab.read_text("/proc/self/comm").strip().encode()
    set_name(b"<script>&\"\x1b[2J\xff")
    try:
        def told():
            text = daemon.ctl("report", str(PORT)).stdout
            return text if "script&gt;" in text else None

        text = lab.poll(told, 60, 1)
        page = check_page(tap, text or "", "a hostile name")
        tap.ok("<script>&\"?[2J?" in page.text, "the name is shown for what it is",
               re.findall(r"[^(]*<script.{40}", page.text))
    finally:
        set_name(before)


# ---- hostile and missing answers ----------------------------------------------------------------


def test_hostile(tap):
    for locale in "C.UTF-8", "C", "POSIX":
        with pages(EVIL) as server:
            result = server.ctl("report", LC_ALL=locale, TZ=EVIL.replace("\0", ""))
            page = check_page(tap, result.stdout, locale)
            tap.ok(result.returncode == 0 and page.text.count(SHOWN) > 20 and
                   not lab.SANITIZER.search(result.stderr), f"{locale}: every text is shown",
                   f"{page.text.count(SHOWN)} times\n{result.stderr}")
    with pages("gr\u00fc\u00dfe \u65e5\u672c.service") as server:
        text = server.ctl("report", LC_ALL="C").stdout
        tap.ok("gr\u00fc\u00dfe \u65e5\u672c.service" in text, "other scripts are, whatever the locale is",
               text[-3000:])


def test_nonsense(tap):
    good = answers()
    whole = history()
    side = whole["sides"][0]
    for name, change in (("no members", {method: {} for method in good}),
                         ("numbers for all", {method: {key: 1 for key in good[method]}
                                              for method in good}),
                         ("lists of numbers", {"ListAlerts": {"alerts": [1, None]},
                                               "ListPorts": {"ports": [1, "x"]},
                                               "ListEvents": {"events": [None]},
                                               "ListDestinations": {"destinations": [3]}}),
                         ("a history without times", {"GetHistory": {"sides": whole["sides"]}}),
                         ("one of ten thousand steps", {"GetHistory": history(10000)}),
                         ("one step", {"GetHistory": history(1)}),
                         ("great and negative numbers",
                          {"GetHistory": dict(whole, sides=[dict(
                              side, stuck=counts([(1 << 63) - 1, -1, 1e300] * 20))])}),
                         ("columns of other lengths",
                          {"GetHistory": dict(whole, sides=[dict(side, closeWait=counts([1]))])})):
        with fake.Fake({**good, **change}) as server:
            result = server.ctl("report", **LOCALES)
            tap.ok(result.returncode == 0 and not result.stderr, f"{name}: a page", result.stderr)
            check_page(tap, result.stdout, name)


def test_bounds(tap):
    many = [alert("a" * 200, port=number, severity="critical") for number in range(1, 257)]
    replies = answers()
    replies["ListAlerts"] = {"alerts": many, "total": 300, "truncated": True}
    replies["ListEvents"]["events"] *= 256
    replies["ListEvents"]["events"] = [dict(event, at="2199-01-01T00:00:00.000Z")
                                       for event in replies["ListEvents"]["events"]]
    replies["ListPorts"]["total"] = 65536
    with fake.Fake(replies) as server:
        result = server.ctl("report", **LOCALES)
        page = check_page(tap, result.stdout, "256 alerts")
        asked = [request["parameters"]["port"] for request in server.requests
                 if request["method"].endswith("GetHistory")]
        tap.equal(asked, list(range(1, 9)), "curves of the eight worst")
        tap.equal(page.tags.count("article"), 32, "32 cards")
        tap.ok("And 268 more: twmonctl alerts" in page.text and
               "And 65535 more: twmonctl ports" in page.text and
               "And 156 earlier ones" in page.text, "the others are counted", page.text[-3000:])
        tap.ok(len(result.stdout) < 400000, f"{len(result.stdout)} bytes")
    events = answers()
    events["ListEvents"]["events"] = [{"event": "raised", "at": at, "message": at, "alert": alert()}
                                      for at in ("2001-01-01T00:00:00.000Z",
                                                 "2199-01-01T00:00:00.000Z")]
    with fake.Fake(events) as server:
        page = Page(server.ctl("report", "--since", "1h").stdout)
        tap.ok("2199-01-01T00" in page.text and "2001-01-01T00" not in page.text,
               "events of before --since are left out", page.text)
        asked = next(request["parameters"] for request in server.requests
                     if request["method"].endswith("GetHistory"))
        tap.equal(asked, {"port": 80, "sinceSec": 3600, "points": 240}, "and so is history")


def test_kinds(tap):
    """What only some kinds of alerts have."""
    replies = answers("x")
    replies["ListAlerts"]["alerts"] = [
        alert(kind="port-exhaustion", side="remote", count=91, warningLevel=70, destination={
            "source": "192.0.2.1", "address": "2001:db8::7", "port": 5432, "used": 25689,
            "reusable": 12, "usable": 28230, "errorMax": 0, "usedPercent": 91.0, "etaSec": 90}),
        alert(kind="time-wait-table", side="host", port=0, count=97, owner=None, timeWaitTable={
            "used": 97, "max": 100, "usedPercent": 97.0, "overflows": 3}),
        alert(kind="half-open", port=81, state="pending", halfOpen={
            "established": 214, "keepalive": 0, "busy": 0, "silent": 12, "unanswered": 0})]
    with fake.Fake(replies) as server:
        page = check_page(tap, server.ctl("report").stdout, "other kinds")
        for what in ("91%; warning from 70% on", "[2001:db8::7]:5432", "25689/28230", "1min 30s",
                     "12 more in TIME_WAIT", "time-wait-table on host", "97 of 100 in use",
                     "3 connections found no room", "First seen", "its hold time is running",
                     "214 established: 12 silent"):
            tap.ok(what in page.text, f"it says: {what}", page.text[:4000])


def test_sides(tap):
    replies = answers("x")
    local = replies["ListPorts"]["ports"][0]
    replies["ListPorts"]["ports"].append(dict(local, side="remote"))
    replies["ListAlerts"]["alerts"].append(alert("y", side="remote"))
    side = replies["GetHistory"]["sides"][0]
    replies["GetHistory"]["sides"].append(dict(side, side="remote"))
    both = {"local", "remote"}
    for ports, sides in (["80"], both), (["local:80"], {"local"}), (["remote:80"], {"remote"}), \
            (["remote:80", "local:80"], both), (["80", "80", "local:80"], both), (["remote:81"], set()):
        with fake.Fake(replies) as server:
            page = check_page(tap, server.ctl("report", *ports).stdout, " ".join(ports))
            labels = [value for _, name, value in page.attributes if name == "aria-label"]
            tap.equal({side for side in both if f"close-wait-stuck on {side}:80" in page.text}, sides,
                      "the alerts of its sides")
            tap.equal({side for side in both if f"{side}:80" in page.text}, sides, "their rows and curves")
            tap.equal(len(labels), len(sides), "each curve once")
            asked = [request["parameters"] for request in server.requests]
            tap.equal([parameters["ports"] for parameters in asked if "ports" in parameters],
                      [[81]] if ports == ["remote:81"] else [[80]], "each port is asked for once")
            tap.equal(sum("points" in parameters for parameters in asked), 1, "and so is its history")


def test_legend(tap):
    known, holes = [3] * 60, [None] * 20 + [3] * 40
    for name, close_wait, time_wait, wanted in (("no gap", known, known, False),
                                                ("gaps of CLOSE_WAIT", holes, known, True),
                                                ("gaps of TIME_WAIT alone", known, holes, True),
                                                ("of what is not drawn", known, [None] * 60, False)):
        replies = answers("x")
        replies["GetHistory"]["sides"] = [{
            "side": "local", "closeWait": counts(close_wait), "stuck": counts(close_wait),
            "timeWait": counts(time_wait), "severity": ["none"] * 60}]
        with fake.Fake(replies) as server:
            page = check_page(tap, server.ctl("report").stdout, name)
            tap.equal("unknown, which is not zero" in page.text, wanted, f"{name}: the legend")


def test_last(tap):
    for last, wanted in ([5] * 60, "CLOSE_WAIT: 7 at most, 5 last "), \
            ([None] * 60, "CLOSE_WAIT: 7 at most "), ([5], "CLOSE_WAIT: 7 at most "):
        replies = answers("x")
        replies["GetHistory"]["sides"] = [{
            "side": "local", "closeWait": dict(counts([7] * 60), last=last), "stuck": counts([0] * 60),
            "timeWait": counts([0] * 60), "severity": ["none"] * 60}]
        with fake.Fake(replies) as server:
            text = Page(server.ctl("report").stdout).text
            tap.ok(wanted + "stuck: none" in text, f"the newest number is told where it is known: {wanted}",
                   text)


def failing(method, answer):
    """A good twmond, but for that method."""
    good = answers()

    def reply(connection, request):
        name = request["method"].removeprefix(fake.MONITOR)
        if name != method:
            connection.sendall(fake.frame(good[name]))
        elif answer == "close":
            return "close"
        else:
            connection.sendall(answer)
        return None

    return fake.Fake(reply)


def test_missing(tap):
    error = fake.error("io.twmon.Monitor.LookUnavailable", reason=EVIL)
    for method, words in (("GetHistory", "How the counts of local:80 went is not known: " + SHOWN),
                          ("ListEvents", "They are not known: " + SHOWN),
                          ("ListDestinations", "Nobody could look: " + SHOWN)):
        with failing(method, error) as server:
            result = server.ctl("report")
            page = check_page(tap, result.stdout, f"no {method}")
            tap.ok(result.returncode == 0 and words in page.text, "the page says so", page.text)
            told = json.loads(server.ctl("report", "--json").stdout)
            reason = {"80": EVIL} if method == "GetHistory" else EVIL
            name = method.removeprefix("List").removeprefix("Get").lower()
            tap.ok(told.get("errors") == {name: reason} and not told.get(name),
                   f"--json says why there is no {method}", told.get("errors"))
        with failing(method, "close") as server:
            result = server.ctl("report")
            fake.expect(tap, result, 3, ["closed the connection"], f"gone at {method}")
            tap.equal(result.stdout, "", "no half page")
    for method in "GetStatus", "ListAlerts", "ListPorts":
        with failing(method, fake.error("io.twmon.Monitor.Broken")) as server:
            result = server.ctl("report")
            fake.expect(tap, result, 1, ["Broken"], f"no {method}, no page")
            tap.equal(result.stdout, "", "nothing of it")
        with failing(method, b"\xff{]\0") as server:
            result = server.ctl("report")
            fake.expect(tap, result, 3, ["not its protocol"], f"{method} is not JSON")
            tap.equal(result.stdout, "", "nothing of it")
    with pages("x") as server:
        tap.ok("errors" not in json.loads(server.ctl("report", "--json").stdout), "no errors, no word")
    result = fake.ctl("--socket", lab.temp_dir() + "/none", "report")
    fake.expect(tap, result, 3, ["is not running"], "no twmond")
    tap.equal(result.stdout, "", "and nothing on standard output")


# ---- where it goes ------------------------------------------------------------------------------


def run_shell(path, rest):
    return subprocess.run(["sh", "-c", f'exec "$0" --socket "$1" report {rest}', lab.TWMONCTL, path],
                          capture_output=True, text=True, timeout=20, check=False)


def test_output(tap):
    with pages("x") as server:
        fake.expect(tap, run_shell(server.path, ">/dev/full"), 1, ["cannot write the output"],
                    "a full disk")
        fake.expect(tap, run_shell(server.path, ">&-"), 1, ["cannot write the output"],
                    "standard output is closed")
        small = lab.temp_dir()
        lab.mount("-t", "tmpfs", "-o", "size=8k", "tmpfs", small)
        fake.expect(tap, run_shell(server.path, f">{small}/report.html"), 1,
                    ["cannot write the output"], "a disk that takes some of it")
        result = run_shell(server.path, f">{small}/../report.html")
        tap.equal((result.returncode, result.stderr), (0, ""), "a file")
        lab.must(lambda: subprocess.run(["umount", small], check=False).returncode == 0, "umount")
        text, status = fake.in_terminal("--socket", server.path, "report")
        tap.equal((text, status), ("", 2), "a terminal is no place for it")
        ours, theirs = pty.openpty()
        result = subprocess.run([lab.TWMONCTL, "--socket", "/nowhere", "report"], stdout=theirs,
                                stderr=subprocess.PIPE, text=True, timeout=20, check=False)
        os.close(theirs)
        os.close(ours)
        fake.expect(tap, result, 2, ["twmonctl report > report.html", "--force"],
                    "which it says before anything else")
        text, status = fake.in_terminal("--socket", server.path, "report", "--force")
        tap.ok(status == 0 and text.rstrip().endswith("</html>"), "--force", text[-100:])
        text, status = fake.in_terminal("--socket", server.path, "--json", "report")
        tap.ok(status == 0 and json.loads(text)["status"], "--json is for terminals, too", text)


def test_usage(tap):
    for args, words in ((("report", "--since", "31d"), "1s to 30d"),
                        (("report", "--since", "soon"), "--since must be a duration"),
                        (("report", *map(str, range(1, 10))), "at most 8 PORTs"),
                        (("report", "http"), "PORT must be a number"),
                        (("status", "--force"), "takes no --force")):
        fake.expect(tap, fake.ctl(*args), 2, [words], " ".join(args))


if __name__ == "__main__":
    lab.run(test_leak, test_hostile, test_nonsense, test_bounds, test_kinds, test_sides, test_legend, test_last, test_missing, test_output,
            test_usage, limit=240)
