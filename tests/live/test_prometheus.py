#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real Prometheus scrapes the real exporter: a leak fires there, and restarts of twmond do not show."""

import http.client
import json
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

import lab
import makers
from test_exporter import OPEN_METRICS, Exporter

CONFIG = """
[Scan]
Interval=500ms
CPUBudget=off
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
PORT, COUNT = 7411, 25
SCRAPES, RESTARTS = 1000, 5
SERVER = ("127.0.0.1", 19090)
STUCK = re.compile(rf'^twmon_close_wait_stuck\{{side="local",port="{PORT}"\}} (\S+)$', re.MULTILINE)


class Prometheus:
    """Scrapes and judges each second, by the rules as they are shipped."""

    def __init__(self, exporter):
        directory = lab.temp_dir()
        self.log = directory + "/log"
        with open(directory + "/prometheus.yml", "w", encoding="utf-8") as file:
            file.write(f"""
global: {{ scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s }}
rule_files: [ {lab.ROOT}/etc/prometheus/twmon.rules.yml ]
scrape_configs:
  - job_name: twmon
    static_configs: [ {{ targets: [ '{exporter.host}:{exporter.port}' ] }} ]
""")
        with open(self.log, "wb") as log:
            self.process = lab.spawn(
                [lab.find("prometheus"), f"--config.file={directory}/prometheus.yml",
                 f"--storage.tsdb.path={directory}/data",
                 f"--web.listen-address={SERVER[0]}:{SERVER[1]}"],
                stdout=log, stderr=log, cwd=directory)
        lab.must(self.ready, "Prometheus", 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.end(self.process, signal.SIGTERM)

    def fetch(self, path, **query):
        connection = http.client.HTTPConnection(*SERVER, timeout=10)
        try:
            connection.request("GET", path + "?" + urllib.parse.urlencode(query))
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(lab.read_text(self.log))
        try:
            return self.fetch("/-/ready")[0] == 200
        except OSError:
            return False

    def api(self, path, **query):
        answer = json.loads(self.fetch("/api/v1/" + path, **query)[1])
        if answer["status"] != "success":
            raise ValueError(f"{query}: {answer.get('error')}")
        return answer["data"]

    def series(self, query):
        """What an expression has now: [(labels, number)]"""
        return [(item["metric"], float(item["value"][1]))
                for item in self.api("query", query=query)["result"]]

    def value(self, query):
        """The number that an expression has, None: there is nothing."""
        result = self.api("query", query=query)["result"]
        return float(result[0]["value"][1]) if result else None

    def firing(self):
        return {(alert["labels"]["alertname"], alert["labels"].get("port")): alert
                for alert in self.api("alerts")["alerts"] if alert["state"] == "firing"}


class Service:
    """A twmond that is restarted, with a socket that outlives it, as systemd has it."""

    def __init__(self, config=CONFIG):
        self.directory = lab.temp_dir()
        self.path = self.directory + "/control"
        with open(self.directory + "/twmon.conf", "w", encoding="utf-8") as file:
            file.write(config)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.path)
        self.socket.listen(512)
        self.start()

    def start(self):
        fd = self.socket.fileno()
        self.process = lab.spawn(
            ["sh", "-c", f'exec 3<&{fd}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh", lab.TWMOND,
             "--config", self.directory + "/twmon.conf", "--state-dir", self.directory + "/state",
             "--foreground"], pass_fds=[fd], stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)

    def call(self, method):
        with lab.Varlink(self.path) as connection:
            return connection.call("io.twmon.Monitor." + method)

    def restart(self, sig):
        lab.end(self.process, sig, 15)
        self.start()


def scrape(exporter, results):
    """Each (status, twmon_up, what is stuck); None: nothing is said of it."""
    for _ in range(SCRAPES):
        try:
            status, _, text = exporter.get(headers=OPEN_METRICS)
            stuck = STUCK.search(text)
            whole = text.endswith("\n# EOF\n")
            results.append((status, whole, "\ntwmon_up 1\n" in text,
                            float(stuck[1]) if stuck else None))
        except OSError as error:
            results.append((str(error), False, False, None))
        time.sleep(0.02)


def check_restarts(tap, service, exporter, prometheus):
    began = time.time()
    results = []
    thread = threading.Thread(target=scrape, args=(exporter, results))
    thread.start()
    for number in range(RESTARTS):
        lab.must(lambda: len(results) >= (number + 1) * SCRAPES // (RESTARTS + 1), "scrapes", 60)
        service.restart(signal.SIGKILL if number % 2 else signal.SIGTERM)
    thread.join()
    tap.equal(len(results), SCRAPES, f"{SCRAPES} scrapes while twmond is restarted {RESTARTS} times")
    tap.equal({result[:3] for result in results}, {(200, True, True)}, "none has failed, up is 1")
    stuck = [result[3] for result in results]
    tap.equal(set(stuck) - {None}, {float(COUNT)}, "what is stuck is never another number")
    tap.ok(stuck.count(None) < SCRAPES // 5, f"and unknown in {stuck.count(None)} of them, before "
           "the first scan", stuck.count(None))

    window = f"[{int(time.time() - began) + 1}s]"
    tap.equal(prometheus.value(f"min(min_over_time(up{window}))"), 1.0,
              "no scrape of Prometheus has failed")
    tap.equal(prometheus.value(f"min(min_over_time(twmon_up{window}))"), 1.0, "to it, too, up is 1")
    tap.equal(prometheus.value(f'min(min_over_time(twmon_close_wait_stuck{{port="{PORT}"}}{window}))'),
              float(COUNT), "and no wrong zero")


def test_prometheus(tap):
    for program in "prometheus", "promtool":
        lab.need(lab.find(program))
    service = Service()
    with Exporter(service.path) as exporter, Prometheus(exporter) as prometheus:
        lab.must(lambda: prometheus.value("twmon_up") == 1, "a first scrape")
        targets = prometheus.api("targets")["activeTargets"]
        tap.equal([target["health"] for target in targets], ["up"], "Prometheus scrapes the exporter")
        tap.equal(prometheus.firing(), {}, "nothing fires")
        with makers.close_wait(PORT, COUNT):
            alert = lab.poll(lambda: prometheus.firing().get(("TwmonAlert", str(PORT))), 60, 0.5)
            tap.ok(alert, f"{COUNT} connections are stuck: TwmonAlert fires",
                   prometheus.api("alerts"))
            labels = alert["labels"] if alert else {}
            tap.equal((labels.get("kind"), labels.get("severity"), labels.get("owner")),
                      ("close-wait-stuck", "warning", "python3"), "and says what and whose")
            tap.equal(prometheus.value(f'twmon_close_wait_stuck{{port="{PORT}"}}'), float(COUNT),
                      "the number is there")
            meta = prometheus.api("metadata", metric="twmon_close_wait_oldest_seconds")
            tap.equal([item["type"] for item in meta.get("twmon_close_wait_oldest_seconds", [])],
                      ["gauge"], "with its type")
            check_restarts(tap, service, exporter, prometheus)
            tap.ok(("TwmonAlert", str(PORT)) in prometheus.firing(), "it fires still")
            since = prometheus.firing().get(("TwmonAlert", str(PORT)), {}).get("activeAt")
            tap.equal(since, alert and alert["activeAt"], "and has never ceased to")
        tap.ok(lab.poll(lambda: not [key for key in prometheus.firing() if key[0] == "TwmonAlert"],
                        45, 0.5), "mended: it ends", prometheus.firing())
        exporter.stop_well(tap)
    lab.end(service.process, signal.SIGTERM)


if __name__ == "__main__":
    lab.run(test_prometheus, limit=170)
