#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bind verdict of `twmonctl why` against the kernel's own: a real bind() and listen() of every
sort, on ports where sockets of every sort are in the way. Never a wrong verdict; unknown only where
sock_diag does not tell, and then both answers do occur."""

import errno
import itertools
import json
import os
import socket
import struct
import time

import lab

TIMES = 3  # seconds by which an announced time may be wrong: kernel timers are coarse
WILDCARDS = [("0.0.0.0", "ipv4"), ("::", "ipv6"), ("::", "dual")]
RESET = struct.pack("ii", 1, 0)
LOCAL = ("127.0.0.1", "::1")
ports = itertools.count(20001)  # each case has its own: outside the ephemeral range
given = set()  # ports of that range that a client had


# Sockets in the way ------------------------------------------------------------------------------


class Old:
    """Makes what is in the way, with these options, and holds it."""

    def __init__(self, reuse=False, reuseport=False, v6only=False):
        self.port = next(ports)
        self.options = (reuse, reuseport)
        self.v6only = v6only
        self.held = []

    def close(self):
        for sock in self.held:
            if sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                sock.close()

    def hold(self, *socks):
        self.held += socks

    def socket(self, address, dual=False):
        sock = open_socket(address, dual, *self.options)
        self.hold(sock)
        return sock

    def bound(self, address, dual=False):
        sock = self.socket(address, dual)
        sock.bind((address, self.port))
        return sock

    def listener(self, address, dual=False):
        sock = self.bound(address, dual)
        sock.listen(16)
        return sock

    def connection(self, wildcard, peer):
        """(client's end, service's end); the listener is still there."""
        server = self.listener(wildcard, wildcard == "::" and not self.v6only)
        client = connect(peer, self.port)
        service = server.accept()[0]
        self.hold(client, service)
        return client, service, server


def open_socket(address, dual=False, reuse=False, reuseport=False):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuseport)
    if address == "::":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
    return sock


def connect(address, port):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.connect((address, port))
    return sock


def settle(state, port):
    lab.must(lambda: lab.ss_count(state, local=port), f"{state} on {port}")


def established(old, wildcard, peer):
    server = old.connection(wildcard, peer)[2]
    server.close()


def close_wait(old, wildcard, peer):
    client, _, server = old.connection(wildcard, peer)
    client.close()
    server.close()
    settle("close-wait", old.port)


def time_wait(old, wildcard, peer):
    client, service, server = old.connection(wildcard, peer)
    service.close()
    client.close()
    server.close()
    settle("time-wait", old.port)


def fin_wait2(old, wildcard, peer):
    """Closed: a mini-socket."""
    _, service, server = old.connection(wildcard, peer)
    service.close()
    server.close()
    settle("fin-wait-2", old.port)


def half_closed(old, wildcard, peer):
    """The same state, but a program has it."""
    _, service, server = old.connection(wildcard, peer)
    service.shutdown(socket.SHUT_WR)
    server.close()
    settle("fin-wait-2", old.port)


def served(old, wildcard, peer):
    """A service that runs: listener, ESTABLISHED, TIME_WAIT."""
    client, service, server = old.connection(wildcard, peer)
    service.close()
    client.close()
    old.hold(connect(peer, old.port), server.accept()[0])
    settle("time-wait", old.port)


def request(old, wildcard, peer):
    """A connection that its listener is not told of yet."""
    server = old.listener(wildcard, not old.v6only)
    server.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    old.hold(connect(peer, old.port))
    settle("syn-recv", old.port)


def connected(old, server):
    """The own end, at a port that no other case had: of that one's look the answer may still be
    shared. Those at other ports are held, so that the kernel gives each once."""
    peer = server.getsockname()[:2]
    while True:
        ours = old.socket(peer[0])
        if ":" in peer[0]:
            ours.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, old.v6only)
        ours.connect(peer)
        theirs = server.accept()[0]
        old.hold(theirs)
        old.port = ours.getsockname()[1]
        if old.port not in given:
            given.add(old.port)
            return ours, theirs


def client(old, peer, closed=False):
    """The port as the own end of an outgoing connection, as the kernel gave it."""
    server = socket.create_server((peer, 0), family=socket.AF_INET6 if ":" in peer else socket.AF_INET)
    ours, theirs = connected(old, server)
    if closed:
        ours.close()
        theirs.close()
        settle("time-wait", old.port)
    old.hold(server)


def neighbours(old):
    """A listener on one address, and TIME_WAIT on another one."""
    time_wait(old, "127.0.0.2", "127.0.0.2")
    old.listener("127.0.0.1")


def unconnected(old, address, peer):
    """Bound to an IPv4-mapped address; connect() to an IPv6 one fails and leaves that behind."""
    sock = old.bound(address)
    if sock.connect_ex((peer, old.port)) == 0:
        raise RuntimeError(f"{address} connects to {peer}")


# name, how it is made, what it is called, the addresses to ask for, with and without V6ONLY
CASES = [
    ("listener 0.0.0.0", lambda old: old.listener("0.0.0.0"), "listener", LOCAL, False),
    ("listener 127.0.0.1", lambda old: old.listener("127.0.0.1"), "listener",
     ("127.0.0.1", "127.0.0.2"), False),
    ("listener :: alone", lambda old: old.listener("::"), "listener", LOCAL, False),
    ("listener :: dual", lambda old: old.listener("::", True), "listener", LOCAL, False),
    ("listener ::1", lambda old: old.listener("::1"), "listener", LOCAL, False),
    ("listener ::ffff:127.0.0.1", lambda old: old.listener("::ffff:127.0.0.1"), "listener",
     ("127.0.0.1", "127.0.0.2"), False),
    ("bound 0.0.0.0", lambda old: old.bound("0.0.0.0"), "bound", LOCAL, False),
    ("bound 127.0.0.1", lambda old: old.bound("127.0.0.1"), "bound", ("127.0.0.1", "127.0.0.2"),
     False),
    ("bound :: alone", lambda old: old.bound("::"), "bound", LOCAL, False),
    ("bound :: dual", lambda old: old.bound("::", True), "bound", LOCAL, False),
    ("bound ::1", lambda old: old.bound("::1"), "bound", LOCAL, False),
    ("bound ::ffff:127.0.0.1, no ::1", lambda old: unconnected(old, "::ffff:127.0.0.1", "::1"),
     "bound", ("127.0.0.1", "127.0.0.2", "::1"), False),
    ("bound ::ffff:0.0.0.0, no ::1", lambda old: unconnected(old, "::ffff:0.0.0.0", "::1"),
     "bound", LOCAL, False),
    ("ESTABLISHED over IPv4", lambda old: established(old, "0.0.0.0", "127.0.0.1"), "connections",
     ("127.0.0.1", "127.0.0.2"), False),
    ("ESTABLISHED over IPv6", lambda old: established(old, "::", "::1"), "connections", LOCAL, True),
    ("ESTABLISHED v4-mapped", lambda old: established(old, "::", "127.0.0.1"), "connections", LOCAL,
     False),
    ("CLOSE_WAIT over IPv4", lambda old: close_wait(old, "0.0.0.0", "127.0.0.1"), "connections",
     LOCAL, False),
    ("CLOSE_WAIT over IPv6", lambda old: close_wait(old, "::", "::1"), "connections", LOCAL, True),
    ("TIME_WAIT over IPv4", lambda old: time_wait(old, "127.0.0.1", "127.0.0.1"), "time-wait",
     ("127.0.0.1", "127.0.0.2"), False),
    ("TIME_WAIT over IPv6", lambda old: time_wait(old, "::", "::1"), "time-wait", LOCAL, True),
    ("TIME_WAIT v4-mapped", lambda old: time_wait(old, "::", "127.0.0.1"), "time-wait", LOCAL, False),
    ("FIN_WAIT2 over IPv4", lambda old: fin_wait2(old, "0.0.0.0", "127.0.0.1"), "fin-wait2", LOCAL,
     False),
    ("FIN_WAIT2 over IPv6", lambda old: fin_wait2(old, "::", "::1"), "fin-wait2", LOCAL, True),
    ("FIN_WAIT2 that is held", lambda old: half_closed(old, "0.0.0.0", "127.0.0.1"), "connections",
     LOCAL, False),
    ("a service 0.0.0.0", lambda old: served(old, "0.0.0.0", "127.0.0.1"), "listener", LOCAL, False),
    ("a service :: dual", lambda old: served(old, "::", "::1"), "listener", LOCAL, False),
    ("SYN_RECV", lambda old: request(old, "0.0.0.0", "127.0.0.1"), "listener", LOCAL, False),
    ("neighbours", neighbours, "listener", ("127.0.0.1", "127.0.0.2"), False),
    ("a client over IPv4", lambda old: client(old, "127.0.0.1"), "client",
     ("127.0.0.1", "127.0.0.2"), False),
    ("a client over IPv6", lambda old: client(old, "::1"), "client", LOCAL, True),
    ("a client's TIME_WAIT", lambda old: client(old, "127.0.0.1", True), "client", LOCAL, False),
]


# Verdict and oracle ------------------------------------------------------------------------------


def real(address, family, port, reuse=False, reuseport=False):
    """Whether bind() and listen() succeed."""
    with open_socket(address, family == "dual", reuse, reuseport) as sock:
        try:
            sock.bind((address, port))
            sock.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def why(daemon, port, *args):
    """What twmonctl says. Asked again where twmond has looked too often of late to look again."""
    results = []

    def said():
        results.append(daemon.ctl("--json", "why", str(port), *args))
        return results[-1].stdout and not lab.SANITIZER.search(results[-1].stderr)

    if not lab.poll(said, 10, 0.25):
        raise RuntimeError(f"twmonctl why {port}: {results[-1].stderr}")
    return json.loads(results[-1].stdout)


def free(answer):
    """What an answer says of a port that nothing holds: before Linux 6.8 not that it is free."""
    return [True, True, 0, []] if "bound" in answer else [None, None, None, []]


def questions(daemon, port, addresses):
    """The bind verdicts of the wildcards and of each address, once each; "dual" first: after a
    V6ONLY wildcard with SO_REUSEPORT the kernel lets one without V6ONLY pass everything. "listed":
    the kernel lists all that may be in the way."""
    answers = {}
    for address in addresses:
        answer = why(daemon, port, address)
        for bind in answer["binds"]:
            answers[bind["address"], bind["family"]] = dict(bind, listed="bound" in answer)
    return dict(sorted(answers.items(), key=lambda item: item[0][1]))


def untold(daemon, port, address):
    """What --try leaves unknown or gets wrong. Beside a client nothing is tried for an address whose
    answer is certain: then the rest may be unknown, but not wrong."""
    wrong = []
    answer = why(daemon, port, address, "--try")
    certain = "tried" not in answer and any(side["side"] == "client" for side in
                                            answer["connections"])
    if certain and None in (answer.get("canBind"), answer.get("canBindReuse")):
        wrong.append("what was asked for was not tried, and is unknown")
    for bind in answer["binds"]:
        truth = {"canBind": real(bind["address"], bind["family"], port),
                 "canBindReuse": real(bind["address"], bind["family"], port, reuse=True)}
        wrong += [(bind["address"], bind["family"], key, bind.get(key))
                  for key, value in truth.items()
                  if bind.get(key) is not value and not (certain and key not in bind)]
    return wrong


def needless(question, bind):
    """What is called unknown although the kernel does tell; an empty text: nothing."""
    blockers = bind["blockedBy"]
    if not bind["listed"]:
        return ""
    if bind.get("canBind") is None and not (
            question == WILDCARDS[0] and blockers and all(":" in b["address"] for b in blockers)):
        return "canBind"
    if bind.get("canBindReuse") is None and not any(b["reuseHelps"] == "if-set" for b in blockers):
        return "canBindReuse"
    if bind.get("canBindReusePort") is None and not blockers:
        return "canBindReusePort"
    return ""


class Case:
    """Adds up what is wrong over all options of the old sockets."""

    def __init__(self, name):
        self.name = name
        self.wrong = []
        self.verdicts = 0
        self.unknown = set()
        self.seen = {}

    def compare(self, question, bind, port, options):
        tries = {"canBind": {}, "canBindReuse": {"reuse": True},
                 "canBindReusePort": {"reuseport": True}}
        for key, new in tries.items():
            truth = real(*question, port, **new)
            said = bind.get(key)
            self.verdicts += 1
            self.seen.setdefault((question, key), set()).add(truth)
            if said is None and bind["listed"]:
                self.unknown.add((question, key))
            elif said is not None and said != truth:
                self.wrong.append(f"{options} {question} {key}: said {said}, is {truth}: {bind}")
        if reason := needless(question, bind):
            self.wrong.append(f"{options} {question} {reason} is unknown for no reason: {bind}")

    def report(self, tap):
        tap.ok(self.verdicts > 0 and not self.wrong, f"{self.name}: no wrong verdict in "
               f"{self.verdicts}", "\n".join(self.wrong))
        settled = [key for key in self.unknown if self.seen[key] != {True, False}]
        tap.ok(not settled, f"{self.name}: what is unknown ({len(self.unknown)}) can be either",
               settled)


def check_case(tap, daemon, name, make, what, addresses, with_v6only):
    case = Case(name)
    named, tried = set(), []
    for reuse, reuseport, v6only in itertools.product((False, True), (False, True),
                                                      (False, True) if with_v6only else (False,)):
        old = Old(reuse, reuseport, v6only)
        try:
            make(old)
            for question, bind in questions(daemon, old.port, addresses).items():
                named |= {blocker["what"] for blocker in bind["blockedBy"]}
                case.compare(question, bind, old.port, (reuse, reuseport, v6only))
            tried += untold(daemon, old.port, addresses[0])
        finally:
            old.close()
    case.report(tap)
    tap.ok(what in named, f"{name}: called {what}", named)
    tap.equal(tried, [], f"{name}: with --try nothing is unknown, nor wrong")


def test_cases(tap):
    with lab.Daemon() as daemon:
        for case in CASES:
            check_case(tap, daemon, *case)
        lab.stop_well(tap, daemon)


def test_free_port(tap):
    with lab.Daemon() as daemon:
        port = next(ports)
        answer = why(daemon, port, "127.0.0.1")
        tap.equal([answer.get(key) for key in ("canBind", "canBindReuse", "freeInSec", "blockedBy")],
                  free(answer), "a port that nobody has is free now")
        tap.equal([bind.get("canBind") for bind in answer["binds"]], free(answer)[:1] * 4,
                  "for every wildcard and for the address")
        lab.stop_well(tap, daemon)


def test_shared_listeners(tap):
    """Two that listen on one address prove SO_REUSEPORT: that is no unknown."""
    with lab.Daemon() as daemon:
        old = Old(reuseport=True)
        old.listener("0.0.0.0")
        bind = questions(daemon, old.port, ["127.0.0.1"])[WILDCARDS[0]]
        tap.equal(bind.get("canBindReusePort"), None, "one listener alone proves nothing")
        old = Old(reuseport=True)
        old.listener("0.0.0.0")
        old.listener("127.0.0.1")
        binds = questions(daemon, old.port, ["127.0.0.1"])
        for question in (WILDCARDS[0], WILDCARDS[2], ("127.0.0.1", "ipv4")):
            tap.equal((binds[question].get("canBindReusePort"),
                       real(*question, old.port, reuseport=True)),
                      (True if binds[question]["listed"] else None, True),
                      f"{question} beside two that overlap")
        tap.equal(binds[WILDCARDS[0]]["canBindReuse"], False, "SO_REUSEADDR is no help there")
        lab.stop_well(tap, daemon)


def test_users(tap):
    """Listeners of two users on two addresses: nobody's SO_REUSEPORT gets past both."""
    if os.getuid() != 0 or not lab.as_nobody(lambda: "yes"):
        raise lab.Skip("no second user here")
    with lab.Daemon() as daemon:
        old = Old(reuseport=True)
        old.listener("127.0.0.1")
        os.seteuid(65534)
        try:
            old.listener("127.0.0.2")
        finally:
            os.seteuid(0)
        bind = questions(daemon, old.port, ["127.0.0.1"])[WILDCARDS[0]]
        tap.equal((bind["canBindReusePort"], real("0.0.0.0", "ipv4", old.port, reuseport=True)),
                  (False, False), "0.0.0.0 over the listeners of two users")
        lab.stop_well(tap, daemon)


# The look ----------------------------------------------------------------------------------------


def ss_by_state(port):
    """{state: sockets} with that local or remote port, as ss(8) shows them."""
    states = {"established": "established", "syn-sent": "synSent", "fin-wait-1": "finWait1",
              "fin-wait-2": "finWait2", "time-wait": "timeWait", "close-wait": "closeWait",
              "last-ack": "lastAck", "closing": "closing", "syn-recv": "synRecv"}
    counts = {ours: sum(port in (row[1], row[3]) for row in lab.ss(theirs))
              for theirs, ours in states.items()}
    return {state: count for state, count in counts.items() if count}


def make_crowd(port):
    """Sockets of every sort on that port, and of some on the ports beside it."""
    crowd = []
    for other in (port, port - 1, port + 1):
        old = Old()
        old.port = other
        time_wait(old, "127.0.0.1", "127.0.0.1")
        fin_wait2(old, "::1", "::1")
        close_wait(old, "127.0.0.2", "127.0.0.2")
        old.bound("127.0.0.3")
        old.hold(*old.connection("127.0.0.4", "127.0.0.4"))
        request(old, "127.0.0.5", "127.0.0.5")
        crowd.append(old)
    return crowd


def test_all_that_ss_shows(tap):
    with lab.Daemon() as daemon:
        port = next(ports) + 2000
        crowd = make_crowd(port)
        answer = why(daemon, port)
        ours = {}
        for connections in answer["connections"]:
            for state, count in connections["states"].items():
                ours[state] = ours.get(state, 0) + count
            tap.equal(sum(connections["states"].values()), connections["total"],
                      f"{connections['side']}: the states add up")
        tap.equal(ours, ss_by_state(port), "as many in each state as ss shows of that port")
        tap.equal((answer["listenersTotal"], {item["address"] for item in answer["listeners"]}),
                  (2, {"127.0.0.4", "127.0.0.5"}), "both listeners")
        if "bound" in answer:
            tap.equal(answer["bound"], 1, "and the one that is bound")
        else:
            tap.skip("and the one that is bound", "this kernel does not list those")
        for old in crowd:
            old.close()
        lab.stop_well(tap, daemon)


# One-shot servers --------------------------------------------------------------------------------


def one_shot(port, reuse):
    """Serves one client and exits, so it closes first."""
    pid = os.fork()
    if pid == 0:
        server = open_socket("0.0.0.0", reuse=reuse)
        try:
            server.bind(("0.0.0.0", port))
            server.listen(1)
            server.accept()[0].close()
        except OSError:
            os._exit(1)
        os._exit(0)
    lab.poll(lambda: lab.ss_count("listening", local=port), 1)
    try:
        with connect("127.0.0.1", port) as sock:
            sock.recv(1)
    except ConnectionRefusedError:
        pass
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def states_of(answer, side="local"):
    return next((c["states"] for c in answer["connections"] if c["side"] == side), {})


def check_announced(tap, daemon, port):
    """freeInSec against the moment at which bind() succeeds."""
    answer = why(daemon, port)
    asked = time.monotonic()
    tap.equal((answer["listeners"], states_of(answer)), ([], {"timeWait": 1}),
              "no listener, 1 TIME_WAIT")
    tap.equal((answer.get("canBind"), answer.get("canBindReuse")), (False, None),
              "bind() fails without SO_REUSEADDR; with it, that depends on the old one")
    blocker = answer["blockedBy"][0]
    tap.equal((blocker["what"], blocker["count"], blocker["reuseHelps"]), ("time-wait", 1, "if-set"),
              "TIME_WAIT is what blocks it")
    tap.ok("SO_REUSEADDR" in answer["advice"][0] and
           any("SO_LINGER" in text for text in answer["advice"]) and
           any("tcp_fin_timeout" in text for text in answer["advice"]),
           "and what to do, and what not", answer["advice"])
    gone = blocker["freeInSec"]
    tap.equal(answer.get("freeInSec"), gone if "bound" in answer else None,
              "the port is free when that is gone, if nothing else can be there")
    tap.ok(not real("0.0.0.0", "ipv4", port), "a real bind() fails")
    lab.poll(lambda: real("0.0.0.0", "ipv4", port), 90, 0.1)
    took = time.monotonic() - asked
    tap.ok(abs(took - gone) <= TIMES, f"free in {gone} s, it said; bind() succeeds after {took:.1f} s")
    answer = why(daemon, port)
    tap.equal([answer.get(key) for key in ("canBind", "canBindReuse", "freeInSec", "blockedBy")],
              free(answer), "and then it says so")


def test_one_shot(tap):
    with lab.Daemon() as daemon:
        tap.equal(one_shot(7865, False), 0, "a one-shot server without SO_REUSEADDR")
        tap.equal(one_shot(7865, False), 1, "cannot be started again")
        check_announced(tap, daemon, 7865)
        tap.equal([one_shot(7866, True), one_shot(7866, True)], [0, 0],
                  "with SO_REUSEADDR on both the second server runs")
        # the client of the second may not have closed yet
        lab.must(lambda: lab.ss_count("time-wait", local=7866) == 2, "both in TIME_WAIT, by ss")
        answer = why(daemon, 7866)
        tap.equal(states_of(answer), {"timeWait": 2}, "two TIME_WAIT stand side by side")
        tap.equal((answer["canBind"], answer.get("canBindReuse")), (False, None),
                  "and without it bind() would still fail")
        lab.stop_well(tap, daemon)


lab.run(test_cases, test_all_that_ss_shows, test_free_port, test_shared_listeners, test_users, test_one_shot, limit=280)
