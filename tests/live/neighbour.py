# SPDX-License-Identifier: LGPL-2.1-or-later
"""A second host: a network namespace at the other end of a veth pair. It ends with the process that
runs in it, and the pair ends with it."""

import os
import subprocess
import sys

import lab

OURS = "10.77.0.1"
THEIRS = "10.77.0.2"

# Accepts on every address, and closes what its client has closed.
SERVER = """
import selectors, socket, sys
server = socket.create_server(("", int(sys.argv[1])), backlog=1024)
server.setblocking(False)
selector = selectors.DefaultSelector()
selector.register(server, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        if key.fileobj is server:
            client = server.accept()[0]
            selector.register(client, selectors.EVENT_READ)
            continue
        try:
            data = key.fileobj.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""
# Waits to be told that its end of the cable is there.
ENTER = "import sys; print('here', flush=True); sys.stdin.readline(); exec(sys.argv.pop(1))"


def _ip(*args):
    result = subprocess.run(["ip", *args], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise lab.Skip(f"ip {' '.join(args)}: {result.stderr.strip()}")


class Neighbour:
    """program: Python, with the arguments in sys.argv[1:]; prints a line when it is ready."""

    def __init__(self, program, *args):
        lab.need("nsenter")
        self.process = lab.spawn(["unshare", "--net", sys.executable, "-c", ENTER, program,
                                  *map(str, args)], stdin=-1, stdout=-1, text=True)
        if self.process.stdout.readline() != "here\n":
            raise lab.Skip("no second network namespace")
        pid = str(self.process.pid)
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
        _ip("link", "add", "ours", "type", "veth", "peer", "name", "theirs", "netns", pid)
        for name, address, inside in ("ours", OURS, []), (
                "theirs", THEIRS, ["nsenter", "-t", pid, "-n"]):
            for words in ["addr", "add", address + "/24", "dev", name], [
                    "link", "set", name, "up"]:
                subprocess.run([*inside, "ip", *words], check=True)
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == "ready"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.end(self.process)
        self.process.stdin.close()
        self.process.stdout.close()
        lab.poll(lambda: not os.path.exists("/sys/class/net/ours"), 5)
