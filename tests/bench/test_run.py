#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmark still runs: with some hundred sockets, and without any peer. No figure is judged.

Its parts are held against ss(8) and against each other.
"""

import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import process
from process import lab

PROGRAMS = ("twmond", "bench-floor", "bench-make", "bench-shim.so")
TIME_WAIT = 300


def need_programs():
    for name in PROGRAMS:
        if not os.path.exists(f"{process.BUILD}/{name}"):
            raise lab.Skip(f"build/{name} is not built: make bench")
    lab.need("setpriv")
    lab.need("ss")


def made_sockets(tap):
    """What bench-make says that it made, by ss(8); renewed; and gone with it."""
    need_programs()
    import sockets  # pylint: disable=import-outside-toplevel

    sockets.prepare_namespace()
    held = sockets.Sockets()
    held.raise_time_wait(TIME_WAIT)
    tap.equal(lab.ss_count("time-wait"), TIME_WAIT, "TIME_WAIT: as many as were ordered")
    tap.equal(lab.ss_count("time-wait", local=8000), TIME_WAIT, "... all on the server's side")
    lab.time.sleep(1.5)
    before = remaining()
    held.renew()
    tap.ok(max(before) < 58.5 <= min(remaining()), "... and their minute can begin again",
           f"before {min(before)}-{max(before)} s, after {min(remaining())}-{max(remaining())} s")
    held.raise_time_wait(TIME_WAIT + 100)
    tap.equal(lab.ss_count("time-wait"), TIME_WAIT + 100, "... and more can be added")
    crowd = held.add("established", 200)
    tap.equal(lab.ss_count("established"), 200, "ESTABLISHED: both ends together")
    crowd.end()
    tap.ok(lab.poll(lambda: lab.ss_count("established") == 0), "... end with what holds them")
    tap.equal(lab.ss_count("time-wait"), TIME_WAIT + 100, "... and leave no TIME_WAIT behind")


def remaining():
    """Seconds that are left, of each socket in TIME_WAIT, as ss -o writes them."""
    output = subprocess.run(["ss", "-Htano", "state", "time-wait"], capture_output=True, text=True,
                            check=True).stdout
    found = []
    for timer in lab.re.findall(r"timer:\(timewait,([0-9.minsec]+),", output):
        minutes = lab.re.search(r"(\d+)min", timer)
        seconds = lab.re.search(r"([\d.]+)sec", timer)
        found.append(60 * int(minutes[1]) if minutes else 0)
        found[-1] += float(seconds[1]) if seconds else 0
    return found


def same_request(tap):
    """The bare dump reads what twmond reads: byte for byte, but for what twmond reads besides."""
    need_programs()
    import scans  # pylint: disable=import-outside-toplevel
    import watched  # pylint: disable=import-outside-toplevel

    for privileges, capabilities in scans.PRIVILEGES.items():
        listeners = watched.floor(1 << 10, 0, capabilities)["bytes"]
        daemon = watched.Told(capabilities)
        tap.equal(daemon.scan()["bytes"],
                  watched.floor(scans.STATES, 0, capabilities)["bytes"] + listeners,
                  f"the same request, as {privileges}")
        daemon.end()


def whole(tap):
    need_programs()
    with tempfile.TemporaryDirectory() as directory:
        path = directory + "/bench.json"
        environment = {key: value for key, value in os.environ.items() if key != lab.INSIDE}
        result = subprocess.run([sys.executable, process.HERE + "/bench.py", "--smoke", "--json",
                                 path], capture_output=True, text=True, check=False,
                                env=environment)
        if not tap.equal(result.returncode, 0, "a short run ends well"):
            tap.note(result.stderr)
            return
        found = json.loads(lab.read_text(path))
        rows = {(row["who"], row["privileges"]): row for row in found["levels"][0]["rows"]}
        tap.ok(all(row["cpuMsec"]["median"] > 0 for row in rows.values()) and len(rows) == 4,
               "... has figures of the bare dump and of twmond, with and without rights", rows)
        tap.equal([row.get("otherRequests", 0) for row in rows.values()], [0] * 4,
                  "... of the same requests")
        tap.equal([share["percent"] is not None and 0 < share["percent"] < 100
                   for share in found["levels"][0]["userShare"]], [True] * 2, "... user time")
        tap.ok(all(item["verdict"] == "SKIP" for item in found["claims"]), "... and claims nothing")
        page = subprocess.run([sys.executable, process.HERE + "/bench.py", "--doc", path],
                              capture_output=True, text=True, check=False)
        tap.ok(page.stdout.startswith("# What twmond costs\n"), "... and makes a page", page.stderr)


lab.run(made_sockets, same_request, whole, limit=120)
