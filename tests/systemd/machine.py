# SPDX-License-Identifier: LGPL-2.1-or-later
"""A real systemd as PID 1 of namespaces of its own, in about a second, and nothing of it left behind.

The guest's root is an overlay over the host's, or over another unpacked tree; what it writes lies in
a tmpfs of its private mount namespace. It has a cgroup, a network and a /dev of its own; of the
host's kernel it may set what its network namespace has, and nothing else. All of it ends with the
process that booted it, however that ends: each process of the chain is killed with its parent, and
with PID 1 go the namespaces and their mounts. What a SIGKILL of the tests leaves is an empty cgroup
and an empty directory; the next boot removes the former.

The tests' own code stays outside, so that a guest needs no Python: files are at path(), sockets too,
and exec() starts programs inside.
"""

import atexit
import ctypes
import errno
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT + "/tests/live")

import lab  # noqa: E402

# What the guests' roots lie over.
TREE = os.path.abspath(os.environ.get("TWMON_TREE") or "/")

INIT = "/lib/systemd/systemd"  # where old trees have it, and a symbolic link in newer ones
TOOLS = ("systemctl", "journalctl", "systemd-run")  # of the tree
TMPFS_SIZE = "512m"
BOOT_SEC = 60
STOP_SEC = 5

# Parts of a root that may be file systems of their own, which an overlay over "/" would not show.
PARTS = ("usr", "etc", "var")
# What would start in the guest, or touch the host's kernel, and is not what is tested.
MASKED = """systemd-resolved.service systemd-networkd.service systemd-timesyncd.service
systemd-sysctl.service systemd-modules-load.service modprobe@.service systemd-udevd.service
systemd-udev-trigger.service systemd-firstboot.service systemd-pcrphase.service
systemd-networkd.socket systemd-journald-audit.socket dev-hugepages.mount dev-mqueue.mount sys-kernel-debug.mount
proc-sys-fs-binfmt_misc.automount sys-kernel-tracing.mount sys-kernel-config.mount
sys-fs-fuse-connections.mount""".split()
JOURNALD = """[Journal]
Storage=volatile
ReadKMsg=no
Audit=
ForwardToSyslog=no
ForwardToWall=no
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "LANG": "C.UTF-8"}
EXEC_ENVIRONMENT = {**ENVIRONMENT, "HOME": "/root", "TERM": "dumb", "SYSTEMD_COLORS": "0",
                    "SYSTEMD_PAGER": "", "SYSTEMD_URLIFY": "0"}

_libc = ctypes.CDLL(None, use_errno=True)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x00020000, 0x02000000, 0x04000000
CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x08000000, 0x20000000, 0x40000000
PR_CAPBSET_DROP = 24
# What says that this is not the place for it, as a container may.
NO_RIGHT = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS, errno.ENODEV)
# CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYS_TIME, CAP_SYSLOG: of the host's kernel.
DROPPED = (16, 17, 25, 34)


def _check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _mount(source, target, kind, flags=0, data=""):
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()),
           f"mounting {kind or source} on {target}")


def _bind(source, target, *, writable=True):
    _mount(source, target, "", MS_BIND)
    if not writable:
        _mount("", target, "", MS_BIND | MS_REMOUNT | MS_RDONLY)


def _unshare(flags):
    _check(_libc.unshare(flags), "new namespaces")


def _die_with_parent():
    _libc.prctl(lab.PR_SET_PDEATHSIG, signal.SIGKILL)


def _write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(path):
        os.unlink(path)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


# The guest's root --------------------------------------------------------------------------------


def _overlay(directory, new_root):
    """The tree with a layer above it that takes what is written."""
    _mount("tmpfs", directory, "tmpfs", 0, f"mode=755,size={TMPFS_SIZE}")
    parts = [part for part in PARTS
             if os.path.ismount(os.path.join(TREE, part)) and not os.path.islink(os.path.join(TREE, part))]
    for number, part in enumerate(["", *parts]):
        upper, work = f"{directory}/upper{number}", f"{directory}/work{number}"
        os.mkdir(upper)
        os.mkdir(work)
        if not part:
            os.mkdir(new_root)
        _mount("overlay", os.path.join(new_root, part), "overlay", 0,
               f"lowerdir={os.path.join(TREE, part)},upperdir={upper},workdir={work}")


def _tame(new_root, name):
    """What the tree would start by itself is not started; who it is, is new."""
    units = new_root + "/etc/systemd/system"
    os.makedirs(units, exist_ok=True)
    for entry in os.listdir(units):
        if entry.endswith((".wants", ".requires", ".upholds")):
            shutil.rmtree(f"{units}/{entry}")
    for unit in MASKED:
        if os.path.lexists(f"{units}/{unit}"):
            os.unlink(f"{units}/{unit}")
        os.symlink("/dev/null", f"{units}/{unit}")
    _write(new_root + "/etc/fstab", "")
    _write(new_root + "/etc/machine-id", os.urandom(16).hex() + "\n")
    _write(new_root + "/etc/hostname", name + "\n")
    _write(new_root + "/etc/systemd/journald.conf", JOURNALD)


def _mount_kernel(new_root):
    """What there is of the host's kernel is read-only, but for the guest's network."""
    plain = MS_NOSUID | MS_NODEV | MS_NOEXEC
    _mount("proc", new_root + "/proc", "proc", plain)
    for part in "sys", "sysrq-trigger", "acpi", "irq", "bus", "scsi":
        path = f"{new_root}/proc/{part}"
        if os.path.exists(path):
            _bind(path, path, writable=False)
    net = new_root + "/proc/sys/net"
    _bind(net, net)
    _mount("", net, "", MS_BIND | MS_REMOUNT)
    _mount("sysfs", new_root + "/sys", "sysfs", plain | MS_RDONLY)
    _mount("cgroup2", new_root + "/sys/fs/cgroup", "cgroup2", plain, "nsdelegate")


def _mount_dev(new_root):
    dev = new_root + "/dev"
    _mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755")
    for node in "null", "zero", "full", "random", "urandom", "tty":
        _write(f"{dev}/{node}", "")
        _bind(f"/dev/{node}", f"{dev}/{node}")
    for directory in "pts", "shm":
        os.mkdir(f"{dev}/{directory}")
    _mount("devpts", dev + "/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=620,gid=5")
    for link, target in (("ptmx", "pts/ptmx"), ("fd", "/proc/self/fd"), ("stdin", "fd/0"),
                         ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"{dev}/{link}")
    for path, mode in (dev + "/shm", 1777), (new_root + "/tmp", 1777), (new_root + "/run", 755):
        _mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, f"mode={mode}")


def _change_root(new_root):
    os.chdir(new_root)
    os.mkdir("run/.old")
    subprocess.run(["pivot_root", ".", "run/.old"], check=True)
    os.chroot(".")
    _check(_libc.umount2(b"/run/.old", MNT_DETACH), "leaving the old root")
    os.rmdir("/run/.old")


# Boot --------------------------------------------------------------------------------------------


class _Boot:
    """The two processes between the tests and PID 1. What goes wrong is told through a pipe."""

    def __init__(self, machine, pipe):
        self.machine, self.pipe = machine, pipe
        self.new_root = machine.directory + "/mnt/root"

    def tell(self, word, text):
        os.write(self.pipe, f"{word} {text}\n".encode())

    def attempt(self, function):
        """Does not return. A right that is missing is no failure of what is tested."""
        try:
            function()
        except OSError as error:
            self.tell("cannot" if error.errno in NO_RIGHT else "failed", str(error))
        except subprocess.CalledProcessError as error:
            self.tell("failed", f"{error}: {error.stderr}".replace("\n", " "))
        except BaseException as error:
            self.tell("failed", repr(error))
        finally:
            os._exit(1)

    def outer(self):
        """Its children are in the guest's PID namespace, it is not."""
        _die_with_parent()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.redirect()
        with open(self.machine.cgroup + "/cgroup.procs", "w", encoding="ascii") as file:
            file.write("0")  # first: the new cgroup namespace is rooted here
        _unshare(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET)
        _mount("", "/", "", MS_REC | MS_PRIVATE)
        os.umask(0o022)
        _overlay(self.machine.directory + "/mnt", self.new_root)
        _tame(self.new_root, self.machine.name)
        self.machine.setup(self.new_root)
        _unshare(CLONE_NEWPID)
        if (pid := os.fork()) == 0:
            self.attempt(self.inner)
        self.tell("pid", pid)
        os.close(self.pipe)
        os.waitpid(pid, 0)

    def redirect(self):
        null = os.open("/dev/null", os.O_RDWR)
        console = os.open(self.machine.directory + "/console", os.O_WRONLY | os.O_CREAT)
        for fd, target in (null, 0), (console, 1), (console, 2):
            os.dup2(fd, target)
        for name in os.listdir("/proc/self/fd"):
            if int(name) > 2 and int(name) != self.pipe:
                try:
                    os.close(int(name))
                except OSError:
                    pass  # that of the listing itself

    def inner(self):
        """PID 1. The pipe closes when systemd takes over."""
        _die_with_parent()
        os.setsid()
        _mount_kernel(self.new_root)
        _mount_dev(self.new_root)
        _change_root(self.new_root)
        for capability in DROPPED:
            _libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
        os.execve(INIT, [INIT, "--system", "systemd.unit=basic.target"],
                  {**ENVIRONMENT, "container": "twmon-lab"})


# Cgroups -----------------------------------------------------------------------------------------


def _cgroup_root():
    for path in "/sys/fs/cgroup", "/sys/fs/cgroup/unified":
        if os.path.exists(path + "/cgroup.procs"):
            return path
    raise lab.Skip("no cgroup v2 at /sys/fs/cgroup or /sys/fs/cgroup/unified")


def _remove_cgroup(path):
    """True when it is gone: it stays for as long as a process of it ends."""
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            pass
    return not os.path.isdir(path)


def _sweep(root):
    """What a test left that was killed."""
    for name in os.listdir(root):
        match = re.fullmatch(r"twmon-lab-(\d+)-\d+", name)
        if match and not os.path.exists("/proc/" + match[1]):
            _remove_cgroup(f"{root}/{name}")


# The machine -------------------------------------------------------------------------------------

_machines = []
_booted = []  # names; where one was allowed, the next one is no matter of rights


class Failed(Exception):
    """The guest did not come up, or a command in it failed."""


class Machine:
    """A booted guest. setup() is called with the path of its root before that."""

    def __init__(self):
        self.name = f"twmon-lab-{os.getpid()}-{len(_machines)}"
        self.directory = lab.temp_dir()
        self.pid = self.outer = self.pidfd = None
        _machines.append(self)
        root = _cgroup_root()
        self.cgroup = f"{root}/{self.name}"
        try:
            _sweep(root)
            os.mkdir(self.cgroup)
        except OSError as error:
            raise lab.Skip(f"no cgroup of its own: {error}") from error
        os.mkdir(self.directory + "/mnt")
        try:
            self._boot()
        except BaseException:
            self.stop()
            raise

    def setup(self, new_root):
        """For those who derive from this."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def _boot(self):
        out, into = os.pipe()
        if (pid := os.fork()) == 0:
            boot = _Boot(self, into)
            boot.attempt(boot.outer)
        os.close(into)
        self.outer = pid
        with os.fdopen(out, encoding="utf-8", errors="replace") as file:
            for line in file:
                word, text = line.rstrip("\n").split(" ", 1)
                if word == "cannot" and not _booted:
                    raise lab.Skip(f"no guest here: {text}")
                if word in ("cannot", "failed"):
                    raise Failed(f"{text}\n{self.console()}")
                self.pid = int(text)
                self.pidfd = os.pidfd_open(self.pid)
        if not self.pid:
            raise Failed(f"no PID 1\n{self.console()}")
        self._wait_up()
        _booted.append(self.name)

    def _wait_up(self):
        def up():
            try:
                return stat.S_ISSOCK(os.stat(self.path("/run/systemd/private")).st_mode)
            except OSError:
                return False

        if not lab.poll(up, BOOT_SEC, 0.02):
            raise Failed(f"systemd did not come up\n{self.console()}")
        state = self.exec("systemctl", "is-system-running", "--wait", check=False,
                          timeout=BOOT_SEC).stdout.strip()
        if state not in ("running", "degraded"):
            raise Failed(f"systemd is {state}\n{self.console()}")

    def console(self):
        """What PID 1 wrote while there was no journal."""
        return lab.read_text(self.directory + "/console")

    def path(self, path):
        """The guest's file, from outside. No symbolic link to an absolute path may lie on the way."""
        return f"/proc/{self.pid}/root{path}"

    def put(self, path, text):
        _write(self.path(path), text)

    def read(self, path):
        return lab.read_text(self.path(path))

    def exists(self, path):
        return os.path.lexists(self.path(path))

    def command(self, *args):
        """How to start that in the guest, outside of the cgroups of its units."""
        setting = [f"{name}={value}" for name, value in EXEC_ENVIRONMENT.items()]
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-C", "--root",
                "env", "-C", "/", "-i", *setting, *map(str, args)]

    def exec(self, *args, check=True, timeout=60):
        result = subprocess.run(self.command(*args), stdin=subprocess.DEVNULL, capture_output=True,
                                text=True, errors="replace", timeout=timeout, check=False)
        if check and result.returncode != 0:
            raise Failed(f"{args}: {result.returncode}\n{result.stdout}{result.stderr}")
        return result

    def run(self, *args, properties=(), **options):
        """As a unit of its own."""
        settings = [word for item in properties for word in ("-p", item)]
        return self.exec("systemd-run", "--quiet", "--wait", "--pipe", "--collect", *settings,
                         *args, **options)

    def has(self, program):
        return any(os.path.exists(self.path(f"{directory}/{program}"))
                   for directory in PATH.split(":"))

    def systemctl(self, *args, **options):
        return self.exec("systemctl", *args, **options)

    def show(self, unit, name):
        """A property of a unit."""
        return self.systemctl("show", "--value", "-p", name, unit).stdout.strip()

    def version(self):
        return int(re.search(r"systemd (\d+)", self.systemctl("--version").stdout)[1])

    def journal(self, *args):
        """What journalctl -o json prints, everything that was sent until now included."""
        self.exec("journalctl", "--sync", check=False)
        text = self.exec("journalctl", "--no-pager", "-q", "-a", "-o", "json", *args,
                         check=False).stdout
        return [json.loads(line) for line in text.splitlines()]

    def stop(self):
        """Ends it at once; a clean end is no use to anybody."""
        if self.pidfd is not None:
            try:
                signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os.close(self.pidfd)
            self.pidfd = None
        elif self.outer:
            os.kill(self.outer, signal.SIGKILL)
        if self.outer:
            os.waitpid(self.outer, 0)
            self.outer = None
        if not lab.poll(lambda: _remove_cgroup(self.cgroup), STOP_SEC, 0.02):
            print(f"# left: {self.cgroup}", flush=True)


@atexit.register
def _stop_all():
    for machine in _machines:
        machine.stop()


# Running tests -----------------------------------------------------------------------------------


def _why_not():
    """Why no guest can be booted here, as far as that can be told without trying."""
    if os.getuid() != 0:
        return "only root can boot a guest"
    if lab.read_text("/proc/self/uid_map").split() != ["0", "0", "4294967295"]:
        return "root of a user namespace cannot boot a guest"
    for tool in "nsenter", "pivot_root", "make":
        if not shutil.which(tool):
            return f"{tool} is missing"
    if not os.path.exists(TREE + INIT):
        return f"no systemd in {TREE}"
    for tool in TOOLS:
        if not any(os.path.exists(f"{TREE}{directory}/{tool}") for directory in PATH.split(":")):
            return f"no {tool} in {TREE}"
    return None


def run(*tests, limit=240):
    """Runs test functions, for limit seconds at most, and exits."""
    reason = _why_not()
    if not reason:
        try:
            Machine().stop()  # whether it is allowed: a test that fails later has failed
        except lab.Skip as skip:
            reason = skip
    if reason:
        print(f"1..0 # SKIP {reason}", flush=True)
        sys.exit(0)
    lab.run_here(*tests, limit=limit)
