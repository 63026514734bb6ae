#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""State files that are damaged, or of a newer version: set aside, said once, and nothing stops."""

import os
import zlib

import guest
import machine
from guest import STATE, TWMON
from machine import lab

VERSION_AT, VERSION_BYTES = 8, 4  # in a state file, as lib/statefile.h has it


def damage(data):
    """{how: the bytes of a state file, spoilt}"""
    newer = bytearray(data[:-4])
    newer[VERSION_AT:VERSION_AT + VERSION_BYTES] = (99).to_bytes(VERSION_BYTES, "little")
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0x40
    return {"cut short": data[:len(data) // 2], "empty": b"", "a bit is flipped": bytes(flipped),
            "of a newer version": bytes(newer) + zlib.crc32(newer).to_bytes(4, "little"),
            "something else": b"# not a state file at all, but long enough for one\n" * 4}


def state_files(host):
    """Those of lib/statefile.h. The history has rows of its own, and tests/live/test_history.py."""
    directory = host.path(STATE)
    return sorted(name for name in os.listdir(directory)
                  if os.path.isfile(f"{directory}/{name}") and "." not in name and name != "history"
                  and os.path.getsize(f"{directory}/{name}") > 0)


def test_damaged(tap):
    """stop, not restart: on systemd 252 that empties the descriptor store, and the files remain."""
    with guest.Guest() as host:
        host.leak(8)
        host.wait_raised()
        host.systemctl("stop", TWMON)
        names = state_files(host)
        if not tap.ok(names, f"there are files in {STATE}", os.listdir(host.path(STATE))):
            return
        for name in names:
            path = host.path(f"{STATE}/{name}")
            with open(path, "rb") as file:
                spoilt = damage(file.read())
            for how, data in spoilt.items():
                with open(path, "wb") as file:
                    file.write(data)
                check_damaged(tap, host, name, how)


def check_damaged(tap, host, name, how):
    said = len(host.complaints(f"{STATE}/{name}"))
    tap.equal(host.systemctl("start", TWMON, check=False).returncode, 0,
              f"{name} {how}: twmond starts")
    host.wait_answer()
    new = host.complaints(f"{STATE}/{name}")[said:]
    tap.equal(len(new), 1, f"{name} {how}: said once ({new})")
    suffix = {"of a newer version": "newer", "something else": "foreign"}.get(how, "damaged")
    aside = [entry for entry in os.listdir(host.path(STATE)) if entry.startswith(name + ".")]
    tap.ok(f"{name}.{suffix}" in aside, f"{name} {how}: set aside", aside)
    tap.ok(lab.poll(host.raised, guest.RAISE_SEC), f"{name} {how}: watching goes on")
    for entry in aside:
        os.unlink(host.path(f"{STATE}/{entry}"))
    host.systemctl("stop", TWMON)


machine.run(test_damaged)
