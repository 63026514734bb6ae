/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A table of addresses by open addressing, which is never full: it has twice as many places as there
 * may be addresses. Places hold positions in the list, so that the list can be sorted when all are
 * there. Clients usually come from few addresses; where it is a whole world, the first ones stand for
 * it, and how many connections others have is told.
 */

#include "toppeers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "destination.h"
#include "diag.h"
#include "hash.h"

static bool is_ours(const struct toppeers *peers, const struct sockrec *record)
{
        if (record->state == SOCK_LISTEN || record->state == SOCK_CLOSE || record->remote_port == 0)
                return false;
        return (peers->remote ? record->remote_port : record->local_port) == peers->port;
}

static size_t first_place(const struct sockrec *record)
{
        uint64_t words[2];

        memcpy(words, record->remote.bytes, sizeof(words));
        return hash_add(hash_add(record->family, words[0]), words[1]) %
               ARRAY_SIZE(((struct toppeers *)NULL)->places);
}

static bool is_same(const struct toppeer *peer, const struct sockrec *record)
{
        return peer->family == record->family &&
               memcmp(&peer->address, &record->remote, sizeof(peer->address)) == 0;
}

/* NULL: there is no room for another one. */
static struct toppeer *find(struct toppeers *peers, const struct sockrec *record)
{
        size_t place = first_place(record);
        struct toppeer *peer;

        for (; peers->places[place] > 0; place = (place + 1) % ARRAY_SIZE(peers->places)) {
                peer = &peers->items[peers->places[place] - 1];
                if (is_same(peer, record))
                        return peer;
        }
        if (peers->n == ARRAY_SIZE(peers->items))
                return NULL;
        peer = &peers->items[peers->n++];
        *peer = (struct toppeer){ .family = record->family, .address = record->remote };
        peers->places[place] = (uint16_t)peers->n;
        return peer;
}

void toppeers_add(struct toppeers *peers, const struct sockrec *record)
{
        struct toppeer *peer;

        if (!is_ours(peers, record))
                return;
        peer = find(peers, record);
        if (!peer) {
                peers->others++;
                return;
        }
        peer->total++;
        peer->close_wait += record->state == SOCK_CLOSE_WAIT;
}

static int compare(const void *one, const void *other)
{
        const struct toppeer *a = one, *b = other;

        if (a->close_wait != b->close_wait)
                return a->close_wait < b->close_wait ? 1 : -1;
        if (a->total != b->total)
                return a->total < b->total ? 1 : -1;
        return memcmp(&a->address, &b->address, sizeof(a->address));
}

void toppeers_sort(struct toppeers *peers)
{
        qsort(peers->items, peers->n, sizeof(*peers->items), compare);
}

void toppeers_write(FILE *out, const struct toppeers *peers)
{
        const size_t shown = MIN(peers->n, (size_t)TOPPEERS_SHOWN);
        char text[ADDRESS_TEXT_MAX];

        if (peers->n == 0)
                fputs("none", out);
        for (size_t i = 0; i < shown; i++) {
                const struct toppeer *peer = &peers->items[i];

                fprintf(out, "%s%s: %" PRIu64, i > 0 ? "; " : "",
                        address_text(peer->family, &peer->address, text), peer->total);
                if (peer->close_wait > 0)
                        fprintf(out, ", %" PRIu64 " in CLOSE_WAIT", peer->close_wait);
        }
        if (peers->n > shown)
                fprintf(out, "; and %zu more address%s", peers->n - shown,
                        peers->n == shown + 1 ? "" : "es");
        if (peers->others > 0)
                fprintf(out, "; and %" PRIu64 " connections of others", peers->others);
        if (peers->partial)
                fputs(" (not all were seen)", out);
}

/* ---- the kernel ---- */

static int take(const struct sockrec *record, void *userdata)
{
        toppeers_add(userdata, record);
        return 0;
}

int toppeers_look(struct toppeers *peers)
{
        const struct diagmsg_sink sink = { .fn = take, .userdata = peers };
        struct diag_stats stats = { 0 };
        struct diag *diag;
        int r;

        r = diag_new(&diag);
        if (r < 0)
                return r;
        r = diag_dump_port(diag, peers->port, &sink, &stats);
        diag_free(diag);
        toppeers_sort(peers);
        peers->partial = r == DIAG_INTERRUPTED; /* most of them were seen */
        return MIN(r, 0);
}
