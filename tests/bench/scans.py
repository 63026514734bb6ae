# SPDX-License-Identifier: LGPL-2.1-or-later
"""One reading of the sockets: by a bare dump, by twmond, by each peer, side by side."""

import figures
import peers
import process
import sockets as made
from process import lab
import watched
from rounds import Rounds

STATES = 1 << 6 | 1 << 8  # TIME_WAIT and CLOSE_WAIT, the kernel's numbers
PRIVILEGES = {"root": True, "none": False}
_MEMORY_SCANS = 4


def _bytes_differ(rounds, privileges):
    """A scan that asked for other sockets than the bare dump is not compared with it."""
    bare = rounds.list(f"floor/{privileges}", "bytes")
    usual = bare[len(bare) // 2]
    return lambda sample: abs(sample["bytes"] - usual) > usual / 50 + 4096


def _add_dumps(rounds, daemons):
    for privileges, capabilities in PRIVILEGES.items():
        rounds.add(f"floor/{privileges}",
                   lambda capabilities=capabilities: watched.floor(STATES, 0, capabilities))
        rounds.add(f"twmond/{privileges}", daemons[privileges].scan)


def _row(rounds, name, title, privileges):
    bare = rounds.figures("floor/root", "cpuMsec")
    same = rounds.figures(f"floor/{privileges}", "cpuMsec")
    mine = rounds.figures(name, "cpuMsec")
    row = {"who": name.partition("/")[0], "title": title, "privileges": privileges,
           "ratio": figures.paired_ratio(mine, bare),
           "ratioSame": figures.paired_ratio(mine, same)}
    for key in "cpuMsec", "userMsec", "systemMsec", "wallMsec", "peakKiB":
        row[key] = figures.summary(rounds.list(name, key))
    return row


def _dump_rows(rounds, daemons):
    rows = []
    for privileges in PRIVILEGES:
        rows.append(_row(rounds, f"floor/{privileges}", "bare dump, thrown away", privileges))
        name = f"twmond/{privileges}"
        other = rounds.drop(name, _bytes_differ(rounds, privileges))
        row = _row(rounds, name, "twmond, a scan", privileges)
        row["otherRequests"] = other
        row["peakKiB"] = figures.summary([daemons[privileges].memory_kib()[1]])
        rows.append(row)
    return rows


def grow(sockets, count, rounds_count):
    """Scans and memory with so many in TIME_WAIT and nothing else, by daemons that have just begun."""
    sockets.raise_time_wait(count)
    rounds = Rounds()
    daemons = {name: watched.Told(capabilities) for name, capabilities in PRIVILEGES.items()}
    _add_dumps(rounds, daemons)
    rounds.run(max(rounds_count, _MEMORY_SCANS), sockets.keep)
    sockets.check()
    rows = _dump_rows(rounds, daemons)
    now, peak = daemons["none"].memory_kib()
    for daemon in daemons.values():
        daemon.end()
    return {"timeWait": count, "rows": rows, "residentKiB": now, "peakKiB": peak}


def _user_share(rounds, privileges):
    """Of all scans together. rounds: how many they were."""
    name = f"timed/{privileges}"
    cpu, user = rounds.list(name, "cpuMsec"), rounds.list(name, "userMsec")
    return {"privileges": privileges, "percent": 100 * sum(user) / sum(cpu) if cpu else None,
            "userMsec": figures.summary(user), "rounds": len(cpu)}


def _add_peers(rounds, services, every):
    for name, command in peers.commands().items():
        if command:
            rounds.add(name, lambda command=command: process.run_once(command), every[name])
    exporter = services["node_exporter"]
    if exporter:
        rounds.add("node_exporter", lambda: _scrape(exporter), every["node_exporter"])


def _scrape(exporter):
    before, began = exporter.cpu_msec(), lab.time.monotonic()
    exporter.scrape()
    wall = (lab.time.monotonic() - began) * 1000
    return {"cpuMsec": exporter.cpu_msec() - before, "wallMsec": wall}


def _service_rows(rounds, services, readings):
    """readings: CPU of each of collectd's, which has a clock of its own."""
    for number, msec in enumerate(readings):
        rounds.samples.setdefault("collectd", {})[number] = {"cpuMsec": msec}
    rows = []
    for name, service in services.items():
        if service:
            row = _row(rounds, name, peers.TITLES[name],
                       "none" if name == "node_exporter" else "root")
            if name == "collectd":  # its readings belong to no round
                bare = figures.summary(rounds.list("floor/root", "cpuMsec"))["median"]
                row["ratio"] = row["ratioSame"] = figures.ratio(
                    row["cpuMsec"] and row["cpuMsec"]["median"], bare)
            row["peakKiB"] = figures.summary([process.memory_kib(service.pid)[1]])
            rows.append(row)
        else:
            rows.append(_absent(name))
    return rows


def _absent(name):
    return {"who": name, "title": peers.TITLES[name], "absent": True}


def compare(sockets, level):
    """level: {"name", "rounds", "every": {peer: rounds}, "leastSec"}."""
    rounds = Rounds()
    told = {name: watched.Told(capabilities) for name, capabilities in PRIVILEGES.items()}
    timed = {name: watched.Timed(capabilities) for name, capabilities in PRIVILEGES.items()}
    services = peers.start_services() if level["every"] else {}
    _add_dumps(rounds, told)
    for name, daemon in timed.items():
        rounds.add(f"timed/{name}", daemon.scan)
    readings = []
    if services:
        _add_peers(rounds, services, level["every"])
        if services["collectd"]:
            readings = peers.CpuPerPeriod(services["collectd"], peers.PERIODS["collectd"])
    rounds.run(level["rounds"], sockets.keep, level["leastSec"])
    sockets.check()
    readings = readings.stop() if readings else []
    result = {"name": level["name"], "rounds": level["rounds"], "foreign": made.foreign(),
              "rows": _dump_rows(rounds, told) + _service_rows(rounds, services, readings)}
    result["rows"] += [_row(rounds, name, peers.TITLES[name], "root") if command else _absent(name)
                       for name, command in peers.commands().items() if services]
    result["userShare"] = [_user_share(rounds, name) for name in PRIVILEGES]
    for daemon in [*told.values(), *timed.values(), *filter(None, services.values())]:
        daemon.end()
    return result
