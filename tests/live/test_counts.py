#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`twmonctl ports --json` equals ss(8): number of sockets, states, address families, sides."""

import lab
import makers

CONFIG = "[Scan]\nInterval=1s\n"
PENDING = "[TimeWait]\nCountWarning=1\n[Alerts]\nRaiseAfter=1h\n"


def numbers(rows):
    """{(side, port): (timeWait, closeWait)} of twmonctl's rows."""
    return {key: (row["timeWait"], row["closeWait"]) for key, row in rows.items()}


def compare(tap, daemon, name, served=()):
    """The whole table against ss, taken at a moment at which ss said the same before and after, and
    twmond has counted what it shows: where there are thousands of TIME_WAIT it estimates between."""
    def taken():
        before = lab.ss_ports(served)
        daemon.wait_scan()
        rows, totals = daemon.ports("--all"), daemon.status()["totals"]
        counted = not totals["timeWaitEstimated"]
        return (before, rows, totals) if counted and lab.ss_ports(served) == before else None

    wanted, rows, totals = lab.must(taken, "two equal answers of ss", 70)
    # A listener that came and went between two scans is kept at zero if one of them met it.
    got = {key: value for key, value in numbers(rows).items() if key in wanted or any(value)}
    tap.equal(got, wanted, f"{name}: every row as ss has it")
    tap.equal((totals["timeWait"], totals["closeWait"]),
              tuple(sum(column) for column in zip(*wanted.values())), f"{name}: totals as well")
    return rows


def check(tap, rows, key, wanted, name):
    row = rows.get(key, {})
    tap.equal((row.get("timeWait"), row.get("closeWait")), wanted, f"{name}: {key[0]} {key[1]}")


def test_nothing(tap):
    with lab.Daemon(CONFIG) as daemon:
        tap.equal(daemon.ports(), {}, "no socket: no row")
        server = makers.listener(7000)
        rows = compare(tap, daemon, "a listener alone")
        check(tap, rows, ("local", 7000), (0, 0), "a listener alone")
        tap.equal(rows[("local", 7000)]["listening"], True, "a listener alone: is listening")
        tap.equal(numbers(daemon.ports()), {("local", 7000): (0, 0)},
                  "a listening port is shown without --all")
        server.close()
        lab.poll(lambda: not daemon.ports("--all")[("local", 7000)]["listening"], 5)
        row = daemon.ports().get(("local", 7000), {})
        tap.equal(row.get("listening"), False, "its listener gone, the port stays, not listening")
        lab.stop_well(tap, daemon)


def test_few(tap):
    """1 and 37 of each kind, several ports at once, on both sides."""
    kinds = [kind for kind in makers.KINDS if makers.have(kind)]
    with lab.Daemon(CONFIG) as daemon:
        held = []
        for number, kind in enumerate(kinds):
            port = 7100 + number * 10
            held += [makers.close_wait(port, 1, kind), makers.close_wait(port + 1, 37, kind),
                     makers.close_wait_outgoing(port + 2, 37, kind),
                     makers.close_wait_unaccepted(port + 3, 3, kind)]
            makers.time_wait(port + 4, 1, kind, "server")
            makers.time_wait(port + 5, 37, kind, "client")
            held.append(makers.time_wait(port + 6, 37, kind, "server", keep_listening=True))
        rows = compare(tap, daemon, "1 and 37")
        for number, kind in enumerate(kinds):
            port = 7100 + number * 10
            check(tap, rows, ("local", port), (0, 1), f"{kind}, one CLOSE_WAIT")
            check(tap, rows, ("local", port + 1), (0, 37), f"{kind}, 37 CLOSE_WAIT")
            check(tap, rows, ("remote", port + 2), (0, 37), f"{kind}, 37 outgoing CLOSE_WAIT")
            check(tap, rows, ("local", port + 3), (0, 3), f"{kind}, CLOSE_WAIT never accepted")
            check(tap, rows, ("local", port + 4), (1, 0), f"{kind}, one TIME_WAIT")
            check(tap, rows, ("remote", port + 5), (37, 0), f"{kind}, 37 outgoing TIME_WAIT")
            check(tap, rows, ("local", port + 6), (37, 0), f"{kind}, 37 TIME_WAIT")
        port = 7200
        held += [makers.close_wait(port, count, kind) for count, kind in
                 ((3, "v4"), (4, "v6")) if kind in kinds]
        rows = compare(tap, daemon, "one port over IPv4 and IPv6")
        check(tap, rows, ("local", port), (0, 7 if "v6" in kinds else 3), "IPv4 and IPv6 as one")
        only = daemon.ports("7101", "7102")
        tap.equal({port for _, port in only}, {7101, 7102}, "ports PORT... shows these alone")
        for item in held:
            item.reset()
        lab.stop_well(tap, daemon)


def test_sides(tap):
    """What makes a connection local or remote, where no listener tells."""
    with lab.Daemon(CONFIG) as daemon:
        held = makers.close_wait(7300, 5)
        daemon.wait_scan()
        held.stop_listening()
        rows = compare(tap, daemon, "listener gone while watched", served=[7300])
        check(tap, rows, ("local", 7300), (0, 5), "listener gone while watched")
        tap.equal(rows[("local", 7300)]["listening"], False, "and it is not listening")
        lab.stop_well(tap, daemon)
    with lab.Daemon(CONFIG) as daemon, held:
        rows = compare(tap, daemon, "listener gone before twmond came")
        check(tap, rows, ("local", 7300), (0, 5), "listener gone before twmond came")
        nfs = makers.close_wait_outgoing(2049, 1, source_port=793)
        nfs.stop_listening()
        ours = makers.close_wait_outgoing(5432, 6)
        ours.stop_listening()
        daemon.wait_scan()
        rows = daemon.ports("--all")
        check(tap, rows, ("remote", 2049), (0, 1), "a client speaking from 793 to 2049")
        tap.ok(("local", 793) not in rows, "and 793 is no service", rows.keys())
        check(tap, rows, ("remote", 5432), (0, 6), "outgoing to a database")
        nfs.reset()
        ours.reset()
        lab.stop_well(tap, daemon)


def test_configured_side(tap):
    """A port that the configuration names is a service, even among the ephemeral ports."""
    first, last = lab.port_range()
    used = {row[1] for row in lab.ss("time-wait")}  # TIME_WAIT of the tests before
    port = next(port for port in range(last - 7, first, -1) if port not in used)
    config = CONFIG + f"[Port {port}]\nStuckWarning=5\n[Port remote:5432]\nStuckWarning=5\n"
    held = makers.close_wait(port, 4)
    held.stop_listening()
    with lab.Daemon(config) as daemon, held:
        rows = daemon.ports()
        check(tap, rows, ("local", port), (0, 4), f"a configured port within {first}-{last}")
        check(tap, rows, ("remote", 5432), (0, 0), "a configured port without sockets")
        tap.equal(rows.get(("remote", 5432), {}).get("configured"), True, "is marked so")
        lab.stop_well(tap, daemon)


def test_fin_wait2(tap):
    """FIN_WAIT2 is not TIME_WAIT, though mini-sockets of it look alike to the kernel."""
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(7400, 50), makers.half_closed(7401, 20):
        rows = compare(tap, daemon, "FIN_WAIT2")
        tap.equal((lab.ss_count("fin-wait-2", peer=7400), lab.ss_count("fin-wait-2", peer=7401)),
                  (50, 20), "50 orphaned and 20 held FIN_WAIT2 are there")
        for port in 7400, 7401:
            tap.equal(rows.get(("remote", port), {"timeWait": 0})["timeWait"], 0,
                      f"none of them is TIME_WAIT of remote {port}")
        lab.stop_well(tap, daemon)


def test_many(tap):
    """5,000 CLOSE_WAIT and 3,000 TIME_WAIT of each kind; the numbers change under the daemon. While
    an alert about TIME_WAIT is pending every scan counts them, however many there are."""
    with lab.Daemon(CONFIG + PENDING) as daemon:
        for number, kind in enumerate(filter(makers.have, makers.KINDS)):
            port = 7500 + number * 10
            with makers.close_wait(port, 5000, kind) as held:
                makers.time_wait(port + 1, 3000, kind, "server")
                rows = compare(tap, daemon, f"{kind}, many")
                check(tap, rows, ("local", port), (0, 5000), f"{kind}, 5,000 CLOSE_WAIT")
                check(tap, rows, ("local", port + 1), (3000, 0), f"{kind}, 3,000 TIME_WAIT")
                held.close(4990)
                rows = compare(tap, daemon, f"{kind}, 4,990 closed")
                check(tap, rows, ("local", port), (0, 10), f"{kind}, 10 CLOSE_WAIT left")
                check(tap, rows, ("remote", port), (4990, 0), f"{kind}, their peers in TIME_WAIT")
        with makers.close_wait_outgoing(7550, 5000):
            makers.time_wait(7551, 3000, "v4", "client")
            rows = compare(tap, daemon, "outgoing, many")
            check(tap, rows, ("remote", 7550), (0, 5000), "5,000 outgoing CLOSE_WAIT")
            check(tap, rows, ("remote", 7551), (3000, 0), "3,000 outgoing TIME_WAIT")
        lab.stop_well(tap, daemon)


lab.run(test_nothing, test_few, test_sides, test_configured_side, test_fin_wait2, test_many, limit=120)
