#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of the other tests: the makers make what they say, by ss(8) and /proc/net/sockstat."""

import lab
import makers


def test_close_wait(tap):
    for number, kind in enumerate(filter(makers.have, makers.KINDS)):
        port = 7000 + number
        with makers.close_wait(port, 37, kind):
            tap.equal(lab.ss_count("close-wait", local=port), 37, f"{kind}: 37 in CLOSE_WAIT")
            # the acknowledgement that makes FIN_WAIT2 of FIN_WAIT1 may be delayed
            lab.poll(lambda at=port: lab.ss_count("fin-wait-2", peer=at) == 37)
            tap.equal(lab.ss_count("fin-wait-2", peer=port), 37,
                      f"{kind}: their peers in FIN_WAIT2")
            tap.equal(lab.sockstat("tw"), 37, f"{kind}: which sockstat counts as TIME_WAIT")
            tap.equal(lab.ss_count("time-wait"), 0, f"{kind}: and ss does not")
        tap.ok(lab.poll(lambda: lab.sockstat("tw") == 0), f"{kind}: a reset leaves nothing behind",
               lab.sockstat("tw"))


def test_other_close_wait(tap):
    with makers.close_wait_unaccepted(7010, 5), makers.close_wait_outgoing(7011, 6), \
            makers.half_closed(7012, 7):
        tap.equal(lab.ss_count("close-wait", local=7010), 5, "5 that were never accepted")
        tap.equal(lab.ss_count("close-wait", peer=7011), 6, "6 outgoing ones")
        lab.poll(lambda: lab.ss_count("fin-wait-2", peer=7012) == 7)
        tap.equal(lab.ss_count("fin-wait-2", peer=7012), 7, "7 half-closed by shutdown()")
    with makers.close_wait_outgoing(2049, 1, source_port=793):
        tap.equal([row[1::2] for row in lab.ss("close-wait")], [(793, 2049)], "from 793 to 2049")


def test_time_wait(tap):
    for number, kind in enumerate(filter(makers.have, makers.KINDS)):
        port = 7020 + number
        makers.time_wait(port, 20, kind, "server")
        makers.time_wait(port, 10, kind, "client")
        tap.equal((lab.ss_count("time-wait", local=port), lab.ss_count("time-wait", peer=port)),
                  (20, 10), f"{kind}: 20 TIME_WAIT at the server, 10 at the client")
    tap.equal(lab.ss_count("time-wait"), lab.sockstat("tw"), "sockstat counts as many as ss")
    with makers.close_wait(7030, 4) as held:
        held.close(1)
        tap.ok(lab.poll(lambda: lab.ss_count("time-wait", peer=7030) == 1),
               "closing a CLOSE_WAIT sends its peer to TIME_WAIT")
        tap.equal(lab.ss_ports().get(("local", 7030)), (0, 3), "the oracle counts what is left")
        tap.equal(lab.ss_ports().get(("remote", 7030)), (1, 0), "and the peer at the other side")


def test_time_wait_in_few_ports(tap):
    """So few client ports that the kernel gives some twice (connect() takes every second one)."""
    lab.set_sysctl("net.ipv4.ip_local_port_range", "40000 40499")
    makers.time_wait(7040, 200)
    tap.equal(lab.ss_count("time-wait", local=7040), 200, "200 in TIME_WAIT, with 500 client ports")


lab.run(test_close_wait, test_other_close_wait, test_time_wait, test_time_wait_in_few_ports)
