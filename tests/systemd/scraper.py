# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who asks the exporter of a guest, as a Prometheus does."""

import re
import subprocess
import sys
import threading

import guest

SOCKET = "twmon-exporter.socket"
SERVICE = "twmon-exporter.service"
FETCH = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 19865, timeout=20)
connection.request("GET", "/metrics")
response = connection.getresponse()
print(response.status)
sys.stdout.write(response.read().decode())
"""


def fetch(host):
    """(status, text); what was wrong, and nothing, where there is no answer."""
    result = subprocess.run(["nsenter", "-t", str(host.pid), "-n", sys.executable, "-c", FETCH],
                            capture_output=True, text=True, timeout=60, check=False)
    status, _, text = result.stdout.partition("\n")
    return (status or result.stderr[-300:]), text


def up(host):
    status, text = fetch(host)
    found = re.search(r"^twmon_up (\d)$", text, re.MULTILINE)
    return int(found[1]) if status == "200" and found else status


def leak_told(host, port=guest.PORT):
    """The alert of that port, as the exporter tells it; None: it tells of none."""
    found = re.search(rf'^twmon_alert_info\{{[^}}]*port="{port}"[^}}]*\}} 1$', fetch(host)[1], re.MULTILINE)
    return found and found[0]


class Scrapes:
    """One after the other while the block runs. results: of up()."""

    def __init__(self, host):
        self.host, self.results, self.stopped = host, [], False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join(60)

    def _work(self):
        while not self.stopped:
            self.results.append(up(self.host))
