# SPDX-License-Identifier: LGPL-2.1-or-later
"""What figures depend on: the machine, its kernel, who else used it meanwhile, versions."""

import os
import platform
import re
import subprocess
import time

import process
from process import lab


def _first_line(*command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return None
    lines = result.stdout.strip().splitlines()
    return lines[0].strip() if lines and result.returncode == 0 else None


def _grep(path, pattern):
    try:
        match = re.search(pattern, lab.read_text(path), re.MULTILINE)
    except OSError:
        return None
    return match[1].strip() if match else None


def buckets():
    """Of the kernel's table of connections; None: unknown. Negative: it is the host's, shared."""
    try:
        return abs(int(lab.get_sysctl("net.ipv4.tcp_ehash_entries")[0]))
    except OSError:
        return None


def has_net_admin():
    """In the namespace of the sockets; root of a user namespace has it as well."""
    return bool(int(_grep("/proc/self/status", r"^CapEff:\s*(\w+)"), 16) >> 12 & 1)


def _revision():
    """The last commit that changed what is measured."""
    git, sources = ("git", "-C", process.ROOT), ("--", "lib", "daemon", "client")
    revision = _first_line(*git, "log", "-1", "--format=%h", *sources)
    return revision and revision + ("+" if _first_line(*git, "diff", "HEAD", *sources) else "")


def describe():
    return {
        "kernel": platform.release(),
        "processor": _grep("/proc/cpuinfo", r"^model name\s*:\s*(.*)") or platform.machine(),
        "processors": os.cpu_count(),
        "memoryMiB": int(_grep("/proc/meminfo", r"^MemTotal:\s*(\d+)")) // 1024,
        "system": _grep("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "buckets": buckets(),
        "maxTimeWaitHere": int(lab.get_sysctl("net.ipv4.tcp_max_tw_buckets")[0]),
        "netAdmin": has_net_admin(),
        "twmond": _first_line(lab.RELEASE, "--version"),
        "revision": _revision(),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }


class Load:
    """How busy the machine was from the start of this object: with this run, and stolen from it."""

    def __init__(self):
        self.began = self._read()
        self.average = os.getloadavg()[0]

    @staticmethod
    def _read():
        words = lab.read_text("/proc/stat").splitlines()[0].split()[1:]
        return [int(word) for word in words[:8]]

    def tell(self):
        """loadBefore: the load average when nothing of this run had begun."""
        spent = [now - then for now, then in zip(self._read(), self.began)]
        total = max(sum(spent), 1)
        return {"loadBefore": self.average, "loadAfter": os.getloadavg()[0],
                "busyPercent": 100 * (total - spent[3] - spent[4]) / total,
                "stolenPercent": 100 * spent[7] / total}
