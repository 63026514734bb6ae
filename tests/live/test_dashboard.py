#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dashboard's queries, asked of a real Prometheus: each has an answer while a program leaks and another
uses its ports up, and none of them a number when twmond is away."""

import re
import signal
import threading
import time

import cable
import dashboard
import lab
import makers
from test_exhaustion import Client, serve_there, set_range
from test_exporter import Exporter
from test_prometheus import Prometheus, Service

CONFIG = """
[Scan]
Interval=500ms
CPUBudget=50%
[CloseWait]
StuckAfter=2s
StuckWarning=5
[Alerts]
RaiseAfter=1s
ClearAfter=1s
"""
LEAK, CLIENT = 7421, 7422
FIRST_SOURCE = 20000  # no port twice, and none of those that the client uses up
PAUSE, RATE = 1.2, 5.0  # seconds from one leaked connection to the next; connections a second
WAIT_SEC = 75
# What says that twmond is away, and not what it saw.
AWAY = {"Hosts that do not answer A": 1.0, "Verdict of each host A": 4.0}
STEP_SEC = 2


class Leak(threading.Thread):
    """A server that forgets one connection after the other."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server, self.forgotten = makers.listener(LEAK), []
        self.stopped = threading.Event()
        self.start()

    def run(self):
        while not self.stopped.wait(PAUSE):
            source = FIRST_SOURCE + len(self.forgotten)
            _, clients, accepted = makers.connections(LEAK, 1, server=self.server, source_port=source)
            clients[0].close()
            accepted[0].recv(1)  # the program reads the end, and does not close
            self.forgotten += accepted

    def end(self):
        self.stopped.set()
        self.join(10)
        for sock in self.forgotten:
            sock.close()
        self.server.close()


def label_values(prometheus, query):
    """What a variable can be, as Grafana asks for it."""
    series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups()
    return prometheus.api(f"label/{label}/values", **{"match[]": series})


def all_of(values):
    """How Grafana writes a choice of several into a query."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"


def fill_variables(tap, board, prometheus, exporter):
    """{name: what stands for it when everything is chosen}, each asked with those before it."""
    wanted = {"job": {"twmon"}, "instance": {f"{exporter.host}:{exporter.port}"},
              "port": {str(LEAK), str(CLIENT), "other"}}
    filled = {}
    for name, query in dashboard.variables(board).items():
        values = label_values(prometheus, dashboard.fill(query, filled))
        tap.ok(wanted[name] <= set(values), f"the variable {name} has what there is", values)
        filled[name] = all_of(values)
    filled["port"] = ".*"  # allValue
    return {**filled, "__range": "60s", "__rate_interval": "15s"}


def ask(prometheus, query, values):
    """The series of a panel's query, asked as Grafana asks: now, or of the last minute."""
    expr = query.filled(values)
    if query.instant:
        return prometheus.api("query", query=expr)["result"]
    now = time.time()
    return prometheus.api("query_range", query=expr, start=now - 60, end=now, step=STEP_SEC)["result"]


def check_answers(tap, board, prometheus, values):
    silent = dashboard.queries(board)
    tap.ok(len(silent) > 30, "the dashboard has queries", len(silent))
    refused = []

    def all_seen():
        for query in list(silent):
            try:
                if ask(prometheus, query, values):
                    silent.remove(query)
            except ValueError as error:
                refused.append(str(error))
                silent.remove(query)
        return not silent

    lab.poll(all_seen, WAIT_SEC, 1)
    tap.equal(refused, [], "Prometheus takes each query as it is")
    tap.equal([query.name for query in silent], [], "and each has an answer while there is a leak")


def check_numbers(tap, board, prometheus, values, leak):
    """Some, against what was done."""
    named = {query.name: query.filled(values) for query in dashboard.queries(board)}
    stuck = dict((labels["port"], number)
                 for labels, number in prometheus.series(named["Ports with something stuck A"]))
    there = len(leak.forgotten)
    tap.ok(set(stuck) == {str(LEAK)} and there - 8 <= stuck[str(LEAK)] <= there,
           f"the port that leaks is the one that is named, with its {there} connections", stuck)
    rate = prometheus.series(named["Growth of leaks A"])[0][1]
    tap.ok(20 <= rate <= 120, f"it grows by {rate:.0f} a minute, truly {60 / PAUSE:.0f}", rate)
    alerts = {(labels["kind"], labels["port"]): (labels, number)
              for labels, number in prometheus.series(named["Alerts A"])}
    labels, left = alerts.get(("close-wait-leak", str(LEAK)), ({}, None))
    tap.ok(labels.get("owner") == "python3" and left and left > 0,
           "its alert has an owner and a time when descriptors run out", alerts)
    tap.ok(("close-wait-stuck", str(LEAK)) in alerts, "one without such a time is there, too", alerts)
    chosen = {**values, "port": str(LEAK)}
    kinds = {labels["port"] for labels, _ in prometheus.series(
        next(query for query in dashboard.queries(board) if query.name == "Alerts A").filled(chosen))}
    tap.equal(kinds, {str(LEAK)}, "a port that is chosen is the only one")


def check_away(tap, board, prometheus, service, values):
    """twmond is gone: no panel has a number, but those that say so."""
    lab.end(service.process, signal.SIGTERM, 15)
    service.socket.close()
    lab.must(lambda: prometheus.value("twmon_up") == 0, "twmon_up to be 0", 30)

    def told():
        return {query.name: [number for _, number in prometheus.series(query.filled(values))]
                for query in dashboard.queries(board)
                if "rate(" not in query.expr and "increase(" not in query.expr}

    wanted = {name: [number] for name, number in AWAY.items()}
    seen = lab.poll(lambda: {name: numbers for name, numbers in told().items() if numbers} == wanted, 20, 1)
    tap.ok(seen, "twmond is away: two panels say so, the others have no number", {
        name: numbers for name, numbers in told().items() if numbers})


def test_dashboard(tap):
    lab.need(lab.find("prometheus"))
    board = dashboard.load()
    set_range()
    service = Service(CONFIG)
    with cable.Cable() as wire, Exporter(service.path) as exporter, Prometheus(exporter) as prometheus:
        server = serve_there(wire, CLIENT)
        leak, client = Leak(), Client((cable.THERE, CLIENT), RATE, 1000)
        lab.must(lambda: prometheus.value(f'twmon_close_wait_stuck{{port="{LEAK}"}}'), "a leak", 30)
        lab.must(lambda: prometheus.value(f'twmon_sockets{{port="{CLIENT}"}} > 0'), "a client", 40)
        values = fill_variables(tap, board, prometheus, exporter)
        check_answers(tap, board, prometheus, values)
        check_numbers(tap, board, prometheus, values, leak)
        client.end()
        leak.end()
        server.end()
        check_away(tap, board, prometheus, service, values)


if __name__ == "__main__":
    lab.run(test_dashboard, limit=170)
