#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""GetPort and ListDestinations on the raw control socket: counts as ss(8) has them, addresses as
bind(2) takes them, one look for many who ask, limits, and nobody else waits meanwhile."""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lab
import makers

MONITOR = "io.twmon.Monitor"
PORT = 7865
CONFIG = "[Scan]\nInterval=1s\n"

STATES = {"established": "established", "synSent": "syn-sent", "synRecv": "syn-recv",
          "finWait1": "fin-wait-1", "finWait2": "fin-wait-2", "timeWait": "time-wait",
          "closeWait": "close-wait", "lastAck": "last-ack", "closing": "closing"}


def look(daemon, port=PORT, **parameters):
    """A look that is not refused, and newer than this call but for what is shared for a second."""
    return daemon.look("GetPort", {"port": port, **parameters})


def fresh_look(daemon, port=PORT, **parameters):
    time.sleep(1.05)  # until what was seen before is not shared any more
    return look(daemon, port, **parameters)


def error_of(daemon, method, parameters):
    try:
        daemon.call(method, parameters)
    except lab.VarlinkError as error:
        return error.name.rsplit(".", 1)[1], next(iter(error.parameters.values()), None)
    return None


def by_side(reply):
    return {item["side"]: item for item in reply["connections"]}


def ss_states(local):
    return {name: count for name, state in STATES.items()
            if (count := lab.ss_count(state, local=local))}


def test_counts(tap):
    makers.time_wait(PORT, 7)
    server, clients, accepted = makers.connections(PORT, 5)
    with makers.close_wait(PORT, 4, server=server), lab.Daemon(CONFIG) as daemon:
        reply = look(daemon)
        local = by_side(reply)["local"]
        wanted = ss_states(PORT)
        tap.equal(local["states"], wanted, "the states of a port are those of ss(8)")
        tap.equal({name: wanted.get(name) for name in ("established", "closeWait", "timeWait")},
                  {"established": 5, "closeWait": 4, "timeWait": 7}, "and those that were made")
        tap.equal(local["total"], sum(wanted.values()), "total is their sum")
        tap.equal(sum(local["stages"].values()), 4, "each in CLOSE_WAIT has a stage")
        tap.ok(50 <= local.get("timeWaitLastSec", 0) <= 64, "the last TIME_WAIT goes in a minute",
               local)
        tap.equal([(row["address"], row["family"]) for row in reply["listeners"]],
                  [("127.0.0.1", "ipv4")], "the listener is there")
        tap.equal(reply["listenersTotal"], 1, "and no other")
        tap.ok(not reply["partial"], "nothing was missed")
        tap.equal((reply.get("canBind"), reply["blockedBy"][0]["what"]), (False, "listener"),
                  "the port is taken")
        sides = by_side(reply)
        tap.ok("remote" not in sides or
               sides["remote"]["total"] == lab.ss_count("established", peer=PORT) +
               lab.ss_count("fin-wait-2", peer=PORT), "the clients' ends are apart", sides)
        pids = [process["pid"] for process in reply["listeners"][0].get("owner", {})
                .get("processes", [])]
        tap.ok(len(pids) >= 1, "the listener has an owner", reply["listeners"])

        daemon.wait_scan()
        age = by_side(fresh_look(daemon))["local"]
        tap.ok(0 <= age.get("oldestSec", -1) < 60 and not age["oldestAtLeast"],
               "the age of the oldest in CLOSE_WAIT comes from the scans", age)

        makers.Held(clients + accepted, server).reset()
        tap.equal(fresh_look(daemon)["listeners"], [], "a look does not repeat what was before it")
        lab.stop_well(tap, daemon)


def test_nothing_there(tap):
    with lab.Daemon(CONFIG) as daemon:
        reply = look(daemon, 9)
        tap.equal((reply["listeners"], reply["connections"], reply["blockedBy"]), ([], [], []),
                  "an idle port has nothing on it")
        tap.equal([reply.get(key) for key in ("canBind", "canBindReuse", "freeInSec")],
                  [True, True, 0] if "bound" in reply else [None] * 3,
                  "and can be bound, if the kernel lists all that may be in the way")
        tap.equal([(row["address"], row["family"]) for row in reply["binds"]],
                  [("0.0.0.0", "ipv4"), ("::", "dual"), ("::", "ipv6")], "by each wildcard")


def test_destinations(tap):
    """The namespace may still have TIME_WAIT towards PORT: of other tests, and reusable."""
    server, clients, accepted = makers.connections(PORT + 1, 7)
    makers.time_wait(PORT + 2, 3, first="client")
    time.sleep(1.1)  # tcp_tw_reuse_delay
    first, last = lab.port_range()
    with lab.Daemon(CONFIG) as daemon:
        reply = daemon.call("ListDestinations")
        rows = {row["port"]: row for row in reply["destinations"]}
        tap.equal((reply["portFirst"], reply["portLast"], reply["reservedPorts"], reply["partial"],
                   reply["errorMax"]), (first, last, 0, False, 0), "the range, and all is exact")
        tap.equal(reply["total"], len(reply["destinations"]), "each destination is listed")
        busy = rows.get(PORT + 1, {})
        tap.equal([busy.get(name) for name in ("source", "address", "used", "reusable", "usable")],
                  ["127.0.0.1", "127.0.0.1", 7, 0, last - first + 1], "connections use ports")
        tap.equal([process["pid"] for process in busy.get("owner", {}).get("processes", [])],
                  [os.getpid()], "and have an owner")
        tap.equal([rows.get(PORT + 2, {}).get(name) for name in ("used", "reusable")],
                  [0, 3] if lab.get_sysctl("net.ipv4.tcp_tw_reuse") == ["2"] else [3, 0],
                  "TIME_WAIT is used or reusable, as tcp_tw_reuse has it")
        tap.equal(reply["destinations"][0]["port"], PORT + 1, "the worst comes first")
        time.sleep(1.05)
        tap.equal(len(daemon.call("ListDestinations", {"limit": 1})["destinations"]), 1, "limit")
        lab.stop_well(tap, daemon)
    for sock in (server, *clients, *accepted):
        sock.close()


def bind_says(address):
    """Whether bind(2) finds the address to be one of this host; if not, the error's name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        try:
            sock.bind((address, 0))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EINVAL):
                raise
            return errno.errorcode[error.errno]
    return True


def ip(*args):
    result = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise lab.Skip(f"ip {' '.join(args)}: {result.stderr.strip()}")
    return result.stdout


def link_local(device):
    """The address that the kernel gave the device."""
    return lab.must(lambda: [row["local"] for link in json.loads(
        ip("-json", "-6", "addr", "show", "dev", device, "scope", "link"))
        for row in link.get("addr_info", []) if "local" in row], f"a link-local address of {device}")[0]


def make_addresses():
    """Addresses of every sort; returns those to ask for."""
    ip("addr", "add", "172.20.0.1/29", "dev", "lo")
    ip("link", "add", "veth-a", "type", "veth", "peer", "name", "veth-b")
    ip("addr", "add", "192.0.2.10/24", "broadcast", "192.0.2.255", "dev", "veth-a")
    ip("-6", "addr", "add", "2001:db8::10/64", "dev", "veth-a", "nodad")
    ip("link", "set", "veth-a", "up")
    ip("link", "set", "veth-b", "up")
    own = link_local("veth-a")
    lab.set_sysctl("net.ipv6.conf.veth-a.dad_transmits", 100)  # a second each
    ip("-6", "addr", "add", "2001:db8::20/64", "dev", "veth-a")
    ip("route", "add", "local", "10.99.0.0/16", "dev", "lo")
    ip("route", "add", "10.98.0.0/16", "dev", "veth-a")
    ip("-6", "route", "add", "local", "2001:db8:99::/48", "dev", "lo")
    return ["0.0.0.0", "127.0.0.1", "127.99.1.2", "172.20.0.1", "172.20.0.3", "172.20.0.9",
            "192.0.2.10", "192.0.2.11", "192.0.2.255", "255.255.255.255", "224.0.0.5",
            "203.0.113.1", "240.0.0.1", "0.0.0.5", "10.98.1.1", "10.99.1.1", "10.99.255.255",
            "10.100.0.0", "::", "::1", "::2", "2001:db8::10", "2001:db8::11", "2001:db8::20",
            "2001:db8:99::1", own, "fe80::99", "ff02::1", "ff0e::1", "::ffff:127.0.0.1",
            "::ffff:203.0.113.1", "::ffff:10.99.1.1"]


# Of a local route it is not told whether a narrower one takes the address back.
UNKNOWN_ADDRESSES = {0: ["0.0.0.5", "10.99.1.1", "10.99.255.255", "::ffff:10.99.1.1"], 1: []}


def test_addresses(tap):
    addresses = make_addresses()
    with lab.Daemon(CONFIG) as daemon:
        for nonlocal_bind in 0, 1:
            lab.set_sysctl("net.ipv4.ip_nonlocal_bind", nonlocal_bind)
            lab.set_sysctl("net.ipv6.ip_nonlocal_bind", nonlocal_bind)
            time.sleep(1.05)
            replies = {address: look(daemon, 9, address=address) for address in addresses}
            real = {address: bind_says(address) for address in addresses}
            said = {address: reply.get("canBind") for address, reply in replies.items()}
            unknown = [address for address in addresses if said[address] is None]
            case = f"ip_nonlocal_bind={nonlocal_bind}"
            tap.equal({address: answer for address, answer in said.items() if answer is not None},
                      {address: real[address] is True for address in addresses
                       if address not in unknown}, f"addresses as bind(2) takes them, {case}")
            # where the kernel does not list all that may be in the way, no yes is certain
            doubted = [address for address in addresses
                       if real[address] is True and "bound" not in replies[address]]
            tap.equal(sorted(unknown), sorted({*UNKNOWN_ADDRESSES[nonlocal_bind], *doubted}),
                      f"what is unknown, {case}")
            tap.equal([(address, real[address], replies[address]["advice"][:1])
                       for address in addresses if said[address] is False
                       and real[address] not in replies[address]["advice"][0]], [],
                      f"the advice names the error, {case}")
            if not nonlocal_bind:
                tap.ok("being checked" in replies["2001:db8::20"]["advice"][0],
                       "an address that is tentative is told so", replies["2001:db8::20"]["advice"])
        lab.set_sysctl("net.ipv4.ip_nonlocal_bind", 0)
        lab.set_sysctl("net.ipv6.ip_nonlocal_bind", 0)
        reply = fresh_look(daemon, 9, address="203.0.113.1")
        tap.equal([item["what"] for item in reply["blockedBy"]], ["address"],
                  "an address of nobody is what blocks")
        tap.ok("freeInSec" not in reply and "EADDRNOTAVAIL" in reply["advice"][0],
               "for ever, and the advice says why", reply)
    ip("link", "del", "veth-a")
    ip("route", "del", "local", "10.99.0.0/16", "dev", "lo")
    ip("-6", "route", "del", "local", "2001:db8:99::/48", "dev", "lo")
    ip("addr", "del", "172.20.0.1/29", "dev", "lo")


def thread_cpu(daemon):
    """CPU ticks of the scanner's thread."""
    for tid in os.listdir(f"/proc/{daemon.pid}/task"):
        words = lab.read_text(f"/proc/{daemon.pid}/task/{tid}/stat").rsplit(")", 1)
        if words[0].endswith("(twmond-scan"):
            fields = words[1].split()
            return int(fields[11]) + int(fields[12])
    raise RuntimeError("no scanner thread")


def ask_all(daemon, count, port_of):
    """So many GetPorts at once, each on a connection of its own: [reply or name of the error]."""
    connections = [lab.Varlink(daemon.socket) for _ in range(count)]
    replies = []
    try:
        for i, connection in enumerate(connections):
            connection.send({"method": MONITOR + ".GetPort", "parameters": {"port": port_of(i)}})
        for connection in connections:
            try:
                replies.append(connection.take())
            except lab.VarlinkError as error:
                replies.append(error.name.rsplit(".", 1)[1])
    finally:
        for connection in connections:
            connection.close()
    return replies


def test_many_share_one(tap):
    held = makers.close_wait(PORT, 50)
    with held, lab.Daemon(CONFIG) as daemon:
        replies = ask_all(daemon, 50, lambda _: PORT)
        seen = {reply["seenAt"] for reply in replies}
        tap.ok(len(seen) == 1, "50 who ask at once share one look", seen)
        tap.equal(daemon.status()["limitsHit"], {}, "and hit no limit")

        time.sleep(1.05)
        replies = ask_all(daemon, 50, lambda i: 1000 + i)
        looks = [reply for reply in replies if reply != "LookUnavailable"]
        tap.ok(1 <= len(looks) <= 8, "50 different ports at once are few looks", len(looks))
        refused = daemon.status()["limitsHit"].get("looksRefused")
        tap.equal(refused, 50 - len(looks), "status counts the rest")
        time.sleep(1.05)
        tap.equal(look(daemon, 1049)["port"], 1049, "a moment later there is a look again")


def test_share_of_cpu(tap):
    """Whoever asks as fast as possible, about another port each time, gets half of the budget."""
    held = makers.close_wait(PORT, 2000)
    with held, lab.Daemon("[Scan]\nInterval=10s\nCPUBudget=2%\n") as daemon:
        end = time.monotonic() + 5
        before, looks, port = thread_cpu(daemon), 0, 1
        with lab.Varlink(daemon.socket) as connection:
            while time.monotonic() < end:
                port += 1
                try:
                    connection.call(MONITOR + ".GetPort", {"port": port})
                    looks += 1
                except lab.VarlinkError:
                    pass
        ticks = thread_cpu(daemon) - before
        tap.ok(1 <= looks <= 4 * 6, "looks are at most 4 a second, whoever asks", looks)
        # half of what 65 s bring, and room for a scan and for the look that went beyond it
        tap.ok(ticks <= 65 + 30, "and cost no more than what is saved up and a share", ticks)


def test_says_when(tap):
    """Looks that have cost more than a small budget has: twmonctl says when there may be another."""
    def refused():
        for port in range(1, 5):
            try:
                daemon.call("GetPort", {"port": port})
            except lab.VarlinkError as error:
                if error.parameters.get("retryAfterSec", 0) > 5:  # or twmonctl would wait for it
                    return error.parameters
        return None

    with makers.close_wait(PORT, 2000), \
            lab.Daemon("[Scan]\nInterval=10s\nCPUBudget=0.01%\n") as daemon:
        least = lab.must(refused, "a look that is refused for long", 10, 0.5)["retryAfterSec"]
        for args in ["why", "9"], ["destinations"]:
            result = daemon.ctl(*args)
            said = re.search(r"CPU time; try again in (?:(\d+)min ?)?(?:(\d+)s)?\n", result.stderr)
            sec = said and 60 * int(said[1] or 0) + int(said[2] or 0)
            tap.ok(result.returncode == 1 and said and least - 5 <= sec <= least,
                   f"{args[0]}: try again in {sec} s, of {least}", result)


def test_others_do_not_wait(tap):
    """The scanner is held up in its dump by a tracer; the loop, which calls recv(), answers."""
    with lab.Daemon("[Scan]\nInterval=10s\n") as daemon:
        with lab.Tracer(daemon, "-e", "trace=recvmsg", "-e",
                        "inject=recvmsg:delay_enter=6000000:when=1"):
            with lab.Varlink(daemon.socket) as waiting, lab.Varlink(daemon.socket) as gone:
                began = time.monotonic()
                waiting.send({"method": MONITOR + ".GetPort", "parameters": {"port": PORT}})
                gone.send({"method": MONITOR + ".GetPort", "parameters": {"port": PORT}})
                gone.close()
                slowest = 0
                for _ in range(20):
                    asked = time.monotonic()
                    daemon.status()
                    slowest = max(slowest, time.monotonic() - asked)
                tap.ok(slowest < 0.5, "status answers while a look runs", slowest)
                try:
                    waiting.take()
                    error = None
                except lab.VarlinkError as caught:
                    error = caught
                took = time.monotonic() - began
                tap.ok(error and error.name == MONITOR + ".LookUnavailable" and
                       "4 s" in error.parameters["reason"] and 3.9 < took < 4.9,
                       "a look that takes too long is given up after 4 s", f"{error} {took:.2f} s")
        tap.ok(lab.poll(lambda: look(daemon, PORT), 8), "and works again afterwards")
        lab.stop_well(tap, daemon)


def test_bad_parameters(tap):
    cases = [("GetPort", {}, "port"), ("GetPort", {"port": 0}, "port"),
             ("GetPort", {"port": 65536}, "port"), ("GetPort", {"port": "http"}, "port"),
             ("GetPort", {"port": 80, "address": "example.org"}, "address"),
             ("GetPort", {"port": 80, "address": "1.2.3.4.5"}, "address"),
             ("GetPort", {"port": 80, "x": 1}, "x"),
             ("ListDestinations", {"limit": -1}, "limit"),
             ("ListDestinations", {"limit": 1.5}, "limit")]
    with lab.Daemon(CONFIG) as daemon:
        for method, parameters, wrong in cases:
            tap.equal(error_of(daemon, method, parameters), ("InvalidParameter", wrong),
                      f"{method} {json.dumps(parameters)} names what is wrong")
        with lab.Varlink(daemon.socket) as connection:
            connection.send({"method": MONITOR + ".GetPort", "parameters": {"port": 80},
                             "oneway": True})
            tap.equal(connection.call(MONITOR + ".GetStatus")["pid"], daemon.pid,
                      "oneway is not answered")
        tap.equal(daemon.status()["limitsHit"], {}, "none of that was a look")


def test_reload_and_end_meanwhile(tap):
    """Looks while the configuration changes and until the end: nothing for the sanitizers."""
    with lab.Daemon(CONFIG) as daemon:
        stop = threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    daemon.call("GetPort", {"port": PORT})
                    daemon.call("ListDestinations")
                except (OSError, EOFError, lab.VarlinkError):
                    pass

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            daemon.call("Reload")
        daemon.wait_scan()
        lab.stop_well(tap, daemon)
        stop.set()
        for thread in threads:
            thread.join(5)


def test_end_waits(tap):
    """Who waits for a look when twmond is told to end is answered; who comes later finds nobody."""
    with lab.Daemon("[Scan]\nInterval=10s\n") as daemon:
        with lab.Tracer(daemon, "-e", "trace=recvmsg", "-e",
                        "inject=recvmsg:delay_enter=2000000:when=1"):
            with lab.Varlink(daemon.socket) as waiting, lab.Varlink(daemon.socket) as watching:
                watching.send({"method": MONITOR + ".Watch", "more": True})
                watching.take()
                waiting.send({"method": MONITOR + ".GetPort", "parameters": {"port": PORT}})
                daemon.status()  # by now it has been read
                began = time.monotonic()
                daemon.signal(signal.SIGTERM)
                tap.ok(lab.poll(lambda: not os.path.exists(daemon.socket), 1),
                       "SIGTERM: its socket is gone at once")
                answer = waiting.take()
                took = time.monotonic() - began
                tap.ok(answer["port"] == PORT and 1 < took < 4, "a look under way is answered",
                       f"{answer} {took:.2f} s")
                tap.equal(watching.frame(), None, "who watches is let go")
        lab.stop_well(tap, daemon)


lab.run(test_counts, test_nothing_there, test_destinations, test_addresses,
        test_many_share_one, test_share_of_cpu, test_says_when, test_others_do_not_wait,
        test_bad_parameters, test_reload_and_end_meanwhile, test_end_waits, limit=120)
