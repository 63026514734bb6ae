# SPDX-License-Identifier: LGPL-2.1-or-later
"""What every live test needs: namespaces of its own, TAP, a twmond to talk to, and ss(8) as the
oracle.

A test file is a list of functions that take a Tap, run by run(). run() first starts the file again
inside private network and mount namespaces (by root's right, or by a user namespace), so that
nothing that a test does reaches the host, its journal included, and nothing of the host disturbs
the counts. Where the system allows neither, every test is skipped aloud.

Nothing here sleeps for a fixed time and hopes: poll() waits for a condition, bounded.
"""

import atexit
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWMOND = os.path.abspath(os.environ.get("TWMOND", ROOT + "/build/check/twmond"))
TWMONCTL = os.path.abspath(os.environ.get("TWMONCTL", ROOT + "/build/check/twmonctl"))
# Without sanitizers: their allocator would be what is measured.
RELEASE = os.path.abspath(os.environ.get("TWMOND_RELEASE", ROOT + "/build/twmond"))
PEERS = ROOT + "/build/peers/usr/bin:" + ROOT + "/build/peers/usr/sbin"
_NETLINK_SHIM = ROOT + "/build/check/netlink-shim.so"

SANITIZER = re.compile(r"ERROR: AddressSanitizer|runtime error|LeakSanitizer")
INSIDE = "TWMON_LAB_INSIDE"
PR_SET_PDEATHSIG = 1
JOURNAL_SOCKET = "/run/systemd/journal/socket"


# TAP ---------------------------------------------------------------------------------------------


class Tap:
    """Prints results as they come and the plan at the end."""

    def __init__(self):
        self.count = self.failed = 0

    def _print(self, word, name, note=""):
        self.count += 1
        print(f"{word} {self.count} - {name}{note}", flush=True)

    def ok(self, passed, name, detail=None):
        """detail is shown when the check failed: a text, or anything else to print."""
        self._print("ok" if passed else "not ok", name)
        if not passed:
            self.failed += 1
            if detail is not None:
                self.note(detail)
        return bool(passed)

    def equal(self, got, wanted, name):
        return self.ok(got == wanted, name, f"got {got!r}\nwanted {wanted!r}")

    def skip(self, name, reason):
        self._print("ok", name, f" # SKIP {reason}")

    @staticmethod
    def note(text):
        for line in str(text)[:4000].splitlines():
            print(f"# {line}", flush=True)

    def finish(self):
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed else 0


class Skip(Exception):
    """Raised by a test function that cannot run here; says why."""


# The namespace -----------------------------------------------------------------------------------


def how_to_unshare():
    """The unshare(1) command that works here, or None and the reason."""
    if not shutil.which("unshare"):
        return None, "unshare(1) is missing"
    spaces = ["--net", "--mount", "--propagation", "private"]
    tries = [["unshare", *spaces]] if os.getuid() == 0 else []
    tries.append(["unshare", "--map-root-user", *spaces])
    for command in tries:
        result = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return command, None
    return None, f"no network namespace: {result.stderr.strip()}"


def _skip_all(reason):
    print(f"ok 1 - {os.path.basename(sys.argv[0])} # SKIP {reason}\n1..1", flush=True)
    sys.exit(0)


def _enter_namespace():
    command, reason = how_to_unshare()
    if not command:
        _skip_all(reason)
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


def mount(*args):
    result = subprocess.run(["mount", *args], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Skip(f"mount {' '.join(args)}: {result.stderr.strip()}")


def hide_journald():
    """The host's journal is not where these alerts belong."""
    directory = os.path.dirname(JOURNAL_SOCKET)
    if os.path.isdir(directory):
        mount("-t", "tmpfs", "tmpfs", directory)


def set_sysctl(name, value):
    """Of this namespace: net.ipv4.* and the like."""
    with open("/proc/sys/" + name.replace(".", "/"), "w", encoding="ascii") as file:
        file.write(str(value))


def get_sysctl(name):
    with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
        return file.read().split()


def port_range():
    first, last = get_sysctl("net.ipv4.ip_local_port_range")
    return int(first), int(last)


def _on_alarm(_signal, _frame):
    raise TimeoutError("the test's own time limit")


def run(*tests, limit=60):
    """Runs test functions in private namespaces, for limit seconds at most, and exits."""
    if INSIDE not in os.environ:
        _enter_namespace()
    try:
        hide_journald()
    except Skip as skip:
        _skip_all(skip)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    run_here(*tests, limit=limit)


def run_here(*tests, limit=60):
    """The same without namespaces, for tests that see to that themselves."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGALRM, _on_alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.alarm(limit)
    tap = Tap()
    for test in tests:
        try:
            test(tap)
        except Skip as skip:
            tap.skip(test.__name__, skip)
        except Exception as error:  # a failure of this function, and the next one still runs
            tap.ok(False, f"{test.__name__}: {error}", traceback.format_exc())
    signal.alarm(0)
    sys.exit(tap.finish())


def need(path, what=None):
    """Skips the test unless the program is there: a path, or a name to look up in PATH."""
    if not shutil.which(path):
        raise Skip(f"{what or path} is missing")


def find(name):
    """The path of a program: in PATH, or unpacked by tools/deps.sh; where it is nowhere, its name."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":" + PEERS) or name


# Waiting and processes ---------------------------------------------------------------------------


def poll(condition, timeout=10.0, step=0.05):
    """Calls condition until what it returns is true; returns the last answer, true or not."""
    end = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer or time.monotonic() >= end:
            return answer
        time.sleep(step)


def must(condition, what, timeout=10.0, step=0.05):
    """poll(), and an error where it does not come true."""
    answer = poll(condition, timeout, step)
    if not answer:
        raise TimeoutError(f"{timeout:g} s passed without: {what}")
    return answer


_started = []  # Popen objects; ended at exit whatever happened
_directories = []
_owner = os.getpid()  # whose they are: not a child's that was forked and exits as Python does


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(command, **options):
    process = subprocess.Popen(command, preexec_fn=_die_with_parent, **options)
    _started.append(process)
    return process


def end(process, sig=signal.SIGKILL, timeout=5):
    """Ends a process that spawn() started; its exit status."""
    if process.poll() is None:
        process.send_signal(sig)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _started:
        _started.remove(process)
    return process.returncode


def temp_dir():
    path = tempfile.mkdtemp(prefix="twmon-live-")
    os.chmod(path, 0o755)
    _directories.append(path)
    return path


def _unmount_below(directory):
    """What tests mounted on it or in it: a mount point cannot be removed, and what is mounted there
    may be another's. False: something still is."""
    points = [re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split()[4])
              for line in read_text("/proc/self/mountinfo").splitlines()]
    return all(subprocess.run(["umount", "--lazy", point], check=False).returncode == 0
               for point in reversed(points)
               if point == directory or point.startswith(directory + "/"))


def _remove(directory):
    """True when it is gone."""
    if os.path.lexists(directory) and _unmount_below(os.path.realpath(directory)):
        shutil.rmtree(directory, ignore_errors=True)
    return not os.path.lexists(directory)


@atexit.register
def _clean_up():
    """Of a child that was forked and ends as Python does nothing is removed here. A suite that
    leaves something behind has failed."""
    if os.getpid() != _owner:
        return
    for process in list(_started):
        end(process)
    left = [path for path in _directories if not poll(lambda at=path: _remove(at), 2)]
    for path in left:
        print(f"# left: {path}", flush=True)
    if left:
        os._exit(1)


def as_nobody(function):
    """What function() returns as a text, run as uid 65534; None where that is not allowed."""
    out, into = os.pipe()
    if (pid := os.fork()) == 0:
        text = b""
        try:
            os.setgid(65534)
            os.setuid(65534)
            text = function().encode()
        finally:
            os.write(into, text)
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return text or None


def read_text(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def fd_count(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def fd_names(pid):
    """What they are of, as far as they are still there."""
    names = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except FileNotFoundError:
            pass
    return sorted(names)


def rss_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", read_text(f"/proc/{pid}/status"))[1])


# The oracle --------------------------------------------------------------------------------------


def ss(state):
    """[(local address, local port, peer address, peer port)] of sockets in that state of ss(8)."""
    output = subprocess.run(["ss", "-Htan", "state", state], capture_output=True, text=True,
                            check=True).stdout
    rows = []
    for line in output.splitlines():
        (local, local_port), (peer, peer_port) = (
            word.rsplit(":", 1) for word in line.split()[2:4])
        rows.append((local, int(local_port), peer,
                     int(peer_port) if peer_port != "*" else 0))
    return rows


def ss_count(state, local=None, peer=None):
    """How many sockets ss(8) shows in that state, with that local and that peer port if given."""
    return sum((local is None or row[1] == local) and (peer is None or row[3] == peer)
               for row in ss(state))


def sockstat(key):
    """A number of the TCP line of /proc/net/sockstat; tw counts FIN_WAIT2 mini-sockets too."""
    with open("/proc/net/sockstat", encoding="ascii") as file:
        words = next(line for line in file if line.startswith("TCP:")).split()
    return int(words[words.index(key) + 1])


def ss_ports(served=()):
    """What twmonctl should say, by another hand: {(side, port): (timeWait, closeWait)}.

    served: local ports that had a listener while twmond watched and have none now.
    """
    first, last = port_range()
    services = set(served) | {row[1] for row in ss("listening")}
    counts = {("local", port): [0, 0] for port in services}
    for column, state in enumerate(("time-wait", "close-wait")):
        for _, local, _, peer in ss(state):
            ephemeral = first <= local <= last
            if local in services or (not ephemeral and peer >= first):
                key = ("local", local)
            else:
                key = ("remote", peer)
            counts.setdefault(key, [0, 0])[column] += 1
    return {key: tuple(value) for key, value in counts.items()}


# Varlink -----------------------------------------------------------------------------------------


class VarlinkError(Exception):
    def __init__(self, name, parameters):
        super().__init__(f"{name} {parameters}")
        self.name = name
        self.parameters = parameters


def connect_unix(path):
    """Waits for room in the backlog, as connect() with Python's own timeout does not."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", 10, 0))
    try:
        sock.connect(path)
    except OSError:
        sock.close()
        raise
    return sock


class Varlink:
    """One connection. largest: bytes of the longest reply so far, its NUL not counted."""

    def __init__(self, path, timeout=10.0):
        self.socket = connect_unix(path)
        self.socket.settimeout(timeout)
        self.buffer = bytearray()
        self.largest = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, message):
        """A JSON value, or bytes as they are."""
        if not isinstance(message, bytes):
            message = json.dumps(message).encode() + b"\0"
        self.socket.sendall(message)

    def frame(self):
        """The bytes of the next reply, or None at end of file."""
        start = 0
        while (at := self.buffer.find(b"\0", start)) < 0:
            start = len(self.buffer)
            data = self.socket.recv(1 << 16)
            if not data:
                return None
            self.buffer += data
        frame = bytes(self.buffer[:at])
        del self.buffer[:at + 1]
        self.largest = max(self.largest, len(frame))
        return frame

    def reply(self):
        frame = self.frame()
        if frame is None:
            raise EOFError("twmond closed the connection")
        return json.loads(frame)

    def call(self, method, parameters=None):
        """The parameters of the one reply."""
        self.send({"method": method, "parameters": parameters or {}})
        return self.take()

    def take(self):
        reply = self.reply()
        if "error" in reply:
            raise VarlinkError(reply["error"], reply.get("parameters", {}))
        return reply.get("parameters", {})

    def stream(self, method, parameters=None):
        """The parameters of each reply, until one says that it is the last."""
        self.send({"method": method, "parameters": parameters or {}, "more": True})
        while True:
            reply = self.reply()
            if "error" in reply:
                raise VarlinkError(reply["error"], reply.get("parameters", {}))
            yield reply.get("parameters", {})
            if not reply.get("continues"):
                return


class Kernel:
    """One that answers as a healthy one does not: the word that netlink-shim.c reads."""

    def __init__(self, word):
        self.path = temp_dir() + "/word"
        self.say(word)

    def say(self, word):
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(word)
        os.rename(self.path + ".new", self.path)

    def daemon(self, config):
        if not os.path.exists(_NETLINK_SHIM):
            raise RuntimeError(f"{_NETLINK_SHIM} is not built")
        env = {**os.environ, "LD_PRELOAD": _NETLINK_SHIM, "NETLINK_SHIM": self.path,
               "ASAN_OPTIONS": "verify_asan_link_order=0"}
        daemon = Daemon(config, env=env, wait=0)
        must(lambda: os.path.exists(daemon.socket), "twmond's socket")
        return daemon


class Watcher(threading.Thread):
    """Collects what io.twmon.Monitor.Watch sends: .events, each with "seen", its monotonic time."""

    def __init__(self, path, after=None):
        super().__init__(daemon=True)
        self.connection = Varlink(path, timeout=None)
        self.parameters = {} if after is None else {"after": after}
        self.replies = []
        self.events = []
        self.start()
        must(lambda: self.replies, "the first reply of Watch")

    def run(self):
        try:
            for reply in self.connection.stream("io.twmon.Monitor.Watch", self.parameters):
                if reply.get("event"):
                    self.events.append({**reply["event"], "seen": time.monotonic()})
                self.replies.append(reply)
        except (OSError, EOFError):
            pass  # closed, by either side

    def find(self, event, kind, port):
        for item in list(self.events):
            alert = item["alert"]
            if (item["event"], alert["kind"], alert["port"]) == (event, kind, port):
                return item
        return None

    def close(self):
        try:
            self.connection.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the daemon was first
        self.join(5)
        self.connection.close()


# twmond ------------------------------------------------------------------------------------------


class Daemon:
    """A twmond with a directory, configuration and socket of its own.

    wrap: a command to run it under. wait: seconds until its first scan must be done; 0: do not.
    """

    def __init__(self, config="", *args, binary=None, wrap=(), wait=20, foreground=True, **options):
        self.directory = temp_dir()
        self.socket = options.pop("socket", self.directory + "/control")
        self.config = self.directory + "/twmon.conf"
        self.binary = binary or TWMOND
        self.slow = bool(wrap) or self.binary != RELEASE
        self.configure(config)
        command = [*wrap, self.binary, "--config", self.config,
                   "--state-dir", self.directory + "/state", *args]
        if self.socket:
            command += ["--socket", self.socket]
        if foreground:
            command.append("--foreground")
        self.stderr_path = self.directory + "/stderr"
        with open(self.stderr_path, "wb") as stderr:
            self.process = spawn(command, stdin=subprocess.DEVNULL, stderr=stderr, **options)
        self.pid = self.process.pid
        if wait:
            self.wait_ready(wait)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)

    def wait_ready(self, timeout):
        def scanned():
            if self.process.poll() is not None:
                raise RuntimeError(f"twmond ended with {self.process.returncode}:\n{self.stderr()}")
            try:
                return self.status()["scannedAt"]
            except (OSError, EOFError, KeyError):
                return None

        must(scanned, "twmond's first scan", timeout)

    def configure(self, text):
        """Scans that sanitizers or a tracer make dear are not stretched, unless a test wants that."""
        if self.slow and "CPUBudget" not in text:
            text = text.rstrip("\n") + "\n[Scan]\nCPUBudget=off\n"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def stderr(self):
        return read_text(self.stderr_path)

    def says(self, pattern):
        """The first line on stderr that matches, or None."""
        return next((line for line in self.stderr().splitlines() if re.search(pattern, line)), None)

    def call(self, method, parameters=None):
        """One call on a connection of its own; a bare name means io.twmon.Monitor's."""
        with Varlink(self.socket) as connection:
            return connection.call(method if "." in method else "io.twmon.Monitor." + method,
                                   parameters)

    def look(self, method, parameters=None):
        """GetPort or ListDestinations, asked again while twmond has looked too often of late."""
        def answer():
            try:
                return self.call(method, parameters)
            except VarlinkError as error:
                if error.name != "io.twmon.Monitor.LookUnavailable":
                    raise
                return None

        return must(answer, "a look", 10, 0.3)

    def status(self):
        return self.call("GetStatus")

    def steady_fds(self):
        """How many descriptors it keeps: with the history's file, which the first whole minute or
        question opens, and without those that a scan or a search has open for a moment."""
        self.call("GetHistory", {"port": 1})
        counts = []
        for _ in range(10):
            counts.append(fd_count(self.pid))
            time.sleep(0.02)
        return min(counts)

    def ctl(self, *args, timeout=15):
        return subprocess.run([TWMONCTL, "--socket", self.socket, *args], capture_output=True,
                              text=True, timeout=timeout, check=False)

    def ctl_json(self, *args):
        result = self.ctl("--json", *args)
        if result.returncode not in (0, 1) or SANITIZER.search(result.stderr):
            raise RuntimeError(f"twmonctl {args}: {result.returncode} {result.stderr}")
        return json.loads(result.stdout)

    def ports(self, *args):
        """twmonctl ports --json as {(side, port): row}."""
        return {(row["side"], row["port"]): row
                for row in self.ctl_json("ports", *args)["ports"]}

    def alert(self, kind, port, side="local"):
        """That alert of twmonctl alerts --json, or None."""
        for item in self.ctl_json("alerts")["alerts"]:
            if (item["kind"], item["side"], item["port"]) == (kind, side, port):
                return item
        return None

    def wait_alert(self, kind, port, state, timeout, side="local"):
        def found():
            alert = self.alert(kind, port, side)
            return alert if alert and alert["state"] == state else None

        return poll(found, timeout, 0.1)

    def wait_scan(self, timeout=20):
        """Until a scan is done that began after this call."""
        before = self.status()["scans"]
        must(lambda: self.status()["scans"] >= before + 2, "two more scans", timeout)

    def signal(self, sig):
        self.process.send_signal(sig)

    def stop(self, timeout=15):
        """SIGTERM; what is wrong with how it ended, or an empty text."""
        status = end(self.process, signal.SIGTERM, timeout)
        stderr = self.stderr()
        if status != 0:
            return f"exit status {status}\n{stderr}"
        return stderr if SANITIZER.search(stderr) else ""


def stop_well(tap, daemon, name="SIGTERM ends twmond with 0 and nothing for the sanitizers"):
    wrong = daemon.stop()
    tap.ok(not wrong, name, wrong)


class Tracer:
    """strace(1) on all threads of a daemon, for as long as the with block lasts.

    options: what to trace, or which system calls to tamper with; path: what it writes.
    """

    def __init__(self, daemon, *options):
        need("strace")
        self.path = daemon.directory + "/strace"
        self.process = spawn(["strace", "-f", "-q", "-o", self.path, *options, "-p",
                              str(daemon.pid)], stderr=subprocess.DEVNULL)
        tasks = f"/proc/{daemon.pid}/task"
        self.attached = poll(lambda: self.process.poll() is None and all(
            re.search(r"TracerPid:\t[1-9]", read_text(f"{tasks}/{tid}/status"))
            for tid in os.listdir(tasks)), 3)

    def __enter__(self):
        if not self.attached:
            end(self.process)
            raise Skip("strace cannot attach here (ptrace is not allowed)")
        return self

    def __exit__(self, *_):
        end(self.process, signal.SIGINT)


# journald ----------------------------------------------------------------------------------------

JOURNALD = ("/lib/systemd/systemd-journald", "/usr/lib/systemd/systemd-journald")
JOURNAL_CONFIG = """[Journal]
Storage=volatile
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
RateLimitIntervalSec=0
"""


class Journal:
    """A real journald on a /run of its own."""

    def __init__(self):
        self.program = next(filter(os.path.exists, JOURNALD), None)
        self.process = None
        if not self.program or not shutil.which("journalctl"):
            raise Skip("systemd-journald or journalctl is missing")
        if not os.path.ismount("/run") or not os.path.exists("/run/twmon-lab"):
            self._prepare()

    @staticmethod
    def _prepare():
        mount("-t", "tmpfs", "tmpfs", "/run")
        for path in "systemd/journal", "log/journal", "twmon-lab":
            os.makedirs("/run/" + path)
        with open("/run/twmon-lab/machine-id", "w", encoding="ascii") as file:
            file.write("0123456789abcdef0123456789abcdef\n")
        mount("--bind", "/run/twmon-lab/machine-id", "/etc/machine-id")
        mount("-t", "tmpfs", "tmpfs", "/etc/systemd")
        with open("/etc/systemd/journald.conf", "w", encoding="ascii") as file:
            file.write(JOURNAL_CONFIG)

    def start(self):
        with open("/run/twmon-lab/stderr", "ab") as stderr:
            self.process = spawn([self.program], stdin=subprocess.DEVNULL, stderr=stderr)
        must(self.answers, "journald's socket")

    def answers(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.connect(JOURNAL_SOCKET)
            except OSError:
                return False
        return True

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self, sig=signal.SIGTERM):
        if self.process:
            self.resume()
            end(self.process, sig)
            self.process = None
        if os.path.exists(JOURNAL_SOCKET):
            os.unlink(JOURNAL_SOCKET)

    @staticmethod
    def fill():
        """Until journald's socket takes nothing more; how many messages that were."""
        count = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(JOURNAL_SOCKET)
            while True:
                try:
                    sock.send(b"MESSAGE=filler\n", socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return count
                count += 1

    @staticmethod
    def entries(*matches):
        result = subprocess.run(["journalctl", "--no-pager", "-q", "-a", "-o", "json", *matches],
                                capture_output=True, text=True, check=False)
        return [json.loads(line) for line in result.stdout.splitlines()]
