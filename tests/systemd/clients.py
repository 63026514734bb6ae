# SPDX-License-Identifier: LGPL-2.1-or-later
"""Clients that come and go while twmond is restarted or killed."""

import os
import random
import threading
import time

from guest import TWMON
from machine import lab

COUNT = 8
PAUSE_SEC = 0.005
HESITATION_SEC = 0.03  # between connecting and asking; of every other client
# A twmond that ends waits 0.5 s for a first question. Whom a busy host keeps from asking until then
# was not dropped: with a margin, by the client's own clock.
LATE_SEC = 0.3
SEED = "TWMON_SEED"


def pauses(tap):
    """What random pauses come from; which ones can be had again."""
    seed = os.environ.get(SEED) or str(random.SystemRandom().randrange(1 << 32))
    tap.note(f"{SEED}={seed} has the same pauses again")
    return random.Random(seed)


class Late(Exception):
    """It has not asked in time, and cannot say that it was dropped."""


class Clients:
    """Threads that connect, ask and leave, until they are stopped and have done so often enough."""

    def __init__(self, host, retry_sec, minimum=0):
        self.host, self.retry_sec, self.minimum = host, retry_sec, minimum
        self.asked = self.answered = self.retried = self.late = self.slowest = 0
        self.errors = []
        self.lock = threading.Lock()
        self.stopped = False
        self.threads = [threading.Thread(target=self._work, args=[number % 2 * HESITATION_SEC],
                                         daemon=True) for number in range(COUNT)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        for thread in self.threads:
            thread.join(60)

    def _work(self, hesitation_sec):
        while not self.stopped or self.asked < self.minimum:
            self._ask(hesitation_sec)
            time.sleep(PAUSE_SEC)

    def _attempt(self, hesitation_sec):
        connected, asked = time.monotonic(), None  # or a moment later
        with self.host.connect() as connection:
            try:
                time.sleep(hesitation_sec)
                connection.send({"method": "io.twmon.Monitor.GetStatus"})
                asked = time.monotonic()
                connection.take()
            except (OSError, EOFError) as error:
                if (asked or time.monotonic()) - connected > LATE_SEC:
                    raise Late from error
                raise

    def _ask(self, hesitation_sec):
        """One request, tried again for retry_sec after its first failure."""
        began = time.monotonic()
        failed, error, retries, late = None, None, 0, 0
        while failed is None or time.monotonic() - failed < self.retry_sec:
            try:
                self._attempt(hesitation_sec)
                error = None
                break
            except Late:
                late += 1
            except (OSError, EOFError, lab.VarlinkError) as caught:
                error = repr(caught)
                failed = failed or time.monotonic()
                retries += 1
                time.sleep(0.05)
        with self.lock:
            self.asked += 1
            self.late += late
            self.retried += retries > 0
            self.slowest = max(self.slowest, time.monotonic() - began)
            if error:
                self.errors.append(error)
            else:
                self.answered += 1

    def __str__(self):
        return (f"{self.answered} of {self.asked} answered, {self.retried} after a retry, "
                f"{self.late} too late to count, the slowest in {self.slowest:.1f} s; "
                f"{self.errors[:5]}")


def check_socket(tap, host, name):
    tap.equal((host.show("twmond.socket", "ActiveState"), host.show(TWMON, "ActiveState")),
              ("active", "active"), f"{name}: the socket unit and the service are active")
