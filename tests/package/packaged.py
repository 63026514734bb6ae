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
EXPORTER = "twmon-exporter"
UNITS = [guest.TWMON, "twmond.socket"]
EXPORTER_UNITS = ["twmon-exporter.service", "twmon-exporter.socket"]
# Of these two, (is it active, is it enabled), before somebody asks and after that.
WAITING = [("inactive", "disabled"), ("active", "enabled")]
RUNNING = [("active", "disabled"), ("active", "enabled")]
RULES = f"/usr/share/doc/{EXPORTER}/twmon.rules.yml"
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


def built(name):
    """That package, which make deb has made."""
    with open(ROOT + "/Makefile", encoding="utf-8") as file:
        version = re.search(r"(?m)^VERSION = (.*)$", file.read())[1]
    found = glob.glob(f"{ROOT}/build/deb/{name}_{version}_*.deb")
    if not found:
        raise machine.Failed(f"no package {name} in build/deb: make deb makes it")
    return found[0]


def opened(deb):
    """A directory with what is in that package, to be changed."""
    directory = lab.temp_dir() + "/tree"
    subprocess.run(["dpkg-deb", "-R", deb, directory], check=True, capture_output=True)
    return directory


def closed(directory, name):
    """A package of what is in the directory."""
    result = f"{os.path.dirname(directory)}/{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", directory, result],
                   check=True, capture_output=True)
    return result


def change_control(directory, *changes):
    """(pattern, replacement) each, in the package's control file."""
    path = directory + "/DEBIAN/control"
    text = lab.read_text(path)
    for pattern, replacement in changes:
        text = re.sub(pattern, replacement, text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def renumbered(deb, version):
    """The same of another version: what dpkg, apt and the packages' scripts go by is its number."""
    directory = opened(deb)
    change_control(directory, (r"(?m)^Version: .*$", "Version: " + version),
                   (r"\btwmon \(>= [^)]*\)", f"twmon (>= {version})"))
    return closed(directory, f"{os.path.basename(deb).split('_')[0]}_{version}")


def single():
    """twmon as it was before the exporter had a package of its own, of the same version."""
    directory, exporter = opened(built(PACKAGE)), opened(built(EXPORTER))
    shutil.rmtree(exporter + "/DEBIAN")
    shutil.move(exporter + RULES, directory + RULES.replace(EXPORTER, PACKAGE))
    shutil.rmtree(exporter + "/usr/share/doc")
    shutil.copytree(exporter, directory, dirs_exist_ok=True)
    return closed(directory, "twmon_single")


class Packaged(guest.Guest):
    """Nothing of twmon is installed yet. deb, newer, exporter, ... are the guest's paths of packages."""

    def __init__(self):
        built_debs = [built(PACKAGE), built(EXPORTER)]
        self.packages = [*built_debs, *(renumbered(deb, NEWER) for deb in built_debs), single()]
        self.deb, self.exporter, self.newer, self.newer_exporter, self.single = (
            f"{PACKAGES}/{os.path.basename(path)}" for path in self.packages)
        super().__init__(start=False)
        if not self.has("dpkg") or not self.has("apt-get"):
            raise lab.Skip("no dpkg and apt in this tree")
        if missing := self.missing():
            raise lab.Skip(f"this tree lacks {', '.join(missing)}, which the packages depend on")

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
        """Dependencies that the tree has neither by that name nor by another."""
        fields = "".join(subprocess.run(["dpkg-deb", "-f", deb, "Depends"], check=True, capture_output=True,
                                        text=True).stdout.replace("\n", ", ") for deb in self.packages[:2])
        there = self.exec("dpkg-query", "-W", "-f", "${db:Status-Status}, ${Package}, ${Provides}\n").stdout
        names = {name for line in there.splitlines() if line.startswith("installed,")
                 for name in re.findall(r", ([a-z0-9.+-]+)", line)}
        return sorted(set(re.findall(r"(?:^|, )([a-z0-9.+-]+)", fields)) - names - {PACKAGE, EXPORTER})

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

    def package_version(self, package=PACKAGE):
        """None: dpkg knows nothing of it, or its name alone, from another that suggests it."""
        result = self.exec("dpkg-query", "-W", "-f", "${Version} ${Status}", package, check=False)
        return result.stdout if result.returncode == 0 and not result.stdout.startswith(" ") else None

    def states(self, units=tuple(UNITS)):
        """(is it active, is it enabled) of the package's units."""
        return [(self.show(unit, "ActiveState"),
                 self.systemctl("is-enabled", unit, check=False).stdout.strip()) for unit in units]

    def listening(self):
        """What listens on a port, by the host's ss: a tree need not have one."""
        command = ["nsenter", "-t", str(self.pid), "-n", "ss", "-Hlntu"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return sorted(line.split()[4] for line in text.splitlines())

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

    def check_gone(self, tap, before, name):
        """before: files() of a system without twmon."""
        tap.equal([self.package_version(package) for package in (PACKAGE, EXPORTER)], [None, None],
                  f"{name}: dpkg knows nothing of it")
        after = self.files()
        tap.equal(sorted(path for path in {*before, *after} if before.get(path) != after.get(path)), [],
                  f"{name}: every file of the system is as it was")
        loaded = self.systemctl("list-units", "--all", "--plain", "--no-legend", "twmon*").stdout
        tap.equal(loaded, "", f"{name}: systemd knows no unit of it")
        tap.equal(self.catalog_ids(), set(), f"{name}: nor journalctl a message")
        processes = self.processes()
        tap.ok(not {"twmond\n", "twmon-exporter\n"} & set(processes) and "systemd\n" in processes,
               f"{name}: nothing runs", processes)
        tap.equal([line for line in self.exec("getent", "passwd").stdout.splitlines() if "twmon" in line], [],
                  f"{name}: nor is there a user")

    def files(self):
        """{path: what it is} of the system's files, books left out."""
        text = self.exec("find", *[place for place in PLACES if self.exists(place)], "-xdev",
                         "-type", "d", "-printf", "%p\t%M %u\n", "-o",
                         "-printf", "%p\t%M %u %s %T@ %l\n", check=False, timeout=INSTALL_SEC).stdout
        found = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        return {path: value for path, value in found.items()
                if not BOOKS.match(path) and not path.startswith(PACKAGES)}
