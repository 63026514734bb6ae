/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A peer that vanishes (a pulled cable, a dead machine, a firewall that forgets) says nothing, and
 * TCP asks nothing: the connection stays ESTABLISHED until somebody sends. What gives it away, as
 * tried with a link taken down:
 *
 * - Nothing is sent: no timer runs, and the times since the last data and the last ACK grow for
 *   ever. So they do where a living peer has nothing to say; the two cannot be told apart.
 * - Data was sent: the retransmission timer runs, with 3 retransmissions after 1.4 s at the
 *   earliest and 5 or 6 after 15 s; where the own interface is down the probe timer
 *   counts so. TCP gives up by tcp_retries2, after some 15 minutes. Keepalive does nothing
 *   meanwhile.
 * - The peer had closed its window: the probe timer runs, and probes without an answer add up. A
 *   living peer answers each probe, which sets their number back to 0 and the time since the last
 *   ACK with it, however long its window stays closed; but there may be 2 minutes between probes.
 * - Keepalive: its timer runs, and ends the connection when its probes are not answered.
 *
 * Times come from tcp_info. Without it nothing is called silent or unanswered: unknown.
 *
 * A level that is newly reached is looked at again after RaiseAfter, when the alert can be decided,
 * rather than at the next walk, which may be due much later.
 */

#include "halfopen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "kernlimits.h"
#include "units.h"

#define UNANSWERED_MIN        3 /* retransmissions or probes in a row */
#define UNANSWERED_AFTER_USEC (15 * USEC_PER_SEC)

#define SLOTS (4 * CENSUS_HALF_OPEN_MAX) /* a power of two */

struct counted {
        struct half_open_row row;
        const struct rule *rule;
        uint64_t witness_usec; /* how silent the witness is */
};

struct half_opens {
        const struct census_request *request;
        struct counted *items; /* CENSUS_HALF_OPEN_MAX; NULL: none was ever needed */
        size_t n;
        uint64_t overflow;
        struct census *last; /* the last whole one; NULL: none yet */
        /* after it, if a level was newly reached in it; UINT64_MAX: none was */
        uint64_t again_usec;
        uint16_t slots[SLOTS]; /* open addressing by port_key_hash(): position + 1; 0: free */
};

int half_opens_new(struct half_opens **ret_half_opens)
{
        struct half_opens *half_opens = calloc(1, sizeof(*half_opens));

        if (!half_opens)
                return -ENOMEM;
        half_opens->again_usec = UINT64_MAX;
        *ret_half_opens = half_opens;
        return 0;
}

struct half_opens *half_opens_free(struct half_opens *half_opens)
{
        if (half_opens) {
                census_unref(half_opens->last);
                free(half_opens->items);
        }
        free(half_opens);
        return NULL;
}

static bool is_on(const struct rule *rule)
{
        return rule && (rule->warning != RULE_LEVEL_OFF || rule->critical != RULE_LEVEL_OFF);
}

/* The shortest SilentAfter of the rules that are on. */
struct shortest {
        const struct rules *rules;
        uint64_t usec; /* UINT64_MAX: no rule is on */
};

static void shorten(const struct port_key *key, void *userdata)
{
        struct shortest *shortest = userdata;
        const struct rule *rule = rules_governing(shortest->rules, ALERT_HALF_OPEN, key);

        if (is_on(rule) && !rules_ignored(shortest->rules, key))
                shortest->usec = MIN(shortest->usec, rule->silent_after_usec);
}

static uint64_t shortest_silence(const struct rules *rules)
{
        static const struct port_key every_port = { .side = SIDE_LOCAL }; /* 0: has no exception */
        const struct rule *general = rules_governing(rules, ALERT_HALF_OPEN, &every_port);
        struct shortest shortest = { .rules = rules, .usec = UINT64_MAX };

        if (is_on(general))
                shortest.usec = general->silent_after_usec;
        rules_each_configured(rules, shorten, &shortest);
        return shortest.usec;
}

bool half_opens_are_wanted(const struct rules *rules)
{
        return shortest_silence(rules) != UINT64_MAX;
}

uint64_t half_opens_every_usec(const struct half_opens *half_opens, const struct rules *rules)
{
        const uint64_t every_usec = MIN(CENSUS_EVERY_USEC, shortest_silence(rules) / 2);

        return MIN(every_usec, half_opens->again_usec);
}

void half_opens_begin(struct half_opens *half_opens, const struct census_request *request)
{
        half_opens->request = request;
        half_opens->n = 0;
        half_opens->overflow = 0;
        memset(half_opens->slots, 0, sizeof(half_opens->slots));
}

/* How long nothing has come from the peer, neither data nor an ACK. */
static uint64_t silence_usec(const struct sockrec *record)
{
        return MIN(record->last_ack_recv_msec, record->last_data_recv_msec) * USEC_PER_MSEC;
}

void half_open_count(struct half_open *counts, const struct sockrec *record,
                     uint64_t silent_after_usec)
{
        const bool known = record->have & SOCKREC_INFO;
        const uint64_t silent_usec = silence_usec(record);
        const uint64_t patience_usec = MIN(silent_after_usec, UNANSWERED_AFTER_USEC);
        bool silent = false, unanswered = false;

        if (record->state != SOCK_ESTABLISHED)
                return;
        counts->known = true;
        counts->established++;
        switch ((enum sock_timer)record->timer) {
        case SOCK_TIMER_NONE:
                silent = known && silent_usec >= silent_after_usec;
                break;
        case SOCK_TIMER_KEEPALIVE:
                counts->keepalive++;
                break;
        case SOCK_TIMER_RETRANSMIT:
        case SOCK_TIMER_PROBE:
                counts->busy++;
                unanswered = known && record->retransmits >= UNANSWERED_MIN &&
                             silent_usec >= patience_usec;
                break;
        case SOCK_TIMER_TIME_WAIT:
        case SOCK_TIMER_UNKNOWN:
                counts->busy++;
                break;
        }
        counts->silent += silent;
        counts->unanswered += unanswered;
        if (silent || unanswered)
                counts->oldest_usec = MAX(counts->oldest_usec, silent_usec);
}

/* The slot of the port, or the free one where it belongs. Most slots stay free. */
static uint16_t *find_slot(struct half_opens *half_opens, const struct port_key *port)
{
        uint32_t at = port_key_hash(port) & (SLOTS - 1);

        while (half_opens->slots[at] != 0 &&
               port_key_compare(&half_opens->items[half_opens->slots[at] - 1].row.port, port) != 0)
                at = (at + 1) & (SLOTS - 1);
        return &half_opens->slots[at];
}

/* *ret_counted: NULL where the port's rule is off, or where there is no room, which is counted. */
static int find_port(struct half_opens *half_opens, const struct port_key *port,
                     struct counted **ret_counted)
{
        uint16_t *slot = find_slot(half_opens, port);
        const struct rule *rule;
        struct counted *counted;

        *ret_counted = *slot > 0 ? &half_opens->items[*slot - 1] : NULL;
        if (*ret_counted)
                return 0;
        rule = rules_find(half_opens->request->rules, ALERT_HALF_OPEN, port);
        if (!rule)
                return 0;
        if (half_opens->n == CENSUS_HALF_OPEN_MAX) {
                half_opens->overflow++;
                return 0;
        }
        if (!half_opens->items)
                half_opens->items = calloc(CENSUS_HALF_OPEN_MAX, sizeof(*half_opens->items));
        if (!half_opens->items)
                return -ENOMEM;
        counted = &half_opens->items[half_opens->n++];
        *counted = (struct counted){ .row = { .port = *port }, .rule = rule };
        *slot = (uint16_t)half_opens->n;
        *ret_counted = counted;
        return 0;
}

/* The owner is asked for by the most silent socket that may be half-open and that tells of one. */
static void take_witness(struct counted *counted, const struct sockrec *record)
{
        const uint64_t silent_usec = silence_usec(record);
        struct port_witness *witness = &counted->row.witness;

        if (!(record->have & SOCKREC_OWNER) || (witness->known && record->inode == 0) ||
            (witness->known && witness->inode > 0 && silent_usec <= counted->witness_usec))
                return;
        *witness = (struct port_witness){
                .cgroup_id = record->have & SOCKREC_CGROUP ? record->cgroup_id : 0,
                .uid = record->uid,
                .inode = record->inode,
                .known = true,
        };
        counted->witness_usec = silent_usec;
}

int half_opens_add(struct half_opens *half_opens, const struct sockrec *record)
{
        enum port_side side;
        struct port_key port;
        struct counted *counted;
        uint64_t before;
        int r;

        if (record->state != SOCK_ESTABLISHED)
                return 0;
        side = services_side(half_opens->request->services, record->local_port,
                             record->remote_port);
        port = (struct port_key){
                .netns = record->netns,
                .side = side,
                .port = side == SIDE_LOCAL ? record->local_port : record->remote_port,
        };
        r = find_port(half_opens, &port, &counted);
        if (r < 0 || !counted)
                return r;
        before = half_open_number(&counted->row.half_open);
        half_open_count(&counted->row.half_open, record, counted->rule->silent_after_usec);
        if (half_open_number(&counted->row.half_open) > before)
                take_witness(counted, record);
        return 0;
}

static int compare_ports(const void *a, const void *b)
{
        const struct counted *left = a, *right = b;

        return port_key_compare(&left->row.port, &right->row.port);
}

static bool is_new(int64_t level, uint64_t before, uint64_t now)
{
        return level != RULE_LEVEL_OFF && now >= (uint64_t)level && before < (uint64_t)level;
}

/* Keeps the census, and after how long those levels are looked at again that it did not reach
 * before. */
static void remember(struct half_opens *half_opens, struct census *census)
{
        half_opens->again_usec = UINT64_MAX;
        for (size_t i = 0; i < half_opens->n; i++) {
                const struct counted *counted = &half_opens->items[i];
                const struct rule *rule = counted->rule;
                const struct half_open_row *earlier =
                        census_find_half_open(half_opens->last, &counted->row.port);
                const uint64_t before = earlier ? half_open_number(&earlier->half_open) : 0;
                const uint64_t now = half_open_number(&counted->row.half_open);

                if (rule->raise_after_usec > 0 &&
                    (is_new(rule->warning, before, now) || is_new(rule->critical, before, now)))
                        half_opens->again_usec =
                                MIN(half_opens->again_usec, rule->raise_after_usec);
        }
        census_unref(half_opens->last);
        half_opens->last = census_ref(census);
}

int half_opens_end(struct half_opens *half_opens, struct census *census)
{
        const struct kernlimits *limits = &half_opens->request->host->limits;

        if (half_opens->n > 0) {
                census->half_open = calloc(half_opens->n, sizeof(*census->half_open));
                if (!census->half_open)
                        return -ENOMEM;
                qsort(half_opens->items, half_opens->n, sizeof(*half_opens->items), compare_ports);
        }
        for (size_t i = 0; i < half_opens->n; i++) {
                struct half_open_row *row = &half_opens->items[i].row;

                row->half_open.default_usec = kernlimits_keepalive_usec(limits);
                census->half_open[i] = *row;
        }
        census->n_half_open = half_opens->n;
        census->half_open_overflow = half_opens->overflow;
        if (census->whole)
                remember(half_opens, census);
        return 0;
}
