# SPDX-License-Identifier: LGPL-2.1-or-later
"""A machine with the host's dpkg, or another tree's, and the Debian packages beside it.

What apt and dpkg do stays in the guest's layer over its tree, like all that is written there.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/systemd")

import guest  # noqa: E402
import machine  # noqa: E402
from machine import lab  # noqa: E402

PACKAGE = "twmon"
UNITS = [guest.TWMON, "twmond.socket"]
PACKAGES = "/var/packages"  # in the guest
NEWER = "99.0"
ASK_NOTHING = ("env", "DEBIAN_FRONTEND=noninteractive")
APT = (*ASK_NOTHING, "apt-get", "-qq", "-y")
INSTALL_SEC = 120
# Where a package may have a file. Of these, those links are left out that lead into another.
PLACES = [place for place in ("/bin", "/boot", "/etc", "/lib", "/opt", "/sbin", "/srv", "/usr", "/var", "/run",
                              "/dev/shm")
          if not os.path.islink(machine.TREE + place)]
# What is there to be changed: the books of those who install, and what comes and goes by itself.
BOOKS = re.compile(r"/(var/(lib/(dpkg|apt|systemd/catalog)|cache|log|tmp)|run/(log|systemd|lock|mount)"
                   r"|etc/ld\.so\.cache)(/|$)")


def built():
    """The package that make deb has made."""
    with open(ROOT + "/Makefile", encoding="utf-8") as file:
        version = re.search(r"(?m)^VERSION = (.*)$", file.read())[1]
    found = glob.glob(f"{ROOT}/build/deb/{PACKAGE}_{version}_*.deb")
    if not found:
        raise machine.Failed("no package in build/deb: make deb makes it")
    return found[0]


def renumbered(deb, version):
    """The same of another version: what dpkg, apt and the package's scripts go by is its number."""
    directory = lab.temp_dir()
    subprocess.run(["dpkg-deb", "-R", deb, directory + "/tree"], check=True, capture_output=True)
    control = directory + "/tree/DEBIAN/control"
    text = lab.read_text(control)
    with open(control, "w", encoding="utf-8") as file:
        file.write(re.sub(r"(?m)^Version: .*$", "Version: " + version, text))
    result = f"{directory}/{PACKAGE}_{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", directory + "/tree", result],
                   check=True, capture_output=True)
    return result


class Packaged(guest.Guest):
    """Nothing of twmon is installed yet. deb and newer are the guest's paths of the packages."""

    def __init__(self):
        deb = built()
        self.packages = [deb, renumbered(deb, NEWER)]
        self.deb, self.newer = (f"{PACKAGES}/{os.path.basename(path)}" for path in self.packages)
        super().__init__(start=False)
        if not self.has("dpkg") or not self.has("apt-get"):
            raise lab.Skip("no dpkg and apt in this tree")
        if missing := self.missing():
            raise lab.Skip(f"this tree lacks {', '.join(missing)}, which the package depends on")

    def setup(self, new_root):
        os.makedirs(new_root + PACKAGES)
        for path in self.packages:
            shutil.copy(path, new_root + PACKAGES)
        os.makedirs(new_root + "/usr/local/bin", exist_ok=True)
        shutil.copy(guest.BUILD + "/demo-leaky", new_root + "/usr/local/bin")
        self.place(new_root, "/etc/systemd/system/" + guest.LEAKY,
                   guest.LEAKY_UNIT.format(port=guest.PORT))
        # A hook of apt's, on desktops, wakes these, and they write where they like.
        for unit in "packagekit.service", "systemd-logind.service":
            if not os.path.lexists(masked := f"{new_root}/etc/systemd/system/{unit}"):
                os.symlink("/dev/null", masked)
        # Images for containers have this, so that no package starts anything.
        if os.path.exists(new_root + "/usr/sbin/policy-rc.d"):
            os.unlink(new_root + "/usr/sbin/policy-rc.d")

    def missing(self):
        """Dependencies that are not installed in the tree."""
        field = subprocess.run(["dpkg-deb", "-f", self.packages[0], "Depends"], check=True,
                               capture_output=True, text=True).stdout
        names = re.findall(r"(?:^|, )([a-z0-9.+-]+)", field)
        return [name for name in names
                if "install ok installed" not in self.exec(
                    "dpkg-query", "-W", "-f", "${Status}", name, check=False).stdout]

    # what is done

    def dpkg(self, *args):
        return self.exec(*ASK_NOTHING, "dpkg", *args, timeout=INSTALL_SEC)

    def apt(self, *args):
        return self.exec(*APT, *args, timeout=INSTALL_SEC)

    def configure(self):
        """The tests' levels, put in force."""
        self.put(guest.CONFIG_FILE, self.config)
        self.systemctl("reload", guest.TWMON)

    # what there is

    def package_version(self):
        """None: dpkg knows nothing of it."""
        result = self.exec("dpkg-query", "-W", "-f", "${Version} ${Status}", PACKAGE, check=False)
        return result.stdout if result.returncode == 0 else None

    def states(self):
        """(is it active, is it enabled) of the package's units."""
        return [(self.show(unit, "ActiveState"),
                 self.systemctl("is-enabled", unit, check=False).stdout.strip()) for unit in UNITS]

    def running(self):
        """Units that are active."""
        text = self.systemctl("list-units", "--plain", "--no-legend", "--state=active,activating",
                              "--type=service,socket,timer,path").stdout
        return {line.split()[0] for line in text.splitlines()}

    def processes(self):
        """Their names, each with its line end."""
        found = []
        for path in glob.glob(self.path("/proc/[0-9]*/comm")):
            try:
                found.append(lab.read_text(path))
            except OSError:
                pass  # it has ended
        return found

    def catalog_ids(self):
        text = self.exec("journalctl", "--list-catalog").stdout
        return set(guest.catalog()) & {line.split()[0] for line in text.splitlines()}

    def files(self):
        """{path: what it is} of the system's files, books left out."""
        text = self.exec("find", *[place for place in PLACES if self.exists(place)], "-xdev",
                         "-type", "d", "-printf", "%p\t%M %u\n", "-o",
                         "-printf", "%p\t%M %u %s %T@ %l\n", check=False, timeout=INSTALL_SEC).stdout
        found = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        return {path: value for path, value in found.items() if not BOOKS.match(path)}
