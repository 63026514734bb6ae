# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes TCP sockets in a wanted state, over loopback, with both ends in this process.

How a socket gets there: the end that closes first goes to FIN_WAIT2 and, when the other end closes
too, to TIME_WAIT; the other end stays in CLOSE_WAIT until it is closed. So what is kept open here
is CLOSE_WAIT, and what was closed on both sides is TIME_WAIT at the side that was first.

Kinds: "v4"; "v6"; "mapped", IPv4 spoken by IPv6 sockets (both ends report ::ffff:127.0.0.1).
"""

import socket
import struct

import lab

KINDS = ("v4", "v6", "mapped")
_PEER = {"v4": "127.0.0.1", "v6": "::1", "mapped": "::ffff:127.0.0.1"}
_RESET = struct.pack("ii", 1, 0)


def have(kind):
    """Whether this namespace speaks that kind."""
    try:
        listener(0, kind).close()
    except OSError:
        return False
    return True


def listener(port, kind="v4", backlog=4096):
    sock = socket.socket(socket.AF_INET if kind == "v4" else socket.AF_INET6)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind != "v4":
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind == "v6")
    sock.bind((_PEER[kind] if kind != "mapped" else "::", port))
    sock.listen(backlog)
    return sock


def client(port, kind="v4", source_port=0):
    """A connected socket, its own port chosen by the kernel unless given."""
    sock = socket.socket(socket.AF_INET if kind == "v4" else socket.AF_INET6)
    if source_port:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((_PEER[kind], source_port))
    sock.connect((_PEER[kind], port))
    return sock


class Held:
    """Sockets that are kept open until told."""

    def __init__(self, sockets, server=None):
        self.sockets = sockets
        self.listener = server

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reset()

    def __len__(self):
        return len(self.sockets)

    def stop_listening(self):
        if self.listener:
            self.listener.close()
            self.listener = None

    def close(self, count=None):
        """Closes so many, or all and the listener: their peers go on to TIME_WAIT."""
        if count is None:
            self.stop_listening()
            count = len(self.sockets)
        for sock in self.sockets[:count]:
            sock.close()
        del self.sockets[:count]

    def reset(self):
        """Closes all with a reset, which leaves nothing behind at either end."""
        for sock in self.sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close()


def _settle(state, wanted, **ports):
    lab.must(lambda: lab.ss_count(state, **ports) >= wanted,
             f"{wanted} more sockets in {state} at {ports}")


def connections(port, count, kind="v4", server=None, source_port=0):
    """(listener, clients, accepted), all established."""
    server = server or listener(port, kind)
    clients, accepted = [], []
    for _ in range(count):
        clients.append(client(port, kind, source_port))
        accepted.append(server.accept()[0])
    return server, clients, accepted


def close_wait(port, count, kind="v4", server=None):
    """A server that does not close what its clients have closed: local PORT."""
    before = lab.ss_count("close-wait", local=port)
    server, clients, accepted = connections(port, count, kind, server)
    for sock in clients:
        sock.close()
    _settle("close-wait", before + count, local=port)
    return Held(accepted, server)


def close_wait_unaccepted(port, count, kind="v4"):
    """The same, but the server has not even accepted them."""
    server = listener(port, kind)
    for _ in range(count):
        client(port, kind).close()
    _settle("close-wait", count, local=port)
    return Held([], server)


def close_wait_outgoing(port, count, kind="v4", source_port=0):
    """A client that does not close what the server has closed: remote PORT."""
    before = lab.ss_count("close-wait", peer=port)
    server, clients, accepted = connections(port, count, kind, None, source_port)
    for sock in accepted:
        sock.close()
    _settle("close-wait", before + count, peer=port)
    return Held(clients, server)


def time_wait(port, count, kind="v4", first="server", keep_listening=False):
    """TIME_WAIT at the side that closes first: "server", local PORT; "client", remote PORT.

    The kernel may give a client a port that an earlier one has left in TIME_WAIT: the two are one
    socket then, so it is ports that are counted, not connections.
    """
    side = {"local": port} if first == "server" else {"peer": port}
    before = lab.ss_count("time-wait", **side)
    server = listener(port, kind)
    used = set()
    for _ in range(10 * count):
        if len(used) == count:
            break
        ours = client(port, kind)
        used.add(ours.getsockname()[1])
        theirs = server.accept()[0]
        for sock in (theirs, ours) if first == "server" else (ours, theirs):
            sock.close()
    _settle("time-wait", before + count, **side)
    if keep_listening:
        return Held([], server)
    server.close()
    return None


def fill(sock):
    """Sends until the peer's window is closed."""
    sock.setblocking(False)
    try:
        while True:
            sock.send(b"x" * 65536)
    except BlockingIOError:
        pass


def closing(port):
    """A server that closes while much is unsent, to clients that do not read: local PORT in
    FIN_WAIT1, LAST_ACK and CLOSING, one each. The first two are orphans."""
    server, clients, accepted = connections(port, 3)
    for sock in accepted:
        fill(sock)
    clients[1].shutdown(socket.SHUT_WR)
    _settle("close-wait", 1, local=port)
    accepted.pop(1).close()
    accepted.pop(0).close()
    accepted[0].shutdown(socket.SHUT_WR)
    clients[2].shutdown(socket.SHUT_WR)
    for state in "fin-wait-1", "last-ack", "closing":
        _settle(state, 1, local=port)
    return Held(clients + accepted, server)


def opening(port):
    """Connections that do not come to be. One is accepted with its first data only: local PORT in
    SYN_RECV. The listener on the next port has a full queue: remote PORT + 1 in SYN_SENT."""
    deferring, full = listener(port), listener(port + 1, backlog=0)
    deferring.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 60)
    clients = [client(port), client(port + 1), socket.socket()]
    clients[2].setblocking(False)
    clients[2].connect_ex((_PEER["v4"], port + 1))
    _settle("syn-recv", 1, local=port)
    _settle("syn-sent", 1, peer=port + 1)
    return Held(clients + [full], deferring)


def half_closed(port, count, kind="v4"):
    """Clients that have shut down sending and go on reading: FIN_WAIT2 that a process holds, remote
    PORT, beside the server's CLOSE_WAIT, local PORT. close_wait() makes the other sort of
    FIN_WAIT2: mini-sockets without a process."""
    server, clients, accepted = connections(port, count, kind)
    for sock in clients:
        sock.shutdown(socket.SHUT_WR)
    _settle("close-wait", count, local=port)
    return Held(clients + accepted, server)
