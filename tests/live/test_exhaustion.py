#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""port-exhaustion: a client that uses its local ports up towards one server, told before connect()
fails; one that holds many; and one whose ports the kernel takes over from TIME_WAIT."""

import collections
import errno
import os
import socket
import struct
import threading
import time

import cable
import lab
import makers

KIND = "port-exhaustion"
PORT = 7951
PORTS = 200
FIRST = 40000
RATE = 5.0  # connections a second: 40 s until all ports are in use, before TIME_WAIT's 60 are over
RESET = struct.pack("ii", 1, 0)

CONFIG = """
[Scan]
Interval={interval}
[Alerts]
RaiseAfter={raise_after}
ClearAfter=2s
"""


class Client(threading.Thread):
    """Connects to the address at a constant rate and closes first, three connections later."""

    def __init__(self, address, rate, most):
        super().__init__(daemon=True)
        self.address, self.rate, self.most = address, rate, most
        self.connects = 0
        self.failed = None  # when, monotonic
        self.error = 0
        self.stopped = threading.Event()
        self.start()

    def run(self):
        kept = collections.deque()
        began = time.monotonic()
        while self.connects < self.most and not self.stopped.is_set():
            time.sleep(max(0, began + self.connects / self.rate - time.monotonic()))
            sock = socket.socket()
            try:
                sock.connect(self.address)
            except OSError as error:
                self.failed, self.error = time.monotonic(), error.errno
                break
            self.connects += 1
            kept.append(sock)
            if len(kept) > 3:
                kept.popleft().close()
        while kept:
            kept.popleft().close()

    def end(self):
        self.stopped.set()
        self.join(10)


class Server(threading.Thread):
    """Accepts, and closes when so many more have come."""

    def __init__(self, listener, keep=10):
        super().__init__(daemon=True)
        self.listener, self.keep = listener, keep
        self.listener.settimeout(0.2)
        self.stopped = threading.Event()
        self.start()

    def run(self):
        kept = collections.deque()
        while not self.stopped.is_set():
            try:
                kept.append(self.listener.accept()[0])
            except TimeoutError:
                continue
            while len(kept) > self.keep:
                kept.popleft().close()
        while kept:
            kept.popleft().close()
        self.listener.close()

    def end(self):
        self.stopped.set()
        self.join(5)


def set_range():
    lab.set_sysctl("net.ipv4.ip_local_port_range", f"{FIRST} {FIRST + PORTS - 1}")


def serve_there(wire, port, **options):
    """A server at the other end of the cable."""
    with wire.inside():
        return Server(socket.create_server(("", port), backlog=1024), **options)


def eta_of(event):
    """What the numbers of an event foretell, in seconds."""
    row = event["alert"]["destination"]
    return (row["usable"] - row["used"]) / row["burnPerMin"] * 60


def check_foretold(tap, name, event, failed):
    left = failed - event["seen"]
    if not tap.ok(left > 0, f"{name} is told {left:.1f} s before connect() fails", event):
        return
    if not tap.ok("burnPerMin" in event["alert"]["destination"], f"{name} has a rate", event):
        return
    eta = eta_of(event)
    tap.ok(abs(eta - left) <= 0.2 * left,
           f"... and foretells {eta:.1f} s, which is within 20 %", event)
    tap.ok(abs(event["alert"]["etaSec"] - eta) <= 1, "... as etaSec says", event)


def test_ports_run_out(tap):
    set_range()
    with cable.Cable() as wire, lab.Daemon(
            CONFIG.format(interval="1s", raise_after="20s")) as daemon:
        server = serve_there(wire, PORT)
        watcher = lab.Watcher(daemon.socket)
        client = Client((cable.THERE, PORT), RATE, 2 * PORTS)
        client.join(60)
        tap.equal((client.connects, client.error), (PORTS, errno.EADDRNOTAVAIL),
                  "connect() fails when every port is in use, and not before")
        raised = watcher.find("raised", KIND, PORT)
        critical = watcher.find("escalated", KIND, PORT)
        if tap.ok(raised and critical, "both levels are told", watcher.events):
            tap.equal(raised["alert"]["severity"], "warning", "the first one is a warning")
            check_foretold(tap, "the warning", raised, client.failed)
            check_foretold(tap, "critical", critical, client.failed)
            row = critical["alert"]["destination"]
            tap.equal((row["source"], row["address"], row["port"], row["usable"], row["errorMax"]),
                      (cable.HERE, cable.THERE, PORT, PORTS, 0),
                      "towards which destination")
            tap.ok(85 <= critical["alert"]["count"] <= 100, "how full it is", critical)
            tap.equal(critical["alert"]["key"],
                      f"{KIND}:-:remote:{PORT}:{cable.HERE}_{cable.THERE}", "its key")
            tap.ok(f" of {PORTS} local ports towards {cable.THERE} port {PORT} " in
                   critical["message"], "in words", critical)

        def named():
            owner = (daemon.alert(KIND, PORT, "remote") or {}).get("owner") or {}
            return os.getpid() in [process["pid"] for process in owner.get("processes", [])]

        tap.ok(lab.poll(named, 5), "who it is", daemon.ctl_json("alerts"))
        alert = daemon.alert(KIND, PORT, "remote") or {}
        tap.ok("burnPerMin" not in alert.get("destination", {}), "and nothing burns when all is used",
               alert)
        client.end()
        watcher.close()
        lab.stop_well(tap, daemon)
        server.end()


def test_many_are_held(tap):
    """Three quarters are held: a warning, no time told, and cleared when they are given back."""
    set_range()
    with cable.Cable() as wire, lab.Daemon(
            CONFIG.format(interval="500ms", raise_after="2s")) as daemon:
        server = serve_there(wire, PORT + 1, keep=PORTS)
        watcher = lab.Watcher(daemon.socket)
        address = (cable.THERE, PORT + 1)
        held = [socket.create_connection(address) for _ in range(150)]
        tap.ok(daemon.wait_alert(KIND, PORT + 1, "raised", 10, "remote"), "150 of 200 are a warning")
        event = watcher.find("raised", KIND, PORT + 1) or {"alert": {}}
        tap.equal(event["alert"].get("count"), 75, "of 75 %")
        alert = lab.poll(lambda: "etaSec" not in (daemon.alert(KIND, PORT + 1, "remote") or {}), 10)
        tap.ok(alert, "that does not grow and has no end", daemon.ctl_json("alerts"))
        tap.equal(daemon.call("GetHistory", {"port": PORT + 1})["sides"][0]["severity"][-1], "warning",
                  "the alert is in the history of a port without CLOSE_WAIT and TIME_WAIT")
        for sock in held:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, PORT + 1), 10),
               "giving them back clears it", daemon.ctl_json("alerts"))
        sides = daemon.call("GetHistory", {"port": PORT + 1})["sides"]
        tap.equal([side["side"] for side in sides], ["remote"], "and stays there, of the remote side")
        watcher.close()
        lab.stop_well(tap, daemon)
        server.end()


def test_kernel_reuses(tap):
    """The loopback with tcp_tw_reuse=2: all ports in TIME_WAIT, and no trouble."""
    set_range()
    server = Server(makers.listener(PORT + 2))
    lab.set_sysctl("net.ipv4.tcp_tw_reuse", 0)
    Client(("127.0.0.1", PORT + 2), 500.0, PORTS).join(10)
    lab.set_sysctl("net.ipv4.tcp_tw_reuse", 2)
    lab.must(lambda: lab.ss_count("time-wait", peer=PORT + 2) >= PORTS - 10, "TIME_WAIT")
    time.sleep(1.5)  # the kernel takes none over that is younger than a second
    with lab.Daemon(CONFIG.format(interval="500ms", raise_after="500ms")) as daemon:
        watcher = lab.Watcher(daemon.socket)
        client = Client(("127.0.0.1", PORT + 2), 50.0, 2 * PORTS)
        most = pending = 0
        while client.is_alive():
            most = max(most, lab.ss_count("time-wait", peer=PORT + 2))
            pending += daemon.alert(KIND, PORT + 2, "remote") is not None
            time.sleep(0.2)
        tap.equal((client.connects, client.error), (2 * PORTS, 0),
                  "twice as many connects as ports, and none fails")
        tap.ok(most >= PORTS - 10, f"although {most} ports are in TIME_WAIT")
        tap.ok(pending == 0 and not watcher.find("raised", KIND, PORT + 2),
               "no alert, not even a pending one", watcher.events)
        lab.set_sysctl("net.ipv4.tcp_tw_reuse", 0)
        tap.ok(daemon.wait_alert(KIND, PORT + 2, "raised", 10, "remote"),
               "and one as soon as the kernel does not reuse them any more")
        lab.set_sysctl("net.ipv4.tcp_tw_reuse", 2)
        tap.ok(lab.poll(lambda: watcher.find("cleared", KIND, PORT + 2), 10),
               "which is cleared when it does again")
        watcher.close()
        lab.stop_well(tap, daemon)
    server.end()


if __name__ == "__main__":
    lab.run(test_kernel_reuses, test_many_are_held, test_ports_run_out, limit=150)
