#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every reply of the control socket is what daemon/io.twmon.Monitor.varlink says it is."""

import re
import time

import lab
import makers

DESCRIPTION = lab.ROOT + "/daemon/io.twmon.Monitor.varlink"
MONITOR = "io.twmon.Monitor"
SERVICE = "org.varlink.service"

CONFIG = """
[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=5
[Alerts]
RaiseAfter=3s
ClearAfter=2s
[Port remote:5432]
CountWarning=5
"""


LEAK_CONFIG = """
[Scan]
Interval=500ms
[CloseWait]
StuckAfter=2s
StuckWarning=
StuckCritical=
"""

BUDGET_CONFIG = """
[Scan]
Interval=100ms
CPUBudget=0.01%
"""

LOOK_CONFIG = """
[Scan]
Interval=300ms
[HalfOpen]
SilentAfter=1s
HalfOpenWarning=1
[Ports]
ExhaustionWarning=1%
[Alerts]
RaiseAfter=0s
"""


class Interface:
    """A varlink interface: .name, .types, .methods {name: (in, out)}, .errors; each a type.

    A type is ("struct", {name: type}), ("enum", [names]), ("maybe", type), ("array", type),
    ("map", type), or the name of a basic or defined one.
    """

    TOKEN = re.compile(r"#[^\n]*|\s+|(->|\[string\]|\[\]|[A-Za-z][A-Za-z0-9_.-]*|[(),:?])")

    def __init__(self, text):
        self.tokens = self._split(text)
        self.types, self.methods, self.errors = {}, {}, {}
        self._want("interface")
        self.name = self._next()
        while self.tokens:
            word, name = self._next(), self._next()
            if word == "type":
                self.types[name] = self._members()
            elif word == "error":
                self.errors[name] = self._members()
            elif word == "method":
                arguments = self._members()
                self._want("->")
                self.methods[name] = (arguments, self._members())
            else:
                raise ValueError(f"type, method or error expected, not {word}")

    def _split(self, text):
        tokens, at = [], 0
        while at < len(text):
            match = self.TOKEN.match(text, at)
            if not match:
                raise ValueError(f"no token at {text[at:at + 20]!r}")
            if match[1]:
                tokens.append(match[1])
            at = match.end()
        return tokens

    def _next(self):
        return self.tokens.pop(0)

    def _want(self, token):
        got = self._next()
        if got != token:
            raise ValueError(f"{token} expected, not {got}")

    def _type(self):
        token = self._next()
        if token in ("?", "[]", "[string]"):
            return ({"?": "maybe", "[]": "array", "[string]": "map"}[token], self._type())
        if token == "(":
            self.tokens.insert(0, token)
            return self._members()
        return token

    def _members(self):
        members, names = {}, []
        self._want("(")
        while self.tokens[0] != ")":
            name = self._next()
            if self.tokens[0] == ":":
                self._next()
                members[name] = self._type()
            else:
                names.append(name)
            if self.tokens[0] == ",":
                self._next()
        self._want(")")
        return ("enum", names) if names else ("struct", members)

    BASIC = {"string": str, "int": int, "bool": bool, "float": float}

    def wrong(self, value, kind, at=""):
        """Where value is not of that type: a list of texts."""
        if kind == "object":
            return []
        if isinstance(kind, str) and kind not in self.BASIC:
            return self.wrong(value, self.types[kind], at)
        if isinstance(kind, str):
            # In Python true is an int, in varlink it is not.
            good = type(value) is self.BASIC[kind] or (kind == "float" and type(value) is int)
            return [] if good else [f"{at}: {value!r} is no {kind}"]
        form, inner = kind
        if form == "maybe":
            return [] if value is None else self.wrong(value, inner, at)
        if form == "array":
            if not isinstance(value, list):
                return [f"{at}: {value!r} is no array"]
            return [text for i, item in enumerate(value)
                    for text in self.wrong(item, inner, f"{at}[{i}]")]
        if form == "enum":
            return [] if value in inner else [f"{at}: {value!r} is none of {inner}"]
        return self._wrong_members(value, form, inner, at)

    def _wrong_members(self, value, form, inner, at):
        if not isinstance(value, dict):
            return [f"{at}: {value!r} is no object"]
        if form == "map":
            inner = {name: inner for name in value}
        wrong = [f"{at}.{name}: not declared" for name in value if name not in inner]
        for name, kind in inner.items():
            if name in value:
                wrong += self.wrong(value[name], kind, f"{at}.{name}")
            elif kind[0] != "maybe":
                wrong.append(f"{at}.{name}: missing")
        return wrong

    def wrong_reply(self, method, parameters):
        return self.wrong(parameters, self.methods[method][1], method)

    def seen(self, value, kind):
        """The names of struct members that value shows, as Type.member; null is not shown."""
        if isinstance(kind, tuple) and kind[0] == "maybe":
            return self.seen(value, kind[1]) if value is not None else set()
        if isinstance(kind, tuple) and kind[0] == "array":
            return set().union(*(self.seen(item, kind[1]) for item in value))
        if isinstance(kind, str) and kind in self.types:
            shown = self.seen(value, self.types[kind])
            return shown | {f"{kind}.{name}" for name in value if value[name] is not None}
        if isinstance(kind, tuple) and kind[0] == "struct":
            return set().union(*(self.seen(value[name], inner) for name, inner in kind[1].items()
                                 if name in value))
        return set()


def load():
    with open(DESCRIPTION, encoding="utf-8") as file:
        text = file.read()
    return text, Interface(text)


def test_parser(tap):
    """The judge itself: it finds what is wrong."""
    inner = Interface("interface a.b\n# words\ntype T (x: int, y: ?[]string, z: (k: bool))\n"
                      "type E (one, two)\nmethod M(e: ?E) -> (t: T, m: [string]int)\nerror F ()")
    good = {"t": {"x": 1, "z": {"k": True}}, "m": {"q": 2}}
    tap.equal(inner.wrong_reply("M", good), [], "a good reply passes")
    bad = {"t": {"x": True, "y": ["a", 1], "z": {}, "w": 0}, "m": {"q": None}}
    tap.equal(len(inner.wrong_reply("M", bad)), 5, "five faults are found in a bad one")


def expect_error(tap, daemon, method, parameters, wanted, interface=None):
    """interface: the one that declares the error, where it is not org.varlink.service."""
    name = f"{method}({parameters}) -> {wanted}"
    try:
        reply = daemon.call(method, parameters)
    except lab.VarlinkError as error:
        wrong = error.name != wanted
        if interface:
            wrong = wrong or interface.wrong(error.parameters,
                                             interface.errors[wanted.rsplit(".", 1)[1]], wanted)
        tap.ok(not wrong, name, f"{error} {wrong}")
        return error.parameters
    tap.ok(False, name, reply)
    return {}


def test_service(tap):
    text, interface = load()
    with lab.Daemon(CONFIG) as daemon:
        info = daemon.call(SERVICE + ".GetInfo")
        tap.equal({name: type(value) for name, value in info.items()},
                  {"vendor": str, "product": str, "version": str, "url": str, "interfaces": list},
                  "GetInfo has the five members that varlink wants")
        tap.equal(sorted(info["interfaces"]), [MONITOR, SERVICE], "and names both interfaces")
        description = daemon.call(SERVICE + ".GetInterfaceDescription", {"interface": MONITOR})
        tap.equal(description.get("description"), text,
                  "GetInterfaceDescription is the file exactly")
        other = daemon.call(SERVICE + ".GetInterfaceDescription", {"interface": SERVICE})
        tap.equal(Interface(other["description"]).name, SERVICE, "org.varlink.service is described")
        tap.equal(interface.name, MONITOR, "the file describes io.twmon.Monitor")
        wrong = expect_error(tap, daemon, SERVICE + ".GetInterfaceDescription",
                             {"interface": "no.such"}, SERVICE + ".InterfaceNotFound")
        tap.equal(wrong, {"interface": "no.such"}, "which names it")
        wrong = expect_error(tap, daemon, MONITOR + ".NoSuch", {}, SERVICE + ".MethodNotFound")
        tap.equal(wrong.get("method"), MONITOR + ".NoSuch", "which names it")
        expect_error(tap, daemon, "no.such.Method", {}, SERVICE + ".InterfaceNotFound")
        for parameters in ({"limit": "many"}, {"ports": 7}, {"ports": ["x"]}, {"all": 1},
                           {"ports": [70000]}, {"limit": -1}):
            wrong = expect_error(tap, daemon, "ListPorts", parameters,
                                 SERVICE + ".InvalidParameter")
            tap.equal(wrong, {"parameter": next(iter(parameters))}, "which names it")
        expect_error(tap, daemon, "Watch", {}, MONITOR + ".NeedsMore", interface)
        daemon.configure("[Scan]\nInterval=never\n")
        wrong = expect_error(tap, daemon, "Reload", {}, MONITOR + ".ConfigurationInvalid",
                             interface)
        tap.ok(re.search(r"twmon\.conf:2: ", wrong.get("errors", "")), "which names file and line",
               wrong)
        lab.stop_well(tap, daemon)


def hold(tap, interface, method, replies, name):
    wrong = [text for reply in replies for text in interface.wrong_reply(method, reply)]
    tap.equal(wrong, [], f"{method}: {name}, as declared")
    shown = set()
    for reply in replies:
        shown |= interface.seen(reply, interface.methods[method][1])
        shown |= {f"{method}.{member}" for member in reply if reply[member] is not None}
    return shown


def check_quiet(tap, daemon, interface):
    for method in "GetStatus", "ListPorts", "ListAlerts", "GetMetrics":
        hold(tap, interface, method, [daemon.call(method)], "a quiet host")
    with lab.Varlink(daemon.socket) as connection:
        replies = list(connection.stream(MONITOR + ".ListPorts"))
        hold(tap, interface, "ListPorts", replies, "a quiet host, with more")
        tap.equal(replies[-1]["truncated"], False, "and not truncated")


def test_replies(tap):
    _, interface = load()
    shown = set()
    with lab.Daemon(CONFIG) as daemon:
        check_quiet(tap, daemon, interface)
        watcher = lab.Watcher(daemon.socket)
        held = [makers.close_wait(7865, 6), makers.close_wait(7866, 5)]
        outgoing = makers.close_wait_outgoing(5432, 6)
        makers.time_wait(7867, 3)
        tap.ok(lab.poll(lambda: daemon.call("ListAlerts")["total"] > 0, 5), "an alert is pending")
        shown |= hold(tap, interface, "ListAlerts", [daemon.call("ListAlerts")], "a pending alert")
        expect_error(tap, daemon, "Acknowledge", {"key": daemon.call("ListAlerts")["alerts"][0]["key"]},
                     MONITOR + ".NotRaised", interface)
        lab.poll(lambda: daemon.status()["alertsRaised"] >= 3, 8)
        shown |= check_acknowledge(tap, daemon, interface)
        for method, name in (("GetStatus", "raised alerts"), ("ListPorts", "busy ports"),
                             ("ListAlerts", "raised alerts"), ("GetMetrics", "raised alerts")):
            shown |= hold(tap, interface, method, [daemon.call(method)], name)
        check_list_ports(tap, daemon, interface)
        shown |= check_history(tap, daemon, interface)
        for item in held + [outgoing]:
            item.reset()
        tap.ok(lab.poll(lambda: "clearsInSec" in (daemon.alert("close-wait-stuck", 7865) or {}), 5),
               "one that is clearing")
        shown |= hold(tap, interface, "ListAlerts", [daemon.call("ListAlerts")], "a clearing alert")
        lab.poll(lambda: watcher.find("cleared", "close-wait-stuck", 7865), 8)
        tap.equal({item["event"] for item in watcher.events}, {"raised", "cleared"},
                  "Watch tells raised and cleared")
        shown |= hold(tap, interface, "Watch", watcher.replies, "events")
        shown |= check_events(tap, daemon, interface, watcher)
        numbers = [item["sequence"] for item in watcher.events]
        tap.equal(numbers, list(range(1, len(numbers) + 1)), "numbered without a gap")
        watcher.close()
        daemon.configure(CONFIG + "[Alerts]\nStart=no-such@.service\n")
        tap.equal(daemon.call("Reload"), {}, "Reload: an empty reply, as declared")
        shown |= hold(tap, interface, "GetStatus", [daemon.status()], "with a unit to start")
        lab.stop_well(tap, daemon)
    for replies in leak_replies, host_replies, look_replies, budget_replies, full_replies:
        shown |= replies(tap, interface)
    check_shown(tap, interface, shown)


def leak_replies(tap, interface):
    """A server that forgets one connection after the other, until it is told."""
    shown, forgotten = set(), []
    with lab.Daemon(LEAK_CONFIG) as daemon:
        server = makers.listener(7868)
        for _ in range(20):
            forgotten.append(makers.close_wait(7868, 1, server=server))
            if daemon.alert("close-wait-leak", 7868):
                break
            time.sleep(1)
        tap.ok(lab.poll(lambda: "etaSec" in (daemon.alert("close-wait-leak", 7868) or {}), 5),
               "a leak, and when its descriptors run out")
        for method, parameters in (("ListPorts", {"ports": [7868]}), ("ListAlerts", {})):
            shown |= hold(tap, interface, method, [daemon.call(method, parameters)], "a leak")
        for item in forgotten:
            item.reset()
        lab.stop_well(tap, daemon)
    return shown


def full_replies(tap, interface):
    """More sockets than ages are kept of: of those that are stuck there may be more."""
    shown = set()
    with lab.Daemon(CONFIG + "[CloseWait]\nMaxTracked=1024\n") as daemon:
        held = makers.close_wait(7869, 1030)
        alert = daemon.wait_alert("close-wait-stuck", 7869, "raised", 15) or {}
        tap.ok(alert.get("stuckAtLeast") and alert["count"] <= 1024, "beyond MaxTracked: at least",
               alert)
        tap.ok(daemon.says(f"at least {alert.get('count')} connections stuck in CLOSE_WAIT"),
               "and said", daemon.stderr())
        for verb in "alerts", "ports":
            text = daemon.ctl(verb).stdout
            tap.ok(re.search(r"\b7869 .* >= 10\d\d ", text), f"{verb} shows it", text)
        for method in "ListPorts", "ListAlerts":
            shown |= hold(tap, interface, method, [daemon.call(method)], "beyond MaxTracked")
        held.reset()
        lab.stop_well(tap, daemon)
    return shown


def host_replies(tap, interface):
    """A table of TIME_WAIT without room, and more resets than connections that end well."""
    shown, buckets = set(), "net.ipv4.tcp_max_tw_buckets"
    usual = lab.get_sysctl(buckets)[0]
    with lab.Daemon(CONFIG, "--state-dir=/proc/nothing") as daemon:
        daemon.wait_scan()
        server, clients, accepted = makers.connections(7869, 100)
        makers.Held(clients + accepted, server).reset()
        lab.set_sysctl(buckets, lab.sockstat("tw") + 1)
        server, clients, accepted = makers.connections(7870, 5)
        makers.Held(accepted + clients, server).close()
        tap.ok(daemon.wait_alert("time-wait-table", 0, "raised", 5, "host"), "no room in the table")
        tap.ok(lab.poll(lambda: "reading" in daemon.status().get("endings", {}), 5), "a reading")
        daemon.configure(CONFIG + "[Scan]\nInterval=never\n")
        tap.ok(daemon.ctl("reload").returncode not in (0, 3), "a configuration that is not taken")
        for method in "GetStatus", "ListAlerts", "ListPorts":
            shown |= hold(tap, interface, method, [daemon.call(method)], "a full table")
        lab.set_sysctl(buckets, usual)
        lab.stop_well(tap, daemon)
    return shown


def budget_replies(tap, interface):
    """Scans that are put off, because they may cost next to nothing."""
    with lab.Daemon(BUDGET_CONFIG) as daemon:
        tap.ok(lab.poll(lambda: daemon.status()["schedule"]["reason"] == "budget", 30),
               "scans are stretched")
        shown = hold(tap, interface, "GetStatus", [daemon.status()], "stretched scans")
        lab.stop_well(tap, daemon)
    return shown


def look_replies(tap, interface):
    """Connections in every state, some of them silent, and ports that run out."""
    shown, local_ports = set(), "net.ipv4.ip_local_port_range"
    usual = lab.get_sysctl(local_ports)
    lab.set_sysctl(local_ports, "40000 40199")
    with lab.Daemon(LOOK_CONFIG) as daemon:
        makers.time_wait(7871, 1)
        held = [makers.half_closed(7872, 1), makers.closing(7873), makers.opening(7874)]
        shown |= check_states(tap, daemon, interface)
        shown |= check_burn(tap, daemon, interface, held)
        tap.ok(daemon.wait_alert("half-open", 7875, "raised", 5), "connections are silent")
        for method, parameters in ("ListAlerts", {}), ("GetPort", {"port": 7875}):
            reply = daemon.look(method, parameters)
            shown |= hold(tap, interface, method, [reply], "silent connections")
        for item in held:
            item.reset()
        lab.stop_well(tap, daemon)
    lab.set_sysctl(local_ports, " ".join(usual))
    return shown


def check_states(tap, daemon, interface):
    wanted = {7871: ("local", {"timeWait": 1}), 7872: ("local", {"closeWait": 1}),
              7873: ("local", {"finWait1": 1, "lastAck": 1, "closing": 1}),
              7874: ("local", {"synRecv": 1}),
              7875: ("remote", {"established": 1, "synSent": 1}), 9: ("remote", None)}
    replies = []
    for port, (side, states) in wanted.items():
        for address in {}, {"address": "127.0.0.1"}:
            replies.append(daemon.look("GetPort", {"port": port, **address}))
        sides = {item["side"]: item for item in replies[-1]["connections"]}
        tap.equal(sides.get(side, {}).get("states"), states, f"GetPort: {port}'s states")
    replies.append(daemon.look("GetPort", {"port": 9, "address": "ff02::1"}))
    replies.append(daemon.look("GetPort", {"port": 9, "address": "203.0.113.1"}))
    tap.equal(len(replies[-1]["binds"]), 4, "GetPort: an address of its own besides the wildcards")
    return hold(tap, interface, "GetPort", replies, "every state")


def check_burn(tap, daemon, interface, held):
    """Connects, more and more, until both the alert and a look tell when the ports run out."""
    server, replies, alerts = makers.listener(7876), [], []
    held.append(makers.Held([], server))

    def burns():
        held.append(makers.Held(sum(makers.connections(7876, 5, server=server)[1:], [])))
        replies.append(daemon.look("ListDestinations"))
        alerts.append(daemon.call("ListAlerts"))
        rows = [row for row in replies[-1]["destinations"] if row["port"] == 7876]
        rows += [alert["destination"] for alert in alerts[-1]["alerts"] if "destination" in alert]
        return sum(row["port"] == 7876 and "etaSec" in row for row in rows) == 2

    tap.ok(lab.poll(burns, 8, 0.3), "ports run out", (replies[-1:], alerts[-1:]))
    return (hold(tap, interface, "ListDestinations", replies, "ports run out") |
            hold(tap, interface, "ListAlerts", alerts, "ports run out"))


def check_acknowledge(tap, daemon, interface):
    key = daemon.alert("close-wait-stuck", 7865)["key"]
    for wrong, name in ({"key": "7865"}, "key"), ({"key": key + ":"}, "key"), \
            ({"key": key, "comment": "x" * 128}, "comment"), ({"comment": "x"}, "key"):
        told = expect_error(tap, daemon, "Acknowledge", wrong, SERVICE + ".InvalidParameter")
        tap.equal(told, {"parameter": name}, "which names it")
    other = key.replace("7865", "9")
    told = expect_error(tap, daemon, "Acknowledge", {"key": other}, MONITOR + ".NoSuchAlert",
                        interface)
    tap.equal(told, {"key": other}, "which names it")
    replies = [daemon.call("Acknowledge", {"key": key, "comment": "x" * 127}),
               daemon.call("Acknowledge", {"key": key}),
               daemon.call("Acknowledge", {"key": key, "comment": ""})]
    tap.equal(["comment" in reply["alert"]["acknowledged"] for reply in replies],
              [True, True, False], "a comment stays until there is another")
    return hold(tap, interface, "Acknowledge", replies, "an alert")


def check_events(tap, daemon, interface, watcher):
    replies = [daemon.call("ListEvents", parameters) for parameters in
               ({}, {"limit": 1}, {"key": watcher.events[0]["alert"]["key"]}, {"key": None})]
    tap.equal([item["sequence"] for item in replies[1]["events"]],
              [watcher.events[-1]["sequence"]], "ListEvents(limit: 1): the newest")
    tap.equal([len(reply["events"]) for reply in replies[::3]], 2 * [len(watcher.events)],
              "all that Watch told, and null is as good as absent")
    return hold(tap, interface, "ListEvents", replies, "events")


def check_history(tap, daemon, interface):
    replies = [daemon.call("GetHistory", {"port": 7865, **parameters}) for parameters in
               ({}, {"sinceSec": 60}, {"sinceSec": 1 << 62, "points": 1 << 62}, {"points": 2})]
    tap.equal([side["side"] for side in replies[1]["sides"]][:1], ["local"],
              "GetHistory: the side that has something to tell")
    tap.ok(replies[2]["stepSec"] == 4200 and len(replies[3]["sides"][0]["severity"]) <= 3,
           "GetHistory: no more than is kept, no more points than were asked for", replies[2:])
    return hold(tap, interface, "GetHistory", replies, "stuck sockets")


def check_list_ports(tap, daemon, interface):
    reply = daemon.call("ListPorts", {"ports": [7865, 1]})
    hold(tap, interface, "ListPorts", [reply], "two ports by number")
    tap.ok({7865, 1} <= {row["port"] for row in reply["ports"]},
           "both are there, the one without a socket too", reply)
    reply = daemon.call("ListPorts", {"limit": 1})
    tap.equal((len(reply["ports"]), reply["ports"][0]["port"], reply["truncated"]), (1, 7865, True),
              "limit 1: the worst port, and that there are more")
    tap.equal(daemon.call("ListPorts", {"limit": None, "all": None, "ports": None})["total"],
              daemon.call("ListPorts")["total"], "null is as good as absent")


def check_shown(tap, interface, shown):
    """A member that never shows in a busy minute was not tested; these need other causes."""
    elsewhere = {"Alert.reason", "Event.reason", "Owner.unit", "Owner.userUnit",
                 "Process.fdUnlimited", "Limits", "GetStatus.scanError", "GetStatus.failed",
                 "ListPorts.scanError", "ListPorts.failed", "Watch.missed", "GetHistory.missing",
                 "Totals.timeWaitNew", "Totals.timeWaitCounted", "Port.timeWaitCounted"}
    kinds = interface.types | {name: replied for name, (_, replied) in interface.methods.items()}
    missing = {f"{kind}.{name}" for kind, (_, members) in kinds.items()
               for name in members if kind not in elsewhere} - shown - elsewhere
    tap.equal(missing, set(), "every declared member was seen with a value")


def test_protocol(tap):
    """Pipelining, oneway, and Watch's scans."""
    with lab.Daemon(CONFIG) as daemon, lab.Varlink(daemon.socket) as connection:
        call = {"method": MONITOR + ".GetStatus"}
        connection.send(call)
        connection.send({"method": MONITOR + ".NoSuch"})
        connection.send({**call, "parameters": {}})
        tap.equal([list(connection.reply()) for _ in range(3)],
                  [["parameters"], ["error", "parameters"], ["parameters"]],
                  "three calls in a row are answered in order")
        connection.send({**call, "oneway": True})
        connection.send({"method": MONITOR + ".ListAlerts"})
        tap.ok("alerts" in connection.take(), "oneway is not answered")
        with lab.Varlink(daemon.socket) as watch:
            stream = watch.stream(MONITOR + ".Watch", {"scans": True})
            times = {next(stream).get("scannedAt") for _ in range(3)}
            tap.ok(len(times) >= 2, "Watch(scans: true) replies after each scan", times)
        lab.stop_well(tap, daemon)


def test_others(tap):
    """Another user may read and not change."""
    def ask():
        with lab.Varlink(daemon.socket) as connection:
            version = connection.call(MONITOR + ".GetStatus")["version"]
            try:
                connection.call(MONITOR + ".ListEvents")
                connection.call(MONITOR + ".Reload")
            except lab.VarlinkError as error:
                return f"{error.name} {version}"
        return "no error"

    if lab.as_nobody(lambda: "me") is None:
        raise lab.Skip("a single uid in this namespace")
    with lab.Daemon(CONFIG) as daemon:
        text = lab.as_nobody(ask) or "nothing"
        tap.equal(text.split()[0], MONITOR + ".PermissionDenied",
                  "another user may ask GetStatus, and Reload says PermissionDenied")
        lab.stop_well(tap, daemon)


lab.run(test_parser, test_service, test_replies, test_protocol, test_others)
