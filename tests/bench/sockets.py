# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sockets that are measured: made by build/bench-make in this network namespace, and held.

Making is over, and the machine quiet, before anything is measured. TIME_WAIT lasts a minute and is
renewed every RENEW_SEC, between two measurements; where one of them takes too long for that (psutil
with a million, on a machine that is busy besides), while it runs.
"""

import threading
import time

import process
from process import lab

RENEW_SEC = 25
LATEST_SEC = 45
MADE_AT_ONCE = 100_000  # a few seconds: the others must not end meanwhile
_SYSCTLS = {
    "tcp_max_tw_buckets": 4_000_000,
    "tcp_tw_reuse": 0,
    "tcp_fin_timeout": 1,
    "tcp_rfc1337": 1,  # a reset does not end TIME_WAIT
    "tcp_invalid_ratelimit": 3_600_000,  # one answer to what renews, not more
}
_LEFT_OVER = 50
_MANY = 10_000
_FIRST_NET = 128
_FIRST_PORT = 20000
_PORTS = 64  # of one crowd


def prepare_namespace():
    for name, value in _SYSCTLS.items():
        lab.set_sysctl("net.ipv4." + name, value)


def in_time_wait():
    return lab.sockstat("tw")


def foreign():
    """TCP sockets of other namespaces, TIME_WAIT not counted: walks of the table pass them too."""
    return max(lab.sockstat("alloc") - lab.sockstat("inuse"), 0)


class Held:
    """So many sockets of a kind, until end()."""

    def __init__(self, kind, count, where):
        self.count = count
        self.process = lab.spawn([process.BUILD + "/bench-make", kind, str(count), str(where)],
                                 stdin=lab.subprocess.PIPE, stdout=lab.subprocess.PIPE, text=True)
        self.wait_ready()

    def wait_ready(self):
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("bench-make failed")

    def renew(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.wait_ready()

    def end(self):
        """Until they are gone; of TIME_WAIT, what ends by itself stays."""
        left = lab.sockstat("inuse") - self.count
        self.process.stdin.close()
        lab.end(self.process)
        lab.poll(lambda: lab.sockstat("inuse") <= left + _LEFT_OVER, 20)


class Sockets:
    """All that there are. Counts are those that were ordered."""

    def __init__(self):
        self.time_wait = []
        self.crowds = []
        self.renewed = 0.0
        self.lock = threading.Lock()
        threading.Thread(target=self._guard, daemon=True).start()

    def _guard(self):
        while True:
            time.sleep(1)
            self.keep(LATEST_SEC)

    @staticmethod
    def _sum(held):
        return sum(item.count for item in held)

    def raise_time_wait(self, count):
        """To so many."""
        while (missing := count - self._sum(self.time_wait)) > 0:
            self.keep()
            with self.lock:
                self.time_wait.append(Held("time-wait", min(missing, MADE_AT_ONCE),
                                           _FIRST_NET + len(self.time_wait)))
            self.renewed = self.renewed or time.monotonic()
        self.renew()
        self.settle()

    def add(self, kind, count):
        """More of "close-wait" or "established"; returns what has to be ended."""
        if count <= 0:
            return None
        crowd = Held(kind, count, _FIRST_PORT + _PORTS * len(self.crowds))
        self.crowds.append(crowd)
        self.keep()
        self.settle()
        return crowd

    def renew(self):
        with self.lock:
            began = time.monotonic()
            for held in self.time_wait:
                held.renew()
            self.renewed = began

    def keep(self, after_sec=RENEW_SEC):
        """Renews when it is time; to be called before whatever is measured."""
        if self.time_wait and time.monotonic() - self.renewed >= after_sec:
            self.renew()

    def wait(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.keep()
            time.sleep(min(left, 1))

    def settle(self):
        """What the kernel does after many were made is not measured."""
        many = self._sum(self.time_wait) + self._sum(self.crowds) >= _MANY
        time.sleep(1 if many else 0.1)

    def check(self):
        """An error unless all the TIME_WAIT sockets are there still (and hardly any else)."""
        wanted, got = self._sum(self.time_wait), in_time_wait()
        if abs(got - wanted) > wanted / 100 + 50:
            raise RuntimeError(f"{got} sockets in TIME_WAIT instead of {wanted}")
