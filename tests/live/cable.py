# SPDX-License-Identifier: LGPL-2.1-or-later
"""Another machine at the end of a cable: a network namespace and a veth pair.

Sockets are made inside and held by this process, so there is nothing to end but the process, and
the kernel takes the namespace with it.
"""

import contextlib
import ctypes
import os
import socket
import subprocess

import lab

CLONE_NEWNET = 0x40000000
HERE, THERE = "10.99.0.1", "10.99.0.2"


def _call(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) != 0:
        error = ctypes.get_errno()
        raise lab.Skip(f"{name}: {os.strerror(error)}")


def _ip(*args):
    result = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise lab.Skip(f"ip {' '.join(args)}: {result.stderr.strip()}")


class Cable:
    """Between HERE, this namespace, and THERE, one of its own."""

    def __init__(self):
        self.here = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _call("unshare", CLONE_NEWNET)
        self.there = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _call("setns", self.here, CLONE_NEWNET)
        _ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns",
            f"/proc/{os.getpid()}/fd/{self.there}")
        _ip("addr", "add", HERE + "/24", "dev", "here")
        _ip("link", "set", "here", "up")
        with self.inside():
            _ip("addr", "add", THERE + "/24", "dev", "there")
            _ip("link", "set", "there", "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _ip("link", "del", "here")
        os.close(self.there)
        os.close(self.here)

    @contextlib.contextmanager
    def inside(self):
        """What is made in the with block is made at the other end."""
        _call("setns", self.there, CLONE_NEWNET)
        try:
            yield
        finally:
            _call("setns", self.here, CLONE_NEWNET)

    def pull(self):
        with self.inside():
            _ip("link", "set", "there", "down")

    def plug_in(self):
        with self.inside():
            _ip("link", "set", "there", "up")

    def connections(self, port, count):
        """(listener, clients at the other end, accepted here)"""
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HERE, port))
        server.listen(count)
        clients, accepted = [], []
        for _ in range(count):
            with self.inside():
                clients.append(socket.socket())
            clients[-1].settimeout(10)
            clients[-1].connect((HERE, port))
            accepted.append(server.accept()[0])
        return server, clients, accepted
