# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine on which twmon is installed, with a program beside it that leaks when told.

What runs in it is the release build: under the shipped unit AddressSanitizer has neither the memory
(MemoryMax=) nor the system calls that it wants. The same code meets the sanitizers in tests/live.
"""

import os
import re
import shutil
import subprocess

import machine
from machine import ROOT, lab

TWMON = "twmond.service"
SOCKET = "/run/twmon/control"
STATE = "/var/lib/twmon"
CONFIG_FILE = "/etc/twmon/twmon.conf.d/test.conf"
KIND = "close-wait-stuck"
PORT = 7865
LEAKY = "leaky.service"

BUILD = ROOT + "/build"
CLOCK_SHIM = BUILD + "/clock-shim.so"
PROGRAMS = [*(f"{BUILD}/{name}" for name in ("twmond", "twmonctl", "twmon-exporter", "demo-leaky")),
            CLOCK_SHIM]

# Everything soon. LeakArrivals: of the same sockets close-wait-leak would tell as well.
CONFIG = """[Scan]
Interval=500ms
[CloseWait]
StuckAfter=1s
StuckWarning=5
StuckCritical=1000
LeakArrivals=
[Alerts]
RaiseAfter=500ms
ClearAfter=1s
RemindEvery=0
"""
# Bounds for a host that is busy, not what it takes.
RAISE_SEC = 30
CLEAR_SEC = 30

LEAKY_UNIT = """[Unit]
Description=A server that forgets to close
[Service]
ExecStart=/usr/local/bin/demo-leaky serve {port}
"""


def catalog():
    """{message id: the names of the fields that its entry of the message catalog shows}"""
    text = lab.read_text(ROOT + "/systemd/twmon.catalog")
    parts = re.split(r"^-- ([0-9a-f]{32})$", text, flags=re.M)
    return {mid: set(re.findall(r"@(\w+)@", entry)) for mid, entry in zip(parts[1::2], parts[2::2])}


def _libraries(program):
    """{soname: path} of what the program loads here."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^\s*(\S+) => (/\S+)", text, flags=re.M))


def _lend_libraries(new_root):
    """A tree need not have what only twmon uses: that is laid beside its libc."""
    places = [place for place in ("/usr/lib64", "/lib64", "/usr/lib", "/lib",
                                  os.path.dirname(_libraries(PROGRAMS[0])["libc.so.6"]))
              if os.path.exists(f"{new_root}{place}/libc.so.6")]
    for program in PROGRAMS:
        for name, path in _libraries(program).items():
            if not any(os.path.exists(f"{new_root}{place}/{name}") for place in places):
                shutil.copy(path, f"{new_root}{places[0]}/{name}")


class Guest(machine.Machine):
    """config: the drop-in of twmon.conf. units: {drop-in of twmond.service: text}."""

    def __init__(self, config=CONFIG, units=None, *, start=True):
        self.config, self.units = config, units or {}
        for program in PROGRAMS:
            if not os.path.exists(program):
                raise lab.Skip(f"{os.path.relpath(program, ROOT)} is missing: make check builds it")
        super().__init__()
        try:
            self.exec("journalctl", "--update-catalog")
            if start:
                self.systemctl("start", TWMON)
        except BaseException:
            self.stop()
            raise

    def setup(self, new_root):
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith(("MAKE", "MFLAGS"))}
        subprocess.run(["make", "-s", "-C", ROOT, "install", "DESTDIR=" + new_root, "PREFIX=/usr"],
                       env=environment, capture_output=True, text=True, check=True)
        for directory, program in (("bin", BUILD + "/demo-leaky"), ("lib", CLOCK_SHIM)):
            os.makedirs(f"{new_root}/usr/local/{directory}", exist_ok=True)
            shutil.copy(program, f"{new_root}/usr/local/{directory}")
        _lend_libraries(new_root)
        self.place(new_root, CONFIG_FILE, self.config)
        self.place(new_root, "/etc/systemd/system/" + LEAKY, LEAKY_UNIT.format(port=PORT))
        for name, text in self.units.items():
            self.place(new_root, f"/etc/systemd/system/{TWMON}.d/{name}.conf", text)

    @staticmethod
    def place(new_root, path, text):
        os.makedirs(os.path.dirname(new_root + path), exist_ok=True)
        with open(new_root + path, "w", encoding="utf-8") as file:
            file.write(text)

    # what it says

    def connect(self, timeout=10.0):
        return lab.Varlink(self.path(SOCKET), timeout)

    def call(self, method, parameters=None):
        with self.connect() as connection:
            return connection.call("io.twmon.Monitor." + method, parameters)

    def status(self):
        return self.call("GetStatus")

    def alert(self, port=PORT, kind=KIND):
        for item in self.call("ListAlerts")["alerts"]:
            if (item["kind"], item["port"]) == (kind, port):
                return item
        return None

    def raised(self, port=PORT):
        alert = self.alert(port)
        return alert if alert and alert["state"] == "raised" else None

    def wait_raised(self, port=PORT, timeout=RAISE_SEC):
        return lab.must(lambda: self.raised(port), f"an alert for port {port}", timeout)

    def wait_cleared(self, port=PORT, timeout=CLEAR_SEC):
        lab.must(lambda: not self.alert(port), f"the end of the alert for port {port}", timeout)

    def told(self, event, port=PORT):
        """The entries of that event that are in the journal, in all of it."""
        return self.journal(f"TWMON_EVENT={event}", f"TWMON_PORT={port}")

    def history(self, port=PORT):
        """What the journal has of the port's alert: "raised", "cleared", ..."""
        return [entry["TWMON_EVENT"] for entry in self.journal(f"TWMON_PORT={port}")
                if "TWMON_EVENT" in entry]

    def said(self, pattern):
        """Messages of twmond, and of the service manager about it, that match."""
        return [entry["MESSAGE"] for entry in self.journal("-u", TWMON)
                if re.search(pattern, str(entry["MESSAGE"]))]

    def complaints(self, pattern):
        """What twmond itself said that is a warning or worse and no alert, and matches."""
        return [entry["MESSAGE"] for entry in self.journal("-u", TWMON, "-p", "warning")
                if "TWMON_EVENT" not in entry and entry.get("_COMM") == "twmond"
                and re.search(pattern, entry["MESSAGE"])]

    def sequence(self):
        """Of the newest event."""
        with self.connect() as connection:
            connection.send({"method": "io.twmon.Monitor.Watch", "more": True})
            return connection.take()["sequence"]

    # what is done to it

    def main_pid(self):
        """In the guest's numbers; 0: it does not run."""
        return int(self.show(TWMON, "MainPID"))

    def wait_answer(self, timeout=30):
        """Until it has scanned: by then it has judged what is there."""
        def scanned():
            try:
                return self.status().get("scannedAt")
            except (OSError, EOFError):
                return None

        lab.must(scanned, "an answer of twmond", timeout)

    def wait_scans(self, count=3):
        """Until so many more scans are done, so that what they bring has been judged."""
        before = self.status()["scans"]
        lab.must(lambda: self.status()["scans"] >= before + count, f"{count} scans", 30)

    def kill_and_wait(self):
        """SIGKILL, and its successor has scanned."""
        pid = lab.must(self.main_pid, "a twmond to kill")
        self.kill("KILL")
        lab.must(lambda: self.main_pid() not in (0, pid), "the next twmond")
        self.wait_answer()

    def restart(self):
        self.systemctl("restart", TWMON)
        self.wait_answer()

    def kill(self, sig):
        self.systemctl("kill", "--kill-whom=main", "-s", sig, TWMON)

    def leak(self, count=8, unit=LEAKY, port=PORT):
        self.systemctl("restart", unit)
        lab.must(lambda: self.exec("demo-leaky", "visit", port, count, check=False).returncode == 0,
                 "a leaky server to visit")

    def mend(self, unit=LEAKY):
        self.systemctl("kill", "-s", "USR1", unit)

    def dropin(self, name, text, unit=TWMON):
        """Of the running system, until it ends."""
        self.put(f"/run/systemd/system/{unit}.d/{name}.conf", text)
        self.systemctl("daemon-reload")
