#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Completion of twmonctl's command line: by bash and zsh at a terminal of their own, where the tab key
is pressed and the line is read back from the shell's editor, and by fish's own "complete -C". Verbs,
options, their values and files; ports and alerts of a live twmond; nothing, and soon, without one."""

import os
import pty
import subprocess
import time

import lab
import makers
from fake import Fake, clean

PORT = 7865
KEY = f"close-wait-stuck:-:local:{PORT}:-"
CONFIG = """[Scan]
Interval=1s
[CloseWait]
StuckAfter=1s
StuckWarning=3
[Alerts]
RaiseAfter=0s
"""
FOLDER = lab.ROOT + "/completion"
READ_LINE = "\x14"  # ctrl-T: the shell writes its line to a file, and begins a new one
BASH = """PS1='> '
. /usr/share/bash-completion/bash_completion
. {folder}/twmonctl.bash
show() {{ printf '%s' "$READLINE_LINE" >{out}.new; mv {out}.new {out}; READLINE_LINE=; READLINE_POINT=0; }}
bind -x '"\\C-t": show'
touch {out}.ready
"""
ZSH = """PS1='> '
fpath=({folder} $fpath)
autoload -U compinit
compinit -u -D
show() {{ print -rn -- "$BUFFER" >{out}.new; mv {out}.new {out}; BUFFER= }}
zle -N show
bindkey '^T' show
touch {out}.ready
"""


def environment():
    """One in which twmonctl is the one under test, and the user has no settings."""
    home = lab.temp_dir()
    os.symlink(lab.TWMONCTL, home + "/twmonctl")
    return dict(os.environ, PATH=home + ":" + os.environ["PATH"], HOME=home, ZDOTDIR=home,
                XDG_CONFIG_HOME=home, XDG_DATA_HOME=home, XDG_RUNTIME_DIR=home, TERM="xterm",
                LC_ALL="C.UTF-8")


class Shell:
    """An interactive one; line() is what becomes of a line when the tab key is pressed behind it."""

    def __init__(self, name, arguments, setup):
        lab.need(name)
        self.env = environment()
        self.out = self.env["HOME"] + "/line"
        self.terminal, theirs = pty.openpty()
        with open(self.env["HOME"] + "/setup", "w", encoding="utf-8") as file:
            file.write(setup.format(folder=FOLDER, out=self.out))
        self.process = lab.spawn([name, *arguments], stdin=theirs, stdout=theirs, stderr=theirs,
                                 env=self.env)
        os.close(theirs)
        os.set_blocking(self.terminal, False)
        self.screen = b""
        self.type(f". {self.env['HOME']}/setup\n")
        lab.must(lambda: self.read() or os.path.exists(self.out + ".ready"), f"{name} at a terminal", 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        lab.end(self.process)
        os.close(self.terminal)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def read(self):
        try:
            self.screen += os.read(self.terminal, 65536)
        except OSError:
            pass

    def line(self, text):
        if os.path.exists(self.out):
            os.unlink(self.out)
        self.type(text + "\t" + READ_LINE)
        lab.must(lambda: self.read() or os.path.exists(self.out), f"the line behind {text!r}", 20)
        return lab.read_text(self.out)


class Fish:
    """Its candidates; line() adds the only one to the line, as the tab key does."""

    def __init__(self):
        lab.need("fish")
        self.env = environment()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def candidates(self, text):
        result = subprocess.run(
            ["fish", "--no-config", "-c", f"source {FOLDER}/twmonctl.fish; complete -C $argv[1]", text],
            env=self.env, capture_output=True, text=True, timeout=30, check=False)
        return [line.split("\t")[0] for line in result.stdout.splitlines()]

    def line(self, text):
        found = self.candidates(text)
        if len(found) != 1:
            return text
        head, _, _ = text.rpartition(" ")
        return f"{head} {found[0]} "


def shells():
    yield "bash", lambda: Shell("bash", ["--norc", "--noprofile", "-i"], BASH)
    yield "zsh", lambda: Shell("zsh", ["-f", "-i"], ZSH)
    yield "fish", Fish


def expect_lines(tap, name, shell, lines):
    for typed, completed in lines:
        line = shell.line(typed)
        tap.ok(line.rstrip() == completed.rstrip(), f"{name}: {typed.split('/')[0]}...{typed[-12:]}",
               f"{typed!r} became {line!r},\nwanted {completed!r}")


def test_tables(tap):
    """What needs no twmond. A path is not made up: it has a file that begins so."""
    directory = lab.temp_dir()
    for name in "recording", "tuned.conf":
        with open(f"{directory}/{name}", "w", encoding="ascii"):
            pass
    lines = [("twmonctl destin", "twmonctl destinations"), ("twmonctl help re", "twmonctl help re"),
             ("twmonctl help rel", "twmonctl help reload"),
             ("twmonctl --no", "twmonctl --no-color"),
             ("twmonctl --json status --li", "twmonctl --json status --live"),
             ("twmonctl ports --li", "twmonctl ports --limit"),
             ("twmonctl alerts --li", "twmonctl alerts --li"),
             ("twmonctl check --wa", "twmonctl check --warning"),
             ("twmonctl check -w 1 --metric o", "twmonctl check -w 1 --metric oldest"),
             ("twmonctl check --metric time-wait-", "twmonctl check --metric time-wait-table"),
             ("twmonctl check 80 --metric time-wait-", "twmonctl check 80 --metric time-wait-"),
             ("twmonctl check --metric=o", "twmonctl check --metric=oldest"),
             ("twmonctl ports --limit ", "twmonctl ports --limit "),
             (f"twmonctl replay {directory}/rec", f"twmonctl replay {directory}/recording"),
             (f"twmonctl replay x --config {directory}/tu",
              f"twmonctl replay x --config {directory}/tuned.conf"),
             (f"twmonctl replay x --config={directory}/tu",
              f"twmonctl replay x --config={directory}/tuned.conf"),
             ("twmonctl frob ", "twmonctl frob ")]
    for name, make in shells():
        with make() as shell:
            expect_lines(tap, name, shell, lines)


def test_live(tap):
    with lab.Daemon(CONFIG) as daemon, makers.close_wait(PORT, 4), makers.listener(9876):
        lab.must(lambda: daemon.wait_alert("close-wait-stuck", PORT, "raised", 10), "the alert")
        lab.must(lambda: ("local", 9876) in daemon.ports("--all"), "the other port")
        at = f"twmonctl --socket {daemon.socket} "
        lines = [(at + "ports 78", at + f"ports {PORT}"), (at + "ports 98", at + "ports 9876"),
                 (at + "ports 80 98", at + "ports 80 9876"), (at + "why 78", at + f"why {PORT}"),
                 (at + "history local:98", at + "history local:9876"),
                 (at + "why 7865 98", at + "why 7865 98"),
                 (at + "acknowledge close", at + "acknowledge " + KEY),
                 (at + "acknowledge close-wait-stuck:-:lo", at + "acknowledge " + KEY),
                 (at + "acknowledge loc", at + f"acknowledge local:{PORT}"),
                 (at + "acknowledge local:98", at + "acknowledge local:98"),
                 (at + "events local:98", at + "events local:9876"),
                 (at + "check --warning 3 close", at + "check --warning 3 " + KEY),
                 (f"twmonctl ports --socket={daemon.socket} 98",
                  f"twmonctl ports --socket={daemon.socket} 9876")]
        for name, make in shells():
            with make() as shell:
                expect_lines(tap, name, shell, lines)
        with Fish() as fish:
            tap.equal(sorted(fish.candidates(at + "acknowledge ")), [KEY, "host", f"local:{PORT}"],
                      "fish lists the alert, its port and the host")
        result = daemon.ctl("complete", "--", "--socket", daemon.socket, "ports", "78")
        tap.equal(result.stdout, f"{PORT}\tof this host, 4 in CLOSE_WAIT, 0 in TIME_WAIT\n",
                  "what is said of a port")
        lab.stop_well(tap, daemon)


def complete(*words):
    """What is printed, and how long that took."""
    began = time.monotonic()
    result = subprocess.run([lab.TWMONCTL, "complete", "--", *words], capture_output=True, text=True,
                            timeout=20, check=False)
    return result, time.monotonic() - began


def test_without_an_answer(tap):
    """Silent, a success, and soon."""
    def hang(_connection, _request):
        time.sleep(10)

    with Fake(hang) as fake, Fake(b"garbage\0") as garbage:
        for path in fake.path, garbage.path, "/nowhere/control", "/", "x" * 500:
            for words in ["ports", ""], ["why", "7"], ["acknowledge", "blind:"], ["events", "loc"]:
                result, took = complete("--socket", path, *words)
                tap.ok(result.returncode == 0 and not result.stderr and not result.stdout and took < 3,
                       f"nothing: {path[-10:]} {words}", f"{result} {took:.1f} s")
        result, _ = complete("--socket", fake.path, "events", "")
        tap.equal(result.stdout, "host\tthe host as a whole\n", "what needs no answer is there")
        with Shell("bash", ["--norc", "--noprofile", "-i"], BASH) as bash:
            line = f"twmonctl --socket {fake.path} ports 7"
            tap.equal(bash.line(line), line, "bash leaves the line as it was")
            tap.ok(b"rror" not in bash.screen, "and its screen", bash.screen)


def test_hostile_answer(tap):
    """What comes from the socket is put into somebody's command line."""
    word = "$(touch /tmp/x);\x1b[2J\n`id` | x"
    table = {"ListPorts": {"ports": [{"side": word, "port": 80}, {"side": "local", "port": word},
                                     {"side": "local", "port": 70000}, {"side": "host", "port": 1}, 7,
                                     {"side": "remote", "port": 81}]},
             "ListAlerts": {"alerts": [{"key": word, "state": "raised"}, {"key": KEY, "state": word}, 7,
                                       {"key": word + ":-:local:80:-", "state": "raised"}]}}
    with Fake(table) as fake:
        result, _ = complete("--socket", fake.path, "events", "")
        tap.equal([line.split("\t")[0] for line in result.stdout.splitlines()],
                  ["host", KEY, "remote:81"], "only what has the form of a port or of a key")
        tap.ok(clean(result.stdout.replace("\t", " ")), "and no byte that drives a terminal", result)


lab.run(test_tables, test_live, test_without_an_answer, test_hostile_answer, limit=240)
