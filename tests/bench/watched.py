# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmond while it is measured: told when to scan, or left to its own schedule.

Told: its Interval is so long that it never scans by itself, and a reload makes it scan at once, so
that its scans take turns with what they are held against. What a scan took is what twmond says of
it, the CPU time of the thread that scans; what it read, in bytes, shows that the request was the
one that the bare dump made.
"""

import mmap
import os
import re
import struct
import subprocess
import tempfile
import time

import process
from process import lab

SCANNER = "twmond-scan"
_SCAN_LIMIT_SEC = 30


def knows_option(name):
    text = subprocess.run([lab.RELEASE, "--help-config"], capture_output=True, text=True,
                          check=True).stdout
    return re.search(rf"^#?{name}=", text, re.MULTILINE) is not None


def unlimited():
    """What lets twmond spend what a scan takes, where it would save otherwise."""
    return "CPUBudget=100%\n" if knows_option("CPUBudget") else ""


class Twmond(lab.Daemon):
    """As root, or without capabilities, as the shipped service. interval: of [Scan]; "": default."""

    def __init__(self, interval="", capabilities=True, config=None, **options):
        if config is None:
            config = f"[Scan]\nInterval={interval}\n{unlimited()}" if interval else ""
        super().__init__(config, binary=lab.RELEASE, wait=_SCAN_LIMIT_SEC, **options,
                         wrap=() if capabilities else process.WITHOUT_CAPABILITIES)

    def cpu_msec(self):
        return process.cpu_msec(self.pid)

    def memory_kib(self):
        return process.memory_kib(self.pid)

    def end(self):
        lab.end(self.process, lab.signal.SIGTERM)


class Told(Twmond):
    """Scans when told."""

    def __init__(self, capabilities=True, **options):
        super().__init__("10min", capabilities, **options)

    def scan(self):
        """{"cpuMsec", "wallMsec", "bytes"} of one scan."""
        before = self.status()["scans"]
        self.call("Reload")
        status = lab.must(lambda: self._after(before), "a scan", _SCAN_LIMIT_SEC, 0.02)
        if status["partial"]:
            raise RuntimeError(f"a scan was partial: {status.get('scanError')}")
        cost = status["cost"]
        return {"cpuMsec": cost["cpuUsec"] / 1000, "wallMsec": cost["wallUsec"] / 1000,
                "bytes": cost["bytes"]}

    def _after(self, scans):
        status = self.status()
        return status if status["scans"] > scans else None


class Timed(Told):
    """The system calls of its scans are timed, which costs a little itself: for user time."""

    def __init__(self, capabilities=True):
        file = tempfile.NamedTemporaryFile(prefix="twmon-bench-")  # as long as this object
        file.write(bytes(16))
        file.flush()
        self.file = file
        self.sum = mmap.mmap(file.fileno(), 16)
        super().__init__(capabilities, env={**os.environ, "BENCH_SHIM": file.name,
                                            "LD_PRELOAD": process.BUILD + "/bench-shim.so"})

    def _sums_msec(self):
        """The kernel's, and the measuring's own."""
        return [nsec / 1e6 for nsec in struct.unpack("QQ", self.sum[:16])]

    def scan(self):
        """With "userMsec": all but those system calls; without what measuring takes."""
        before = self._sums_msec()
        cost = super().scan()
        kernel, own = (now - then for now, then in zip(self._sums_msec(), before))
        cost["cpuMsec"] -= own
        cost["userMsec"] = cost["cpuMsec"] - kernel
        return cost


def floor(states, extensions=0, capabilities=True):
    """{"cpuMsec", "wallMsec", "bytes"} of one bare dump."""
    command = [process.BUILD + "/bench-floor", hex(states), str(extensions)]
    if not capabilities:
        command.append("no-capabilities")
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    cost = lab.json.loads(result.stdout)
    return {"cpuMsec": cost["cpuNsec"] / 1e6, "wallMsec": cost["wallNsec"] / 1e6,
            "bytes": cost["bytes"]}


class Latency:
    """How long an answer takes that was asked for while a dump was under way, in milliseconds.

    twmond scans as often as it can. A call counts when the thread that scans was running just before
    it, however long the answer then took.
    """

    def __init__(self, capabilities=False):
        self.daemon = Twmond("100ms", capabilities)
        self.task = process.thread(self.daemon.pid, SCANNER)
        self.calls, self.commands, self.others = [], [], 0

    def _ask_socket(self):
        began = time.monotonic()
        self.daemon.status()
        return (time.monotonic() - began) * 1000

    def _run_command(self):
        command = [lab.TWMONCTL, "--socket", self.daemon.socket, "status"]
        began = time.monotonic()
        pid = process.spawn_bare(command)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        taken = (time.monotonic() - began) * 1000
        if status not in (0, 1, 2):
            raise RuntimeError(f"twmonctl status: exit status {status}")
        return taken

    def measure(self, calls, limit_sec):
        """So many of each sort, one of each in turn."""
        end = time.monotonic() + limit_sec
        kinds = (self._ask_socket, self.calls), (self._run_command, self.commands)
        while len(self.commands) < calls and time.monotonic() < end:
            for call, taken in kinds:
                during = process.is_running(self.task)
                msec = call()
                if during:
                    taken.append(msec)
                else:
                    self.others += 1
            time.sleep(0.003)
        self.daemon.end()
