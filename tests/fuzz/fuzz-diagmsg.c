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

static int on_waits(const struct sock_wait *waits, size_t n, void *userdata)
{
        return tally_add_waits(userdata, waits, n);
}

/* What a scan makes of it; *ret_reader: what was left out; *ret_failed: it is of no use. */
static struct snapshot *count(const void *buf, size_t size, bool by_waits,
                              struct diagmsg_reader *ret_reader, bool *ret_failed)
{
        struct services *services;
        struct ledger *ledger;
        struct tally *tally;
        struct rules *rules;
        struct snapshot *snapshot;
        struct diagmsg_reader reader = { .sink = { .fn = on_socket } };
        struct nlmsghdr first;

        memcpy(&first, buf, sizeof(first));
        reader.seq = first.nlmsg_seq;
        reader.portid = first.nlmsg_pid;
        if (services_new(&services) < 0 || ledger_new(&ledger) < 0 || tally_new(&tally) < 0 ||
            rules_new(&rules) < 0)
                abort();
        reader.sink.waits_fn = by_waits ? on_waits : NULL;
        reader.sink.userdata = tally;
        tally_begin(tally, services, ledger);
        ledger_begin(ledger, 1);
        *ret_failed = diagmsg_read(&reader, buf, size) < 0;
        ledger_end(ledger, !reader.interrupted, NULL, NULL);
        if (tally_finish(tally, rules, 2, &snapshot) < 0)
                abort();
        rules_free(rules);
        tally_free(tally);
        ledger_free(ledger);
        services_free(services);
        *ret_reader = reader;
        return snapshot;
}

/* The short way of sockets in TIME_WAIT counts what the long way counts. */
static void check_same(const struct snapshot *a, const struct snapshot *b)
{
        if (memcmp(a->total, b->total, sizeof(a->total)) != 0 || a->n_rows != b->n_rows)
                abort();
        for (size_t i = 0; i < a->n_rows; i++) {
                const struct port_row *x = &a->rows[i], *y = snapshot_find(b, &x->key);

                if (!y || memcmp(x->count, y->count, sizeof(x->count)) != 0 ||
                    memcmp(x->tw_remaining, y->tw_remaining, sizeof(x->tw_remaining)) != 0 ||
                    x->tw_beyond != y->tw_beyond)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct diagmsg_reader reader, again;
        struct snapshot *snapshot, *same;
        bool failed, failed_again;
        void *copy;

        if (size < sizeof(struct nlmsghdr) || size > 65536)
                return 0;
        copy = malloc(size); /* aligned, and guarded to the byte */
        if (!copy)
                abort();
        memcpy(copy, data, size);
        snapshot = count(copy, size, false, &reader, &failed);
        same = count(copy, size, true, &again, &failed_again);
        if (snapshot->total[SOCK_CLOSE_WAIT] > reader.messages)
                abort();
        if (failed != failed_again || reader.malformed != again.malformed ||
            reader.foreign != again.foreign || reader.interrupted != again.interrupted)
                abort();
        if (!failed) { /* after an error nothing is handed over any more */
                if (reader.messages != again.messages)
                        abort();
                check_same(snapshot, same);
        }
        snapshot_unref(snapshot);
        snapshot_unref(same);
        free(copy);
        return 0;
}
