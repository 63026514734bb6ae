#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What twmond tells goes to another journal by journald's own forwarding, with the drop-ins of etc/fleet:
every field arrives, and what was told while the collector was away does, too. What was sent over a connection
that broke is sent again, by systemd's own design: it can be told by its number."""

import os
import shutil

import guest
import machine
from machine import ROOT, lab

REMOTE, UPLOAD = "systemd-journal-remote", "systemd-journal-upload"
PEERS = ROOT + "/build/peers"  # where tools/deps.sh unpacks what the system does not have
SAMPLES = ROOT + "/etc/fleet"
UNITS = f"{REMOTE}.service", f"{REMOTE}.socket", f"{UPLOAD}.service"
COLLECTED = "/var/log/journal/remote/all.journal"
# Between the two is nginx, for TLS, in docs/fleet.md; here they are one host.
URL = "[Upload]\nURL=http://127.0.0.1:19531\n"
RAISED = "700d24ab339e42dd821b367df12a06b7"  # close-wait-stuck
ARRIVE_SEC = 40  # RestartSec= of the sample is 15 s


def source():
    """The root that has both ends of the forwarding."""
    for root in machine.TREE, PEERS if machine.TREE == "/" else machine.TREE:
        if os.path.exists(f"{root}/lib/systemd/{REMOTE}"):
            return root
    raise lab.Skip(f"{REMOTE} is missing in {machine.TREE}")


class Forwarding(guest.Guest):
    """twmond, and both ends of the forwarding."""

    def setup(self, new_root):
        super().setup(new_root)
        root = source()
        if root != machine.TREE:
            for name in REMOTE, UPLOAD:
                shutil.copy(f"{root}/lib/systemd/{name}", f"{new_root}/usr/lib/systemd/{name}")
            for name in UNITS:
                shutil.copy(f"{root}/lib/systemd/system/{name}",
                            f"{new_root}/usr/lib/systemd/system/{name}")
            shutil.copy(f"{root}/usr/lib/sysusers.d/systemd-remote.conf",
                        f"{new_root}/usr/lib/sysusers.d")
        self.place(new_root, "/etc/systemd/journal-upload.conf", URL)
        for sample, unit in (("journal-upload-service", f"{UPLOAD}.service"),
                             ("journal-remote-service", f"{REMOTE}.service"),
                             ("journal-remote-socket", f"{REMOTE}.socket")):
            self.place(new_root, f"/etc/systemd/system/{unit}.d/fleet.conf",
                       lab.read_text(f"{SAMPLES}/{sample}.conf"))

    def collected(self, *matches):
        """The entries there, as the page asks for them."""
        return self.journal("--file", COLLECTED, *matches) if self.exists(COLLECTED) else []


def wait_for(host, count, *matches):
    return lab.poll(lambda: len(host.collected(*matches)) == count and host.collected(*matches),
                    ARRIVE_SEC, 0.5)


def test_forward(tap):
    with Forwarding() as host:
        host.exec("systemd-sysusers")
        host.exec("install", "-d", "-o", REMOTE, "-g", REMOTE, os.path.dirname(COLLECTED))
        host.wait_answer()
        host.systemctl("start", f"{REMOTE}.socket", f"{UPLOAD}.service")
        host.leak(8)
        host.wait_raised()
        entries = wait_for(host, 1, f"MESSAGE_ID={RAISED}")
        if not tap.ok(entries, "a leak is found there by its MESSAGE_ID",
                      host.exec("journalctl", "-u", f"{UPLOAD}.service", "-u", f"{REMOTE}.service",
                                "--no-pager").stdout):
            return
        here = host.journal(f"MESSAGE_ID={RAISED}")[0]
        fields = {name: value for name, value in here.items()
                  if name.startswith("TWMON_") or name in ("MESSAGE", "PRIORITY", "_HOSTNAME")}
        tap.ok(len(fields) > 30, "it has many fields", fields)
        tap.equal({name: entries[0].get(name) for name in fields}, fields, "each of them arrives")

        host.systemctl("stop", f"{REMOTE}.socket", f"{REMOTE}.service")
        host.mend()
        host.wait_cleared()
        lab.must(lambda: host.show(f"{UPLOAD}.service", "NRestarts") != "0", "a failed upload", 60)
        tap.equal(len(host.collected("TWMON_EVENT=cleared")), 0, "the collector is away: nothing comes")
        host.systemctl("start", f"{REMOTE}.socket")
        tap.ok(wait_for(host, 1, "TWMON_EVENT=cleared", f"TWMON_PORT={guest.PORT}"),
               "it is back: what was told meanwhile comes, once", host.collected("-t", "twmond"))
        again = {(entry["_BOOT_ID"], entry["TWMON_SEQUENCE"], entry["TWMON_SINCE"])
                 for entry in host.collected(f"MESSAGE_ID={RAISED}")}
        tap.equal(len(again), 1, "and what is there twice has one number")


machine.run(test_forward)
