#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmond --record and twmonctl replay: what a replay tells is what was told; other levels tell other
things; a file that is damaged, foreign or full harms nothing."""

import json
import os
import re
import resource
import stat
import subprocess

import lab
import makers

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=2s
StuckWarning=5
StuckCritical=50
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
KIND = "close-wait-stuck"
BOUND = 2 + 1 + 2 * 1 + 2  # StuckAfter + RaiseAfter + 2 x Interval + 2 s
CLEAR_BOUND = 1 + 4 * 1 + 2
EXIT_CONFIG = 78


def replay(path, *args, config=None):
    command = [lab.TWMONCTL, "replay", path, *args]
    if config:
        command += ["--config", config]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if lab.SANITIZER.search(result.stderr):
        raise RuntimeError(result.stderr)
    return result


def replay_json(path, config):
    """(events, summary)"""
    result = replay(path, "--json", config=config)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return [line["event"] for line in lines if "event" in line], lines[-1]["summary"]


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def record(path, port, config=CONFIG):
    """A twmond that records one alert's life on that port; (what Watch told, the daemon)."""
    with lab.Daemon(config, "--record", path) as daemon:
        watcher = lab.Watcher(daemon.socket)
        with makers.close_wait(port, 6) as held:
            lab.must(lambda: watcher.find("raised", KIND, port), "the alert", BOUND)
            held.close()
        lab.must(lambda: watcher.find("cleared", KIND, port), "its end", CLEAR_BOUND)
        daemon.wait_scan()
        watcher.close()
        wrong = daemon.stop()
        if wrong:
            raise RuntimeError(wrong)
        return list(watcher.events), daemon


def told(events):
    """What must be the same in both. The times of a replay are those of the scans."""
    return [(event["event"], event["message"], event["messageId"], event["alert"]["key"],
             event["alert"]["severity"], event["alert"]["count"], event["alert"].get("owner"))
            for event in events]


def test_same_events(tap):
    path = lab.temp_dir() + "/rec"
    live, daemon = record(path, 7865)
    tap.equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "the recording is its owner's alone")
    events, summary = replay_json(path, daemon.config)
    tap.equal(told(events), told(live), "a replay tells what Watch told, in the same words")
    tap.ok(events and "7865" in events[0]["message"], "and names the port", events)
    tap.equal((summary["whole"], summary["sessions"], summary["raised"], summary["closeWaitMost"]),
              (True, 1, [], 6), "the summary")
    tap.equal([(item["event"], item["severity"], item["count"]) for item in summary["events"]],
              [("raised", "warning", 1), ("cleared", "warning", 1)], "and its counts")
    result = replay(path, config=daemon.config)
    line = next((line for line in result.stdout.splitlines() if live[0]["message"] in line), "")
    tap.ok(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z  ", line) and result.returncode == 0,
           "as text: a line with the recorded time", result)
    tap.ok(daemon.says(re.escape(live[0]["message"])), "which is also the journal's message",
           daemon.stderr())
    check_tuning(tap, path, live)
    check_damage(tap, path, daemon)
    check_append(tap, path, live, daemon)


def check_tuning(tap, path, live):
    directory = lab.temp_dir()
    lower = write(directory + "/lower", CONFIG.replace("StuckCritical=50", "StuckCritical=6"))
    higher = write(directory + "/higher", CONFIG.replace("StuckWarning=5", "StuckWarning=7"))
    wrong = write(directory + "/wrong", CONFIG + "Nonsense=1\n")
    events, _ = replay_json(path, lower)
    tap.equal([event["alert"]["severity"] for event in events], ["critical", "critical"],
              "with a lower critical level the same scans are critical")
    events, summary = replay_json(path, higher)
    tap.equal((events, summary["events"]), ([], []), "with a higher level nothing is told")
    tap.ok(summary["scans"] >= len(live), "of as many scans", summary)
    events, summary = replay_json(path, None)
    tap.equal((events, summary["configuration"]), ([], "built-in"),
              "without --config the built-in levels hold")
    result = replay(path, config=wrong)
    tap.ok(result.returncode == 1 and re.search(r"/wrong:\d+:", result.stderr),
           "a wrong configuration: its file and line, exit status 1", result)


def check_damage(tap, path, daemon):
    """Behind the raised alert's frames and before the cleared one's."""
    directory = lab.temp_dir()
    with open(path, "rb") as file:
        whole = bytearray(file.read())
    at = len(whole) * 3 // 4
    damaged = bytearray(whole)
    damaged[at] ^= 0xFF
    for name, data in ("damaged", damaged), ("torn", whole[:at]):
        copy = directory + "/" + name
        with open(copy, "wb") as file:
            file.write(data)
        result = replay(copy, config=daemon.config)
        offset = re.search(r"^twmonctl: \S+: offset (\d+): ", result.stderr)
        tap.ok(result.returncode == 1 and offset and at - 200 <= int(offset[1]) <= at,
               f"{name} at {at}: the offset of the frame, exit status 1", result)
        tap.equal(len(result.stderr.splitlines()), 1, f"{name}: in one line")
        tap.ok("7865: 6 connections stuck" in result.stdout,
               f"{name}: the alert before it is told", result.stdout)
        events, summary = replay_json(copy, daemon.config)
        tap.equal(([event["event"] for event in events], summary["whole"],
                   summary["error"]["offset"]), (["raised"], False, int(offset[1])),
                  f"{name}: the same in JSON")
        tap.equal(len(summary["raised"]), 1, f"{name}: what was raised by then still is")
    newer = bytearray(whole)
    newer[8] = 9
    for name, data in ("newer", newer), ("foreign", b"#!/bin/sh\n" * 20), ("empty", b""):
        copy = directory + "/" + name
        with open(copy, "wb") as file:
            file.write(data)
        result = replay(copy)
        tap.ok(result.returncode == 1 and len(result.stderr.splitlines()) == 1 and
               not result.stdout, f"{name}: refused in one line", result)
    tap.equal(replay(directory + "/missing").returncode, 1, "a missing file: exit status 1")


def check_append(tap, path, live, daemon):
    with open(path, "ab") as file:
        file.write(b"\x40\0\0\0\2 a frame that was cut off")
    size = os.path.getsize(path)
    more, second = record(path, 7866)
    tap.ok(second.says(r"--record .* the last \d+ bytes, from offset \d+ on, were not written"),
           "a torn tail is cut off, and said", second.stderr())
    tap.ok(os.path.getsize(path) > size, "a second twmond appends")
    events, summary = replay_json(path, daemon.config)
    tap.equal(told(events), told(live) + told(more), "both sessions are replayed")
    tap.equal((summary["sessions"], summary["whole"]), (2, True), "and counted")
    with open(path, "rb") as file:
        result = subprocess.run([lab.TWMONCTL, "replay", "-"], stdin=file, capture_output=True,
                                text=True, check=False)
    tap.equal(result.returncode, 0, "standard input does as well")


def test_refusals(tap):
    directory = lab.temp_dir()
    foreign = write(directory + "/foreign", "somebody's letters\n" * 10)
    before = lab.read_text(foreign)
    for path in foreign, directory, directory + "/no/such/directory":
        daemon = lab.Daemon(CONFIG, "--record", path, wait=0)
        status = lab.poll(lambda: daemon.process.poll() is not None and
                          (daemon.process.returncode,), 10)
        tap.equal(status, (EXIT_CONFIG,), f"{os.path.basename(path)}: exit status 78")
        tap.equal(len(daemon.stderr().splitlines()), 1, "and one line that says why")
        tap.ok("--record" in daemon.stderr(), "which names the option", daemon.stderr())
    tap.equal(lab.read_text(foreign), before, "nothing was overwritten")
    path = directory + "/rec"
    with lab.Daemon(CONFIG, "--record", path):
        daemon = lab.Daemon(CONFIG, "--record", path, wait=0)
        lab.poll(lambda: daemon.process.poll() is not None, 10)
        tap.equal(daemon.process.returncode, EXIT_CONFIG, "two cannot record to one file")


def check_watching_goes_on(tap, daemon, name, port):
    """The disk is full, or will be: it is said once, and alerts are still raised."""
    tap.ok(lab.poll(lambda: daemon.says("recording to .* failed"), 10), f"{name}: it is said",
           daemon.stderr())
    with makers.close_wait(port, 6):
        alert = daemon.wait_alert(KIND, port, "raised", BOUND)
        tap.ok(alert, f"{name}: an alert is raised all the same", daemon.stderr())
    tap.ok(daemon.status()["limitsHit"].get("recording", 0) > 0, f"{name}: status counts the loss",
           daemon.status()["limitsHit"])
    tap.ok("not recorded" in daemon.ctl("status").stdout, f"{name}: and shows it",
           daemon.ctl("status").stdout)
    tap.equal(len(re.findall("recording to .* failed", daemon.stderr())), 1, f"{name}: once")


def test_full_disk(tap):
    directory = lab.temp_dir()
    lab.mount("-t", "tmpfs", "-o", "size=64k", "tmpfs", directory)
    path = directory + "/rec"
    with lab.Daemon(CONFIG, "--record", path) as daemon:
        with open(directory + "/filler", "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        # the page that the recording has begun is its own: some scans more fit into it
        held = makers.close_wait(7880, 300)
        check_watching_goes_on(tap, daemon, "full disk", 7881)
        held.close()
        lab.stop_well(tap, daemon)
    result = replay(path)
    tap.ok(result.returncode == 0 and "Replayed" in result.stdout,
           "full disk: what was recorded by then is whole", result)


def test_size_limit(tap):
    path = lab.temp_dir() + "/rec"
    with lab.Daemon(CONFIG, "--record", path) as daemon:
        size = os.path.getsize(path) + 1000  # enough for what is said on stderr, a file as well
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, size))
        with makers.close_wait(7882, 60):
            check_watching_goes_on(tap, daemon, "size limit", 7883)
        lab.stop_well(tap, daemon)
    tap.ok(os.path.getsize(path) <= size, "size limit: the file stays below it")
    tap.equal(replay(path).returncode, 0, "size limit: what was recorded by then is whole")


lab.run(test_same_events, test_refusals, test_full_disk, test_size_limit, limit=120)
