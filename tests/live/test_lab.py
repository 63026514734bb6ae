#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of the other tests: the makers make what they say, by ss(8) and /proc/net/sockstat."""

import os
import subprocess
import sys

import lab
import makers

# A suite: mounts on what it was given and in it, and forks a child that ends as Python does. argv: a
# directory of others, how it ends.
MESSY = """
import os, signal, sys, lab

def test(tap):
    path, other = lab.temp_dir(), lab.temp_dir() + "/a b"
    lab.mount("-t", "tmpfs", "tmpfs", path)
    open(path + "/file", "w", encoding="ascii").close()
    os.mkdir(other)
    lab.mount("--bind", sys.argv[1], other)
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    tap.ok(os.path.exists(path + "/file"), "a child takes nothing of its parent's away")
    if sys.argv[2] == "signal":
        os.kill(os.getpid(), signal.SIGTERM)
    if sys.argv[2] == "error":
        raise ValueError("on purpose")

lab.run_here(test)
"""

# Another one: what it made cannot be removed.
STUCK = """
import lab

def test(tap):
    lab.temp_dir()
    lab.shutil.rmtree = lambda *_, **__: None
    tap.ok(True, "passed")

lab.run_here(test)
"""


def run_suite(text, directory, *args):
    """Its temporary files are in that directory."""
    environment = {**os.environ, "TMPDIR": directory, "PYTHONPATH": os.path.dirname(lab.__file__)}
    return subprocess.run([sys.executable, "-c", text, *args], env=environment, timeout=30,
                          capture_output=True, text=True, check=False)


def test_nothing_is_left(tap):
    precious = lab.temp_dir()
    with open(precious + "/file", "w", encoding="ascii") as file:
        file.write("not the suite's")
    for how, status in (("end", 0), ("signal", 1), ("error", 1)):
        directory = lab.temp_dir()
        result = run_suite(MESSY, directory, precious, how)
        tap.equal((result.returncode, "\nnot ok" in "\n" + result.stdout),
                  (status, how == "error"), f"a suite that mounts and forks, {how}: its status")
        tap.ok("ok 1 - a child takes nothing" in result.stdout, f"{how}: a child ended before it",
               result.stdout + result.stderr)
        tap.equal(os.listdir(directory), [], f"{how}: it leaves nothing behind")
        tap.equal(os.listdir(precious), ["file"], f"{how}: what it mounted is untouched")
    result = run_suite(STUCK, lab.temp_dir())
    tap.ok(result.returncode == 1 and "# left: " in result.stdout,
           "what cannot be removed is said, and fails the suite", result.stdout + result.stderr)



def test_close_wait(tap):
    for number, kind in enumerate(filter(makers.have, makers.KINDS)):
        port = 7000 + number
        with makers.close_wait(port, 37, kind):
            tap.equal(lab.ss_count("close-wait", local=port), 37, f"{kind}: 37 in CLOSE_WAIT")
            # the acknowledgement that makes FIN_WAIT2 of FIN_WAIT1 may be delayed
            lab.poll(lambda at=port: lab.ss_count("fin-wait-2", peer=at) == 37)
            tap.equal(lab.ss_count("fin-wait-2", peer=port), 37,
                      f"{kind}: their peers in FIN_WAIT2")
            tap.equal(lab.sockstat("tw"), 37, f"{kind}: which sockstat counts as TIME_WAIT")
            tap.equal(lab.ss_count("time-wait"), 0, f"{kind}: and ss does not")
        tap.ok(lab.poll(lambda: lab.sockstat("tw") == 0), f"{kind}: a reset leaves nothing behind",
               lab.sockstat("tw"))


def test_other_close_wait(tap):
    with makers.close_wait_unaccepted(7010, 5), makers.close_wait_outgoing(7011, 6), \
            makers.half_closed(7012, 7):
        tap.equal(lab.ss_count("close-wait", local=7010), 5, "5 that were never accepted")
        tap.equal(lab.ss_count("close-wait", peer=7011), 6, "6 outgoing ones")
        lab.poll(lambda: lab.ss_count("fin-wait-2", peer=7012) == 7)
        tap.equal(lab.ss_count("fin-wait-2", peer=7012), 7, "7 half-closed by shutdown()")
    with makers.close_wait_outgoing(2049, 1, source_port=793):
        tap.equal([row[1::2] for row in lab.ss("close-wait")], [(793, 2049)], "from 793 to 2049")


def test_time_wait(tap):
    for number, kind in enumerate(filter(makers.have, makers.KINDS)):
        port = 7020 + number
        makers.time_wait(port, 20, kind, "server")
        makers.time_wait(port, 10, kind, "client")
        tap.equal((lab.ss_count("time-wait", local=port), lab.ss_count("time-wait", peer=port)),
                  (20, 10), f"{kind}: 20 TIME_WAIT at the server, 10 at the client")
    tap.equal(lab.ss_count("time-wait"), lab.sockstat("tw"), "sockstat counts as many as ss")
    with makers.close_wait(7030, 4) as held:
        held.close(1)
        tap.ok(lab.poll(lambda: lab.ss_count("time-wait", peer=7030) == 1),
               "closing a CLOSE_WAIT sends its peer to TIME_WAIT")
        tap.equal(lab.ss_ports().get(("local", 7030)), (0, 3), "the oracle counts what is left")
        tap.equal(lab.ss_ports().get(("remote", 7030)), (1, 0), "and the peer at the other side")


def test_time_wait_in_few_ports(tap):
    """So few client ports that the kernel gives some twice (connect() takes every second one)."""
    lab.set_sysctl("net.ipv4.ip_local_port_range", "40000 40499")
    makers.time_wait(7040, 200)
    tap.equal(lab.ss_count("time-wait", local=7040), 200, "200 in TIME_WAIT, with 500 client ports")


lab.run(test_nothing_is_left, test_close_wait, test_other_close_wait, test_time_wait, test_time_wait_in_few_ports)
