/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Netlink bytes -> sockets -> snapshot. The input is one datagram; sequence and port id are taken
 * from its first message, so that the fuzzer gets past that check.
 */

#include <linux/netlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "diagmsg.h"
#include "ledger.h"
#include "rule.h"
#include "service.h"
#include "snapshot.h"
#include "tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_socket(const struct sockrec *record, void *userdata)
{
        return tally_add(userdata, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct services *services;
        struct ledger *ledger;
        struct tally *tally;
        struct rules *rules;
        struct snapshot *snapshot;
        struct diagmsg_reader reader = { .fn = on_socket };
        struct nlmsghdr first;
        void *copy;

        if (size < sizeof(first) || size > 65536)
                return 0;
        memcpy(&first, data, sizeof(first));
        reader.seq = first.nlmsg_seq;
        reader.portid = first.nlmsg_pid;
        copy = malloc(size); /* aligned, and guarded to the byte */
        if (!copy || services_new(&services) < 0 || ledger_new(&ledger) < 0 ||
            tally_new(&tally) < 0 || rules_new(&rules) < 0)
                abort();
        memcpy(copy, data, size);
        reader.userdata = tally;
        tally_begin(tally, services, ledger);
        ledger_begin(ledger, 1);
        (void)diagmsg_read(&reader, copy, size);
        ledger_end(ledger, !reader.interrupted, NULL, NULL);
        if (tally_finish(tally, rules, 2, &snapshot) < 0)
                abort();
        if (snapshot->total[SOCK_CLOSE_WAIT] > reader.messages)
                abort();
        snapshot_unref(snapshot);
        rules_free(rules);
        tally_free(tally);
        ledger_free(ledger);
        services_free(services);
        free(copy);
        return 0;
}
