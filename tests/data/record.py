#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records the kernel's own sock_diag answers for tests: record.py DIRECTORY

Run it in a network namespace of its own (unshare -rn), where it makes the sockets that it then
dumps. Each file holds the datagrams of one dump, each after its length (32 bits, little endian).
"""
import os
import socket
import struct
import subprocess
import sys
import time

ESTABLISHED, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT, LISTEN = 1, 5, 6, 8, 10
INFO = 2


def dump(states, ext=0, seq=1):
    """All datagrams of one TCPDIAG_GETSOCK dump."""
    body = struct.pack("=BBBB", socket.AF_UNSPEC, 0, 0, 1 << (ext - 1) if ext else 0)
    body += bytes(48) + struct.pack("=II", sum(1 << s for s in states), 0)
    request = struct.pack("=IHHII", 16 + len(body), 18, 0x301, seq, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as s:
        s.bind((0, 0))
        s.send(request)
        datagrams = []
        while True:
            data = s.recv(32768)
            datagrams.append(data)
            at = 0
            while at < len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:
                    return datagrams
                at += (length + 3) & ~3


def save(directory, name, datagrams):
    with open(os.path.join(directory, name), "wb") as f:
        for data in datagrams:
            f.write(struct.pack("<I", len(data)) + data)


def listener(family, address, port):
    s = socket.socket(family, socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.bind((address, port))
    s.listen(64)
    return s


def connect(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM)
    s.connect((address, port))
    return s


def main():
    directory = sys.argv[1]
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    held = []
    dual = listener(socket.AF_INET6, "::", 7865)
    for address, n in (("127.0.0.1", 3), ("::1", 2)):
        for _ in range(n):
            client = connect(address, 7865)
            held.append(dual.accept()[0])
            client.close()  # the server's end stays in CLOSE_WAIT, ours in FIN_WAIT2
    unaccepted = connect("127.0.0.1", 7865)
    unaccepted.close()
    v4 = listener(socket.AF_INET, "127.0.0.1", 8080)
    for _ in range(4):
        client = connect("127.0.0.1", 8080)
        server = v4.accept()[0]
        server.close()
        client.close()  # the server closed first: TIME_WAIT is its
    time.sleep(0.5)  # delayed acknowledgements: FIN_WAIT1 becomes FIN_WAIT2
    save(directory, "close-wait-and-time-wait.dump", dump([TIME_WAIT, CLOSE_WAIT]))
    save(directory, "close-wait-with-info.dump", dump([CLOSE_WAIT], INFO))
    save(directory, "fin-wait2.dump", dump([FIN_WAIT2]))
    save(directory, "listen.dump", dump([LISTEN]))
    save(directory, "every-state.dump", dump(range(1, 13), INFO))


if __name__ == "__main__":
    main()
