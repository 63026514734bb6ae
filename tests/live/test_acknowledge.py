#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""An alert that somebody has acknowledged: no reminders, who may do it, what ends it, what the
journal says; and the events that were told lately."""

import json
import os
import re

import lab
import makers
from fake import Fake, error, expect, frame

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=5
StuckCritical=20
[Alerts]
RaiseAfter=2s
ClearAfter=1s
RemindEvery=2s
"""
MONITOR = "io.twmon.Monitor"
KIND = "close-wait-stuck"
KEY = KIND + ":-:local:7865:-"
BOUND = 1 + 2 + 2  # StuckAfter + RaiseAfter + two scans and a second
REMIND_BOUND = 2 + 2
QUIET = 3 * 2  # three reminders would have come
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}


def count(watcher, event):
    return sum(item["event"] == event for item in watcher.events)


def wait_more(watcher, event, before, timeout):
    return lab.poll(lambda: count(watcher, event) > before, timeout)


def acknowledged(daemon):
    return (daemon.alert(KIND, 7865) or {}).get("acknowledged")


def check_pending(tap, daemon):
    tap.ok(daemon.wait_alert(KIND, 7865, "pending", BOUND), "pending")
    result = daemon.ctl("acknowledge", KEY)
    tap.ok(result.returncode == 1 and "pending" in result.stderr and not result.stdout,
           "a pending alert: acknowledge fails and says why", result)
    result = daemon.ctl("acknowledge", "7865")
    tap.ok(result.returncode == 1 and "no alert of port 7865 is raised" in result.stderr,
           "by its port likewise", result)


def reminders(daemon):
    """As judged; Watch tells each when its owner is known."""
    return sum(item["event"] == "reminded" for item in daemon.call("ListEvents")["events"])


def check_given(tap, daemon, journal):
    result = daemon.ctl("acknowledge", "7865", "--comment", "mended on\tSunday \u00e4")
    lines = result.stdout.splitlines()
    tap.ok(result.returncode == 0 and len(lines) == 1 and not result.stderr,
           "acknowledge PORT: 0 and one line", result)
    tap.ok(lines and re.match(rf"acknowledged: {KIND} \(warning\) of local:7865", lines[0]),
           "which says what was acknowledged", lines)
    before = reminders(daemon)
    given = acknowledged(daemon) or {}
    tap.equal((given.get("uid"), given.get("comment")), (os.getuid(), "mended on?Sunday \u00e4"),
              "alerts --json: by whom, and the comment without its control character")
    tap.ok(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", given.get("at", "")),
           "and when", given)
    text = daemon.ctl("alerts").stdout
    tap.ok(re.search(rf"acknowledged \d+s ago by uid {os.getuid()}: mended on\?Sunday", text),
           "alerts says so below the alert", text)
    result = daemon.ctl("status")
    tap.ok("1 alert raised, 1 of them acknowledged." in result.stdout and result.returncode == 1,
           "status counts it, and exits 1 all the same", result)
    tap.equal(daemon.status()["alertsAcknowledged"], 1, "so does GetStatus")
    check_entry(tap, journal, "given", "mended on?Sunday \u00e4")
    lab.poll(lambda: reminders(daemon) > before, QUIET)
    tap.equal(reminders(daemon), before, f"no reminder in {QUIET} s, with RemindEvery=2s")


def check_entry(tap, journal, what, comment):
    """The newest entry about it."""
    def find():
        entries = journal.entries("TWMON_EVENT=acknowledged")
        return entries[-1] if entries and entries[-1]["TWMON_ACKNOWLEDGEMENT"] == what else None

    entry = lab.poll(find, 3)
    if not tap.ok(entry, f"{what}: it is in the journal"):
        return
    raised = journal.entries("TWMON_EVENT=raised", "TWMON_PORT=7865")[0]
    wanted = {"PRIORITY": "5", "TWMON_ALERT": KIND, "TWMON_SIDE": "local", "TWMON_PORT": "7865",
              "TWMON_KEY": KEY, "TWMON_ACKNOWLEDGED_BY": str(os.getuid()),
              "TWMON_COMMENT": comment or "none", "SYSLOG_IDENTIFIER": "twmond"}
    tap.equal({name: entry.get(name) for name in wanted}, wanted, f"{what}: its fields")
    owner = [name for name in raised if re.match("OBJECT_(SYSTEMD|PID)|TWMON_OWNER", name)]
    tap.equal({name: entry.get(name) for name in owner}, {name: raised[name] for name in owner},
              f"{what}: the owner's are those of the alert itself")
    tap.ok("acknowledge" in entry["MESSAGE"] and f"uid {os.getuid()}" in entry["MESSAGE"],
           f"{what}: the message says it", entry)
    catalog = lab.read_text(lab.ROOT + "/systemd/twmon.catalog")
    tap.ok(f"-- {entry['MESSAGE_ID']}\n" in catalog, f"{what}: the catalog knows its id", entry)


def check_escalation(tap, daemon, watcher, held):
    more = makers.close_wait(7865, 20, server=held.listener)
    tap.ok(lab.poll(lambda: watcher.find("escalated", KIND, 7865), BOUND),
           "an escalation is told all the same", watcher.replies)
    event = watcher.find("escalated", KIND, 7865) or {"alert": {}}
    tap.equal((event["alert"].get("acknowledged"), acknowledged(daemon)), (None, None),
              "and ends the acknowledgement")
    tap.ok("acknowledged" not in daemon.ctl("status").stdout, "status counts none", daemon.status())
    before = count(watcher, "reminded")
    tap.ok(wait_more(watcher, "reminded", before, REMIND_BOUND), "reminders come again",
           watcher.replies)
    return more


def check_undo(tap, daemon, watcher, journal):
    tap.equal(daemon.ctl("acknowledge", "remote:7865").returncode, 1, "not of the other side")
    result = daemon.ctl("acknowledge", "--undo", "7865")
    tap.ok(result.returncode == 1 and "is acknowledged" in result.stderr,
           "--undo where nothing is acknowledged fails", result)
    result = daemon.ctl_json("acknowledge", "local:7865")
    tap.equal((result["alert"]["key"], result["alert"]["acknowledged"]["uid"]), (KEY, os.getuid()),
              "SIDE:PORT and --json: the alert")
    result = daemon.ctl("acknowledge", "local:7865", "--undo")
    tap.ok(result.returncode == 0 and result.stdout.startswith("no longer acknowledged: " + KIND),
           "--undo says what it has taken back", result)
    tap.equal(acknowledged(daemon), None, "and it is")
    check_entry(tap, journal, "taken-back", "")
    before = count(watcher, "reminded")
    tap.ok(wait_more(watcher, "reminded", before, REMIND_BOUND), "reminders come again",
           watcher.replies)


def check_others(tap, daemon):
    """Another uid may see it, and what happened, and not acknowledge."""
    def ask():
        with lab.Varlink(daemon.socket) as connection:
            events = len(connection.call(MONITOR + ".ListEvents")["events"])
            try:
                connection.call(MONITOR + ".Acknowledge", {"key": KEY})
            except lab.VarlinkError as error:
                return f"{error.name} {events}"
        return "no error"

    if lab.as_nobody(lambda: "me") is None:
        tap.skip("another uid", "a single uid in this namespace")
        return
    text = lab.as_nobody(ask) or "nothing 0"
    tap.equal(text.split()[0], MONITOR + ".PermissionDenied", "another uid is refused")
    tap.ok(int(text.split()[1]) > 0, "and may list events", text)
    tap.equal(acknowledged(daemon), None, "nothing was acknowledged")


def check_events(tap, daemon, watcher):
    told = [(item["sequence"], item["event"]) for item in watcher.events]
    for args in [], ["7865"], ["local:7865"], [KEY]:
        reply = daemon.ctl_json("events", *args)
        listed = [(item["sequence"], item["event"]) for item in reply["events"]]
        tap.equal(listed, told, f"events {args}: what Watch told, in its order")
        tap.equal((reply["lost"], reply["truncated"]), (0, False), "all of it")
    for args in ["7866"], ["remote:7865"], ["host"], [KEY.replace("stuck", "leak")]:
        result = daemon.ctl("events", *args)
        tap.ok(result.returncode == 0 and result.stdout.startswith("No event of "),
               f"events {args}: none", result)
    for args in [], ["7865"], [KEY]:
        reply = daemon.ctl_json("events", "--last", "2", *args)
        tap.equal(([item["sequence"] for item in reply["events"]], reply["truncated"]),
                  ([number for number, _ in told[-2:]], True), f"events {args} --last 2")
    lines = daemon.ctl("events", "7865").stdout.splitlines()
    tap.equal(len(lines), len(told), "events: a line each")
    tap.ok(re.match(r"\d{4}-\S+Z  warning +raised +close-wait-stuck +local port 7865: 6 connections stuck", lines[0]),
           "when, how severe, what, where", lines[0])
    tap.ok(re.match(r"\d{4}-\S+Z  critical +cleared +close-wait-stuck +local port 7865: "
                    r"close-wait-stuck alert cleared after \d+s", lines[-1]),
           "of a cleared one, how long it stood", lines[-1])
    tap.equal([line.split("port 7865: ")[1] for line in lines],
              [item["message"].split("port 7865: ")[1] for item in watcher.events],
              "in the words of watch")
    owners = [item["alert"].get("owner") for item in daemon.ctl_json("events")["events"]]
    tap.equal(owners, [item["alert"].get("owner") for item in watcher.events],
              "with the owners that were told")


def test_life(tap):
    journal = lab.Journal()
    journal.start()
    with lab.Daemon(CONFIG) as daemon:
        watcher = lab.Watcher(daemon.socket)
        result = daemon.ctl("events")
        tap.equal(result.stdout, "No event is known.\n", "nothing has happened yet")
        held = makers.close_wait(7865, 6)
        check_pending(tap, daemon)
        tap.ok(daemon.wait_alert(KIND, 7865, "raised", BOUND), "raised")
        tap.ok(wait_more(watcher, "reminded", 0, REMIND_BOUND), "it is reminded of",
               watcher.replies)
        check_given(tap, daemon, journal)
        more = check_escalation(tap, daemon, watcher, held)
        check_others(tap, daemon)
        check_undo(tap, daemon, watcher, journal)
        tap.equal(daemon.ctl("acknowledge", KEY).returncode, 0, "by its key")
        more.reset()
        held.close()
        tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, 7865), 8), "its end is told",
               watcher.replies)
        result = daemon.ctl("acknowledge", KEY)
        tap.ok(result.returncode == 1 and "neither raised nor pending" in result.stderr,
               "one that is gone: acknowledge fails and says why", result)
        check_events(tap, daemon, watcher)
        watcher.close()
        lab.stop_well(tap, daemon)
    journal.stop()


def test_own_uid(tap):
    """A twmond that is not root's lets its own uid acknowledge."""
    def ask():
        with lab.Varlink(daemon.socket) as connection:
            return json.dumps(connection.call(MONITOR + ".Acknowledge", {"key": KEY}))

    usable = lab.as_nobody(lambda: "yes" if os.access(lab.TWMOND, os.X_OK) else "no")
    if usable != "yes":
        raise lab.Skip(f"uid {NOBODY['user']} cannot be had here, or may not run {lab.TWMOND}")
    directory = lab.temp_dir()
    os.chmod(directory, 0o777)
    with lab.Daemon(CONFIG, socket=directory + "/control", **NOBODY) as daemon, \
            makers.close_wait(7865, 6):
        tap.ok(daemon.wait_alert(KIND, 7865, "raised", 2 * BOUND), "raised by a twmond of nobody's")
        alert = json.loads(lab.as_nobody(ask) or "{}").get("alert", {})
        tap.equal(alert.get("acknowledged", {}).get("uid"), NOBODY["user"], "its own uid may")
        tap.equal(daemon.ctl("acknowledge", KEY).returncode, 0, "and so may root")
        tap.equal((acknowledged(daemon) or {}).get("uid"), 0, "who is named then")
        lab.stop_well(tap, daemon)


def test_gone_meanwhile(tap):
    """By a port: one alert that clears in between keeps none of the others from it."""
    keys = [f"{kind}:-:local:7865:-" for kind in ("close-wait-stuck", "close-wait-leak", "silent")]
    alerts = [{"key": key, "kind": key.split(":")[0], "state": "raised", "side": "local",
               "port": 7865, "severity": "warning"} for key in keys]
    name, refused = "NoSuchAlert", 0

    def answer(connection, request):
        if request["method"] == MONITOR + ".ListAlerts":
            connection.sendall(frame({"alerts": alerts, "total": 3}))
        elif (key := request["parameters"]["key"]) == keys[refused]:
            connection.sendall(error(f"{MONITOR}.{name}", key=key))
        else:
            connection.sendall(frame({"alert": alerts[keys.index(key)]}))

    def asked(fake):
        return [request["parameters"]["key"] for request in fake.requests[1:]]

    for refused in range(3):
        with Fake(answer) as fake:
            result = fake.ctl("acknowledge", "7865")
            expect(tap, result, 1, [keys[refused] + " is neither raised nor pending"],
                   f"alert {refused + 1} of 3 is gone: a failure that says which")
            tap.equal((asked(fake), len(result.stdout.splitlines())), (keys, 2),
                      "the others are acknowledged")
    name, refused = "PermissionDenied", 0
    with Fake(answer) as fake:
        result = fake.ctl("acknowledge", "7865")
        expect(tap, result, 1, ["only root"], "who may not is told")
        tap.equal((asked(fake), len(result.stderr.splitlines())), (keys[:1], 2), "once")


lab.run(test_life, test_own_uid, test_gone_meanwhile, limit=90)
