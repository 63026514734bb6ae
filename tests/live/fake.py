# SPDX-License-Identifier: LGPL-2.1-or-later
"""A server that is not twmond, or not a good one, for twmonctl to talk to; and how it is run."""

import fcntl
import json
import os
import pty
import socket
import struct
import subprocess
import termios
import threading

import lab

MONITOR = "io.twmon.Monitor."


def frame(parameters=None, **members):
    return json.dumps({"parameters": parameters or {}, **members}).encode() + b"\0"


def error(name, **parameters):
    return frame(parameters, error=name)


class Fake:
    """A server on a socket of its own. answer(connection, request) sends what it likes; a dict of
    parameters by method stands for a good daemon, bytes for the same answer to everything."""

    def __init__(self, answer):
        if isinstance(answer, dict):
            table = answer
            answer = lambda connection, request: connection.sendall(
                frame(table[request["method"].removeprefix(MONITOR)]))
        elif isinstance(answer, bytes):
            fixed = answer
            answer = lambda connection, request: connection.sendall(fixed)
        self.answer = answer
        self.requests = []
        self.path = lab.temp_dir() + "/control"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # Ends the accept(), which could go on with whatever has the descriptor's number next.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        with connection:
            try:
                while chunk := connection.recv(65536):
                    data += chunk
                    while b"\0" in data:
                        one, data = data.split(b"\0", 1)
                        self.requests.append(json.loads(one))
                        if self.answer(connection, self.requests[-1]) == "close":
                            return
            except OSError:
                return

    def ctl(self, *args, **options):
        return ctl("--socket", self.path, *args, **options)


def ctl(*args, timeout=20, **variables):
    environment = {key: value for key, value in os.environ.items() if key != "XDG_RUNTIME_DIR"}
    return subprocess.run([lab.TWMONCTL, *args], capture_output=True, text=True, timeout=timeout,
                          errors="surrogateescape", check=False, env={**environment, **variables})


def expect(tap, result, status, words, name):
    """The exit status, the words on stderr, and no complaint of a sanitizer."""
    tap.ok(result.returncode == status and all(word in result.stderr for word in words) and
           not lab.SANITIZER.search(result.stderr), name,
           f"exit {result.returncode}, wanted {status} and {words}\n{result.stdout}"
           f"\n{result.stderr}")


def clean(text):
    """No byte that could drive a terminal."""
    return all(char == "\n" or " " <= char <= "~" for char in text)


def in_terminal(*args, columns=80, **variables):
    """What twmonctl writes to a terminal that wide, and its exit status."""
    environment = dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8")
    environment.pop("NO_COLOR", None)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = lab.spawn([lab.TWMONCTL, *args], stdin=subprocess.DEVNULL, stdout=theirs,
                        stderr=subprocess.DEVNULL, env={**environment, **variables})
    os.close(theirs)
    data = b""
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        data += chunk
    os.close(ours)
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n"), process.wait(10)
