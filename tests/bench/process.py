# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a process has taken so far: CPU time, its two parts, memory. And where programs are."""

import os
import re
import resource
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = ROOT + "/build"
sys.path.insert(0, ROOT + "/tests/live")
os.environ.setdefault("TWMOND", BUILD + "/twmond")
os.environ.setdefault("TWMONCTL", BUILD + "/twmonctl")

import lab  # pylint: disable=wrong-import-position

# What tools/deps.sh peers has unpacked, and not installed.
UNPACKED = BUILD + "/peers"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin",
                         UNPACKED + "/usr/sbin", UNPACKED + "/usr/bin"])
_TICK_MSEC = 1000 / os.sysconf("SC_CLK_TCK")
# Uid 0 without a single capability, as the shipped service is.
WITHOUT_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


def find(name):
    return shutil.which(name, path=_PATH)


def cpu_msec(pid):
    """Of all threads, those that have ended included: by the scheduler's clock, not by ticks."""
    return time.clock_gettime(~pid << 3 | 2) * 1000


def _split(path):
    words = lab.read_text(path).rpartition(")")[2].split()
    return int(words[11]) * _TICK_MSEC, int(words[12]) * _TICK_MSEC


def split_msec(pid):
    """(user, system): sampled at every tick, so that only a long time says something."""
    return _split(f"/proc/{pid}/stat")


def memory_kib(pid):
    """(now, at most so far)"""
    text = lab.read_text(f"/proc/{pid}/status")
    return tuple(int(re.search(key + r":\s+(\d+)", text)[1]) for key in ("VmRSS", "VmHWM"))


def thread(pid, name):
    """The directory of a process' thread."""
    tasks = f"/proc/{pid}/task"
    for tid in os.listdir(tasks):
        if lab.read_text(f"{tasks}/{tid}/comm").strip() == name:
            return f"{tasks}/{tid}"
    raise LookupError(f"no thread {name} in process {pid}")


def is_running(task):
    """Of such a directory."""
    return lab.read_text(task + "/stat").rpartition(")")[2].split()[0] in "RD"


def spawn_bare(command):
    """The pid of a command whose output is thrown away.

    Nothing of this process is charged to it: fork() would begin with a copy of this one's memory,
    and what Python does before exec() would count as the command's. So it does not die with this
    process by itself; it is for what ends soon anyway.
    """
    null = os.open(os.devnull, os.O_RDWR)
    try:
        return os.posix_spawn(command[0], command, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, null, number) for number in range(3)])
    finally:
        os.close(null)


def run_once(command, limit_sec=120):
    """A command from its start to its end: what it took, or None where it failed."""
    began = time.monotonic()
    pid = spawn_bare(command)
    try:
        status, usage, peak = _wait(pid, began + limit_sec)
    except BaseException:
        os.kill(pid, lab.signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    if os.waitstatus_to_exitcode(status) != 0:
        return None
    return {"cpuMsec": (usage.ru_utime + usage.ru_stime) * 1000, "userMsec": usage.ru_utime * 1000,
            "systemMsec": usage.ru_stime * 1000, "wallMsec": (time.monotonic() - began) * 1000,
            "peakKiB": peak}


def _wait(pid, until):
    """(status, usage, peak): ru_maxrss has what was there before exec(), so VmHWM is looked at."""
    peak = 0
    while time.monotonic() < until:
        try:
            peak = max(peak, memory_kib(pid)[1])
        except TypeError:
            pass  # it has ended, and has no memory any more
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage, peak
        time.sleep(0.003)
    raise TimeoutError("a command took too long")


def raise_limits():
    """Each process that holds sockets may open as many as it can."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
