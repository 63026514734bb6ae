# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a minute costs: twmond under its default schedule and configuration, and the services that
people run instead, at the same time on the same sockets."""

import time

import peers
import process
import watched

_SETTLE_SEC = 5


class _Candidate:
    def __init__(self, who, privileges, service, title):
        self.service = service
        self.row = {"who": who, "privileges": privileges, "title": title}

    def _read(self):
        scans = self.service.status()["scans"] if self.row["who"] == "twmond" else 0
        return (self.service.cpu_msec(), *process.split_msec(self.service.pid), scans)

    def begin(self):
        self.before = self._read()

    def end(self, minutes):
        cpu, user, system, scans = ((now - then) / minutes
                                    for now, then in zip(self._read(), self.before))
        resident, peak = process.memory_kib(self.service.pid)
        self.row.update(cpuMsec=cpu, userMsec=user, systemMsec=system, residentKiB=resident,
                        peakKiB=peak)
        if self.row["who"] == "twmond":
            self.row["scans"] = scans
        return self.row


class HostMinutes:
    """Everything that runs on; started once, measured for as many situations as one likes."""

    def __init__(self, with_peers=True):
        self.candidates = [
            _Candidate("twmond", privileges, watched.Twmond(capabilities=capabilities),
                       "twmond, default configuration")
            for privileges, capabilities in (("none", False), ("root", True))]
        self.absent, self.scrapes = [], None
        if with_peers:
            self._add_peers()

    def _add_peers(self):
        services = peers.start_services()
        for name, service in services.items():
            if service:
                self.candidates.append(_Candidate(
                    name, "none" if name == "node_exporter" else "root", service,
                    peers.TITLES[name]))
            else:
                self.absent.append({"who": name, "title": peers.TITLES[name], "absent": True})
        if exporter := services["node_exporter"]:
            self.scrapes = peers.Clockwork(peers.PERIODS["node_exporter"], exporter.scrape)

    def _is_settled(self):
        """No decision is pending: what such a host costs from day to day."""
        return all(item.service.status()["alertsPending"] == 0
                   for item in self.candidates if item.row["who"] == "twmond")

    def measure(self, sockets, name, minutes, warm_sec):
        """warm_sec: (at least, at most) before; as soon as no decision is pending."""
        least, most = warm_sec
        began = time.monotonic()
        sockets.wait(least)
        while not self._is_settled() and time.monotonic() - began < most:
            sockets.wait(_SETTLE_SEC)
        settled = self._is_settled()
        for candidate in self.candidates:
            candidate.begin()
        warmed = time.monotonic() - began
        sockets.wait(60 * minutes)
        rows = [candidate.end(minutes) for candidate in self.candidates]
        sockets.check()
        return {"name": name, "minutes": minutes, "warmSec": round(warmed), "settled": settled,
                "rows": [dict(row) for row in rows] + self.absent}

    def end(self):
        if self.scrapes:
            self.scrapes.stop()
        for candidate in self.candidates:
            candidate.service.end()
