# SPDX-License-Identifier: LGPL-2.1-or-later
"""What else people watch TIME_WAIT and CLOSE_WAIT with, run as their manuals and packages have it.

Commands run once and end; services run and are asked, or ask, at their own pace. Where one is not
installed it says so, and stands in the table with that.
"""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import process
from process import lab

# Seconds between two runs, as people have them: a line of cron or a user parameter of an agent once
# a minute; a check of an agent in Python every 15 s; the others by their own defaults.
PERIODS = {"ss": 60, "netstat": 60, "psutil": 15, "collectd": 10, "node_exporter": 15}

_SURELY_SEEN = 1000  # in TIME_WAIT: not just the end of what the exporter itself was asked by

_COLLECTD = """
BaseDir "{directory}"
PIDFile "{directory}/pid"
PluginDir "{plugins}"
TypesDB "{types}"
Interval 10
LoadPlugin tcpconns
<Plugin tcpconns>
  ListeningPorts true
  AllPortsSummary true
</Plugin>
"""


def _python_with_psutil():
    for python in sys.executable, "/usr/bin/python3":
        if os.path.exists(python) and subprocess.run(
                [python, "-c", "import psutil"], capture_output=True, check=False).returncode == 0:
            return python
    return None


def commands():
    """{name: command, or None: not installed}"""
    ss, netstat, python = process.find("ss"), process.find("netstat"), _python_with_psutil()
    return {
        "ss": ss and [ss, "-Htan", "state", "time-wait", "state", "close-wait"],
        "netstat": netstat and [netstat, "-tan"],
        "psutil": python and [python, process.HERE + "/count-by-psutil.py"],
    }


TITLES = {
    "ss": "ss -Htan state time-wait state close-wait",
    "netstat": "netstat -tan",
    "psutil": "psutil.net_connections('tcp')",
    "collectd": "collectd, tcpconns",
    "node_exporter": "node_exporter --collector.tcpstat",
}


class Service:
    """A peer that runs on. CPU is that of all its threads."""

    name = None

    def __init__(self, command):
        self.stderr = lab.temp_dir() + "/stderr"
        with open(self.stderr, "wb") as out:
            self.process = lab.spawn(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.pid = self.process.pid

    def cpu_msec(self):
        return process.cpu_msec(self.pid)

    def check(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} ended: {lab.read_text(self.stderr)[-500:]}")

    def end(self):
        lab.end(self.process, lab.signal.SIGTERM)


class Collectd(Service):
    """Reads at once, and every 10 s from then."""

    name = "collectd"

    def __init__(self):
        directory = lab.temp_dir()
        program = process.find("collectd")
        prefix = process.UNPACKED if program.startswith(process.UNPACKED) else ""
        plugins = next((path for path in (prefix + "/usr/lib/collectd", "/usr/lib64/collectd")
                        if os.path.isdir(path)), "")
        with open(directory + "/conf", "w", encoding="ascii") as file:
            file.write(_COLLECTD.format(directory=directory, plugins=plugins,
                                        types=prefix + "/usr/share/collectd/types.db"))
        super().__init__([program, "-f", "-C", directory + "/conf"])


class NodeExporter(Service):
    """Reads when it is scraped. Its package runs it without any privilege."""

    name = "node_exporter"

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        super().__init__([*process.WITHOUT_CAPABILITIES, self.program(),
                          "--collector.disable-defaults", "--collector.tcpstat",
                          f"--web.listen-address=127.0.0.1:{port}"])
        self.url = f"http://127.0.0.1:{port}/metrics"
        lab.must(self._answers, "node_exporter's first answer", 20)

    @staticmethod
    def program():
        return process.find("prometheus-node-exporter") or process.find("node_exporter")

    def _answers(self):
        self.check()
        try:
            return self.scrape()
        except OSError:
            return None

    def scrape(self):
        """The bytes of its answer, which has the sockets in it."""
        with urllib.request.urlopen(self.url, timeout=60) as answer:
            text = answer.read()
        if b'state="time_wait"' not in text and lab.sockstat("tw") > _SURELY_SEEN:
            raise RuntimeError("node_exporter does not tell TIME_WAIT")
        return text


def start_services():
    """{name: Service, or None: not installed}"""
    return {"collectd": Collectd() if process.find("collectd") else None,
            "node_exporter": NodeExporter() if NodeExporter.program() else None}


class Clockwork(threading.Thread):
    """Calls something every period, until stop(); the first time after a delay."""

    def __init__(self, period_sec, call, delay_sec=0.0):
        super().__init__(daemon=True)
        self.period_sec, self.call = period_sec, call
        self.next = time.monotonic() + delay_sec
        self.stopped = threading.Event()
        self.error = None
        self.start()

    def run(self):
        while not self.stopped.wait(max(self.next - time.monotonic(), 0)):
            self.next += self.period_sec
            try:
                self.call()
            except Exception as error:  # shown by whoever stops it
                self.error = error
                return

    def stop(self):
        self.stopped.set()
        self.join(60)
        if self.error:
            raise self.error


class CpuPerPeriod:
    """What a service takes from one of its readings to the next: .values, in milliseconds.

    Looked at half-way between two, counted from its start, so that each value has one reading.
    """

    def __init__(self, service, period_sec):
        self.service, self.values, self.last = service, [], None
        self.clockwork = Clockwork(period_sec, self._look, period_sec * 1.5)

    def _look(self):
        now = self.service.cpu_msec()
        if self.last is not None:
            self.values.append(now - self.last)
        self.last = now

    def stop(self):
        self.clockwork.stop()
        return self.values
