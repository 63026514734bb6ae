#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Prometheus is told: against ss(8), by promtool's own judgement, and on a host with many ports."""

import os
import re
import subprocess
import time

import lab
import makers
from test_exporter import OPEN_METRICS, Exporter

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=1s
"""
GET = "GetMetrics"
SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"')
PROMTOOL = lab.find("promtool")
MANY = 10000
SERIES_MAX = 3500
BYTES_MAX = 1 << 20
ANSWER_SEC = 0.050


def parse(text):
    """{(name, label, label ...): value}; a label is (name, value)."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.match(line).groups()
        key = (name, *LABEL.findall(labels or ""))
        if key in samples:
            raise ValueError(f"twice: {line}")
        samples[key] = float(value)
    return samples


def sockets(samples):
    """{(side, port): (timeWait, closeWait)} as lab.ss_ports() has it."""
    rows = {}
    for (name, *labels), value in samples.items():
        if name == "twmon_sockets":
            _, side, _, port, _, state = sum(labels, ())
            row = rows.setdefault((side, port), [0, 0])
            row[state == "close_wait"] = int(value)
    return {key: tuple(value) for key, value in rows.items()}


def promtool(text):
    """What promtool check metrics has to say; empty: nothing."""
    result = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True,
                            text=True, check=False)
    return result.stdout + result.stderr + (f"exit {result.returncode}" if result.returncode else "")


def test_counts(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7401, 25), \
            makers.close_wait_outgoing(7402, 3):
        makers.time_wait(7403, 10)
        alert = daemon.wait_alert("close-wait-stuck", 7401, "raised", 20) or {}
        daemon.wait_scan()
        text = daemon.ctl("metrics").stdout
        samples = parse(text)
        wanted = {(side, str(port)): row for (side, port), row in lab.ss_ports([7403]).items()}
        got = sockets(samples)
        others = {key: got.pop(key) for key in list(got) if key[1] == "other"}
        tap.equal(got, wanted, "the sockets are those of ss")
        tap.equal(others, {("local", "other"): (0, 0), ("remote", "other"): (0, 0)}, "and no others")
        stuck = samples.get(("twmon_close_wait_stuck", ("side", "local"), ("port", "7401")))
        tap.equal(stuck, 25.0, "25 of them stuck")
        oldest = samples.get(("twmon_close_wait_oldest_seconds", ("side", "local"),
                              ("port", "7401")), 0)
        tap.ok(1 <= oldest <= 60, "for some seconds", oldest)
        info = [dict(key[1:]) for key in samples if key[0] == "twmon_alert_info"
                and ("port", "7401") in key and ("kind", "close-wait-stuck") in key]
        tap.equal([(item["severity"], item["state"]) for item in info],
                  [(alert.get("severity"), "raised")], "the alert has its sample")
        tap.ok(text.endswith("\n# EOF\n"), "the text says that it is whole", text[-100:])
        older = daemon.ctl("metrics", "--prometheus").stdout
        tap.equal(promtool(older), "", "promtool check metrics: nothing to say")
        tap.ok(promtool(older.replace("# HELP", "# HULP")), "... which it otherwise has")
        tap.equal(set(parse(older)), set(samples), "both formats have the same samples")
        reply = daemon.ctl_json("metrics")
        tap.ok(reply["contentType"].startswith("application/openmetrics-text"), "--json", reply)
        try:
            daemon.call(GET, {"format": "html"})
            tap.ok(False, "another format is refused")
        except lab.VarlinkError as error:
            tap.equal(error.name, "org.varlink.service.InvalidParameter",
                      "another format is refused")
        lab.stop_well(tap, daemon)


def test_before_the_first_scan(tap):
    """The kernel does not answer: nothing that nobody has seen is told as zero."""
    kernel = lab.Kernel("enoent")
    with kernel.daemon(CONFIG) as daemon:
        lab.must(lambda: daemon.status().get("failed"), "a scan that fails")
        names = {key[0] for key in parse(daemon.ctl("metrics").stdout)}
        told = {name for name in names if name.startswith(("twmon_sockets", "twmon_close_wait"))}
        tap.equal(told, set(), "nothing is told of sockets")
        samples = parse(daemon.ctl("metrics").stdout)
        tap.equal(samples.get(("twmon_verdict", ("verdict", "unknown"))), 1.0, "unknown is said")
        lab.stop_well(tap, daemon)


def test_textfile(tap):
    """The example of the page, as it is: no number stays where twmond has gone."""
    page = lab.read_text(lab.ROOT + "/man/twmonctl.1")
    example = re.search(r"^# cd \S+\n# (twmonctl metrics(?:.*\n)+?)\.Ed$", page, re.MULTILINE)[1]
    directory = lab.temp_dir()

    def renew():
        subprocess.run(["sh", "-c", example], cwd=directory, check=False, stderr=subprocess.DEVNULL,
                       env=dict(os.environ, PATH=tools + ":" + os.environ["PATH"]))
        return {name: lab.read_text(f"{directory}/{name}").endswith("\n") for name in os.listdir(directory)}

    with lab.Daemon("[Scan]\nInterval=1s\n") as daemon:
        tools = lab.temp_dir()
        with open(tools + "/twmonctl", "w", encoding="ascii") as script:
            script.write(f'#!/bin/sh\nexec {lab.TWMONCTL} --socket {daemon.socket} "$@"\n')
        os.chmod(tools + "/twmonctl", 0o755)
        tap.equal(renew(), {"twmon.prom": True}, "a file for node_exporter")
        tap.equal(promtool(lab.read_text(directory + "/twmon.prom")), "", "as promtool has it")
        tap.equal(renew(), {"twmon.prom": True}, "and again")
        lab.end(daemon.process)
        tap.equal(renew(), {}, "without twmond there is none, nor a part of one")


def use_ports(count):
    """TIME_WAIT at that many local ports, and at that many remote ones."""
    for port in range(10001, 10001 + count):
        server = makers.listener(port)
        for server_first in False, True:
            client = makers.client(port)
            accepted = server.accept()[0]
            for sock in (accepted, client) if server_first else (client, accepted):
                sock.close()
        server.close()


def check_scrape(tap, daemon):
    """The same through the exporter, as Prometheus comes."""
    with Exporter(daemon.socket, binary=lab.ROOT + "/build/twmon-exporter") as exporter:
        times = []
        for _ in range(20):
            began = time.monotonic()
            text = exporter.get(headers=OPEN_METRICS)[2]
            times.append(time.monotonic() - began)
        times.sort()
        tap.ok(times[10] < ANSWER_SEC, f"a scrape takes {times[10] * 1000:.1f} ms "
               f"({times[0] * 1000:.1f} to {times[-1] * 1000:.1f})", times)
        tap.ok(len(text) < BYTES_MAX and text.endswith("# EOF\n"), f"of {len(text)} bytes")


def test_many_ports(tap):
    lab.set_sysctl("net.ipv4.ip_local_port_range", "30000 65535")
    use_ports(MANY)
    with lab.Daemon("[Scan]\nInterval=2s\n", binary=lab.RELEASE, foreground=True) as daemon:
        totals = daemon.status()["totals"]
        tap.ok(totals["ports"] >= 2 * MANY, f"{totals['ports']} ports have sockets", totals)
        times = []
        with lab.Varlink(daemon.socket) as connection:
            for _ in range(20):
                began = time.monotonic()
                connection.send({"method": "io.twmon.Monitor.GetMetrics", "parameters": {}})
                connection.frame()
                times.append(time.monotonic() - began)
            largest = connection.largest
        times.sort()
        tap.ok(times[10] < ANSWER_SEC, f"an answer takes {times[10] * 1000:.1f} ms "
               f"({times[0] * 1000:.1f} to {times[-1] * 1000:.1f})", times)
        check_scrape(tap, daemon)
        text = daemon.call(GET)["text"]
        samples = parse(text)
        tap.ok(len(samples) < SERIES_MAX, f"{len(samples)} samples", len(samples))
        tap.ok(largest < BYTES_MAX, f"{len(text)} bytes of text, {largest} as a reply", largest)
        summed = [sum(row[0] for (side, _), row in sockets(samples).items() if side == wanted)
                  for wanted in ("local", "remote")]
        told = daemon.status()["totals"]["timeWait"]
        tap.ok(abs(sum(summed) - told) <= told // 100, "together they are all that there are",
               (summed, told))
        lab.stop_well(tap, daemon)


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C.UTF-8"
    lab.run(test_counts, test_before_the_first_scan, test_textfile, test_many_ports, limit=170)
