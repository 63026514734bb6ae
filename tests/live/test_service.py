#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a service manager sees: sd_notify(3) messages, a watchdog that is fed, a listening socket
that it passes, an end within two seconds."""

import os
import re
import signal
import socket
import subprocess
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=1s
"""
MONITOR = "io.twmon.Monitor"
STOP_SEC = 2


class Manager:
    """The receiving end of $NOTIFY_SOCKET: .messages, each a dict with "at", its monotonic time."""

    def __init__(self):
        self.path = lab.temp_dir() + "/notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.messages = []

    def environment(self, **more):
        return {**os.environ, "NOTIFY_SOCKET": self.path, **more}

    def read(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except BlockingIOError:
                return self.messages
            fields = dict(line.split("=", 1) for line in text.splitlines())
            self.messages.append({**fields, "at": time.monotonic()})

    def find(self, key, value=None, timeout=5.0, after=0):
        """The first message with that field, of those from number after on."""
        def found():
            return next((item for item in self.read()[after:]
                         if key in item and value in (None, item[key])), None)

        return lab.poll(found, timeout, 0.01)


def test_notify(tap):
    manager = Manager()
    environment = manager.environment(WATCHDOG_USEC="60000000")
    with lab.Daemon(CONFIG, wait=0, env=environment) as daemon:
        ready = manager.find("READY", "1", 15)
        tap.ok(ready, "READY=1 is sent", manager.messages)
        tap.ok(manager.find("STATUS"), "with a STATUS=", manager.messages)
        check_watchdog(tap, daemon, manager)
        check_status_line(tap, manager)
        check_reload(tap, daemon, manager)
        count = len(manager.read())
        lab.stop_well(tap, daemon)
        tap.ok(manager.find("STOPPING", "1", 1, count), "STOPPING=1 is sent", manager.messages[-3:])
        tap.equal(sum("READY" in item for item in manager.read()), 3,
                  "READY=1 once at the start and once after each reload")


def test_ready(tap):
    """READY=1 waits for the first scan, which is held up here."""
    lab.need("strace")
    lab.need(lab.RELEASE, "the release build")
    manager = Manager()
    hold_up = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=recvmsg",
               "-e", "inject=recvmsg:delay_enter=1500000:when=1"]
    with lab.Daemon(CONFIG, binary=lab.RELEASE, wrap=hold_up, wait=0,
                    env=manager.environment()) as daemon:
        lab.poll(lambda: os.path.exists(daemon.socket) or daemon.process.poll() is not None, 10)
        if daemon.process.poll() is not None and "strace:" in daemon.stderr():
            raise lab.Skip(f"strace cannot start it: {daemon.stderr()}")
        status = daemon.status()
        tap.equal((status.get("scannedAt"), status["partial"], status["verdict"], status["scans"]),
                  (None, True, "unknown", 0), "before the first scan GetStatus knows nothing")
        tap.equal(daemon.call("ListPorts")["partial"], True, "nor does ListPorts")
        tap.ok(not any("READY" in item for item in manager.read()), "READY=1 is not sent yet",
               manager.messages)
        tap.ok(manager.find("READY", "1", 10), "after the first scan it is", manager.messages)
        tap.equal(daemon.status()["scans"], 1, "and there is a scan")
        lab.stop_well(tap, daemon)


def check_watchdog(tap, daemon, manager):
    scans = daemon.status()["scans"]
    count = len(manager.read())
    lab.poll(lambda: daemon.status()["scans"] >= scans + 3, 6)
    fed = [item for item in manager.read()[count:] if item.get("WATCHDOG") == "1"]
    tap.ok(2 <= len(fed) <= 4, "WATCHDOG=1 is sent after each scan", manager.messages[count:])


def check_status_line(tap, manager):
    count = len(manager.read())
    with makers.close_wait(7865, 6):
        found = lab.poll(lambda: [item for item in manager.read()[count:]
                                  if "7865" in item.get("STATUS", "")], 6)
        tap.ok(found and re.fullmatch(
            r"\d+ ports? watched; 1 alert: warning close-wait-stuck on local port 7865; "
            r"last scan at \d\d:\d\d:\d\d: \d+ sockets, \d+\.\d ms of CPU", found[0]["STATUS"]),
            "STATUS= tells of an alert, and what the scan cost", manager.messages[count:])


def check_reload(tap, daemon, manager):
    for name, config in ("good", CONFIG), ("bad", "[Scan]\nInterval=never\n"):
        count = len(manager.read())
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        daemon.configure(config)
        daemon.signal(signal.SIGHUP)
        message = manager.find("RELOADING", "1", 5, count)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        tap.ok(message and before <= int(message.get("MONOTONIC_USEC", 0)) <= after,
               f"{name} reload: RELOADING=1 with MONOTONIC_USEC of the moment", message)
        tap.ok(manager.find("READY", "1", 5, count), f"{name} reload: READY=1 follows",
               manager.messages[count:])


def test_slow_scans(tap):
    """A watchdog that is shorter than the interval is lengthened, not missed."""
    manager = Manager()
    environment = manager.environment(WATCHDOG_USEC="60000000")
    with lab.Daemon("[Scan]\nInterval=1min\n", wait=0, env=environment) as daemon:
        message = manager.find("WATCHDOG_USEC", None, 15)
        tap.ok(message and int(message["WATCHDOG_USEC"]) > 60000000,
               "WATCHDOG_USEC= asks for more than one interval", manager.messages)
        tap.ok(manager.find("READY", "1", 15), "READY=1", manager.messages)
        count = len(manager.read())
        daemon.configure("[Scan]\nInterval=1s\n")
        daemon.signal(signal.SIGHUP)
        message = manager.find("WATCHDOG_USEC", None, 5, count)
        tap.ok(message and message["WATCHDOG_USEC"] == "60000000",
               "when the interval is short again, it is as the service manager set it",
               manager.messages[count:])
        lab.stop_well(tap, daemon)


def test_questions_stretch_scans(tap):
    """What clients ask for is paid by the scans, half of what they have at most: the watchdog is told
    before it would be too late, and scans go on."""
    manager = Manager()
    environment = manager.environment(WATCHDOG_USEC="60000000")
    with lab.Daemon("[Scan]\nInterval=100ms\nCPUBudget=0.01%\n", env=environment) as daemon:
        with lab.Varlink(daemon.socket) as connection:
            for port in range(1000, 1040):
                for method, parameters in (("GetPort", {"port": port}),
                                           ("ListPorts", {"ports": [port]})):
                    try:
                        connection.call("io.twmon.Monitor." + method, parameters)
                    except lab.VarlinkError:
                        pass  # too many
                    manager.read()  # a service manager does, too
        tap.ok(lab.poll(lambda: manager.read() and
                        daemon.status()["schedule"]["reason"] == "budget", 60),
               "scans are stretched", daemon.status()["schedule"])
        gap = daemon.status()["schedule"]["gapUsec"]
        told = [int(item["WATCHDOG_USEC"]) for item in manager.read() if "WATCHDOG_USEC" in item]
        tap.ok(told and told[-1] > gap, "the watchdog waits for longer than they do", (told, gap))
        tap.ok(all(item.get("WATCHDOG") == "1" for item in manager.read()
                   if "WATCHDOG_USEC" in item), "and is fed along, so that it counts from then on")
        before = daemon.status()["scans"]
        tap.ok(lab.poll(lambda: manager.read() and daemon.status()["scans"] > before,
                        2 * gap / 1e6 + 10),
               "the next scan comes")
        lab.stop_well(tap, daemon)


def activate(listener):
    """A command prefix that passes listener as descriptor 3, as systemd does."""
    fd = listener.fileno()
    os.set_inheritable(fd, True)
    move = f"3<&{fd} {fd}<&-" if fd != 3 else ""
    return ["sh", "-c", f'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$@" {move}', "sh"]


def test_activation(tap):
    directory = lab.temp_dir()
    path = directory + "/control"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(128)
        early = lab.Varlink(path)  # asks before there is a daemon
        early.send({"method": MONITOR + ".GetStatus"})
        for number in 1, 2:
            with lab.Daemon(CONFIG, socket=path, wrap=activate(listener),
                            pass_fds=[listener.fileno()]) as daemon:
                if number == 1:
                    tap.equal(early.take()["pid"], daemon.pid,
                              "who asked before the start is answered")
                    early.close()
                tap.equal(daemon.status()["pid"], daemon.pid,
                          f"start {number}: the socket is served")
                lab.stop_well(tap, daemon)
            tap.ok(os.path.exists(path), f"start {number}: at its end the socket file stays")
            sock = lab.connect_unix(path)
            sock.close()


def test_wrong_activation(tap):
    """A descriptor that is no listening UNIX socket."""
    with socket.socket() as other:
        with lab.Daemon(CONFIG, wrap=activate(other), pass_fds=[other.fileno()], wait=0) as daemon:
            lab.poll(lambda: daemon.process.poll() is not None, 5)
            text = daemon.stderr()
            tap.ok(daemon.process.poll() not in (None, 0) and len(text.splitlines()) == 1,
                   "a passed TCP socket is refused in one line", f"{daemon.process.poll()} {text}")
            tap.ok(re.search("socket|descriptor", text), "which says what was wrong", text)


def stop_quickly(tap, daemon, name):
    began = time.monotonic()
    wrong = daemon.stop()
    took = time.monotonic() - began
    tap.ok(not wrong and took < STOP_SEC, f"{name}: SIGTERM ends it with 0 within {STOP_SEC} s",
           f"{took:.2f} s {wrong}")


def test_stop(tap):
    with lab.Daemon(CONFIG) as daemon:
        idle = [lab.Varlink(daemon.socket) for _ in range(20)]
        watcher = lab.Watcher(daemon.socket)
        busy = lab.Varlink(daemon.socket)
        busy.send(b'{"method":"io.twmon.Monitor.GetStatus"}\0' * 1000)
        half = lab.Varlink(daemon.socket)
        half.send(b'{"method":"io.twm')
        stop_quickly(tap, daemon, "24 clients")
        watcher.join(2)
        tap.ok(not watcher.is_alive(), "24 clients: who watched sees the end")
        for connection in [*idle, busy, half]:
            connection.close()
        tap.ok(not os.path.exists(daemon.socket), "its own socket file is gone")
    with lab.Daemon(CONFIG, wait=0) as daemon:
        lab.poll(lambda: os.path.exists(daemon.socket), 10, 0.001)
        stop_quickly(tap, daemon, "just started")
    with lab.Daemon(CONFIG) as daemon:
        daemon.signal(signal.SIGINT)
        tap.ok(lab.poll(lambda: daemon.process.poll() is not None, STOP_SEC) and
               daemon.process.poll() == 0, "SIGINT does the same", daemon.process.poll())
        tap.ok(not lab.SANITIZER.search(daemon.stderr()), "and nothing for the sanitizers",
               daemon.stderr())


def test_arguments(tap):
    for args, code, pattern in ((["--version"], 0, r"\d+\.\d+"), (["--help"], 0, "--config"),
                                (["--help-config"], 0, "StuckAfter"), (["--no-such"], 2, "--help"),
                                (["extra"], 2, "extra"), (["--config"], 2, "--help")):
        result = subprocess.run([lab.TWMOND, *args], capture_output=True, text=True, timeout=10,
                                check=False)
        text = result.stdout if code == 0 else result.stderr
        tap.ok(result.returncode == code and re.search(pattern, text),
               f"twmond {' '.join(args)}: exit status {code}", result)


lab.run(test_notify, test_ready, test_slow_scans, test_questions_stretch_scans, test_activation,
        test_wrong_activation, test_stop, test_arguments, limit=150)
