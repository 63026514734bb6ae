#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmonctl history: the chart on terminals and in a pipe, CSV, JSON, and replies that make no
sense."""

import csv
import io
import json
import unicodedata

import fake
import lab

STEPS = 60
TIMEZONE = {"TZ": "UTC-2", "LC_ALL": "C.UTF-8"}  # two hours east


def counts(numbers):
    return {"min": numbers, "max": numbers, "last": numbers}


def reply(step=120, zeros=False, n=STEPS):
    """A leak from step 20 on, an alert from 30, nobody looked from 40 to 44."""
    def shaped(value):
        return [None if 40 <= i < 45 else 0 if zeros else value(i) for i in range(n)]

    return {"port": 7865, "startsAt": "2026-01-31T22:30:00.000Z", "stepSec": step, "sides": [{
        "side": "local", "closeWait": counts(shaped(lambda i: max(0, i - 15))),
        "stuck": counts(shaped(lambda i: max(0, i - 20))),
        "timeWait": counts(shaped(lambda i: 3000 if i == 50 else 0)),
        "timeWaitEstimated": [False] * n,
        "severity": [None if 40 <= i < 45 else
                     "critical" if i >= 50 else "warning" if i >= 30 and not zeros else "none"
                     for i in range(n)] if not zeros else ["none"] * n}]}


def serve(answer):
    return fake.Fake({"GetHistory": answer})


def rows_of(text, title):
    """The bars below a title: what stands right of the scale."""
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(title))
    bars = []
    for line in lines[at + 1:]:
        if len(line) < 8 or line[7] not in "|│":
            break
        bars.append(line[8:].ljust(STEPS))
    return bars


def width(line):
    return sum(not unicodedata.combining(char) for char in line)


def test_chart(tap):
    with serve(reply()) as server:
        text = server.ctl("history", "7865", **TIMEZONE).stdout
        tap.note(text)
        tap.ok(text.startswith("local:7865, the last 2h, a column is 2min\n"), "as was asked", text)
        bars = rows_of(text, "stuck")
        tap.equal(len(bars), 5, "five rows of stuck")
        tap.ok(all(row[40:45].strip() == "" for row in bars), "a gap is blank", bars)
        tap.ok(bars[-1][:20] == "·" * 20 and bars[-1][22] not in " ·", "zero is a dot", bars)
        tap.ok(bars[0][-1] in "▇█" and bars[0][30] == " ", "the greatest is the highest", bars)
        tap.ok("stuck: 39 at most, 39 last" in text, "numbers as words", text)
        tap.ok("TIME_WAIT: 3000 at most, 0 last" in text, "TIME_WAIT as well", text)
        alerts = next(line for line in text.splitlines() if line.startswith("alerts"))
        tap.equal(alerts[8:], " " * 30 + "w" * 10 + " " * 5 + "w" * 5 + "C" * 10, "alerts")
        tap.ok(text.splitlines()[-2].lstrip().startswith("00:30    00:48"),
               "local time: two hours east, nine columns of 2 min on", text)
        tap.ok(all(width(line) <= 80 for line in text.splitlines()), "80 columns", text)
        text = server.ctl("history", "7865", "--ascii", **TIMEZONE).stdout
        tap.ok(fake.clean(text), "--ascii is ASCII", text)
        bars = rows_of(text, "stuck")
        tap.ok(bars[-1][:20] == "_" * 20 and bars[0][-1] in ":#", "and tells the same", bars)
        tap.ok("not zero (_)" in text, "and what zero looks like", text)
        text = server.ctl("history", "7865", LC_ALL="C", TZ="UTC").stdout
        tap.ok(fake.clean(text) and "#" in text, "so it is where the locale has no Unicode", text)
        tap.equal(server.requests[-1]["parameters"], {"port": 7865, "sinceSec": 7200, "points": 71},
                  "two hours, in as many points as fit 80 columns")


def test_headings(tap):
    """What was asked for, whatever the columns come to; and times below however few they are."""
    for since, words, step, n in (("7d", "the last 7d, a column is 2h 30min", 9000, 68),
                                  ("5min", "the last 5min, a column is 10s", 10, 31),
                                  ("1min", "the last 1min, a column is 10s", 10, 7),
                                  ("5s", "the last 5s, a column is 10s", 10, 2)):
        with serve(reply(step=step, n=n)) as server:
            text = server.ctl("history", "7865", "--since", since, TZ="UTC").stdout
            tap.ok(words in text, words, text)
            tap.ok("22:30" in text, f"{since}: a time stands below", text)


def test_terminals(tap):
    for columns in 20, 40, 80, 200:
        def answer(connection, request):
            n = min(request["parameters"]["points"] + 1, 721)
            connection.sendall(fake.frame(reply(n=n)))

        with fake.Fake(answer) as server:
            text, status = fake.in_terminal("--no-color", "--socket", server.path, "history", "7865",
                                            columns=columns)
            wide = [line for line in text.splitlines()
                    if width(line) > columns and line[7:8] in "│└ "]
            tap.ok(status == 0 and not wide, f"{columns} columns: no line of the chart is wider", text)
    with serve(reply()) as server:
        text, _ = fake.in_terminal("--socket", server.path, "history", "7865", columns=1)
        tap.ok("\033[1m" in text, "a terminal of one column is no reason to fail", text)


def test_nothing(tap):
    with serve(reply(zeros=True)) as server:
        text = server.ctl("history", "80").stdout
        tap.ok("stuck: none was seen" in text and "No alert about it was raised." in text,
               "nothing but zeros", text)
    empty = reply()
    for metric in "closeWait", "stuck", "timeWait":
        empty["sides"][0][metric] = counts([None] * STEPS)
    with serve(empty) as server:
        text = server.ctl("history", "80").stdout
        tap.ok("stuck: unknown" in text and "Of all that time nothing is known." in text,
               "nothing is known", text)
    empty["sides"][0]["severity"] = [None] * STEPS
    with serve(empty) as server:
        text = server.ctl("history", "80").stdout
        tap.ok("alerts: unknown" in text and "No alert" not in text, "nor of alerts", text)
    with serve(dict(reply(), missing="\033[31mthe disk")) as server:
        text = server.ctl("history", "80", LC_ALL="C").stdout
        tap.ok("\\x1b[31mthe disk" in text and fake.clean(text), "what is missing is said", text)


def test_begun(tap):
    """Just started: two steps are known, and nothing was in them."""
    known = [None] * (STEPS - 2) + [0, 0]
    begun = reply()
    begun["sides"] = [{"side": "local", **{name: counts(known) for name in
                                           ("closeWait", "stuck", "timeWait")},
                       "timeWaitEstimated": [False] * STEPS, "leftOut": False,
                       "severity": [None] * (STEPS - 2) + ["none"] * 2}]
    with serve(begun) as server:
        text = server.ctl("history", "80", **TIMEZONE).stdout
        tap.ok(text.count("none was seen in the time that is known") == 3 and
               "No alert about it was raised in the time that is known." in text,
               "none was seen is said of what is known", text)
        tap.ok("Before 02:26 nothing is known." in text, "and when that began", text)
        tap.ok("HistoryPorts" not in text, "and nothing of ports that are not followed", text)
        tap.equal(rows_of(text, "stuck"), [" " * (STEPS - 2) + "··"], "drawn in one row")
    begun["sides"][0]["leftOut"] = True
    with serve(begun) as server:
        text = server.ctl("history", "80", **TIMEZONE).stdout
        tap.ok("HistoryPorts=" in text and "nothing is known." in text,
               "of a port that was not followed it is said", text)


def test_numbers(tap):
    with serve(reply()) as server:
        text = server.ctl("history", "7865", "--csv", "--since", "1h").stdout
        table = list(csv.DictReader(io.StringIO(text)))
        tap.equal(len(table), STEPS, "--csv: a row for each step")
        tap.equal((table[42]["stuck_max"], table[42]["alert"], table[0]["stuck_max"]), ("", "", "0"),
                  "unknown is empty, zero is 0")
        tap.equal((table[59]["time"], table[59]["side"], table[59]["stuck_last"],
                   table[59]["alert"]),
                  ("2026-02-01T00:28:00.000Z", "local", "39", "critical"), "times in UTC")
        tap.equal(server.requests[-1]["parameters"],
                  {"port": 7865, "sinceSec": 3600, "points": 720}, "as finely as twmond tells")
        tap.equal(json.loads(server.ctl("history", "7865", "--json").stdout), reply(),
                  "--json is what twmond said")


def test_sides(tap):
    with serve(reply()) as server:
        server.ctl("history", "local:7865", "--json")
        tap.equal(server.requests[-1]["parameters"].get("side"), "local", "SIDE:PORT asks for one")
        server.ctl("history", "7865", "--json")
        tap.ok("side" not in server.requests[-1]["parameters"], "PORT for both")
    rows = [{"side": side, "port": 80, "closeWait": 1} for side in ("local", "remote")]
    with fake.Fake({"ListPorts": {"ports": rows}}) as server:
        told = json.loads(server.ctl("ports", "remote:80", "--json").stdout)["ports"]
        tap.equal([row["side"] for row in told], ["remote"], "ports SIDE:PORT shows one")
        tap.equal(server.requests[-1]["parameters"]["ports"], [80], "of those that twmond tells")


def test_usage(tap):
    for args, words in ((("history",), "needs a PORT"), (("history", "80", "81"), "one PORT"),
                        (("history", "http"), "PORT must be a number"),
                        (("history", "80", "--since", "soon"), "--since must be a duration"),
                        (("history", "80", "--since", "0"), "--since must be a duration"),
                        (("history", "80", "--csv", "--json"), "excludes"),
                        (("status", "--csv"), "takes no --csv")):
        fake.expect(tap, fake.ctl(*args), 2, [words], " ".join(args))


def test_nonsense(tap):
    good = reply()
    for name, wrong in (("no times", {"sides": good["sides"]}), ("a step of 0", dict(good, stepSec=0)),
                        ("a time that is none", dict(good, startsAt="yesterday"))):
        with serve(wrong) as server:
            fake.expect(tap, server.ctl("history", "80"), 1, ["makes no sense"], name)
    side = good["sides"][0]
    for name, sides in (("no sides", []), ("numbers for sides", [1, None]),
                        ("no columns", [{"side": "local"}]),
                        ("columns of texts", [dict(side, stuck=counts(["\033[2J"] * 9),
                                                   severity=["\033[2J"] * 9)]),
                        ("columns of other lengths", [dict(side, closeWait=counts([1]))]),
                        ("great and negative numbers",
                         [dict(side, stuck=counts([(1 << 63) - 1, -1, 1e300] * 20))]),
                        ("a side with an escape", [dict(side, side="\033[2J")])):
        for option in (), ("--csv",):
            with serve(dict(good, sides=sides)) as server:
                result = server.ctl("history", "80", *option, LC_ALL="C")
                tap.ok(result.returncode == 0 and fake.clean(result.stdout), f"{name} {option}",
                       (result.stdout, result.stderr))
    with fake.Fake(fake.error("io.twmon.Monitor.HistoryUnavailable", reason="the disk")) as server:
        fake.expect(tap, server.ctl("history", "80"), 1, ["the disk"], "an error says why")


if __name__ == "__main__":
    lab.run(test_chart, test_headings, test_terminals, test_nothing, test_begun, test_numbers, test_sides, test_usage, test_nonsense,
            limit=120)
