#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dashboard for Grafana: it asks for nothing that is not told, leaves out nothing that is, and says
of every number what it is and what it means when there is none."""

import glob
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/live")
sys.dont_write_bytecode = True

import dashboard  # noqa: E402
import lab  # noqa: E402

COLUMNS = 24
TARGET_LABELS = {"instance", "job"}  # of Prometheus
EXTRA = {"up": set(), "twmon_up": set()}  # told by Prometheus, and by the exporter
# What Grafana puts in by itself, and something that may stand for it.
BUILT_IN = {"__range": "3h", "__rate_interval": "1m"}
TABLE_ROW = re.compile(r'\{ \{ "(twmon_\w+)", (GAUGE|COUNTER),[^{}]*\}, *(\w+) \}')
FUNCTION = re.compile(r"^[a-z][^\n;{}]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)


def reached(name, functions, seen):
    """Names of the functions of the file that this one uses, its own among them."""
    if name in functions and name not in seen:
        seen.add(name)
        for word in set(re.findall(r"\w+", functions[name])):
            reached(word, functions, seen)
    return seen


def told():
    """{metric: its labels} by the tables of daemon/metrics-*.c."""
    metrics = dict(EXTRA)
    for path in glob.glob(ROOT + "/daemon/metrics-*.c"):
        text = lab.read_text(path)
        functions = dict(FUNCTION.findall(text))
        for name, kind, add in TABLE_ROW.findall(re.sub(r"\s+", " ", text)):
            bodies = "".join(functions[used] for used in reached(add, functions, set()))
            metrics[name + ("_total" if kind == "COUNTER" else "")] = set(
                re.findall(r'\{ "(\w+)", ', bodies))
    return metrics


def labels_of(selected):
    return set(re.findall(r'(\w+)\s*(?:=~|!~|!=|=)', re.sub(r'"[^"]*"', '""', selected or "")))


def wrong_names(query, metrics):
    """What a query and the legend to it name that there is not."""
    selectors = dashboard.SELECTOR.findall(query.expr)
    known = set(TARGET_LABELS)
    for name, selected in selectors:
        if name not in metrics:
            yield f"no metric {name}"
            continue
        known |= metrics[name]
        for label in labels_of(selected) - metrics[name] - TARGET_LABELS:
            yield f"{name} has no label {label}"
    if not selectors:
        yield "asks for nothing"
    grouped = re.findall(r"\b(?:by|on|ignoring|group_left|group_right|without) \(([^)]*)\)", query.expr)
    named = re.findall(r"\w+", " ".join(grouped))
    named += re.findall(r"\{\{(.*?)\}\}", query.target.get("legendFormat") or "")
    for label in set(named) - known:
        yield f"no label {label} there"


def wrong_variables(board):
    names = set(dashboard.variables(board)) | {"datasource"} | set(BUILT_IN)
    for query in dashboard.queries(board):
        used = set(re.findall(r"\$\{?(\w+)", query.expr))
        for name in used - names:
            yield f"{query.name}: no variable {name}"
        for name in {"job", "instance"} - used:
            yield f"{query.name}: does not care for {name}"
        for name, selected in dashboard.SELECTOR.findall(query.expr):
            if not {"job", "instance"} <= labels_of(selected):
                yield f"{query.name}: {name} of every host"


def wrong_units(board):
    for panel in dashboard.panels(board):
        defaults = panel["fieldConfig"]["defaults"]
        title = panel["title"]
        if panel["type"] in ("stat", "timeseries") and "unit" not in defaults:
            yield f"{title}: no unit"
        if not defaults.get("noValue"):
            yield f"{title}: says nothing where there is no number"
        if not panel.get("description"):
            yield f"{title}: no description"
        if panel["datasource"]["uid"] != "${datasource}" or any(
                target["datasource"]["uid"] != "${datasource}" for target in panel["targets"]):
            yield f"{title}: a data source of its own"
        names = [target["refId"] for target in panel["targets"]]
        if len(set(names)) != len(names):
            yield f"{title}: two queries of one name"


def columns(panel, metrics):
    """What the columns of a table can be called before they are renamed."""
    names = {"Time", "__name__", "Value"} | TARGET_LABELS
    for target in panel["targets"]:
        names |= {f"Value #{target['refId']}"}
        for name, _ in dashboard.SELECTOR.findall(target["expr"]):
            names |= metrics.get(name, set())
    return names


def wrong_columns(board, metrics):
    """Columns that are renamed, ordered or coloured, and are not there."""
    for panel in dashboard.panels(board):
        there = {target.get("legendFormat") for target in panel["targets"]}
        for change in panel.get("transformations", []):
            if change["id"] != "organize":
                continue
            options = change["options"]
            there |= set(options["renameByName"].values())
            used = set(options["renameByName"]) | set(options["indexByName"]) | set(options["excludeByName"])
            for name in used - columns(panel, metrics):
                yield f"{panel['title']}: no column {name}"
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] not in there:
                yield f"{panel['title']}: nothing is called {override['matcher']['options']}"
        for order in panel["options"].get("sortBy") or []:
            if panel["type"] == "table" and order["displayName"] not in there:
                yield f"{panel['title']}: sorted by {order['displayName']}, which is not there"


def wrong_places(board):
    taken = {}
    ids = [panel["id"] for panel in board["panels"]]
    if len(set(ids)) != len(ids):
        yield "two panels have one id"
    for panel in board["panels"]:
        at = panel["gridPos"]
        if at["x"] < 0 or at["x"] + at["w"] > COLUMNS:
            yield f"{panel['title']}: beyond the edge"
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']}: lies over {other}"
                    return


def wrong_grammar(board, promtool):
    """What Prometheus itself says of the queries, as if they were rules."""
    values = {**{name: "a|b" for name in dashboard.variables(board)}, **BUILT_IN}
    rules = "".join(f"  - record: twmon:q{number}\n    expr: |\n      {query.filled(values)}\n"
                    for number, query in enumerate(dashboard.queries(board)))
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write("groups:\n- name: dashboard\n  rules:\n" + rules)
        file.flush()
        result = subprocess.run([promtool, "check", "rules", file.name], capture_output=True,
                                text=True, check=False)
    if result.returncode != 0:
        yield result.stdout + result.stderr


def main():
    tap = lab.Tap()
    board = dashboard.load()
    metrics = told()

    def silent(name, complaints):
        complaints = list(complaints)
        tap.ok(not complaints, name, "\n".join(complaints))

    tap.ok(len(metrics) > 20 and metrics.get("twmon_alerts") == {"kind", "severity", "state"},
           "the tables of metrics are read, and their labels", metrics)
    silent("queries and legends name what there is",
           [f"{query.name}: {complaint}" for query in dashboard.queries(board)
            for complaint in wrong_names(query, metrics)])
    silent("so do the variables", [
        f"{name}: {complaint}" for name, query in dashboard.variables(board).items()
        for complaint in [word for word, _ in dashboard.SELECTOR.findall(query) if word not in metrics]])
    asked = {name for query in dashboard.queries(board)
             for name, _ in dashboard.SELECTOR.findall(query.expr)}
    silent("every metric is shown", sorted(set(metrics) - asked))
    silent("every query is of the hosts that are chosen", wrong_variables(board))
    silent("each panel has a unit, and words for when there is no number", wrong_units(board))
    silent("each column and line that is dressed is there", wrong_columns(board, metrics))
    silent("none lies over another", wrong_places(board))
    tap.ok(board["uid"] == "twmon" and board["id"] is None and board["schemaVersion"] >= 38,
           "it can be imported, and again")
    promtool = lab.find("promtool")
    try:
        lab.need(promtool)
        silent("Prometheus's own grammar", wrong_grammar(board, promtool))
    except lab.Skip as skip:
        tap.skip("Prometheus's own grammar", skip)
    sys.exit(tap.finish())


main()
