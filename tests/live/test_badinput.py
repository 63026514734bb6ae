#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What others may do to a living twmond: bad requests, greedy clients, bad sockets, bad files. Each
gets its own answer, and after each the daemon answers others at once and has given back what it
took."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import time

import lab

MONITOR = "io.twmon.Monitor"
INVALID = MONITOR + ".MessageInvalid"
CALL = json.dumps({"method": MONITOR + ".GetStatus"}).encode()
CONFIG = "[Scan]\nInterval=1s\n"
REQUEST_MAX = 64 * 1024
CLIENTS_MAX = 128
KIB_SLACK = 1024  # of resident memory, after the worst

# Bytes, and the error that they get; None: no answer but a closed connection; "": a good answer.
REQUESTS = {
    "truncated JSON": (b'{"method":"io.twmon.Mon\0', INVALID),
    "no JSON at all": (b"GET / HTTP/1.1\r\n\r\n\0", INVALID),
    "an empty message": (b"\0", INVALID),
    "binary": (bytes(range(255, 0, -1)) + b"\0", INVALID),
    "no UTF-8": (b'{"method":"\xff\xfe"}\0', INVALID),
    "a UTF-8 surrogate": (b'{"method":"\xed\xa0\x80"}\0', INVALID),
    "an escaped NUL in a name": (b'{"method":"io.twmon.Monitor.GetStatus\\u0000x"}\0', INVALID),
    "an array": (b'["io.twmon.Monitor.GetStatus"]\0', INVALID),
    "a number": (b"1\0", INVALID),
    "a huge number": (b'{"method":' + b"9" * 400 + b"}\0", INVALID),
    "two objects": (CALL + CALL + b"\0", INVALID),
    "a key twice": (CALL[:-1] + b',"method":"x.Y"}\0', INVALID),
    "a parameter twice": (b'{"method":"io.twmon.Monitor.ListPorts","parameters":'
                          b'{"limit":1,"limit":2}}\0', INVALID),
    "nested 10,000 deep": (b'{"method":' + b"[" * 10000 + b"]" * 10000 + b"}\0", INVALID),
    "objects nested 10,000 deep": (b'{"a":' * 10000 + b"1" + b"}" * 10000 + b"\0", INVALID),
    "10,000 brackets never closed": (b"[" * 10000 + b"\0", INVALID),
    "no method": (b"{}\0", INVALID),
    "method is a number": (b'{"method":1}\0', INVALID),
    "parameters are an array": (CALL[:-1] + b',"parameters":[]}\0', INVALID),
    "more is a text": (CALL[:-1] + b',"more":"yes"}\0', INVALID),
    "a method without an interface": (b'{"method":"GetStatus"}\0',
                                      ("org.varlink.service.MethodNotFound",
                                       "org.varlink.service.InterfaceNotFound")),
    "a method that does not exist": (b'{"method":"io.twmon.Monitor.No"}\0',
                                     "org.varlink.service.MethodNotFound"),
    "a parameter that does not exist": (CALL[:-1] + b',"parameters":{"x":1}}\0',
                                        "org.varlink.service.InvalidParameter"),
    "a parameter of a wrong type": (b'{"method":"io.twmon.Monitor.ListPorts","parameters":'
                                    b'{"limit":"all"}}\0', "org.varlink.service.InvalidParameter"),
    "a request of 64 KiB": (CALL[:-1] + b" " * (REQUEST_MAX - len(CALL)) + b"}\0", ""),
    "one byte more than 64 KiB": (CALL[:-1] + b" " * (REQUEST_MAX - len(CALL) + 1) + b"}\0",
                                  INVALID),
    "1 MiB without an end": (b"x" * (1 << 20), INVALID),
}


def ask_quickly(tap, daemon, name):
    began = time.monotonic()
    reply = daemon.status()
    took = time.monotonic() - began
    tap.ok(took < 1 and reply["pid"] == daemon.pid, f"{name}: others are answered within a second",
           f"{took:.2f} s")


class Footprint:
    """Descriptors and resident memory of a daemon, before and after."""

    def __init__(self, daemon):
        self.daemon = daemon
        for _ in range(20):
            daemon.status()
        lab.must(lambda: self._clients() == 0, "no client left")
        self.fds, self.kib = daemon.steady_fds(), lab.rss_kib(daemon.pid)

    def _clients(self):
        """Accepted connections: connected sockets that have the listener's path."""
        with open(f"/proc/{self.daemon.pid}/net/unix", encoding="utf-8") as file:
            return sum(line.split()[5] == "03" and line.split()[-1] == self.daemon.socket
                       for line in file)

    def check(self, tap, name):
        pid = self.daemon.pid
        tap.ok(lab.poll(lambda: lab.fd_count(pid) == self.fds, 5), f"{name}: no descriptor is left",
               f"{lab.fd_count(pid)}, before: {self.fds}; {lab.fd_names(pid)}")
        if self.daemon.binary == lab.RELEASE:
            tap.ok(lab.poll(lambda: lab.rss_kib(pid) <= self.kib + KIB_SLACK, 5),
                   f"{name}: no memory is kept",
                   f"{lab.rss_kib(pid)} KiB, before: {self.kib}")


def send_anyway(connection, data):
    """As much of it as the daemon takes before it closes."""
    try:
        connection.send(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # closed in the middle: its answer may be there already


def answer_to(daemon, data):
    """The error's name, "" for a good reply, None for a closed connection."""
    with lab.Varlink(daemon.socket) as connection:
        send_anyway(connection, data)
        try:
            return connection.reply().get("error", "")
        except (EOFError, ConnectionResetError):
            return None


def each_binary():
    return [path for path in dict.fromkeys((lab.TWMOND, lab.RELEASE)) if os.path.exists(path)]


def on_each_binary(test):
    """The one with sanitizers finds what is wrong, the other shows what is kept."""
    def both(tap):
        for binary in each_binary():
            with lab.Daemon(CONFIG, binary=binary) as daemon:
                test(tap, daemon)
                lab.stop_well(tap, daemon)

    both.__name__ = test.__name__
    return both


@on_each_binary
def test_requests(tap, daemon):
    footprint = Footprint(daemon)
    for name, (data, wanted) in REQUESTS.items():
        got = answer_to(daemon, data)
        # Where the daemon closes on a peer that still sends, the kernel may drop the answer.
        cut = got is None and len(data) > REQUEST_MAX + 1
        tap.ok(got == wanted or cut or isinstance(wanted, tuple) and got in wanted,
               f"{name}: {wanted or 'is answered'}", f"got {got}")
        if daemon.process.poll() is not None:
            raise RuntimeError(f"twmond ended:\n{daemon.stderr()}")
    ask_quickly(tap, daemon, "bad requests")
    with lab.Varlink(daemon.socket) as connection:
        connection.send(b"no JSON\0" + CALL + b"\0")
        tap.equal((connection.reply().get("error"), "error" in connection.reply()),
                  (INVALID, False), "after a bad request the connection goes on")
    footprint.check(tap, "bad requests")


@on_each_binary
def test_half_requests(tap, daemon):
    """Sent byte by byte, abandoned in the middle, closed for writing."""
    footprint = Footprint(daemon)
    with lab.Varlink(daemon.socket) as connection:
        for byte in CALL + b"\0":
            connection.send(bytes([byte]))
        tap.equal(connection.take()["pid"], daemon.pid, "a request in single bytes is answered")
        connection.send(CALL + b"\0")
        connection.socket.shutdown(socket.SHUT_WR)
        tap.equal(connection.take()["pid"], daemon.pid,
                  "who has shut down sending is still answered")
        tap.equal(connection.frame(), None, "and then closed")
    for _ in range(200):
        with lab.Varlink(daemon.socket) as connection:
            connection.send(CALL[:20])
    ask_quickly(tap, daemon, "200 abandoned requests")
    footprint.check(tap, "200 abandoned requests")


def flood(connection, count):
    """Asks without ever reading, until count or until the daemon lets no more in."""
    connection.socket.setblocking(False)
    data, sent = (CALL + b"\0") * count, 0
    def push():
        nonlocal sent
        try:
            sent += connection.socket.send(data[sent:sent + (1 << 16)])
        except BlockingIOError:
            return False
        except OSError:
            return True  # closed: done
        return sent == len(data)

    lab.poll(push, 2, 0.001)


@on_each_binary
def test_never_reads(tap, daemon):
    footprint = Footprint(daemon)
    with lab.Varlink(daemon.socket) as connection:
        flood(connection, 10000)
        ask_quickly(tap, daemon, "10,000 questions and no reading")
        if daemon.binary == lab.RELEASE:
            kib = lab.rss_kib(daemon.pid) - footprint.kib
            tap.ok(kib < 4096, "10,000 questions and no reading: memory stays bounded",
                   f"{kib} KiB")
    ask_quickly(tap, daemon, "the same, gone")
    footprint.check(tap, "10,000 questions and no reading")
    watchers = [lab.Varlink(daemon.socket) for _ in range(20)]
    for connection in watchers:
        connection.send({"method": MONITOR + ".Watch", "more": True, "parameters": {"scans": True}})
    daemon.wait_scan()
    ask_quickly(tap, daemon, "20 watchers that do not read")
    for connection in watchers:
        connection.close()
    footprint.check(tap, "20 watchers that do not read")


@on_each_binary
def test_connections(tap, daemon):
    footprint = Footprint(daemon)
    first = lab.Varlink(daemon.socket)
    first.call(MONITOR + ".GetStatus")
    clients, refused = [], 0
    for _ in range(2000):
        try:
            clients.append(lab.connect_unix(daemon.socket))
        except OSError:
            refused += 1
    tap.ok(lab.poll(lambda: lab.fd_count(daemon.pid) <= footprint.fds + CLIENTS_MAX),
           f"2,000 connections: at most {CLIENTS_MAX} are held",
           f"{lab.fd_count(daemon.pid) - footprint.fds}, {refused} refused")
    scans = first.call(MONITOR + ".GetStatus")["scans"]
    tap.ok(lab.poll(lambda: first.call(MONITOR + ".GetStatus")["scans"] > scans, 5),
           "2,000 connections: the first of them is served, and scans go on")
    for sock in clients:
        sock.close()
    tap.ok(lab.poll(lambda: still_serves(daemon), 5),
           "2,000 connections, gone: new ones are served")
    ask_quickly(tap, daemon, "2,000 connections")
    tap.ok(daemon.status()["limitsHit"].get("clientsRefused", 0) > 0,
           "2,000 connections: `status` says that some were refused", daemon.status())
    first.close()
    footprint.check(tap, "2,000 connections")
    for _ in range(2000):
        with lab.Varlink(daemon.socket) as connection:
            send_anyway(connection, CALL + b"\0")
    tap.ok(lab.poll(lambda: still_serves(daemon), 5), "2,000 that leave without their answer")
    footprint.check(tap, "2,000 that leave without their answer")


def still_serves(daemon):
    try:
        return daemon.status()
    except (OSError, EOFError):
        return None


def start(*args, config=CONFIG, **options):
    """A twmond that is expected to refuse: its exit status and stderr."""
    with lab.Daemon(config, *args, wait=0, **options) as daemon:
        lab.poll(lambda: daemon.process.poll() is not None, 5)
        status = daemon.process.poll()
        return status, daemon.stderr().strip()


def test_socket_paths(tap):
    directory = lab.temp_dir()
    path = f"{directory}/{'x' * 120}"
    status, text = start(socket=path)
    tap.ok(status not in (None, 0) and len(text.splitlines()) == 1 and path in text,
           "a socket path that is too long: one line that names it", f"{status} {text}")
    tap.equal(os.listdir(directory), [], "and nothing is made of its beginning")
    with lab.Daemon(CONFIG) as daemon:
        status, text = start(socket=daemon.socket)
        tap.ok(status not in (None, 0) and len(text.splitlines()) == 1 and daemon.socket in text,
               "a path that a living daemon serves: refused in one line", f"{status} {text}")
        ask_quickly(tap, daemon, "the daemon that was there first")
        daemon.signal(signal.SIGSTOP)
        status, _ = start(socket=daemon.socket)
        daemon.signal(signal.SIGCONT)
        tap.ok(status not in (None, 0), "a stopped one is not robbed either", status)
        lab.end(daemon.process)
        tap.ok(os.path.exists(daemon.socket), "killed, it leaves its socket behind")
        with lab.Daemon(CONFIG, socket=daemon.socket) as second:
            tap.ok(second.status()["pid"] == second.pid, "which the next one replaces")
            mode = stat.S_IMODE(os.stat(second.socket).st_mode)
            tap.equal(oct(mode), oct(0o666), "and everybody may connect to it")
            lab.stop_well(tap, second)
            tap.ok(not os.path.exists(second.socket), "and which it removes at its end")
    path = f"{directory}/file"
    with open(path, "w", encoding="ascii") as file:
        file.write("mine")
    status, text = start(socket=path)
    tap.ok(status not in (None, 0) and path in text and os.path.getsize(path) == 4,
           "a file in the way is neither replaced nor touched", f"{status} {text}")


def bad_files(directory):
    """{name: (path, the line at which an error must stand; 0: any)}"""
    good = b"[Scan]\nInterval=1s\n"
    contents = {
        "binary": (bytes(range(1, 256)) * 4, 1),
        "empty of sense": (b"\xff\xfe\0\0", 1),
        "huge": (b"# padding\n" * 120000 + b"[Scan]\nInterval=1s\n", 0),
        "long-comment": (good + b"# " + b"x" * 300 + b"\nInterval=5s\n", 3),
        "long-comment-with-a-key": (good + b"#" + b"x" * 199 + b"\tInterval=5s" + b" " * 87 + b"\n",
                                    3),
        "long-value": (good + b"[Ports]\nIgnore=" + b"7 " * 300 + b"\n", 4),
        "nul": (good + b"[CloseWait]\nStuck\0After=3s\n", 4),
        "nul-in-a-comment": (good + b"# a\0b\n[CloseWait]\nStuckWarning=7\n", 3),
        "indented": (b"[Scan]\nInterval=1s\n  StuckAfter=3s\n", 3),
        "unknown-section": (good + b"[CloseWiat]\n", 3),
        "unknown-key": (good + b"Intervall=3s\n", 3),
        "no-section": (b"Interval=3s\n", 1),
        "no-equals-sign": (good + b"Interval\n", 3),
        "open-section": (good + b"[CloseWait\n", 3),
        "bad-duration": (b"[Scan]\nInterval=soon\n", 2),
        "bad-count": (good + b"[CloseWait]\nStuckWarning=-1\n", 4),
        "bad-port": (good + b"[Port 70000]\nStuckWarning=1\n", 3),
        "long-section": (good + b"[" + b"P" * 100 + b"]\n", 3),
        "bad-last-line-without-an-end": (good + b"Interval=x", 3),
    }
    for name, (content, line) in contents.items():
        path = f"{directory}/{name.replace(' ', '-')}.conf"
        with open(path, "wb") as file:
            file.write(content)
        yield name, path, line
    os.mkdir(f"{directory}/directory.conf")
    yield "a directory", f"{directory}/directory.conf", 0
    yield "missing", f"{directory}/missing.conf", 0


def check_config(path, binary=lab.TWMOND):
    result = subprocess.run([binary, "--config", path, "--check-config"], capture_output=True,
                            text=True, errors="replace", timeout=20, check=False)
    return result.returncode, result.stderr


def test_config_files(tap):
    for name, path, line in bad_files(lab.temp_dir()):
        place = f"{path}:{line}:" if line else path
        status, text = check_config(path)
        tap.ok(status == 1 and place in text and not lab.SANITIZER.search(text),
               f"{name}: --check-config exits 1 and names {os.path.basename(place)}",
               f"{status} {text}")
        socket_path = f"{os.path.dirname(path)}/{name.replace(' ', '-')}.socket"
        status, text = start("--config", path, socket=socket_path)
        tap.ok(status == 78 and place in text and not lab.SANITIZER.search(text),
               f"{name}: at start it exits 78", f"{status} {text}")
        tap.ok(not os.path.exists(socket_path), f"{name}: before it makes its socket")


def test_unreadable_config(tap):
    """root reads everything, so another uid is needed."""
    if lab.as_nobody(lambda: "me") is None:
        raise lab.Skip("a single uid in this namespace")
    path = lab.temp_dir() + "/secret.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write(CONFIG)
    os.chmod(path, 0o600)
    binary = shutil.copy(lab.TWMOND, lab.temp_dir())  # the tree may be closed to others
    text = lab.as_nobody(lambda: "{} {}".format(*check_config(path, binary)))
    tap.ok(text and text.startswith("1 ") and path in text,
           "unreadable: --check-config exits 1 and names it", text)


def test_good_config_files(tap):
    directory = lab.temp_dir()
    for name, content in {"empty": b"", "a comment of 150 bytes": b"# " + b"x" * 148 + b"\n",
                          "a last line without an end": b"[Scan]\nInterval=1s"}.items():
        path = f"{directory}/good.conf"
        with open(path, "wb") as file:
            file.write(content)
        status, text = check_config(path)
        tap.equal((status, text), (0, ""), f"{name}: is good")


def test_reload_of_bad_files(tap):
    """The living daemon keeps its configuration whatever it is told to read."""
    with lab.Daemon(CONFIG) as daemon:
        for name, path, _ in bad_files(lab.temp_dir()):
            if not os.path.isfile(path):
                continue
            os.replace(path, daemon.config)
            result = daemon.ctl("reload")
            tap.ok(result.returncode not in (0, 3) and daemon.config in result.stderr,
                   f"{name}: reload fails and says where", result)
        tap.equal(daemon.status()["intervalUsec"], 1000000, "and the interval is what it was")
        ask_quickly(tap, daemon, "all these reloads")
        lab.stop_well(tap, daemon)


lab.run(test_requests, test_half_requests, test_never_reads, test_connections, test_socket_paths,
        test_config_files, test_unreadable_config, test_good_config_files,
        test_reload_of_bad_files)
