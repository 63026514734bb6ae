# SPDX-License-Identifier: LGPL-2.1-or-later
"""etc/grafana/twmon.json as the tests read it: its queries, and what Grafana would put in for its variables."""

import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = ROOT + "/etc/grafana/twmon.json"
# A name of ours, or Prometheus's own verdict on a target; and what is selected of it.
SELECTOR = re.compile(r"\b(twmon_\w+|up)\b(?:\{([^}]*)\})?")


class Query:
    """One query of a panel."""

    def __init__(self, panel, target):
        self.panel, self.target = panel, target
        self.name = f"{panel['title']} {target['refId']}"
        self.expr = target["expr"]
        self.instant = target["instant"]

    def filled(self, variables):
        """The expression as Grafana sends it. variables: {name: what stands for it}"""
        return fill(self.expr, variables)


def load():
    with open(PATH, encoding="utf-8") as file:
        return json.load(file)


def panels(dashboard):
    """Those that show something: rows are headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def queries(dashboard):
    return [Query(panel, target) for panel in panels(dashboard) for target in panel["targets"]]


def variables(dashboard):
    """{name: what is asked for it}; the data source is asked for nothing."""
    return {item["name"]: item["query"]["query"] for item in dashboard["templating"]["list"]
            if item["type"] == "query"}


def fill(text, values):
    for name, value in values.items():
        text = re.sub(rf"\${name}\b", lambda _, value=value: value, text)
    return text
