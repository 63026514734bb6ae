#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""twmon-exporter: what it serves, that it never tells what was, and that nobody can harm it."""

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time

import lab

CONFIG = "[Scan]\nInterval=500ms\n"
EXPORTER = os.path.abspath(os.environ.get("TWMON_EXPORTER", lab.ROOT + "/build/check/twmon-exporter"))
OPEN_METRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
CROWD = 500
AGE_SEC = 15  # of a connection that asks for nothing
PROMTOOL = lab.find("promtool")


class Exporter:
    """A twmon-exporter on a port that the kernel chooses."""

    def __init__(self, socket_path, *args, binary=EXPORTER, **options):
        self.stderr_path = lab.temp_dir() + "/stderr"
        with open(self.stderr_path, "wb") as stderr:
            self.process = lab.spawn([binary, "--socket", socket_path, *(args or
                                      ("--listen", "127.0.0.1:0"))],
                                     stderr=stderr, stdin=subprocess.DEVNULL, **options)
        line = lab.must(lambda: re.search(r"http://(\S+):(\d+)/metrics", self.stderr()),
                        "the exporter's address")
        self.host, self.port = line[1], int(line[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.end(self.process)

    def stderr(self):
        return lab.read_text(self.stderr_path)

    def get(self, path="/metrics", method="GET", headers=None, timeout=20):
        """(status, headers, text)"""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode()
        finally:
            connection.close()

    def up(self):
        """The value of twmon_up."""
        status, _, text = self.get()
        found = re.search(r"^twmon_up (\d)$", text, re.MULTILINE)
        return int(found[1]) if status == 200 and found else None

    def connect(self):
        return socket.create_connection((self.host, self.port), timeout=30)

    def send(self, data):
        """What comes back for those bytes, until it closes."""
        with self.connect() as sock:
            answer = b""
            try:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                while chunk := sock.recv(65536):
                    answer += chunk
            except OSError:  # it has closed before all was sent
                pass
            return answer

    def stop_well(self, tap):
        status = lab.end(self.process, signal.SIGTERM, 15)
        wrong = lab.SANITIZER.search(self.stderr())
        tap.ok(status == 0 and not wrong, "SIGTERM ends it with 0 and nothing for the sanitizers",
               f"exit status {status}\n{self.stderr()}")


def test_pages(tap):
    with lab.Daemon(CONFIG) as daemon, Exporter(daemon.socket) as exporter:
        status, headers, text = exporter.get()
        tap.equal((status, headers["Content-Type"]),
                  (200, "text/plain; version=0.0.4; charset=utf-8"), "/metrics, as text")
        result = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True,
                                text=True, check=False)
        tap.equal((result.returncode, result.stdout + result.stderr), (0, ""),
                  "promtool check metrics: nothing to say")
        _, headers, text = exporter.get(headers=OPEN_METRICS)
        tap.ok(headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0"),
               "OpenMetrics for who asks for it", headers)
        tap.ok("\ntwmon_up 1\n" in text and text.endswith("\n# EOF\n"), "whole, and up", text)
        # Numbers are of the last scan; nothing may call them younger than that.
        told = re.search(r"^# HELP twmon_up (.*)$", text, re.MULTILINE)[1]
        tap.ok("of this moment" not in told and "twmon_scan_timestamp_seconds" in told and
               "\ntwmon_scan_timestamp_seconds " in text, "says where their time stands", told)
        status, headers, text = exporter.get("/")
        tap.ok(status == 200 and 'href="/metrics"' in text and "http" not in text,
               "a page at /, which needs nothing from elsewhere", text)
        status, headers, text = exporter.get(method="HEAD")
        tap.equal((status, text), (200, ""), "HEAD")
        tap.ok(int(headers["Content-Length"]) > 1000, "... as GET", headers)
        tap.equal(exporter.get("/metrics/x")[0], 404, "another path: 404")
        tap.equal(exporter.get("/metrics?x=%00%ff")[0], 200, "a query does no harm")
        tap.equal([exporter.get(path)[0] for path in ("/metrics%00", "/metrics%00foo", "/%00", "/%6Detrics")],
                  [404, 404, 404, 200], "an encoded zero does not end a path")
        absolute = f"http://{exporter.host}:{exporter.port}"
        tap.equal([exporter.get(absolute + path)[0] for path in ("/metrics", "/", "", "/x")],
                  [200, 200, 200, 404], "a target with the host in it (RFC 9112, 3.2.2)")
        for accept, plain in (("application/openmetrics-text;q=0, text/plain", True),
                              ("application/openmetrics-text;q=0.1, text/plain;q=1", True),
                              ("text/plain;q=0.1, application/openmetrics-text;q=1", False)):
            got = exporter.get(headers={"Accept": accept})[1]["Content-Type"]
            tap.equal(got.startswith("text/plain"), plain, f"{accept} is honoured")
        lines = b"Accept: text/plain;q=0.2\r\nAccept: application/openmetrics-text;q=0.3\r\n"
        answer = exporter.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + lines + b"Connection: close\r\n\r\n")
        tap.ok(b"Content-Type: application/openmetrics-text" in answer, "so are two lines", answer[:200])
        answer = exporter.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nabcde")
        tap.ok(answer.startswith(b"HTTP/1.1 200 ") and b"\ntwmon_up 1\n" in answer,
               "so does a body", answer[:200])
        tap.equal([exporter.get(method=method)[0] for method in ("POST", "PUT", "DELETE", "BREW")],
                  [405] * 4, "another method: 405")
        with exporter.connect() as held:
            held.sendall(b"GET /")
            tap.equal(exporter.up(), 1, "one that asks slowly keeps nobody waiting")
        lab.stop_well(tap, daemon)
        exporter.stop_well(tap)


def test_away(tap):
    """twmond ends, comes back, hangs: said each time, and nothing of before."""
    path = lab.temp_dir() + "/control"
    with Exporter(path) as exporter:
        tap.equal(exporter.up(), 0, "no twmond yet: up 0")
        _, _, text = exporter.get(headers=OPEN_METRICS)
        tap.equal([line for line in text.splitlines() if line[0] != "#"], ["twmon_up 0"],
                  "and not a number besides")
        tap.ok(text.endswith("# EOF\n"), "whole in OpenMetrics, too", text)
        with lab.Daemon(CONFIG, socket=path) as daemon:
            tap.equal(exporter.up(), 1, "there it is: up 1")
            daemon.signal(signal.SIGSTOP)
            began = time.monotonic()
            results = []
            threads = [threading.Thread(target=lambda: results.append(exporter.up()))
                       for _ in range(10)]
            for number, thread in enumerate(threads):
                thread.start()
                if number == 4:
                    time.sleep(1)
            page = exporter.get("/")[0]
            paged = time.monotonic() - began
            for thread in threads:
                thread.join()
            took = time.monotonic() - began
            tap.ok(page == 200 and paged < 3, "it hangs: the page is there meanwhile", paged)
            tap.equal(results, [0] * 10, "ten who ask are told up 0")
            tap.ok(took < 8, f"all of them after {took:.1f} s", took)
            daemon.signal(signal.SIGCONT)
            tap.ok(lab.poll(lambda: exporter.up() == 1), "it goes on: up 1")
            lab.stop_well(tap, daemon)
        tap.equal(exporter.up(), 0, "it has ended: up 0")
        said = [line for line in exporter.stderr().splitlines() if "twmon_up" in line]
        tap.equal(len(said), 3, "said once each time")
        exporter.stop_well(tap)


def fake_twmond(path, reply):
    """Answers each call with those bytes."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(16)

    def serve():
        while True:
            try:
                peer = server.accept()[0]
            except OSError:
                return
            with peer:
                peer.recv(65536)
                try:
                    peer.sendall(reply)
                except OSError:
                    pass
    threading.Thread(target=serve, daemon=True).start()
    return server


def test_another_twmond(tap):
    """Who answers there may not be twmond at all."""
    for name, reply in (("nothing", b""), ("no JSON", b"<html>\0"), ("an error", b'{"error":"x"}\0'),
                        ("no text", b'{"parameters":{}}\0'),
                        ("text that is none", b'{"parameters":{"text":7}}\0'),
                        ("too much", b'{"parameters":{"text":"' + b"x" * (2 << 20) + b'"}}\0')):
        path = lab.temp_dir() + "/control"
        server = fake_twmond(path, reply)
        with Exporter(path) as exporter:
            tap.equal(exporter.up(), 0, f"{name} for an answer: up 0")
            exporter.stop_well(tap)
        server.close()


def test_bad_http(tap):
    with lab.Daemon(CONFIG) as daemon, Exporter(daemon.socket) as exporter:
        for name, data in (("nothing", b""), ("noise", bytes(range(256)) * 40),
                           ("an endless line", b"GET /" + b"a" * 200000),
                           ("endless headers", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 40000),
                           ("no version", b"GET /metrics\r\n\r\n"),
                           ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500),
                           ("a body that is too long", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
                            b"Content-Length: 99999999999999999999\r\n\r\n"),
                           ("a bad length", b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
                            b"Content-Length: -1\r\n\r\nxx"),
                           ("bad chunks", b"POST /metrics HTTP/1.1\r\nHost: x\r\n"
                            b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")):
            answer = exporter.send(data)
            line = answer.split(b"\r\n")[0]
            good = not answer or re.match(rb"HTTP/1\.[01] (200|4\d\d|5\d\d) ", line)
            tap.ok(good, f"{name}: {line.decode(errors='replace') or 'closed'}", answer[:200])
        tap.equal(exporter.up(), 1, "it serves as before")
        exporter.stop_well(tap)
        lab.stop_well(tap, daemon)


def test_endless(tap):
    """A byte now and then, in a request and in reading an answer: both end."""
    with lab.Daemon(CONFIG) as daemon, Exporter(daemon.socket) as exporter:
        began = time.monotonic()
        slow = exporter.connect()
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX: ")

        def ended():
            try:
                slow.sendall(b"x")
                slow.setblocking(False)
                return slow.recv(100) == b""
            except BlockingIOError:
                return False
            except OSError:
                return True
            finally:
                slow.setblocking(True)
        tap.ok(lab.poll(ended, AGE_SEC + 10, 0.5), "a request of a byte now and then is ended")
        took = time.monotonic() - began
        tap.ok(AGE_SEC - 1 <= took <= AGE_SEC + 5, f"after {took:.1f} s", took)
        slow.close()
        tap.equal(exporter.up(), 1, "it serves as before")
        exporter.stop_well(tap)
        lab.stop_well(tap, daemon)


def test_crowd(tap):
    with lab.Daemon(CONFIG) as daemon, Exporter(daemon.socket) as exporter:
        exporter.up()
        before = lab.rss_kib(exporter.process.pid)
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        socks = [exporter.connect() for _ in range(CROWD)]
        for sock in socks:
            sock.sendall(request)
        whole, others = 0, {}
        for sock in socks:
            answer = b""
            try:
                while chunk := sock.recv(65536):
                    answer += chunk
            except ConnectionError:
                pass
            if answer.startswith(b"HTTP/1.1 200 ") and b"\ntwmon_up 1\n" in answer:
                whole += 1
            else:
                others[answer[-400:]] = others.get(answer[-400:], 0) + 1
            sock.close()
        tap.ok(whole == CROWD, f"{CROWD} at once: all have a whole answer",
               f"{whole} have\n{others}\n{exporter.stderr()}")

        idle = [exporter.connect() for _ in range(CROWD)]
        began = time.monotonic()
        tap.equal(exporter.up(), 1, f"{CROWD} that say nothing: who asks has an answer")
        took = time.monotonic() - began
        tap.ok(took < 10, f"after {took:.1f} s", took)
        tap.ok(lab.fd_count(exporter.process.pid) < 150, "its descriptors are bounded",
               lab.fd_count(exporter.process.pid))
        for sock in idle:
            sock.close()
        grown = lab.rss_kib(exporter.process.pid) - before
        tap.ok(grown < 32768, f"its memory, too: {grown} KiB more", grown)
        tap.ok(lab.poll(lambda: lab.fd_count(exporter.process.pid) < 16), "and all are closed",
               lab.fd_count(exporter.process.pid))
        exporter.stop_well(tap)
        lab.stop_well(tap, daemon)


def test_start(tap):
    """Wrong usage, a port that is taken, a socket of the service manager, IPv6."""
    def run(*args):
        return subprocess.run([EXPORTER, *args], capture_output=True, text=True, timeout=20,
                              check=False)

    for args in (["--listen", "localhost"], ["--listen", "127.0.0.1:99999"], ["--listen", ":80"],
                 ["--listen", "::1:80"], ["--socket", ""], ["--nonsense"], ["word"]):
        result = run(*args)
        tap.ok(result.returncode == 2 and result.stderr.count("\n") == 1,
               f"{' '.join(args)}: refused in a line", result.stderr)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        said = f"listening on 127.0.0.1:{taken.getsockname()[1]}: Address already in use\n"
        tap.equal((result.returncode, result.stderr), (1, f"twmon-exporter: {said}"),
                  "a port that is taken: said")
    path = lab.temp_dir() + "/none"
    with Exporter(path, "--listen", "[::1]:0") as exporter:
        tap.equal((exporter.host, lab.ss_count("listening", local=exporter.port)), ("[::1]", 1),
                  "IPv6")
        exporter.stop_well(tap)
    with Exporter(path, "--listen", "127.0.0.1:19865") as exporter:
        rows = [row[0] for row in lab.ss("listening") if row[1] == 19865]
        tap.equal(rows, ["127.0.0.1"], "loopback alone")
    with socket.create_server(("127.0.0.1", 0)) as passed:
        port = passed.getsockname()[1]

        def inherit():
            os.dup2(passed.fileno(), 3)
            os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(EXPORTER, [EXPORTER, "--socket", path])

        if (pid := os.fork()) == 0:
            inherit()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/metrics")
        tap.ok(b"twmon_up 0" in connection.getresponse().read(), "a socket that was passed is served")
        os.kill(pid, signal.SIGTERM)
        tap.equal(os.waitpid(pid, 0)[1], 0, "until SIGTERM")


if __name__ == "__main__":
    lab.run(test_pages, test_away, test_another_twmond, test_bad_http, test_crowd, test_endless,
            test_start, limit=170)
