#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""make demo and make run do what they say, and leave nothing behind."""

import glob
import os
import pty
import re
import select
import signal
import subprocess
import time

import lab


def run_on_terminal(command, until, limit=15):
    """What the command wrote to a terminal of its own, where Ctrl-C was typed as soon as that
    matched until; and its exit status, None where it had to be killed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    output, typed, end = b"", False, time.monotonic() + limit
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                output += os.read(terminal, 1 << 16)
            except OSError:  # the last process that had it open has ended
                break
        if not typed and re.search(until, output):
            os.write(terminal, b"\x03")
            typed = True
    else:
        os.killpg(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    return output.decode(errors="replace"), None if status == -signal.SIGKILL else status


def left_behind(directory):
    """Files, and processes of a twmond that was started with a socket in there."""
    found = os.listdir(directory)
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            command = lab.read_text(path).replace("\0", " ")
        except OSError:  # it has just ended
            continue
        if f"--socket {directory}/" in command:
            found.append(command)
    return found


def test_run(tap):
    lab.need(lab.RELEASE, "the release build")
    directory = lab.temp_dir()
    os.environ["TMPDIR"] = directory
    output, status = run_on_terminal(["tools/run.sh"], rb"twmond [0-9.]+, pid")
    tap.equal(status, 0, "run.sh ends with 0 after Ctrl-C")
    tap.ok(re.search("No leak|ports? watched", output), "and showed the table before", output)
    tap.equal(lab.poll(lambda: not left_behind(directory)) or left_behind(directory), True,
              "twmond and its files are gone")

    process = lab.spawn(["tools/run.sh"], stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lab.must(lambda: left_behind(directory), "a twmond")
    process.terminate()
    tap.equal(process.wait(15), 143, "SIGTERM, without a terminal, ends run.sh as well")
    process.stdout.close()
    tap.equal(lab.poll(lambda: not left_behind(directory)) or left_behind(directory), True,
              "with twmond and its files")


def test_demo(tap):
    lab.need(lab.ROOT + "/build/demo-leaky", "build/demo-leaky")
    usage = subprocess.run(["build/demo-leaky", "--help"], capture_output=True, text=True, check=False)
    tap.ok(usage.returncode == 0 and all(f"demo-leaky {verb} " in usage.stdout for verb in
                                         ("up", "serve", "visit", "churn", "hear")),
           "demo-leaky says what it does", usage)
    began = time.monotonic()
    result = subprocess.run(["tools/demo.sh"], capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL, check=False)
    seconds = time.monotonic() - began
    if "needs a network namespace" in result.stderr:
        raise lab.Skip(result.stderr.splitlines()[0])
    tap.equal((result.returncode, result.stderr), (0, ""), "the demo ends with 0")
    tap.ok(seconds <= 30, "within 30 s", seconds)
    for pattern in (r"^ +\| twmond: warning: local port 7865: 8 "
                    r".*PID \d+ demo-leaky, \d+ of \d+ descriptors\)$",
                    r"^ +\| LEAKING: local port 7865", r"^ +\| remote:7900 .* [1-9]\d+ +[\d.]+$",
                    r"^ +\| twmond: local port 7865: close-wait-stuck alert cleared after", r"^ +\| No leak"):
        tap.ok(re.search(pattern, result.stdout, re.M), f"and shows {pattern}", result.stdout)


os.chdir(lab.ROOT)
lab.run(test_demo, test_run)
