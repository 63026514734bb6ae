#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmon as it is installed: it starts, says how it is, and speaks in the leaking unit's own log."""

import json
import re

import guest
import machine
from guest import CLEAR_SEC, KIND, LEAKY, PORT, SOCKET, TWMON
from machine import ROOT, lab


def test_start(tap):
    with guest.Guest(start=False) as host:
        tap.note(f"systemd {host.version()}")
        enabled = host.systemctl("enable", "--now", TWMON)
        tap.equal(host.show(TWMON, "ActiveState"), "active", "enable --now: twmond is active")
        for unit in TWMON, "twmond.socket":
            tap.equal(host.systemctl("is-enabled", unit, check=False).stdout.strip(), "enabled",
                      f"{unit} is enabled")
        tap.equal([line for line in enabled.stderr.splitlines() if "Created symlink" not in line],
                  [], "systemctl has nothing to complain about")
        tap.equal(host.show(TWMON, "NRestarts"), "0", "it was started once")
        check_status_line(tap, host)
        tap.equal(host.said("(?i)failed|denied|not permitted|unknown"), [],
                  "nothing went wrong under the unit's restrictions")
        check_control(tap, host)
        check_varlinkctl(tap, host)
        check_stop(tap, host)


def check_status_line(tap, host):
    text = host.systemctl("status", TWMON).stdout
    tap.ok(re.search(r'Status: "\d+ ports? watched\b.*\balerts\b.*\blast scan\b.* ms', text),
           "systemctl status has a line on how it is", text)
    tap.ok("Active: active (running)" in text, "READY=1 has arrived", text)


def check_control(tap, host):
    status = json.loads(host.exec("twmonctl", "--json", "status").stdout)
    tap.equal((status["verdict"], status["pid"]), ("ok", host.main_pid()), "twmonctl reaches it")
    answer = host.run("twmonctl", "status", properties=["User=nobody"], check=False)
    tap.equal((answer.returncode, answer.stderr), (0, ""), "and so does it as nobody")
    denied = host.run("twmonctl", "reload", properties=["User=nobody"], check=False)
    tap.ok(denied.returncode != 0, "who may not reload", denied)


def check_varlinkctl(tap, host):
    """systemd's own client, from 257 on."""
    if not host.has("varlinkctl"):
        tap.skip("varlinkctl", "it is not in this tree")
        return
    described = host.exec("varlinkctl", "introspect", SOCKET, "io.twmon.Monitor", check=False)
    tap.ok(described.returncode == 0 and "method GetStatus()" in described.stdout,
           "varlinkctl introspect knows the interface", described)
    answer = host.exec("varlinkctl", "--json=short", "call", SOCKET, "io.twmon.Monitor.GetStatus",
                       "{}", check=False)
    tap.ok(answer.returncode == 0, "varlinkctl call GetStatus", answer)
    tap.equal(json.loads(answer.stdout or "{}").get("pid"), host.main_pid(), "brings its answer")
    info = host.exec("varlinkctl", "info", SOCKET, check=False)
    tap.ok(info.returncode == 0 and "io.twmon.Monitor" in info.stdout, "varlinkctl info", info)


def check_stop(tap, host):
    host.systemctl("stop", TWMON)
    tap.equal((host.show(TWMON, "ActiveState"), host.show(TWMON, "Result")), ("inactive", "success"),
              "systemctl stop ends it well")
    tap.ok(host.status()["pid"] > 0, "the next client starts it again, by its socket")
    host.systemctl("stop", "twmond.socket", TWMON)
    tap.ok(not host.exists(SOCKET), "with the socket unit goes its file")


def check_entry(tap, entry, wanted, name):
    tap.equal({key: entry.get(key) for key in wanted}, wanted, f"{name}: what it says")
    shown = guest.catalog().get(entry.get("MESSAGE_ID"))
    if tap.ok(shown, f"{name}: the catalog knows its id", entry):
        tap.equal(sorted(field for field in shown if not entry.get(field)), [],
                  f"{name}: each of the {len(shown)} fields of its catalog text is there")


def check_explained(tap, host, subject, name):
    text = host.exec("journalctl", "--no-pager", "-x", "-u", LEAKY).stdout
    tap.ok(re.search(subject, text), f"{name}: journalctl -x explains it", text)
    tap.equal(re.findall(r"@\w+@|\bTWMON_\w+", text), [], f"{name}: with every field filled in")


def test_leak(tap):
    with guest.Guest() as host:
        host.leak(8)
        host.wait_raised()
        entries = lab.must(lambda: host.journal("-u", LEAKY, "TWMON_EVENT=raised"), "its entry", 5)
        tap.equal(len(entries), 1, "the alert stands in the log of leaky.service, once")
        check_entry(tap, entries[0], {
            "TWMON_ALERT": KIND, "TWMON_SIDE": "local", "TWMON_PORT": str(PORT),
            "TWMON_SEVERITY": "warning", "TWMON_STUCK": "8", "TWMON_UNCLOSED": "8",
            "TWMON_OWNER_UNIT": LEAKY, "TWMON_OWNER_COMM": "demo-leaky", "PRIORITY": "4",
            "TWMON_OWNER_PID": host.show(LEAKY, "MainPID"), "OBJECT_SYSTEMD_UNIT": LEAKY,
            "_SYSTEMD_UNIT": TWMON, "_UID": "0"}, "raised")
        check_explained(tap, host, "are never closed", "raised")
        status = host.systemctl("status", LEAKY).stdout
        tap.ok(entries[0]["MESSAGE"] in status, "systemctl status of leaky.service shows it", status)
        status = host.systemctl("status", TWMON).stdout
        tap.ok(re.search(r'Status: ".*\b1 alert\b.*\bwarning\b', status),
               "and that of twmond counts it", status)
        host.mend()
        host.wait_cleared()
        entries = lab.poll(lambda: host.journal("-u", LEAKY, "TWMON_EVENT=cleared"), CLEAR_SEC)
        tap.equal(len(entries), 1, "it is cleared after the leak has ended, once")
        check_entry(tap, entries[0], {"TWMON_ALERT": KIND, "PRIORITY": "5",
                                      "TWMON_OWNER_UNIT": LEAKY}, "cleared")
        check_explained(tap, host, "are closed again", "cleared")
        tap.equal(host.history(), ["raised", "cleared"], "and nothing else was said of it")


def test_owners(tap):
    """The drop-in that lets twmond see which process holds a connection."""
    dropin = ROOT + "/systemd/dropins/owners.conf"
    with guest.Guest(units={"owners": lab.read_text(dropin)}) as host:
        host.put("/run/systemd/system/nobody.service", f"""[Service]
User=nobody
ExecStart=/usr/local/bin/demo-leaky serve {PORT}
""")
        host.systemctl("daemon-reload")
        host.leak(8, "nobody.service")
        owner = host.wait_raised().get("owner") or {}
        tap.equal((owner.get("holders"), [item["pid"] for item in owner.get("processes") or []]),
                  (True, [int(host.show("nobody.service", "MainPID"))]),
                  "owners.conf: the very process that holds them is named")


WRITABLE = ["/dev/shm", "/run/twmon", "/tmp", "/var/lib/twmon", "/var/tmp"]
PROBE = "for d; do touch $d/probe 2>/dev/null && echo $d; rm -f $d/probe 2>/dev/null; done; :"


def test_sandbox(tap):
    """Where the file systems that the service sees can be written, be it by a root with every right."""
    with guest.Guest() as host:
        places = WRITABLE + ["/", "/etc", "/etc/systemd/system", "/run", "/run/lock", "/run/systemd",
                             "/run/systemd/system", "/usr", "/var", "/var/lib"]
        seen = host.exec("nsenter", "-t", host.main_pid(), "-m", "sh", "-c", PROBE, "sh", *places)
        tap.equal(sorted(seen.stdout.split()), WRITABLE, "the service can write nothing else")
        shared = [place for place in places if host.exists(place)]
        tap.equal(shared, places, "all of these are there")


machine.run(test_start, test_leak, test_owners, test_sandbox)
