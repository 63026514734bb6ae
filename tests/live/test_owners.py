#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who it is: the process that holds the sockets, all of them where it has forked, with descriptors and
limit; by the listener where the sockets name nobody; nobody rather than somebody else where it cannot
be seen; two programs behind one port number, each for itself. And many alerts at once on a host whose processes hold many descriptors: looking for the
owners delays neither the scans nor the end."""

import os
import resource
import signal
import socket
import sys
import time

import lab
import makers

CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=4
[TimeWait]
CountWarning=20
[Alerts]
RaiseAfter=500ms
"""
STEADY = 1.5  # three intervals
STUCK, TIME_WAIT, EXHAUSTION = "close-wait-stuck", "time-wait-count", "port-exhaustion"
PORTS = range(7600, 7664)
CROWD = 4  # processes
LIMIT = 777
NOBODY = {"user": 65534, "group": 65534, "extra_groups": []}

# argv: port, connections, forks. Says when it serves; accepts and holds, and never closes. Forks once
# more at SIGUSR1.
SERVER = """
import os, resource, signal, socket, sys
port, count, forks = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (%d, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
server = socket.create_server(("127.0.0.1", port), backlog=64)
os.write(1, b"ready\\n")
held = [server.accept()[0] for _ in range(count)]
extra = [os.dup(0) for _ in range(13)]
for _ in range(forks):
    if (pid := os.fork()) == 0:
        extra += [os.dup(0) for _ in range(100)]
        break
    os.write(1, b"%%d\\n" %% pid)
def fork(*_):
    if (pid := os.fork()) != 0:
        os.write(1, b"%%d\\n" %% pid)
signal.signal(signal.SIGUSR1, fork)
os.write(1, b"held\\n")
while True:
    signal.pause()
""" % LIMIT

# argv: address, port, connections, all of which it holds.
CLIENT = """
import os, signal, socket, sys
address = sys.argv[1], int(sys.argv[2])
held = [socket.create_connection(address) for _ in range(int(sys.argv[3]))]
os.write(1, b"held\\n")
signal.pause()
"""


class Server:
    """Another process with connections in CLOSE_WAIT, and with its forks."""

    def __init__(self, port, count, forks=0, accept=True, python=sys.executable, **options):
        self.process = lab.spawn([python, "-c", SERVER, str(port),
                                  str(count if accept else 0), str(forks)],
                                 stdin=lab.subprocess.DEVNULL, stdout=lab.subprocess.PIPE,
                                 text=True, **options)
        self.pid = self.process.pid
        self.process.stdout.readline()
        for _ in range(count):
            makers.client(port).close()
        # the number of each fork, and from each process, in any order, that it is done
        lines = [self.process.stdout.readline().strip() for _ in range(2 * forks + 1)]
        self.forks = [int(line) for line in lines if line.isdigit()]

    def fork(self):
        """Once more; returns its number."""
        os.kill(self.pid, signal.SIGUSR1)
        self.forks.append(int(self.process.stdout.readline()))
        return self.forks[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self.forks:
            os.kill(pid, signal.SIGKILL)
        lab.end(self.process)
        self.process.stdout.close()


def wait_owner(daemon, kind, port):
    """The alert, once it is raised and somebody is named; as it is where nobody is."""
    daemon.wait_alert(kind, port, "raised", 10)
    return lab.poll(lambda: owned(daemon.alert(kind, port)), 3) or daemon.alert(kind, port) or {}


def owned(alert):
    return alert if alert and alert.get("owner") else None


def by_pid(alert):
    owner = alert.get("owner") or {}
    return {process["pid"]: process for process in owner.get("processes", [])}


def check_process(tap, process, pid, name):
    process = process or {}
    tap.equal(process.get("comm"), lab.read_text(f"/proc/{pid}/comm").strip(), f"{name}: comm")
    tap.equal(process.get("fds"), lab.fd_count(pid), f"{name}: descriptors, as listed here")
    tap.equal(process.get("fdLimit"), LIMIT, f"{name}: their limit")


def test_one_process(tap):
    with lab.Daemon(CONFIG) as daemon, Server(7680, 6) as server:
        alert = wait_owner(daemon, STUCK, 7680)
        owner = alert.get("owner") or {}
        tap.equal(list(by_pid(alert)), [server.pid], "the process that holds them is named")
        tap.equal([owner.get(key) for key in ("holders", "processesTotal", "uid", "byListener")],
                  [True, 1, os.getuid(), False], "as their holder, the only one, with its uid")
        tap.equal(resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[0], LIMIT,
                  "(the system call tells the server's limit)")
        check_process(tap, by_pid(alert).get(server.pid), server.pid, "one process")
        count = lab.fd_count(server.pid)
        comm = lab.read_text(f"/proc/{server.pid}/comm").strip()
        words = f"PID {server.pid} {comm}, {count} of {LIMIT} descriptors)"
        tap.ok(lab.poll(lambda: words in daemon.stderr(), 2), "the message says so", daemon.stderr())
        words = f"({comm}, pid {server.pid}, {count} of {LIMIT} descriptors, uid {os.getuid()})"
        text = daemon.ctl("alerts").stdout
        tap.ok(words in text or words.replace(f"({comm}, ", f"{comm} (") in text,
               "and so does `alerts`", text)
        lab.stop_well(tap, daemon)


def test_forked(tap):
    """A descriptor is closed only when every process that inherited it has closed it."""
    with lab.Daemon(CONFIG) as daemon, Server(7681, 6, forks=1) as server:
        alert = wait_owner(daemon, STUCK, 7681)
        wanted = [*server.forks, server.pid]
        tap.equal(list(by_pid(alert)), wanted, "both holders, the one nearer to its limit first")
        owner = alert.get("owner") or {}
        tap.equal((owner.get("holders"), owner.get("processesTotal")), (True, 2), "as holders")
        for pid in wanted:
            check_process(tap, by_pid(alert).get(pid), pid, f"{wanted.index(pid) + 1} of 2")
        tap.ok(daemon.says(f"PID {wanted[0]} .* and 1 more process"), "the message counts them",
               daemon.stderr())
        lab.stop_well(tap, daemon)


def test_forked_later(tap):
    """Found once, its holder is asked whether it holds it still; whoever looks closer sees all. None is
    told that has let go of it."""
    port = 7695
    with lab.Daemon(CONFIG) as daemon, Server(port, 6) as server:

        def local(rows):
            return [sorted(by_pid(row)) for row in rows if row["side"] == "local"]

        def listed():
            return local(daemon.call("ListPorts", {"ports": [port]})["ports"])

        alert = wait_owner(daemon, STUCK, port)
        tap.equal(list(by_pid(alert)), [server.pid], "found before it forks")
        child = server.fork()
        time.sleep(6)  # longer than an answer is given again
        tap.equal(listed(), [[server.pid]], "it holds it still: nobody else is searched for")
        found = daemon.look("GetPort", {"port": port})
        tap.equal(local(found["connections"]), [sorted([server.pid, child])], "a look searches for all")
        os.kill(server.pid, signal.SIGKILL)
        time.sleep(6)
        tap.equal(listed(), [[child]], "it is gone: its child is found")
        lab.stop_well(tap, daemon)


def test_unaccepted(tap):
    with lab.Daemon(CONFIG) as daemon, Server(7682, 6, accept=False) as server:
        alert = wait_owner(daemon, STUCK, 7682)
        tap.equal((alert.get("stages") or {}).get("unaccepted"), 6, "nobody has accepted them")
        tap.equal(list(by_pid(alert)), [server.pid], "they are those of the process that listens")
        owner = alert.get("owner") or {}
        tap.equal((owner.get("byListener"), owner.get("holders")), (True, True), "and marked so")
        check_process(tap, by_pid(alert).get(server.pid), server.pid, "unaccepted")
        lab.stop_well(tap, daemon)


def test_time_wait(tap):
    with lab.Daemon(CONFIG) as daemon:
        with makers.time_wait(7683, 21, keep_listening=True), makers.close_wait(7683 + 1, 4):
            makers.time_wait(7685, 21, first="client")
            alert = wait_owner(daemon, TIME_WAIT, 7683)
            tap.equal(list(by_pid(alert)), [os.getpid()], "TIME_WAIT: the process that listens")
            tap.ok((alert.get("owner") or {}).get("byListener"), "and marked so", alert)
            alert = daemon.wait_alert(TIME_WAIT, 7685, "raised", 10, side="remote") or {}
            tap.equal(alert.get("owner", "none"), "none", "TIME_WAIT of a client: nobody is named")
            alert = wait_owner(daemon, STUCK, 7684)
            tap.equal((alert.get("owner") or {}).get("byListener"), False,
                      "a socket that names its process needs no listener")
        lab.stop_well(tap, daemon)


def test_both_on_one_port(tap):
    """Each alert of a port has the owner that its own sockets tell."""
    with lab.Daemon(CONFIG) as daemon, makers.time_wait(7687, 21, keep_listening=True) as held, \
            makers.close_wait(7687, 4, server=held.listener):
        for kind, by_listener in (STUCK, False), (TIME_WAIT, True):
            alert = wait_owner(daemon, kind, 7687)
            owner = alert.get("owner") or {}
            tap.equal((owner.get("byListener"), list(by_pid(alert))), (by_listener, [os.getpid()]),
                      f"{kind} beside the other on one port")
        lab.stop_well(tap, daemon)


def hold(address, port, count):
    """Another process with so many connections to there."""
    process = lab.spawn([sys.executable, "-c", CLIENT, address, str(port), str(count)],
                        stdout=lab.subprocess.PIPE)
    process.stdout.readline()
    return process


def test_two_destinations(tap):
    """One port number, two servers, two clients that use their local ports up."""
    port, addresses = 7693, ("127.0.0.1", "127.0.0.2")
    lab.set_sysctl("net.ipv4.ip_local_port_range", "40000 40199")
    with lab.Daemon(CONFIG) as daemon, socket.create_server(("", port), backlog=1024):
        watcher = lab.Watcher(daemon.socket)
        clients = {address: hold(address, port, 150) for address in addresses}
        wanted = {address: [client.pid] for address, client in clients.items()}

        def by_destination(rows):
            return {row["destination"]["address"]: list(by_pid(row)) for row in rows
                    if row["kind"] == EXHAUSTION and row["port"] == port}

        def alerts():
            return by_destination(daemon.ctl_json("alerts")["alerts"])

        def told():
            return by_destination(item["alert"] for item in list(watcher.events)
                                  if item["event"] == "raised")

        def listed():
            rows = daemon.call("ListDestinations")["destinations"]
            return {row["address"]: list(by_pid(row)) for row in rows if row["port"] == port}

        for name, answer in (("the events", told), ("the alerts", alerts),
                             ("ListDestinations", listed)):
            lab.poll(lambda found=answer: found() == wanted, 10)
            tap.equal(answer(), wanted, f"two clients, two destinations, one port: {name}")
        watcher.close()
        lab.stop_well(tap, daemon)
        for client in clients.values():
            lab.end(client)
            client.stdout.close()


def for_nobody(*programs):
    """The first of them that uid 65534 may run."""
    for path in programs:
        if lab.as_nobody(lambda program=path: "yes" if os.access(program, os.X_OK) else "no") == "yes":
            return path
    raise lab.Skip(f"uid {NOBODY['user']} cannot be had here, or may run none of {programs}")


def start_as_nobody():
    """A twmond that may not read the descriptors of others."""
    directory = lab.temp_dir()
    os.chmod(directory, 0o777)
    return lab.Daemon(CONFIG, binary=for_nobody(lab.TWMOND), socket=directory + "/control", **NOBODY)


def test_without_privilege(tap):
    python = for_nobody(sys.executable, "/usr/bin/python3", "/bin/python3")
    with start_as_nobody() as daemon, Server(7690, 6) as hidden, \
            Server(7691, 6, python=python, **NOBODY) as own:
        alert = wait_owner(daemon, STUCK, 7690)
        owner = alert.get("owner") or {}
        tap.equal((owner.get("uid"), owner.get("holders", False)), (os.getuid(), False),
                  "without privilege: the uid, and no process of another user's as holder")
        process = by_pid(alert).get(hidden.pid)
        if owner.get("unit"):
            tap.ok(process, f"the process is among those of {owner['unit']}", alert)
            check_process(tap, process, hidden.pid, "by its unit")
        else:
            tap.equal(by_pid(alert), {}, "no unit here: and so no process")
        alert = wait_owner(daemon, STUCK, 7691)
        tap.equal(list(by_pid(alert)), [own.pid], "a process of its own uid: named")
        tap.ok((alert.get("owner") or {}).get("holders"), "as holder", alert)
        check_process(tap, by_pid(alert).get(own.pid), own.pid, "its own")
        lab.stop_well(tap, daemon)


def crowd():
    """Processes with nearly as many descriptors as they may have; ended by closing what is returned."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    out, into = os.pipe()
    done, filled = os.pipe()
    pids = []
    for _ in range(CROWD):
        if (pid := os.fork()) == 0:
            os.close(into)
            null = os.open("/dev/null", os.O_RDONLY)
            try:
                for _ in range(limit - 200 - len(os.listdir("/proc/self/fd"))):
                    os.dup(null)
            finally:
                os.write(filled, b".")
                os.read(out, 1)  # until the parent closes its end
                os._exit(0)
        pids.append(pid)
    for _ in pids:
        os.read(done, 1)
    for fd in out, done, filled:
        os.close(fd)
    return into, pids


def test_many_owners(tap):
    into, pids = crowd()
    held = [makers.close_wait(port, 4) for port in PORTS]
    try:
        with lab.Daemon(CONFIG) as daemon:
            watcher = lab.Watcher(daemon.socket, after=0)  # the first may have been told by now
            before, start = daemon.status()["scans"], time.monotonic()
            tap.ok(lab.poll(lambda: len(watcher.events) >= len(PORTS), 20),
                   f"{len(PORTS)} alerts at once are told", len(watcher.events))
            lab.poll(lambda: time.monotonic() - start > 6, 10)
            seconds, scans = time.monotonic() - start, daemon.status()["scans"] - before
            tap.ok(scans >= seconds / STEADY, f"the scans go on meanwhile: {scans} in {seconds:.0f} s")
            named = sum(bool(by_pid(item["alert"])) for item in watcher.events)
            tap.note(f"{named} of {len(watcher.events)} events named their process")
            alerts = [item for item in daemon.ctl_json("alerts")["alerts"] if item["port"] in PORTS]
            named = sum(list(by_pid(alert)) == [os.getpid()] for alert in alerts)
            tap.ok(named >= len(PORTS) * 3 / 4, "and those who hold the sockets are known",
                   f"of {named} of {len(alerts)} alerts")
            watcher.close()
            start = time.monotonic()
            lab.stop_well(tap, daemon)
            tap.ok(time.monotonic() - start < 3, "and SIGTERM need not wait",
                   time.monotonic() - start)
    finally:
        os.close(into)
        for pid in pids:
            os.waitpid(pid, 0)
        for sockets in held:
            sockets.reset()


lab.run(test_one_process, test_forked, test_forked_later, test_unaccepted, test_time_wait,
        test_both_on_one_port, test_without_privilege, test_many_owners, test_two_destinations, limit=120)
